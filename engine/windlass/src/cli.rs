//! The command line: a file per verb, and what verbs share.
//!
//! [`main`] parses, starts telemetry, runs one verb and turns its outcome into an exit code. Verbs print through
//! `output::Output`; every error becomes what the user sees in `failure`.

mod render;
mod validate;
mod diff;
mod sync;
mod run;
mod controller;
mod health;
mod get;
mod tree;
mod events;
mod reconcile;
mod history;
mod why;
mod rollback;
mod suspend;
mod resume;
mod approve;
mod lock;
mod install;
mod uninstall;
mod plugin;
mod completions;

mod global;
mod configuration;
pub mod native;
mod unified;
mod reads;
mod ask;
mod site;
mod remote;
mod reports;
mod diagnostics;
mod sarif;
mod failure;
mod output;
mod screen;
mod table;
mod paint;
pub(crate) mod clean;
mod reference;
mod telemetry;
#[cfg(test)]
mod golden;

use std::{future::Future, process::ExitCode, time::Duration};

use clap::{FromArgMatches as _, Parser, Subcommand};

use failure::{Failure, Outcome};
use output::Output;

/// GitOps whose every opinion is a plugin: renders, compares and applies what git says.
#[derive(Debug, Parser)]
#[command(
    name = "windlass",
    disable_help_subcommand = false,
    propagate_version = false,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    global: global::Global,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Render(render::Args),
    Validate(validate::Args),
    Diff(diff::Args),
    Sync(sync::Args),
    Run(run::Args),
    Controller(controller::Args),
    Health(health::Args),
    Get(get::Args),
    Tree(tree::Args),
    Events(events::Args),
    Reconcile(reconcile::Args),
    History(history::Args),
    Why(why::Args),
    Rollback(rollback::Args),
    Suspend(suspend::Args),
    Resume(resume::Args),
    Approve(approve::Args),
    Lock(lock::Args),
    Install(install::Args),
    Uninstall(uninstall::Args),
    Plugin(plugin::Args),
    Completions(completions::Args),
}

/// The whole program but for the worker process.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = reference::command()
        .try_get_matches()
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return say(&error),
    };
    let output = Output::new(cli.global.color.into(), cli.global.verbose > 0);
    telemetry::start(cli.global.verbose, &output);
    let outcome = perform(&cli, &output).unwrap_or_else(|failure| failure.show(&output));
    outcome.into()
}

/// A finding as a person sees it, without colours; for fuzzing.
pub(crate) fn finding(finding: &windlass_core::render::Diagnostic) -> String {
    diagnostics::one(finding, paint::Paint::Plain)
}

fn perform(cli: &Cli, output: &Output) -> Result<Outcome, Failure> {
    match &cli.verb {
        Verb::Render(args) => block_on(render::perform(args, &cli.global, output)),
        Verb::Validate(args) => block_on(validate::perform(args, &cli.global, output)),
        Verb::Diff(args) => block_on(diff::perform(args, &cli.global, output)),
        Verb::Sync(args) => block_on(sync::perform(args, &cli.global, output)),
        Verb::Run(args) => block_on(run::perform(args, &cli.global, output)),
        Verb::Controller(args) => block_on(controller::perform(args, &cli.global, output)),
        Verb::Health(args) => block_on(health::perform(args, &cli.global, output)),
        Verb::Get(args) => block_on(get::perform(args, output)),
        Verb::Tree(args) => block_on(tree::perform(args, output)),
        Verb::Events(args) => block_on(events::perform(args, output)),
        Verb::Reconcile(args) => block_on(reconcile::perform(args, output)),
        Verb::History(args) => history::perform(args, &cli.global, output),
        Verb::Why(args) => why::perform(args, &cli.global, output),
        Verb::Rollback(args) => rollback::perform(args, &cli.global, output),
        Verb::Suspend(args) => suspend::perform(args, &cli.global, output),
        Verb::Resume(args) => resume::perform(args, &cli.global, output),
        Verb::Approve(args) => approve::perform(args, &cli.global, output),
        Verb::Lock(args) => block_on(lock::perform(args, &cli.global, output)),
        Verb::Install(args) => block_on(install::perform(args, output)),
        Verb::Uninstall(args) => block_on(uninstall::perform(args, output)),
        Verb::Plugin(args) => plugin::perform(args, &cli.global, output),
        Verb::Completions(args) => completions::perform(args, output),
    }
}

/// Help and version are no errors; everything else that clap says is one of usage.
fn say(error: &clap::Error) -> ExitCode {
    // A reader that went away has seen what it wanted.
    let _ = error.print();
    if error.use_stderr() {
        Outcome::Usage
    } else {
        Outcome::Done
    }
    .into()
}

/// How long blocking work may go on after a verb ended: what it would write is written beside and renamed, so cutting it off is safe.
const SHUTDOWN: Duration = Duration::from_millis(500);

/// Stack of the engine's threads. Values of 200 levels are read by recursion, and overflow the default of 2 MiB in a debug build;
/// the threat is a manifest that ends the engine for everybody.
const STACK: usize = 16 << 20;

fn block_on<T>(verb: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK)
        .build()
        .map_err(|error| Failure::of_error(&error))?;
    let result = runtime.block_on(verb);
    runtime.shutdown_timeout(SHUTDOWN);
    result
}
