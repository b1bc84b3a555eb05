//! A report as an event: its state, and the words for it.

use windlass_core::{
    config::App,
    event::{Event, Finding, State, Subject},
    health::Assessed,
    render::{Diagnostic, Location, Severity},
};

use crate::{
    clock,
    report::{Drifted, Health, Report},
};

/// Where the App stands, as an event. What it was before and its number are filled in by who knows.
pub(crate) fn event(app: &App, report: &Report) -> Event {
    let state = state(report);
    Event {
        app: app.name.clone(),
        namespace: app.namespace.clone(),
        repository: app.repository().to_owned(),
        revision: report.revision.clone(),
        desired: report.desired,
        state,
        previous: None,
        reason: reason(state, report),
        message: message(state, report),
        at: clock::now(),
        occurrence: 0,
        findings: report.diagnostics.iter().map(Finding::from).collect(),
        objects: match state {
            State::Drifted => report.drifted.iter().map(left).collect(),
            _ => report.unhealthy.iter().map(unhealthy).collect(),
        },
    }
}

/// A repository gives no commit, for these reasons, or gives one again. `apps`: how many stay at what they have.
pub(super) fn of_source(repository: &str, apps: usize, outcome: Result<Option<String>, &[Diagnostic]>) -> Event {
    let (state, revision, message, findings) = match outcome {
        Ok(revision) => (
            State::Healthy,
            revision,
            format!("repository {repository} gives commits again"),
            &[][..],
        ),
        Err(findings) => {
            let why = findings.first().map_or("", |finding| &finding.message);
            let apps = match apps {
                1 => "its App stays as it is".to_owned(),
                apps => format!("its {apps} Apps stay as they are"),
            };
            let message = format!("repository {repository} gives no commit, {apps}: {why}");
            (State::Failed, None, message, findings)
        }
    };
    Event {
        app: String::new(),
        namespace: String::new(),
        repository: repository.to_owned(),
        revision,
        desired: None,
        state,
        previous: None,
        reason: findings
            .first()
            .map_or_else(|| camel(state.name()), |finding| camel(&finding.code)),
        message,
        at: clock::now(),
        occurrence: 0,
        findings: findings.iter().map(Finding::from).collect(),
        objects: Vec::new(),
    }
}

/// The edits that were undone.
pub(super) fn undone(report: &Report) -> Vec<Subject> {
    let undone = report.drifted.iter().filter(|drifted| drifted.repaired);
    undone.map(|drifted| edited(drifted, "Undone", "undone")).collect()
}

fn state(report: &Report) -> State {
    match report.health {
        Health::Healthy => State::Healthy,
        Health::Progressing => State::Progressing,
        Health::Degraded => State::Degraded,
        Health::Pending if report.drifted.iter().any(|drifted| !drifted.repaired) => State::Drifted,
        Health::Pending | Health::Held => State::Held,
        Health::Stalled => State::Stalled,
        Health::Suspended => State::Suspended,
        Health::RolledBack => State::RolledBack,
        Health::Failed => State::Failed,
    }
}

fn left(drifted: &Drifted) -> Subject {
    edited(drifted, "Left", "left, as the App says")
}

fn edited(drifted: &Drifted, reason: &str, what: &str) -> Subject {
    let message = match (&drifted.field, &drifted.manager) {
        (Some(field), Some(manager)) => format!("{manager} changed {field}: {what}"),
        (Some(field), None) => format!("{field} was changed: {what}"),
        _ => format!("it was changed or taken away: {what}"),
    };
    Subject {
        object: drifted.object.clone(),
        state: None,
        reason: reason.to_owned(),
        message,
        field: drifted.field.clone(),
        manager: drifted.manager.clone(),
    }
}

fn unhealthy(Assessed { object, verdict }: &Assessed) -> Subject {
    Subject {
        object: object.clone(),
        state: Some(verdict.state),
        reason: verdict.reason.clone(),
        message: verdict.message.clone(),
        field: None,
        manager: None,
    }
}

