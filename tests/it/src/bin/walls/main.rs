//! An intruder: stands where a plugin that broke out of WebAssembly would stand, with all that native code can do, and tries.
//!
//! `walls worker …` is a worker of the engine with the intruder inside, `walls landlock …` stands behind the file-system
//! wall alone. A line an attempt goes to standard error, the control attempts, which must succeed, among them.

#![allow(
    unsafe_code,
    clippy::macro_metavars_in_unsafe,
    reason = "system calls as an attacker's machine code makes them: the libraries don't offer most of them"
)]

mod attempts;
mod descriptors;
mod files;
mod kernel;
mod network;
mod processes;

use std::process::ExitCode;

use attempts::{Table, Target};
use windlass_host::{
    sandbox::{Duty, enter},
    worker,
};

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("worker") => worker::main_with(intrude),
        Some("landlock") => landlock(),
        _ => ExitCode::FAILURE,
    }
}

/// Behind all walls, in a worker of the engine: the environment, arguments and descriptors are those of every worker.
fn intrude(duty: Duty) {
    let (mut table, target) = (Table::default(), Target::from_arguments());
    attempts::environment(&mut table);
    descriptors::inherited(&mut table);
    files::all(&mut table, &target);
    network::all(&mut table, &target);
    processes::all(&mut table, &target);
    kernel::all(&mut table);
    attempts::memory(&mut table);
    attempts::threads(&mut table, duty);
    table.write();
    // The engine is to see this worker die: its last words are the table.
    std::process::abort();
}

/// Without the filter of system calls: what stands when only one wall does.
fn landlock() -> ExitCode {
    let (mut table, target) = (Table::default(), Target::from_arguments());
    let walls = enter(512 << 20);
    table.note("landlock stands", walls.landlock);
    files::opened(&mut table, &target);
    network::connected(&mut table, &target);
    processes::signalled(&mut table, &target);
    kernel::privileged(&mut table);
    table.write();
    ExitCode::SUCCESS
}
