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
fn deployments_by_their_counts() {
    let deployment = |spec: Value, status: Value| {
        told(
            "apps/v1",
            "Deployment",
            json!({"metadata": {"generation": 2}, "spec": spec, "status": status}),
        )
    };
    let full = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
    assert_eq!(deployment(json!({"replicas": 2}), full.clone()), "ready");
    assert_eq!(
        deployment(json!({"replicas": 3}), full.clone()),
        "pending: 2 of 3 are updated"
    );
    assert_eq!(
        deployment(json!({"replicas": 0}), json!({"observedGeneration": 2})),
        "ready"
    );
    assert_eq!(
        deployment(json!({}), Value::Null),
        "pending: its controller has not seen it yet"
    );
    let mut old = full.clone();
    old["observedGeneration"] = 1.into();
    assert_eq!(
        deployment(json!({"replicas": 2}), old),
        "pending: its controller has not seen the last change yet"
    );
    let mut surplus = full.clone();
    surplus["replicas"] = 3.into();
    assert_eq!(
        deployment(json!({"replicas": 2}), surplus),
        "pending: pods of the version before are still there"
    );
    let mut stuck = full;
    stuck["conditions"] = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]);
    assert!(deployment(json!({"replicas": 2}), stuck).starts_with("failed: "));
}

#[test]
fn other_workloads() {
    let set = |status: Value, strategy: Value| {
        told(
            "apps/v1",
            "StatefulSet",
            json!({"spec": {"replicas": 3, "updateStrategy": strategy}, "status": status}),
        )
    };
    assert_eq!(
        set(json!({"readyReplicas": 3, "updatedReplicas": 3}), Value::Null),
        "ready"
    );
    assert_eq!(
        set(json!({"readyReplicas": 3, "updatedReplicas": 1}), Value::Null),
        "pending: 1 of 3 are updated"
    );
    assert_eq!(
        set(
            json!({"readyReplicas": 3, "updatedReplicas": 1}),
            json!({"rollingUpdate": {"partition": 2}})
        ),
        "ready"
    );
    assert_eq!(set(json!({"readyReplicas": 3}), json!({"type": "OnDelete"})), "ready");
    let daemon = |status: Value| told("apps/v1", "DaemonSet", json!({"spec": {}, "status": status}));
    assert_eq!(
        daemon(json!({"observedGeneration": 1, "desiredNumberScheduled": 0})),
        "ready"
    );
    assert_eq!(
        daemon(json!({"desiredNumberScheduled": 0})),
        "pending: its controller has not seen it yet"
    );
    assert_eq!(
        daemon(
            json!({"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 1})
        ),
        "pending: 1 of 2 are available"
    );
    assert_eq!(told("batch/v1", "Job", conditions(&[("Complete", "True")])), "ready");
    assert_eq!(
        told("batch/v1", "Job", conditions(&[("Failed", "True")])),
        "failed: the job failed: R"
    );
    assert_eq!(
        told("batch/v1", "Job", json!({})),
        "pending: the job is not complete yet"
    );
    assert_eq!(told("v1", "Pod", conditions(&[("Ready", "True")])), "ready");
    assert_eq!(
        told("v1", "PersistentVolumeClaim", json!({"status": {"phase": "Pending"}})),
        "ready"
    );
}

#[test]
fn what_others_are_built_on() {
    let crd = |all| told("apiextensions.k8s.io/v1", "CustomResourceDefinition", conditions(all));
    assert_eq!(crd(&[("NamesAccepted", "True"), ("Established", "True")]), "ready");
    assert_eq!(crd(&[("NamesAccepted", "True")]), "pending: it is not Established yet");
    assert_eq!(
        crd(&[("NamesAccepted", "False")]),
        "failed: its names are not accepted: R"
    );
    assert_eq!(told("v1", "Namespace", json!({"status": {"phase": "Active"}})), "ready");
    assert_eq!(
        told("v1", "Namespace", json!({})),
        "pending: its controller has not seen it yet"
    );
    let service = |all| told("apiregistration.k8s.io/v1", "APIService", conditions(all));
    assert_eq!(
        service(&[("Available", "False")]),
        "pending: it is not Available yet: R"
    );
}

#[test]
fn anything_else_by_its_conditions() {
    let widget = |all| told("example.com/v1", "Widget", conditions(all));
    assert_eq!(widget(&[("Ready", "True")]), "ready");
    assert_eq!(widget(&[("Ready", "False")]), "pending: it is not Ready yet: R");
    assert_eq!(
        widget(&[("Ready", "True"), ("Reconciling", "True")]),
        "pending: it is Reconciling: R"
    );
    assert_eq!(
        widget(&[("Stalled", "True"), ("Ready", "False")]),
        "failed: it is Stalled: R"
    );
    assert_eq!(widget(&[("Synced", "False")]), "ready");
    assert_eq!(told("v1", "ConfigMap", json!({"data": {}})), "ready");
    assert_eq!(
        told(
            "v1",
            "ConfigMap",
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
        ),
        "terminating"
    );
    // Another group's kind of the same name is another kind.
    assert_eq!(told("example.com/v1", "Namespace", json!({})), "ready");
}
