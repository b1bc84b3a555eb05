//! What became of an object, as its `status`: pure, from what the engine tells and what stands there already.
//!
//! Whatever is as before keeps its time, so that nothing is written when nothing changed.

use std::collections::BTreeMap;

use windlass_core::{
    config::DocumentError,
    event::{Event, State},
    render::{Instant, shorten},
    rollout::{Serving, Waiting},
    status::{
        AppStatus, Aspect, Condition, Fetched, HoldKind, HoldStatus, Made, RepositoryStatus, ServingStatus, Truth,
    },
};

use crate::{cli::clean, report::Report};

/// Where something stands, before it is known what stood there: about what, whether, why in a word and in a sentence.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    about: Aspect,
    status: Truth,
    reason: String,
    message: String,
}

impl Finding {
    pub(super) fn new(about: Aspect, status: Truth, reason: &str, message: &str) -> Self {
        Self {
            about,
            status,
            reason: reason.to_owned(),
            message: shortened(message),
        }
    }
}

/// Bytes of a condition's message: the definitions allow 32,768, and people read the first line.
const MESSAGE: usize = 2_000;

fn shortened(message: &str) -> String {
    // What strangers wrote moves no cursor where it is printed, and API servers take no DEL in what is applied.
    let (mut text, mut left) = (clean::text(message).into_owned(), MESSAGE);
    shorten(&mut text, &mut left);
    text
}

/// An object can't be read: it is as it was, and waiting won't help.
pub(super) fn unreadable(mistake: &DocumentError) -> Vec<Finding> {
    let message = match &mistake.help {
        Some(help) => format!("{}: {help}", mistake.message),
        None => mistake.message.clone(),
    };
    vec![
        Finding::new(Aspect::Ready, Truth::False, "InvalidSpec", &message),
        Finding::new(Aspect::Stalled, Truth::True, "InvalidSpec", &message),
    ]
}

/// An object is as it is meant to be.
pub(super) fn ready(reason: &str, message: &str) -> Vec<Finding> {
    vec![Finding::new(Aspect::Ready, Truth::True, reason, message)]
}

/// What serves the choices of a plugin. `all`: by choice.
pub(super) fn serving(plugin: &str, all: &BTreeMap<String, Serving>) -> Vec<ServingStatus> {
    let its = all
        .iter()
        .filter(|(choice, _)| choice.split('@').next() == Some(plugin));
    its.map(|(choice, serving)| ServingStatus {
        choice: choice.clone(),
        version: serving.version.clone(),
        digest: serving.digest,
    })
    .collect()
}

/// An object isn't as it is meant to be, and it is tried again.
pub(super) fn unready(reason: &str, message: &str) -> Vec<Finding> {
    vec![
        Finding::new(Aspect::Ready, Truth::False, reason, message),
        Finding::new(Aspect::Reconciling, Truth::True, reason, message),
    ]
}

/// A version of a plugin may not serve before it was approved.
pub(super) fn waits(label: &str, waiting: &Waiting) -> String {
    let (differ, compared) = (waiting.apps.len(), waiting.compared);
    format!("waits for `windlass plugin approve {label}`: {differ} of {compared} Apps differ")
}

/// Conditions now, where `before` stood there.
pub(super) fn conditions(
    before: &[Condition],
    now: Vec<Finding>,
    generation: Option<i64>,
    at: Instant,
) -> Vec<Condition> {
    reworded(before, now, generation, at, true)
}

/// The same; `anew`: what stands as before may be told in other words.
fn reworded(
    before: &[Condition],
    now: Vec<Finding>,
    generation: Option<i64>,
    at: Instant,
    anew: bool,
) -> Vec<Condition> {
    let condition = |finding: Finding| {
        let known = before.iter().find(|known| known.about == finding.about);
        let is_as_before = known.filter(|known| known.status == finding.status);
        let message = match is_as_before.filter(|known| known.reason == finding.reason) {
            Some(known) if !anew => known.message.clone(),
            _ => finding.message,
        };
        Condition {
            about: finding.about,
            status: finding.status,
            observed_generation: generation,
            last_transition_time: is_as_before.map_or(at, |known| known.last_transition_time),
            reason: finding.reason,
            message,
        }
    };
    now.into_iter().map(condition).collect()
}

/// Reason of what is on its way.
const PROGRESSING: &str = "Progressing";

/// Codes of failures that somebody else's return ends: nothing about the App is wrong.
const PASSING: [&str; 5] = ["cluster", "source", "interrupted", "timeout", "unreachable"];

