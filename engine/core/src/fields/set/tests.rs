use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::fields::testing::{any_path, any_set};

fn set(value: &Value) -> FieldSet {
    FieldSet::from_value(value).unwrap()
}

fn has(set: &FieldSet, text: &str) -> bool {
    set.contains(&FieldPath::parse(text).unwrap())
}

#[test]
fn what_is_owned_as_a_whole_covers_what_is_below() {
    let set = set(&json!({"f:spec": {"f:selector": {}, "f:ports": {"k:{\"port\":80}": {".": {}, "f:name": {}}}}}));
    for (path, expected) in [
        (".spec", false),
        (".spec.selector", true),
        (".spec.selector.app", true),
        (".spec.ports", false),
        (".spec.ports[port=80]", true),
        (".spec.ports[port=80].name", true),
        (".spec.ports[port=80].protocol", false),
        (".spec.ports[port=81]", false),
    ] {
        assert_eq!(has(&set, path), expected, "{path}");
    }
}

#[test]
fn a_pointer_finds_items_by_what_the_object_holds() {
    let set = set(&json!({
        "f:metadata": {"f:finalizers": {"v:\"b\"": {}}},
        "f:spec": {"f:containers": {"k:{\"name\":\"b\"}": {".": {}, "f:image": {}}}, "f:selector": {}},
    }));
    let object = json!({"metadata": {"finalizers": ["a", "b"]},
        "spec": {"containers": [{"name": "a"}, {"name": "b", "image": "i"}], "selector": {"x": "y"}}});
    for (pointer, expected) in [
        ("/spec/containers/1/image", true),
        ("/spec/containers/0/image", false),
        ("/spec/containers/1/tty", false),
        ("/spec/containers", true),
        ("/spec/selector/x", true),
        ("/metadata/finalizers/1", true),
        ("/metadata/finalizers/0", false),
        ("/spec/replicas", false),
    ] {
        assert_eq!(set.touches(&object, pointer), expected, "{pointer}");
    }
}

#[test]
fn removing_a_field_removes_what_is_below_and_nothing_beside() {
    let mut fields = set(&json!({"f:a": {".": {}, "f:b": {"f:c": {}}, "f:d": {}}}));
    fields.remove(&FieldPath::of(&["a", "b"]));
    assert_eq!(fields, set(&json!({"f:a": {".": {}, "f:d": {}}})));
    fields.remove(&FieldPath::of(&["a"]));
    assert!(fields.is_empty());
}

#[test]
fn what_others_added_is_named_by_its_topmost_field() {
    let ours =
        set(&json!({"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}}}, "f:labels": {}}}));
    let theirs = set(&json!({"f:spec": {
        "f:containers": {".": {}, "k:{\"name\":\"a\"}": {".": {}, "f:tty": {}}, "k:{\"name\":\"s\"}": {".": {}, "f:image": {}}},
        "f:labels": {".": {}, "f:x": {}},
        "f:volumes": {".": {}, "k:{\"name\":\"v\"}": {".": {}}},
    }}));
    let beyond: Vec<String> = theirs.beyond(&ours).iter().map(ToString::to_string).collect();
    assert_eq!(
        beyond,
        [
            r#".spec.containers[name="a"].tty"#,
            r#".spec.containers[name="s"]"#,
            ".spec.labels.x",
            ".spec.volumes",
        ]
    );
    assert!(theirs.beyond(&theirs).is_empty());
}

proptest! {
    #[test]
    fn unions_hold_what_either_holds(a in any_set(), b in any_set()) {
        let union = a.union(&b);
        prop_assert_eq!(&union, &b.union(&a));
        prop_assert_eq!(&a.union(&a), &a);
        for path in a.paths().iter().chain(&b.paths()) {
            prop_assert!(union.contains(path));
        }
        prop_assert_eq!(FieldSet::of(union.paths().iter()), union);
    }

    #[test]
    fn differences_and_intersections_part_a_set(a in any_set(), b in any_set()) {
        let (only, both) = (a.difference(&b), a.intersection(&b));
        prop_assert_eq!(only.union(&both), a.clone());
        prop_assert!(a.difference(&a).is_empty());
        prop_assert_eq!(a.difference(&FieldSet::default()), a.clone());
        for path in both.paths() {
            prop_assert!(b.contains(&path));
        }
        for path in a.union(&b).difference(&b).paths() {
            prop_assert!(a.contains(&path));
        }
    }

    #[test]
    fn what_was_inserted_is_there_and_what_was_removed_is_not(mut set in any_set(), path in any_path()) {
        set.insert(&path);
        prop_assert!(set.contains(&path));
        set.remove(&path);
        prop_assert!(!set.paths().iter().any(|p| path.leads_to(p)));
    }
}
