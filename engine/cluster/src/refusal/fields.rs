//! Fields as API servers name them → JSON pointers into the object as it was sent.

use serde_json::Value;
use windlass_core::fields::FieldPath;

use super::FieldCause;

/// A pointer for a field of a `Status` (`spec.template.spec.containers[0].image`, `data[a.b]`), as deep as the object goes:
/// what is missing is pointed at where it would have to stand.
#[must_use]
pub fn pointer_of(field: &str, object: &Value) -> String {
    let mut pointer = String::new();
    let mut at = object;
    for part in parts(field) {
        let next = match at {
            Value::Object(map) => map.get(part),
            Value::Array(list) => part.parse::<usize>().ok().and_then(|index| list.get(index)),
            _ => None,
        };
        let Some(next) = next else { break };
        pointer.push('/');
        pointer.push_str(&part.replace('~', "~0").replace('/', "~1"));
        at = next;
    }
    pointer
}

/// Parts between dots; what stands in brackets is one part, dots and all.
fn parts(field: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = field;
    while !rest.is_empty() {
        rest = rest.trim_start_matches('.');
        if let Some(inner) = rest.strip_prefix('[') {
            let (key, after) = inner.split_once(']').unwrap_or((inner, ""));
            parts.push(key.trim_matches('"'));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            if end > 0 {
                parts.push(&rest[..end]);
            }
            rest = &rest[end..];
        }
    }
    parts
}

/// Fields that are wrong in a way that is told in words only: those of server-side apply when an object doesn't fit its
/// schema, and those of strict decoding. (The first come as a 500 without a reason.)
pub(super) fn told(message: &str, body: Option<&Value>) -> Vec<FieldCause> {
    let null = Value::Null;
    let object = body.unwrap_or(&null);
    // `failed to create typed patch object (shop/api; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema`,
    // and of several `errors:` with one a line.
    if let Some((_, rest)) = message
        .split_once("failed to create typed patch object")
        .and_then(|(_, r)| r.split_once("): "))
    {
        let errors = rest.trim_start_matches("errors:").lines();
        return errors.filter_map(|line| typed(line.trim(), object)).collect();
    }
    if let Some((_, rest)) = message.split_once("strict decoding error: ") {
        return rest.split(", ").filter_map(|error| strict(error, object)).collect();
    }
    if let Some((_, why)) = message
        .split_once("failed to convert new object")
        .and_then(|(_, r)| r.split_once(": unable to convert unstructured object to "))
    {
        let why = why.split_once(": ").map_or(why, |(_, why)| why);
        return if why.is_empty() {
            Vec::new()
        } else {
            vec![converted(why, object)]
        };
    }
    Vec::new()
}

fn typed(error: &str, object: &Value) -> Option<FieldCause> {
    let (path, why) = error.split_once(": ")?;
    let pointer = FieldPath::parse_in(path, object)
        .ok()
        .and_then(|path| deepest(path, object))
        .unwrap_or_else(|| pointer_of(path, object));
    Some(FieldCause {
        pointer,
        field: path.to_owned(),
        message: why.to_owned(),
    })
}

/// `unknown field "spec.replica"`, `duplicate field "spec.a"`.
fn strict(error: &str, object: &Value) -> Option<FieldCause> {
    let (what, rest) = error.split_once(" \"")?;
    let field = rest.split('"').next()?;
    Some(FieldCause {
        pointer: pointer_of(field, object),
        field: field.to_owned(),
        message: what.to_owned(),
    })
}

/// A value that its type can't hold; the server doesn't say which.
fn converted(why: &str, object: &Value) -> FieldCause {
    let in_data = why.contains(NO_BASE64) && object.get("data").is_some();
    FieldCause {
        pointer: if in_data { "/data".to_owned() } else { String::new() },
        field: if in_data { "data".to_owned() } else { String::new() },
        message: why.to_owned(),
    }
}

/// The one sentence about a Secret's value that quotes nothing of it.
pub(super) const NO_BASE64: &str = "illegal base64 data";

/// Of a field, or of the nearest one above it that the object has.
fn deepest(mut path: FieldPath, object: &Value) -> Option<String> {
    while !path.0.is_empty() {
        if let Some(pointer) = path.pointer_in(object) {
            return Some(pointer);
        }
        path.0.pop();
    }
    None
}
