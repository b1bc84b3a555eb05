//! What people decided about an App, and what it means for a plan: suspended, held at an entry of its history, approved.
//!
//! Pure: what was decided, the time and the plan come in. What is not decided is not asked for: a decision that is over is as if it
//! had never been.

use serde::{Deserialize, Serialize};

use crate::{
    config::{SuspendSpec, SyncMode},
    diff::{Counts, Plan},
    digest::Digest,
    history::{self, Changed, Origin, Verb},
    inventory::Inventory,
    moment,
    render::Instant,
    windows::Gate,
};

/// Version of the stored form; an older binary refuses a newer one.
pub const FORMAT: u32 = 1;

/// Desired hashes that are remembered as bad, the last: who commits so many that fail has more to mend than this list.
pub const MOST_BAD: usize = 20;

/// What was decided about an App on a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decisions {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// It stays at an entry of its history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What failed, the last [`MOST_BAD`]: it is not applied again by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bad: Vec<Bad>,
    /// A plan that may be applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// A plan that waits for somebody or for a window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// The render whose change was begun with leave, and is not done yet: it needs no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<String>,
}

impl Default for Decisions {
    fn default() -> Self {
        Self {
            format: FORMAT,
            hold: None,
            bad: Vec::new(),
            approval: None,
            waiting: None,
            begun: None,
        }
    }
}

/// An App is told to rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspension {
    /// Why.
    pub reason: String,
    /// Who said so; `None`: the configuration, and it doesn't say.
    pub actor: Option<String>,
    /// Since when; `None`: since it stands in the configuration.
    #[serde(default, with = "moment::optional")]
    pub since: Option<Instant>,
    /// When it ends by itself; `None` = never.
    #[serde(default, with = "moment::optional")]
    pub until: Option<Instant>,
}

/// An App stays at an entry of its history, whatever git says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// The entry's number.
    pub entry: u64,
    /// Its desired hash.
    pub desired: Digest,
    /// Names its render in the store.
    pub run: String,
    /// Its commit.
    pub revision: Option<String>,
    /// The person who said so; `None`: the engine, because what came after failed.
    pub actor: Option<String>,
    /// Since when.
    #[serde(with = "moment")]
    pub since: Instant,
}

/// A desired hash that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bad {
    /// Which.
    pub desired: Digest,
    /// The entry of the history that tells of it.
    pub entry: u64,
    /// Its commit.
    pub revision: Option<String>,
    /// When.
    #[serde(with = "moment")]
    pub at: Instant,
}

/// A plan that somebody has seen and wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Which, see [`digest`].
    pub plan: Digest,
    /// Who.
    pub actor: String,
    /// When.
    #[serde(with = "moment")]
    pub at: Instant,
}

/// A plan that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    /// Which, see [`digest`].
    pub plan: Digest,
    /// For what, a sentence.
    pub reason: String,
    /// For what: see [`Wait::code`].
    pub code: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it would do.
    pub changes: Counts,
    /// To which objects, [`history::MOST_OBJECTS`] at most.
    pub objects: Vec<Changed>,
    /// How many more.
    pub omitted: usize,
    /// Since when.
    #[serde(with = "moment")]
    pub since: Instant,
}

/// Why a plan waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// `sync.mode: Manual`.
    Person,
    /// `sync.mode: Approve`.
    Approval,
    /// A window is closed; says which.
    Window(String),
}

impl Wait {
    /// Stable, kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Person => "waits-for-a-person",
            Self::Approval => "waits-for-approval",
            Self::Window(_) => "window-closed",
        }
    }

    /// A sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Person => "`sync.mode: Manual`: a person says when changes are applied".to_owned(),
            Self::Approval => "`sync.mode: Approve`: a person approves each plan".to_owned(),
            Self::Window(why) => why.clone(),
        }
    }
}

