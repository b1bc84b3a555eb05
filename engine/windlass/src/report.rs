//! What a cycle of one app came to: the one shape behind tables, JSON lines and exit codes.

use serde::Serialize;
use windlass_core::{
    diff::{Action, Cause, Counts, Plan, SkipReason, Step},
    digest::Digest,
    health::{Assessed, State},
    holds::{Bad, Hold, Suspension, Waiting},
    inventory::Inventory,
    model::ObjectId,
    moment,
    render::{Diagnostic, Instant, Location, Severity},
    trace::{Fact, Query},
};

use crate::{
    apply::Changes,
    render::Lookup,
    stop::{Stop, chain},
    target::Edit,
};

/// One app, one cycle. As JSON it is a line of `sync -o json` and `run`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Name of the App.
    pub app: String,
    /// The commit looked at, in full; `null` when none could be resolved.
    pub revision: Option<String>,
    /// Who signed it, where its Repository demands that: `commit signed by KEY (NAME)`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signed_by: Vec<String>,
    /// What came out: the desired hash, `sha256:` and 64 digits; `null` when the app did not come that far.
    pub desired: Option<Digest>,
    /// Whether the output was rendered for this cycle; `null` when the app did not come that far.
    pub render: Option<RenderKind>,
    /// Why; `null` when the app did not come that far.
    pub why: Option<Why>,
    /// Renderer calls made.
    pub calls: u32,
    /// Validator calls made: none when every object was checked before.
    pub validator_calls: u32,
    /// Steps by outcome. Of the plan when the app is held or only a diff was asked for.
    pub changes: Counts,
    /// Where the app stands.
    pub health: Health,
    /// What went wrong, or may: all findings at once.
    pub diagnostics: Vec<Diagnostic>,
    /// Objects and why they were left alone or repaired, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Edits of others that were found, a field each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drifted: Vec<Drifted>,
    /// What the app waits for, one line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
    /// Objects that are not healthy, the worst first, twenty at most. On a cluster, once everything was applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unhealthy: Vec<Assessed>,
    /// How many there are in all.
    #[serde(skip_serializing_if = "is_zero")]
    pub unhealthy_total: usize,
    /// An entry of its history that is applied instead of what git says, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<Box<RolledBack>>,
    /// A plan of git's that waits for somebody or for a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Box<HeldBack>>,
    /// It is told to rest: since when, by whom and why. What differs is told, and left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<Box<Suspension>>,
    /// The newest entry of its history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
    /// Of its inventory; "" when the app did not come that far.
    #[serde(skip)]
    pub(crate) key: String,
    /// A change of its own made it degraded, and it goes back.
    #[serde(skip)]
    pub(crate) is_to_go_back: bool,
    /// What the render read, in order; only with `--explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Vec<Fact>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// An entry of an App's history is applied instead of what git says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// Its number.
    pub entry: u64,
    /// Its commit, in full.
    pub revision: Option<String>,
    /// Its desired hash.
    pub desired: Digest,
    /// The person who said so; `null`: the engine, because what git says failed.
    pub by: Option<String>,
    /// Since when.
    #[serde(with = "moment")]
    pub since: Instant,
    /// What failed, and is what git still says.
    pub bad: Option<Bad>,
}

impl RolledBack {
    pub(crate) fn of(hold: &Hold, bad: Option<&Bad>) -> Self {
        Self {
            entry: hold.entry,
            revision: hold.revision.clone(),
            desired: hold.desired,
            by: hold.actor.clone(),
            since: hold.since,
            bad: bad.cloned(),
        }
    }

    /// A sentence.
    pub(crate) fn words(&self) -> String {
        let commit = |revision: &Option<String>| match revision {
            Some(id) => format!(" (commit {})", id.chars().take(8).collect::<String>()),
            None => String::new(),
        };
        let to = format!("entry {}{}", self.entry, commit(&self.revision));
        let since = moment::text(self.since);
        match (&self.by, &self.bad) {
            (Some(by), _) => format!("{by} holds it at {to} since {since}"),
            (None, Some(bad)) => format!(
                "entry {}{} did not become healthy: {to} is applied instead since {since}, until git says something else",
                bad.entry,
                commit(&bad.revision)
            ),
            (None, None) => format!("{to} is applied instead of what git says since {since}"),
        }
    }
}

