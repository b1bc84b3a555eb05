//! Events in the cluster, for people who have kubectl and no Windlass.

use serde_json::{Value, json};

use super::bed::{Bed, map, soon};

fn events(bed: &Bed) -> Vec<Value> {
    let list = bed.live(&format!("/api/v1/namespaces/{}/events", bed.namespace));
    let all = list["items"].as_array().cloned().unwrap_or_default();
    all.into_iter()
        .filter(|event| event["source"]["component"] == "windlass")
        .collect()
}

#[test]
fn an_edit_and_a_broken_commit_are_told_where_the_objects_are() {
    let bed = Bed::new("tells", "  notify: {kubernetesEvents: true}\n");
    bed.commit(&[("map", map("map", "1"))]);
    bed.synced();
    assert_eq!(events(&bed), Vec::<Value>::new(), "that it is well is no event");
    bed.edit(&bed.map_path("map"), "kubectl-edit", &json!({"data": {"a": "x"}}));
    bed.synced();
    let told = events(&bed);
    let uid = bed.live(&bed.map_path("map"))["metadata"]["uid"].clone();
    assert_eq!(told.len(), 1, "{told:?}");
    let about = &told[0]["involvedObject"];
    assert_eq!(
        (&about["kind"], &about["name"], &about["uid"], &about["apiVersion"]),
        (&"ConfigMap".into(), &"map".into(), &uid, &"v1".into())
    );
    let message = told[0]["message"].as_str().unwrap();
    assert_eq!(message, "App app: kubectl-edit changed .data.a: undone");
    bed.sandbox.commit(&[("app/broken.yaml", Some("a: ["))]);
    assert_eq!(bed.sync(&[]).code, Some(1));
    soon("it is told", || {
        Ok(events(&bed).iter().any(|event| {
            event["involvedObject"]["kind"] == "Namespace"
                && event["message"].as_str().unwrap().contains("app/broken.yaml:1")
        }))
    });
}
