//! What the unit tests share: manifests as text in, findings as lines out.

use serde_json::Value;
use windlass_sdk::{ObjectRef, Severity, parse_config};

use crate::config::Config;
use crate::{Checker, crd};

/// The release that tests ask for unless they are about releases.
pub(crate) const VERSION: &str = "v1.37.0";

/// Findings of all documents of a YAML stream, each as `severity code pointer: message (help)`.
pub(crate) fn findings(yaml: &str) -> Vec<String> {
    with("{}", VERSION, yaml)
}

/// The same, with a config and the cluster's version.
pub(crate) fn with(config: &str, version: &str, yaml: &str) -> Vec<String> {
    let config: Config = parse_config(config).unwrap();
    let documents = windlass_core::yaml::parse(yaml).unwrap();
    let objects: Vec<Value> = documents.into_iter().map(|document| document.value).collect();
    check(&config, version, &objects)
}

/// What the plugin finds in a set of objects.
pub(crate) fn check(config: &Config, version: &str, objects: &[Value]) -> Vec<String> {
    let mut checker = Checker::new(config, version);
    for body in objects.iter().filter(|body| crd::is_definition(&head(body))) {
        checker.kinds.definitions.add(body.clone());
    }
    let mut lines = Vec::new();
    for body in objects {
        for finding in checker.check(&head(body), &body.to_string()) {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "info",
            };
            let help = finding.help.map_or(String::new(), |help| format!(" ({help})"));
            let (code, at, message) = (finding.code, finding.pointer, finding.message);
            lines.push(format!("{severity} {code} {at}: {message}{help}"));
        }
    }
    lines
}

/// As the host makes it.
pub(crate) fn head(body: &Value) -> ObjectRef {
    let text = |pointer: &str| {
        body.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let api = text("/apiVersion");
    let (group, version) = api.split_once('/').unwrap_or(("", &api));
    ObjectRef {
        group: group.to_owned(),
        version: version.to_owned(),
        kind: text("/kind"),
        namespace: text("/metadata/namespace"),
        name: text("/metadata/name"),
    }
}
