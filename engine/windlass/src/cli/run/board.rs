//! What `run` knows of every app, and what of an event is worth a line.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::render::Diagnostic;

use crate::{
    cli::{
        clean, diagnostics,
        paint::{Paint, Tone},
        reports,
        table::{Cell, Layout},
    },
    reconfigure::Reconfigured,
    report::{Health, Report},
    run::{Event, Stage},
};

/// The state behind the table.
#[derive(Debug)]
pub(super) struct Board {
    apps: BTreeMap<String, Seen>,
    layout: Layout,
    has_header: bool,
    /// Apps that left the configuration: what becomes of them is told, and they have no row.
    gone: BTreeSet<String>,
    /// Repositories whose last failure was told, so that it is not told at every poll.
    failing: BTreeMap<String, Diagnostic>,
    paint: Paint,
    verbose: bool,
}

#[derive(Debug, Default)]
struct Seen {
    stage: Option<Stage>,
    report: Option<Report>,
}

/// The report of an app whose repository gave no revision.
pub(super) fn unresolved(app: &str, diagnostic: &Diagnostic) -> Report {
    let mut report = Report::new(app);
    report.diagnostics = vec![diagnostic.clone()];
    report
}

impl Board {
    /// `paint`: for news. `verbose`: with findings that are shown when asked for.
    pub(super) fn new(apps: impl Iterator<Item = String>, paint: Paint, verbose: bool) -> Self {
        let mut board = Self {
            apps: apps.map(|app| (app, Seen::default())).collect(),
            layout: Layout::new(&health_second(reports::HEADER.to_vec())),
            has_header: false,
            gone: BTreeSet::new(),
            failing: BTreeMap::new(),
            paint,
            verbose,
        };
        // Room for the longest word from the start, so that columns do not move.
        let widest = Seen {
            stage: Some(Stage::Validating),
            report: None,
        };
        let rows: Vec<_> = board.apps.keys().map(|app| row(app, &widest)).collect();
        for row in &rows {
            board.layout.fit(row);
        }
        board
    }

    /// Whether a report of the app came.
    pub(super) fn has_report(&self, app: &str) -> bool {
        self.apps.get(app).is_some_and(|seen| seen.report.is_some())
    }

    /// Takes an event in. Answers what is worth telling, "" for most; `clock`: the time of day.
    pub(super) fn take(&mut self, event: &Event, clock: &str) -> String {
        let news = match event {
            Event::Fetching { .. } => String::new(),
            Event::Fetched {
                repository,
                revision,
                subject,
                author,
            } => {
                self.failing.remove(repository);
                self.fetched(repository, revision, subject, author)
            }
            Event::SourceRecovered { repository, .. } => {
                self.failing.remove(repository);
                String::new()
            }
            Event::SourceFailed { repository, diagnostic } => self.source_failed(repository, diagnostic),
            Event::Stage { app, stage } => {
                self.apps.entry(app.clone()).or_default().stage = Some(*stage);
                String::new()
            }
            Event::NotTold {
                receiver,
                app,
                diagnostic,
                ..
            } => self.not_told(receiver, app.as_deref(), diagnostic),
            Event::Plugin { diagnostic } => format!("plugins\n{}\n\n", diagnostics::one(diagnostic, self.paint)),
            Event::PluginsCame => String::new(),
            Event::Configured(reconfigured) => self.configured(reconfigured),
            Event::Report(report) => self.reported(report),
        };
        if news.is_empty() {
            return news;
        }
        format!("{} {news}", self.paint.tone(Tone::Faint, clock))
    }

    fn configured(&mut self, reconfigured: &Reconfigured) -> String {
        let Reconfigured { added, changed, gone } = reconfigured;
        for app in added {
            self.gone.remove(app);
            self.apps.entry(app.clone()).or_default();
        }
        for app in gone {
            self.apps.remove(app);
            self.gone.insert(app.clone());
        }
        let counts = [(added, "new"), (changed, "changed"), (gone, "gone")];
        let counts: Vec<String> = counts
            .iter()
            .filter(|(apps, _)| !apps.is_empty())
            .map(|(apps, word)| match apps.len() {
                1 => format!("{} is {word}", clean::line(&apps.iter().cloned().collect::<String>())),
                many => format!("{many} Apps are {word}"),
            })
            .collect();
        let counts = if counts.is_empty() {
            "no App is another".to_owned()
        } else {
            counts.join(", ")
        };
        format!(
            "{} was read: {counts}\n",
            self.paint.tone(Tone::Strong, "the configuration")
        )
    }

