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
    resource::{Resource, with_query},
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

/// By a list of one: who may `get` every kind may also `get` what is no object (`pods/exec`, `nodes/proxy`), so the engine's credential may
/// list and watch only. An API server reads a list by name as it reads the object.
async fn look(store: &Inner, resource: &Resource, id: &ObjectId) -> Result<Option<Value>, CallError> {
    let query = [("fieldSelector", &*named(&id.name))];
    let mut call = Call::get(
        Verb::List,
        &resource.label(),
        with_query(&resource.all(&id.namespace), &query),
    );
    if resource.is_secret() {
        call.accept = METADATA;
    }
    let page: Value = match store.cluster.connection().call(&Actor::Own, &call).await {
        Ok(answer) => answer.json()?,
        Err(error) if error.code() == Some(404) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut found = page.pointer("/items/0").cloned();
    // Items of a list don't say what they are.
    if let Some(map) = found.as_mut().and_then(Value::as_object_mut) {
        map.insert("apiVersion".to_owned(), resource.api_version().into());
        map.insert("kind".to_owned(), resource.kind.as_str().into());
    }
    Ok(found)
}

/// A field selector by name, in which some characters mean something; names of RBAC may have them.
fn named(name: &str) -> String {
    let mut selector = "metadata.name=".to_owned();
    for character in name.chars() {
        if matches!(character, '\\' | ',' | '=') {
            selector.push('\\');
        }
        selector.push(character);
    }
    selector
}

/// No values of Secrets.
const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";
