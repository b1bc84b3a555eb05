//! What is known of the hooks of one output: written ahead of each, so that a kill neither repeats one nor loses one.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Occasion, Phase};
use crate::{
    digest::Digest,
    inventory::Inventory,
    manifest::{Desired, Manifest},
    model::ObjectId,
};

/// Objects of earlier outputs that are remembered: their health is nobody's concern. The threat is a hook that gets another name with each
/// commit and is never deleted.
pub const LEFT: usize = 100;

/// The hooks of one output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Log {
    /// The output, as git says it.
    pub desired: Digest,
    /// Why it is applied. Kept, for by the last phase nobody could tell an installation any more.
    pub occasion: Occasion,
    /// Nothing is left to run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
    /// Every hook that was begun, in that order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<Run>,
    /// Of earlier outputs, what may still be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Run>,
}

/// One hook in one phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run {
    /// Its object.
    pub id: ObjectId,
    /// The beginning of its name, where that was generated: under another name it is the same hook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// When.
    pub phase: Phase,
    /// Of the object that was made for it; `None` = it is about to be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// What came of it; `None` = it is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// Its object was deleted, as its policy says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// What came of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It did what it is for.
    Succeeded,
    /// It was made, and is gone without having been seen to fail: a controller cleaned up behind it.
    Gone,
    /// It failed.
    Failed {
        /// Why, in one line.
        why: String,
        /// The last lines that its pod wrote, or why they can't be had.
        output: Vec<String>,
    },
}

impl Log {
    /// That of an output that is about to be applied, where the inventory has none of it yet; `None` = it has, or the app never had a hook.
    ///
    /// `desired`: as git says it. `planned`: the hash of what is applied, which the engine may have added to. `why`: where the caller knows better
    /// than the inventory why it is applied; on a rollback nothing is left to run.
    #[must_use]
    pub fn next(inventory: &Inventory, desired: &Desired, planned: Digest, why: Option<Occasion>) -> Option<Self> {
        let before = inventory.hooks.as_ref();
        if before.is_some_and(|log| log.desired == desired.hash && log.occasion != Occasion::Delete) {
            return None;
        }
        if before.is_none() && desired.hooks.is_empty() {
            return None;
        }
        let itself = match inventory.desired {
            None => Occasion::Install,
            Some(_) => Occasion::Upgrade,
        };
        let occasion = why.unwrap_or(itself);
        let mut log = Self::begin(before.cloned(), desired.hash, occasion);
        // What was applied by an engine that knew of no hooks is there: only the next change runs some.
        let was_applied = before.is_none() && inventory.desired == Some(planned);
        log.done = was_applied || occasion == Occasion::Rollback || desired.hooks.is_empty();
        Some(log)
    }

    /// Of an output that nothing was run for yet. What ran for the one before is left behind.
    #[must_use]
    pub fn begin(before: Option<Self>, desired: Digest, occasion: Occasion) -> Self {
        let mut left: Vec<Run> = before.map_or_else(Vec::new, |before| {
            let runs = before.left.into_iter().chain(before.runs);
            runs.filter(|run| run.uid.is_some() && !run.deleted).collect()
        });
        left.drain(..left.len().saturating_sub(LEFT));
        Self {
            desired,
            occasion,
            done: false,
            runs: Vec::new(),
            left,
        }
    }

    /// The run of a hook in a phase.
    #[must_use]
    pub fn run(&self, id: &ObjectId, phase: Phase) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == *id && run.phase == phase)
    }

    /// The same, to be changed; begun when there is none.
    pub fn run_mut(&mut self, manifest: &Manifest, phase: Phase) -> &mut Run {
        let id = &manifest.object.id;
        let known = self.runs.iter().position(|run| run.id == *id && run.phase == phase);
        let index = known.unwrap_or_else(|| {
            self.runs.push(Run {
                id: id.clone(),
                prefix: prefix(manifest),
                phase,
                uid: None,
                ending: None,
                deleted: false,
            });
            self.runs.len() - 1
        });
        &mut self.runs[index]
    }

    /// What an earlier output left of the same hook, under whatever name.
    pub fn left_of<'l>(&'l self, manifest: &'l Manifest) -> impl Iterator<Item = &'l Run> {
        let prefix = prefix(manifest);
        self.left.iter().filter(move |run| {
            let (a, b) = (&run.id, &manifest.object.id);
            let is_of_kind = (&a.group, &a.kind, &a.namespace) == (&b.group, &b.kind, &b.namespace);
            is_of_kind && (a.name == b.name || (prefix.is_some() && run.prefix == prefix))
        })
    }

    /// Every object that was made for a hook and may be there.
    #[must_use]
    pub fn objects(&self) -> BTreeSet<ObjectId> {
        self.runs.iter().chain(&self.left).map(|run| run.id.clone()).collect()
    }

    /// Whether a hook was run before the first object was changed: it may have moved data to a form that only what comes after it reads.
    #[must_use]
    pub fn ran_before(&self) -> bool {
        self.runs.iter().any(|run| run.phase == Phase::Pre)
    }

    /// Whether objects are being deleted with the App, and hooks of that may be due.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.occasion == Occasion::Delete && !self.done
    }

    /// Forgets what failed, so that it is run again. False: nothing did.
    pub fn retry(&mut self) -> bool {
        let before = self.runs.len();
        let (failed, rest): (Vec<Run>, Vec<Run>) = std::mem::take(&mut self.runs)
            .into_iter()
            .partition(|run| matches!(run.ending, Some(Ending::Failed { .. })) || run.phase == Phase::SyncFail);
        self.runs = rest;
        let left = failed.into_iter().filter(|run| run.uid.is_some() && !run.deleted);
        self.left.extend(left);
        self.runs.len() < before
    }
}

fn prefix(manifest: &Manifest) -> Option<String> {
    let prefix = manifest.object.body.pointer("/metadata/generateName")?.as_str()?;
    manifest.object.id.name.starts_with(prefix).then(|| prefix.to_owned())
}
