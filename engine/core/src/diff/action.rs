//! What happens to one object, and why.

use serde::Serialize;

use super::{Content, LiveObject, Mark, Moving, PROTECTED, Policy};
use crate::{
    adopt::Refusal,
    config::{DriftMode, DriftScope, PruneMode},
    inventory::Owned,
    manifest::Manifest,
    model::ObjectId,
    options::{Options, Write},
};

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It is not there.
    Create,
    /// It is there and differs.
    Configure(Cause),
    /// It is there and equal.
    Keep,
    /// It left the render.
    Delete,
    /// It left the render and is gone already: only the inventory changes.
    Forget,
    /// Nothing may be done; says why.
    Skip(SkipReason),
}

/// Why an object differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Git wants something else than before.
    Changed,
    /// Somebody else changed what lives.
    Drifted,
    /// Somebody else made it, and the app takes it over.
    Adopted,
    /// Other ignore rules count than when it was written: a condition is another, or the App says something else.
    Reconsidered,
}

/// Why nothing is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// Something is there that the app does not own. An error.
    Foreign,
    /// Another app owns it, by name. An error.
    OwnedBy(String),
    /// Another tool keeps it, in words. An error.
    KeptBy(String),
    /// It is being deleted, and will be made again when it is gone; or it left the render and is on its way out.
    Terminating,
    /// It is there, and its annotation says that it is only made.
    CreateOnly,
    /// Somebody changed it, and the App says `drift: Report`.
    DriftReported,
    /// Somebody changes it again and again, the field manager by name ("" = not known): it is left alone for a while.
    Fighting(String),
    /// It left the render, and the App says `prune: Off`.
    PruneOff,
    /// It left the render, and its kind is protected.
    Protected,
    /// It left the render, and its annotation says that it stays.
    PruneDisabled,
    /// It left the render, and something that isn't the app's would go with it, in words.
    Holds(String),
    /// It left the render of this app and entered that of another, by name.
    MovesTo(String),
    /// It left the render, and objects of the app came back from a backup: nothing is deleted in this cycle.
    Restored,
    /// It left the render, and of something that is wanted it can't be told whether it lives: nothing is deleted in this cycle,
    /// for what was to replace it may not be there.
    Uncertain,
    /// It left the render, and what is there now is not ours: left alone and forgotten.
    NotOursAnymore,
    /// It can't be told what lives, in words. An error.
    Unseen(String),
}

impl SkipReason {
    /// Whether the app is not as git wants it because of this.
    #[must_use]
    pub const fn is_error(&self) -> bool {
        matches!(
            self,
            Self::Foreign | Self::OwnedBy(_) | Self::KeptBy(_) | Self::Unseen(_)
        )
    }

    /// Whether the entry leaves the inventory.
    #[must_use]
    pub const fn forgets(&self) -> bool {
        matches!(self, Self::NotOursAnymore)
    }
}

/// Whether an object came back under another UID: the mark is ours, the object isn't the one that was applied.
pub(super) fn is_restored(live: Option<&LiveObject>, owned: Option<&Owned>) -> bool {
    let (Some(live), Some(owned)) = (live, owned) else {
        return false;
    };
    live.marked == Mark::Ours && !live.is_same(owned)
}

/// Of an object that git wants.
pub(super) fn of_wanted(
    wanted: &Manifest,
    live: Option<&LiveObject>,
    owned: Option<&Owned>,
    policy: &Policy,
) -> Action {
    let Some(live) = live else { return Action::Create };
    if let Content::Unseen(why) = &live.content {
        return Action::Skip(SkipReason::Unseen(why.clone()));
    }
    // Of another object of that name, the inventory says nothing.
    let owned = owned.filter(|owned| live.marked == Mark::Ours || live.is_same(owned));
    let is_ours = live.marked == Mark::Ours || (live.marked == Mark::Absent && owned.is_some());
    let is_only_made = Options::of(&wanted.object.body).is_ok_and(|options| options.write == Write::CreateOnly);
    if is_only_made && matches!(live.content, Content::Fields { .. }) {
        return if is_ours {
            Action::Keep
        } else {
            Action::Skip(SkipReason::CreateOnly)
        };
    }
    if live.deleting {
        return Action::Skip(SkipReason::Terminating);
    }
    if is_ours {
        return of_ours(wanted, live, owned, policy);
    }
    let is_equal = matches!(live.content, Content::Whole(_)) && live.is_synced(wanted.object.hash, owned);
    match (&live.marked, &live.refusal) {
        (Mark::Other(_), _) if live.moving == Moving::Released => Action::Configure(Cause::Adopted),
        (Mark::Absent, _) if is_equal => Action::Keep,
        (_, None) => Action::Configure(Cause::Adopted),
        (Mark::Other(app), _) => Action::Skip(SkipReason::OwnedBy(app.clone())),
        (_, Some(Refusal::Kept { keeper })) => Action::Skip(SkipReason::KeptBy(keeper.clone())),
        (_, Some(Refusal::Owned { app })) => Action::Skip(SkipReason::OwnedBy(app.clone())),
        (_, Some(Refusal::Foreign)) => Action::Skip(SkipReason::Foreign),
    }
}

