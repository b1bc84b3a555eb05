//! An object against its schema: every value is looked at, every finding is kept.

mod lists;
mod rules;
mod scalars;

use serde_json::{Map, Value};
use windlass_sdk::Severity;

use crate::finding::{Finding, describe};
use crate::nearest::{below, nearest};
use crate::path::{Path, Segment};
use crate::patterns::Patterns;
use crate::schema::{Field, Null, Object, Rest, Schema, Shape};

/// How an object is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How unknown fields are taken; absent = not at all.
    pub(crate) unknown_fields: Option<Severity>,
    /// Whether values are kept out of messages.
    pub(crate) secret: bool,
    /// Whether SOPS has encrypted some of the values, which are text then whatever they were.
    encrypted: bool,
    /// Maps of strings whose types the engine looks at itself (`core::rules`): nothing is told twice.
    string_maps: &'static [&'static [&'static str]],
}

/// The field that SOPS adds to what it encrypts.
const SOPS: &str = "sops";
/// How a value starts that SOPS has encrypted.
const ENCRYPTED: &str = "ENC[";

impl Manner {
    /// How the object `body` of a kind is looked at.
    pub(crate) fn of(group: &str, kind: &str, body: &Value, unknown_fields: Option<Severity>) -> Self {
        let encrypted = body.pointer("/sops/mac").is_some();
        let secret = (group, kind) == ("", "Secret");
        let string_maps: &[&[&str]] = match (group, kind) {
            ("", "ConfigMap") => &[&["metadata", "labels"], &["metadata", "annotations"], &["data"]],
            _ if secret => &[
                &["metadata", "labels"],
                &["metadata", "annotations"],
                &["data"],
                &["stringData"],
            ],
            _ => &[&["metadata", "labels"], &["metadata", "annotations"]],
        };
        Self {
            unknown_fields,
            secret,
            encrypted,
            string_maps,
        }
    }
}

/// All that is wrong with `object`.
pub(crate) fn object(object: &Value, schema: &Schema, manner: Manner, patterns: &mut Patterns) -> Vec<Finding> {
    let mut walk = start(Path::default(), manner, patterns);
    walk.value(schema, object);
    walk.findings
}

/// A walk that has found nothing yet.
const fn start<'a, 'p>(path: Path<'a>, manner: Manner, patterns: &'p mut Patterns) -> Walk<'a, 'p> {
    Walk {
        manner,
        patterns,
        path,
        findings: Vec::new(),
    }
}

/// A way through an object.
struct Walk<'a, 'p> {
    manner: Manner,
    patterns: &'p mut Patterns,
    path: Path<'a>,
    findings: Vec<Finding>,
}

