//! What was applied of an App, change by change, and what of it is applied again when a change fails.
//!
//! An entry is one desired hash on its way: what was tried in several cycles is one entry, and what somebody else changed and was
//! repaired is none. Pure: entries come in, entries go out.

use serde::{Deserialize, Serialize};

use crate::{
    diff::{Action, Counts, Step},
    digest::Digest,
    inventory::Inventory,
    manifest::Manifest,
    model::ObjectId,
    moment,
    render::Instant,
};

/// Version of the stored form; an older binary refuses a newer one.
pub const FORMAT: u32 = 1;

/// Objects told of in an entry; the rest is counted. The threat is an App of twenty thousand, ten times over.
pub const MOST_OBJECTS: usize = 50;

/// Bytes of a commit's subject and author, and of a failure's sentence: they are made by strangers.
pub const TEXT_BYTES: usize = 512;

/// One change of what an App is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// From 1; of an App on a target, never given twice.
    pub number: u64,
    /// When it was begun.
    #[serde(with = "moment")]
    pub at: Instant,
    /// Where it comes from.
    pub origin: Origin,
    /// What rendered it.
    pub plugin: Plugin,
    /// The desired hash: what came out of the render.
    pub desired: Digest,
    /// Names the render in the store, where its documents lie.
    pub run: String,
    /// Steps by outcome, over all cycles that it took.
    pub changes: Counts,
    /// Objects that were changed, [`MOST_OBJECTS`] at most.
    pub objects: Vec<Changed>,
    /// How many more there were.
    pub omitted: usize,
    /// How it stands.
    pub outcome: Outcome,
    /// Why it failed, a sentence; empty when it did not.
    pub message: String,
    /// Whether it was ever healthy.
    pub was_healthy: bool,
    /// The entry whose documents were applied again.
    pub replays: Option<u64>,
    /// Who approved it, or said to go back to it; `None` = nobody had to.
    pub actor: Option<String>,
    /// A definition of a kind (CRD) was changed with it: what was written under the new one can't be read under the old.
    pub defines: bool,
    /// It comes with a hook that runs before it: a migration may have run.
    pub pre_hook: bool,
}

/// Where a change comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Name of the Repository.
    pub repository: String,
    /// In its tree.
    pub path: String,
    /// Filled into objects that name no namespace.
    pub namespace: String,
    /// The commit, in full; `None` for a folder.
    pub revision: Option<String>,
    /// `Name <email>`; made by strangers.
    pub author: String,
    /// First line of the commit's message; made by strangers.
    pub subject: String,
    /// Who signed it, where the Repository demands that: `commit signed by KEY (NAME)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
}

/// What rendered a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plugin {
    /// `name@version`.
    pub reference: String,
    /// Of the component.
    pub digest: Digest,
}

/// An object that was changed, or is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Which.
    pub object: ObjectId,
    /// How.
    pub action: Verb,
}

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// It was not there.
    Create,
    /// It was there and differs.
    Configure,
    /// It left the render.
    Delete,
}

impl Verb {
    /// Of a step that changes something.
    #[must_use]
    pub const fn of(action: &Action) -> Option<Self> {
        match action {
            Action::Create => Some(Self::Create),
            Action::Configure(_) => Some(Self::Configure),
            Action::Delete => Some(Self::Delete),
            Action::Keep | Action::Forget | Action::Skip(_) => None,
        }
    }

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Configure => "configure",
            Self::Delete => "delete",
        }
    }
}

/// How a change stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// A part of it waits for something.
    Applying,
    /// Something of it could not be done.
    Failed,
    /// All was done; how it does is not known yet.
    Applied,
    /// All was done, and it does what it is for.
    Healthy,
    /// All was done, and it does not become healthy.
    Degraded,
}

impl Outcome {
    /// Whether all of it was applied: then the target is as it says.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Applied | Self::Healthy | Self::Degraded)
    }

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Applying => "applying",
            Self::Failed => "failed",
            Self::Applied => "applied",
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
        }
    }
}

