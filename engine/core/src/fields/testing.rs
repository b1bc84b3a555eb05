//! Sets, paths and objects of any shape.

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Map, Value, json};

use super::{Element, FieldPath, FieldSet, Json};

/// With what makes texts hard to read back.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]",
        Just("a.b".to_owned()),
        Just("a.b/c".to_owned()),
        Just("x[0]".to_owned()),
        Just("\"]=,\n\u{7}é".to_owned()),
    ]
}

fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any_name().prop_map(Value::from),
        (0_i64..4).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(json!(0.5)),
    ]
}

/// Small, and nested a little.
pub(crate) fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![any_scalar(), Just(Value::Null)];
    leaf.prop_recursive(3, 24, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec((any_name(), inner), 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_element() -> impl Strategy<Value = Element> {
    prop_oneof![
        4 => any_name().prop_map(Element::Field),
        1 => (any_scalar(), any_scalar()).prop_map(|(a, b)| Element::key([("name".to_owned(), a), ("port".to_owned(), b)])),
        1 => any_scalar().prop_map(|value| Element::Item(Json(value))),
        1 => (0_usize..3).prop_map(Element::Index),
    ]
}

/// Of one step at least.
pub(crate) fn any_path() -> impl Strategy<Value = FieldPath> {
    vec(any_element(), 1..4).prop_map(FieldPath)
}

/// Of some dozen fields at most.
pub(crate) fn any_set() -> impl Strategy<Value = FieldSet> {
    vec(any_path(), 0..12).prop_map(|paths| FieldSet::of(&paths))
}

/// An object as a server would hold it: keyed lists with keys that differ, set lists without duplicates.
pub(crate) fn any_object() -> impl Strategy<Value = Value> {
    any_node().prop_map(|value| json!({"spec": value}))
}

fn any_node() -> impl Strategy<Value = Value> {
    any_scalar().prop_recursive(4, 32, 3, |inner| {
        prop_oneof![
            2 => vec((any_name(), inner.clone()), 1..4).prop_map(|fields| Value::Object(fields.into_iter().collect())),
            1 => vec(inner, 1..4).prop_map(|values| {
                let item = |(index, value): (usize, Value)| json!({"name": format!("n{index}.\""), "value": value});
                Value::Array(values.into_iter().enumerate().map(item).collect())
            }),
            1 => proptest::collection::btree_set("[a-e]", 1..4).prop_map(|items| json!(items)),
        ]
    })
}

/// Every field of an object that a manager would own: keyed and set lists by their items.
pub(crate) fn fields_of(object: &Value) -> FieldSet {
    let mut paths = Vec::new();
    walk(object, &FieldPath::default(), &mut paths);
    FieldSet::of(&paths)
}

fn walk(value: &Value, at: &FieldPath, paths: &mut Vec<FieldPath>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (name, value) in map {
                walk(value, &at.join(Element::Field(name.clone())), paths);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for item in list {
                match item.get("name") {
                    Some(name) => {
                        let path = at.join(Element::key([("name".to_owned(), name.clone())]));
                        paths.push(path.clone());
                        walk(item, &path, paths);
                    }
                    None => paths.push(at.join(Element::Item(Json(item.clone())))),
                }
            }
        }
        _ => paths.push(at.clone()),
    }
}

/// A field that is there.
pub(crate) fn any_object_and_path() -> impl Strategy<Value = (Value, FieldPath)> {
    (any_object(), any::<Index>()).prop_map(|(object, index)| {
        let paths = fields_of(&object).paths();
        let path = index.get(&paths).clone();
        (object, path)
    })
}

/// The same object with its associative and set lists in another order.
pub(crate) fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let fields = map.iter().map(|(name, value)| (name.clone(), reversed(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Value::Array(list) => Value::Array(list.iter().rev().map(reversed).collect()),
        _ => value.clone(),
    }
}
