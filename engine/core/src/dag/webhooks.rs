//! Webhooks and aggregated APIs: who serves them, and what they stand in the way of.
//!
//! A webhook that fails closed with nobody behind it refuses what it guards, so who serves it comes before it, and what it
//! guards comes after. Only custom objects wait: a webhook that guarded the workload behind it would wait for itself.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::references;
use crate::model::{ObjectId, is_built_in, items};

/// A Service by namespace and name.
pub(super) type ServiceName = (String, String);

/// Something by which the server asks a workload about objects.
pub(super) struct Hook {
    /// Who is asked.
    pub(super) services: Vec<ServiceName>,
    /// What it guards is refused when nobody answers.
    pub(super) fails_closed: bool,
    /// Group and resources of what it guards; "*" = all.
    rules: Vec<(String, String)>,
}

impl Hook {
    /// Of a webhook configuration or an `APIService`; `None` for other kinds.
    pub(super) fn of(id: &ObjectId, body: &Value) -> Option<Self> {
        match (id.group.as_str(), id.kind.as_str()) {
            ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
                Some(Self::of_webhooks(body))
            }
            ("apiregistration.k8s.io", "APIService") => Some(Self {
                services: service(body.pointer("/spec/service")).into_iter().collect(),
                fails_closed: true,
                rules: vec![(text(body.pointer("/spec/group")).to_owned(), "*".to_owned())],
            }),
            _ => None,
        }
    }

    fn of_webhooks(body: &Value) -> Self {
        let mut hook = Self {
            services: Vec::new(),
            fails_closed: false,
            rules: Vec::new(),
        };
        for webhook in items(body.get("webhooks")) {
            hook.services.extend(service(webhook.pointer("/clientConfig/service")));
            // `Fail` unless said.
            if webhook.get("failurePolicy").and_then(Value::as_str) == Some("Ignore") {
                continue;
            }
            hook.fails_closed = true;
            for rule in items(webhook.get("rules")) {
                for group in items(rule.get("apiGroups")).filter_map(Value::as_str) {
                    for resource in items(rule.get("resources")).filter_map(Value::as_str) {
                        hook.rules.push((group.to_owned(), resource.to_owned()));
                    }
                }
            }
        }
        hook
    }

    /// Whether a custom object is asked about. `plural`: of its kind, where the app has its definition.
    pub(super) fn guards(&self, id: &ObjectId, plural: Option<&str>) -> bool {
        if is_built_in(&id.group) {
            return false;
        }
        self.rules.iter().any(|(group, resource)| {
            let resource = resource.split('/').next().unwrap_or_default();
            let is_named = match plural {
                Some(plural) => resource == plural,
                // How a kind is written as a resource is known from its definition only; these are the usual ways.
                None => {
                    let kind = id.kind.to_lowercase();
                    let stem = kind.trim_end_matches('y');
                    resource == format!("{kind}s")
                        || resource == format!("{kind}es")
                        || resource == format!("{stem}ies")
                }
            };
            (group == "*" || *group == id.group) && (resource == "*" || is_named)
        })
    }
}

/// The Service that converts the objects of a definition.
pub(super) fn converter(definition: &Value) -> Option<ServiceName> {
    service(definition.pointer("/spec/conversion/webhook/clientConfig/service"))
}

fn service(value: Option<&Value>) -> Option<ServiceName> {
    let value = value?;
    Some((
        text(value.get("namespace")).to_owned(),
        value.get("name")?.as_str()?.to_owned(),
    ))
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

/// Which workloads are behind a Service: those whose pods it selects.
#[derive(Default)]
pub(super) struct Serving<'a> {
    selectors: BTreeMap<ServiceName, (usize, &'a Map<String, Value>)>,
    /// By namespace: a node, and the labels of its pods.
    workloads: BTreeMap<&'a str, Vec<(usize, &'a Value)>>,
}

impl<'a> Serving<'a> {
    /// Takes in an object.
    pub(super) fn note(&mut self, node: usize, id: &'a ObjectId, body: &'a Value) {
        if id.kind == "Service" && id.group.is_empty() {
            if let Some(selector) = body.pointer("/spec/selector").and_then(Value::as_object) {
                let name = (id.namespace.clone(), id.name.clone());
                self.selectors.insert(name, (node, selector));
            }
        } else if references::pod_spec(id, body).is_some()
            && let Some(labels) = body.pointer("/spec/template/metadata/labels")
        {
            self.workloads.entry(&id.namespace).or_default().push((node, labels));
        }
    }

    /// The Service itself, if the app has it, and the workloads behind it.
    pub(super) fn behind(&self, service: &ServiceName) -> (Option<usize>, Vec<usize>) {
        let Some((node, selector)) = self.selectors.get(service) else {
            return (None, Vec::new());
        };
        let selects = |labels: &Value| selector.iter().all(|(key, value)| labels.get(key) == Some(value));
        let here = self.workloads.get(service.0.as_str()).into_iter().flatten();
        let behind = here.filter(|(_, labels)| !selector.is_empty() && selects(labels));
        (Some(*node), behind.map(|(node, _)| *node).collect())
    }
}
