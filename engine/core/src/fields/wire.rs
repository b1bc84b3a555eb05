//! `FieldsV1`: a set as JSON, `{"f:spec": {"f:replicas": {}}}`.

use serde_json::{Map, Value};

use super::{
    element::Element,
    json::Json,
    set::{FieldSet, Node},
};

/// JSON that is no `FieldsV1`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no field of a `FieldsV1`")]
pub struct BadFields {
    text: String,
}

impl FieldSet {
    /// Reads a `FieldsV1`. Elements of a kind that isn't known are passed over, as the API server does.
    ///
    /// # Errors
    /// At the first element that can't be read.
    pub fn from_value(value: &Value) -> Result<Self, BadFields> {
        let Value::Object(map) = value else {
            return Err(bad(&value.to_string()));
        };
        let mut set = Self::default();
        for (key, value) in map.iter().filter(|(key, _)| *key != ".") {
            if let Some(element) = element(key)? {
                let below = Self::from_value(value)?;
                let member = below.is_empty() || value.get(".").is_some();
                set.put(element, Node { member, below });
            }
        }
        Ok(set)
    }

    /// As `FieldsV1`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let fields = self.nodes().iter().map(|(element, node)| {
            let mut below = node.below.to_value();
            if node.member
                && !node.below.is_empty()
                && let Value::Object(map) = &mut below
            {
                map.insert(".".to_owned(), Value::Object(Map::new()));
            }
            (text(element), below)
        });
        Value::Object(fields.collect())
    }
}

fn element(key: &str) -> Result<Option<Element>, BadFields> {
    let Some((kind, rest)) = key.split_once(':') else {
        return Err(bad(key));
    };
    let json = || serde_json::from_str::<Value>(rest).map_err(|_| bad(key));
    Ok(Some(match kind {
        "f" => Element::Field(rest.to_owned()),
        "v" => Element::Item(Json(json()?)),
        "i" => Element::Index(rest.parse().map_err(|_| bad(key))?),
        "k" => match json()? {
            Value::Object(keys) if !keys.is_empty() => Element::key(keys),
            _ => return Err(bad(key)),
        },
        _ => return Ok(None),
    }))
}

fn text(element: &Element) -> String {
    match element {
        Element::Field(name) => format!("f:{name}"),
        Element::Item(Json(value)) => format!("v:{value}"),
        Element::Index(index) => format!("i:{index}"),
        Element::Key(keys) => {
            let keys: Map<String, Value> = keys
                .iter()
                .map(|(name, Json(value))| (name.clone(), value.clone()))
                .collect();
            format!("k:{}", Value::Object(keys))
        }
    }
}

fn bad(text: &str) -> BadFields {
    BadFields {
        text: text.chars().take(MAX_SHOWN).collect(),
    }
}

/// Characters of an element that are shown.
const MAX_SHOWN: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fields::testing::any_set;

    #[test]
    fn a_managed_fields_entry_is_read() {
        let fields = json!({
            "f:metadata": {"f:annotations": {".": {}, "f:a.b/c": {}}, "f:finalizers": {"v:\"x\"": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}, "f:list": {"i:0": {}}},
        });
        let set = FieldSet::from_value(&fields).unwrap();
        let paths: Vec<String> = set.paths().iter().map(ToString::to_string).collect();
        assert_eq!(
            paths,
            [
                ".metadata.annotations",
                ".metadata.annotations.a.b/c",
                r#".metadata.finalizers[="x"]"#,
                ".spec.list[0]",
                r#".spec.ports[port=80,protocol="TCP"]"#,
                r#".spec.ports[port=80,protocol="TCP"].port"#,
            ]
        );
        assert_eq!(set.to_value(), fields);
    }

    #[test]
    fn what_is_unknown_is_passed_over_and_what_is_broken_is_told() {
        let newer = FieldSet::from_value(&json!({"f:a": {}, "z:b": {"f:c": {}}})).unwrap();
        assert_eq!(newer.to_value(), json!({"f:a": {}}));
        for broken in [
            json!([]),
            json!({"f:a": 1}),
            json!({"a": {}}),
            json!({"v:x": {}}),
            json!({"k:{}": {}}),
            json!({"k:[1]": {}}),
            json!({"i:-1": {}}),
        ] {
            assert!(FieldSet::from_value(&broken).is_err(), "{broken}");
        }
    }

    proptest! {
        #[test]
        fn a_set_reads_what_it_writes(set in any_set()) {
            prop_assert_eq!(FieldSet::from_value(&set.to_value()).unwrap(), set);
        }
    }
}
