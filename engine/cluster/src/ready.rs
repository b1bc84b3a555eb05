//! Whether a living object is ready: just enough of kstatus for the edges of the DAG.
//!
//! Pure and of one object: it is asked of every answer and every watch event, and waits for nothing. Deadlines are the
//! caller's. What a kind's own rules don't decide, its conditions do; a kind that tells nothing of itself is ready when it is
//! there.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::resource::split;

/// Whether an object is ready.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Readiness {
    /// It does what it is for.
    Ready,
    /// It is on its way; says what is missing.
    Pending(String),
    /// It won't become ready by waiting.
    Failed(String),
    /// It is being deleted.
    Terminating,
}

impl Readiness {
    /// Whether what depends on it may go on.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

/// Tells it.
#[must_use]
pub fn of(object: &Value) -> Readiness {
    if object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|time| !time.is_null())
    {
        return Readiness::Terminating;
    }
    if let Some(behind) = not_observed(object) {
        return Readiness::Pending(behind);
    }
    let (group, _) = split(object.get("apiVersion").and_then(Value::as_str).unwrap_or_default());
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    match (group, kind) {
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        ("apiregistration.k8s.io", "APIService") => demands(object, "Available"),
        ("apps", "Deployment") => deployment(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "ReplicaSet") => replicas(object, "availableReplicas"),
        ("batch", "Job") => job(object),
        ("", "Namespace") => namespace(object),
        ("", "Pod") => pod(object),
        // Bound only once a pod uses them where binding waits for the first consumer: waiting would be a deadlock.
        ("", "PersistentVolumeClaim") => Readiness::Ready,
        _ => generic(object),
    }
}

/// Controllers say which generation their status is about; until that is the object's, it is about another one.
fn not_observed(object: &Value) -> Option<String> {
    let generation = number(object, "/metadata/generation")?;
    let observed = number(object, "/status/observedGeneration")?;
    (observed < generation).then(|| "its controller has not seen the last change yet".to_owned())
}

fn definition(object: &Value) -> Readiness {
    if let Some((status, why)) = condition(object, "NamesAccepted")
        && status == "False"
    {
        return Readiness::Failed(format!("its names are not accepted{why}"));
    }
    demands(object, "Established")
}

/// Ready exactly when a condition is true.
fn demands(object: &Value, condition_type: &str) -> Readiness {
    match condition(object, condition_type) {
        Some(("True", _)) => Readiness::Ready,
        Some((_, why)) => Readiness::Pending(format!("it is not {condition_type} yet{why}")),
        None => Readiness::Pending(format!("it is not {condition_type} yet")),
    }
}

fn deployment(object: &Value) -> Readiness {
    if object.get("status").is_none_or(Value::is_null) {
        return unseen();
    }
    if let Some((status, why)) = condition(object, "Progressing")
        && status == "False"
        && why.contains("ProgressDeadlineExceeded")
    {
        return Readiness::Failed(format!("its rollout made no progress within its deadline{why}"));
    }
    let wanted = number(object, "/spec/replicas").unwrap_or(1);
    let count = |field| number(object, &format!("/status/{field}")).unwrap_or(0);
    if count("updatedReplicas") < wanted {
        return lacks(count("updatedReplicas"), wanted, "updated");
    }
    if count("replicas") > count("updatedReplicas") {
        return Readiness::Pending("pods of the version before are still there".to_owned());
    }
    if count("availableReplicas") < wanted {
        return lacks(count("availableReplicas"), wanted, "available");
    }
    Readiness::Ready
}

fn stateful_set(object: &Value) -> Readiness {
    if object.get("status").is_none_or(Value::is_null) {
        return unseen();
    }
    let wanted = number(object, "/spec/replicas").unwrap_or(1);
    let count = |field| number(object, &format!("/status/{field}")).unwrap_or(0);
    if count("readyReplicas") < wanted {
        return lacks(count("readyReplicas"), wanted, "ready");
    }
    let strategy = text(object, "/spec/updateStrategy/type");
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let to_update = (wanted - partition).max(0);
    if strategy != "OnDelete" && count("updatedReplicas") < to_update {
        return lacks(count("updatedReplicas"), to_update, "updated");
    }
    Readiness::Ready
}