fn of_ours(wanted: &Manifest, live: &LiveObject, owned: Option<&Owned>, policy: &Policy) -> Action {
    let is_strict = policy.scope == DriftScope::Strict;
    let has_strays = is_strict && live.has_strays();
    // A mark that was taken away is put back. In a folder, equal content keeps its owner without one.
    let is_marked = live.marked == Mark::Ours || matches!(live.content, Content::Whole(_));
    if live.is_synced(wanted.object.hash, owned) && is_marked && !has_strays {
        return Action::Keep;
    }
    let Some(owned) = owned else {
        return Action::Configure(Cause::Changed);
    };
    // Nothing is known of what the first write came to.
    let is_unsettled = matches!(live.content, Content::Fields { .. }) && owned.projection.is_none();
    let is_untouched = live.is_as_written(owned) && is_marked && !has_strays;
    let is_unchanged_in_git = owned.applied == Some(wanted.object.hash);
    let is_reconsidered = is_untouched && is_unchanged_in_git && owned.intended.is_none();
    if is_unsettled || (is_untouched && !is_reconsidered) {
        return Action::Configure(Cause::Changed);
    }
    match policy.drift {
        // What others did while a rule left it to them is drift when it no longer does.
        DriftMode::Report if is_unchanged_in_git => Action::Skip(SkipReason::DriftReported),
        _ if is_reconsidered => Action::Configure(Cause::Reconsidered),
        _ => Action::Configure(Cause::Drifted),
    }
}

/// Of an object that left the render.
pub(super) fn of_unwanted(id: &ObjectId, live: Option<&LiveObject>, owned: &Owned, policy: &Policy) -> Action {
    let Some(live) = live else { return Action::Forget };
    if let Content::Unseen(why) = &live.content {
        return Action::Skip(SkipReason::Unseen(why.clone()));
    }
    // On a cluster, content proves nothing: only what carries the mark is deleted.
    let is_known = matches!(live.content, Content::Whole(_)) && live.is_as_written(owned);
    let is_ours = live.marked == Mark::Ours || (live.marked == Mark::Absent && is_known);
    let skip = |reason| Action::Skip(reason);
    if !is_ours {
        return skip(SkipReason::NotOursAnymore);
    }
    if let Moving::To(app) = &live.moving {
        return skip(SkipReason::MovesTo(app.clone()));
    }
    if policy.prune.mode == PruneMode::Off {
        return skip(SkipReason::PruneOff);
    }
    let says_so = live.body.as_ref().map(Options::of).and_then(Result::ok);
    if owned.keep || says_so.is_some_and(|options| options.keep) {
        return skip(SkipReason::PruneDisabled);
    }
    if is_protected(id, policy) {
        return skip(SkipReason::Protected);
    }
    if live.deleting {
        return skip(SkipReason::Terminating);
    }
    match &live.holds {
        Some(what) => skip(SkipReason::Holds(what.clone())),
        None => Action::Delete,
    }
}

fn is_protected(id: &ObjectId, policy: &Policy) -> bool {
    let names = [id.kind.clone(), id.group_kind()];
    let is_in = |kinds: &[String]| kinds.iter().any(|kind| names.contains(kind));
    let by_default = policy.on_cluster && PROTECTED.contains(&names[1].as_str()) && !is_in(&policy.prune.unprotect);
    by_default || is_in(&policy.prune.protect)
}
