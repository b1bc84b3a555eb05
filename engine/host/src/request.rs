//! What a call is asked for: everything that may decide its output.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use windlass_core::{
    event::Event,
    model::{Object, canonical},
    render::{AppNames, Instant},
    tree::Tree,
};

use crate::{entropy::EntropyKey, error::HostFailure, fair::Tenant, http::Egress, limits, protocol::ObjectHead};

/// The input of one render.
#[derive(Debug, Clone)]
pub struct RenderRequest {
    /// Whose call it is: who has many waiting delays others by one at most.
    pub tenant: Tenant,
    /// The app's own tree, labelled "".
    pub tree: Tree,
    /// Where in the tree the app lies: a folder or a file; "" = the root.
    pub path: String,
    /// Canonical JSON, checked with [`crate::Plugin::check_config`].
    pub config: String,
    /// Names of the app.
    pub app: AppNames,
    /// Time of the commit at which the inputs last changed.
    pub now: Instant,
    /// `v1.37.0`.
    pub kube_version: String,
    /// `v1`, `apps/v1`, `apps/v1/Deployment`, …
    pub apis: Arc<BTreeSet<String>>,
    /// Output of the previous step.
    pub input: Option<Arc<Vec<InputObject>>>,
    /// Other sources of the App, by name; each tree is labelled with it.
    pub sources: BTreeMap<String, Tree>,
    /// Key of the app's random streams.
    pub entropy: EntropyKey,
}

/// The input of one validation.
#[derive(Debug, Clone)]
pub struct ValidateRequest {
    /// Whose call it is.
    pub tenant: Tenant,
    /// Canonical JSON, checked with [`crate::Plugin::check_config`].
    pub config: String,
    /// What is to be checked; a finding's index points here.
    pub objects: Arc<Vec<InputObject>>,
    /// What was there before, where it is known.
    pub previous: Option<Arc<Vec<InputObject>>>,
    /// `v1.37.0`.
    pub kube_version: String,
}

/// The input of one notification.
#[derive(Debug, Clone)]
pub struct NotifyRequest {
    /// Whose call it is.
    pub tenant: Tenant,
    /// Canonical JSON, checked with [`crate::Plugin::check_config`].
    pub config: String,
    /// Idempotency key, the same on each attempt.
    pub key: String,
    /// What the event is about, as one word.
    pub kind: String,
    /// When it was noticed.
    pub at: Instant,
    /// From 1.
    pub attempt: u32,
    /// JSON, see [`windlass_core::event`].
    pub payload: String,
    /// What its requests may hold, and where they may go.
    pub egress: Egress,
}

impl NotifyRequest {
    /// The first attempt at telling of an event.
    #[must_use]
    pub fn of(event: &Event, tenant: Tenant, config: String, egress: Egress) -> Self {
        Self {
            tenant,
            config,
            key: event.key(),
            kind: event.state.name().to_owned(),
            at: event.at,
            attempt: 1,
            payload: event.payload(),
            egress,
        }
    }
}

/// The input of one assessment.
#[derive(Debug, Clone)]
pub struct AssessRequest {
    /// Whose call it is.
    pub tenant: Tenant,
    /// As they live; of kinds that the plugin's manifest names.
    pub objects: Arc<Vec<InputObject>>,
}

/// An object handed to a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputObject {
    /// Its identity.
    pub head: ObjectHead,
    /// Canonical JSON.
    pub json: String,
}

impl From<&Object> for InputObject {
    fn from(object: &Object) -> Self {
        let api_version = object.body["apiVersion"].as_str().unwrap_or_default();
        let head = ObjectHead {
            group: object.id.group.clone(),
            version: api_version.rsplit('/').next().unwrap_or_default().to_owned(),
            kind: object.id.kind.clone(),
            namespace: object.id.namespace.clone(),
            name: object.id.name.clone(),
        };
        Self {
            head,
            json: canonical(&object.body),
        }
    }
}

impl RenderRequest {
    /// The tree of a label: the app's own or a source.
    pub(crate) fn tree(&self, label: &str) -> Option<&Tree> {
        if label.is_empty() {
            Some(&self.tree)
        } else {
            self.sources.get(label)
        }
    }

    /// Holds the request to the contract's bounds.
    pub(crate) fn check(&self) -> Result<(), HostFailure> {
        let refuse = |what: String| Err(HostFailure::Request { what });
        check_config(&self.config)?;
        let apis: usize = self.apis.iter().map(|a| a.len() + 8).sum();
        if apis > limits::APIS_BYTES {
            return refuse(format!(
                "the names of all APIs have more than {} bytes",
                limits::APIS_BYTES
            ));
        }
        check_objects(self.input.iter().flat_map(|all| all.iter()))?;
        match self.sources.iter().find(|(name, tree)| name.as_str() != tree.label()) {
            Some((name, tree)) => refuse(format!("source `{name}` has a tree labelled `{}`", tree.label())),
            None => Ok(()),
        }
    }
}

impl ValidateRequest {
    /// Holds the request to the contract's bounds.
    pub(crate) fn check(&self) -> Result<(), HostFailure> {
        check_config(&self.config)?;
        check_objects(
            self.objects
                .iter()
                .chain(self.previous.iter().flat_map(|all| all.iter())),
        )
    }
}

impl NotifyRequest {
    /// Holds the request to the contract's bounds.
    pub(crate) fn check(&self) -> Result<(), HostFailure> {
        check_config(&self.config)?;
        if self.payload.len() > limits::PAYLOAD_BYTES {
            let what = format!("the event's payload has more than {} bytes", limits::PAYLOAD_BYTES);
            return Err(HostFailure::Request { what });
        }
        Ok(())
    }
}

impl AssessRequest {
    /// Holds the request to the contract's bounds.
    pub(crate) fn check(&self) -> Result<(), HostFailure> {
        check_objects(self.objects.iter())
    }
}

fn check_config(config: &str) -> Result<(), HostFailure> {
    if config.len() <= limits::CONFIG_BYTES {
        return Ok(());
    }
    let what = format!("its config has more than {} bytes", limits::CONFIG_BYTES);
    Err(HostFailure::Request { what })
}

fn check_objects<'a>(objects: impl IntoIterator<Item = &'a InputObject>) -> Result<(), HostFailure> {
    let mut objects = objects.into_iter();
    let Some(object) = objects.find(|object| object.json.len() > limits::BODY_BYTES) else {
        return Ok(());
    };
    let ObjectHead {
        kind, namespace, name, ..
    } = &object.head;
    let what = format!("{kind} {namespace}/{name} has more than {} bytes", limits::BODY_BYTES);
    Err(HostFailure::Request { what })
}