fn daemon_set(object: &Value) -> Readiness {
    if object.get("status").is_none_or(Value::is_null) || number(object, "/status/observedGeneration").is_none() {
        return unseen();
    }
    let count = |field| number(object, &format!("/status/{field}")).unwrap_or(0);
    let wanted = count("desiredNumberScheduled");
    if text(object, "/spec/updateStrategy/type") != "OnDelete" && count("updatedNumberScheduled") < wanted {
        return lacks(count("updatedNumberScheduled"), wanted, "updated");
    }
    if count("numberAvailable") < wanted {
        return lacks(count("numberAvailable"), wanted, "available");
    }
    Readiness::Ready
}

fn replicas(object: &Value, field: &str) -> Readiness {
    if object.get("status").is_none_or(Value::is_null) {
        return unseen();
    }
    let wanted = number(object, "/spec/replicas").unwrap_or(1);
    let there = number(object, &format!("/status/{field}")).unwrap_or(0);
    if there < wanted {
        lacks(there, wanted, "available")
    } else {
        Readiness::Ready
    }
}

fn job(object: &Value) -> Readiness {
    for failed in ["Failed", "FailureTarget"] {
        if let Some((status, why)) = condition(object, failed)
            && status == "True"
        {
            return Readiness::Failed(format!("the job failed{why}"));
        }
    }
    if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        return Readiness::Pending("the job is suspended".to_owned());
    }
    match condition(object, "Complete") {
        Some(("True", _)) => Readiness::Ready,
        _ => Readiness::Pending("the job is not complete yet".to_owned()),
    }
}

fn namespace(object: &Value) -> Readiness {
    match text(object, "/status/phase") {
        "Active" => Readiness::Ready,
        "Terminating" => Readiness::Terminating,
        _ => unseen(),
    }
}

fn pod(object: &Value) -> Readiness {
    match text(object, "/status/phase") {
        "Succeeded" => Readiness::Ready,
        "Failed" => Readiness::Failed(format!("the pod failed: {}", text(object, "/status/reason"))),
        _ => demands(object, "Ready"),
    }
}

/// What a kind says of itself, by the conditions that kinds agree on.
fn generic(object: &Value) -> Readiness {
    for bad in ["Stalled", "Failed"] {
        if let Some((status, why)) = condition(object, bad)
            && status == "True"
        {
            return Readiness::Failed(format!("it is {bad}{why}"));
        }
    }
    if let Some((status, why)) = condition(object, "Reconciling")
        && status == "True"
    {
        return Readiness::Pending(format!("it is Reconciling{why}"));
    }
    for good in ["Ready", "Available"] {
        if condition(object, good).is_some() {
            return demands(object, good);
        }
    }
    Readiness::Ready
}

fn unseen() -> Readiness {
    Readiness::Pending("its controller has not seen it yet".to_owned())
}

fn lacks(there: i64, wanted: i64, what: &str) -> Readiness {
    Readiness::Pending(format!("{there} of {wanted} are {what}"))
}

/// Status of a condition, and its reason and message as the end of a sentence.
fn condition<'v>(object: &'v Value, condition_type: &str) -> Option<(&'v str, String)> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|c| text(c, "/type") == condition_type)?;
    let (reason, message) = (text(found, "/reason"), text(found, "/message"));
    let words = [reason, message]
        .into_iter()
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>();
    let why = if words.is_empty() {
        String::new()
    } else {
        format!(": {}", words.join(": "))
    };
    Some((text(found, "/status"), why))
}

fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer)?.as_i64()
}

fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
