//! What the engine adds to what git says, before anything is compared: on a locked cluster, where an object comes from.
//!
//! It is part of what is wanted, so that it is compared, applied and taken away as everything else is.

use std::sync::Arc;

use serde_json::Value;
use windlass_core::{config::App, lock, manifest::Desired, model::Object};

use crate::{clusters::Clusters, engine::Engine};

/// What is added to an app's objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Added {
    source: Option<String>,
}

impl Added {
    pub(crate) fn of(engine: &Engine, app: &App) -> Self {
        let cluster = Clusters::name_of(app, engine.options().target.as_ref());
        let spec = cluster.and_then(|name| engine.clusters().spec(name));
        let is_locked = spec.is_some_and(|spec| spec.lock.is_on());
        let repository = engine.config().repositories.get(&app.spec.repository);
        Self {
            source: repository
                .filter(|_| is_locked)
                .map(|repository| lock::source(&repository.git.url, &app.spec.path)),
        }
    }

    /// What is wanted, with it.
    pub(crate) fn to(&self, desired: &Arc<Desired>) -> Arc<Desired> {
        if self.source.is_none() {
            return Arc::clone(desired);
        }
        Arc::new(desired.with(|object| self.body(object)))
    }

    /// One object's body; `None`: nothing is added.
    pub(crate) fn body(&self, object: &Object) -> Option<Value> {
        lock::with_source(&object.body, self.source.as_deref()?)
    }
}
