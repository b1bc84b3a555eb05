use serde_json::json;

use super::*;

fn told(api_version: &str, kind: &str, rest: Value) -> String {
    let mut object = rest;
    object["apiVersion"] = api_version.into();
    object["kind"] = kind.into();
    match of(&object) {
        Readiness::Ready => "ready".to_owned(),
        Readiness::Pending(why) => format!("pending: {why}"),
        Readiness::Failed(why) => format!("failed: {why}"),
        Readiness::Terminating => "terminating".to_owned(),
    }
}

fn conditions(all: &[(&str, &str)]) -> Value {
    let all: Vec<_> = all
        .iter()
        .map(|(kind, status)| json!({"type": kind, "status": status, "reason": "R"}))
        .collect();
    json!({"status": {"conditions": all}})
}

#[test]
fn by_health() {
    let job = |all| told("batch/v1", "Job", conditions(all));
    assert_eq!(job(&[("Complete", "True")]), "ready");
    assert_eq!(job(&[("Failed", "True")]), "failed: the job failed: R");
    assert_eq!(job(&[]), "pending: the job has not started yet");
    let suspended = json!({"spec": {"suspend": true}});
    assert_eq!(told("batch/v1", "Job", suspended), "pending: the job is suspended");
    assert_eq!(told("v1", "ConfigMap", json!({"data": {}})), "ready");
    let doomed = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
    assert_eq!(told("v1", "ConfigMap", doomed), "terminating");
    // Another group's kind of the same name is another kind, which says nothing of itself.
    assert_eq!(told("example.com/v1", "Namespace", json!({})), "ready");
}

#[test]
fn nobody_waits_until_a_claim_is_bound() {
    let pending = json!({"status": {"phase": "Pending"}});
    assert_eq!(told("v1", "PersistentVolumeClaim", pending), "ready");
    let doomed = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Bound"}});
    assert_eq!(told("v1", "PersistentVolumeClaim", doomed), "terminating");
}
