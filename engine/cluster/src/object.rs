//! One object as it was seen, whole, and nothing else in its place: the engine's own records, of which two processes may each have a version.
//!
//! No server-side apply: who wrote last must not win, but who looked last.

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use windlass_core::model::ObjectId;

use crate::{
    call::{Call, CallError, Content, JSON},
    cluster::Cluster,
    delete::{Doomed, Propagation, text},
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::{Resource, with_query},
};

/// Refused, as one of that name is there.
const CONFLICT: u16 = 409;

impl Cluster {
    /// Makes an object, with the connection's own credential. Answers it as it is there.
    ///
    /// # Errors
    /// [`Refusal::Changed`] when there is one of its name; else when it could not be made.
    pub async fn create(
        &self,
        resource: &Resource,
        id: &ObjectId,
        body: &Value,
        manager: &str,
    ) -> Result<Value, Refusal> {
        let path = with_query(&resource.all(&id.namespace), &[("fieldManager", manager)]);
        self.send(Verb::Create, Method::POST, path, (resource, id, body)).await
    }

    /// Puts an object in the place of the version that `body` names (`metadata.resourceVersion`). Answers it as it is there.
    ///
    /// # Errors
    /// [`Refusal::Changed`] when another version is there by now, [`Refusal::Gone`] when none is; else when it could not be written.
    pub async fn replace(
        &self,
        resource: &Resource,
        id: &ObjectId,
        body: &Value,
        manager: &str,
    ) -> Result<Value, Refusal> {
        let path = with_query(&resource.one(&id.namespace, &id.name), &[("fieldManager", manager)]);
        self.send(Verb::Replace, Method::PUT, path, (resource, id, body)).await
    }

    /// Deletes the version of an object that was seen. One that isn't there any more is as good.
    ///
    /// # Errors
    /// [`Refusal::Changed`] when another version is there by now; else when it could not be deleted.
    pub async fn discard(&self, resource: &Resource, id: &ObjectId, seen: &Value) -> Result<(), Refusal> {
        let doomed = Doomed {
            resource,
            id,
            uid: text(seen, "/metadata/uid"),
            resource_version: Some(text(seen, "/metadata/resourceVersion")),
            propagation: Propagation::Background,
            dry_run: false,
        };
        // Nothing is deleted but that version.
        self.delete(&Actor::Own, doomed, |_| false).await.map(drop)
    }

    async fn send(
        &self,
        verb: Verb,
        method: Method,
        uri: String,
        (resource, id, body): (&Resource, &ObjectId, &Value),
    ) -> Result<Value, Refusal> {
        let sent = body.to_string();
        let about = About {
            body: Some(body),
            bytes: sent.len(),
            ..About::bare(resource, Some(id), &Actor::Own)
        };
        let call = Call {
            verb,
            resource: resource.label(),
            method,
            uri,
            accept: JSON,
            content: Some((Content::Json, Bytes::from(sent))),
            known: None,
        };
        match self.connection().call(&Actor::Own, &call).await {
            Ok(answer) => answer.json().map_err(|error| refusal::read(error, &about)),
            Err(CallError::Refused { status, .. }) if status.code == CONFLICT && verb == Verb::Create => {
                Err(Refusal::Changed { replaced: true })
            }
            Err(error) => Err(refusal::read(error, &about)),
        }
    }
}