/// A plan of git's that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldBack {
    /// Which, and for what.
    #[serde(flatten)]
    pub waiting: Waiting,
    /// The entry of its history that is kept as it is meanwhile; `null`: nothing was applied before.
    pub applied: Option<u64>,
}

/// An edit of somebody else's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Drifted {
    /// Of which object.
    pub object: ObjectId,
    /// As the API server names it (`.spec.replicas`); `null` when the field or the object was taken away, which nobody can be
    /// told to have done.
    pub field: Option<String>,
    /// The field manager who made the edit; `null` as before.
    pub manager: Option<String>,
    /// It was undone; else it was left, as the App says (`drift.mode: Report`).
    pub repaired: bool,
}

impl Drifted {
    /// The edits of one object; where they can't be told, one that names the object.
    pub(crate) fn of(object: &ObjectId, edits: &[Edit], repaired: bool) -> Vec<Self> {
        let one = |edit: Option<&Edit>| Self {
            object: object.clone(),
            field: edit.map(|edit| edit.field.clone()),
            manager: edit.map(|edit| edit.manager.clone()),
            repaired,
        };
        if edits.is_empty() {
            return vec![one(None)];
        }
        edits.iter().map(|edit| one(Some(edit))).collect()
    }
}

/// Where the desired objects of a cycle come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenderKind {
    /// The plugin was called.
    Fresh,
    /// Nothing that the render depends on has changed since it was called last.
    Cached,
}

/// Why a render was or was not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "reason")]
pub enum Why {
    /// Every question that the known render asked has the answer it had.
    Unchanged {
        /// Questions asked again.
        asked: usize,
    },
    /// This question is answered anew.
    Changed {
        /// The first of them.
        #[serde(flatten)]
        query: Query,
    },
    /// No render of this plugin with this config at this path is known.
    First,
}

/// Where an app stands after a cycle. On a directory there is nothing to become healthy: in sync is healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// The target is as git wants it, and what lives there does what it is for.
    Healthy,
    /// What could be done was; the rest waits for something to become ready, or to be gone (`waiting` says for what). Or all was
    /// done, and objects are on their way (`unhealthy`).
    Progressing,
    /// All was done, and waiting alone won't make it healthy: an object says so, or nothing has got on for too long.
    Degraded,
    /// Changes are pending (`diff`) or the target differs and the App says to leave it.
    Pending,
    /// Somebody undoes what the app does again and again: objects are left alone for a while. The findings say with whom it
    /// fights.
    Stalled,
    /// A guard holds the plan until somebody consents, or it waits for a person or a window (`held` says for what).
    Held,
    /// The App says so, or somebody did (`suspended` says who).
    Suspended,
    /// The target is as an earlier entry of its history says, and does what it is for: a person holds it there, or what git says
    /// failed (`rolledBack` says which).
    RolledBack,
    /// It could not be done; the diagnostics say why. What was there is still there.
    Failed,
}

impl Health {
    /// As in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Progressing => "progressing",
            Self::Degraded => "degraded",
            Self::Pending => "pending",
            Self::Stalled => "stalled",
            Self::Held => "held",
            Self::Suspended => "suspended",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
        }
    }
}

impl Report {
    /// A report of an app about which nothing is known yet.
    #[must_use]
    pub fn new(app: &str) -> Self {
        Self {
            app: app.to_owned(),
            revision: None,
            signed_by: Vec::new(),
            desired: None,
            render: None,
            why: None,
            calls: 0,
            validator_calls: 0,
            changes: Counts::default(),
            health: Health::Failed,
            diagnostics: Vec::new(),
            notes: Vec::new(),
            drifted: Vec::new(),
            waiting: Vec::new(),
            unhealthy: Vec::new(),
            unhealthy_total: 0,
            rolled_back: None,
            held: None,
            suspended: None,
            entry: None,
            key: String::new(),
            is_to_go_back: false,
            trace: None,
        }
    }

    /// Whether `sync` counts the app as in sync.
    #[must_use]
    pub fn is_in_sync(&self) -> bool {
        match self.health {
            Health::Healthy | Health::Suspended => true,
            // Who holds it wants it so.
            Health::RolledBack => self.rolled_back.as_ref().is_some_and(|back| back.by.is_some()),
            _ => false,
        }
    }

