//! What Windlass needs in a cluster to run there: its manifests as data, put there and taken away again.
//!
//! - [`manifests`]: all of them, in the order in which they are applied; a file for each family: `namespace`, `access`, `storage`,
//!   `workload`, `network`, and [`windlass_core::crds`];
//! - [`up`]: `windlass install`; [`down`]: `windlass uninstall`.
//!
//! With the credential of the person at the command line, never with that of a controller: one that could change its own rights would have
//! all of them.

mod namespace;
mod access;
mod storage;
mod workload;
mod network;
pub(crate) mod up;
pub(crate) mod down;

use serde_json::{Value, json};
use windlass_cluster::{cluster::Cluster as Api, refusal::Refusal};
use windlass_core::{crds, model::ObjectId, owner::Owner};

use crate::stop::Stop;

/// Name of everything that there is one of.
const NAME: &str = "windlass";

/// Label of what an installation consists of; its namespace is the value. What carries it and is no part of a newer version is deleted by that.
pub(crate) const INSTALLED: &str = "windlass.dev/install";

/// What is decided by whoever installs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// Where the controller runs.
    pub(crate) namespace: String,
    /// Its image, as a pod names it.
    pub(crate) image: String,
    /// How many of it run at a time.
    pub(crate) replicas: u16,
    /// Size of its volume, as Kubernetes writes it.
    pub(crate) storage: String,
    /// Of that volume; `None` = the cluster's default.
    pub(crate) storage_class: Option<String>,
}

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// The kinds alone: the engine runs elsewhere.
    Kinds,
    /// All of it.
    Engine(Options),
}

/// Every object, in the order in which they are applied: the same for the same options.
pub(crate) fn manifests(what: &What) -> Vec<Value> {
    let mut all = crds::definitions();
    let What::Engine(options) = what else {
        return all;
    };
    all.push(namespace::namespace(options));
    all.extend(access::objects(options));
    if options.replicas == 1 {
        all.push(storage::claim(options));
    }
    all.extend(network::objects(options));
    all.extend(workload::objects(options));
    all
}

/// Labels of an object.
fn labels(options: &Options) -> Value {
    json!({
        "app.kubernetes.io/name": NAME,
        "app.kubernetes.io/component": "controller",
        "app.kubernetes.io/managed-by": NAME,
        "app.kubernetes.io/part-of": NAME,
        "app.kubernetes.io/version": env!("CARGO_PKG_VERSION"),
        INSTALLED: options.namespace,
    })
}

/// What tells the controller's pods from all others: no version, for a Deployment's selector can't be changed.
fn selector() -> Value {
    json!({"app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "controller"})
}

/// Metadata of an object without a namespace.
fn metadata(options: &Options, name: &str) -> Value {
    json!({"name": name, "labels": labels(options)})
}

/// Metadata of an object of the installation's namespace.
fn namespaced(options: &Options, name: &str) -> Value {
    json!({"name": name, "namespace": options.namespace, "labels": labels(options)})
}

/// An object with a sentence for whoever reads it.
fn described(mut object: Value, about: &str) -> Value {
    object["metadata"]["annotations"] = json!({"kubernetes.io/description": about});
    object
}

/// An installation on a cluster.
pub(crate) struct Site<'a> {
    /// Where.
    pub(crate) api: &'a Api,
    /// The namespace of the controller.
    pub(crate) namespace: &'a str,
    /// Nothing is changed; what would be is told.
    pub(crate) dry_run: bool,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    /// It was not there.
    Created,
    /// It is another one than before.
    Configured,
    /// It was so already.
    Unchanged,
    /// It is left as it is: to an App, or because a person decides on it.
    Kept,
    /// Its finalizer of Windlass is gone; it is as it was else.
    Released,
    /// It is gone, or will be.
    Deleted,
}

impl Done {
    /// For people and programs.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Kept => "kept",
            Self::Released => "released",
            Self::Deleted => "deleted",
        }
    }
}

/// An object, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) object: ObjectId,
    pub(crate) done: Done,
    /// Why, where that isn't plain.
    pub(crate) why: String,
}

impl Told {
    pub(crate) fn of(object: &ObjectId, done: Done, why: impl Into<String>) -> Self {
        Self {
            object: object.clone(),
            done,
            why: why.into(),
        }
    }
}

/// The App that an object is of, in words.
fn app_of(live: &Value, id: &ObjectId) -> Option<String> {
    Owner::of(live, id).map(|owner| format!("App {owner} keeps it"))
}

/// A field's text; "" where there is none.
fn text<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A refusal about one object.
fn refused(id: &ObjectId, error: &Refusal) -> Stop {
    let stop = Stop::of("install", error).context(&id.to_string());
    match error {
        Refusal::Forbidden(_) => {
            stop.help("only who has every right in the cluster may give Windlass the rights that it needs")
        }
        _ => stop,
    }
}

#[cfg(test)]
mod tests;
