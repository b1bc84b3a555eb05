//! Reports as rows of a table, with what there is to say about each below it.

use windlass_core::{
    health::{Assessed, State},
    render::Severity,
};

use super::{
    clean, diagnostics,
    paint::{Paint, Tone},
    reads,
    table::Cell,
};
use crate::report::{Health, RenderKind, Report};

/// Columns of [`row`].
pub(super) const HEADER: [&str; 9] = [
    "APP",
    "REVISION",
    "RENDER",
    "CREATED",
    "CONFIGURED",
    "UNCHANGED",
    "DELETED",
    "SKIPPED",
    "HEALTH",
];

/// Hexadecimal digits of a commit that a person needs to recognise it.
const SHORT: usize = 8;

/// One app.
#[must_use]
pub(super) fn row(report: &Report) -> Vec<Cell> {
    let render = match report.render {
        Some(RenderKind::Fresh) => "fresh",
        Some(RenderKind::Cached) => "cached",
        None => "-",
    };
    let changes = &report.changes;
    let (word, tone) = health(report.health);
    vec![
        Cell::text(&report.app),
        Cell::text(&short(report.revision.as_deref())),
        Cell::text(render),
        Cell::number(changes.created),
        Cell::number(changes.configured),
        Cell::number(changes.unchanged),
        Cell::number(changes.deleted),
        Cell::number(changes.skipped),
        Cell::text(word).tone(tone),
    ]
}

/// The beginning of a commit id.
#[must_use]
pub(super) fn short(revision: Option<&str>) -> String {
    revision.map_or_else(|| "-".to_owned(), |id| id.chars().take(SHORT).collect())
}

/// How an app's health is called, and its colour.
#[must_use]
pub(super) const fn health(health: Health) -> (&'static str, Tone) {
    match health {
        Health::Healthy => ("Healthy", Tone::Good),
        Health::Progressing => ("Progressing", Tone::Warn),
        Health::Degraded => ("Degraded", Tone::Bad),
        Health::Pending => ("Pending", Tone::Warn),
        Health::Stalled => ("Stalled", Tone::Bad),
        Health::Held => ("Held", Tone::Warn),
        Health::Suspended => ("Suspended", Tone::Faint),
        Health::RolledBack => ("RolledBack", Tone::Warn),
        Health::Failed => ("Failed", Tone::Bad),
    }
}

/// Findings and notes of a report below the app's name; nothing when there is nothing to say. `verbose`: with those that are
/// shown when asked for.
#[must_use]
pub(super) fn details(report: &Report, verbose: bool, paint: Paint) -> String {
    let findings: Vec<_> = report
        .diagnostics
        .iter()
        .filter(|d| verbose || d.severity != Severity::Info || report.health == Health::Suspended)
        .collect();
    let why = report.why.as_ref().filter(|_| verbose).map(reads::why);
    let waiting = report.waiting.iter().filter(|_| report.health != Health::Healthy);
    let unhealthy = unhealthy(report);
    let notes: Vec<&String> = why
        .iter()
        .chain(&report.notes)
        .chain(waiting)
        .chain(&unhealthy)
        .collect();
    if findings.is_empty() && notes.is_empty() {
        return String::new();
    }
    let (word, tone) = health(report.health);
    let mut text = format!(
        "{} {}\n",
        paint.tone(Tone::Strong, clean::line(&report.app)),
        paint.tone(tone, word)
    );
    for note in &notes {
        text.push_str(&format!("note: {}\n", clean::line(note)));
    }
    if !notes.is_empty() {
        text.push('\n');
    }
    for finding in findings {
        text.push_str(&diagnostics::one(finding, paint));
        text.push_str("\n\n");
    }
    text
}

/// Objects that a person is shown; the rest is a number.
const SHOWN: usize = 10;

/// A line an object, the worst first.
fn unhealthy(report: &Report) -> Vec<String> {
    let line = |object: &Assessed| {
        let (word, _) = state(object.verdict.state);
        format!("{} is {word}: {}", object.object, object.verdict.message)
    };
    let mut lines: Vec<String> = report.unhealthy.iter().take(SHOWN).map(line).collect();
    let rest = report.unhealthy_total.saturating_sub(lines.len());
    if rest > 0 {
        lines.push(format!("{rest} more objects are not healthy"));
    }
    lines
}

/// How an object's state is called, and its colour.
#[must_use]
pub(super) const fn state(state: State) -> (&'static str, Tone) {
    match state {
        State::Healthy => ("Healthy", Tone::Good),
        State::Unknown => ("Unknown", Tone::Faint),
        State::Suspended => ("Suspended", Tone::Faint),
        State::Progressing => ("Progressing", Tone::Warn),
        State::Terminating => ("Terminating", Tone::Warn),
        State::Degraded => ("Degraded", Tone::Bad),
    }
}

/// What a cycle did, in words: `2 created, 1 deleted`; empty when nothing changed.
#[must_use]
pub(super) fn changes(report: &Report) -> String {
    let changes = &report.changes;
    [
        (changes.created, "created"),
        (changes.configured, "configured"),
        (changes.deleted, "deleted"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect::<Vec<_>>()
    .join(", ")
}

#[cfg(test)]
mod tests {
    use windlass_core::{
        diff::Counts,
        render::{Diagnostic, Location},
    };

    use super::*;
    use crate::cli::{golden, table};

    fn reports() -> [Report; 3] {
        let mut good = Report::new("api");
        good.revision = Some("0123456789abcdef0123456789abcdef01234567".into());
        good.render = Some(RenderKind::Fresh);
        good.health = Health::Healthy;
        good.changes = Counts {
            created: 12,
            unchanged: 3,
            ..Counts::default()
        };
        good.notes = vec!["ConfigMap shop/web: somebody changed it; put back".into()];
        let mut bad = Report::new("platform");
        bad.revision.clone_from(&good.revision);
        bad.diagnostics = vec![Diagnostic::error("invalid-yaml", "no", Location::None).with_help("fix it")];
        let mut idle = Report::new("web");
        idle.health = Health::Suspended;
        let mut reason = Diagnostic::error("suspended", "suspended: incident", Location::None);
        reason.severity = Severity::Info;
        idle.diagnostics = vec![reason];
        [good, bad, idle]
    }

    #[test]
    fn a_sync_reads_like_kubectl() {
        let rows: Vec<_> = reports().iter().map(row).collect();
        let mut text = table::table(&HEADER, &rows, Paint::Plain);
        text.push('\n');
        text.extend(reports().iter().map(|report| details(report, false, Paint::Plain)));
        golden::check("reports.txt", &text);
    }

    #[test]
    fn changes_are_told_in_words() {
        assert_eq!(changes(&reports()[0]), "12 created");
        assert_eq!(changes(&reports()[1]), "");
    }
}