/// Steps of a plan that change something and are no repair of what somebody else did: what git changes. Of an object whose
/// content git has as it was applied last, it changes nothing.
pub fn changes_of_git<'p>(
    steps: impl IntoIterator<Item = &'p Step>,
    inventory: &Inventory,
) -> impl Iterator<Item = (&'p Step, Verb)> {
    steps.into_iter().filter_map(|step| {
        let verb = Verb::of(&step.action)?;
        let owned = inventory.entries.get(&step.id);
        let applied = owned.and_then(|owned| owned.applied);
        let wanted = step.desired.as_ref().map(Manifest::without_restart);
        let is_repair = wanted.is_some() && wanted == applied;
        (!is_repair).then_some((step, verb))
    })
}

/// As many as are told of, and how many more there are.
#[must_use]
pub fn told<'p>(changes: impl Iterator<Item = (&'p Step, Verb)>) -> (Vec<Changed>, usize) {
    let mut all: Vec<Changed> = Vec::new();
    let mut omitted = 0;
    for (step, action) in changes {
        if all.len() < MOST_OBJECTS {
            all.push(Changed {
                object: step.id.clone(),
                action,
            });
        } else {
            omitted += 1;
        }
    }
    (all, omitted)
}

/// What a cycle means for the history.
#[derive(Debug, Clone, PartialEq)]
pub enum Noted {
    /// Nothing: it repaired what somebody changed, or failed as before.
    Nothing,
    /// It went on with the last entry, which is this now.
    Again(Box<Entry>),
    /// It is a new one.
    New(Box<Entry>),
}

/// Takes in what a cycle came to. `attempt`: as if it were the first; its number is given here.
#[must_use]
pub fn note(last: Option<&Entry>, mut attempt: Entry) -> Noted {
    let Some(last) = last else {
        attempt.number = 1;
        return Noted::New(Box::new(attempt));
    };
    if last.desired != attempt.desired || last.replays.is_some() != attempt.replays.is_some() {
        attempt.number = last.number + 1;
        return Noted::New(Box::new(attempt));
    }
    if last.outcome.is_whole() {
        return Noted::Nothing;
    }
    let is_news = (attempt.outcome, &attempt.message) != (last.outcome, &last.message);
    if !is_news && attempt.objects.is_empty() {
        return Noted::Nothing;
    }
    let mut entry = last.clone();
    let (done, more) = (&mut entry.changes, attempt.changes);
    done.created += more.created;
    done.configured += more.configured;
    done.deleted += more.deleted;
    (done.unchanged, done.skipped) = (more.unchanged, more.skipped);
    for changed in attempt.objects {
        let is_known = entry.objects.iter().any(|known| known.object == changed.object);
        match (is_known, entry.objects.len() < MOST_OBJECTS) {
            (true, _) => {}
            (false, true) => entry.objects.push(changed),
            (false, false) => entry.omitted += 1,
        }
    }
    entry.omitted += attempt.omitted;
    entry.outcome = attempt.outcome;
    entry.message = attempt.message;
    entry.was_healthy |= attempt.was_healthy;
    entry.defines |= attempt.defines;
    entry.pre_hook |= attempt.pre_hook;
    entry.actor = attempt.actor.or(entry.actor);
    Noted::Again(Box::new(entry))
}

/// Why an entry can't be gone back to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEntry {
    /// There is no entry of that number or commit.
    #[error("its history has no entry `{to}`")]
    Unknown {
        /// What was asked for.
        to: String,
    },
    /// A part of it was never applied.
    #[error("entry {number} was never applied whole: it is {outcome}")]
    NotWhole {
        /// Its number.
        number: u64,
        /// How it ended.
        outcome: &'static str,
    },
    /// There is nothing else to go back to.
    #[error("its history has nothing earlier that was applied whole and is something else")]
    NothingEarlier,
}

/// Digits of a commit that name it.
const LEAST_DIGITS: usize = 4;

