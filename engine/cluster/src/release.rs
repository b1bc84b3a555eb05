//! Letting an object go: it stays as it is, and is nobody's.

use bytes::Bytes;
use http::Method;
use serde_json::Value;
use windlass_core::{adopt, model::ObjectId, owner::Owner};

use crate::{
    call::{Call, Content, JSON},
    cluster::Cluster,
    delete::text,
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::{Resource, with_query},
};

/// Versions that are looked at before it is given up.
const LOOKS: u32 = 4;

impl Cluster {
    /// Takes an app's mark and its field manager off an object. One that is gone, is another one by now or doesn't carry the mark
    /// is left as it is.
    ///
    /// # Errors
    /// When it could not be done; the mark is still there then.
    pub async fn release(
        &self,
        actor: &Actor,
        resource: &Resource,
        id: &ObjectId,
        uid: &str,
        owner: &Owner,
    ) -> Result<(), Refusal> {
        for _ in 0..LOOKS {
            let Some(live) = self.get(actor, resource, id).await? else {
                return Ok(());
            };
            if text(&live, "/metadata/uid") != uid || Owner::of(&live, id).as_ref() != Some(owner) {
                return Ok(());
            }
            let patch = adopt::release(&live, owner).map_err(|error| Refusal::Conflict {
                message: error.to_string(),
            })?;
            match self.unmark(actor, resource, id, owner, &patch).await {
                Err(Refusal::Changed { .. }) => {}
                Err(Refusal::Gone) => return Ok(()),
                other => return other,
            }
        }
        Err(Refusal::Changed { replaced: false })
    }

    async fn unmark(
        &self,
        actor: &Actor,
        resource: &Resource,
        id: &ObjectId,
        owner: &Owner,
        patch: &Value,
    ) -> Result<(), Refusal> {
        let path = resource.one(&id.namespace, &id.name);
        let call = Call {
            verb: Verb::Patch,
            resource: resource.label(),
            method: Method::PATCH,
            uri: with_query(&path, &[("fieldManager", &owner.manager())]),
            accept: JSON,
            content: Some((Content::JsonPatch, Bytes::from(patch.to_string()))),
            known: None,
        };
        let about = About::bare(resource, Some(id), actor);
        let answer = self.connection().call(actor, &call).await;
        answer.map(drop).map_err(|error| refusal::read(error, &about))
    }
}
