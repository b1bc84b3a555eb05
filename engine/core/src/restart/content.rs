//! What a ConfigMap or Secret holds, by key, as a pod gets it.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// A ConfigMap's `data` and `binaryData`, a Secret's `data` and `stringData`: the same bytes written in two ways are the same content.
pub(super) fn of(object: &Value) -> BTreeMap<String, Vec<u8>> {
    let is_secret = object.get("kind").and_then(Value::as_str) == Some("Secret");
    let mut content = BTreeMap::new();
    let fields = if is_secret {
        [("data", true), ("stringData", false)]
    } else {
        [("data", false), ("binaryData", true)]
    };
    for (field, is_encoded) in fields {
        for (key, value) in object.get(field).and_then(Value::as_object).into_iter().flatten() {
            content.insert(key.clone(), bytes(value, is_encoded));
        }
    }
    content
}

/// What is no text is refused by the server; here it is only to be told apart.
fn bytes(value: &Value, is_encoded: bool) -> Vec<u8> {
    match value {
        Value::String(text) if is_encoded => STANDARD.decode(text).unwrap_or_else(|_| text.clone().into_bytes()),
        Value::String(text) => text.clone().into_bytes(),
        other => other.to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn bytes_are_what_counts_and_not_how_they_are_written() {
        let secret = |rest: Value| {
            let mut secret = rest;
            secret["kind"] = "Secret".into();
            of(&secret)
        };
        assert_eq!(
            secret(json!({"data": {"a": "eA=="}})),
            secret(json!({"stringData": {"a": "x"}}))
        );
        let both = secret(json!({"data": {"a": "eA=="}, "stringData": {"a": "y"}}));
        assert_eq!(both["a"], b"y", "as the server has it");
        let map = of(&json!({"kind": "ConfigMap", "data": {"a": "eA=="}, "binaryData": {"b": "eA=="}}));
        assert_eq!(
            (map["a"].as_slice(), map["b"].as_slice()),
            (b"eA==".as_slice(), b"x".as_slice())
        );
        assert_eq!(of(&json!({"kind": "ConfigMap", "data": {"a": 1}}))["a"], b"1");
        assert!(of(&json!({"kind": "ConfigMap", "data": null})).is_empty());
    }
}
