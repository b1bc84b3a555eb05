//! The history of an App: what a cycle came to becomes an entry, written with the inventory that it tells of; how it does is
//! written down when that turns, and decides whether the App goes back by itself.

use std::{sync::Arc, time::Duration};

use windlass_core::{
    config::{App, RollbackMode},
    diff::{Plan, SkipReason, Step, intend::Outcome as Done},
    digest::Digest,
    history::{self, Entry, FORMAT, Outcome},
    holds::Bad,
    hooks::Log,
    inventory::Inventory,
    model::ObjectId,
    render::{Diagnostic, Location, Severity, shorten},
};

use crate::{
    apply::Changes,
    clock,
    desk::Desk,
    engine::{Engine, blocking},
    holds::{Course, hold_at},
    reconcile::Seen,
    report::{Health, Report},
    state::Attempt,
    stop::{Stop, chain},
};

/// How long an App that is to go back waits, so that others that fail of the same cause are counted first: Apps that were changed
/// by one commit are given up within a second or two of each other.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What a cycle means for the history. `None`: nothing, for it kept what was applied before. `desired`: the hash of what came out, before
/// the engine adds anything.
pub(crate) fn attempt(
    engine: &Engine,
    app: &App,
    (seen, intended): (&Seen, &Inventory),
    desired: Digest,
    plan: &Plan,
    changes: &Changes<'_>,
) -> Option<Attempt> {
    let replays = match &seen.course {
        Course::Git => None,
        Course::Back { entry, .. } => Some(*entry),
        Course::Meanwhile => return None,
    };
    let done: Vec<&Step> = changes
        .steps
        .iter()
        .filter(|(_, outcome)| !matches!(outcome, Done::Failed | Done::Waiting))
        .map(|(step, _)| *step)
        .collect();
    let of_git = || history::changes_of_git(done.iter().copied(), &seen.inventory);
    let (objects, omitted) = history::told(of_git());
    let message = failure(plan, changes);
    let outcome = if message.is_some() {
        Outcome::Failed
    } else if !changes.waiting.is_empty() || changes.is_remaking() {
        Outcome::Applying
    } else if seen.target.living().is_none() {
        Outcome::Healthy
    } else {
        Outcome::Applied
    };
    let decisions = engine.desk().decisions(&seen.key);
    let actor = match &seen.course {
        Course::Back { actor, .. } => actor.clone(),
        _ => decisions.approval.map(|approval| approval.actor),
    };
    Some(Attempt {
        entry: Entry {
            format: FORMAT,
            number: 0,
            at: clock::now(),
            origin: seen.origin.clone(),
            plugin: seen.render.plugin(),
            desired,
            run: seen.render.run().to_string(),
            changes: changes.counts(),
            objects,
            omitted,
            outcome,
            message: message.unwrap_or_default(),
            was_healthy: outcome == Outcome::Healthy,
            replays,
            actor,
            defines: of_git().any(|(step, _)| is_definition(&step.id)),
            pre_hook: intended.hooks.as_ref().is_some_and(Log::ran_before),
        },
        limit: app.spec.history.limit,
    })
}

fn is_definition(id: &ObjectId) -> bool {
    id.group == "apiextensions.k8s.io" && id.kind == "CustomResourceDefinition"
}

/// The first thing that could not be done.
fn failure(plan: &Plan, changes: &Changes<'_>) -> Option<String> {
    let refused = changes
        .failures
        .iter()
        .map(|(step, error)| format!("{}: {}", step.id, chain(error)));
    let left = plan.steps.iter().filter_map(|step| match &step.action {
        windlass_core::diff::Action::Skip(reason) if reason.is_error() => {
            let why = match reason {
                SkipReason::OwnedBy(app) => format!("belongs to app {app}"),
                SkipReason::KeptBy(keeper) => format!("is kept by {keeper}"),
                SkipReason::Unseen(why) => format!("it can't be told what lives: {why}"),
                _ => "is there already, and Windlass did not put it there".to_owned(),
            };
            Some(format!("{} {why}", step.id))
        }
        _ => None,
    });
    let mut first = refused.chain(left).next()?;
    shorten(&mut first, &mut history::TEXT_BYTES.clone());
    Some(first)
}

/// Takes in how an App does: into its history, and for the fleet. An App that a change of its own made unhealthy is marked as one
/// that goes back, when it may; where somebody attends, it does after [`PATIENCE`].
pub(crate) async fn note(engine: &Engine, app: &App, report: &mut Report) {
    if let Err(stop) = take_in(engine, app, report).await {
        report.diagnostics.extend(stop.diagnostics);
    }
}

