//! Objects that others lie in: a Namespace and a definition go only when nobody else's goes with them.

use serde_json::json;
use windlass_tests::cluster::eventually;

use super::stage::Stage;
use crate::{cluster::SOON, sandbox::config_map};

const UNPROTECT: &str =
    "  prune: {maxPercent: 100, unprotect: [Namespace, CustomResourceDefinition.apiextensions.k8s.io]}\n";

#[test]
fn a_namespace_with_somebody_elses_objects_stays() {
    let stage = Stage::new("company");
    stage.apps(&[("a", UNPROTECT)]);
    let inner = format!("{}-inner", stage.namespace);
    let namespace = format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {inner}}}\n");
    let ours = config_map("ours", "1").replace("  name: ours", &format!("  name: ours\n  namespace: {inner}"));
    let keep = config_map("keep", "1");
    stage.commit(&[
        ("a/namespace.yaml", Some(&namespace)),
        ("a/ours.yaml", Some(&ours)),
        ("a/keep.yaml", Some(&keep)),
    ]);
    let first = stage.sync(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let maps = format!("/api/v1/namespaces/{inner}/configmaps");
    stage
        .person()
        .create(&maps, &json!({"metadata": {"name": "theirs"}}))
        .unwrap();
    stage.commit(&[("a/namespace.yaml", None), ("a/ours.yaml", None)]);
    let held = stage.sync(&[]);
    assert_eq!(held.code, Some(0), "{held:?}");
    let notes = held.report("a")["notes"].to_string();
    assert!(
        notes.contains(&format!("kept, as ConfigMap {inner}/theirs would go with it")),
        "{notes}"
    );
    assert!(stage.live(&format!("{maps}/theirs")).is_some() && stage.live(&format!("{maps}/ours")).is_none());
    stage.person().delete(&format!("{maps}/theirs")).unwrap();
    let gone = stage.sync(&[]);
    assert_eq!(gone.counts("a")[3], 1, "{gone:?}");
    eventually(SOON, "the namespace is gone", || {
        Ok(stage.live(&format!("/api/v1/namespaces/{inner}")).is_none())
    })
    .unwrap();
}

#[test]
fn a_definition_with_somebody_elses_objects_stays() {
    let stage = Stage::new("definition");
    stage.apps(&[("a", UNPROTECT)]);
    // Nobody else's, on a server that tests share.
    let group = format!("{}.example.com", stage.namespace);
    let definition = definition(&group);
    let ours = format!("apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: ours}}\nspec: {{size: 1}}\n");
    let keep = config_map("keep", "1");
    stage.commit(&[
        ("a/definition.yaml", Some(&definition)),
        ("a/ours.yaml", Some(&ours)),
        ("a/keep.yaml", Some(&keep)),
    ]);
    let first = stage.sync(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let widgets = format!("/apis/{group}/v1/namespaces/{}/widgets", stage.namespace);
    stage
        .person()
        .create(
            &widgets,
            &json!({"apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "theirs"}}),
        )
        .unwrap();
    stage.commit(&[("a/definition.yaml", None), ("a/ours.yaml", None)]);
    let held = stage.sync(&[]);
    let notes = held.report("a")["notes"].to_string();
    assert!(notes.contains("theirs would go with it"), "{held:?}");
    assert!(stage.live(&format!("{widgets}/theirs")).is_some() && stage.live(&format!("{widgets}/ours")).is_none());
    stage.person().delete(&format!("{widgets}/theirs")).unwrap();
    assert_eq!(stage.sync(&[]).counts("a")[3], 1);
    let path = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}");
    eventually(SOON, "the definition is gone", || Ok(stage.live(&path).is_none())).unwrap();
}

pub(super) fn definition(group: &str) -> String {
    format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: widgets.{group}}}\nspec:\n  group: {group}\n  scope: Namespaced\n  names: {{plural: widgets, singular: widget, kind: Widget, listKind: WidgetList}}\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}\n"
    )
}
