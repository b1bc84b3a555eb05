//! The groups `autoscaling` and `policy`.

use serde_json::Value;

use super::{Verdict, conditions::Condition, count, has_status};

pub(super) fn assess(kind: &str, object: &Value) -> Option<Verdict> {
    let verdict = match kind {
        "HorizontalPodAutoscaler" => autoscaler(object),
        "PodDisruptionBudget" => budget(object),
        _ => return None,
    };
    Some(verdict)
}

/// Metrics of pods that have just started are missing for a minute or two, and a target that is made after its autoscaler is
/// not found at first: both pass. What is written wrongly does not.
fn autoscaler(object: &Value) -> Verdict {
    // The server writes counts of zero into a new one; the first version has no conditions.
    let is_first = object["apiVersion"] == "autoscaling/v1";
    if !has_status(object) || !is_first && object.pointer("/status/conditions").is_none() {
        return Verdict::unseen();
    }
    for kind in ["AbleToScale", "ScalingActive"] {
        let Some(condition) = Condition::failed(object, kind) else {
            continue;
        };
        let reason = condition.reason();
        if reason == "ScalingDisabled" {
            return Verdict::healthy("its target is scaled to zero by hand: it rests");
        }
        let told = condition.told("it can't scale");
        if reason.starts_with("Invalid") || reason == "AmbiguousSelector" {
            return Verdict::degraded(reason, told);
        }
        return Verdict::progressing(reason, told);
    }
    Verdict::healthy("it scales")
}

/// No pod may be evicted while too few are healthy, which is what a budget is for; but then its app is not as it should be.
fn budget(object: &Value) -> Verdict {
    if !has_status(object) {
        return Verdict::unseen();
    }
    let count = |field| count(object, field);
    let (there, wanted) = (count("currentHealthy"), count("desiredHealthy"));
    if there < wanted {
        return Verdict::progressing("BudgetNotMet", format!("{there} of {wanted} are healthy"));
    }
    Verdict::healthy(format!("{there} of {wanted} are healthy"))
}
