//! What controllers asked of the API server, as its audit log has it: in their own name, and in that of Apps.

use std::collections::BTreeMap;

use windlass_tests::cluster::{Audit, Cluster, Request, by_verb};

/// How the engine calls itself to API servers.
const ENGINE: &str = "windlass/";

/// Kubernetes' verbs that change nothing.
const READS: [&str; 3] = ["get", "list", "watch"];

/// Who holds what, for a time: they are renewed whether anything happens or not.
const LEASES: &str = "coordination.k8s.io/leases";

/// Follows the log.
pub(super) struct Log(Audit);

/// Requests of controllers.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked(Vec<Request>);

impl Log {
    /// From now on.
    pub(super) fn new(cluster: &Cluster) -> Self {
        Self(cluster.audit().expect("an audit log"))
    }

    /// Since the last call.
    pub(super) fn take(&mut self) -> Asked {
        let all = self.0.requests().expect("an audit log");
        let of_engine = all.into_iter().filter(|request| request.agent.starts_with(ENGINE));
        Asked(of_engine.collect())
    }
}

impl Asked {
    fn only(&self, is_it: impl Fn(&Request) -> bool) -> Self {
        Self(self.0.iter().filter(|request| is_it(request)).cloned().collect())
    }

    /// Writes in the name of Apps that the server accepted.
    pub(super) fn of_apps(&self) -> Self {
        self.only(|request| is_done(request) && request.impersonated.is_some())
    }

    /// Writes in the engine's own name that the server accepted, Leases aside.
    pub(super) fn own(&self) -> Self {
        self.only(|request| is_done(request) && request.impersonated.is_none() && request.resource != LEASES)
    }

    /// Those of a resource and of what is below it.
    pub(super) fn of_kind(&self, resource: &str) -> Self {
        let below = format!("{resource}/");
        self.only(|request| request.resource == resource || request.resource.starts_with(&below))
    }

    pub(super) fn requests(&self) -> &[Request] {
        &self.0
    }

    /// Writes that the server refused.
    pub(super) fn refused(&self) -> usize {
        self.only(|request| is_write(request) && request.status >= 400).total()
    }

    /// Writes of Leases, refused ones included.
    pub(super) fn leases(&self) -> usize {
        self.only(|request| is_write(request) && request.resource == LEASES)
            .total()
    }

    pub(super) fn verb(&self, verb: &str) -> usize {
        self.only(|request| request.verb == verb && !request.resource.is_empty())
            .total()
    }

    pub(super) fn total(&self) -> usize {
        self.0.len()
    }

    /// `12 patch apps/deployments, 3 watch pods`.
    pub(super) fn in_words(&self) -> String {
        let counts: BTreeMap<String, usize> = by_verb(&self.0);
        let words: Vec<String> = counts.iter().map(|(what, times)| format!("{times} {what}")).collect();
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(", ")
        }
    }
}

fn is_write(request: &Request) -> bool {
    !request.resource.is_empty() && !READS.contains(&request.verb.as_str())
}

fn is_done(request: &Request) -> bool {
    is_write(request) && request.status < 400
}