impl<'a> Walk<'a, '_> {
    fn value(&mut self, schema: &Schema, value: &'a Value) {
        if self.manner.encrypted && value.as_str().is_some_and(|text| text.starts_with(ENCRYPTED)) {
            return;
        }
        let before = self.findings.len();
        self.shape(&schema.shape, value);
        // What is of another type breaks the other rules too: that would only be noise.
        let fits = match &schema.shape {
            Shape::Object(_) => value.is_object(),
            Shape::List(_) => value.is_array(),
            _ => self.findings.len() == before,
        };
        if let Some(rules) = schema.rules.as_deref().filter(|_| fits) {
            self.rules(rules, value);
        }
    }

    fn shape(&mut self, shape: &Shape, value: &'a Value) {
        match shape {
            Shape::Any => {}
            Shape::Same(schema) => self.value(schema, value),
            Shape::Object(object) => self.object(object, value),
            Shape::List(list) => self.list(list, value),
            scalar => self.scalar(scalar, value),
        }
    }

    fn object(&mut self, object: &Object, value: &'a Value) {
        let strings = self.manner.string_maps.iter().any(|keys| self.path.is(keys));
        let Some(map) = value.as_object() else {
            if !strings {
                self.wrong_type("a map", value);
            }
            return;
        };
        if self.is_written() {
            self.required(object, map);
        }
        for (key, value) in map
            .iter()
            .filter(|(_, value)| !value.is_null() && (!strings || value.is_string()))
        {
            self.path.push(Segment::Key(key));
            match (object.field(key), &object.rest) {
                (Some(field), _) => self.value(&field.schema, value),
                (None, Rest::Each(schema)) => self.value(schema, value),
                (None, Rest::Free) => {}
                (None, Rest::Unknown) if self.manner.encrypted && self.path.is(&[SOPS]) => {}
                (None, Rest::Unknown) => self.unknown_field(object, key),
            }
            self.path.pop();
        }
    }

    /// The server takes nothing of a status but its form: it is another subresource.
    fn is_written(&self) -> bool {
        !self.path.starts_with(&["status"])
    }

    fn required(&mut self, object: &Object, map: &Map<String, Value>) {
        let absent = |field: &Field| match map.get(field.name.as_ref()) {
            Some(Value::Null) => field.schema.null != Null::Value,
            value => value.is_none(),
        };
        for field in object.fields.iter().filter(|field| field.required && absent(field)) {
            let message = format!("{} lacks `{}`, which is required", self.here(), field.name);
            let pointer = format!("{}/{}", self.path.pointer(), field.name);
            let help = misspelt(object, map, &field.name).map_or_else(
                || format!("add `{}`", field.name),
                |key| format!("did you mean it by `{key}`?"),
            );
            self.findings
                .push(Finding::error("missing-field", pointer, message).help(help));
        }
    }

    fn unknown_field(&mut self, object: &Object, key: &str) {
        let Some(severity) = self.manner.unknown_fields else {
            return;
        };
        let known = || object.fields.iter().map(|field| field.name.as_ref());
        let help = match (nearest(key, known()), below(object, key)) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(place)) => format!("`{key}` stands in `{place}`: move it there, or check the indentation"),
            (None, None) => "remove it, or check the indentation: the API server drops or refuses it".to_owned(),
        };
        let message = format!("{} is a field that the schema doesn't have", self.here());
        let finding = Finding::error("unknown-field", self.path.pointer(), message);
        self.findings.push(finding.severity(severity).help(help));
    }

    /// Where the walk is, as a message names it.
    fn here(&self) -> String {
        match self.path.words() {
            words if words.is_empty() => "the object".to_owned(),
            words => format!("`{words}`"),
        }
    }

    fn error(&mut self, code: &'static str, message: String, help: &str) {
        let finding = Finding::error(code, self.path.pointer(), message);
        self.findings.push(finding.help(help));
    }

    fn wrong_type(&mut self, expected: &str, value: &Value) {
        let found = describe(value, self.manner.secret);
        let message = format!("{} must be {expected}, found {found}", self.here());
        self.error("wrong-type", message, &help_for_type(expected, value));
    }
}

/// The unknown key that stands for the missing field `name`, if one is written nearly like it.
fn misspelt<'m>(object: &Object, map: &'m Map<String, Value>, name: &str) -> Option<&'m str> {
    let unknown = map.keys().filter(|key| object.field(key).is_none());
    nearest(name, unknown.map(String::as_str))
}

/// What to do about a value of another type.
fn help_for_type(expected: &str, value: &Value) -> String {
    match (expected, value) {
        ("a string", Value::Number(_) | Value::Bool(_)) => {
            "put it in quotes: YAML reads `1`, `true`, `yes` and `on` as something else".to_owned()
        }
        ("an integer" | "a number", Value::String(text)) if text.parse::<f64>().is_ok() => {
            "remove the quotes".to_owned()
        }
        ("a boolean", Value::String(text)) if matches!(text.as_str(), "true" | "false") => {
            "remove the quotes".to_owned()
        }
        ("a list", Value::Object(_)) => "start each item with `- `".to_owned(),
        ("a map", Value::Array(_)) => "remove the `- ` before the first field".to_owned(),
        _ => format!("write {expected} here"),
    }
}

#[cfg(test)]
mod tests;
