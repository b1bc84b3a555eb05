//! Hooks: objects that are no part of an app's state, but run at events of it. Helm's annotations and Argo CD's.
//!
//! Pure: what an object says, which hooks are due when, and in which order. Who runs them keeps a [`Log`] in the inventory, so that
//! each runs once for an output, whatever is killed in between.

mod log;
mod name;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::manifest::{Desired, Manifest};

pub use log::{Ending, LEFT, Log, Run};
pub use name::{finish, provisional};

/// Helm's annotation: events, with commas between.
pub const HELM_HOOK: &str = "helm.sh/hook";
/// Helm's annotation: a whole number; lower runs first.
pub const HELM_WEIGHT: &str = "helm.sh/hook-weight";
/// Helm's annotation: when the object is deleted.
pub const HELM_DELETE: &str = "helm.sh/hook-delete-policy";
/// Argo CD's annotation: phases, with commas between.
pub const ARGO_HOOK: &str = "argocd.argoproj.io/hook";
/// Argo CD's annotation: when the object is deleted.
pub const ARGO_DELETE: &str = "argocd.argoproj.io/hook-delete-policy";
/// Argo CD's annotation: a whole number; lower comes first. Of hooks and of ordinary objects.
pub const ARGO_WAVE: &str = "argocd.argoproj.io/sync-wave";

/// What a hook waits for, in the words of Helm and Argo CD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Event {
    PreInstall,
    PostInstall,
    PreUpgrade,
    PostUpgrade,
    /// Never comes: nothing runs on a rollback.
    Rollback,
    PreDelete,
    PostDelete,
    PreSync,
    Sync,
    PostSync,
    SyncFail,
    /// A person asks for it.
    Test,
    /// Argo CD's word for an object that is not applied.
    Skip,
}

/// `test-success` is what Helm 2 called `test`.
const HELM_EVENTS: [(&str, Event); 10] = [
    ("pre-install", Event::PreInstall),
    ("post-install", Event::PostInstall),
    ("pre-upgrade", Event::PreUpgrade),
    ("post-upgrade", Event::PostUpgrade),
    ("pre-rollback", Event::Rollback),
    ("post-rollback", Event::Rollback),
    ("pre-delete", Event::PreDelete),
    ("post-delete", Event::PostDelete),
    ("test", Event::Test),
    ("test-success", Event::Test),
];
const ARGO_EVENTS: [(&str, Event); 7] = [
    ("PreSync", Event::PreSync),
    ("Sync", Event::Sync),
    ("PostSync", Event::PostSync),
    ("SyncFail", Event::SyncFail),
    ("PreDelete", Event::PreDelete),
    ("PostDelete", Event::PostDelete),
    ("Skip", Event::Skip),
];

/// Why an app's objects are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// It was never applied in full.
    Install,
    /// Git says something else than was applied last.
    Upgrade,
    /// What was applied before is applied again, because what git says failed: nothing runs.
    Rollback,
    /// It is let go of.
    Delete,
}

/// When hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Before the first ordinary object is changed.
    Pre,
    /// When all are applied, however they do.
    Sync,
    /// When all are applied and healthy.
    Post,
    /// When something could not be applied, or a hook failed.
    SyncFail,
    /// Before the first object is deleted.
    PreDelete,
    /// When all are gone.
    PostDelete,
}

