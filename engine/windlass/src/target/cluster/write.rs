//! One step onto a cluster.

use std::sync::PoisonError;

use serde_json::Value;
use windlass_cluster::{
    apply::{Applied, How, Takeover, Wanted},
    delete::{Deleted, Doomed, Propagation},
    refusal::Refusal,
    resource::Resource,
};
use windlass_core::{
    config::DriftScope,
    conflict::Contest,
    diff::{Action, Cause, Mark, Step, intend::Receipt},
    fields::{FieldPath, FieldSet},
    live::{self, Stray},
    managers::Managers,
    manifest::Manifest,
    model::ObjectId,
    options::{IgnoreRule, Options, Write, ignore},
    owner::Owner,
    payload,
};

use super::{Cluster, Shared, api_version};
use crate::{
    fault,
    target::{Edit, TargetError, Written},
};

impl Cluster {
    pub(super) async fn write(&self, step: &Step, manifest: &Manifest) -> Result<Written, TargetError> {
        let Shared { store, .. } = &self.shared;
        let (id, body) = (&step.id, &manifest.object.body);
        let resource = self.resource(id, api_version(body)).await.map_err(Refusal::from)?;
        let body = self.less_ignored(step, &resource, body).await?;
        let applied = match self.send(step, &resource, &body).await {
            Err(Refusal::Immutable { recreation, .. }) => {
                return self.recreate(step, &resource, &body, &recreation).await;
            }
            applied => applied?,
        };
        fault::point("cluster: applied");
        store.ensure(&resource, &id.namespace);
        store.wrote(&resource, id, &self.owner, &applied.live);
        let mut written = written(&applied);
        self.strip(id, &resource, &applied, &mut written).await?;
        Ok(written)
    }

    pub(super) async fn send(&self, step: &Step, resource: &Resource, body: &Value) -> Result<Applied, Refusal> {
        let last_applied = |contests: &[Contest]| self.last_applied(step, contests);
        let predecessor = self.predecessor(step);
        let wanted = Wanted {
            id: &step.id,
            resource,
            body,
            owner: &self.owner,
        };
        let how = How {
            write: Options::of(body).map_or(Write::Apply, |options| options.write),
            takeover: self.takeover(step, predecessor.as_ref()),
            last_applied: &last_applied,
            take_from: &self.manners.take_from,
            dry_run: false,
        };
        self.shared.api.apply(&self.actor, wanted, how).await
    }

    /// What git wants of an object, less the fields that are left to others. What isn't there yet gets all of them.
    async fn less_ignored(&self, step: &Step, resource: &Resource, body: &Value) -> Result<Value, Refusal> {
        let rules = self.rules(&step.id);
        if rules.is_empty() || step.live.is_none() {
            return Ok(body.clone());
        }
        let live = self.shared.api.get(&self.actor, resource, &step.id).await?;
        Ok(live.map_or_else(
            || body.clone(),
            |live| without(body, &step.id, &live, &self.owner, &rules),
        ))
    }

    /// Rules about an object: the App's, and those that follow from its render.
    pub(super) fn rules(&self, id: &ObjectId) -> Vec<IgnoreRule> {
        let handed_over = self.handed_over.lock().unwrap_or_else(PoisonError::into_inner);
        let rules = self.manners.ignore.iter().chain(handed_over.iter());
        rules.filter(|rule| rule.is_about(id)).cloned().collect()
    }

    /// Takes away what others added, where that counts as drift.
    async fn strip(
        &self,
        id: &ObjectId,
        resource: &Resource,
        applied: &Applied,
        written: &mut Written,
    ) -> Result<(), TargetError> {
        let Shared { api, store, .. } = &self.shared;
        if self.manners.scope != DriftScope::Strict || !applied.reduced.has_strays() {
            return Ok(());
        }
        let strays = strays(&applied.live, &self.owner);
        let paths: Vec<FieldPath> = strays.iter().map(|stray| stray.path.clone()).collect();
        let stripped = api
            .strip(&self.actor, resource, id, &self.owner, &applied.live, &paths)
            .await?;
        let Some(live) = stripped else { return Ok(()) };
        fault::point("cluster: stripped");
        store.wrote(resource, id, &self.owner, &live);
        if let Ok(reduced) = live::reduce(&live, id, &self.owner) {
            written.receipt = Some(Receipt {
                uid: Some(reduced.uid),
                projection: reduced.projection,
            });
        }
        for Stray { path, manager } in strays {
            written.notes.push(format!("{path} was added by `{manager}`: removed"));
            written.edits.push(Edit {
                field: path.to_string(),
                manager,
            });
        }
        Ok(())
    }

