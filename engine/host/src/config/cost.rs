//! What checking against a schema may cost. A plugin's schema is as hostile as its code, and is evaluated in the engine:
//! a few dozen alternatives that refer to each other take longer than the universe lasts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Schemas visited for one value of a config, with all references followed. Helm's schema has 60.
const SCHEMA_COST: u64 = 10_000;

/// Schemas visited for a whole config: a second, where Helm's biggest config takes a tenth.
const CHECK_COST: u64 = 50_000_000;

/// Keywords whose values are no schemas.
const DATA: &[&str] = &["const", "enum", "default", "examples", "required", "dependentRequired"];

/// Keywords whose values are schemas by name.
const NAMED: &[&str] = &["properties", "patternProperties", "dependentSchemas"];

/// Keywords whose schemas count where they are referred to.
const DEFINITIONS: &[&str] = &["$defs", "definitions"];

/// Keywords whose cost can't be told beforehand.
const UNBOUNDED: &[&str] = &[
    "$dynamicRef",
    "$recursiveRef",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The cost of a schema for one value.
///
/// # Errors
/// With a sentence, when it is too much, or has no bound.
pub(super) fn of_schema(schema: &Value) -> Result<u64, String> {
    let mut walk = Walk {
        root: schema,
        known: BTreeMap::new(),
        path: Vec::new(),
    };
    let cost = walk.schema(schema)?;
    if cost > SCHEMA_COST {
        return Err(format!(
            "with all references followed it has more than {SCHEMA_COST} parts: checking a config would take too long"
        ));
    }
    Ok(cost)
}

/// Whether a config may be checked against a schema of that cost.
pub(super) fn allows(cost: u64, config: &Value) -> bool {
    cost.saturating_mul(size(config)) <= CHECK_COST
}

/// Values, and sixteen bytes of a text like one more.
fn size(value: &Value) -> u64 {
    match value {
        Value::String(text) => 1 + text.len() as u64 / 16,
        Value::Array(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Object(map) => 1 + map.iter().map(|(k, v)| 1 + k.len() as u64 / 16 + size(v)).sum::<u64>(),
        _ => 1,
    }
}

struct Walk<'a> {
    root: &'a Value,
    /// Costs of what was referred to.
    known: BTreeMap<&'a str, u64>,
    /// References that are being followed.
    path: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn schema(&mut self, schema: &'a Value) -> Result<u64, String> {
        match schema {
            Value::Object(keywords) => self.keywords(keywords),
            Value::Array(schemas) => self.sum(schemas.iter()),
            _ => Ok(1),
        }
    }

    fn keywords(&mut self, keywords: &'a Map<String, Value>) -> Result<u64, String> {
        let mut cost = 1_u64;
        for (keyword, value) in keywords {
            let keyword = keyword.as_str();
            if UNBOUNDED.contains(&keyword) {
                return Err(format!(
                    "`{keyword}` is not supported: what it costs can't be told beforehand"
                ));
            }
            cost = cost.saturating_add(match value {
                Value::String(reference) if keyword == "$ref" => self.reference(reference)?,
                Value::Array(values) if DATA.contains(&keyword) => values.len() as u64,
                _ if DATA.contains(&keyword) => 1,
                _ if DEFINITIONS.contains(&keyword) => 0,
                Value::Object(named) if NAMED.contains(&keyword) => self.sum(named.values())?,
                value => self.schema(value)?,
            });
        }
        Ok(cost)
    }

    fn sum(&mut self, schemas: impl Iterator<Item = &'a Value>) -> Result<u64, String> {
        schemas
            .into_iter()
            .try_fold(0_u64, |sum, schema| Ok(sum.saturating_add(self.schema(schema)?)))
    }

    fn reference(&mut self, reference: &'a str) -> Result<u64, String> {
        if let Some(cost) = self.known.get(reference) {
            return Ok(*cost);
        }
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer));
        let target = target.ok_or_else(|| format!("`$ref: {reference}` names no part of it: use `#/$defs/NAME`"))?;
        if self.path.contains(&reference) || std::ptr::eq(target, self.root) {
            return Err(format!(
                "`$ref: {reference}` leads back to itself: what that costs can't be told beforehand; say `type: object` instead"
            ));
        }
        self.path.push(reference);
        let cost = self.schema(target)?;
        self.path.pop();
        self.known.insert(reference, cost);
        Ok(cost)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn alternatives_of_alternatives_are_refused_in_no_time() {
        let mut definitions = Map::new();
        for level in 0..100 {
            let next = json!({"$ref": format!("#/$defs/l{}", level + 1)});
            definitions.insert(format!("l{level}"), json!({"anyOf": [next, next]}));
        }
        definitions.insert("l100".into(), json!({"type": "string"}));
        let error = of_schema(&json!({"$ref": "#/$defs/l0", "$defs": definitions})).unwrap_err();
        assert!(error.contains("more than 10000 parts"), "{error}");
    }

    #[test]
    fn a_schema_without_a_bound_is_refused() {
        for (schema, word) in [
            (json!({"properties": {"next": {"$ref": "#"}}}), "back to itself"),
            (
                json!({"$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}),
                "back to itself",
            ),
            (json!({"unevaluatedProperties": false}), "not supported"),
            (json!({"$dynamicRef": "#x"}), "not supported"),
            (json!({"$ref": "#anchor"}), "names no part"),
        ] {
            let error = of_schema(&schema).unwrap_err();
            assert!(error.contains(word), "{schema}: {error}");
        }
    }

    #[test]
    fn ordinary_schemas_and_names_that_look_like_keywords_pass() {
        let schema = json!({
            "properties": {"$ref": {"type": "string"}, "unevaluatedItems": {"$ref": "#/$defs/one"}, "enum": {"enum": [1, 2]}},
            "$defs": {"one": {"type": "string"}, "unused": {"$dynamicRef": "#x"}},
        });
        let cost = of_schema(&schema).unwrap();
        assert!(cost < 30, "{cost}");
        assert!(allows(60, &json!({"values": "x".repeat(1 << 20)})));
        assert!(!allows(10_000, &json!(vec![0; 10_000])));
    }
}