    /// Whether the app is to be looked at again though nobody will say that something happened: it waits for something that no
    /// watch may tell of. What only becomes healthy is told by its watch.
    #[must_use]
    pub const fn wants_another_look(&self) -> bool {
        match self.health {
            Health::Progressing => self.unhealthy.is_empty(),
            health => matches!(health, Health::Stalled),
        }
    }

    /// Whether everything was applied, however it does.
    #[must_use]
    pub const fn was_applied(&self) -> bool {
        match self.health {
            Health::Healthy | Health::Degraded | Health::RolledBack => true,
            Health::Held => match &self.held {
                Some(held) => held.applied.is_some(),
                None => false,
            },
            Health::Progressing => !self.unhealthy.is_empty(),
            _ => false,
        }
    }

    /// Whether everything was applied, and objects are on their way.
    #[must_use]
    pub fn is_becoming_healthy(&self) -> bool {
        let is_on_its_way = |object: &Assessed| matches!(object.verdict.state, State::Progressing | State::Terminating);
        let has_given_up = self.diagnostics.iter().any(|finding| finding.code == "no-progress");
        self.unhealthy.iter().any(is_on_its_way) && !has_given_up
    }

    /// Whether any finding is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }
}

impl Report {
    /// What a lookup came to. Of several, the first that found a change says why.
    pub(crate) fn looked(&mut self, found: &Lookup) {
        if matches!(self.why, Some(Why::Changed { .. } | Why::First)) {
            return;
        }
        self.render = Some(RenderKind::Cached);
        self.why = Some(match found {
            Lookup::Hit { asked, .. } => Why::Unchanged { asked: *asked },
            Lookup::Miss { differs: None } => Why::First,
            Lookup::Miss { differs: Some(query) } => Why::Changed { query: query.clone() },
        });
    }

    /// The plugin is called.
    pub(crate) const fn called(&mut self) {
        self.render = Some(RenderKind::Fresh);
        self.calls += 1;
    }

    /// Nothing is to be done: everything is as it was when the app was last in sync.
    pub(crate) fn at_rest(&mut self, objects: usize, desired: Digest, findings: &[Diagnostic]) {
        self.desired = Some(desired);
        self.changes.unchanged = objects;
        self.diagnostics.extend(findings.iter().cloned());
    }

    /// What a later look at the app begins with, when nothing is to be done.
    pub(crate) fn at_rest_again(&self) -> Self {
        let Counts {
            created,
            configured,
            unchanged,
            skipped,
            ..
        } = self.changes;
        Self {
            revision: self.revision.clone(),
            desired: self.desired,
            render: self.render.map(|_| RenderKind::Cached),
            changes: Counts {
                unchanged: created + configured + unchanged,
                skipped,
                ..Counts::default()
            },
            diagnostics: self.diagnostics.clone(),
            rolled_back: self.rolled_back.clone(),
            held: self.held.clone(),
            entry: self.entry,
            key: self.key.clone(),
            ..Self::new(&self.app)
        }
    }

    /// Takes over where the app stands now from a later report.
    pub(crate) fn stands_as(&mut self, later: Self) {
        self.health = later.health;
        self.diagnostics = later.diagnostics;
        self.unhealthy = later.unhealthy;
        self.unhealthy_total = later.unhealthy_total;
        self.is_to_go_back = false;
    }

    /// What it means that the app's objects stand there: not what git says is healthy, when it isn't git's.
    pub(crate) const fn stands(&mut self, health: Health) {
        self.health = match health {
            Health::Healthy if self.rolled_back.is_some() => Health::RolledBack,
            Health::Healthy if self.held.is_some() => Health::Held,
            health => health,
        };
    }

    /// What would happen.
    pub(crate) fn planned(&mut self, plan: &Plan) {
        self.changes = plan.counts();
        self.desired = Some(plan.desired);
    }

    /// Nothing of the plan is done before something else is there.
    pub(crate) fn waits(&mut self, what: Vec<String>) {
        let Counts {
            created,
            configured,
            deleted,
            unchanged,
            skipped,
        } = self.changes;
        self.changes = Counts {
            unchanged,
            skipped: created + configured + deleted + skipped,
            ..Counts::default()
        };
        self.waiting = what;
    }

