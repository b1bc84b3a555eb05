//! The documents of a cluster as they were seen last, and the configuration that they make.
//!
//! An object that can't be read takes nothing with it: an App stays as it is, neither looked at nor let go; what others refer to counts as
//! it did before; and a Tenant that nobody can read allows nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use windlass_cluster::follow::Told;
use windlass_core::{
    config::{Config, Document, DocumentError, Home, IN_CLUSTER, Spec, TenantSpec, id_of, read},
    moment,
    render::Instant,
    status::RequestStatus,
};

use super::kinds::Kind;
use crate::control;

/// Held by an App until what it owns is let go: `metadata.finalizers`.
pub(crate) const FINALIZER: &str = "windlass.dev/app";

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    /// Of this one and no later one of its name.
    pub(super) uid: String,
    /// Of its `spec`.
    pub(super) generation: i64,
    /// Its `status`, as somebody wrote it last, without [`Object::answered`].
    pub(super) status: Value,
    /// What somebody asks for: the annotation.
    pub(super) asked: Option<String>,
    /// What was asked for last, and what came of it.
    pub(super) answered: Option<RequestStatus>,
    /// Since when it is to go.
    pub(super) leaves: Option<Instant>,
    /// It waits for its App to be let go.
    pub(super) is_kept: bool,
    /// As it reads, or how it read last; `None`: it never did.
    document: Option<Document>,
    /// Why it doesn't read.
    pub(super) mistake: Option<DocumentError>,
}

/// What a piece of news means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing that the engine goes by.
    Nothing,
    /// The configuration is another.
    Config,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Objects {
    by: BTreeMap<(Kind, String), Object>,
    /// Labels of all namespaces.
    labels: BTreeMap<String, BTreeMap<String, String>>,
    complete: BTreeSet<Kind>,
}

impl Objects {
    /// Takes what a watch tells.
    pub(super) fn take(&mut self, kind: Kind, told: Told) -> News {
        match told {
            Told::Seen(object) if kind == Kind::Namespace => self.label(&object),
            Told::Seen(object) => self.see(kind, &object),
            Told::Gone { name, .. } if kind == Kind::Namespace => news(self.labels.remove(&name).is_some()),
            Told::Gone { namespace, name } => {
                let id = kind.id(&namespace, &name);
                news(self.by.remove(&(kind, id)).is_some())
            }
            Told::Complete => news(self.complete.insert(kind)),
            Told::Lost(_) => News::Nothing,
        }
    }

    fn label(&mut self, object: &Value) -> News {
        let name = text(object, "/metadata/name");
        let labels: BTreeMap<String, String> = object
            .pointer("/metadata/labels")
            .and_then(|labels| serde_json::from_value(labels.clone()).ok())
            .unwrap_or_default();
        let before = self.labels.insert(name.to_owned(), labels.clone());
        news(before != Some(labels))
    }

    fn see(&mut self, kind: Kind, value: &Value) -> News {
        let id = kind.id_of(value);
        let before = self.by.remove(&(kind, id.clone()));
        let finalizers = value.pointer("/metadata/finalizers").and_then(Value::as_array);
        let (document, mistake) = match read(value, Home::Cluster) {
            Ok(document) => (Some(document), None),
            Err(mistake) => {
                let last = before.as_ref().and_then(|before| before.document.clone());
                (last, Some(mistake))
            }
        };
        let mut status = value.get("status").cloned().unwrap_or_default();
        let answered = status.as_object_mut().and_then(|status| status.remove("request"));
        let annotations = value.pointer("/metadata/annotations");
        let asked = annotations.and_then(|all| all.get(control::ANNOTATION)?.as_str());
        let object = Object {
            uid: text(value, "/metadata/uid").to_owned(),
            generation: value
                .pointer("/metadata/generation")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
            status,
            asked: asked.map(str::to_owned),
            answered: answered.and_then(|answered| serde_json::from_value(answered).ok()),
            leaves: moment::parse(text(value, "/metadata/deletionTimestamp")),
            is_kept: finalizers.is_some_and(|all| all.iter().any(|one| one == FINALIZER)),
            document: document.map(defaulted),
            mistake,
        };
        let is_another = before.is_none_or(|before| !before.means_as(&object));
        self.by.insert((kind, id), object);
        news(is_another)
    }

