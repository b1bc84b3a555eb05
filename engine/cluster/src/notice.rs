//! Word that one object changed, whoever's it is.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::AbortHandle;
use windlass_core::model::ObjectId;

use crate::{
    call::CallError,
    cluster::Cluster,
    resource::Resource,
    watch::{self, Sink, Spec},
};

/// One object is watched until this is dropped.
#[derive(Debug)]
pub struct Notice(AbortHandle);

impl Drop for Notice {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Cluster {
    /// Calls `changed` whenever the object comes, goes or changes, and once when it is found. Its metadata is watched, by the
    /// connection's own credential: that it changed is all that is told. Where that isn't allowed, nothing is.
    #[must_use]
    pub fn notice(&self, resource: &Resource, id: &ObjectId, changed: impl Fn() + Send + 'static) -> Notice {
        let spec = Spec {
            resource: Arc::new(resource.clone()),
            namespace: id.namespace.clone(),
            selector: String::new(),
            field: format!("metadata.name={}", id.name),
            metadata: true,
        };
        let watching = watch::run(self.connection().clone(), spec, Changed(changed));
        Notice(tokio::spawn(watching).abort_handle())
    }
}

struct Changed<F>(F);

impl<F: Fn() + Send> Sink for Changed<F> {
    fn listing(&mut self) {}

    fn seen(&mut self, _: &Value) {
        (self.0)();
    }

    fn gone(&mut self, _: &Value) {
        (self.0)();
    }

    fn listed(&mut self) {}

    fn following(&mut self) {}

    fn lost(&mut self, error: &CallError) {
        tracing::debug!(%error, "an object that somebody waits for is not seen");
    }
}
