use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fields::{
    FieldPath,
    testing::{any_json, any_object, any_object_and_path, any_set, fields_of, reversed},
};

fn set(value: &Value) -> FieldSet {
    FieldSet::from_value(value).unwrap()
}

#[test]
fn what_is_owned_is_kept_and_nothing_else() {
    let owned = set(&json!({
        "f:metadata": {"f:labels": {"f:app": {}}, "f:finalizers": {"v:\"b\"": {}, "v:\"z\"": {}}},
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:name": {}, "f:port": {}},
                        "k:{\"port\":81,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}},
            "f:absent": {"f:deep": {}},
            "f:args": {"i:1": {}},
        },
    }));
    let live = json!({
        "metadata": {"labels": {"app": "a", "other": "x"}, "finalizers": ["a", "b"]},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "ports": [{"port": 80, "protocol": "TCP", "name": "http", "targetPort": 80}],
            "args": ["x", "y"],
            "defaulted": true,
        },
        "status": {},
    });
    assert_eq!(
        project(&live, &owned),
        json!({
            "metadata": {"labels": {"app": "a"}, "finalizers": ["b", null]},
            "spec": {
                "replicas": null,
                "selector": {"matchLabels": {"app": "a"}},
                "ports": [{"port": 80, "protocol": "TCP", "name": "http"}, null],
                "absent": {"deep": null},
                "args": ["y"],
            },
        })
    );
}

#[test]
fn an_empty_selector_that_was_narrowed_by_hand_shows() {
    // `podSelector` is atomic: whoever narrows it owns it as a whole too.
    let owned = set(&json!({"f:spec": {"f:podSelector": {}}}));
    let before = json!({"spec": {"podSelector": {}}});
    let after = json!({"spec": {"podSelector": {"matchLabels": {"app": "a"}}}});
    let nobody = FieldSet::default();
    assert_ne!(projection(&before, &owned, &nobody), projection(&after, &owned, &owned));
}

#[test]
fn what_others_put_into_an_empty_map_is_theirs() {
    let owned = set(&json!({"f:template": {"f:annotations": {}, "f:resources": {}}}));
    let others = set(&json!({"f:template": {
        "f:annotations": {".": {}, "f:restartedAt": {}},
        "f:resources": {"f:limits": {".": {}, "f:cpu": {}}},
    }}));
    let live = json!({"template": {"annotations": {"restartedAt": "now"}, "resources": {"limits": {"cpu": 1}}}});
    for before in [
        json!({"template": {}}),
        json!({"template": {"annotations": {}, "resources": {}}}),
    ] {
        assert_eq!(
            projection(&before, &owned, &FieldSet::default()),
            projection(&live, &owned, &others)
        );
    }
    assert_ne!(
        projection(&live, &owned, &FieldSet::default()),
        projection(&live, &owned, &others)
    );
}

#[test]
fn a_shape_that_the_set_does_not_know_shows_as_it_is() {
    let owned = set(&json!({"f:spec": {"f:list": {"k:{\"name\":\"a\"}": {".": {}}}, "f:map": {"f:a": {}}}}));
    let live = json!({"spec": {"list": {"a": 1}, "map": [1]}});
    assert_eq!(project(&live, &owned), live);
}

#[test]
fn duplicates_are_one_item() {
    let owned = set(&json!({"f:env": {"k:{\"name\":\"a\"}": {".": {}, "f:value": {}}}}));
    let of = |values: &[u32]| {
        let env: Vec<Value> = values.iter().map(|v| json!({"name": "a", "value": v})).collect();
        projection(&json!({"env": env}), &owned, &FieldSet::default())
    };
    assert_ne!(of(&[1, 2]), of(&[1, 3]));
    assert_ne!(of(&[1, 2]), of(&[1]));
}

proptest! {
    #[test]
    fn the_order_of_items_does_not_matter(object in any_object()) {
        let owned = fields_of(&object);
        prop_assert_eq!(project(&reversed(&object), &owned), project(&object, &owned));
    }

    #[test]
    fn what_is_not_owned_does_not_matter((object, path) in any_object_and_path(), other in any_json()) {
        let mut owned = fields_of(&object);
        owned.remove(&path);
        let mut changed = object.clone();
        let pointer = path.pointer_in(&object).unwrap();
        // An item of a list and its key are what tells it from others.
        prop_assume!(!pointer.ends_with("/name") && matches!(path.0.last(), Some(Element::Field(_))));
        *changed.pointer_mut(&pointer).unwrap() = other;
        prop_assert_eq!(project(&changed, &owned), project(&object, &owned));
    }

    #[test]
    fn a_change_of_what_is_owned_shows((object, path) in any_object_and_path()) {
        let owned = fields_of(&object);
        let pointer = path.pointer_in(&object).unwrap();
        let mut changed = object.clone();
        *changed.pointer_mut(&pointer).unwrap() = json!("another value");
        let nobody = FieldSet::default();
        prop_assert_ne!(projection(&changed, &owned, &nobody), projection(&object, &owned, &nobody));
    }

    #[test]
    fn no_set_and_object_break_it(object in any_json(), owned in any_set(), others in any_set()) {
        let all = owned.union(&FieldSet::of([&FieldPath::of(&["a"])]));
        prop_assert_eq!(project_beside(&object, &all, &others), project_beside(&object, &all, &others));
    }
}
