//! A JSON Schema as an API server takes it: structural, without defaults, and with words for users.

use serde_json::{Map, Value, json};

use crate::config::schema::OR_OFF;

/// Makes a schema structural, all the way down.
pub(super) fn make(schema: &mut Value) {
    let Value::Object(node) = schema else { return };
    for meta in ["$schema", "title", "uniqueItems"] {
        node.remove(meta);
    }
    without_null(node);
    let choices = choices(node);
    numbers(node);
    unknown_fields(node);
    describe(node, &choices);
    if node.remove(OR_OFF).is_some() {
        or_off(node);
    }
    if let Some(Value::Object(properties)) = node.get_mut("properties") {
        properties.values_mut().for_each(make);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = node.get_mut(inner) {
            make(inner);
        }
    }
}

/// What may be absent may be null for serde; an API server takes null for absent by itself.
fn without_null(node: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = node.get("type") {
        let first = types.iter().find(|kind| *kind != "null").cloned();
        node.insert("type".to_owned(), first.unwrap_or_default());
    }
    let Some(Value::Array(any)) = node.remove("anyOf") else {
        return;
    };
    for (key, value) in any.into_iter().filter_map(of_something).flatten() {
        node.entry(key).or_insert(value);
    }
}

fn of_something(schema: Value) -> Option<Map<String, Value>> {
    match schema {
        Value::Object(map) if map.get("type") != Some(&json!("null")) => Some(map),
        _ => None,
    }
}

/// Turns the variants of an enum into values, and returns each with what it means.
fn choices(node: &mut Map<String, Value>) -> Vec<(String, String)> {
    let Some(Value::Array(variants)) = node.remove("oneOf") else {
        return Vec::new();
    };
    let choices: Vec<(String, String)> = variants
        .iter()
        .filter_map(|variant| {
            let value = variant.get("const")?.as_str()?.to_owned();
            let about = variant.get("description").and_then(Value::as_str).unwrap_or_default();
            Some((value, words(about)))
        })
        .collect();
    let values: Vec<&str> = choices.iter().map(|(value, _)| value.as_str()).collect();
    node.insert("type".to_owned(), json!("string"));
    node.insert("enum".to_owned(), json!(values));
    choices
}

/// An API server knows the formats of signed numbers only.
fn numbers(node: &mut Map<String, Value>) {
    let is_unsigned = node
        .get("format")
        .and_then(Value::as_str)
        .is_some_and(|format| format.starts_with("uint"));
    if is_unsigned {
        node.insert("format".to_owned(), json!("int64"));
    }
}

/// Unknown fields are dropped by default, or refused at the client's wish; what takes any says so.
fn unknown_fields(node: &mut Map<String, Value>) {
    match node.get("additionalProperties") {
        Some(Value::Bool(false)) => {
            node.remove("additionalProperties");
        }
        Some(Value::Bool(true)) => {
            node.remove("additionalProperties");
            node.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
        }
        _ => {}
    }
}

/// No structural type takes a text and a boolean, so that it has none; its values are counted out.
fn or_off(node: &mut Map<String, Value>) {
    node.remove("type");
    node.insert("x-kubernetes-preserve-unknown-fields".to_owned(), json!(true));
    if let Some(Value::Array(values)) = node.get_mut("enum") {
        values.push(json!(false));
    }
}

/// What it is, what it may be, and what it is where nothing is said.
fn describe(node: &mut Map<String, Value>, choices: &[(String, String)]) {
    let default = node.remove("default").and_then(|default| shown(&default));
    let mut text = node
        .get("description")
        .and_then(Value::as_str)
        .map_or_else(String::new, words);
    if let Some(default) = default.filter(|_| !text.contains("Default:")) {
        text.push_str(&format!(" Default: {default}."));
    }
    for (value, about) in choices {
        text.push_str(&format!("\n- `{value}`: {about}"));
    }
    let text = text.trim();
    if text.is_empty() {
        node.remove("description");
    } else {
        node.insert("description".to_owned(), json!(text));
    }
}

/// A default that is worth telling.
fn shown(default: &Value) -> Option<String> {
    match default {
        Value::String(text) if !text.is_empty() => Some(format!("`{text}`")),
        Value::Bool(_) | Value::Number(_) => Some(format!("`{default}`")),
        Value::Array(items) if !items.is_empty() => {
            let items: Option<Vec<String>> = items.iter().map(shown).collect();
            items.map(|items| items.join(", "))
        }
        _ => None,
    }
}

/// Documentation as a user reads it: lines flow, links are words, and a heading that names the field is left out.
fn words(documentation: &str) -> String {
    let paragraphs = documentation
        .split("\n\n")
        .map(|paragraph| paragraph.replace('\n', " "));
    let text = paragraphs
        .collect::<Vec<_>>()
        .join("\n\n")
        .replace("[`", "`")
        .replace("`]", "`");
    let text = match text.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        Some((name, rest)) if name.contains(".spec") || name.contains(".status") => {
            rest.trim_start_matches([':', '.', ' '])
        }
        _ => text.as_str(),
    };
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_for_users() {
        assert_eq!(words("A\nb [`c`]\n\nd"), "A b `c`\n\nd");
        assert_eq!(
            words("`App.spec.health.checks[]`: where some stand."),
            "Where some stand."
        );
        assert_eq!(words("`App.spec.render[]`."), "");
        assert_eq!(words("`https://…` or else"), "`https://…` or else");
    }

    #[test]
    fn a_choice_with_a_default_is_told_in_words() {
        let mut schema = json!({
            "description": "What to do.", "default": "Off",
            "oneOf": [{"const": "Off", "type": "string", "description": "Nothing."}, {"const": "On", "description": "It."}],
        });
        make(&mut schema);
        assert_eq!(
            schema,
            json!({"type": "string", "enum": ["Off", "On"], "description": "What to do. Default: `Off`.\n- `Off`: Nothing.\n- `On`: It."})
        );
        let mut schema = json!({"oneOf": [{"const": "Off"}], OR_OFF: true});
        make(&mut schema);
        assert_eq!(schema["enum"], json!(["Off", false]));
        assert_eq!(schema.get("type"), None);
    }

    #[test]
    fn what_may_be_absent_is_never_null() {
        let mut schema = json!({"properties": {
            "a": {"type": ["string", "null"]},
            "b": {"description": "x", "anyOf": [{"type": "object", "description": "y", "additionalProperties": false}, {"type": "null"}]},
            "c": {"type": "object", "additionalProperties": true},
            "d": {"type": "array", "uniqueItems": true, "items": {"type": "integer", "format": "uint8", "minimum": 0}},
        }});
        make(&mut schema);
        assert_eq!(
            schema,
            json!({"properties": {
                "a": {"type": "string"},
                "b": {"type": "object", "description": "X"},
                "c": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                "d": {"type": "array", "items": {"type": "integer", "format": "int64", "minimum": 0}},
            }})
        );
    }
}
