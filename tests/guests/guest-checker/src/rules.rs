//! Rules simple enough to see in a test what must come of them.

use serde_json::Value;
use windlass_sdk::{Diagnostic, Findings, Location, ObjectSet};

use crate::at;

/// The group whose objects need a definition.
const GROUP: &str = "probe.windlass.dev/";

/// Holds every object to every rule.
pub(crate) fn check(set: &ObjectSet, findings: &Findings) {
    let objects = all(set);
    let definitions: Vec<(u32, &Value)> = (0..)
        .zip(&objects)
        .filter(|(_, object)| object["kind"] == "CustomResourceDefinition")
        .collect();
    for (index, object) in (0..).zip(&objects) {
        value(index, object, findings);
        if object["apiVersion"]
            .as_str()
            .is_some_and(|version| version.starts_with(GROUP))
        {
            size(index, object, &definitions, findings);
        }
    }
}

/// Every object, page by page.
pub(crate) fn all(set: &ObjectSet) -> Vec<Value> {
    let mut objects = Vec::new();
    while (objects.len() as u32) < set.len() {
        let page = set.bodies(objects.len() as u32, 4 << 20);
        objects.extend(page.iter().map(|body| serde_json::from_str(body).unwrap_or_default()));
    }
    objects
}

/// A ConfigMap's `data.value` is neither `bad` nor `odd`.
fn value(index: u32, object: &Value, findings: &Findings) {
    let found = match object["data"]["value"].as_str() {
        Some("bad") => Diagnostic::error("bad-value", "`data.value` must not be `bad`").help("write `good`"),
        Some("odd") => Diagnostic::warning("odd-value", "`data.value` is odd"),
        _ => return,
    };
    findings.report(&at(found, index, "/data/value"));
}

/// `spec.size` is at most what the definition's label `limit` says.
fn size(index: u32, object: &Value, definitions: &[(u32, &Value)], findings: &Findings) {
    let of_kind = |(_, crd): &&(u32, &Value)| crd["spec"]["names"]["kind"] == object["kind"];
    let Some((definition, crd)) = definitions.iter().find(of_kind) else {
        findings.report(&at(
            Diagnostic::warning("no-definition", "its kind is not defined"),
            index,
            "/kind",
        ));
        return;
    };
    let limit = crd["metadata"]["labels"]["limit"]
        .as_str()
        .and_then(|text| text.parse().ok());
    if object["spec"]["size"].as_u64() > limit {
        let found = Diagnostic::error("too-large", "`spec.size` is above the limit")
            .related(Location::object(*definition, "/metadata/labels/limit"), "the limit");
        findings.report(&at(found, index, "/spec/size"));
    }
}
