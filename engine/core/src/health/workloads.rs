//! The group `apps`, and what counts replicas as it does.

use serde_json::Value;

use super::{Verdict, conditions::Condition, count, has_status, is_true, number, text};

pub(super) fn assess(kind: &str, object: &Value) -> Option<Verdict> {
    let verdict = match kind {
        "Deployment" => deployment(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => daemon_set(object),
        "ReplicaSet" => replica_set(object),
        _ => return None,
    };
    Some(verdict)
}

fn deployment(object: &Value) -> Verdict {
    if !has_status(object) {
        return Verdict::unseen();
    }
    let rollout = rollout(object);
    if is_true(object, "/spec/paused") && rollout.is_some() {
        return Verdict::suspended("it is paused, and its pods are not those of its template");
    }
    if let Some(condition) = Condition::failed(object, "Progressing")
        && condition.reason() == "ProgressDeadlineExceeded"
    {
        return Verdict::degraded(
            condition.reason(),
            condition.told("its rollout made no progress within its deadline"),
        );
    }
    rollout.unwrap_or_else(|| {
        let count = count(object, "replicas");
        Verdict::healthy(format!("{count} of {count} are available"))
    })
}

/// What a Deployment still has to do.
fn rollout(object: &Value) -> Option<Verdict> {
    let wanted = number(object, "/spec/replicas").unwrap_or(1);
    let count = |field| count(object, field);
    let (updated, available) = (count("updatedReplicas"), count("availableReplicas"));
    // A pod that is refused (quota, admission) is told nowhere but here.
    let why = Condition::met(object, "ReplicaFailure");
    if updated < wanted {
        let lack = lacks(updated, wanted, "updated");
        return Some(match why {
            Some(why) => Verdict::progressing(why.reason(), why.told(&lack.message)),
            None => lack,
        });
    }
    if count("replicas") > updated {
        return Some(Verdict::progressing(
            "ExtraPods",
            "pods of the version before are still there",
        ));
    }
    (available < wanted).then(|| lacks(available, wanted, "available"))
}

fn stateful_set(object: &Value) -> Verdict {
    if !has_status(object) {
        return Verdict::unseen();
    }
    let wanted = number(object, "/spec/replicas").unwrap_or(1);
    let count = |field| count(object, field);
    if count("replicas") > wanted {
        return Verdict::progressing("ExtraPods", "more pods than wanted are still there");
    }
    if count("readyReplicas") < wanted {
        return lacks(count("readyReplicas"), wanted, "ready");
    }
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Verdict::healthy(format!("{wanted} of {wanted} are ready; who deletes a pod updates it"));
    }
    let partition = number(object, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let to_update = (wanted - partition).max(0);
    if count("updatedReplicas") < to_update {
        return lacks(count("updatedReplicas"), to_update, "updated");
    }
    if partition > 0 {
        return Verdict::healthy(format!("{to_update} of {wanted} are updated, as its partition says"));
    }
    if text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        return Verdict::progressing("RevisionPending", "its rollout is about to end");
    }
    Verdict::healthy(format!("{wanted} of {wanted} are ready"))
}

fn daemon_set(object: &Value) -> Verdict {
    // Its status has counts of zero from the start: only the generation says that they were counted.
    if number(object, "/status/observedGeneration").is_none() {
        return Verdict::unseen();
    }
    let count = |field| count(object, field);
    let wanted = count("desiredNumberScheduled");
    let is_rolling = text(object, "/spec/updateStrategy/type") != "OnDelete";
    if count("currentNumberScheduled") < wanted {
        return lacks(count("currentNumberScheduled"), wanted, "scheduled");
    }
    if is_rolling && count("updatedNumberScheduled") < wanted {
        return lacks(count("updatedNumberScheduled"), wanted, "updated");
    }
    if count("numberAvailable") < wanted {
        return lacks(count("numberAvailable"), wanted, "available");
    }
    if count("numberReady") < wanted {
        return lacks(count("numberReady"), wanted, "ready");
    }
    Verdict::healthy(format!("{wanted} of {wanted} are available"))
}

/// A ReplicaSet or a ReplicationController.
pub(super) fn replica_set(object: &Value) -> Verdict {
    if !has_status(object) {
        return Verdict::unseen();
    }
    let wanted = number(object, "/spec/replicas").unwrap_or(1);
    let count = |field| count(object, field);
    if let Some(why) = Condition::met(object, "ReplicaFailure") {
        return Verdict::progressing(why.reason(), why.told("pods can't be made"));
    }
    if count("replicas") > wanted {
        return Verdict::progressing("ExtraPods", "more pods than wanted are still there");
    }
    if count("availableReplicas") < wanted {
        return lacks(count("availableReplicas"), wanted, "available");
    }
    Verdict::healthy(format!("{wanted} of {wanted} are available"))
}

fn lacks(there: i64, wanted: i64, what: &str) -> Verdict {
    let mut reason = String::from("Less");
    let mut letters = what.chars();
    reason.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
    reason.extend(letters);
    Verdict::progressing(reason, format!("{there} of {wanted} are {what}"))
}
