//! Desired × live × inventory → plan. Pure: dry run, diff, apply and tests all consume the same plan.

mod live;
mod action;
pub mod intend;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    config::{DriftMode, DriftScope, PruneSpec},
    digest::Digest,
    inventory::Inventory,
    manifest::{Desired, Manifest},
    model::ObjectId,
};

pub use action::{Action, Cause, SkipReason};
pub use live::{Content, Live, LiveObject, Mark, Moving};

/// Kinds that a cluster target never deletes unless the App says so (`prune.unprotect`): with each goes what nobody can make again.
pub const PROTECTED: [&str; 4] = [
    "StatefulSet.apps",
    "PersistentVolumeClaim",
    "Namespace",
    "CustomResourceDefinition.apiextensions.k8s.io",
];

/// What a plan was made under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Of the App.
    pub prune: PruneSpec,
    /// Of the App.
    pub drift: DriftMode,
    /// Of the App.
    pub scope: DriftScope,
    /// The target is a cluster: [`PROTECTED`] counts.
    pub on_cluster: bool,
    /// The user consented to this cycle's deletions.
    pub consent: bool,
}

/// Everything that is to happen, in the order of identities.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// One step for every object wanted or owned.
    pub steps: Vec<Step>,
    /// Hash of what is desired.
    pub desired: Digest,
    /// Objects owned before.
    pub owned: usize,
}

/// What happens to one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Which.
    pub id: ObjectId,
    /// What.
    pub action: Action,
    /// What git wants; `None` when it left the render.
    pub desired: Option<Manifest>,
    /// What is there.
    pub live: Option<LiveObject>,
}

/// Compares.
///
/// In sync is decided by hashes alone: what lives is what git wants, or what we put there, or something else.
#[must_use]
pub fn plan(desired: &Desired, live: &Live, inventory: &Inventory, policy: &Policy) -> Plan {
    let ids: BTreeSet<&ObjectId> = desired.objects.keys().chain(inventory.entries.keys()).collect();
    // One object under another UID may be the first of many: nothing is deleted while a backup is being restored.
    let restored = ids
        .iter()
        .any(|id| action::is_restored(live.get(id), inventory.entries.get(id)));
    let is_unseen = |id: &ObjectId| {
        live.get(id)
            .is_some_and(|live| matches!(live.content, Content::Unseen(_)))
    };
    // What became a hook is deleted when a hook is, not for having left the objects.
    let hooks: BTreeSet<&ObjectId> = desired.hooks.iter().map(|hook| &hook.object.id).collect();
    let uncertain = desired.objects.keys().any(is_unseen);
    let steps = ids
        .into_iter()
        .map(|id| {
            let wanted = desired.objects.get(id);
            let there = live.get(id);
            let action = match (wanted, inventory.entries.get(id)) {
                (None, Some(_)) if policy.on_cluster && hooks.contains(id) => Action::Forget,
                (Some(wanted), owned) => action::of_wanted(wanted, there, owned, policy),
                (None, Some(owned)) => match action::of_unwanted(id, there, owned, policy) {
                    Action::Delete if restored => Action::Skip(SkipReason::Restored),
                    Action::Delete if uncertain => Action::Skip(SkipReason::Uncertain),
                    action => action,
                },
                (None, None) => Action::Forget,
            };
            Step {
                id: id.clone(),
                action,
                desired: wanted.cloned(),
                live: there.cloned(),
            }
        })
        .collect();
    Plan {
        steps,
        desired: desired.hash,
        owned: inventory.entries.len(),
    }
}

/// Steps by outcome, as `sync -o json` prints them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Objects made.
    pub created: usize,
    /// Objects changed.
    pub configured: usize,
    /// Objects as they should be.
    pub unchanged: usize,
    /// Objects deleted.
    pub deleted: usize,
    /// Objects left alone for a reason.
    pub skipped: usize,
}

impl Plan {
    /// Whether anything would change on the target.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.changes().next().is_some()
    }

    /// The steps that change the target.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(|s| matches!(s.action, Action::Create | Action::Configure(_) | Action::Delete))
    }

    /// What would happen, counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for step in &self.steps {
            match step.action {
                Action::Create => counts.created += 1,
                Action::Configure(_) => counts.configured += 1,
                Action::Keep => counts.unchanged += 1,
                Action::Delete => counts.deleted += 1,
                Action::Skip(_) => counts.skipped += 1,
                Action::Forget => {}
            }
        }
        counts
    }
}