fn reason(state: State, report: &Report) -> String {
    let of_finding = || worst(report).map(|finding| camel(&finding.code));
    let of_object = || {
        let first = report.unhealthy.first();
        first.map(|object| object.verdict.reason.clone())
    };
    let word = match state {
        State::Healthy => None,
        State::Progressing | State::Degraded => of_object().or_else(of_finding),
        _ => of_finding(),
    };
    let word = word.filter(|word| !word.is_empty());
    word.unwrap_or_else(|| camel(state.name()))
}

fn message(state: State, report: &Report) -> String {
    let told = worst(report).map(|finding| match &finding.at {
        Location::File(file) => match file.span {
            Some(span) if span.line > 0 => format!("{}:{}: {}", file.path, span.line, finding.message),
            _ => format!("{}: {}", file.path, finding.message),
        },
        _ => finding.message.clone(),
    });
    let object = report.unhealthy.first().map(|object| {
        let more = match report.unhealthy_total.saturating_sub(1) {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        format!("{}: {}{more}", object.object, object.verdict.message)
    });
    let (said, otherwise) = match state {
        State::Healthy => (Some(healthy(report)), ""),
        State::Progressing => (object.or_else(|| report.waiting.first().cloned()), "it is on its way"),
        State::Degraded => (object.or(told), "its objects aren't healthy"),
        State::Drifted => (Some(drifted(&report.drifted)), ""),
        State::Failed => (told, "it failed"),
        State::Stalled => (told, "somebody undoes what it does"),
        State::Held => (told, "it waits for consent"),
        State::Suspended => (told, "it rests"),
        State::RolledBack => (told, "what was applied before is applied again"),
    };
    said.unwrap_or_else(|| otherwise.to_owned())
}

fn healthy(report: &Report) -> String {
    let at = report.revision.as_deref().map_or_else(String::new, |revision| {
        format!(" at {}", revision.get(..12).unwrap_or(revision))
    });
    let counts = &report.changes;
    let counts = [
        (counts.created, "created"),
        (counts.configured, "configured"),
        (counts.deleted, "deleted"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if counts.is_empty() {
        format!("as git says{at}, and healthy")
    } else {
        format!("as git says{at}, and healthy: {}", counts.join(", "))
    }
}

fn drifted(all: &[Drifted]) -> String {
    match all {
        [one] => format!("{}: {}", one.object, left(one).message),
        many => format!("{} fields or objects were changed: left, as the App says", many.len()),
    }
}

/// The first of the worst findings.
fn worst(report: &Report) -> Option<&Diagnostic> {
    let of = |severity| report.diagnostics.iter().find(|finding| finding.severity == severity);
    of(Severity::Error)
        .or_else(|| of(Severity::Warning))
        .or_else(|| of(Severity::Info))
}

/// `invalid-yaml` → `InvalidYaml`.
pub(crate) fn camel(code: &str) -> String {
    let words = code.split('-').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use windlass_core::render::{Span, file_at};

    use super::*;

    fn app() -> App {
        let text = "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {name: r}\nspec: {git: {url: /r}}\n---\n\
                    apiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {name: a}\nspec: {repository: r}\n";
        windlass_core::config::load(text).unwrap().apps["a"].clone()
    }

    #[test]
    fn a_failure_is_told_with_its_place() {
        let mut report = Report::new("a");
        let mut at = file_at("app/a.yaml");
        at.span = Some(Span::at(7, 3));
        report
            .diagnostics
            .push(Diagnostic::error("invalid-yaml", "a tab", Location::File(at)));
        let event = event(&app(), &report);
        assert_eq!(
            (event.state, event.reason.as_str(), event.message.as_str()),
            (State::Failed, "InvalidYaml", "app/a.yaml:7: a tab")
        );
    }

    #[test]
    fn health_is_told_with_the_commit_and_what_was_done() {
        let mut report = Report::new("a");
        report.health = Health::Healthy;
        report.revision = Some("0123456789abcdef".into());
        report.changes.created = 2;
        let event = event(&app(), &report);
        assert_eq!(
            (event.reason.as_str(), event.message.as_str()),
            ("Healthy", "as git says at 0123456789ab, and healthy: 2 created")
        );
    }
}
