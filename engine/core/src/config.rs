//! What the user writes: `Repository`, `App`, `Cluster`, `Plugin` and `Tenant` documents of `windlass.dev/v1alpha1`.
//!
//! The same documents are a file for the CLI and objects in a cluster.

pub(crate) mod repository;
pub(crate) mod app;
pub(crate) mod cluster;
pub(crate) mod depends;
mod document;
mod load;
mod naming;
pub(crate) mod notify;
pub(crate) mod plugin;
pub(crate) mod schema;
pub(crate) mod secret;
pub(crate) mod tenant;
pub(crate) mod sync;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize as _;

pub use app::{
    AppSpec, ConflictsSpec, DeletionPolicy, DriftMode, DriftScope, DriftSpec, ForeignMode, HealthSpec, IN_CLUSTER,
    PluginChoice, PruneMode, PruneSpec, RenderStep, RestartMode, RestartSpec, TargetSpec,
};
pub use cluster::{AllowSpec, ClusterSpec, KubeconfigSpec, LockMode, LockSpec, Permission, Unnamed};
pub use depends::{DependsOn, Needed};
pub use document::{Document, DocumentError, Home, Spec, read};
pub use load::{ConfigError, Flaw, load, locate};
pub use naming::{full_name, id_of, parts_of, referred};
pub use notify::{AppNotifySpec, Apps, MOST_BINDINGS, NotifySpec};
pub use plugin::{LimitsSpec, PluginSpec, PluginVersion, RegistrySpec, Rollout};
pub use repository::{
    AuthSpec, DEFAULT_VALIDATOR, ForcedPushMode, GitSpec, ProxySpec, RefSpec, RepositorySpec, ServingSpec,
    ValidatorSpec, VerifyMode, VerifySpec, parse_size,
};
pub use secret::SecretRef;
pub use sync::{
    HistorySpec, MAX_HISTORY, RollbackMode, RollbackSpec, SuspendSpec, SyncMode, SyncSpec, WindowKind, WindowSpec,
};
pub use tenant::{
    BadPattern, KindsSpec, NamespacesSpec, Pattern, RequiredSpec, TenantSpec, TenantTarget, checked_by,
    permit_references,
};

/// The API version of every document.
pub const API_VERSION: &str = "windlass.dev/v1alpha1";

/// The namespace of documents that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// All documents of a configuration, by name; those of a namespace by [`id_of`].
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
    /// What the Apps of some namespaces may do.
    pub tenants: BTreeMap<String, TenantSpec>,
    /// Labels of namespaces, where there are Namespace objects.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// Apps that are to be let go, where each is told by itself; `None` = those that were deployed and aren't here.
    pub leaving: Option<BTreeSet<String>>,
    /// What other replicas of the engine keep.
    pub aside: Aside,
}

/// What stands in a configuration, and is kept by other replicas of the engine: known, but not acted on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Aside {
    /// Apps.
    pub apps: BTreeMap<String, App>,
    /// Repositories that none of the Apps here is of.
    pub repositories: BTreeSet<String>,
}

impl Config {
    /// Leaves to other replicas what isn't of the namespaces that are kept here.
    pub fn set_aside(&mut self, is_kept: impl Fn(&str) -> bool) {
        let (kept, others) = std::mem::take(&mut self.apps)
            .into_iter()
            .partition(|(_, app)| is_kept(&app.namespace));
        self.apps = kept;
        self.aside.apps = others;
        let used: BTreeSet<&str> = self.apps.values().map(App::repository).collect();
        let repositories = self.repositories.keys();
        let others = repositories.filter(|name| !is_kept(parts_of(name).0) && !used.contains(name.as_str()));
        self.aside.repositories = others.cloned().collect();
        if let Some(leaving) = &mut self.leaving {
            leaving.retain(|app| is_kept(parts_of(app).0));
        }
    }

    /// An App, whoever keeps it.
    #[must_use]
    pub fn any_app(&self, id: &str) -> Option<&App> {
        self.apps.get(id).or_else(|| self.aside.apps.get(id))
    }
}

/// An app with its own namespace ("default" unless said).
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Namespace of the App document, not of its objects.
    pub namespace: String,
    /// Unique in its namespace.
    pub name: String,
    /// What it wants.
    pub spec: AppSpec,
    id: String,
    repository: String,
}

impl App {
    /// An App of a namespace.
    #[must_use]
    pub fn new(namespace: String, name: String, spec: AppSpec) -> Self {
        Self {
            id: id_of(&namespace, &name),
            repository: referred(&spec.repository, &namespace),
            namespace,
            name,
            spec,
        }
    }

    /// Unique in the configuration: [`id_of`].
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its [`full_name`].
    #[must_use]
    pub fn full_name(&self) -> String {
        full_name(&self.namespace, &self.name)
    }

    /// [`id_of`] its Repository.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// [`id_of`] each App that it depends on, in their order.
    pub fn needed_apps(&self) -> impl Iterator<Item = String> {
        let named = self.spec.depends_on.iter().filter_map(|one| one.app.as_deref());
        named.map(|name| referred(name, &self.namespace))
    }
}

/// What contradicts itself: where (a JSON pointer) and a sentence.
type Mistake = (String, String);

/// What a name is made of, for people.
pub(crate) const NAME_WORDS: &str = "use lower-case letters, digits, `-` and `.`";

/// What may be the name of a document or of an object in a cluster: a DNS subdomain, roughly.
fn is_name(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    !text.is_empty() && text.len() <= 253 && text.bytes().all(is_plain)
}

mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    /// What it is made of, for people.
    pub(super) const WORDS: &str = "write a whole number and a unit, such as `30s`, `5m` or `1h`, from 1s to 24h";

    /// Digits of the number: enough for the longest in seconds.
    const DIGITS: usize = 6;

    /// In the largest unit that says it exactly.
    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        let seconds = value.as_secs();
        let (number, unit) = match seconds {
            s if s.is_multiple_of(3600) => (s / 3600, 'h'),
            s if s.is_multiple_of(60) => (s / 60, 'm'),
            s => (s, 's'),
        };
        serializer.collect_str(&format_args!("{number}{unit}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` is no interval: {WORDS}")))
    }

    /// Reads a span of time as people write it in a configuration; `None` when it is none, or not from 1s to 24h.
    #[must_use]
    pub fn parse(text: &str) -> Option<Duration> {
        parse_up_to(text, 86_400)
    }

    /// The same, from 1s to so many seconds.
    pub(crate) fn parse_up_to(text: &str, most: u64) -> Option<Duration> {
        let unit = text.chars().last()?;
        let number = &text[..text.len() - unit.len_utf8()];
        if number.len() > DIGITS || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number: u64 = number.parse().ok()?;
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

/// Reads a mode that may be `Off`: without quotes, YAML has that word for a boolean.
fn mode_or_off<'de, T: serde::de::DeserializeOwned, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let value = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::Bool(false) => "Off".into(),
        value => value,
    };
    T::deserialize(value).map_err(serde::de::Error::custom)
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
