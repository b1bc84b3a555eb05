//! `Plugin`: which components may run, where they come from, and what they get.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Home, Mistake, SecretRef, optional_duration,
    schema::Interval,
    secret::{Bound, only_in_clusters},
};
use crate::{digest::Digest, oci::Reference, plugin::Grant, reach::Reach};

/// `Plugin.spec`: admitted versions of one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginSpec {
    /// Versions that may be used, at least one: a Repository or an App picks among them.
    #[schemars(length(min = 1))]
    pub versions: Vec<PluginVersion>,
    /// How the registries of versions with `oci` are talked to.
    #[serde(default, skip_serializing_if = "RegistrySpec::is_default")]
    pub registry: RegistrySpec,
    /// What happens when another version than before would render an App.
    #[serde(default, skip_serializing_if = "Rollout::is_auto")]
    pub rollout: Rollout,
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
    /// The component, relative to the configuration file. This or `oci`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The component in a registry: `REGISTRY/REPOSITORY`, with `:TAG` or `@sha256:…` of the artifact's manifest where one is to be
    /// looked at. Whatever that says, only the component with `digest` is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub oci: Option<Reference>,
    /// SHA-256 digest of the component itself, the `.wasm` file; another content is refused.
    pub digest: Digest,
}

/// `Plugin.spec.registry`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistrySpec {
    /// File with credentials by registry, as `docker login` writes it (`config.json`); relative to the configuration file. Without
    /// it, nobody is logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_file: Option<String>,
    /// Of an object in a cluster, instead: a Secret of type `kubernetes.io/dockerconfigjson` in the engine's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<SecretRef>,
    /// File with the CA certificates (PEM) to trust instead of the system's; relative to the configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<String>,
    /// Talk to registries without TLS. Those of this machine (loopback) are without, unless `caFile` is
    /// given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

impl RegistrySpec {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What happens when another version than before would render an App.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Rollout {
    /// It does, as soon as it is fetched and compiled.
    #[default]
    Auto,
    /// It renders beside the one before over every App that uses it. When all outputs are equal it takes over by itself, else it
    /// waits for `windlass plugin approve`.
    Preview,
}

impl Rollout {
    const fn is_auto(&self) -> bool {
        matches!(self, Self::Auto)
    }
}

/// Of a version's place, for people.
pub(crate) const ONE_PLACE: &str = "give one of `file` and `oci`";

/// Of a digest or version that stands twice, for people.
pub(crate) const VERSION_TWICE: &str = "stands there twice";

/// Of credentials, for people.
pub(crate) const ONE_LOGIN: &str = "give one of `authFile` and `pullSecret`";

/// Checks what its types don't.
pub(super) fn check(spec: &PluginSpec, home: Home) -> Result<(), Mistake> {
    if spec.versions.is_empty() {
        return Err(("/spec/versions".to_owned(), "spec.versions is empty".to_owned()));
    }
    for (index, version) in spec.versions.iter().enumerate() {
        let at = format!("/spec/versions/{index}");
        if version.file.is_some() == version.oci.is_some() {
            return Err((at, format!("spec.versions[{index}]: {ONE_PLACE}")));
        }
        if spec.versions[..index]
            .iter()
            .any(|other| other.version == version.version)
        {
            let message = format!("spec.versions[{index}]: `{}` {VERSION_TWICE}", version.version);
            return Err((format!("{at}/version"), message));
        }
    }
    if spec.registry.auth_file.is_some() && spec.registry.pull_secret.is_some() {
        return Err(("/spec/registry".to_owned(), format!("spec.registry: {ONE_LOGIN}")));
    }
    only_in_clusters(
        home,
        &[Bound {
            pointer: "/spec/registry/pullSecret",
            given: spec.registry.pull_secret.is_some(),
            instead: "write `authFile`",
        }],
    )
}
