//! Whether a living object does what it is for: kstatus's rules, and what its users found missing in them.
//!
//! Pure and of one object, without a clock: deadlines are the caller's. The rules are those of
//! [kstatus](https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md) (`sigs.k8s.io/cli-utils`), with
//! these differences, each because of what people who deploy by it have reported:
//! - A pod that can't be scheduled is on its way, not failed after 15 seconds: a cluster that scales takes minutes to add a node.
//! - A Job is healthy once it is complete, not once it has started: what waits for a migration waits for its end.
//! - A `Service` of type `LoadBalancer` has an address outside, not only one inside.
//! - A kind of somebody's own without any status says nothing of itself: [`State::Unknown`], not healthy.
//! - A paused Deployment and a suspended Job or CronJob are [`State::Suspended`] when there is something that they don't do.
//!
//! An `Ingress` is healthy when it is there: many controllers never write an address into its status.

mod autoscaling;
mod batch;
mod checks;
mod conditions;
mod core;
mod extensions;
mod generic;
mod progress;
mod workloads;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{ObjectId, group_version};

pub use checks::{Check, Test, assess_by};
pub use progress::Progress;

/// Where an object stands. The words are those of the plugin contract (`windlass:plugin/health.state`), and one that needs no
/// plugin. Ordered by what a person wants to hear of first, last to first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It does what it is for. kstatus: `Current`.
    Healthy,
    /// It says nothing of itself. kstatus: `Current`, when it has no status.
    Unknown,
    /// It is told not to go on.
    Suspended,
    /// It is on its way. kstatus: `InProgress`.
    Progressing,
    /// It is being deleted. kstatus: `Terminating`.
    Terminating,
    /// Waiting alone won't make it healthy. kstatus: `Failed`.
    Degraded,
}

/// What is said of one object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Verdict {
    /// Where it stands.
    pub state: State,
    /// Why, as one word in camel case, for programs: `LessReplicas`, or what a condition of the object gives as its reason.
    pub reason: String,
    /// Why, for people, without the object's name. May hold what controllers wrote.
    pub message: String,
}

/// An object and where it stands. As JSON: `{"object": {group, kind, namespace, name}, "state", "reason", "message"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assessed {
    /// Which.
    pub object: ObjectId,
    /// Where.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Verdict {
    /// That state, for that reason.
    #[must_use]
    pub fn new(state: State, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            state,
            reason: reason.into(),
            message: message.into(),
        }
    }

    fn healthy(message: impl Into<String>) -> Self {
        Self::new(State::Healthy, "", message)
    }

    fn progressing(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(State::Progressing, reason, message)
    }

    fn degraded(reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(State::Degraded, reason, message)
    }

    fn suspended(message: impl Into<String>) -> Self {
        Self::new(State::Suspended, "Suspended", message)
    }

    /// Its controller has written no status yet.
    fn unseen() -> Self {
        Self::progressing("NoStatus", "its controller has not seen it yet")
    }
}

/// Tells where an object stands, by what is written in it.
#[must_use]
pub fn assess(object: &Value) -> Verdict {
    if let Some(verdict) = whatever_it_is(object) {
        return verdict;
    }
    let (group, _) = group_version(text(object, "/apiVersion"));
    let kind = text(object, "/kind");
    let of_its_kind = match group {
        "" => core::assess(kind, object),
        "apps" => workloads::assess(kind, object),
        "batch" => batch::assess(kind, object),
        "autoscaling" | "policy" => autoscaling::assess(kind, object),
        "apiextensions.k8s.io" | "apiregistration.k8s.io" | "certificates.k8s.io" | "flowcontrol.apiserver.k8s.io" => {
            extensions::assess(kind, object)
        }
        _ => None,
    };
    of_its_kind.unwrap_or_else(|| generic::assess(group, object))
}

/// What is told of an object whatever its kind and whoever tells the rest: it is being deleted, or not seen yet as it is now.
fn whatever_it_is(object: &Value) -> Option<Verdict> {
    if !object["metadata"]["deletionTimestamp"].is_null() {
        return Some(Verdict::new(State::Terminating, "Terminating", "it is being deleted"));
    }
    not_observed(object)
}

/// Controllers say which generation their status is about; until that is the object's, it is about another one.
fn not_observed(object: &Value) -> Option<Verdict> {
    let generation = number(object, "/metadata/generation")?;
    let observed = number(object, "/status/observedGeneration")?;
    (observed < generation).then(|| {
        Verdict::progressing(
            "LatestGenerationNotObserved",
            "its controller has not seen the last change yet",
        )
    })
}

fn has_status(object: &Value) -> bool {
    object
        .get("status")
        .and_then(Value::as_object)
        .is_some_and(|status| !status.is_empty())
}

/// Of pods and the like, in the status; what isn't written is none.
fn count(object: &Value, field: &str) -> i64 {
    object["status"][field].as_i64().unwrap_or(0)
}

fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer)?.as_i64()
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn is_true(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests;
