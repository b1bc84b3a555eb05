//! What the user writes: `Repository`, `App`, `Cluster` and `Plugin` documents of `windlass.dev/v1alpha1`.
//!
//! The same documents are a file for the CLI and objects in a cluster.

mod repository;
mod app;
mod cluster;
mod depends;
mod document;
mod load;
mod notify;
mod plugin;
mod secret;
mod sync;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize as _;

pub use app::{
    AppSpec, ConflictsSpec, DeletionPolicy, DriftMode, DriftScope, DriftSpec, HealthSpec, IN_CLUSTER, PluginChoice,
    PruneMode, PruneSpec, RenderStep, RestartMode, RestartSpec, TargetSpec,
};
pub use cluster::{AllowSpec, ClusterSpec, KubeconfigSpec, LockMode, LockSpec, Permission, Unnamed};
pub use depends::{DependsOn, Needed};
pub use document::{Document, DocumentError, Home, Spec, read};
pub use load::{ConfigError, load};
pub use notify::{AppNotifySpec, Apps, MOST_BINDINGS, NotifySpec};
pub use plugin::{LimitsSpec, PluginSpec, PluginVersion};
pub use repository::{
    AuthSpec, DEFAULT_VALIDATOR, ForcedPushMode, GitSpec, ProxySpec, RefSpec, RepositorySpec, ServingSpec,
    ValidatorSpec, parse_size,
};
pub use secret::SecretRef;
pub use sync::{
    HistorySpec, MAX_HISTORY, RollbackMode, RollbackSpec, SuspendSpec, SyncMode, SyncSpec, WindowKind, WindowSpec,
};

/// The API version of every document.
pub const API_VERSION: &str = "windlass.dev/v1alpha1";

/// All documents of a configuration, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config {
    /// Sources.
    pub repositories: BTreeMap<String, RepositorySpec>,
    /// Apps.
    pub apps: BTreeMap<String, App>,
    /// Where Apps go to, beside folders.
    pub clusters: BTreeMap<String, ClusterSpec>,
    /// Admitted plugins, beside those that come with the engine.
    pub plugins: BTreeMap<String, PluginSpec>,
}

/// An app with its own namespace ("default" unless said).
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Namespace of the App document, not of its objects.
    pub namespace: String,
    /// Unique in the configuration.
    pub name: String,
    /// What it wants.
    pub spec: AppSpec,
}

/// What contradicts itself: where (a JSON pointer) and a sentence.
type Mistake = (String, String);

/// What may be the name of a document or of an object in a cluster: a DNS subdomain, roughly.
fn is_name(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    !text.is_empty() && text.len() <= 253 && text.bytes().all(is_plain)
}

mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}s", value.as_secs()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no interval: write a whole number and a unit, such as `30s`, `5m` or `1h`, from 1s to 24h"
            ))
        })
    }

    /// Reads a span of time as people write it in a configuration; `None` when it is none, or not from 1s to 24h.
    #[must_use]
    pub fn parse(text: &str) -> Option<Duration> {
        parse_up_to(text, 86_400)
    }

    /// The same, from 1s to so many seconds.
    pub(crate) fn parse_up_to(text: &str, most: u64) -> Option<Duration> {
        let unit = text.chars().last()?;
        let number: u64 = text[..text.len() - unit.len_utf8()].parse().ok()?;
        let seconds = match unit {
            's' => number,
            'm' => number.checked_mul(60)?,
            'h' => number.checked_mul(3600)?,
            _ => return None,
        };
        (1..=most).contains(&seconds).then(|| Duration::from_secs(seconds))
    }
}

pub use duration::parse as duration_of;

/// Reads a mode whose default is `Off`: without quotes, YAML has that word for a boolean.
fn mode_or_off<'de, T: serde::de::DeserializeOwned + Default, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Bool(false) => Ok(T::default()),
        value => T::deserialize(value).map_err(serde::de::Error::custom),
    }
}

mod optional_duration {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        super::duration::serialize(&value.unwrap_or_default(), serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        super::duration::deserialize(deserializer).map(Some)
    }
}
