//! What the engine, or a peer, asked of the API server, as the server's audit log has it.

use std::collections::BTreeMap;

use windlass_tests::cluster::{Audit, Cluster};

/// How the engine calls itself to API servers.
const ENGINE: &[&str] = &["windlass/"];

/// Kubernetes' verbs that change something.
const WRITES: [&str; 6] = ["create", "update", "patch", "delete", "deletecollection", "apply"];

/// A write that changed nothing: an apply that met a conflict, which the server tells by refusing it.
const REFUSED: &str = "refused";

/// Follows the log.
pub(super) struct Traffic {
    log: Audit,
    agents: &'static [&'static str],
}

/// Requests by verb; `discovery` is what asks for no resource.
#[derive(Debug, Default)]
pub(super) struct Requests(BTreeMap<String, usize>);

impl Traffic {
    /// Of the engine, from now on.
    pub(super) fn new(cluster: &Cluster) -> Self {
        Self::of(cluster, ENGINE)
    }

    /// Of those whose own names begin so, from now on.
    pub(super) fn of(cluster: &Cluster, agents: &'static [&'static str]) -> Self {
        Self {
            log: cluster.audit().expect("an audit log"),
            agents,
        }
    }

    /// Since the last call.
    pub(super) fn take(&mut self) -> Requests {
        let mut requests = Requests::default();
        for request in self.log.requests().expect("an audit log") {
            if !self.agents.iter().any(|agent| request.agent.starts_with(agent)) {
                continue;
            }
            let verb = if request.resource.is_empty() {
                "discovery"
            } else if request.status >= 400 && WRITES.contains(&request.verb.as_str()) {
                REFUSED
            } else {
                &request.verb
            };
            *requests.0.entry(verb.to_owned()).or_default() += 1;
        }
        requests
    }
}

impl Requests {
    pub(super) fn of(&self, verb: &str) -> usize {
        self.0.get(verb).copied().unwrap_or_default()
    }

    /// Those that the server accepted.
    pub(super) fn writes(&self) -> usize {
        WRITES.iter().map(|verb| self.of(verb)).sum()
    }

    pub(super) fn refused(&self) -> usize {
        self.of(REFUSED)
    }

    pub(super) fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// In words: `12 get, 3 patch`.
    pub(super) fn by_verb(&self) -> String {
        let verbs: Vec<String> = self.0.iter().map(|(verb, number)| format!("{number} {verb}")).collect();
        verbs.join(", ")
    }
}
