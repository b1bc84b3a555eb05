//! `windlass sync CONFIG`: every app once.

use std::{collections::BTreeSet, io, path::PathBuf, time::Duration};

use tokio::sync::mpsc::unbounded_channel;
use windlass_core::config::duration_of;

use super::{
    configuration::{self, Said},
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Format, Output},
    reports, table,
};
use crate::{
    control,
    engine::Engine,
    report::{Health, Report},
    run::Event,
    supply::Previews,
    target::TargetChoice,
};

const EXAMPLES: &str = "Examples:
  windlass sync windlass.yaml
  windlass sync windlass.yaml --target dir:./rendered
  windlass sync windlass.yaml --allow-deletes api             # consent to a plan that a guard holds
  windlass sync windlass.yaml --forget-app api                # it left the file; its objects stay
  windlass sync windlass.yaml --timeout 2m                    # for a pipeline: 0 healthy, 1 failed, 4 not healthy yet
  windlass sync windlass.yaml -o json | jq -r 'select(.health != \"healthy\").app'";

/// Fetch, render, compare and apply every App once, and wait until they are healthy
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: one line an App, as soon as it is done")))]
pub(super) struct Args {
    /// A file of Repository, App, Cluster, Plugin and Tenant documents
    #[arg(value_name = "CONFIG")]
    config: PathBuf,

    /// Apply to `dir:OUT`, `cluster` or `cluster:NAME` [default: the App's own target]
    #[arg(long, value_name = "TARGET")]
    target: Option<TargetChoice>,

    /// Consent to this App's deletions, however many
    #[arg(long = "allow-deletes", value_name = "APP")]
    allow_deletes: Vec<String>,

    /// Let an App that left CONFIG go without its cluster: its objects stay
    #[arg(long = "forget-app", value_name = "APP")]
    forget_app: Vec<String>,

    /// Run this App's failed hooks again, though git says what it said then
    #[arg(long = "retry-hooks", value_name = "APP")]
    retry_hooks: Vec<String>,

    /// How long to wait until the Apps are healthy, and for what they need before they can go on
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "5m")]
    timeout: Duration,

    /// Don't wait: what was applied counts, however it does
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let consent: BTreeSet<String> = args.allow_deletes.iter().cloned().collect();
    let said = Said {
        target: args.target.clone(),
        allow_deletes: consent,
        by_a_person: true,
    };
    let engine = configuration::open(&args.config, global, said, output)?;
    let _answers = control::serve(&engine);
    known(&engine, args).await?;
    output.findings(&engine.supply(Previews::Compare).await);
    for app in &args.forget_app {
        if !engine.forget_app(app).await? {
            return Err(Failure::usage(format!("--forget-app: no App `{app}` left CONFIG"))
                .hint("take its document out of CONFIG first; what was let go already needs no force"));
        }
    }
    let config = engine.config();
    for name in &args.retry_hooks {
        let Some(app) = config.apps.get(name) else {
            let known: BTreeSet<&str> = config.apps.keys().map(String::as_str).collect();
            return Err(Failure::usage(format!("--retry-hooks: there is no App `{name}`")).known(known));
        };
        if !engine.retry_hooks(app).await? {
            return Err(Failure::usage(format!("--retry-hooks: no hook of App `{name}` failed")));
        }
    }
    let within = if args.no_wait { Duration::ZERO } else { args.timeout };
    let busy = output.busy("syncing", config.apps.len() as u64);
    let mut written: io::Result<()> = Ok(());
    let (sender, mut events) = unbounded_channel();
    engine.watch(sender);
    let reports = engine
        .sync(within, |report| {
            busy.step();
            // The apps go on when nobody can be told any more; the first error is told at the end.
            if args.form.output == Format::Json && written.is_ok() {
                written = output.print_json(report);
            }
        })
        .await;
    drop(busy);
    written?;
    while let Ok(event) = events.try_recv() {
        if let Event::NotTold {
            diagnostic, receiver, ..
        } = event
        {
            output.findings(&[diagnostic.of(&receiver)]);
        }
    }
    if args.form.output == Format::Table {
        show(&reports, output)?;
    }
    // A report that is missing is one of a task that died: it was not in sync.
    let apps = &config.apps;
    let complete = reports.iter().filter(|report| apps.contains_key(&report.app)).count() == apps.len();
    let of_apps = reports.iter().map(|report| outcome(report, args.no_wait));
    let worst = of_apps.max_by_key(|outcome| SEVERITY.iter().position(|known| known == outcome));
    Ok(if complete {
        worst.unwrap_or(Outcome::Done)
    } else {
        Outcome::Failed
    })
}

/// From the least to the worst.
const SEVERITY: [Outcome; 3] = [Outcome::Done, Outcome::TimedOut, Outcome::Failed];

fn outcome(report: &Report, no_wait: bool) -> Outcome {
    if report.is_in_sync() || (no_wait && report.was_applied()) {
        return Outcome::Done;
    }
    match report.health {
        Health::Progressing => Outcome::TimedOut,
        _ => Outcome::Failed,
    }
}

/// Consent is to something: to the deletions of an App that stands in CONFIG, or that left it.
async fn known(engine: &Engine, args: &Args) -> Result<(), Failure> {
    let departed: Vec<String> = engine.departed().await?.iter().map(|one| one.app.id()).collect();
    let config = engine.config();
    let names: BTreeSet<&str> = config.apps.keys().chain(&departed).map(String::as_str).collect();
    let Some(unknown) = args.allow_deletes.iter().find(|app| !names.contains(app.as_str())) else {
        return Ok(());
    };
    Err(Failure::usage(format!("--allow-deletes: there is no App `{unknown}`")).known(names))
}

/// A span of time on the command line.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    duration_of(text).ok_or_else(|| "write a whole number and a unit, such as `30s` or `5m`, from 1s to 24h".to_owned())
}

fn show(reports: &[Report], output: &Output) -> io::Result<()> {
    let rows: Vec<_> = reports.iter().map(reports::row).collect();
    output.print(&table::table(&reports::HEADER, &rows, output.paint))?;
    let details: String = reports
        .iter()
        .map(|report| reports::details(report, output.verbose, output.error_paint))
        .collect();
    if !details.is_empty() {
        output.note(&format!("\n{}\n", details.trim_end()));
    }
    Ok(())
}