/// Whether an App rests at a time, by the configuration or by somebody's decision. The configuration counts first: it can't be
/// resumed from outside.
#[must_use]
pub fn suspended(spec: Option<&SuspendSpec>, decided: Option<&Suspension>, now: Instant) -> Option<Suspension> {
    let is_over = |until: Option<Instant>| until.is_some_and(|until| until <= now);
    let spec = spec.filter(|spec| !is_over(spec.until)).map(|spec| Suspension {
        reason: spec.reason.clone(),
        actor: spec.actor.clone(),
        since: None,
        until: spec.until,
    });
    spec.or_else(|| decided.filter(|decided| !is_over(decided.until)).cloned())
}

/// Names what a plan does to objects because git says so: which objects, what to each, and what they are then. Repairs of what
/// somebody else did are no part of it: they come and go while a plan waits. `None`: git changes nothing.
#[must_use]
pub fn digest(plan: &Plan, inventory: &Inventory) -> Option<Digest> {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for (step, verb) in history::changes_of_git(&plan.steps, inventory) {
        parts.push(step.id.to_string().into_bytes());
        // Whether somebody else deleted it meanwhile makes no other plan: it is to be what git says.
        let verb = match verb {
            Verb::Create | Verb::Configure => "apply",
            Verb::Delete => "delete",
        };
        parts.push(verb.as_bytes().to_vec());
        let wanted = step.desired.as_ref();
        parts.push(wanted.map_or_else(Vec::new, |manifest| manifest.of_git().as_bytes().to_vec()));
    }
    (!parts.is_empty()).then(|| Digest::of_parts(parts.iter().map(Vec::as_slice)))
}

/// What a plan waits for; `None`: it may run. `run`: names the render. `by_a_person`: somebody asked for this cycle.
#[must_use]
pub fn wait(
    mode: SyncMode,
    gate: &Gate,
    decisions: &Decisions,
    run: &str,
    plan: &Digest,
    by_a_person: bool,
) -> Option<Wait> {
    let is_begun = decisions.begun.as_deref() == Some(run);
    let is_approved = decisions
        .approval
        .as_ref()
        .is_some_and(|approval| approval.plan == *plan);
    if is_begun || is_approved {
        return None;
    }
    if let Some(why) = &gate.closed {
        return Some(Wait::Window(why.clone()));
    }
    match mode {
        SyncMode::Auto => None,
        SyncMode::Manual if by_a_person => None,
        SyncMode::Manual => Some(Wait::Person),
        SyncMode::Approve => Some(Wait::Approval),
    }
}

impl Decisions {
    /// The bad mark of a desired hash.
    #[must_use]
    pub fn bad(&self, desired: &Digest) -> Option<&Bad> {
        self.bad.iter().find(|bad| bad.desired == *desired)
    }

    /// Marks what failed, and goes back.
    pub fn roll_back(&mut self, bad: Bad, hold: Hold) {
        self.bad.retain(|known| known.desired != bad.desired);
        self.bad.push(bad);
        let over = self.bad.len().saturating_sub(MOST_BAD);
        self.bad.drain(..over);
        self.hold = Some(hold);
    }

    /// Whether the engine itself holds it.
    #[must_use]
    pub fn is_rolled_back(&self) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.actor.is_none())
    }

    /// Whether a person holds it.
    #[must_use]
    pub fn held_by_a_person(&self) -> Option<&Hold> {
        self.hold.as_ref().filter(|hold| hold.actor.is_some())
    }

    /// No plan of git's waits, is approved or begun any more.
    pub fn forget_plan(&mut self) {
        (self.begun, self.approval, self.waiting) = (None, None, None);
    }

    /// Git's word counts again: what was held, marked bad or begun is forgotten. Whether there was anything.
    pub fn resume(&mut self) -> bool {
        let any = self.hold.is_some() || !self.bad.is_empty();
        (self.hold, self.bad) = (None, Vec::new());
        any
    }
}

#[cfg(test)]
mod tests;
