//! The GitOps engine: the loop, the targets and the command line.
//!
//! Read in this order: [`reconcile`] is the page on which everything else hangs.
//! ```text
//! commit ─ sources ─▶ revision ─ render ─▶ desired ─ validate ─▶ verdicts
//!                                             │
//!                      target.observe ─▶ live ┴─ diff ─▶ plan ─ guard ─ inventory.intend ─ apply ─ inventory.settle ─▶ report
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod reconcile;
pub mod sources;
pub mod plugins;
mod outbox;
pub mod outgoing;
pub mod notify;
pub mod assess;
pub mod render;
mod settled;
mod holds;
mod rest;
mod record;
mod desk;
pub mod control;
mod alarms;
mod clock;
mod claims;
mod scrutiny;
pub mod leave;
pub mod validate;
pub mod tenants;
pub mod target;
pub mod preview;
pub mod travel;
pub mod apply;
mod attend;
mod fights;
mod health;
mod drift;
mod clusters;
mod rooms;
mod secrets;
mod current;
pub mod reconfigure;
pub mod supply;
mod rollouts;
mod lock;
mod install;
mod added;
mod foreign;
mod controller;
mod hooks;
mod replica;
pub mod state;
pub mod report;
pub mod stop;
mod fault;
pub mod engine;
mod departures;
mod handover;
mod depends;
mod polls;
pub mod run;
pub mod cli;
#[doc(hidden)]
pub mod fuzz;

use std::process::ExitCode;

/// The program: parses the command line, runs it, tells the exit code. The worker process starts here too.
#[must_use]
pub fn main() -> ExitCode {
    windlass_host::memory::give_back();
    if std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == windlass_host::worker::ARGUMENT)
    {
        return windlass_host::worker::main();
    }
    cli::main()
}
