//! `Plugin`: which components may run, and what they get.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mistake, optional_duration, schema::Interval};
use crate::{digest::Digest, plugin::Grant, reach::Reach};

/// `Plugin.spec`: admitted versions of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginSpec {
    /// Versions that may be used, at least one: a Repository or an App picks among them.
    #[schemars(length(min = 1))]
    pub versions: Vec<PluginVersion>,
    /// Interfaces the operator grants, of those that the manifest asks for.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// With the grant `http`: where its requests may go, beside public addresses over https.
    #[serde(default)]
    pub http: Reach,
    /// Budgets of a call that differ from the engine's own.
    #[serde(default)]
    pub limits: LimitsSpec,
}

/// `Plugin.spec.limits`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitsSpec {
    /// Wall time of a call: `5s`, `2m`. Default: 30 s.
    #[serde(default, with = "optional_duration", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Interval>")]
    pub time: Option<Duration>,
}

/// One admitted component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginVersion {
    /// The version, as in the plugin's manifest.
    pub version: String,
    /// The component, relative to the configuration file.
    pub file: String,
    /// SHA-256 digest of the file; another content is refused.
    pub digest: Digest,
}

/// Checks what its types don't.
pub(super) fn check(spec: &PluginSpec) -> Result<(), Mistake> {
    if spec.versions.is_empty() {
        return Err(("/spec/versions".to_owned(), "spec.versions is empty".to_owned()));
    }
    Ok(())
}