    /// Nothing of what is planned was begun.
    pub(crate) fn undone(&mut self) {
        let Counts {
            created,
            configured,
            unchanged,
            deleted,
            skipped,
        } = self.changes;
        self.changes = Counts {
            unchanged,
            skipped: skipped + created + configured + deleted,
            ..Counts::default()
        };
    }

    /// Where the app stands when nothing was done.
    pub(crate) fn foreseen(&self, plan: &Plan) -> Health {
        let is_left = |step: &Step| step.action == Action::Skip(SkipReason::DriftReported);
        if self.has_errors() {
            Health::Failed
        } else if plan.is_pending() || plan.steps.iter().any(is_left) {
            Health::Pending
        } else {
            Health::Healthy
        }
    }

    /// What happened. The app is in sync only when every step was done and none was left alone for an error.
    ///
    /// # Errors
    /// With every object that could not be changed.
    pub(crate) fn changed(
        &mut self,
        plan: &Plan,
        changes: &Changes<'_>,
        inventory: &Inventory,
    ) -> Result<Health, Stop> {
        self.changes = changes.counts();
        self.notes.extend(plan.steps.iter().filter_map(note));
        self.notes.extend(changes.notes());
        self.drifted.extend(changes.drifted());
        self.drifted.extend(changes.made_anew(inventory));
        self.waiting = changes.waiting();
        let mut errors: Vec<Diagnostic> = plan.steps.iter().filter_map(refused).collect();
        errors.extend(plan.steps.iter().flat_map(|step| {
            let written = changes.written.get(&step.id).map(|written| &written.unanswered);
            let live = step.live.as_ref().map(|live| &live.unanswered);
            // What was written was looked at again.
            let unanswered = written.or(live).into_iter().flatten();
            unanswered.map(|why| unanswered_condition(step, why))
        }));
        errors.extend(changes.failures.iter().map(|(step, error)| {
            let message = format!("{}: {}", step.id, chain(error));
            Diagnostic::error("not-applied", message, place(step))
        }));
        if !errors.is_empty() {
            return Err(Stop::failed(errors));
        }
        let fights: Vec<Diagnostic> = plan.steps.iter().filter_map(fight).collect();
        if !fights.is_empty() {
            self.diagnostics.extend(fights);
            return Ok(Health::Stalled);
        }
        let left = plan
            .steps
            .iter()
            .any(|s| s.action == Action::Skip(SkipReason::DriftReported));
        let waits = !changes.waiting.is_empty()
            || changes.is_remaking()
            || plan
                .steps
                .iter()
                .any(|s| s.action == Action::Skip(SkipReason::Terminating));
        Ok(match (waits, left) {
            (true, _) => Health::Progressing,
            (false, true) => Health::Pending,
            (false, false) => Health::Healthy,
        })
    }

