//! The task runner, `cargo x TASK`: what a newcomer types, what CI runs.
//!
//! It uses the standard library only, so that it builds in seconds on a machine that has nothing yet, and it installs
//! or builds what a task lacks, saying so. All output goes through [`say`]; child processes through [`run`].

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod args;
mod demo;
mod test;
mod plugins;
mod lint;
mod bench;
mod diff_native;
mod fuzz;
mod image;
mod engine;
mod go;
mod programs;
mod oracles;
mod cluster;
mod flux;
mod toolchain;
mod inputs;
mod lockfile;
mod places;
mod run;
mod ledger;
mod summary;
mod json;
mod error;
mod say;

use std::process::ExitCode;

use args::{Request, Task};
use run::Session;

/// Everything a task was asked for was done.
const SUCCESS: u8 = 0;
/// Something failed, and was shown.
const FAILURE: u8 = 1;
/// The command line could not be understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    if let Some(code) = fuzz::wrap() {
        return ExitCode::from(code);
    }
    let code = match args::parse(std::env::args().skip(1)) {
        Ok(Request::Help(text)) => {
            say::line(text);
            SUCCESS
        }
        Ok(Request::Run(task)) => perform(&task),
        Err(message) => {
            say::error(&format!("{message}\n\n{}", args::OVERVIEW));
            USAGE
        }
    };
    ExitCode::from(code)
}

fn perform(task: &Task) -> u8 {
    let result = places::Places::find()
        .map(Session::new)
        .and_then(|mut session| match task {
            Task::Demo { once } => demo::perform(&mut session, *once),
            Task::Test => test::perform(&mut session),
            Task::Plugins(selection) => plugins::perform(&mut session, selection),
            Task::Lint => lint::perform(&mut session),
            Task::Bench { arguments } => bench::perform(&mut session, arguments),
            Task::DiffNative { arguments } => diff_native::perform(&mut session, arguments),
            Task::Fuzz(options) => fuzz::perform(&mut session, options),
            Task::Image(asked) => image::perform(&mut session, asked),
            Task::Cluster(asked) => cluster::perform(&mut session, asked),
        });
    match result {
        Ok(()) => SUCCESS,
        Err(error) => {
            error.show();
            FAILURE
        }
    }
}
