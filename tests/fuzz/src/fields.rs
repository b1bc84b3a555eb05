//! What an API server says of fields: `FieldsV1` and the paths of conflicts.

use std::path::Path;

use serde_json::{Value, json};
use windlass_core::{
    conflict,
    fields::{FieldPath, FieldSet, project, without},
    managers::{Manager, Managers},
};

/// A line of JSON, then paths. What is read is written so that it reads the same, and whatever is owned can be looked up in
/// whatever lives.
pub(crate) fn fields(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (json, paths) = text.split_once('\n').unwrap_or((text, ""));
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let paths: Vec<FieldPath> = paths.lines().filter_map(|line| path(line, &value)).collect();
    if let Ok(set) = FieldSet::from_value(&value) {
        assert_eq!(FieldSet::from_value(&set.to_value()).as_ref(), Ok(&set));
        assert_eq!(FieldSet::of(set.paths().iter()), set);
        let _ = project(&value, &set);
        for path in &paths {
            let mut less = set.clone();
            less.remove(path);
            assert!(less.difference(&set).is_empty(), "{path}");
        }
    }
    let mut less = value.clone();
    let stays = without(&mut less, &paths).len();
    assert!(stays < paths.len() || less == value, "what stays is not changed");
    managers(&value);
}

/// A path that was read is printed so that it reads the same.
fn path(line: &str, value: &Value) -> Option<FieldPath> {
    let path = FieldPath::parse_in(line, value).ok()?;
    if let Some(pointer) = path.pointer_in(value) {
        assert_eq!(value.pointer(&pointer), path.find_in(value), "{line:?}");
    }
    let printed = FieldPath::parse(line).ok()?.to_string();
    let again = FieldPath::parse(&printed).expect("what was printed reads");
    assert_eq!(again.to_string(), printed, "{line:?}");
    let cause = json!({"reason": "FieldManagerConflict", "field": line, "message": format!("conflict with {line}")});
    let _ = conflict::read(&json!({"details": {"causes": [cause]}}), value);
    Some(path)
}

fn managers(value: &Value) {
    let object = json!({"metadata": {"managedFields": value}});
    if let Ok(managers) = Managers::read(&object) {
        let written: Vec<Value> = managers.0.iter().map(Manager::to_value).collect();
        let again = Managers::read(&json!({"metadata": {"managedFields": written}}));
        assert_eq!(again, Ok(managers));
    }
}

pub(crate) fn seeds(_: &Path) -> Vec<Vec<u8>> {
    let fields = r#"{"f:metadata":{"f:annotations":{".":{},"f:a.b/c":{}},"f:finalizers":{"v:\"x\"":{}}},"f:spec":{"f:ports":{"k:{\"port\":80,\"protocol\":\"TCP\"}":{".":{},"f:name":{}}},"f:l":{"i:0":{}}}}"#;
    let entry = format!(r#"[{{"manager":"a","operation":"Apply","apiVersion":"v1","fieldsV1":{fields}}}]"#);
    let object = r#"{"metadata":{"annotations":{"a.b/c":"x"},"finalizers":["x"]},"spec":{"ports":[{"port":80,"name":"h"}],"l":[1]}}"#;
    let paths = ".metadata.annotations.a.b/c\n.metadata.finalizers[=\"x\"]\n.spec.ports[port=80,protocol=\"TCP\"].name\n.spec.l[0]\n";
    [fields, &entry, object]
        .map(|json| format!("{json}\n{paths}").into_bytes())
        .into()
}
