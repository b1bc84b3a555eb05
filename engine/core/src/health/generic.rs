//! What a kind says of itself by the conditions that kinds agree on.

use serde_json::Value;

use super::{
    State, Verdict,
    conditions::{Condition, demand, deny},
    has_status,
};

/// Conditions that say how a whole object does, the first that is there decides.
const GOOD: [&str; 4] = ["Ready", "Healthy", "Available", "Succeeded"];

/// Groups of the API server's own kinds: what has no rule and no condition there is data, and healthy when it is there.
fn is_built_in(group: &str) -> bool {
    group.is_empty()
        || !group.contains('.')
        || matches!(
            group,
            "admissionregistration.k8s.io"
                | "apiextensions.k8s.io"
                | "apiregistration.k8s.io"
                | "authentication.k8s.io"
                | "authorization.k8s.io"
                | "certificates.k8s.io"
                | "coordination.k8s.io"
                | "discovery.k8s.io"
                | "events.k8s.io"
                | "flowcontrol.apiserver.k8s.io"
                | "internal.apiserver.k8s.io"
                | "networking.k8s.io"
                | "node.k8s.io"
                | "rbac.authorization.k8s.io"
                | "resource.k8s.io"
                | "scheduling.k8s.io"
                | "storage.k8s.io"
                | "storagemigration.k8s.io"
        )
}

/// By `Stalled` and `Reconciling` (kstatus's own), then by what is `Failed`, then by what is `Ready` or its like.
pub(super) fn assess(group: &str, object: &Value) -> Verdict {
    if let Some(bad) = deny(object, "Stalled").or_else(|| deny(object, "Failed")) {
        return bad;
    }
    if let Some(condition) = Condition::met(object, "Reconciling") {
        return Verdict::progressing(condition.reason(), condition.told("it is Reconciling"));
    }
    if let Some(good) = GOOD.into_iter().find(|kind| Condition::of(object, kind).is_some()) {
        return demand(object, good);
    }
    if is_built_in(group) || has_status(object) {
        Verdict::healthy("it is there")
    } else {
        Verdict::new(State::Unknown, "NoStatus", "it says nothing of itself")
    }
}
