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
    cel::Unanswered,
    config::DriftScope,
    conflict::Contest,
    diff::{Action, Cause, Mark, SkipReason, Step, intend::Receipt},
    fields::{FieldPath, FieldSet},
    inventory::Ruled,
    live::{self, Stray},
    managers::Managers,
    manifest::Manifest,
    model::ObjectId,
    options::{Options, Ruling, Situation, Write, heeds},
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
        let less = self.less_ignored(step, &resource, body).await?;
        let sent = less.as_ref().map_or(body, |less| &less.body);
        let mut applied = match self.send(step, &resource, sent).await {
            Err(Refusal::Immutable { recreation, .. }) => {
                return self.recreate(step, &resource, sent, &recreation).await;
            }
            applied => applied?,
        };
        fault::point("cluster: applied");
        let mut written = written(&applied);
        let look = |live: &Value| self.has_rules(id).then(|| self.less(id, body, live));
        let mut after = look(&applied.live);
        // What was written may have made other rules count. What was just made is as git wants it, whichever do.
        if let (Some(before), Some(now)) = (&less, &after)
            && before.ruled.rules != now.ruled.rules
            && before.body != now.body
        {
            applied = self.send(step, &resource, &now.body).await?;
            fault::point("cluster: applied under other rules");
            after = look(&applied.live);
            written.and(self::written(&applied));
        }
        if let (Some(receipt), Some(after)) = (&mut written.receipt, after) {
            receipt.ruled = after.ruled;
            written.unanswered = after.unanswered;
        }
        store.ensure(&resource, &id.namespace);
        store.wrote(&resource, id, &self.owner, &applied.live);
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

    /// What git wants of an object, less the fields that are left to others. `None`: all of it, as it isn't there yet or no rule is
    /// about it.
    async fn less_ignored(&self, step: &Step, resource: &Resource, body: &Value) -> Result<Option<Less>, Refusal> {
        if step.live.is_none() || !self.has_rules(&step.id) {
            return Ok(None);
        }
        let live = self.shared.api.get(&self.actor, resource, &step.id).await?;
        Ok(live.map(|live| self.less(&step.id, body, &live)))
    }

    fn has_rules(&self, id: &ObjectId) -> bool {
        let handed_over = self.handed_over.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rules = self.manners.ignore.iter().chain(handed_over.iter());
        rules.any(|rule| rule.is_about(id))
    }

    /// What git wants of a living object, less what the rules that count for it leave to others.
    pub(super) fn less(&self, id: &ObjectId, body: &Value, live: &Value) -> Less {
        self.less_as(&self.owner, id, body, live)
    }

    /// The same, where another app has it.
    pub(super) fn less_as(&self, owner: &Owner, id: &ObjectId, body: &Value, live: &Value) -> Less {
        let mut less = Less {
            body: body.clone(),
            ruled: Ruled::default(),
            unanswered: Vec::new(),
        };
        // Where nobody can tell who owns what, the API server refuses the apply itself.
        let Ok(managers) = Managers::read(live) else {
            return less;
        };
        let manager = owner.manager();
        let situation = Situation {
            id,
            object: body,
            live,
            managers: &managers,
            manager: &manager,
        };
        let rules = &self.manners.ignore;
        let handed_over = self.handed_over.lock().unwrap_or_else(PoisonError::into_inner);
        let ruling = Ruling::of(rules, &situation).and(&handed_over, id);
        ruling.ignore(&mut less.body, &situation);
        less.ruled.rules = ruling.digest();
        if ruling.unanswered.is_empty() {
            less.ruled.heeded = heeds(rules, id, live, &managers, &manager);
        }
        let told = |(number, why): &(usize, Unanswered)| format!("spec.ignore[{number}].when: {why}");
        less.unanswered = ruling.unanswered.iter().map(told).collect();
        less
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
        if let Ok(reduced) = live::reduce(&live, id, &self.owner, &[]) {
            let receipt = written.receipt.get_or_insert_default();
            receipt.uid = Some(reduced.uid);
            receipt.projection = reduced.projection;
        }
        for stray in strays {
            let Stray { path, manager } = &stray;
            written.notes.push(format!("{path} was added by `{manager}`: removed"));
            written.edits.push(stray.into());
        }
        Ok(())
    }

    /// Only what may be there without this app's mark is read first. What drifted is the app's without one too: somebody took
    /// it away.
    pub(super) fn takeover<'a>(&self, step: &Step, predecessor: Option<&'a Owner>) -> Option<Takeover<'a>> {
        let is_marked = step.live.as_ref().is_none_or(|live| live.marked == Mark::Ours);
        let is_ours = is_marked || is_unchanged_in_git(step);
        (!is_ours).then_some(Takeover {
            policy: self.manners.adoption,
            predecessor,
        })
    }

    pub(super) fn last_applied(&self, step: &Step, contests: &[Contest]) -> FieldSet {
        let paths: Vec<FieldPath> = contests.iter().map(|contest| contest.path.clone()).collect();
        let document = if is_unchanged_in_git(step) {
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
pub(super) struct Less {
    pub(super) body: Value,
    /// Which rules these are.
    pub(super) ruled: Ruled,
    /// See [`Written::unanswered`].
    pub(super) unanswered: Vec<String>,
}

/// Whether what git wants now is what was applied last, and somebody else changed something.
const fn is_unchanged_in_git(step: &Step) -> bool {
    matches!(
        step.action,
        Action::Configure(Cause::Drifted | Cause::Reconsidered) | Action::Skip(SkipReason::DriftReported)
    )
}

pub(super) fn strays(live: &Value, owner: &Owner) -> Vec<Stray> {
    Managers::read(live).map_or_else(|_| Vec::new(), |managers| live::strays(&managers, &owner.manager()))
}

/// Contests that were given way to.
pub(super) fn left(yielded: &[Contest]) -> Vec<String> {
    let note = |contest: &Contest| {
        format!(
            "{} is left to its owner `{}`; `conflicts.takeFrom` would take it",
            contest.path, contest.manager
        )
    };
    yielded.iter().map(note).collect()
}

pub(super) fn written(applied: &Applied) -> Written {
    let mut notes: Vec<String> = applied
        .warnings
        .iter()
        .map(|warning| format!("the API server warns: {warning}"))
        .collect();
    notes.extend(left(&applied.yielded));
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
            ruled: Ruled::default(),
        }),
        notes,
        edits: applied.forced.iter().map(Edit::of).collect(),
        ..Written::default()
    }
}
