//! What an object holds in some fields, for people to read.

use serde_json::Value;

use super::{FieldSet, project};

/// What tells which object it is; no manager owns it.
const IDENTITY: [&str; 4] = ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"];

/// An object restricted to the fields of a set, with its name and kind: two of them, of one set, show as text what differs.
///
/// As [`project`], but what the object doesn't hold is left out, and a map or list that is empty is there as an empty one:
/// `podSelector: {}` says something.
#[must_use]
pub fn shown(object: &Value, owned: &FieldSet) -> Value {
    let mut shown = project(object, owned);
    fill(&mut shown, Some(object));
    for pointer in IDENTITY {
        if let Some(value) = object.pointer(pointer) {
            put(&mut shown, pointer, value.clone());
        }
    }
    shown
}

/// Takes out what isn't there, and puts in what is empty.
fn fill(shown: &mut Value, object: Option<&Value>) {
    match shown {
        Value::Object(map) => {
            map.retain(|name, value| {
                let there = object.and_then(|object| object.get(name));
                match there {
                    Some(there) if value.is_null() => *value = there.clone(),
                    _ => fill(value, there),
                }
                let is_emptied =
                    |value: &Value| value.as_object().is_some_and(serde_json::Map::is_empty) && there.is_none();
                !value.is_null() && !is_emptied(value)
            });
        }
        Value::Array(list) => {
            list.retain(|item| !item.is_null());
            // Which of the object's items it is, an item doesn't say: its order is that of the set.
            list.iter_mut().for_each(|item| fill(item, None));
        }
        _ => {}
    }
}

fn put(object: &mut Value, pointer: &str, value: Value) {
    let mut parts = pointer.split('/').skip(1).peekable();
    let mut place = object;
    while let Some(name) = parts.next() {
        if parts.peek().is_none() {
            place[name] = value;
            return;
        }
        if !place[name].is_object() {
            place[name] = Value::Object(serde_json::Map::new());
        }
        place = &mut place[name];
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(fields: &Value) -> FieldSet {
        FieldSet::from_value(fields).unwrap()
    }

    #[test]
    fn what_is_there_is_shown_and_nothing_else() {
        let owned = set(&json!({
            "f:metadata": {"f:labels": {"f:a": {}, "f:gone": {}}},
            "f:spec": {
                "f:podSelector": {}, "f:gone": {"f:deep": {}},
                "f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:image": {}}, "k:{\"name\":\"b\"}": {".": {}, "f:name": {}}},
            },
        }));
        let object = json!({
            "apiVersion": "v1", "kind": "X", "metadata": {"name": "n", "uid": "u", "labels": {"a": "1", "theirs": "2"}},
            "spec": {"podSelector": {}, "containers": [{"name": "s"}, {"name": "a", "image": "i", "more": 1}]},
        });
        assert_eq!(
            shown(&object, &owned),
            json!({
                "apiVersion": "v1", "kind": "X", "metadata": {"name": "n", "labels": {"a": "1"}},
                "spec": {"podSelector": {}, "containers": [{"name": "a", "image": "i"}]},
            })
        );
    }
}