    fn fetched(&self, repository: &str, revision: &str, subject: &str, author: &str) -> String {
        format!(
            "{} is at {}: {} {}\n",
            self.paint.tone(Tone::Strong, clean::line(repository)),
            self.paint.tone(Tone::Place, reports::short(Some(revision))),
            clean::line(subject),
            self.paint.tone(Tone::Faint, format!("({})", clean::line(author)))
        )
    }

    fn source_failed(&mut self, repository: &str, diagnostic: &Diagnostic) -> String {
        if self.failing.get(repository) == Some(diagnostic) {
            return String::new();
        }
        self.failing.insert(repository.to_owned(), diagnostic.clone());
        format!(
            "{} gives no revision\n{}\n\n",
            self.paint.tone(Tone::Strong, clean::line(repository)),
            diagnostics::one(diagnostic, self.paint)
        )
    }

    fn not_told(&self, receiver: &str, app: Option<&str>, diagnostic: &Diagnostic) -> String {
        let of = app.map_or_else(String::new, |app| format!(" of {}", clean::line(app)));
        format!(
            "{} was not told{of}\n{}\n\n",
            self.paint.tone(Tone::Strong, clean::line(receiver)),
            diagnostics::one(diagnostic, self.paint)
        )
    }

    fn reported(&mut self, report: &Report) -> String {
        if self.gone.contains(&report.app) {
            return reports::details(report, self.verbose, self.paint);
        }
        let seen = self.apps.entry(report.app.clone()).or_default();
        let before = seen.report.replace(report.clone());
        seen.stage = None;
        let row = row(&report.app, seen);
        self.layout.fit(&row);

        let same_findings = before
            .as_ref()
            .is_some_and(|before| before.diagnostics == report.diagnostics);
        let same_health = before.as_ref().is_some_and(|before| before.health == report.health);
        let changes = reports::changes(report);
        if same_findings && same_health && changes.is_empty() {
            return String::new();
        }
        // What keeps it from being healthy is news when its health is.
        let has_turned = !same_health && !report.unhealthy.is_empty();
        let details = if same_findings && report.notes.is_empty() && !has_turned {
            String::new()
        } else {
            reports::details(report, self.verbose, self.paint)
        };
        if !details.is_empty() {
            return details;
        }
        let (word, tone) = reports::health(report.health);
        let changes = if changes.is_empty() {
            String::new()
        } else {
            format!(": {changes}")
        };
        let name = self.paint.tone(Tone::Strong, clean::line(&report.app));
        format!("{name} {}{changes}\n", self.paint.tone(tone, word))
    }

    /// The table's header.
    pub(super) fn header(&self, paint: Paint) -> String {
        self.layout.header(paint)
    }

    /// The table's rows, by app.
    pub(super) fn rows(&self, paint: Paint) -> impl Iterator<Item = (&String, String)> {
        self.apps
            .iter()
            .map(move |(app, seen)| (app, self.layout.row(&row(app, seen), paint)))
    }

    /// One app's row for a table that grows, with the header before the first.
    pub(super) fn line(&mut self, app: &str, paint: Paint) -> String {
        let Some(seen) = self.apps.get(app) else {
            return String::new();
        };
        let row = self.layout.row(&row(app, seen), paint) + "\n";
        if std::mem::replace(&mut self.has_header, true) {
            row
        } else {
            format!("{}\n{row}", self.header(paint))
        }
    }

    /// `3 of 4 apps healthy`.
    pub(super) fn summary(&self) -> String {
        let healthy = |seen: &&Seen| seen.report.as_ref().is_some_and(|r| r.health == Health::Healthy);
        let healthy = self.apps.values().filter(healthy).count();
        format!("{healthy} of {} apps healthy", self.apps.len())
    }
}

fn row(app: &str, seen: &Seen) -> Vec<Cell> {
    let blank = Report::new(app);
    let mut cells = reports::row(seen.report.as_ref().unwrap_or(&blank));
    let busy = match seen.stage {
        Some(Stage::Rendering) => Some("Rendering"),
        Some(Stage::Validating) => Some("Validating"),
        Some(Stage::Observing) => Some("Observing"),
        Some(Stage::Applying) => Some("Applying"),
        None if seen.report.is_none() => Some("Waiting"),
        None => None,
    };
    if let (Some(busy), Some(last)) = (busy, cells.last_mut()) {
        *last = Cell::text(busy).tone(Tone::Place);
    }
    health_second(cells)
}

/// What matters most is cut last on a narrow terminal.
fn health_second<T>(mut columns: Vec<T>) -> Vec<T> {
    if let [_, rest @ ..] = columns.as_mut_slice() {
        rest.rotate_right(rest.len().min(1));
    }
    columns
}

