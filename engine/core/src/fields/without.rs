//! An object less some fields.

use serde_json::Value;

use super::{
    element::Element,
    find::{self, Strictness},
    json::Json,
    path::FieldPath,
};

/// Removes fields from what is to be applied, and maps and lists that become empty by it: an empty map would be claimed as a
/// whole. The keys of list items stay, or nobody could tell which item is meant.
///
/// Returns the paths that are still there or never were: nothing is to be gained by applying again without them.
pub fn without<'p>(object: &mut Value, paths: impl IntoIterator<Item = &'p FieldPath>) -> Vec<&'p FieldPath> {
    paths
        .into_iter()
        .filter(|path| remove(object, &path.0, &[]) == Outcome::Stays)
        .collect()
}

#[derive(PartialEq)]
enum Outcome {
    Stays,
    Removed,
}

/// `keys`: of the list item that `value` is.
fn remove(value: &mut Value, path: &[Element], keys: &[(String, Json)]) -> Outcome {
    let Some((first, rest)) = path.split_first() else {
        return Outcome::Stays;
    };
    if let Element::Field(name) = first
        && keys.iter().any(|(key, _)| key == name)
    {
        return Outcome::Stays;
    }
    match (first, value) {
        (Element::Field(name), Value::Object(map)) => {
            let Some(child) = map.get_mut(name) else {
                return Outcome::Stays;
            };
            if !rest.is_empty() && remove(child, rest, &[]) == Outcome::Stays {
                return Outcome::Stays;
            }
            let is_emptied =
                child.as_object().is_some_and(serde_json::Map::is_empty) || child.as_array().is_some_and(Vec::is_empty);
            if rest.is_empty() || is_emptied {
                map.remove(name);
            }
            Outcome::Removed
        }
        (_, Value::Array(list)) => {
            let Some(index) = find::position(list, first, Strictness::Lenient) else {
                return Outcome::Stays;
            };
            if rest.is_empty() {
                list.remove(index);
                return Outcome::Removed;
            }
            let keys: &[_] = if let Element::Key(keys) = first { keys } else { &[] };
            remove(&mut list[index], rest, keys)
        }
        _ => Outcome::Stays,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fields::testing::any_object_and_path;

    #[test]
    fn contested_fields_go_and_list_keys_stay() {
        let object = json!({
            "metadata": {"name": "a", "annotations": {"only": "x"}},
            "spec": {"replicas": 3, "ports": [{"port": 80, "name": "http"}, {"port": 81}], "finalizers": ["a", "b"]},
        });
        let cases: [(&str, Option<&str>, Value); 6] = [
            (".spec.replicas", Some("/spec/replicas"), Value::Null),
            // The map would be claimed as a whole.
            (".metadata.annotations.only", Some("/metadata/annotations"), Value::Null),
            (
                r#".spec.ports[port=80,protocol="TCP"].name"#,
                Some("/spec/ports/0"),
                json!({"port": 80}),
            ),
            (".spec.ports[port=80].port", None, Value::Null),
            (".spec.paused", None, Value::Null),
            (r#".spec.finalizers[="a"]"#, Some("/spec/finalizers"), json!(["b"])),
        ];
        for (text, pointer, left) in cases {
            let mut less = object.clone();
            let path = FieldPath::parse(text).unwrap();
            let stays = without(&mut less, [&path]);
            assert_eq!(stays.is_empty(), pointer.is_some(), "{text}");
            match pointer {
                Some(pointer) => assert_eq!(less.pointer(pointer).cloned().unwrap_or_default(), left, "{text}"),
                None => assert_eq!(less, object, "{text}"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_left_out_is_gone_and_nothing_is_added((object, path) in any_object_and_path()) {
            let mut less = object.clone();
            let stays = without(&mut less, [&path]).len();
            if stays == 0 {
                prop_assert!(less.to_string().len() < object.to_string().len());
            } else {
                prop_assert_eq!(less, object);
            }
        }
    }
}
