//! The core group.

use serde_json::Value;

use super::{
    Verdict,
    conditions::{Condition, demand},
    text, workloads,
};
use crate::hooks::is_hook;

pub(super) fn assess(kind: &str, object: &Value) -> Option<Verdict> {
    let verdict = match kind {
        "Pod" => pod(object),
        "Service" => service(object),
        "PersistentVolumeClaim" => claim(object),
        "PersistentVolume" => volume(object),
        "Namespace" => namespace(object),
        "ReplicationController" => workloads::replica_set(object),
        _ => return None,
    };
    Some(verdict)
}

/// Reasons for which a container waits. Of the first, waiting alone mends none: kstatus calls a crash loop failed as well. The
/// others are tried again and may pass (a registry that is down, a Secret that comes later).
const HOPELESS: [&str; 2] = ["CrashLoopBackOff", "InvalidImageName"];
const HELD_UP: [&str; 6] = [
    "ImagePullBackOff",
    "ErrImagePull",
    "ErrImageNeverPull",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];

fn pod(object: &Value) -> Verdict {
    match text(object, "/status/phase") {
        "Succeeded" => return Verdict::healthy("it has ended well"),
        "Failed" => {
            let (reason, message) = (text(object, "/status/reason"), text(object, "/status/message"));
            let reason = if reason.is_empty() { "PodFailed" } else { reason };
            let words: Vec<&str> = ["it failed", message].into_iter().filter(|w| !w.is_empty()).collect();
            return Verdict::degraded(reason, words.join(": "));
        }
        "" => return Verdict::unseen(),
        _ => {}
    }
    if let Some(verdict) = stuck(object) {
        return verdict;
    }
    if let Some(scheduled) = Condition::failed(object, "PodScheduled") {
        return Verdict::progressing(scheduled.reason(), scheduled.told("no node takes it yet"));
    }
    if is_hook(object) {
        return Verdict::progressing("PodRunning", "it runs, and is through when it has ended");
    }
    demand(object, "Ready")
}

/// A container that does not come up, and what its last run ended with.
fn stuck(object: &Value) -> Option<Verdict> {
    let lists = ["initContainerStatuses", "containerStatuses"];
    let all = lists
        .iter()
        .filter_map(|list| object["status"][list].as_array())
        .flatten();
    let waiting = all.filter_map(|container| Some((container, container["state"]["waiting"]["reason"].as_str()?)));
    let stuck = waiting.filter(|(_, reason)| HOPELESS.contains(reason) || HELD_UP.contains(reason));
    let (container, reason) = stuck.min_by_key(|(_, reason)| !HOPELESS.contains(reason))?;
    let message = format!(
        "container `{}` does not come up: {reason}{}{}",
        container["name"].as_str().unwrap_or_default(),
        container["state"]["waiting"]["message"]
            .as_str()
            .map(|more| format!(": {more}"))
            .unwrap_or_default(),
        last_run(container)
    );
    Some(if HOPELESS.contains(&reason) {
        Verdict::degraded(reason, message)
    } else {
        Verdict::progressing(reason, message)
    })
}

fn last_run(container: &Value) -> String {
    let last = &container["lastState"]["terminated"];
    let Some(code) = last["exitCode"].as_i64() else {
        return String::new();
    };
    match last["reason"].as_str() {
        Some(why) => format!("; its last run ended with {code} ({why})"),
        None => format!("; its last run ended with {code}"),
    }
}

fn service(object: &Value) -> Verdict {
    if text(object, "/spec/type") != "LoadBalancer" {
        return Verdict::healthy("it is there");
    }
    let addresses = object.pointer("/status/loadBalancer/ingress").and_then(Value::as_array);
    if addresses.is_some_and(|addresses| !addresses.is_empty()) {
        Verdict::healthy("its load balancer has an address")
    } else {
        Verdict::progressing("NoAddress", "its load balancer has no address yet")
    }
}

fn claim(object: &Value) -> Verdict {
    match text(object, "/status/phase") {
        "Bound" => Verdict::healthy("it is bound"),
        "Lost" => Verdict::degraded("ClaimLost", "the volume that it was bound to is gone"),
        "" => Verdict::unseen(),
        _ => Verdict::progressing(
            "NotBound",
            "it is not bound yet; where binding waits for the first consumer, a pod has to use it",
        ),
    }
}

fn volume(object: &Value) -> Verdict {
    match text(object, "/status/phase") {
        "" => Verdict::unseen(),
        "Failed" => {
            let message = text(object, "/status/message");
            Verdict::degraded("VolumeFailed", format!("it could not be reclaimed: {message}"))
        }
        "Pending" => Verdict::progressing("VolumePending", "it is not available yet"),
        phase => Verdict::healthy(format!("it is {phase}")),
    }
}

fn namespace(object: &Value) -> Verdict {
    match text(object, "/status/phase") {
        "Active" => Verdict::healthy("it is active"),
        _ => Verdict::unseen(),
    }
}