    /// Whether every kind was told of once.
    pub(super) fn are_complete(&self) -> bool {
        Kind::ALL.iter().all(|kind| self.complete.contains(kind))
    }

    /// One of them.
    pub(super) fn get(&self, kind: Kind, id: &str) -> Option<&Object> {
        self.by.get(&(kind, id.to_owned()))
    }

    /// All of a kind.
    pub(super) fn of(&self, kind: Kind) -> impl Iterator<Item = (&String, &Object)> {
        let all = self.by.range((kind, String::new())..);
        all.take_while(move |((of, _), _)| *of == kind)
            .map(|((_, id), object)| (id, object))
    }

    /// What they say together.
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        let mut leaving = BTreeSet::new();
        for ((kind, id), object) in &self.by {
            match (kind, object.leaves) {
                (Kind::App, Some(_)) if object.is_kept => {
                    leaving.insert(id.clone());
                }
                // Unread, nobody knows where it goes by now: it stays as it is.
                (Kind::App, Some(_)) => {}
                (Kind::App, None) if object.mistake.is_some() => {}
                // Its object could go unnoticed.
                (Kind::App, None) if !object.is_kept => {}
                _ => {
                    if let Some(document) = &object.document {
                        config.insert(document.clone());
                    }
                }
            }
            if let (Kind::Tenant, None) = (kind, &object.document) {
                config.tenants.insert(id.clone(), TenantSpec::closed());
            }
        }
        let lived_in: BTreeSet<&String> = config.apps.values().map(|app| &app.namespace).collect();
        config.namespaces = self
            .labels
            .iter()
            .filter(|(name, _)| lived_in.contains(name))
            .map(|(name, labels)| (name.clone(), labels.clone()))
            .collect();
        config.leaving = Some(leaving);
        config
    }

    /// How many namespaces a Tenant has, with Apps or without.
    pub(super) fn namespaces_of(&self, tenant: &TenantSpec) -> usize {
        let its = self.labels.iter().filter(|(name, labels)| tenant.has(name, labels));
        its.count()
    }
}

impl Object {
    /// Whether the engine goes by the same. What it wrote into the status itself is no news.
    fn means_as(&self, other: &Self) -> bool {
        (
            &self.uid,
            self.generation,
            &self.document,
            &self.mistake,
            self.leaves,
            self.is_kept,
        ) == (
            &other.uid,
            other.generation,
            &other.document,
            &other.mistake,
            other.leaves,
            other.is_kept,
        )
    }
}

const fn news(is_any: bool) -> News {
    if is_any { News::Config } else { News::Nothing }
}

fn text<'v>(value: &'v Value, at: &str) -> &'v str {
    value.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// An App that names no cluster goes to the one that its object is in.
fn defaulted(mut document: Document) -> Document {
    if let Spec::App(spec) = &mut document.spec {
        let cluster = &mut spec.target.cluster;
        cluster.get_or_insert_with(|| IN_CLUSTER.to_owned());
    }
    document
}

impl Kind {
    /// What an object is known by in a configuration.
    pub(super) fn id_of(self, object: &Value) -> String {
        self.id(text(object, "/metadata/namespace"), text(object, "/metadata/name"))
    }

    /// What an object is known by in a configuration.
    pub(super) fn id(self, namespace: &str, name: &str) -> String {
        if namespace.is_empty() {
            name.to_owned()
        } else {
            id_of(namespace, name)
        }
    }
}

#[cfg(test)]
mod tests;
