//! Checks objects against the schemas of Kubernetes and against the CustomResourceDefinitions of the same render.
//!
//! What the API server would refuse for its form is an error: wrong types, missing fields, words, quantities and times that
//! aren't any, duplicate keys of lists, kinds that were removed. What it would drop, or what can't be known here, is a warning:
//! unknown fields, unknown kinds. What only a server can tell (CEL rules, defaults, admission, references) is left to it.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod schema;
mod path;
mod finding;
mod formats;
mod patterns;
mod nearest;
mod builtin;
mod lifecycle;
mod crd;
mod kinds;
mod check;
mod config;

use serde_json::Value;
use windlass_sdk::{
    CheckRequest, Diagnostic, Failure, Findings, Location, ObjectRef, ObjectSet, Severity, Validator, parse_config,
};

use crate::check::Manner;
use crate::config::Config;
use crate::finding::Finding;
use crate::kinds::Kinds;
use crate::patterns::Patterns;

/// The plugin.
#[derive(Debug)]
pub struct Schema;

impl Validator for Schema {
    fn validate(request: &CheckRequest, findings: &Findings) -> Result<(), Failure> {
        let config: Config = parse_config(&request.config())?;
        let mut checker = Checker::new(&config, &request.kube_version());
        let objects = read(&request.objects());
        // Definitions first: an object may stand before what defines its kind.
        for (_, body) in objects.iter().filter(|(head, _)| crd::is_definition(head)) {
            if let Ok(definition) = serde_json::from_str(body) {
                checker.kinds.definitions.add(definition);
            }
        }
        for (index, (head, body)) in (0..).zip(&objects) {
            for finding in checker.check(head, body) {
                findings.report(&diagnostic(index, finding));
            }
        }
        Ok(())
    }
}

windlass_sdk::validator!(Schema);

/// What a call knows.
struct Checker<'a> {
    config: &'a Config,
    kinds: Kinds,
    patterns: Patterns,
}

impl<'a> Checker<'a> {
    fn new(config: &'a Config, version: &str) -> Self {
        let kinds = Kinds::new(version, config.unknown_kinds.severity());
        Self {
            config,
            kinds,
            patterns: Patterns::default(),
        }
    }

    /// All that is wrong with an object.
    fn check(&mut self, head: &ObjectRef, body: &str) -> Vec<Finding> {
        if self.config.skips(&head.group, &head.kind) {
            return Vec::new();
        }
        let mut body: Value = match serde_json::from_str(body) {
            Ok(body) => body,
            Err(error) => return vec![unreadable(&error)],
        };
        let known = self.kinds.find(head, &mut body);
        let mut findings = known.findings;
        if let Some(schema) = &known.schema {
            let manner = Manner::of(&head.group, &head.kind, &body, self.config.unknown_fields.severity());
            findings.extend(check::object(&body, schema, manner, &mut self.patterns));
        }
        findings.retain(|finding| !self.config.ignores(&head.group, &head.kind, finding));
        findings
    }
}

/// Objects asked for at a time: the host's own bound is in bytes.
const PAGE: u32 = 4096;
/// Bytes asked for at a time: as many as the contract allows.
const BYTES: u32 = 256 << 10;

/// All objects, in as few questions as the contract allows. Text, not values: that is several times smaller.
fn read(objects: &ObjectSet) -> Vec<(ObjectRef, String)> {
    let len = objects.len();
    let heads = pages(len, |start| objects.heads(start, PAGE));
    let bodies = pages(len, |start| objects.bodies(start, BYTES));
    heads.into_iter().zip(bodies).collect()
}

/// `len` items, page by page.
fn pages<T>(len: u32, mut ask: impl FnMut(u32) -> Vec<T>) -> Vec<T> {
    let mut items = Vec::new();
    while let Some(start) = u32::try_from(items.len()).ok().filter(|start| *start < len) {
        let page = ask(start);
        if page.is_empty() {
            break;
        }
        items.extend(page);
    }
    items
}

/// The host's JSON is sound; what is left is its depth, which is bounded here to spare the stack.
fn unreadable(error: &serde_json::Error) -> Finding {
    let message = format!("the object isn't checked: {error}");
    Finding::error("unreadable-object", String::new(), message).severity(Severity::Warning)
}

fn diagnostic(index: u32, finding: Finding) -> Diagnostic {
    let at = |pointer: String| Location::object(index, pointer);
    let mut diagnostic = Diagnostic::error(finding.code, finding.message).at(at(finding.pointer));
    diagnostic.severity = finding.severity;
    diagnostic.help = finding.help;
    match finding.related {
        Some((pointer, message)) => diagnostic.related(at(pointer), message),
        None => diagnostic,
    }
}

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod testing;