impl Phase {
    /// For people: `pre-install`, `post-upgrade`, `sync-fail`, …
    #[must_use]
    pub const fn name(self, occasion: Occasion) -> &'static str {
        match (self, occasion) {
            (Self::Pre, Occasion::Install) => "pre-install",
            (Self::Pre, _) => "pre-upgrade",
            (Self::Sync, _) => "sync",
            (Self::Post, Occasion::Install) => "post-install",
            (Self::Post, _) => "post-upgrade",
            (Self::SyncFail, _) => "sync-fail",
            (Self::PreDelete, _) => "pre-delete",
            (Self::PostDelete, _) => "post-delete",
        }
    }

    /// Whether an event comes in this phase.
    const fn has(self, event: Event, occasion: Occasion) -> bool {
        match occasion {
            Occasion::Rollback => false,
            Occasion::Install | Occasion::Upgrade => match (self, event) {
                (Self::Pre, Event::PreSync)
                | (Self::Sync, Event::Sync)
                | (Self::Post, Event::PostSync)
                | (Self::SyncFail, Event::SyncFail) => true,
                (Self::Pre, Event::PreInstall) | (Self::Post, Event::PostInstall) => {
                    matches!(occasion, Occasion::Install)
                }
                (Self::Pre, Event::PreUpgrade) | (Self::Post, Event::PostUpgrade) => {
                    matches!(occasion, Occasion::Upgrade)
                }
                _ => false,
            },
            Occasion::Delete => matches!(
                (self, event),
                (Self::PreDelete, Event::PreDelete) | (Self::PostDelete, Event::PostDelete)
            ),
        }
    }
}

/// When a hook's object is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// That of the run before, before it is made anew.
    pub before: bool,
    /// When its phase is through.
    pub succeeded: bool,
    /// When it failed.
    pub failed: bool,
}

/// As both say where nothing is said.
const DELETE_BEFORE: Deletion = Deletion {
    before: true,
    succeeded: false,
    failed: false,
};

/// What an object says of itself as a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    events: Vec<Event>,
    /// Lower runs first.
    pub weight: i64,
    /// When its object is deleted.
    pub delete: Deletion,
}

/// An annotation that says nothing known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("annotation `{key}` is `{found}`, expected {expected}")]
pub struct BadHook {
    /// Which.
    pub key: &'static str,
    /// What it says, or the part of it.
    pub found: String,
    /// What it may say, in words.
    pub expected: &'static str,
}

/// An annotation of an object.
fn annotation<'v>(object: &'v Value, key: &str) -> Option<&'v str> {
    object.pointer("/metadata/annotations")?.get(key)?.as_str()
}

/// Whether an object is a hook, whatever it says as one.
#[must_use]
pub fn is_hook(object: &Value) -> bool {
    [HELM_HOOK, ARGO_HOOK]
        .iter()
        .any(|key| annotation(object, key).is_some())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty())
}

fn number(object: &Value, key: &'static str) -> Result<Option<i64>, BadHook> {
    let Some(text) = annotation(object, key) else {
        return Ok(None);
    };
    text.trim().parse().map(Some).map_err(|_| BadHook {
        key,
        found: text.to_owned(),
        expected: "a whole number",
    })
}

impl Hook {
    /// What an object says; `None` = it is no hook. Where both annotations stand, Argo CD's counts.
    ///
    /// # Errors
    /// When one of its annotations says something else than it may: a misspelt word would do harm in silence.
    pub fn of(object: &Value) -> Result<Option<Self>, BadHook> {
        let (key, text, known, expected): (_, _, &[(&str, Event)], _) = match (
            annotation(object, ARGO_HOOK),
            annotation(object, HELM_HOOK),
        ) {
            (Some(text), _) => (
                ARGO_HOOK,
                text,
                &ARGO_EVENTS,
                "`PreSync`, `Sync`, `PostSync`, `SyncFail`, `PreDelete`, `PostDelete` or `Skip`",
            ),
            (None, Some(text)) => (
                HELM_HOOK,
                text,
                &HELM_EVENTS,
                "`pre-install`, `post-install`, `pre-upgrade`, `post-upgrade`, `pre-delete`, `post-delete`, `pre-rollback`, \
                     `post-rollback` or `test`",
            ),
            (None, None) => return Ok(None),
        };
        let bad = |found: &str| BadHook {
            key,
            found: found.to_owned(),
            expected,
        };
        let event = |word| known.iter().find(|(name, _)| *name == word).map(|(_, event)| *event);
        let events: Vec<Event> = words(text)
            .map(|word| event(word).ok_or_else(|| bad(word)))
            .collect::<Result<_, _>>()?;
        if events.is_empty() {
            return Err(bad(text));
        }
        let weight = match (number(object, HELM_WEIGHT)?, number(object, ARGO_WAVE)?) {
            (helm, Some(argo)) if key == ARGO_HOOK || helm.is_none() => argo,
            (helm, _) => helm.unwrap_or(0),
        };
        Ok(Some(Self {
            events,
            weight,
            delete: deletion(object)?,
        }))
    }