/// An App, by what its cycle came to. `event`: the same in words.
pub(super) fn of_app(
    before: &AppStatus,
    report: &Report,
    event: &Event,
    generation: Option<i64>,
    at: Instant,
) -> AppStatus {
    let made = |known: Option<&Made>| {
        let revision = report.revision.clone()?;
        // The commit that it came from: a later one that renders the same is of others, and no news of a thousand Apps.
        let is_same =
            |known: &&Made| known.desired == report.desired && (known.desired.is_some() || known.revision == revision);
        Some(known.filter(is_same).cloned().unwrap_or(Made {
            revision,
            run: None,
            desired: report.desired,
            at,
        }))
    };
    let is_applied = match event.state {
        State::Healthy | State::Degraded => true,
        State::Progressing => report.waiting.is_empty() && report.desired.is_some(),
        _ => false,
    };
    let or_before = |is_so: bool, known: &Option<Made>| {
        let now = is_so.then(|| made(known.as_ref())).flatten();
        now.or_else(|| known.clone())
    };
    let attempted = made(before.attempted.as_ref()).or_else(|| before.attempted.clone());
    let applied = or_before(is_applied, &before.applied);
    let healthy = or_before(event.state == State::Healthy, &before.healthy);
    // What is on its way says something else every second, and what is well counts what the last cycle did.
    let is_news = attempted != before.attempted || !matches!(event.state, State::Healthy | State::Progressing);
    let findings = findings(report, event, is_applied);
    AppStatus {
        observed_generation: generation,
        revision: applied.as_ref().map(|made| short(&made.revision)),
        attempted,
        applied,
        healthy,
        hold: hold(report, event),
        // Answered by itself.
        request: None,
        conditions: reworded(&before.conditions, findings, generation, at, is_news),
    }
}

/// A commit for a table.
fn short(revision: &str) -> String {
    revision.chars().take(12).collect()
}

fn findings(report: &Report, event: &Event, is_applied: bool) -> Vec<Finding> {
    let (reason, message) = (event.reason.as_str(), event.message.as_str());
    let is_passing = || {
        let mut codes = report.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str());
        codes.any(|code| PASSING.contains(&code))
    };
    let (ready, reason) = match event.state {
        State::Healthy => (Truth::True, reason),
        State::Progressing => (Truth::False, PROGRESSING),
        _ => (Truth::False, reason),
    };
    let healthy = match event.state {
        State::Healthy | State::RolledBack => Truth::True,
        State::Progressing | State::Degraded => Truth::False,
        _ => Truth::Unknown,
    };
    let synced = match event.state {
        State::Suspended => Truth::Unknown,
        _ if is_applied => Truth::True,
        _ => Truth::False,
    };
    let aside = match event.state {
        State::Progressing => Some(Aspect::Reconciling),
        State::Failed if is_passing() => Some(Aspect::Reconciling),
        State::Failed | State::Degraded | State::Stalled => Some(Aspect::Stalled),
        _ => None,
    };
    let mut all = vec![Finding::new(Aspect::Ready, ready, reason, message)];
    all.extend(aside.map(|about| Finding::new(about, Truth::True, reason, message)));
    all.push(Finding::new(Aspect::Synced, synced, reason, message));
    all.push(Finding::new(Aspect::Healthy, healthy, reason, message));
    all
}

fn hold(report: &Report, event: &Event) -> Option<HoldStatus> {
    if let Some(suspension) = &report.suspended {
        return Some(HoldStatus {
            kind: HoldKind::Suspended,
            actor: suspension.actor.clone(),
            reason: shortened(&suspension.reason),
            plan: None,
            entry: None,
            since: suspension.since,
            until: suspension.until,
        });
    }
    if let Some(back) = &report.rolled_back {
        let kind = match back.by {
            Some(_) => HoldKind::Pinned,
            None => HoldKind::RolledBack,
        };
        return Some(HoldStatus {
            kind,
            actor: back.by.clone(),
            reason: shortened(&back.words()),
            plan: None,
            entry: Some(back.entry),
            since: Some(back.since),
            until: None,
        });
    }
    let kind = match (&report.held, event.state) {
        (Some(_), _) => HoldKind::Waiting,
        (None, State::Held) => HoldKind::Guarded,
        (None, _) => return None,
    };
    Some(HoldStatus {
        kind,
        actor: None,
        reason: shortened(&event.message),
        plan: report.held.as_ref().map(|held| held.waiting.plan),
        entry: report.held.as_ref().and_then(|held| held.applied),
        since: None,
        until: None,
    })
}

/// A Repository that answered with a commit.
pub(super) fn of_repository(
    before: &RepositoryStatus,
    revision: &str,
    subject: &str,
    generation: Option<i64>,
    at: Instant,
) -> RepositoryStatus {
    let known = before.fetched.as_ref().filter(|known| known.revision == revision);
    let message = format!("commit {}: {subject}", short(revision));
    RepositoryStatus {
        observed_generation: generation,
        revision: Some(short(revision)),
        fetched: Some(known.cloned().unwrap_or_else(|| Fetched {
            revision: revision.to_owned(),
            reference: None,
            at,
        })),
        conditions: conditions(&before.conditions, ready("Fetched", &message), generation, at),
    }
}

#[cfg(test)]
mod tests;
