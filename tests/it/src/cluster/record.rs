//! What `control-plane` tells of a running cluster.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde::Deserialize;

/// What `control-plane` tells of a cluster (`tests/cluster/control-plane/record.go`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    pub(super) version: String,
    pub(super) server: String,
    pub(super) folder: PathBuf,
    pub(super) kubeconfig: PathBuf,
    pub(super) authority: PathBuf,
    pub(super) serving_certificate: PathBuf,
    pub(super) serving_key: PathBuf,
    pub(super) audit: PathBuf,
    pub(super) tokens: BTreeMap<String, String>,
    pub(super) processes: Vec<Process>,
}

/// A process of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Process {
    /// Of its program.
    pub name: String,
    /// By which it can be signalled, paused and measured.
    #[serde(rename = "pid")]
    pub id: u32,
    /// In ticks since the machine's start: tells it from a later one of the same id.
    pub started: u64,
}

impl Process {
    /// Whether it has not ended. One that has ended and waits for its parent to notice has ended.
    pub fn runs(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id)).unwrap_or_default();
        // Fields 3 and 22 of proc(5): the second, a name in parentheses, may hold anything.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let state = fields.first().copied().unwrap_or("X");
        fields.get(19) == Some(&self.started.to_string().as_str()) && !matches!(state, "Z" | "X")
    }
}