    /// Whether only a person runs it: no sync does.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.events.iter().all(|event| *event == Event::Test)
    }
}

fn deletion(object: &Value) -> Result<Deletion, BadHook> {
    let argo = annotation(object, ARGO_DELETE).map(|text| {
        let words = ["BeforeHookCreation", "HookSucceeded", "HookFailed"];
        (
            ARGO_DELETE,
            text,
            words,
            "`BeforeHookCreation`, `HookSucceeded` or `HookFailed`",
        )
    });
    let helm = || {
        let words = ["before-hook-creation", "hook-succeeded", "hook-failed"];
        let expected = "`before-hook-creation`, `hook-succeeded` or `hook-failed`";
        annotation(object, HELM_DELETE).map(|text| (HELM_DELETE, text, words, expected))
    };
    let Some((key, text, [before, succeeded, failed], expected)) = argo.or_else(helm) else {
        return Ok(DELETE_BEFORE);
    };
    let mut deletion = Deletion {
        before: false,
        succeeded: false,
        failed: false,
    };
    let mut said = false;
    for word in words(text) {
        let policy = match word {
            word if word == before => &mut deletion.before,
            word if word == succeeded => &mut deletion.succeeded,
            word if word == failed => &mut deletion.failed,
            other => {
                return Err(BadHook {
                    key,
                    found: other.to_owned(),
                    expected,
                });
            }
        };
        *policy = true;
        said = true;
    }
    Ok(if said { deletion } else { DELETE_BEFORE })
}

/// What can't be read of an object's annotations as a hook.
#[must_use]
pub fn unreadable(object: &Value) -> Option<BadHook> {
    Hook::of(object).err()
}

/// A hook that is to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Due<'a> {
    /// The object.
    pub manifest: &'a Manifest,
    /// What it says.
    pub hook: Hook,
}

/// The hooks of a phase, in the order in which they run, each when the one before is through: by weight; of equal weight what others
/// need first and what does something last, as Helm orders kinds; then by name. What can't be read is left out: it keeps the app from
/// being applied anyway.
#[must_use]
pub fn due(desired: &Desired, phase: Phase, occasion: Occasion) -> Vec<Due<'_>> {
    let hooks = desired.hooks.iter().filter_map(|manifest| {
        let hook = Hook::of(&manifest.object.body).ok()??;
        let is_due = hook.events.iter().any(|event| phase.has(*event, occasion));
        is_due.then_some(Due { manifest, hook })
    });
    let mut due: Vec<Due<'_>> = hooks.collect();
    due.sort_by(|a, b| {
        let key = |due: &Due<'_>| (due.hook.weight, rank(&due.manifest.object.id.kind));
        let id = |due: &Due<'_>| due.manifest.object.id.clone();
        key(a).cmp(&key(b)).then_with(|| id(a).cmp(&id(b)))
    });
    due
}

/// Kinds that do something come last: they use the others.
fn rank(kind: &str) -> u8 {
    match kind {
        "Namespace" => 0,
        "CustomResourceDefinition" => 1,
        "ServiceAccount" | "Secret" | "ConfigMap" | "PersistentVolumeClaim" => 2,
        "ClusterRole" | "Role" => 3,
        "ClusterRoleBinding" | "RoleBinding" => 4,
        "Pod" | "Job" => 6,
        _ => 5,
    }
}
