//! A plugin's config: held to the schema in its manifest, defaults filled in.

mod cost;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};
use windlass_core::{
    model::canonical,
    render::{Diagnostic, Location},
};

use crate::limits;

/// Compiled size of one `pattern` of a schema: a plugin's schema is as hostile as its code.
const PATTERN_BYTES: usize = 1 << 20;

/// Nesting to which defaults are filled in.
const DEFAULT_DEPTH: usize = 32;

/// A plugin's schema, ready to use.
#[derive(Debug)]
pub struct ConfigSchema {
    schema: Value,
    validator: Validator,
    /// Of checking one value.
    cost: u64,
}

impl ConfigSchema {
    /// Reads a schema. `null`: the plugin takes no config. References to other documents are refused: nothing is fetched.
    ///
    /// # Errors
    /// A sentence, when it is none, or costs too much to check with.
    pub fn new(schema: &Value) -> Result<Self, String> {
        let schema = match schema {
            Value::Null => serde_json::json!({"type": "object", "additionalProperties": false}),
            schema => schema.clone(),
        };
        let cost = cost::of_schema(&schema)?;
        let validator = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .with_pattern_options(
                PatternOptions::regex()
                    .size_limit(PATTERN_BYTES)
                    .dfa_size_limit(PATTERN_BYTES),
            )
            .offline()
            .build(&schema)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            schema,
            validator,
            cost,
        })
    }

    /// Canonical JSON with defaults filled in.
    ///
    /// # Errors
    /// A finding per field at fault, located in the config.
    pub fn check(&self, config: &Value) -> Result<String, Vec<Diagnostic>> {
        let mut filled = if config.is_null() {
            Value::Object(Map::new())
        } else {
            config.clone()
        };
        if !cost::allows(self.cost, &filled) {
            let message = "the config is so large that checking it against the plugin's schema would take too long";
            return Err(too_large(message.to_owned()));
        }
        let mut left = limits::CONFIG_BYTES;
        self.fill(&self.schema, &mut filled, 0, &mut left);
        if left == 0 {
            let limit = limits::CONFIG_BYTES;
            return Err(too_large(format!(
                "the config has more than {limit} bytes with its defaults"
            )));
        }
        let errors: Vec<_> = self
            .validator
            .iter_errors(&filled)
            .take(20)
            .map(|error| diagnostic(&error))
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let text = canonical(&filled);
        if text.len() > limits::CONFIG_BYTES {
            return Err(too_large(format!(
                "the config has {} bytes, more than the {} allowed",
                text.len(),
                limits::CONFIG_BYTES
            )));
        }
        Ok(text)
    }

    /// `left`: bytes of defaults that may still be filled in. A config of a thousand empty objects and a default of a
    /// megabyte make a gigabyte.
    fn fill(&self, schema: &Value, value: &mut Value, depth: usize, left: &mut usize) {
        if depth > DEFAULT_DEPTH {
            return;
        }
        let schema = self.resolve(schema);
        match value {
            Value::Object(map) => {
                let properties = schema.get("properties").and_then(Value::as_object);
                for (key, property) in properties.into_iter().flatten() {
                    if let Some(present) = map.get_mut(key) {
                        self.fill(property, present, depth + 1, left);
                    } else if let Some(default) = self.resolve(property).get("default") {
                        insert(map, key, default, left);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(of_items) = schema.get("items") {
                    for item in items {
                        self.fill(of_items, item, depth + 1, left);
                    }
                }
            }
            _ => {}
        }
    }

    /// Follows a reference within the schema.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let pointer = schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|r| r.strip_prefix('#'));
        pointer
            .and_then(|pointer| self.schema.pointer(pointer))
            .unwrap_or(schema)
    }
}

/// Unless it is more than is left: then nothing is.
fn insert(map: &mut Map<String, Value>, key: &str, default: &Value, left: &mut usize) {
    if *left == 0 {
        return;
    }
    let size = key.len() + canonical(default).len();
    if let Some(rest) = left.checked_sub(size) {
        *left = rest;
        map.insert(key.to_owned(), default.clone());
    } else {
        *left = 0;
    }
}

fn too_large(message: String) -> Vec<Diagnostic> {
    let at = Location::Config { pointer: String::new() };
    let help = "put big values into a file of the repository";
    vec![Diagnostic::error("config-too-large", message, at).with_help(help)]
}

fn diagnostic(error: &jsonschema::ValidationError<'_>) -> Diagnostic {
    let at = Location::Config {
        pointer: error.instance_path().to_string(),
    };
    Diagnostic::error("invalid-config", error.to_string(), at)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> ConfigSchema {
        ConfigSchema::new(&json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "recurse": {"type": "boolean", "default": true},
                "name": {"type": "string", "pattern": "^[a-z]+$"},
                "args": {"type": "array", "items": {"$ref": "#/$defs/arg"}},
            },
            "$defs": {"arg": {"type": "object", "properties": {"code": {"type": "boolean", "default": false}}}},
        }))
        .unwrap()
    }

    #[test]
    fn defaults_are_filled_and_the_text_is_canonical() {
        let text = schema().check(&json!({"name": "a", "args": [{"x": 1}]})).unwrap();
        assert_eq!(text, r#"{"args":[{"code":false,"x":1}],"name":"a","recurse":true}"#);
        assert_eq!(schema().check(&Value::Null).unwrap(), r#"{"recurse":true}"#);
    }

    #[test]
    fn an_error_points_into_the_config() {
        let errors = schema().check(&json!({"name": "A", "valeus": 1})).unwrap_err();
        let pointers: Vec<_> = errors.iter().map(|e| &e.at).collect();
        assert!(
            pointers.contains(&&Location::Config {
                pointer: "/name".into()
            }),
            "{errors:?}"
        );
        assert!(errors.iter().any(|e| e.message.contains("valeus")), "{errors:?}");
    }

    #[test]
    fn a_schema_can_not_fetch_and_not_blow_up() {
        assert!(ConfigSchema::new(&json!({"$ref": "https://example.com/schema.json"})).is_err());
        assert!(ConfigSchema::new(&json!({"type": "string", "pattern": "(a{1000}){1000}"})).is_err());
        let endless = json!({"type": "object", "properties": {"next": {"$ref": "#", "default": {}}}});
        assert!(ConfigSchema::new(&endless).unwrap_err().contains("back to itself"));
    }

    #[test]
    fn defaults_and_large_configs_are_bounded() {
        let item = json!({"properties": {"a": {"default": "x".repeat(100_000)}}});
        let bomb = ConfigSchema::new(&json!({"type": "object", "properties": {"all": {"items": item}}})).unwrap();
        let errors = bomb.check(&json!({"all": vec![json!({}); 1000]})).unwrap_err();
        assert_eq!(errors[0].code, "config-too-large");
        let large = schema().check(&json!({"args": vec![1; 10_000_000]})).unwrap_err();
        assert_eq!(large[0].code, "config-too-large");
    }

    #[test]
    fn a_plugin_without_a_schema_takes_no_config() {
        let none = ConfigSchema::new(&Value::Null).unwrap();
        assert_eq!(none.check(&Value::Null).unwrap(), "{}");
        assert!(none.check(&json!({"a": 1})).is_err());
    }
}
