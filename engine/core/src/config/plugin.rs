//! `Plugin`: which components may run, and what they get.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Mistake, optional_duration};
use crate::{digest::Digest, plugin::Grant, reach::Reach};

/// `Plugin.spec`: admitted versions of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginSpec {
    /// At least one.
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LimitsSpec {
    /// Wall time of a call: `5s`, `2m`. Default: 30 s.
    #[serde(default, with = "optional_duration", skip_serializing_if = "Option::is_none")]
    pub time: Option<Duration>,
}

/// One admitted component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginVersion {
    /// As in its manifest.
    pub version: String,
    /// The component, relative to the configuration file.
    pub file: String,
    /// Of the file; another content is refused.
    pub digest: Digest,
}

/// Checks what its types don't.
pub(super) fn check(spec: &PluginSpec) -> Result<(), Mistake> {
    if spec.versions.is_empty() {
        return Err(("/spec/versions".to_owned(), "spec.versions is empty".to_owned()));
    }
    Ok(())
}
