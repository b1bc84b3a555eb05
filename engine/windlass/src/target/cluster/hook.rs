//! What lives of a hook. It is asked for, not looked up: a hook is looked at only while it runs, and whether it failed must not be told from
//! what a watch has not shown yet.

use std::time::Duration;

use serde_json::Value;
use windlass_cluster::{ready, refusal::Refusal};
use windlass_core::{
    diff::{Action, LiveObject, Mark, Step},
    health::{self, State, Verdict},
    manifest::Manifest,
    model::ObjectId,
};

use super::{Cluster, api_version};
use crate::target::TargetError;

/// Lines of a pod that failed, from the end. Enough for a stack trace's top or a migration's last words.
const LINES: usize = 20;
/// Bytes of them: they go into reports and into the inventory.
const BYTES: usize = 4096;

/// How long the first list of a kind's watch is waited for before a hook is made: a watch that follows from the beginning sees one fail that is
/// cleaned up at once. Where none can be had, looks from time to time have to do.
const WATCHED: Duration = Duration::from_secs(2);

/// An object that lives under a hook's name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Examined {
    /// Which of all that ever had the name.
    pub(crate) uid: String,
    /// Whose it is.
    pub(crate) mark: Mark,
    /// It is on its way out.
    pub(crate) deleting: bool,
    /// Where it stands, whether it is on its way out or not.
    pub(crate) verdict: Verdict,
    /// Nothing is to be waited for any more.
    pub(crate) is_through: bool,
}

impl Examined {
    /// Waiting alone won't end it well.
    pub(crate) fn has_failed(&self) -> bool {
        !self.is_through && self.verdict.state == State::Degraded
    }
}

impl Cluster {
    /// What lives under a hook's name; from now on whoever changes it wakes the app.
    pub(crate) async fn examine(&self, hook: &Manifest) -> Result<Option<Examined>, TargetError> {
        let (id, body) = (&hook.object.id, &hook.object.body);
        let resource = self.resource(id, api_version(body)).await.map_err(Refusal::from)?;
        self.shared.store.ensure(&resource, &id.namespace);
        let _ = self.shared.store.synced(&resource, &id.namespace, WATCHED).await;
        let live = self.shared.api.get(&self.actor, &resource, id).await?;
        Ok(live.map(|live| {
            let (uid, mark) = (&live["metadata"]["uid"], self.owner.read(&live, id));
            let uid = uid.as_str().unwrap_or_default().to_owned();
            // One that is cleaned up has ended well or not all the same.
            let mut live = live;
            let metadata = live.get_mut("metadata").and_then(Value::as_object_mut);
            let deleting = metadata
                .and_then(|metadata| metadata.remove("deletionTimestamp"))
                .is_some();
            let verdict = health::assess(&live);
            Examined {
                uid,
                mark,
                deleting,
                is_through: ready::is_ready(&resource, Some(&verdict)),
                verdict,
            }
        }))
    }

    /// How an object that is gone failed, where somebody saw it fail.
    pub(crate) async fn fallen(&self, hook: &Manifest, uid: &str) -> Option<Verdict> {
        let (id, body) = (&hook.object.id, &hook.object.body);
        let resource = self.resource(id, api_version(body)).await.ok()?;
        self.shared.store.fallen(&resource, id, uid)
    }

    /// The last lines of a hook's pod. `None` = there is no pod.
    pub(crate) async fn last_lines(&self, id: &ObjectId) -> Result<Option<Vec<String>>, Refusal> {
        self.shared.api.last_lines(&self.actor, id, LINES, BYTES).await
    }
}

/// The step that makes a hook's object.
pub(crate) fn making(hook: &Manifest) -> Step {
    Step {
        id: hook.object.id.clone(),
        action: Action::Create,
        desired: Some(hook.clone()),
        live: None,
    }
}

/// The step that deletes the object of that UID, and no other.
pub(crate) fn deleting(id: &ObjectId, uid: &str) -> Step {
    Step {
        id: id.clone(),
        action: Action::Delete,
        desired: None,
        live: Some(LiveObject {
            uid: Some(uid.to_owned()),
            ..LiveObject::whole(None, None, Mark::Ours)
        }),
    }
}
