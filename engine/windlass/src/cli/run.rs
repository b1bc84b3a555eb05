//! `windlass run CONFIG`: keeps every App as git says, until told to stop.

mod board;
mod follow;
mod live;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use super::{
    configuration::{self, Said},
    failure::{Failure, Outcome},
    global::Global,
    output::{Format, Output},
};
use crate::{
    control,
    engine::Engine,
    run::{self, Event},
    target::TargetChoice,
};
use board::Board;
use follow::Follower;
use live::Live;

const EXAMPLES: &str = "Examples:
  windlass run windlass.yaml                                  # a live table on a terminal
  windlass run windlass.yaml --target dir:./rendered
  windlass run windlass.yaml -o json | jq -c '{app, revision, health}'

CONFIG may be changed while it runs: what says something else is looked at, what is wrong is told and changes nothing.
Ctrl-C or SIGTERM stops: cycles under way are finished first, for up to 4 seconds.";

/// Keep going: poll, render, compare, apply and repair until stopped
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A file of Repository, App, Cluster, Plugin and Tenant documents
    #[arg(value_name = "CONFIG")]
    config: PathBuf,

    /// Apply to `dir:OUT`, `cluster` or `cluster:NAME` [default: the App's own target]
    #[arg(long, value_name = "TARGET")]
    target: Option<TargetChoice>,

    /// `table`, or `json`: a line per App and cycle [default: `table` on a terminal, else `json`]
    #[arg(short, long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    output: Option<Format>,
}

/// How long cycles under way may take after a stop: a supervisor that sends SIGKILL waits longer, an impatient person does not.
pub(super) const GRACE: Duration = Duration::from_secs(4);

/// How often the terminal is asked for its size.
const REFIT: Duration = Duration::from_millis(500);

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let target = args.target.clone();
    let said = Said {
        target,
        ..Said::default()
    };
    let engine = configuration::open(&args.config, global, said, output)?;
    let _answers = control::serve(&engine);
    let mut signals = Signals::new().map_err(|error| Failure::of_error(&error))?;
    let mut view = View::new(&engine, args.output, output);
    let (sender, events) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let follower = Follower::start(&engine, &args.config);
    let mut work = Work {
        task: tokio::spawn(run::run(Arc::clone(&engine), sender, stopped)),
        events,
        follower,
    };
    let followed = follow(&mut work, &mut view, &mut signals).await;
    // Whoever listened may be gone already: the loop has ended then.
    let _ = stop.send(true);
    if followed.is_ok() {
        wind_down(&mut work, &mut view, &mut signals).await?;
    }
    work.task.abort();
    view.finish();
    followed.map(|()| Outcome::Done)
}

/// The loop, and what it tells.
struct Work {
    task: JoinHandle<()>,
    events: mpsc::UnboundedReceiver<Event>,
    /// Of the configuration file.
    follower: Follower,
}

/// Shows what happens until somebody says stop, or nobody reads any more.
async fn follow(work: &mut Work, view: &mut View<'_>, signals: &mut Signals) -> Result<(), Failure> {
    let mut refit = tokio::time::interval(REFIT);
    while !view.output.is_closed() {
        tokio::select! {
            Some(event) = work.events.recv() => view.show(&event)?,
            failure = work.follower.refused() => view.refused(&failure),
            () = signals.received() => break,
            _ = refit.tick() => view.refit(),
            _ = &mut work.task => {
                let failure = Failure::failed("the loop ended by itself");
                return Err(failure.hint("this is a defect of Windlass: run it with -v, and report what it says"));
            }
        }
    }
    Ok(())
}

/// Shows the end of cycles under way, until they are done, took too long, or somebody is in a hurry.
async fn wind_down(work: &mut Work, view: &mut View<'_>, signals: &mut Signals) -> Result<(), Failure> {
    view.stopping();
    let deadline = Instant::now() + GRACE;
    loop {
        tokio::select! {
            biased;
            Some(event) = work.events.recv() => view.show(&event)?,
            _ = &mut work.task => return Ok(()),
            () = signals.received() => return Ok(()),
            () = sleep_until(deadline) => return Ok(()),
        }
    }
}

/// Ctrl-C and what supervisors send.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(super) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What the user looks at.
pub(super) struct View<'a> {
    engine: &'a Engine,
    output: &'a Output,
    board: Board,
    way: Way,
}

enum Way {
    /// A table that stays at the bottom, news above it.
    Live(Live),
    /// A row whenever an app changed, news on standard error.
    Rows,
    /// A line of JSON per app and cycle, sources' failures on standard error.
    Json,
}

impl<'a> View<'a> {
    pub(super) fn new(engine: &'a Engine, format: Option<Format>, output: &'a Output) -> Self {
        let board = Board::new(engine.config().apps.keys().cloned(), output.error_paint, output.verbose);
        let default = if output.is_terminal {
            Format::Table
        } else {
            Format::Json
        };
        let way = match format.unwrap_or(default) {
            Format::Json => Way::Json,
            Format::Table if output.is_terminal && output.screen.is_terminal() => Way::Live(Live::new(&board, output)),
            Format::Table => Way::Rows,
        };
        Self {
            engine,
            output,
            board,
            way,
        }
    }

    pub(super) fn show(&mut self, event: &Event) -> io::Result<()> {
        let unseen: Vec<String> = match event {
            Event::SourceFailed { repository, .. } => self.unseen_apps_of(repository),
            _ => Vec::new(),
        };
        let news = self.board.take(event, &clock());
        match &self.way {
            Way::Live(live) => {
                self.output.note(&news);
                live.draw(&self.board);
            }
            Way::Rows => {
                self.output.note(&news);
                if let (Event::Report(report), false) = (event, news.is_empty()) {
                    self.output.print(&self.board.line(&report.app, self.output.paint))?;
                }
            }
            Way::Json => match event {
                Event::Report(report) => self.output.print_json(report)?,
                Event::SourceFailed { diagnostic, .. } => {
                    self.output.findings(std::slice::from_ref(diagnostic));
                    for app in unseen {
                        self.output.print_json(&board::unresolved(&app, diagnostic))?;
                    }
                }
                Event::Plugin { diagnostic } => self.output.findings(std::slice::from_ref(diagnostic)),
                Event::Configured(_) => self.output.note(&news),
                Event::NotTold {
                    diagnostic, receiver, ..
                } => self.output.findings(&[diagnostic.clone().of(receiver)]),
                _ => {}
            },
        }
        Ok(())
    }

    /// The file says what can't be taken.
    fn refused(&self, failure: &Failure) {
        self.output
            .note("the configuration is not taken, and the one of before stays at work\n");
        failure.show(self.output);
    }

    /// Apps that no report will come of, because their repository gave no revision yet.
    fn unseen_apps_of(&self, repository: &str) -> Vec<String> {
        let config = self.engine.config();
        let apps = config.apps.values();
        apps.filter(|app| app.repository() == repository && !self.board.has_report(app.id()))
            .map(|app| app.id().to_owned())
            .collect()
    }

    pub(super) fn stopping(&mut self) {
        if let Way::Live(live) = &mut self.way {
            live.stopping(&self.board);
        }
    }

    pub(super) fn finish(&self) {
        if let Way::Live(live) = &self.way {
            live.finish(&self.board);
        }
    }

    /// Makes the table fit again when the terminal's size changed.
    fn refit(&mut self) {
        if let Way::Live(live) = &self.way {
            live.draw(&self.board);
        }
    }
}

/// Local time of day.
fn clock() -> String {
    jiff::Zoned::now().strftime("%H:%M:%S").to_string()
}
