//! What a plugin says of itself: the custom section `windlass:manifest`.
//!
//! It is written by `windlass-build` from the plugin's `plugin.yaml` and read without running the plugin.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Name of the custom section of a component that holds its [`Manifest`] as JSON.
pub const MANIFEST_SECTION: &str = "windlass:manifest";

/// Version of the plugin contract (package `windlass:plugin`) that this build serves.
pub const CONTRACT: &str = "0.1.0";

/// Contents of the custom section, JSON in UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Kebab-case, unique among the plugins of an installation.
    pub name: String,
    /// Semantic version of the plugin; for a wrapped tool, the tool's.
    pub version: String,
    /// Version of `windlass:plugin` that the plugin was built against.
    pub contract: String,
    /// Which export it has.
    pub world: World,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// By what names in a folder the plugin recognises its own; empty for plugins that must be named.
    #[serde(default)]
    pub markers: Vec<Marker>,
    /// Of a validator: what its findings about an object depend on.
    #[serde(default, skip_serializing_if = "Scope::is_set")]
    pub scope: Scope,
    /// Of a health checker: what it is asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<CheckedKind>,
    /// Interfaces it asks for that need the operator's consent.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// JSON Schema (2020-12) of its config; `null` = takes none.
    #[serde(default)]
    pub config: serde_json::Value,
}

/// A kind of objects that a health checker assesses, in every version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedKind {
    /// "" for the core group.
    pub group: String,
    /// E.g. `Certificate`.
    pub kind: String,
}

/// A file name by which a folder is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// A name or a glob (`*.jsonnet`), matched against the entries of the folder itself.
    pub file: String,
    /// The lowest rank that matches wins: 10 for a file that only one tool writes, 90 for "any YAML".
    pub rank: u32,
}

/// The worlds of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// Files in, documents out.
    Renderer,
    /// Objects in, findings out.
    Validator,
    /// An event in, a message out.
    Notifier,
    /// Objects in, verdicts out.
    HealthChecker,
}

impl World {
    /// The name in WIT.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Renderer => "renderer",
            Self::Validator => "validator",
            Self::Notifier => "notifier",
            Self::HealthChecker => "health-checker",
        }
    }
}

/// What a validator's findings about an object depend on, beside config and Kubernetes version: how far they can be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// On the object itself and on the custom resource definitions rendered with it: findings are kept per object.
    Object,
    /// On any object of the render: findings are kept as long as all of them stay the same.
    #[default]
    Set,
}

impl Scope {
    /// The name in `plugin.yaml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Set => "set",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    const fn is_set(&self) -> bool {
        matches!(self, Self::Set)
    }
}

/// Interfaces that a plugin gets only if its manifest asks and the operator grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grant {
    /// Content beyond the app's own sources.
    Sources,
    /// Calling another renderer.
    Compose,
    /// Reading the target cluster as the App.
    Cluster,
    /// Outgoing requests (notifiers).
    Http,
}

impl Grant {
    /// The interface's name in WIT.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sources => "sources",
            Self::Compose => "compose",
            Self::Cluster => "cluster",
            Self::Http => "http",
        }
    }

    /// All of them, in the order of the contract.
    pub const ALL: [Self; 4] = [Self::Sources, Self::Compose, Self::Cluster, Self::Http];
}