#[cfg(test)]
mod tests {
    use windlass_core::{
        diff::Counts,
        health::{Assessed, State, Verdict},
        model::ObjectId,
        render::Location,
    };

    use super::*;

    fn board() -> Board {
        Board::new(["api", "web"].into_iter().map(str::to_owned), Paint::Plain, false)
    }

    fn text(board: &Board) -> String {
        board.rows(Paint::Plain).map(|(_, row)| row + "\n").collect()
    }

    fn healthy(app: &str, created: usize) -> Report {
        let mut report = Report::new(app);
        report.health = Health::Healthy;
        report.changes = Counts {
            created,
            ..Counts::default()
        };
        report
    }

    #[test]
    fn a_row_follows_its_app() {
        let mut board = board();
        assert!(
            text(&board).lines().all(|row| row.contains("Waiting")),
            "{}",
            text(&board)
        );
        board.take(
            &Event::Stage {
                app: "api".into(),
                stage: Stage::Rendering,
            },
            "t",
        );
        assert!(text(&board).starts_with("api   Rendering"));
        let news = board.take(&Event::Report(healthy("api", 2)), "12:00:00");
        assert_eq!(news, "12:00:00 api Healthy: 2 created\n");
        assert!(text(&board).starts_with("api   Healthy"));
        assert_eq!(board.summary(), "1 of 2 apps healthy");
    }

    #[test]
    fn a_cycle_that_ends_without_news_does_not_leave_its_app_busy() {
        let mut board = board();
        board.take(&Event::Report(healthy("api", 0)), "t");
        board.take(
            &Event::Stage {
                app: "api".into(),
                stage: Stage::Applying,
            },
            "t",
        );
        assert!(text(&board).starts_with("api   Applying"), "{}", text(&board));
        assert_eq!(board.take(&Event::Report(healthy("api", 0)), "t"), "");
        assert!(text(&board).starts_with("api   Healthy"), "{}", text(&board));
    }

    #[test]
    fn the_same_again_is_no_news() {
        let mut board = board();
        board.take(&Event::Report(healthy("api", 0)), "t");
        assert_eq!(board.take(&Event::Report(healthy("api", 0)), "t"), "");
        let mut failed = Report::new("api");
        failed.diagnostics = vec![Diagnostic::error("x", "broken", Location::None)];
        let event = Event::Report(failed);
        assert!(board.take(&event, "t").contains("error[x]: broken"));
        assert_eq!(board.take(&event, "t"), "");
        assert_eq!(board.take(&Event::Report(healthy("api", 0)), "t"), "t api Healthy\n");
    }

    #[test]
    fn what_keeps_an_app_from_being_healthy_is_told_when_it_turns() {
        let mut board = board();
        board.take(&Event::Report(healthy("api", 0)), "t");
        let mut turned = healthy("api", 0);
        turned.health = Health::Progressing;
        turned.unhealthy = vec![Assessed {
            object: ObjectId {
                group: "apps".into(),
                kind: "Deployment".into(),
                namespace: "shop".into(),
                name: "api".into(),
            },
            verdict: Verdict::new(State::Progressing, "LessAvailable", "1 of 2 are available"),
        }];
        turned.unhealthy_total = 1;
        let event = Event::Report(turned);
        let news = board.take(&event, "t");
        assert!(
            news.contains("note: Deployment.apps shop/api is Progressing: 1 of 2 are available"),
            "{news}"
        );
        assert_eq!(board.take(&event, "t"), "");
    }

    #[test]
    fn a_failing_source_is_told_once_until_it_recovers() {
        let mut board = board();
        let failed = Event::SourceFailed {
            repository: "shop".into(),
            diagnostic: Diagnostic::error("source", "no route to host", Location::None),
        };
        assert!(
            board
                .take(&failed, "t")
                .starts_with("t shop gives no revision\nerror[source]: no route to host")
        );
        assert_eq!(board.take(&failed, "t"), "");
        let fetched = Event::Fetched {
            repository: "shop".into(),
            revision: "0123456789".into(),
            subject: "fix \u{1b}[31mit".into(),
            author: "Ada <ada@example.org>".into(),
        };
        assert_eq!(
            board.take(&fetched, "t"),
            "t shop is at 01234567: fix [31mit (Ada <ada@example.org>)\n"
        );
        assert!(!board.take(&failed, "t").is_empty());
    }

    #[test]
    fn a_growing_table_has_one_header() {
        let mut board = board();
        board.take(&Event::Report(healthy("api", 1)), "t");
        assert!(board.line("api", Paint::Plain).starts_with("APP"));
        assert!(board.line("api", Paint::Plain).starts_with("api"));
        assert_eq!(board.line("nobody", Paint::Plain), "");
    }
}
