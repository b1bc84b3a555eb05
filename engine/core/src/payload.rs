//! What of a manifest is sent to an API server.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use crate::{model::ObjectId, owner::Owner};

/// What the server keeps itself: in a manifest it comes from an export of a living object.
const SERVERS: [&str; 7] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
];

/// An object as it is applied: with its owner's mark, without what is the server's, and in the form that the server stores.
///
/// - `status` goes: it is the controllers'.
/// - A Secret's `stringData` becomes `data`. The server would do it, but go on counting `stringData` as what is owned: a value
///   changed by hand would not show, one removed from git would stay.
/// - The `rules` of a ClusterRole with an `aggregationRule` go: a controller sums them up and takes the field, so that `rules: []`,
///   which tools print beside it, would be changed by somebody else as soon as it is applied.
/// - `metadata.uid` goes: an object restored under another one would be refused for ever.
#[must_use]
pub fn payload(manifest: &Value, id: &ObjectId, owner: &Owner) -> Value {
    let mut object = manifest.clone();
    if let Value::Object(map) = &mut object {
        map.remove("status");
        if id.kind == "Secret" && id.group.is_empty() {
            fold_string_data(map);
        }
        let is_summed_up = map.get("aggregationRule").is_some_and(|rule| !rule.is_null());
        if id.kind == "ClusterRole" && id.group == "rbac.authorization.k8s.io" && is_summed_up {
            map.remove("rules");
        }
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            metadata.retain(|key, _| key != "uid" && !SERVERS.contains(&key.as_str()));
        }
    }
    owner.stamp(&mut object, id);
    object
}

fn fold_string_data(secret: &mut Map<String, Value>) {
    let Some(texts) = secret.remove("stringData") else {
        return;
    };
    let Value::Object(texts) = texts else {
        // What is no map is refused by the server, by its name.
        if !texts.is_null() {
            secret.insert("stringData".to_owned(), texts);
        }
        return;
    };
    let data = secret.entry("data").or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    if let Value::Object(data) = data {
        for (key, text) in texts {
            match text {
                Value::String(text) => data.insert(key, STANDARD.encode(text).into()),
                other => data.insert(key, other),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::owner::OWNER;

    fn sent(manifest: &Value) -> Value {
        let owner = Owner {
            installation: "0123456789ab".into(),
            namespace: "default".into(),
            app: "api".into(),
        };
        let object = crate::model::Object::from_value(manifest.clone()).unwrap();
        payload(manifest, &object.id, &owner)
    }

    #[test]
    fn an_exported_object_is_applied_without_what_is_the_servers() {
        let exported = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "b"}, "status": {"x": 1},
            "metadata": {"name": "a", "namespace": "shop", "uid": "u", "resourceVersion": "1", "creationTimestamp": null,
                "managedFields": [], "generation": 1, "finalizers": ["x"], "labels": {"a": "b"},
                "annotations": {OWNER: "forged"}}});
        let sent = sent(&exported);
        let keys: Vec<&String> = sent["metadata"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["annotations", "finalizers", "labels", "name", "namespace"]);
        assert_eq!(
            sent["metadata"]["annotations"][OWNER],
            "0123456789ab default/api ConfigMap shop/a"
        );
        assert_eq!(
            (sent["metadata"]["labels"]["a"].as_str(), sent.get("status")),
            (Some("b"), None)
        );
    }

    #[test]
    fn rules_that_are_summed_up_are_the_servers() {
        let role = |api: &str, rule: Value| {
            sent(&json!({"apiVersion": api, "kind": "ClusterRole", "metadata": {"name": "a"}, "aggregationRule": rule, "rules": []}))
                .get("rules")
                .cloned()
        };
        let selectors = json!({"clusterRoleSelectors": [{"matchLabels": {"to": "a"}}]});
        assert_eq!(role("rbac.authorization.k8s.io/v1", selectors.clone()), None);
        assert_eq!(role("rbac.authorization.k8s.io/v1", Value::Null), Some(json!([])));
        assert_eq!(role("x.test/v1", selectors), Some(json!([])));
    }

    #[test]
    fn string_data_is_stored_as_data() {
        let secret = |data: Value, texts: Value| {
            let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": data, "stringData": texts});
            let sent = sent(&secret);
            (
                sent.get("data").cloned().unwrap_or_default(),
                sent.get("stringData").cloned(),
            )
        };
        assert_eq!(
            secret(json!({"a": "eA==", "b": "eA=="}), json!({"b": "yé", "c": ""})),
            (json!({"a": "eA==", "b": "ecOp", "c": ""}), None)
        );
        assert_eq!(secret(Value::Null, json!({"a": "x"})), (json!({"a": "eA=="}), None));
        assert_eq!(secret(json!({"a": "eA=="}), Value::Null), (json!({"a": "eA=="}), None));
        assert_eq!(secret(json!({}), json!("x")), (json!({}), Some(json!("x"))));
        let other =
            json!({"apiVersion": "x.test/v1", "kind": "Secret", "metadata": {"name": "a"}, "stringData": {"a": "b"}});
        assert_eq!(sent(&other)["stringData"]["a"], "b");
    }
}
