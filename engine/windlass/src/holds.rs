//! Which documents a cycle works with: what git says now, or, because somebody decided so, what was applied before.
//!
//! ```text
//! held by a person, or what git says failed before ─▶ the documents of an entry of the history
//! git's change waits for somebody or for a window  ─▶ those of the last entry, so that what lives is kept as it was approved
//! ```

use std::sync::Arc;

use windlass_core::{
    config::App,
    diff::{Action, Cause, Plan, SkipReason},
    digest::Digest,
    history::{self, Entry, Origin},
    holds::{self, Decisions, Hold, Suspension, Waiting},
    hooks::Occasion,
    inventory::Inventory,
    render::{Diagnostic, Location, Severity},
    tree::Tree,
    windows::Gate,
};

use crate::{
    clock,
    desk::Waits,
    engine::{Engine, blocking},
    reconcile::Seen,
    render::{Stored, Wanted},
    report::{HeldBack, Report, RolledBack},
    stop::Stop,
};

/// Why a cycle works with what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Course {
    /// Git says so.
    Git,
    /// An entry of the history is applied again: the person who said so, or `None`: the engine.
    Back {
        /// Its number.
        entry: u64,
        /// See above.
        actor: Option<String>,
    },
    /// What was applied last is kept as it is, while git's change waits.
    Meanwhile,
}

impl Course {
    /// What hooks are told of it, where it is not for the inventory to say.
    pub(crate) const fn occasion(&self) -> Option<Occasion> {
        match self {
            Self::Git => None,
            Self::Back { .. } | Self::Meanwhile => Some(Occasion::Rollback),
        }
    }
}

/// The documents that a person said to stay at. Git's aren't looked at then: it may be them that can't be rendered.
///
/// # Errors
/// When they are lost.
pub(crate) async fn held(
    engine: &Engine,
    key: &str,
    inventory: &Inventory,
    tree: &Tree,
    report: &mut Report,
) -> Result<Option<(Wanted, Course)>, Stop> {
    let decisions = engine.desk().decisions(key);
    let Some(hold) = decisions.held_by_a_person() else {
        return Ok(None);
    };
    let stored = held_documents(engine, key, hold, inventory, tree).await?;
    report.went_back(RolledBack::of(hold, None));
    let course = Course::Back {
        entry: hold.entry,
        actor: hold.actor.clone(),
    };
    Ok(Some((Wanted::Stored(Box::new(stored)), course)))
}

/// Leaves what git says where it failed before, and where it is known to wait.
///
/// # Errors
/// When git's documents can't be read, or those that are to be applied instead are lost.
pub(crate) async fn choose(engine: &Engine, app: &App, seen: &mut Seen, report: &mut Report) -> Result<(), Stop> {
    if seen.course != Course::Git {
        return Ok(());
    }
    let decisions = engine.desk().decisions(&seen.key);
    if !decisions.bad.is_empty() && skip_bad(engine, &decisions, seen, report).await? {
        return Ok(());
    }
    let Some(known) = engine.desk().waits(&seen.key) else {
        return Ok(());
    };
    let gate = engine.desk().gate(app);
    if known.run != seen.render.run() || waits_for(engine, app, seen, &gate, &decisions, &known.waiting.plan).is_none()
    {
        return Ok(());
    }
    if let Some((stored, entry)) = approved(engine, seen).await? {
        report.holds_back(&known.waiting, entry.number);
        meanwhile(seen, stored, &gate);
    }
    Ok(())
}

/// As [`choose`], for who wants to see what git's change would do though it waits.
///
/// # Errors
/// As [`choose`].
pub(crate) async fn choose_to_show(engine: &Engine, seen: &mut Seen, report: &mut Report) -> Result<(), Stop> {
    let decisions = engine.desk().decisions(&seen.key);
    if seen.course == Course::Git && !decisions.bad.is_empty() {
        skip_bad(engine, &decisions, seen, report).await?;
    }
    Ok(())
}

/// Tells what a plan would wait for.
///
/// # Errors
/// When it can't be written down for who approves it.
pub(crate) async fn foresee(
    engine: &Engine,
    app: &App,
    seen: &mut Seen,
    plan: &Plan,
    report: &mut Report,
) -> Result<(), Stop> {
    if let Some(waiting) = waiting(engine, app, seen, plan, report).await? {
        report.holds_back(&waiting, None);
    }
    Ok(())
}

