//! What a plan writes into the inventory, before and after.

use super::{Action, Content, Live, LiveObject, Mark, Plan, Step};
use crate::{
    config::DriftScope,
    digest::Digest,
    inventory::{FORMAT, Inventory, Owned, Ruled},
    manifest::Manifest,
    options::{Options, Write},
    restart::Configured,
};

/// The outcome of one step, as the target reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It happened, or there was nothing to do.
    Done,
    /// It was applied to a cluster, which says what came of it.
    Applied(Receipt),
    /// Its deletion was accepted, and finalizers keep it for a while: it is known until it is gone.
    Deleting,
    /// It did not happen; what lives is unknown.
    Failed,
    /// It was not tried yet.
    Waiting,
}

/// What a cluster has after an apply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Of the object.
    pub uid: Option<String>,
    /// Of what lives in the fields that were applied.
    pub projection: Option<Digest>,
    /// Which ignore rules count for it.
    pub ruled: Ruled,
}

impl Inventory {
    /// What must be on disk before the first change: old ∪ new, with every intention. `None` when it says so already.
    #[must_use]
    pub fn intend(&self, plan: &Plan) -> Option<Self> {
        let mut next = self.clone();
        next.format = FORMAT;
        for step in &plan.steps {
            match (&step.action, &step.desired) {
                (Action::Create | Action::Configure(_), Some(manifest)) => {
                    let entry = next.entries.entry(step.id.clone()).or_default();
                    entry.intended = Some(manifest.object.hash);
                    // What is made now may be made without our being told: what its pods were made with is known then.
                    if entry.applied.is_none() && entry.configured.is_none() {
                        entry.configured = configured(manifest);
                    }
                    entry.deleting = false;
                }
                (Action::Delete, _) => {
                    next.entries.entry(step.id.clone()).or_default().deleting = true;
                }
                _ => {}
            }
        }
        (next != *self).then_some(next)
    }

    /// What is known after the changes. A failed step keeps its intention, so that the next cycle knows what may be there.
    #[must_use]
    pub fn settle<'a>(&self, steps: impl IntoIterator<Item = (&'a Step, Outcome)>) -> Self {
        let mut next = self.clone();
        next.format = FORMAT;
        for (step, outcome) in steps {
            if matches!(outcome, Outcome::Failed | Outcome::Deleting | Outcome::Waiting) {
                continue;
            }
            match (&step.action, &step.desired) {
                (Action::Create | Action::Configure(_) | Action::Keep, Some(manifest)) => {
                    let receipt = match outcome {
                        Outcome::Applied(receipt) => receipt,
                        _ => step.live.as_ref().map(receipt).unwrap_or_default(),
                    };
                    next.entries.insert(step.id.clone(), owned(manifest, receipt));
                }
                (Action::Delete | Action::Forget, _) => {
                    next.entries.remove(&step.id);
                }
                (Action::Skip(reason), _) if reason.forgets() => {
                    next.entries.remove(&step.id);
                }
                (Action::Skip(_), _) => next.recognise(step),
                _ => {}
            }
        }
        next
    }

    /// What came back from a backup is known again, and may be deleted in the next cycle.
    fn recognise(&mut self, step: &Step) {
        let Some(live) = step.live.as_ref().filter(|live| live.marked == Mark::Ours) else {
            return;
        };
        if let (Some(entry), Some(uid)) = (self.entries.get_mut(&step.id), &live.uid) {
            entry.uid = Some(uid.clone());
        }
    }
}

fn owned(manifest: &Manifest, receipt: Receipt) -> Owned {
    let options = Options::of(&manifest.object.body).unwrap_or_default();
    Owned {
        applied: Some(manifest.object.hash),
        intended: None,
        deleting: false,
        keep: options.keep,
        only_made: receipt.uid.is_some() && options.write == Write::CreateOnly,
        uid: receipt.uid,
        projection: receipt.projection,
        ruled: receipt.ruled,
        configured: configured(manifest),
    }
}

fn configured(manifest: &Manifest) -> Option<Configured> {
    manifest.configured.as_ref().map(|restart| restart.configured.clone())
}

/// What is known of an object that was left as it is.
fn receipt(live: &LiveObject) -> Receipt {
    let projection = match &live.content {
        Content::Fields { projection, .. } => *projection,
        Content::Whole(_) | Content::Unseen(_) => None,
    };
    Receipt {
        uid: live.uid.clone(),
        projection,
        ruled: live.ruled.clone().unwrap_or_default(),
    }
}

/// Whether what lives is what was applied last, object by object, and nothing is under way: then, as long as the same is
/// desired, there is nothing to do.
#[must_use]
pub fn is_at_rest(inventory: &Inventory, live: &Live, scope: DriftScope) -> bool {
    inventory.entries.iter().all(|(id, owned)| {
        let Some(there) = live.get(id) else { return false };
        owned.intended.is_none()
            && !owned.deleting
            && owned
                .applied
                .is_some_and(|applied| owned.only_made || there.is_synced(applied, Some(owned)))
            && there.marked == Mark::Ours
            && there.is_same(owned)
            && !there.deleting
            && !(scope == DriftScope::Strict && !owned.only_made && there.has_strays())
    })
}