/// The entry that somebody means: `to` is its number or the beginning of its commit, of which the newest counts. `None`: the
/// newest that did not degrade and is something else than the current one. `entries`: the newest first.
///
/// # Errors
/// When there is none.
pub fn find<'e>(entries: &'e [Entry], to: Option<&str>) -> Result<&'e Entry, NoEntry> {
    let Some(to) = to else {
        let current = entries.first().ok_or(NoEntry::NothingEarlier)?;
        let is_good = |entry: &&Entry| {
            matches!(entry.outcome, Outcome::Applied | Outcome::Healthy) && entry.desired != current.desired
        };
        return entries.iter().skip(1).find(is_good).ok_or(NoEntry::NothingEarlier);
    };
    let is_it = |entry: &&Entry| {
        let starts = |revision: &String| to.len() >= LEAST_DIGITS && revision.starts_with(to);
        entry.number.to_string() == to || entry.origin.revision.as_ref().is_some_and(starts)
    };
    // A commit may have been tried twice; a number is never a commit's, unless somebody is very unlucky.
    let mut named = entries.iter().filter(is_it);
    let first = named
        .clone()
        .next()
        .ok_or_else(|| NoEntry::Unknown { to: to.to_owned() })?;
    named.find(|entry| entry.outcome.is_whole()).ok_or(NoEntry::NotWhole {
        number: first.number,
        outcome: first.outcome.name(),
    })
}

/// Why nobody goes back by himself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRollback {
    /// Another change is there by now, or none is known.
    #[error("the App is at another change by now")]
    Superseded,
    /// It was healthy with this change.
    #[error("it was healthy with this change before: what it fails of came later")]
    WasHealthy,
    /// It went back already.
    #[error("it fails with what it went back to")]
    Replayed,
    /// A definition of a kind was changed.
    #[error(
        "the change has a definition of a kind (CRD): what was written under it can't be read under the former one"
    )]
    Defines,
    /// A migration may have run.
    #[error("the change comes with a hook that runs before it: a migration may have run")]
    PreHook,
    /// There is nothing before.
    #[error("there is nothing before this change")]
    First,
    /// What was before wasn't healthy either.
    #[error("what was applied before, entry {number}, was {outcome}")]
    FormerNotHealthy {
        /// Its number.
        number: u64,
        /// How it ended.
        outcome: &'static str,
    },
}

/// What an App that became degraded with an entry goes back to by itself: the entry before, when that one was healthy, and only
/// for a failure that follows the App's own change. `entries`: the newest first.
///
/// # Errors
/// With the reason why not.
pub fn rollback(entries: &[Entry], number: u64) -> Result<&Entry, NoRollback> {
    let Some((current, before)) = entries.split_first().filter(|(current, _)| current.number == number) else {
        return Err(NoRollback::Superseded);
    };
    let refused = [
        (current.replays.is_some(), NoRollback::Replayed),
        (!current.outcome.is_whole(), NoRollback::Superseded),
        (current.was_healthy, NoRollback::WasHealthy),
        (current.defines, NoRollback::Defines),
        (current.pre_hook, NoRollback::PreHook),
    ];
    if let Some((_, why)) = refused.into_iter().find(|(is_so, _)| *is_so) {
        return Err(why);
    }
    let former = before.first().ok_or(NoRollback::First)?;
    if former.outcome != Outcome::Healthy {
        return Err(NoRollback::FormerNotHealthy {
            number: former.number,
            outcome: former.outcome.name(),
        });
    }
    Ok(former)
}

/// What becomes of an entry when it is known how the App does. `None`: nothing.
#[must_use]
pub fn turned(entry: &Entry, outcome: Outcome) -> Option<Entry> {
    if !entry.outcome.is_whole() || !outcome.is_whole() || entry.outcome == outcome {
        return None;
    }
    let mut entry = entry.clone();
    entry.was_healthy |= outcome == Outcome::Healthy;
    entry.outcome = outcome;
    Some(entry)
}

#[cfg(test)]
mod tests;
