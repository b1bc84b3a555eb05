//! Events of the cluster.

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use windlass_core::model::ObjectId;

use crate::{
    call::{Call, CallError, Content, JSON},
    cluster::Cluster,
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
};

/// Refused, as one of that name is there.
const CONFLICT: u16 = 409;

impl Cluster {
    /// Makes an Event (`v1`), whole as it is sent. One of its name that is there already is left as it is.
    ///
    /// # Errors
    /// When it could not be made.
    pub async fn create_event(&self, actor: &Actor, id: &ObjectId, body: &Value) -> Result<(), Refusal> {
        let resource = self.resource(id, "v1").await?;
        let sent = body.to_string();
        let about = About {
            body: Some(body),
            bytes: sent.len(),
            ..About::bare(&resource, Some(id), actor)
        };
        let call = Call {
            verb: Verb::Create,
            resource: resource.label(),
            method: Method::POST,
            uri: resource.all(&id.namespace),
            accept: JSON,
            content: Some((Content::Json, Bytes::from(sent))),
            known: None,
        };
        match self.connection().call(actor, &call).await {
            Ok(_) => Ok(()),
            Err(CallError::Refused { status, .. }) if status.code == CONFLICT => Ok(()),
            Err(error) => Err(refusal::read(error, &about)),
        }
    }
}
