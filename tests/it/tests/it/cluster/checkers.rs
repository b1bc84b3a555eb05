//! Health checkers in the loop, on a real API server: the plugin `conditions` on what cert-manager's controller would write.

use serde_json::{Value, json};

use super::bed::{Bed, Running, soon};

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "certificates.cert-manager.io"},
        "spec": {
            "group": "cert-manager.io", "scope": "Namespaced",
            "names": {"kind": "Certificate", "plural": "certificates"},
            "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    })
}

fn certificate(name: &str) -> Value {
    json!({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": name}, "spec": {"secretName": name}})
}

fn path(bed: &Bed, name: &str) -> String {
    format!(
        "/apis/cert-manager.io/v1/namespaces/{}/certificates/{name}",
        bed.namespace
    )
}

/// As the controller says it.
fn says(bed: &Bed, name: &str, conditions: &[(&str, &str, &str)]) {
    let generation = bed.live(&path(bed, name))["metadata"]["generation"].clone();
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(kind, status, reason)| {
            json!({"type": kind, "status": status, "reason": reason, "message": "m", "observedGeneration": generation})
        })
        .collect();
    let status = json!({"status": {"conditions": conditions}});
    bed.person()
        .merge(&format!("{}/status", path(bed, name)), &status)
        .unwrap();
}

fn stands(running: &Running, health: &str) -> Value {
    running.report(health, |report| report["health"] == health)
}

#[test]
fn a_checker_tells_where_an_object_stands_when_that_changes() {
    let bed = Bed::new("checkers", "");
    bed.commit(&[
        ("crd", definition()),
        ("one", certificate("one")),
        ("two", certificate("two")),
    ]);
    let running = bed.run();
    running.report("both are on their way", |report| {
        report["health"] == "progressing" && report["unhealthyTotal"] == 2
    });
    for name in ["one", "two"] {
        says(&bed, name, &[("Ready", "True", "Ready")]);
    }
    stands(&running, "healthy");
    let mut log = bed.server.audit().unwrap();
    // The built-in rules would leave it on its way for ever.
    says(
        &bed,
        "one",
        &[("Ready", "False", "DoesNotExist"), ("Issuing", "False", "Failed")],
    );
    let report = stands(&running, "degraded");
    let object = &report["unhealthy"][0];
    assert_eq!(
        (&object["object"]["name"], &object["state"]),
        (&"one".into(), &"degraded".into()),
        "{report}"
    );
    says(&bed, "one", &[("Ready", "True", "Ready")]);
    stands(&running, "healthy");
    // A change of health costs no request; what is asked about it stays here.
    let requests = log.requests().unwrap();
    let ours = requests.iter().filter(|request| {
        request.agent.starts_with("windlass/") && request.namespace == bed.namespace && request.verb != "watch"
    });
    assert_eq!(ours.count(), 0);
    drop(running);
    // A restart asks anew, and finds the same.
    let synced = bed.synced();
    assert_eq!(synced.report("app")["health"], "healthy", "{synced:?}");
    soon("it is there", || Ok(bed.is_there(&path(&bed, "one"))));
}