async fn take_in(engine: &Engine, app: &App, report: &mut Report) -> Result<(), Stop> {
    let outcome = match report.health {
        Health::Healthy | Health::RolledBack => Outcome::Healthy,
        Health::Held if report.was_applied() => Outcome::Healthy,
        Health::Degraded => Outcome::Degraded,
        _ => return Ok(()),
    };
    let (desk, key) = (Arc::clone(engine.desk()), report.key.clone());
    match report.health {
        Health::Degraded => desk.breaker().note(app.id(), clock::now()),
        // Who went back has failed all the same.
        Health::RolledBack => {}
        _ => desk.breaker().recovered(app.id()),
    }
    let Some(number) = report.entry else { return Ok(()) };
    let is_known = desk
        .last_known(&key)
        .is_some_and(|last| last.number == number && last.outcome == outcome);
    if !is_known {
        let (desk, key) = (Arc::clone(&desk), key.clone());
        blocking(move || desk.turned(&key, number, outcome)).await??;
    }
    let is_wanted = app.spec.rollback.mode == RollbackMode::Auto && report.rolled_back.is_none();
    if outcome != Outcome::Degraded || !is_wanted {
        return Ok(());
    }
    if let Some(why) = desk.stays(&key, number) {
        not_taken(report, &why);
        return Ok(());
    }
    let (inventories, of) = (Arc::clone(engine.inventories()), key.clone());
    let entries = blocking(move || inventories.history(&of)).await??;
    match history::rollback(&entries, number) {
        Ok(_) => {
            report.is_to_go_back = true;
            if desk.is_attended() {
                tokio::spawn(go_back_soon(desk, app.id().to_owned(), key, number));
            }
        }
        Err(why) => not_taken(report, &why.to_string()),
    }
    Ok(())
}

/// Once others had the time to fail too.
async fn go_back_soon(desk: Arc<Desk>, app: String, key: String, number: u64) {
    tokio::time::sleep(PATIENCE).await;
    let name = app.clone();
    let decided = move || {
        if let Err(why) = go_back(&desk, &name, &key, number) {
            tracing::warn!(app = %name, number, %why, "not rolled back");
            desk.set_stays(&key, number, chain(&why));
        }
        desk.wake(&name);
    };
    if blocking(decided).await.is_err() {
        tracing::warn!(%app, "whether it goes back could not be decided");
    }
}

/// Says why an App stays as it is.
pub(crate) fn not_taken(report: &mut Report, why: &str) {
    let mut finding = Diagnostic::error(
        "not-rolled-back",
        format!("not rolled back by itself: {why}"),
        Location::None,
    )
    .with_help(format!(
        "`windlass history {}` shows what there is to go back to, `windlass rollback {}` goes back",
        report.app, report.app
    ));
    finding.severity = Severity::Warning;
    if !report.diagnostics.iter().any(|known| known.code == finding.code) {
        report.diagnostics.push(finding);
    }
}

/// Why an App does not go back after all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stays {
    /// It can't any more.
    #[error(transparent)]
    No(#[from] history::NoRollback),
    /// It is healthy by now.
    #[error("it is healthy by now")]
    Healthy,
    /// The fleet breaker.
    #[error("{failed} of {all} Apps failed within {} minutes: it is none of their changes", windlass_core::breaker::SPAN.as_secs() / 60)]
    Breaker {
        /// How many.
        failed: usize,
        /// Of how many.
        all: usize,
    },
    /// The documents are not there.
    #[error("the documents of entry {0} are lost")]
    Lost(u64),
    /// The state.
    #[error(transparent)]
    State(#[from] crate::state::StateError),
}

/// Marks what failed as bad and goes back to what was before, from the App's next cycle on. Blocks for the disk.
///
/// # Errors
/// With the reason why not.
pub(crate) fn go_back(desk: &Desk, app: &str, key: &str, number: u64) -> Result<(), Stays> {
    let entries = desk.inventories().history(key)?;
    let former = history::rollback(&entries, number)?;
    let Some(failed) = entries.first().filter(|entry| entry.outcome == Outcome::Degraded) else {
        return Err(Stays::Healthy);
    };
    if let Some(count) = desk.breaker().tripped(desk.fleet(), clock::now()) {
        return Err(Stays::Breaker {
            failed: count,
            all: desk.fleet(),
        });
    }
    if !desk.has_documents(former) {
        return Err(Stays::Lost(former.number));
    }
    let bad = Bad {
        desired: failed.desired,
        entry: failed.number,
        revision: failed.origin.revision.clone(),
        at: clock::now(),
    };
    let hold = hold_at(former, None);
    tracing::info!(%app, failed = failed.number, to = former.number, "rolled back");
    desk.decide(key, |decisions| decisions.roll_back(bad, hold))?;
    Ok(())
}