/// Whether git says what failed before: then it is left, and what is to be instead is taken.
async fn skip_bad(engine: &Engine, decisions: &Decisions, seen: &mut Seen, report: &mut Report) -> Result<bool, Stop> {
    let desired = desired(engine, seen, report).await?;
    let Some(bad) = decisions.bad(&desired) else {
        if decisions.is_rolled_back() {
            // It ends with the first render that gives something else.
            decide(engine, &seen.key, |decisions| decisions.hold = None).await?;
        }
        return Ok(false);
    };
    let hold = match &decisions.hold {
        Some(hold) => hold.clone(),
        // What failed came back after something else was applied: that stays.
        None => match last(engine, &seen.key).await?.filter(|entry| entry.outcome.is_whole()) {
            Some(entry) => hold_at(&entry, None),
            None => return Ok(false),
        },
    };
    let is_back = decisions.hold.is_some();
    let stored = held_documents(engine, &seen.key, &hold, &seen.inventory, &seen.tree).await?;
    report.went_back(RolledBack::of(&hold, Some(bad)));
    let course = if is_back {
        Course::Back {
            entry: hold.entry,
            actor: None,
        }
    } else {
        Course::Meanwhile
    };
    take(seen, stored, course);
    Ok(true)
}

/// The desired hash of what git says, found out once for each render.
async fn desired(engine: &Engine, seen: &Seen, report: &mut Report) -> Result<Digest, Stop> {
    let run = seen.render.run();
    if let Some(desired) = engine.known_desired(&seen.key, run) {
        return Ok(desired);
    }
    let desired = seen.render.documents(engine, report).await?.desired.hash;
    engine.knows_desired(&seen.key, run, desired);
    Ok(desired)
}

/// A hold at an entry from now on.
pub(crate) fn hold_at(entry: &Entry, actor: Option<&str>) -> Hold {
    Hold {
        entry: entry.number,
        desired: entry.desired,
        run: entry.run.clone(),
        revision: entry.origin.revision.clone(),
        actor: actor.map(str::to_owned),
        since: clock::now(),
    }
}

async fn held_documents(
    engine: &Engine,
    key: &str,
    hold: &Hold,
    inventory: &Inventory,
    tree: &Tree,
) -> Result<Stored, Stop> {
    let entries = entries(engine, key).await?;
    // The entry itself may have left the history; the one that applied it again tells the same.
    let of_number = entries.iter().find(|entry| entry.number == hold.entry);
    let entry = of_number.or_else(|| entries.iter().find(|entry| entry.run == hold.run));
    let stored = match entry {
        Some(entry) => Stored::of(engine, entry, tree.clone(), inventory.clock).await?,
        None => None,
    };
    stored.ok_or_else(|| {
        let message = format!(
            "entry {} of the history is to be applied, and its documents are lost: nothing is changed",
            hold.entry
        );
        let help =
            "`windlass resume APP` goes on with what git says, `windlass rollback APP --to N` with another entry";
        Stop::failed(vec![
            Diagnostic::error("history-lost", message, Location::None).with_help(help),
        ])
    })
}

async fn entries(engine: &Engine, key: &str) -> Result<Vec<Entry>, Stop> {
    let (inventories, key) = (Arc::clone(engine.inventories()), key.to_owned());
    Ok(blocking(move || inventories.history(&key)).await??)
}

async fn last(engine: &Engine, key: &str) -> Result<Option<Entry>, Stop> {
    let (inventories, key) = (Arc::clone(engine.inventories()), key.to_owned());
    Ok(blocking(move || inventories.last(&key)).await??)
}

/// What was applied last, when it was applied whole and its documents are there.
async fn approved(engine: &Engine, seen: &Seen) -> Result<Option<(Stored, Entry)>, Stop> {
    let Some(entry) = last(engine, &seen.key).await?.filter(|entry| entry.outcome.is_whole()) else {
        return Ok(None);
    };
    let stored = Stored::of(engine, &entry, seen.tree.clone(), seen.inventory.clock).await?;
    Ok(stored.map(|stored| (stored, entry)))
}

fn take(seen: &mut Seen, stored: Stored, course: Course) {
    seen.render = Wanted::Stored(Box::new(stored));
    seen.origin = seen.render.origin().unwrap_or_default();
    seen.course = course;
}

fn meanwhile(seen: &mut Seen, stored: Stored, gate: &Gate) {
    take(seen, stored, Course::Meanwhile);
    seen.heals = gate.heals;
}

