//! Word that one object changed, whoever's it is.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::AbortHandle;
use windlass_core::model::ObjectId;

use crate::{
    call::CallError,
    cluster::Cluster,
    delete::text,
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

/// What a watch says of its object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is there, in this `resourceVersion`.
    At(String),
    /// It isn't there.
    Gone,
    /// It may not be watched, in words. It is tried again, rarer and rarer, up to every half minute.
    Unseen(String),
}

impl Cluster {
    /// Calls `told` whenever the object comes, goes or changes, and once when it is known whether it is there. Its metadata is watched, by the
    /// connection's own credential: that it changed is all that is told. A connection that is lost is no news: what happened meanwhile is told
    /// when it is back.
    #[must_use]
    pub fn notice(&self, resource: &Resource, id: &ObjectId, told: impl FnMut(Seen) + Send + 'static) -> Notice {
        let spec = Spec {
            resource: Arc::new(resource.clone()),
            namespace: id.namespace.clone(),
            selector: String::new(),
            field: format!("metadata.name={}", id.name),
            metadata: true,
        };
        let teller = Teller { told, is_listed: false };
        let watching = watch::run(self.connection().clone(), spec, teller);
        Notice(tokio::spawn(watching).abort_handle())
    }
}

struct Teller<F> {
    told: F,
    /// It was in the list that is being read.
    is_listed: bool,
}

impl<F: FnMut(Seen) + Send> Sink for Teller<F> {
    fn listing(&mut self) {
        self.is_listed = false;
    }

    fn seen(&mut self, object: &Value) {
        self.is_listed = true;
        (self.told)(Seen::At(text(object, "/metadata/resourceVersion").to_owned()));
    }

    fn gone(&mut self, _: &Value) {
        (self.told)(Seen::Gone);
    }

    fn listed(&mut self) {
        if !self.is_listed {
            (self.told)(Seen::Gone);
        }
    }

    fn following(&mut self) {}

    fn lost(&mut self, error: &CallError) {
        tracing::debug!(%error, "an object that somebody looks out for is not seen");
        if matches!(error.code(), Some(401 | 403 | 404)) {
            // Of a Secret, an API server's words could quote something.
            (self.told)(Seen::Unseen(error.clone().without_words().to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_in_no_list_is_gone() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&told);
        let mut teller = Teller {
            told: move |seen| all.lock().unwrap_or_else(PoisonError::into_inner).push(seen),
            is_listed: false,
        };
        let object = json!({"metadata": {"resourceVersion": "7"}});
        teller.listing();
        teller.seen(&object);
        teller.listed();
        teller.gone(&object);
        teller.listing();
        teller.listed();
        teller.listing();
        teller.seen(&object);
        teller.listed();
        let at = Seen::At("7".into());
        assert_eq!(*told.lock().unwrap(), [at.clone(), Seen::Gone, Seen::Gone, at]);
    }

    #[test]
    fn only_what_lasts_is_told_of_a_watch_that_fails() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&told);
        let mut teller = Teller {
            told: move |seen| all.lock().unwrap_or_else(PoisonError::into_inner).push(seen),
            is_listed: false,
        };
        let refused = |code, body: &[u8]| CallError::Refused {
            status: Box::new(crate::status::Status::read(code, body)),
            retry_after: None,
        };
        teller.lost(&refused(503, b"later"));
        teller.lost(&refused(
            403,
            br#"{"kind": "Status", "message": "hunter2", "reason": "Forbidden"}"#,
        ));
        let told = told.lock().unwrap();
        let [Seen::Unseen(why)] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert!(why.contains("403") && !why.contains("hunter2"), "{why}");
    }
}
