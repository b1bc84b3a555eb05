//! Objects as people may see them: values of Secrets are replaced.

use serde_json::{Map, Value};

use crate::{adopt::LAST_APPLIED, yaml};

/// An object to look at, never to apply: it is of a type of its own that gives out text alone and can't be serialised, so that
/// what was redacted never takes the place of what it hides (fluxcd/helm-controller#925 wrote `*** (after)` into a cluster).
#[derive(Debug, Clone, PartialEq)]
pub struct View(Value);

impl View {
    /// As YAML; ends with a line feed.
    #[must_use]
    pub fn yaml(&self) -> String {
        yaml::write(&self.0)
    }
}

/// What a value is replaced by. Neither length nor digest: both help to guess a short secret.
const SAME: &str = "<redacted>";
const BEFORE: &str = "<redacted: before>";
const AFTER: &str = "<redacted: after>";

/// Both sides of a comparison, in one form: a Secret's `stringData` is other values than its `data` to this function (see
/// [`crate::payload`]). Of a Secret's values only this much stays: which keys there are, and which differ.
#[must_use]
pub fn pair(live: Option<&Value>, desired: Option<&Value>) -> (Option<View>, Option<View>) {
    if ![live, desired].into_iter().flatten().any(is_secret) {
        return (live.cloned().map(View), desired.cloned().map(View));
    }
    (
        live.map(|value| View(redacted(value, desired, BEFORE))),
        desired.map(|value| View(redacted(value, live, AFTER))),
    )
}

fn is_secret(object: &Value) -> bool {
    let field = |name| object.get(name).and_then(Value::as_str);
    field("kind") == Some("Secret") && field("apiVersion") == Some("v1")
}

fn redacted(object: &Value, other: Option<&Value>, changed: &str) -> Value {
    let mut object = object.clone();
    for field in ["data", "stringData"] {
        if let Some(values) = object.get_mut(field) {
            hide(values, other.and_then(|o| o.get(field)), changed);
        }
    }
    let annotations = "/metadata/annotations";
    let copy = object
        .pointer_mut(annotations)
        .and_then(Value::as_object_mut)
        .and_then(|map| map.get_mut(LAST_APPLIED));
    if let Some(copy) = copy {
        let theirs = other
            .and_then(|o| o.pointer(annotations))
            .and_then(|map| map.get(LAST_APPLIED));
        hide(copy, theirs, changed);
    }
    object
}

fn hide(value: &mut Value, other: Option<&Value>, changed: &str) {
    match value {
        Value::Object(map) => {
            let empty = Map::new();
            let theirs = other.and_then(Value::as_object).unwrap_or(&empty);
            for (key, value) in map {
                hide(value, theirs.get(key), changed);
            }
        }
        Value::Null => {}
        _ => {
            let mark = if other.is_none_or(|other| other == value) {
                SAME
            } else {
                changed
            };
            *value = mark.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": data})
    }

    #[test]
    fn values_of_secrets_are_replaced_and_only_their_difference_shows() {
        let live = secret(json!({"same": "aGk=", "other": "b2xk", "gone": "eA=="}));
        let desired = secret(json!({"same": "aGk=", "other": "bmV3", "new": "eQ=="}));
        let (live, desired) = pair(Some(&live), Some(&desired));
        let data = |view: Option<View>| view.unwrap().0["data"].clone();
        assert_eq!(data(live), json!({"same": SAME, "other": BEFORE, "gone": SAME}));
        assert_eq!(data(desired), json!({"same": SAME, "other": AFTER, "new": SAME}));
    }

    #[test]
    fn no_value_is_left_anywhere() {
        let mut live = secret(json!({"password": "hunter2"}));
        live["stringData"] = json!({"token": "hunter2"});
        live["metadata"]["annotations"] =
            json!({LAST_APPLIED: "{\"data\":{\"password\":\"hunter2\"}}", "team": "shop"});
        let odd = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "data": "hunter2", "stringData": [["hunter2"]]});
        for (a, b) in [
            (Some(&live), None),
            (None, Some(&live)),
            (Some(&live), Some(&odd)),
            (Some(&odd), None),
        ] {
            let (a, b) = pair(a, b);
            let text: String = [a, b].iter().flatten().map(View::yaml).collect();
            assert!(!text.contains("hunter2"), "{text}");
        }
        let (view, _) = pair(Some(&live), None);
        assert!(view.unwrap().yaml().contains("team: shop"));
    }

    #[test]
    fn other_objects_are_shown_whole() {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}});
        let (live, _) = pair(Some(&object), None);
        assert_eq!(live.unwrap().0, object);
    }
}
