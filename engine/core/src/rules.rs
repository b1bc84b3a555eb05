//! Rules that hold for every Kubernetes object, whatever its kind: what an API server refuses or silently mangles.

use serde_json::Value;

use crate::{
    dag, hooks,
    model::{Object, ObjectId, type_name},
    options::Options,
    render::{Diagnostic, Location},
};

/// A breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// RFC 6901, into the object.
    pub pointer: String,
    /// Stable, kebab-case.
    pub code: &'static str,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

impl Finding {
    /// With its object's name and its place.
    #[must_use]
    pub fn into_diagnostic(self, id: &ObjectId, at: Location) -> Diagnostic {
        Diagnostic::error(self.code, format!("{id}: {}", self.message), at).with_help(self.help)
    }
}

/// Maps of strings: a number or a boolean there is refused by the API server, and mostly a forgotten quote.
const STRING_MAPS: [&str; 2] = ["/metadata/labels", "/metadata/annotations"];

/// All breaches in one object.
#[must_use]
pub fn check(object: &Object) -> Vec<Finding> {
    let mut findings = Vec::new();
    name(object, &mut findings);
    for pointer in STRING_MAPS {
        strings(&object.body, pointer, &mut findings);
    }
    annotations(&object.body, &mut findings);
    match object.id.kind.as_str() {
        "ConfigMap" if object.id.group.is_empty() => strings(&object.body, "/data", &mut findings),
        "Secret" if object.id.group.is_empty() => {
            strings(&object.body, "/data", &mut findings);
            strings(&object.body, "/stringData", &mut findings);
        }
        _ => {}
    }
    findings
}

/// No kind allows these in a name (path segment names, `k8s.io/apimachinery` validation `IsValidPathSegmentName`), and none
/// more than 253 bytes.
fn name(object: &Object, findings: &mut Vec<Finding>) {
    let name = &object.id.name;
    let bad = name.contains(['/', '%']) || matches!(name.as_str(), "." | "..") || name.len() > 253;
    if bad || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        findings.push(Finding {
            pointer: "/metadata/name".to_owned(),
            code: "invalid-name",
            message: format!("`{}` can't be a name", name.escape_debug()),
            help: "use at most 253 lower-case letters, digits, `-` and `.`",
        });
    }
}

fn strings(body: &Value, pointer: &str, findings: &mut Vec<Finding>) {
    let (Some(map), field) = (body.pointer(pointer), pointer[1..].replace('/', ".")) else {
        return;
    };
    let Some(map) = map.as_object() else {
        if !map.is_null() {
            findings.push(wrong(
                pointer.to_owned(),
                format!("`{field}` must be a map of strings, found {}", type_name(map)),
            ));
        }
        return;
    };
    for (key, value) in map.iter().filter(|(_, v)| !v.is_string() && !v.is_null()) {
        let at = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        findings.push(wrong(
            at,
            format!("`{field}.{key}` must be a string, found {}", type_name(value)),
        ));
    }
}

/// What Windlass is told by annotations: a misspelt word would do harm in silence.
fn annotations(body: &Value, findings: &mut Vec<Finding>) {
    let options = Options::of(body).err().map(|error| (error.key, error.to_string()));
    let order = dag::unreadable(body).into_iter();
    let order = order.map(|(key, error)| (key, format!("annotation `{key}`: {error}")));
    // A wave is told of already.
    let hook = hooks::unreadable(body).filter(|error| error.key != hooks::ARGO_WAVE);
    let hook = hook.map(|error| (error.key, error.to_string()));
    for (key, message) in options.into_iter().chain(order).chain(hook) {
        findings.push(Finding {
            pointer: format!("/metadata/annotations/{}", key.replace('/', "~1")),
            code: "invalid-annotation",
            message,
            help: "see the table of annotations in the README",
        });
    }
}

const fn wrong(pointer: String, message: String) -> Finding {
    Finding {
        pointer,
        code: "not-a-string",
        message,
        help: "put it in quotes: YAML reads `1`, `true`, `yes` and `on` as something else",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(value: Value) -> Vec<String> {
        check(&Object::from_value(value).unwrap())
            .into_iter()
            .map(|f| format!("{} {}", f.pointer, f.message))
            .collect()
    }

    #[test]
    fn unquoted_values_are_found() {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"port": 80, "ok": "80"},
            "metadata": {"name": "a", "labels": {"a/b": true}, "annotations": null}});
        assert_eq!(
            found(object),
            [
                "/metadata/labels/a~1b `metadata.labels.a/b` must be a string, found a boolean",
                "/data/port `data.port` must be a string, found a number"
            ]
        );
    }

    #[test]
    fn words_that_windlass_does_not_know_are_found() {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "annotations": {
            "windlass.dev/apply": "never", "windlass.dev/wave": "1.5", "windlass.dev/depends-on": "/ConfigMap/shop/b"}}});
        assert_eq!(
            found(object),
            [
                "/metadata/annotations/windlass.dev~1apply annotation `windlass.dev/apply` is `never`, expected `create-only` or `replace`",
                "/metadata/annotations/windlass.dev~1wave annotation `windlass.dev/wave`: `1.5` is no whole number",
            ]
        );
    }

    #[test]
    fn impossible_names_are_found() {
        for name in ["a/b", "a b", "..", "a\u{1b}[31m"] {
            let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}});
            assert_eq!(found(object).len(), 1, "{name:?}");
        }
        let role =
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "system:a"}});
        assert!(found(role).is_empty());
    }
}
