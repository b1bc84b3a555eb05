//! Making an object anew, where a field of it can't be changed.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use windlass_cluster::{
    delete::{Deleted, Propagation},
    refusal::Refusal,
    resource::Resource,
};
use windlass_core::{
    diff::Step,
    immutable::{Harm, Recreation},
};

use super::{Cluster, ClusterError, Shared, write::written};
use crate::{
    fault,
    target::{TargetError, Written},
};

/// How long a cycle waits for the old object to be gone. What has no finalizers is gone at once; what has some is made anew by
/// a later cycle.
const GONE: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

impl Cluster {
    /// Deletes what lives and applies again. Only what carries this app's mark, and only with consent where something is lost by it.
    pub(super) async fn recreate(
        &self,
        step: &Step,
        resource: &Resource,
        body: &Value,
        recreation: &Recreation,
    ) -> Result<Written, TargetError> {
        let Shared { store, .. } = &self.shared;
        let id = &step.id;
        self.consented(recreation)?;
        let Some(uid) = step.live.as_ref().and_then(|live| live.uid.clone()) else {
            return Err(Refusal::Changed { replaced: true }.into());
        };
        let propagation = if recreation.orphan {
            Propagation::Orphan
        } else {
            Propagation::Background
        };
        let deleted = self.delete(id, resource, &uid, propagation).await?;
        fault::point("cluster: deleted to be made anew");
        let note = format!("made anew, as {} can't be changed", recreation.fields.join(", "));
        if let Deleted::Terminating { finalizers } = &deleted
            && !self.is_gone(resource, step, &uid).await?
        {
            return Ok(Written {
                lingers: true,
                notes: vec![format!(
                    "is being {note}: it goes when its finalizers are done: {}",
                    finalizers.join(", ")
                )],
                ..Written::default()
            });
        }
        let applied = self.send(step, resource, body).await?;
        fault::point("cluster: made anew");
        store.wrote(resource, id, &self.owner, &applied.live);
        let mut written = written(&applied);
        written.notes.push(note);
        Ok(written)
    }

    /// # Errors
    /// [`ClusterError::NeedsConsent`].
    pub(super) fn consented(&self, recreation: &Recreation) -> Result<(), ClusterError> {
        if recreation.harm == Harm::Loss && !self.manners.consent {
            return Err(ClusterError::NeedsConsent {
                fields: recreation.fields.clone(),
            });
        }
        Ok(())
    }

    async fn is_gone(&self, resource: &Resource, step: &Step, uid: &str) -> Result<bool, Refusal> {
        let end = Instant::now() + GONE;
        loop {
            let live = self.shared.api.get(&self.actor, resource, &step.id).await?;
            let found = live.as_ref().and_then(|live| live.pointer("/metadata/uid")?.as_str());
            if found != Some(uid) {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            sleep(LOOK).await;
        }
    }
}