fn waits_for(
    engine: &Engine,
    app: &App,
    seen: &Seen,
    gate: &Gate,
    decisions: &Decisions,
    plan: &Digest,
) -> Option<holds::Wait> {
    let run = seen.render.run().to_string();
    holds::wait(app.spec.sync.mode, gate, decisions, &run, plan, engine.is_by_a_person())
}

/// Whether a plan of git's waits for somebody or for a window. Then what was applied last is to be planned instead, if it can be:
/// nothing of what git changes is applied, and what somebody else changed is repaired.
///
/// # Errors
/// When it waits and nothing was applied before.
pub(crate) async fn waits(
    engine: &Engine,
    app: &App,
    seen: &mut Seen,
    plan: &Plan,
    report: &mut Report,
) -> Result<bool, Stop> {
    let Some(waiting) = waiting(engine, app, seen, plan, report).await? else {
        return Ok(false);
    };
    let known = Waits {
        run: seen.render.run(),
        waiting: waiting.clone(),
    };
    engine.desk().set_waits(&seen.key, Some(known));
    let Some((stored, entry)) = approved(engine, seen).await? else {
        report.holds_back(&waiting, None);
        return Err(Stop::held());
    };
    report.holds_back(&waiting, entry.number);
    let gate = engine.desk().gate(app);
    meanwhile(seen, stored, &gate);
    Ok(true)
}

/// What a plan of git's waits for, written down for who approves it. `None`: it may run; from here on until it is done.
///
/// # Errors
/// When it can't be written down.
pub(crate) async fn waiting(
    engine: &Engine,
    app: &App,
    seen: &mut Seen,
    plan: &Plan,
    report: &Report,
) -> Result<Option<Waiting>, Stop> {
    if !app.spec.sync.is_gated() || seen.course != Course::Git {
        return Ok(None);
    }
    let gate = engine.desk().gate(app);
    let decisions = engine.desk().decisions(&seen.key);
    let Some(digest) = holds::digest(plan, &seen.inventory) else {
        seen.heals = gate.heals;
        engine.desk().set_waits(&seen.key, None);
        decide(engine, &seen.key, |decisions| decisions.waiting = None).await?;
        return Ok(None);
    };
    let run = seen.render.run().to_string();
    let Some(wait) = waits_for(engine, app, seen, &gate, &decisions, &digest) else {
        return Ok(None);
    };
    let (objects, omitted) = history::told(history::changes_of_git(&plan.steps, &seen.inventory));
    let known = decisions.waiting.filter(|known| known.plan == digest);
    let waiting = Waiting {
        plan: digest,
        reason: wait.words(),
        code: wait.code().to_owned(),
        origin: seen.origin.clone(),
        changes: report.changes,
        objects,
        omitted,
        since: known.map_or_else(clock::now, |known| known.since),
    };
    tracing::debug!(app = %app.id(), plan = %digest, %run, "waits");
    let written = waiting.clone();
    decide(engine, &seen.key, |decisions| decisions.waiting = Some(written)).await?;
    Ok(Some(waiting))
}

/// A change of git's that needed leave is begun: from here on until it is done it needs no other, whatever becomes of the window.
///
/// # Errors
/// When it can't be written down.
pub(crate) async fn begin(engine: &Engine, app: &App, seen: &Seen, plan: &Plan) -> Result<(), Stop> {
    if !app.spec.sync.is_gated() || seen.course != Course::Git || holds::digest(plan, &seen.inventory).is_none() {
        return Ok(());
    }
    let run = seen.render.run().to_string();
    engine.desk().set_waits(&seen.key, None);
    decide(engine, &seen.key, |decisions| {
        decisions.begun = Some(run);
        decisions.waiting = None;
    })
    .await
}

/// It is done.
///
/// # Errors
/// When it can't be written down.
pub(crate) async fn done(engine: &Engine, seen: &Seen) -> Result<(), Stop> {
    let decisions = engine.desk().decisions(&seen.key);
    if seen.course != Course::Git || (decisions.begun.is_none() && decisions.approval.is_none()) {
        return Ok(());
    }
    decide(engine, &seen.key, Decisions::forget_plan).await
}

/// Changes what is decided about an App, and writes it down.
async fn decide(engine: &Engine, key: &str, change: impl FnOnce(&mut Decisions) + Send + 'static) -> Result<(), Stop> {
    let (desk, key) = (Arc::clone(engine.desk()), key.to_owned());
    Ok(blocking(move || desk.decide(&key, change)).await??)
}

