//! What left a watch is asked for before anybody is told: it may be deleted, or only have lost its label.

use std::sync::{Arc, Weak};

use futures_util::StreamExt;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use windlass_core::model::ObjectId;

use super::Inner;
use crate::{
    call::{Call, CallError},
    delete::text,
    identity::Actor,
    requests::Verb,
    resource::Resource,
};

/// Questions under way at once. The threat is a namespace with thousands of objects that somebody deleted.
const PARALLEL: usize = 16;

/// An object that may be gone.
#[derive(Debug)]
pub(super) struct Suspect {
    pub(super) resource: Arc<Resource>,
    pub(super) id: ObjectId,
    pub(super) uid: String,
}

/// What is to be asked for. Bounded by the objects that are known.
pub(super) struct Queue {
    sender: UnboundedSender<Suspect>,
}

pub(super) fn queue() -> (Queue, UnboundedReceiver<Suspect>) {
    let (sender, receiver) = unbounded_channel();
    (Queue { sender }, receiver)
}

impl Queue {
    pub(super) fn ask(&self, suspect: Suspect) {
        // The receiver ends with the store.
        let _ = self.sender.send(suspect);
    }
}

pub(super) async fn run(store: Weak<Inner>, receiver: UnboundedReceiver<Suspect>) {
    let suspects = futures_util::stream::unfold(receiver, |mut receiver| async move {
        let suspect = receiver.recv().await?;
        Some((suspect, receiver))
    });
    suspects
        .for_each_concurrent(PARALLEL, |suspect| {
            let store = store.clone();
            async move {
                if let Some(store) = store.upgrade() {
                    one(&store, &suspect).await;
                }
            }
        })
        .await;
}

async fn one(store: &Inner, suspect: &Suspect) {
    let Suspect { resource, id, uid } = suspect;
    let found = look(store, resource, id).await;
    let mut state = store.state();
    let changed = match found {
        Ok(None) => state.remove(resource, id, uid),
        // Also another one of the same name, which then is news.
        Ok(Some(object)) => {
            let changed = state.take(resource, id, &object, store);
            if !store.is_labelled(&object) {
                // No watch tells what becomes of it, so it is told and not kept.
                state.remove(resource, id, text(&object, "/metadata/uid"));
            }
            changed
        }
        Err(error) => {
            tracing::warn!(%id, %error, "what became of an object can't be told");
            state.doubt(resource, id, uid)
        }
    };
    drop(state);
    changed.iter().for_each(|changed| store.subscribers.tell(changed));
}

async fn look(store: &Inner, resource: &Resource, id: &ObjectId) -> Result<Option<Value>, CallError> {
    let mut call = Call::get(Verb::Get, &resource.label(), resource.one(&id.namespace, &id.name));
    if resource.is_secret() {
        call.accept = METADATA;
    }
    match store.cluster.connection().call(&Actor::Own, &call).await {
        Ok(answer) => answer.json().map(Some),
        Err(error) if error.code() == Some(404) => Ok(None),
        Err(error) => Err(error),
    }
}

/// No values of Secrets.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
