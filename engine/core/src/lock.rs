//! Lock mode: the admission policy by which an API server itself refuses what others do to objects that git keeps.
//!
//! Who asks decides. The engine shows who it is by an extra of the user that it acts as ([`KEY`]), which only who may `impersonate`
//! `userextras` can show: a tenant's own account, the one that the engine acts as, can't. Kubernetes itself passes, and who is named in
//! [`LockSpec`]. What carries the mark before or after the request counts ([`crate::owner`]), so that taking the mark off is no way out,
//! and putting a false one on is refused too. Only a mark that names its own object counts: what copies labels to its children makes no
//! locked ones.
//!
//! What a policy can't hold: webhook configurations and admission policies (API servers exempt them from policies), what goes with a
//! namespace that isn't an App's, and the subresource `scale`, whose object has no labels (see [`LockSpec::scale`]).

mod expressions;

use serde_json::{Value, json};

use crate::{
    config::{LockMode, LockSpec, Permission},
    model::ObjectId,
    owner::{INSTALLATION, OWNER},
};

use expressions::Words;

/// Extra of the user, with the installation as its value: `Impersonate-Extra-…`, `userextras/…` in RBAC.
pub const KEY: &str = INSTALLATION;
/// The API group of [`KEY`]'s right.
pub const KEY_GROUP: &str = "authentication.k8s.io";
/// The resource of [`KEY`]'s right.
pub const KEY_RESOURCE: &str = "userextras";
/// Annotation of the objects of a locked cluster: where in git they come from.
pub const SOURCE: &str = "windlass.dev/source";
/// Label of the policies.
pub const LOCK: &str = "windlass.dev/lock";
/// Field manager of the policies.
pub const MANAGER: &str = "windlass-lock";
/// How the policies' names begin.
pub const PREFIX: &str = "windlass-lock-";
/// Key of the audit annotation, after the policy's name and a `/`.
pub const BREAK_GLASS: &str = "break-glass";

const GROUP: &str = "admissionregistration.k8s.io";
/// Of the policies and bindings.
pub const API_VERSION: &str = "admissionregistration.k8s.io/v1";
const POLICY: &str = "ValidatingAdmissionPolicy";
const BINDING: &str = "ValidatingAdmissionPolicyBinding";

/// The policies of an installation with their bindings, in the order in which they are made. Empty when the lock is off.
#[must_use]
pub fn objects(lock: &LockSpec, installation: &str) -> Vec<Value> {
    let words = Words { lock, installation };
    let mut objects = Vec::new();
    if !lock.is_on() {
        return objects;
    }
    objects.extend(bound(
        lock,
        installation,
        &name(installation),
        &json!({
            "failurePolicy": "Fail",
            "matchConstraints": {
                "matchPolicy": "Equivalent",
                "namespaceSelector": {},
                "objectSelector": {"matchLabels": {INSTALLATION: installation}},
                // Not `status`, which is the controllers'. `resize` changes what git says of a Pod.
                "resourceRules": [rule(&["CREATE", "UPDATE", "DELETE"], &["*", "pods/resize"])],
            },
            "matchConditions": words.conditions(),
            "variables": words.variables(),
            "validations": [words.validation()],
            "auditAnnotations": [words.audit_annotation()],
        }),
    ));
    if lock.scale == Permission::Deny {
        objects.extend(bound(
            lock,
            installation,
            &scale_name(installation),
            &json!({
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "matchPolicy": "Equivalent",
                    "namespaceSelector": {"matchLabels": {INSTALLATION: installation}},
                    "objectSelector": {},
                    "resourceRules": [rule(&["UPDATE"], &["*/scale"])],
                },
                "matchConditions": words.scale_conditions(),
                "variables": words.scale_variables(),
                "validations": [words.scale_validation()],
                "auditAnnotations": [words.scale_audit_annotation()],
            }),
        ));
    }
    objects
}

/// Every object that the lock of an installation may have, whatever it says now, in the order in which they are taken away: without
/// its binding a policy does nothing.
#[must_use]
pub fn ids(installation: &str) -> Vec<ObjectId> {
    let id = |kind: &str, name: String| ObjectId {
        group: GROUP.to_owned(),
        kind: kind.to_owned(),
        namespace: String::new(),
        name,
    };
    let names = [name(installation), scale_name(installation)];
    [BINDING, POLICY]
        .iter()
        .flat_map(|kind| names.iter().map(move |name| id(kind, name.clone())))
        .collect()
}

/// Whether a policy or binding that lives isn't as wanted. Fields that the server adds empty don't count.
#[must_use]
pub fn differs(wanted: &Value, live: &Value) -> bool {
    wanted.get("spec").map(told) != live.get("spec").map(told)
}

/// Where an App's objects come from, for people: the repository's URL and, after `//`, the path in it.
#[must_use]
pub fn source(url: &str, path: &str) -> String {
    let path = path.trim_end_matches('/');
    let text = if path.is_empty() {
        url.to_owned()
    } else {
        format!("{url}//{path}")
    };
    // A policy's message must be one line.
    text.chars().filter(|c| !c.is_control()).collect()
}

/// A manifest that says where it comes from; `None` when it is no object.
#[must_use]
pub fn with_source(manifest: &Value, source: &str) -> Option<Value> {
    let mut manifest = manifest.clone();
    let metadata = manifest.get_mut("metadata")?.as_object_mut()?;
    let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
    if annotations.is_null() {
        *annotations = json!({});
    }
    // What is no map is refused by the server, by its name.
    annotations.as_object_mut()?.insert(SOURCE.to_owned(), source.into());
    Some(manifest)
}

/// The rule that the engine's ClusterRole needs, as RBAC has it.
#[must_use]
pub fn right() -> String {
    format!("{{apiGroups: [{KEY_GROUP}], resources: [\"{KEY_RESOURCE}/{KEY}\"], verbs: [impersonate]}}")
}

fn name(installation: &str) -> String {
    format!("{PREFIX}{installation}")
}

fn scale_name(installation: &str) -> String {
    format!("{PREFIX}{installation}-scale")
}

fn rule(operations: &[&str], resources: &[&str]) -> Value {
    json!({"apiGroups": ["*"], "apiVersions": ["*"], "operations": operations, "resources": resources, "scope": "*"})
}

/// A policy and its binding.
fn bound(lock: &LockSpec, installation: &str, name: &str, spec: &Value) -> [Value; 2] {
    let actions = match lock.mode {
        LockMode::Deny => ["Deny", "Audit"],
        LockMode::Warn | LockMode::Off => ["Warn", "Audit"],
    };
    let metadata = json!({"name": name, "labels": {"app.kubernetes.io/managed-by": "windlass", LOCK: installation}});
    [
        json!({"apiVersion": API_VERSION, "kind": POLICY, "metadata": metadata, "spec": spec}),
        json!({"apiVersion": API_VERSION, "kind": BINDING, "metadata": metadata,
            "spec": {"policyName": name, "validationActions": actions}}),
    ]
}

/// Without what is empty.
fn told(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let told = map.iter().map(|(key, value)| (key.clone(), told(value)));
            Value::Object(told.filter(|(_, value)| !is_empty(value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(told).collect()),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