/// Leaves what somebody else changed as it is, where a window says so.
pub(crate) fn heal_or_not(seen: &Seen, plan: &mut Plan) {
    if !seen.heals {
        leave_drift(plan, &seen.inventory);
    }
}

/// Takes the repairs out of a plan: they are told of only.
pub(crate) fn leave_drift(plan: &mut Plan, inventory: &Inventory) {
    for step in &mut plan.steps {
        let applied = inventory.entries.get(&step.id).and_then(|owned| owned.applied);
        let wanted = step.desired.as_ref().map(|wanted| wanted.object.hash);
        let is_repair = wanted.is_some() && wanted == applied;
        let changes = matches!(
            step.action,
            Action::Create | Action::Configure(Cause::Drifted | Cause::Reconsidered)
        );
        if is_repair && changes {
            step.action = Action::Skip(SkipReason::DriftReported);
        }
    }
}

/// For an App that rests: what was applied last, so that drift is told from what git changes.
pub(crate) async fn rest(engine: &Engine, seen: &mut Seen) -> Result<(), Stop> {
    if seen.course == Course::Git
        && let Some((stored, _)) = approved(engine, seen).await?
    {
        take(seen, stored, Course::Meanwhile);
    }
    seen.heals = false;
    Ok(())
}

impl Report {
    /// It is held, or was rolled back.
    fn went_back(&mut self, back: RolledBack) {
        let mut finding = Diagnostic::error("rolled-back", back.words(), Location::None)
            .with_help(format!("`windlass resume {}` goes on with what git says", self.app));
        finding.severity = Severity::Warning;
        self.diagnostics.push(finding);
        self.rolled_back = Some(Box::new(back));
    }

    /// Git's change waits; `applied`: the entry that is kept as it is meanwhile.
    pub(crate) fn holds_back(&mut self, waiting: &Waiting, applied: impl Into<Option<u64>>) {
        let changes = &waiting.changes;
        let message = format!(
            "a plan waits ({} to create, {} to configure, {} to delete): {}",
            changes.created, changes.configured, changes.deleted, waiting.reason
        );
        let help = format!(
            "see it with `windlass diff` or `windlass approve {}`; apply it with `windlass approve {} {}`",
            self.app,
            self.app,
            waiting.plan.short()
        );
        let mut finding = Diagnostic::error(&waiting.code, message, Location::None).with_help(help);
        finding.severity = Severity::Warning;
        self.diagnostics.push(finding);
        self.held = Some(Box::new(HeldBack {
            waiting: waiting.clone(),
            applied: applied.into(),
        }));
    }

    /// It is told to rest.
    pub(crate) fn rests(&mut self, suspension: Suspension) {
        let mut finding = Diagnostic::error("suspended", words(&suspension), Location::None);
        finding.severity = Severity::Info;
        self.diagnostics.push(finding);
        self.suspended = Some(Box::new(suspension));
    }
}

/// `suspended by ada since … until …: incident`.
fn words(suspension: &Suspension) -> String {
    use windlass_core::moment::text;
    let by = suspension.actor.as_ref().map(|actor| format!(" by {actor}"));
    let since = suspension.since.map(|since| format!(" since {}", text(since)));
    let until = suspension.until.map(|until| format!(" until {}", text(until)));
    let [by, since, until] = [by, since, until].map(Option::unwrap_or_default);
    format!("suspended{by}{since}{until}: {}", suspension.reason)
}

/// Findings that tell of what was decided: they are found anew in every cycle.
pub(crate) fn is_told_anew(finding: &Diagnostic) -> bool {
    let codes = ["rolled-back", "not-rolled-back", "suspended"];
    let waits = [
        holds::Wait::Person,
        holds::Wait::Approval,
        holds::Wait::Window(String::new()),
    ];
    codes.contains(&finding.code.as_str()) || waits.iter().any(|wait| wait.code() == finding.code)
}

/// Where an app's documents come from.
pub(crate) fn origin(app: &App, revision: &windlass_source::Revision) -> Origin {
    let cut = |text: &str| {
        let mut text = text.to_owned();
        windlass_core::render::shorten(&mut text, &mut history::TEXT_BYTES.clone());
        text
    };
    Origin {
        repository: app.repository().to_owned(),
        path: app.spec.path.clone(),
        namespace: app.spec.target.namespace.clone(),
        revision: revision.commit.map(|id| id.to_string()),
        author: cut(&revision.author),
        subject: cut(&revision.subject),
        signed_by: revision.signers.iter().map(|signer| cut(&signer.to_string())).collect(),
    }
}
