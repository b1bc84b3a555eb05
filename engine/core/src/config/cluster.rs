//! `Cluster.spec`: where an API server is, and who acts there.

use serde::{Deserialize, Serialize};

/// `Cluster.spec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterSpec {
    /// How to reach it.
    pub kubeconfig: KubeconfigSpec,
    /// What becomes of Apps that name no service account.
    #[serde(default)]
    pub without_service_account: Unnamed,
}

/// `Cluster.spec.kubeconfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubeconfigSpec {
    /// A kubeconfig of the operator's, relative to the configuration file: it may run programs. Absent = what `kubectl` takes.
    #[serde(default)]
    pub file: Option<String>,
    /// Instead of the file's current context.
    #[serde(default)]
    pub context: Option<String>,
}

/// What becomes of Apps that name no service account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unnamed {
    /// They are refused: never does a tenant act as the engine.
    #[default]
    Refuse,
    /// They act with the rights of the kubeconfig: for a person at a command line.
    ActAsOwn,
}
