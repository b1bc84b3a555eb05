//! An App that waits for objects that are anybody's, on a real API server.

use std::{thread, time::Duration};

use serde_json::json;

use super::bed::{Bed, map, soon};

const SPEC: &str =
    "  dependsOn:\n  - {object: {kind: ConfigMap, name: gate}, when: \"live.?data[?'open'].orValue('') == 'yes'\"}\n";

#[test]
fn an_app_waits_for_an_object_and_is_woken_by_its_watch() {
    let bed = Bed::new("depends", SPEC);
    bed.commit(&[("map", map("map", "1"))]);
    let mut audit = bed.server.audit().unwrap();
    let running = bed.run();
    let waits = running.report("it waits", |report| report["waiting"].is_array());
    assert_eq!(
        (&waits["health"], &waits["waiting"][0]),
        (
            &"progressing".into(),
            &format!("ConfigMap {}/gate: it isn't there", bed.namespace).into()
        ),
        "{waits}"
    );
    let gate =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "gate", "namespace": bed.namespace}});
    let maps = format!("/api/v1/namespaces/{}/configmaps", bed.namespace);
    bed.person().create(&maps, &gate).unwrap();
    running.report("what it says is told", |report| {
        report["waiting"][0]
            .as_str()
            .is_some_and(|text| text.contains("`when` isn't true of it"))
    });
    // By now the pauses between its own looks are long, and what it sees of itself wakes nobody.
    thread::sleep(Duration::from_secs(8));
    running.reports();
    let mut requests = audit.requests().unwrap();
    requests.retain(|request| request.namespace == bed.namespace && request.name == "gate" && request.verb == "watch");
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(!bed.is_there(&bed.map_path("map")));
    bed.edit(&bed.map_path("gate"), "somebody", &json!({"data": {"open": "yes"}}));
    let took = soon("it is applied", || Ok(bed.is_there(&bed.map_path("map"))));
    assert!(took < Duration::from_secs(2), "{took:?}");
    // Once it is applied, the gate is nothing to it.
    bed.edit(&bed.map_path("gate"), "somebody", &json!({"data": {"open": "no"}}));
    bed.edit(&bed.map_path("map"), "somebody", &json!({"data": {"a": "x"}}));
    soon("drift is repaired", || {
        Ok(bed.live(&bed.map_path("map"))["data"]["a"] == "1")
    });
}
