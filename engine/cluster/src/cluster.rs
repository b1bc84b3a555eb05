//! A cluster to work with: its connection, what it serves, and what was met on it.

use std::sync::Arc;

use serde_json::Value;
use windlass_core::model::{ObjectId, group_version};

use crate::{
    call::Call,
    connect::Connection,
    discovery::{Discovery, KindError},
    first_contact::Contacts,
    identity::Actor,
    refusal::{self, About, Refusal},
    requests::Verb,
    resource::Resource,
};

/// A cluster. Cheap to clone; all clones share what is known.
#[derive(Clone)]
pub struct Cluster {
    connection: Connection,
    discovery: Arc<Discovery>,
    contacts: Arc<Contacts>,
}

impl Cluster {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self {
            discovery: Arc::new(Discovery::new(connection.clone())),
            contacts: Arc::default(),
            connection,
        }
    }

    /// The connection.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What it serves.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.discovery
    }

    pub(crate) fn contacts(&self) -> &Contacts {
        &self.contacts
    }

    /// The resource of an object in the version that it is written in.
    ///
    /// # Errors
    /// When it isn't served, or that can't be told.
    pub async fn resource(&self, id: &ObjectId, api_version: &str) -> Result<Resource, KindError> {
        let (group, version) = group_version(api_version);
        debug_assert_eq!(group, id.group, "the version is another object's");
        self.discovery.resolve(&id.group, version, &id.kind).await
    }

    /// Reads one object as somebody; `None` when it isn't there.
    ///
    /// # Errors
    /// When it can't be told whether it is there.
    pub async fn get(&self, actor: &Actor, resource: &Resource, id: &ObjectId) -> Result<Option<Value>, Refusal> {
        let call = Call::get(Verb::Get, &resource.label(), resource.one(&id.namespace, &id.name));
        let about = About::bare(resource, Some(id), actor);
        let read = |error| refusal::read(error, &about);
        match self.connection.call(actor, &call).await {
            Ok(answer) => answer.json().map(Some).map_err(read),
            Err(error) => match read(error) {
                Refusal::Gone | Refusal::NoNamespace { .. } => Ok(None),
                other => Err(other),
            },
        }
    }
}
