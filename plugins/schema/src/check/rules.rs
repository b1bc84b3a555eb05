//! The rules of custom resources beside types. CEL rules (`x-kubernetes-validations`) are left to the server.

use serde_json::{Number, Value};

use super::{Manner, Walk};
use crate::finding::{Finding, describe, quoted};
use crate::formats::choice;
use crate::schema::{Bounds, Limit, Rules, Schema};

impl<'a> Walk<'a, '_> {
    pub(super) fn rules(&mut self, rules: &Rules, value: &'a Value) {
        if !rules.choices.is_empty() && !rules.choices.contains(value) {
            self.broken("invalid-enum", &choice(rules.choices.iter().map(word)), value);
        }
        match value {
            Value::String(text) => self.text_rules(rules, text, value),
            Value::Number(number) => self.number_rules(rules, number, value),
            Value::Array(items) => self.count(rules.items, items.len(), "item"),
            Value::Object(map) => self.count(rules.fields, map.len(), "field"),
            Value::Null | Value::Bool(_) => {}
        }
        self.combinations(rules, value);
    }

    fn broken(&mut self, code: &'static str, expected: &str, value: &Value) {
        let found = describe(value, self.manner.secret);
        let message = format!("{} must be {expected}, found {found}", self.here());
        self.error(code, message, "write what its CustomResourceDefinition asks for");
    }

    fn text_rules(&mut self, rules: &Rules, text: &str, value: &Value) {
        self.count(rules.length, text.chars().count(), "character");
        if let Some(format) = rules.format.as_ref().filter(|format| !format.fits(text)) {
            self.broken("invalid-format", &format.describe(), value);
        }
        if let Some(pattern) = rules
            .pattern
            .as_deref()
            .filter(|pattern| !self.patterns.fits(pattern, text))
        {
            self.broken(
                "invalid-pattern",
                &format!("a string that matches {}", quoted(pattern)),
                value,
            );
        }
    }

    fn number_rules(&mut self, rules: &Rules, number: &Number, value: &Value) {
        let Some(number) = number.as_f64() else { return };
        if let Some(limit) = rules.minimum.filter(|limit| limit.is_above(number)) {
            self.broken("out-of-range", &limit.describe("greater than", "at least"), value);
        }
        if let Some(limit) = rules.maximum.filter(|limit| limit.is_below(number)) {
            self.broken("out-of-range", &limit.describe("less than", "at most"), value);
        }
        if let Some(step) = rules
            .multiple_of
            .filter(|step| *step != 0.0 && (number / step).fract() != 0.0)
        {
            self.broken("out-of-range", &format!("a multiple of {step}"), value);
        }
    }

    fn count(&mut self, bounds: Bounds, count: usize, what: &str) {
        let count = count as u64;
        let (wanted, number) = match bounds {
            Bounds { least: Some(least), .. } if count < least => ("at least", least),
            Bounds { most: Some(most), .. } if count > most => ("at most", most),
            _ => return,
        };
        let plural = if number == 1 { "" } else { "s" };
        let message = format!(
            "{} must have {wanted} {number} {what}{plural}, found {count}",
            self.here()
        );
        self.error(
            "wrong-length",
            message,
            "write as many as its CustomResourceDefinition asks for",
        );
    }

    fn combinations(&mut self, rules: &Rules, value: &'a Value) {
        for schema in &rules.all_of {
            self.value(schema, value);
        }
        let holding = |walk: &mut Self, schemas: &[Schema]| {
            schemas
                .iter()
                .filter(|schema| walk.attempt(schema, value).is_empty())
                .count()
        };
        if !rules.any_of.is_empty() && holding(self, &rules.any_of) == 0 {
            self.no_alternative(&rules.any_of, value);
        }
        if !rules.one_of.is_empty() {
            match holding(self, &rules.one_of) {
                0 => self.no_alternative(&rules.one_of, value),
                1 => {}
                _ => self.combination("fits more than one of the alternatives of which it may fit one"),
            }
        }
        if rules
            .not
            .as_ref()
            .is_some_and(|schema| self.attempt(schema, value).is_empty())
        {
            self.combination("is what its schema excludes by `not`");
        }
    }

    fn combination(&mut self, problem: &str) {
        let message = format!("{} {problem}", self.here());
        self.error(
            "wrong-combination",
            message,
            "see the schema in its CustomResourceDefinition",
        );
    }

    /// Tells what is wrong with the alternative that comes nearest, which is the one that was meant.
    fn no_alternative(&mut self, alternatives: &[Schema], value: &'a Value) {
        let attempts = alternatives.iter().map(|schema| self.attempt(schema, value));
        let nearest = attempts.min_by_key(Vec::len).unwrap_or_default();
        let reason = nearest.first().map_or(String::new(), |finding| {
            format!("; for the nearest, {}", finding.message)
        });
        self.combination(&format!("fits none of the {} alternatives{reason}", alternatives.len()));
    }

    /// What would be found if the value were to fit `schema`.
    fn attempt(&mut self, schema: &Schema, value: &'a Value) -> Vec<Finding> {
        let manner = Manner {
            unknown_fields: None,
            ..self.manner
        };
        let mut walk = super::start(self.path.clone(), manner, self.patterns);
        walk.value(schema, value);
        walk.findings
    }
}

impl Limit {
    fn is_above(&self, number: f64) -> bool {
        number < self.at || (self.exclusive && number <= self.at)
    }

    fn is_below(&self, number: f64) -> bool {
        number > self.at || (self.exclusive && number >= self.at)
    }

    fn describe(&self, exclusive: &str, inclusive: &str) -> String {
        format!("{} {}", if self.exclusive { exclusive } else { inclusive }, self.at)
    }
}

/// A choice without the quotes that JSON has.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