    /// Only what may be there without this app's mark is read first. What drifted is the app's without one too: somebody took
    /// it away.
    pub(super) fn takeover<'a>(&self, step: &Step, predecessor: Option<&'a Owner>) -> Option<Takeover<'a>> {
        let is_marked = step.live.as_ref().is_none_or(|live| live.marked == Mark::Ours);
        let is_ours = is_marked || step.action == Action::Configure(Cause::Drifted);
        (!is_ours).then_some(Takeover {
            policy: self.manners.adoption,
            predecessor,
        })
    }

    pub(super) fn last_applied(&self, step: &Step, contests: &[Contest]) -> FieldSet {
        let paths: Vec<FieldPath> = contests.iter().map(|contest| contest.path.clone()).collect();
        let is_same = matches!(step.action, Action::Configure(Cause::Drifted));
        let document = if is_same {
            step.desired.as_ref().map(|manifest| manifest.object.body.clone())
        } else {
            (self.previous)(&step.id)
        };
        document.map_or_else(FieldSet::default, |document| {
            let sent = payload::payload(&document, &step.id, &self.owner);
            FieldSet::held_by(&sent, &paths)
        })
    }

    pub(super) async fn remove(&self, step: &Step) -> Result<Written, TargetError> {
        let id = &step.id;
        let Some(uid) = step.live.as_ref().and_then(|live| live.uid.clone()) else {
            return Ok(Written::default());
        };
        let resource = self.resource(id, "").await.map_err(Refusal::from)?;
        let deleted = self.delete(id, &resource, &uid, Propagation::Background).await?;
        fault::point("cluster: deleted");
        Ok(Written {
            lingers: matches!(deleted, Deleted::Terminating { .. }),
            notes: match deleted {
                Deleted::Terminating { finalizers } if !finalizers.is_empty() => {
                    vec![format!("goes when its finalizers are done: {}", finalizers.join(", "))]
                }
                _ => Vec::new(),
            },
            ..Written::default()
        })
    }

    /// Deletes that object and no other of its name, and only while it carries this app's mark.
    pub(super) async fn delete(
        &self,
        id: &ObjectId,
        resource: &Resource,
        uid: &str,
        propagation: Propagation,
    ) -> Result<Deleted, Refusal> {
        let Shared { api, store, .. } = &self.shared;
        store.doomed(resource, uid);
        let doomed = Doomed {
            resource,
            id,
            uid,
            resource_version: None,
            propagation,
            dry_run: false,
        };
        let is_ours = |live: &Value| self.owner.read(live, id) == Mark::Ours;
        api.delete(&self.actor, doomed, is_ours).await
    }
}

/// An object less what rules leave to others.
pub(super) fn without(body: &Value, id: &ObjectId, live: &Value, owner: &Owner, rules: &[IgnoreRule]) -> Value {
    let mut body = body.clone();
    // Where nobody can tell who owns what, the API server refuses the apply itself.
    if let Ok(managers) = Managers::read(live) {
        ignore(&mut body, id, live, &managers, &owner.manager(), rules);
    }
    body
}

pub(super) fn strays(live: &Value, owner: &Owner) -> Vec<Stray> {
    Managers::read(live).map_or_else(|_| Vec::new(), |managers| live::strays(&managers, &owner.manager()))
}

pub(super) fn written(applied: &Applied) -> Written {
    let mut notes: Vec<String> = applied
        .warnings
        .iter()
        .map(|warning| format!("the API server warns: {warning}"))
        .collect();
    notes.extend(applied.yielded.iter().map(|contest| {
        format!(
            "{} is left to its owner `{}`; `conflicts.takeFrom` would take it",
            contest.path, contest.manager
        )
    }));
    notes.extend(
        applied
            .forced
            .iter()
            .map(|contest| format!("{} was changed by `{}`: set back", contest.path, contest.manager)),
    );
    if !applied.adopted_from.is_empty() {
        notes.push(format!("taken over from {}", applied.adopted_from.join(", ")));
    }
    Written {
        receipt: Some(Receipt {
            uid: Some(applied.reduced.uid.clone()),
            projection: applied.reduced.projection,
        }),
        lingers: false,
        notes,
        edits: applied.forced.iter().map(Edit::of).collect(),
    }
}