    /// Of a cycle that went on where an earlier one had to wait: what was done in both.
    pub(crate) fn after(mut self, earlier: Self) -> Self {
        let (done, before) = (&mut self.changes, earlier.changes);
        // What was written in the earlier cycle is as it should be in this one.
        done.unchanged = done.unchanged.saturating_sub(before.created + before.configured);
        done.created += before.created;
        done.configured += before.configured;
        done.deleted += before.deleted;
        self.calls += earlier.calls;
        self.validator_calls += earlier.validator_calls;
        if earlier.render == Some(RenderKind::Fresh) {
            (self.render, self.why) = (earlier.render, earlier.why);
        }
        let later = std::mem::replace(&mut self.notes, earlier.notes);
        for note in later {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        self.drifted.splice(..0, earlier.drifted);
        self.trace = self.trace.or(earlier.trace);
        self
    }

    /// The outcome of the cycle.
    pub(crate) fn close(&mut self, outcome: Result<Health, Stop>) {
        match outcome {
            Ok(health) => self.stands(health),
            Err(stop) => {
                self.health = stop.health;
                self.diagnostics.extend(stop.diagnostics);
            }
        }
    }
}

/// Steps that a person wants to know of beside the counts.
fn note(step: &Step) -> Option<String> {
    let what = match &step.action {
        Action::Configure(Cause::Adopted) => "was made by somebody else: taken over, as `target.adopt` says",
        Action::Configure(Cause::Drifted) => "was changed by somebody else: repaired",
        Action::Configure(Cause::Reconsidered) => {
            "was applied again: other rules of `spec.ignore` count for it, or what somebody changed is as git wants it again"
        }
        Action::Skip(SkipReason::CreateOnly) => "is there already: left alone, as `windlass.dev/apply` says",
        Action::Skip(SkipReason::Terminating) => "is being deleted: it is looked at again when it is gone",
        Action::Skip(SkipReason::PruneDisabled) => "left the repository: kept, as `windlass.dev/prune` says",
        Action::Skip(SkipReason::Restored) => {
            "left the repository: kept for now, as objects came back under other UIDs, as from a backup"
        }
        Action::Skip(SkipReason::Uncertain) => {
            "left the repository: kept for now, as it can't be told whether what may replace it is there"
        }
        Action::Skip(SkipReason::Holds(what)) => {
            return Some(format!(
                "{} left the repository: kept, as {what} would go with it",
                step.id
            ));
        }
        Action::Skip(SkipReason::MovesTo(app)) => {
            return Some(format!("{} left the repository: app {app} takes it over", step.id));
        }
        Action::Skip(SkipReason::DriftReported) => "was changed by somebody else: left alone, as `drift.mode` says",
        Action::Skip(SkipReason::PruneOff) => "left the repository: kept, as `prune.mode` says",
        Action::Skip(SkipReason::Protected) => "left the repository: kept, as `prune.protect` says",
        Action::Skip(SkipReason::NotOursAnymore) => {
            "left the repository: what is there now is not ours and was left alone"
        }
        Action::Delete => "left the repository: deleted",
        _ => return None,
    };
    Some(format!("{} {what}", step.id))
}

/// Steps that keep the app from being in sync.
fn refused(step: &Step) -> Option<Diagnostic> {
    let (code, message, help) = match &step.action {
        Action::Skip(SkipReason::Foreign) => (
            "foreign-object",
            format!("{} is there already, and Windlass did not put it there", step.id),
            "remove or move it, or take it out of the repository",
        ),
        Action::Skip(SkipReason::OwnedBy(app)) => (
            "owned-by-another",
            format!("{} belongs to app {app}", step.id),
            "two apps can't own one object: take it out of one of them; after a lost state folder, restore it or remove the files",
        ),
        Action::Skip(SkipReason::KeptBy(keeper)) => (
            "kept-by-another",
            format!("{} is kept by {keeper}", step.id),
            "take it out there; or take it over with `target.adopt: Always`",
        ),
        Action::Skip(SkipReason::Unseen(why)) => (
            "unseen-object",
            format!("{}: it can't be told what lives: {why}", step.id),
            "nothing is done to it until this passes",
        ),
        _ => return None,
    };
    Some(Diagnostic::error(code, message, place(step)).with_help(help))
}

/// A condition of an ignore rule that can't be told to be true or false.
pub(crate) fn unanswered_condition(step: &Step, why: &str) -> Diagnostic {
    let message = format!("{}: {why}", step.id);
    Diagnostic::error("ignore-condition", message, place(step)).with_help(
        "until it can be told, the rule counts: its fields are left as they live, and the rest of the object is applied",
    )
}

/// Steps that were left alone because somebody undoes them.
fn fight(step: &Step) -> Option<Diagnostic> {
    let Action::Skip(SkipReason::Fighting(with)) = &step.action else {
        return None;
    };
    let with = if with.is_empty() {
        "somebody who can't be told".to_owned()
    } else {
        format!("`{with}`")
    };
    let message = format!("Stalled: fighting with {with} over {}", step.id);
    let mut diagnostic = Diagnostic::error("fighting", message, place(step)).with_help(
        "it is repaired now and then; leave the field to them with `spec.ignore`, take it out of git, or stop them",
    );
    diagnostic.severity = Severity::Warning;
    Some(diagnostic)
}

/// Where git has it.
pub(crate) fn place(step: &Step) -> Location {
    let origin = step.desired.as_ref().and_then(|manifest| manifest.origin.clone());
    origin.map_or(Location::None, Location::File)
}
