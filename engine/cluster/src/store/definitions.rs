//! Which kinds there are changes when CRDs and aggregated APIs do: two watches of metadata find out.

use std::sync::Arc;

use serde_json::Value;
use tokio::{
    sync::watch::{Receiver, Sender, channel},
    task::JoinSet,
};

use crate::{
    call::CallError,
    cluster::Cluster,
    resource::Resource,
    watch::{self, Sink, Spec},
};

/// Starts them; the number moves with every change. Who may not watch them learns of new kinds when they are missed.
pub(super) fn follow(cluster: &Cluster, tasks: &mut JoinSet<()>) -> Receiver<u64> {
    let (sender, receiver) = channel(0);
    for (group, kind, plural) in [
        (
            "apiextensions.k8s.io",
            "CustomResourceDefinition",
            "customresourcedefinitions",
        ),
        ("apiregistration.k8s.io", "APIService", "apiservices"),
    ] {
        let spec = Spec {
            resource: Arc::new(Resource {
                group: group.to_owned(),
                version: "v1".to_owned(),
                kind: kind.to_owned(),
                plural: plural.to_owned(),
                namespaced: false,
            }),
            namespace: String::new(),
            selector: String::new(),
            field: String::new(),
            metadata: true,
        };
        let sink = Definitions {
            cluster: cluster.clone(),
            changes: sender.clone(),
            has_listed: false,
        };
        tasks.spawn(watch::run(cluster.connection().clone(), spec, sink));
    }
    receiver
}

struct Definitions {
    cluster: Cluster,
    changes: Sender<u64>,
    has_listed: bool,
}

impl Definitions {
    fn changed(&self) {
        self.cluster.discovery().expire();
        self.changes.send_modify(|count| *count += 1);
    }
}

impl Sink for Definitions {
    fn listing(&mut self) {}

    fn seen(&mut self, _: &Value) {
        // The first list is what discovery tells anyway; a later one may hold anything.
        if self.has_listed {
            self.changed();
        }
    }

    fn gone(&mut self, _: &Value) {
        self.changed();
    }

    fn listed(&mut self) {
        self.has_listed = true;
    }

    fn following(&mut self) {}

    fn lost(&mut self, error: &CallError) {
        tracing::debug!(%error, "definitions of kinds are not seen");
    }
}
