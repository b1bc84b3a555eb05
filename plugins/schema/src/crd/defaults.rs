//! Defaults of custom resources: the server fills them in first, so that a required field with one may be left out.

use serde_json::{Map, Value};

/// Fills in what `schema` has a default for, wherever `value` lacks it.
pub(super) fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => object(schema, map),
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            items.iter_mut().for_each(|item| fill(schema, item));
        }
        _ => {}
    }
}

fn object(schema: &Value, map: &mut Map<String, Value>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let nullable = property.get("nullable") == Some(&Value::Bool(true));
        let absent = map.get(name).is_none_or(|value| value.is_null() && !nullable);
        if let Some(default) = property.get("default").filter(|_| absent) {
            map.insert(name.clone(), default.clone());
        }
    }
    let each = schema.get("additionalProperties");
    for (name, value) in map {
        let property = properties.and_then(|properties| properties.get(name));
        if let Some(schema) = property.or(each) {
            fill(schema, value);
        }
    }
}
