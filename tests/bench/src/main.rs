//! What Windlass costs, measured beside its peers in one run: absolute times of a shared machine say little, ratios do.
//!
//! `cargo x bench` builds plugins and native tools and runs this. Arguments: `--write` keeps what was measured in
//! `tests/bench/REPORT.md`, whose other parts stay, `--only PART` measures less, `--quick` shows that everything works and measures nothing worth
//! keeping; `--apps NUMBER` and `--idle SECONDS` say how many apps the parts on an API server have, and for how long nothing happens there;
//! `--with-flux` measures Flux too, of `WINDLASS_FLUX` (README.md). The other peers are the native tools of `WINDLASS_ORACLES`; without one its
//! ratio is missing. The parts on a real API server start their own from `WINDLASS_CLUSTER_TOOLS`; without it they are empty.

mod arguments;
mod figure;
mod machine;
mod fixtures;
mod renders;
mod seam;
mod plugins;
mod endurance;
mod sources;
mod loops;
mod cluster;
mod report;

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, ExitCode},
};

use arguments::Arguments;
use figure::{Effort, Figure};
use report::Made;

/// A part of the report: its name, its title, and what measures it.
type Part = (&'static str, &'static str, fn(Effort) -> Vec<Figure>);

/// Each runs in a process of its own, so that none finds the memory and the threads of another.
const PARTS: [Part; 15] = [
    ("renders", "A fresh, isolated render", renders::measure),
    ("seam", "The wall between engine and plugins", seam::measure),
    ("plugins", "What a plugin weighs", plugins::measure),
    ("sources", "Git", sources::measure),
    (
        "loop",
        "The loop: 500 apps in one repository of 10,000 files, onto a directory",
        loops::measure,
    ),
    (
        "memory",
        "Memory of the engine: 500 apps of 50 kB objects",
        loops::memory,
    ),
    (
        "cluster",
        "A real API server: 1,000 apps of 4 objects in one repository",
        cluster::measure,
    ),
    (
        "cluster-feedback",
        "A real API server: who is told, who is stuck, whose health turns",
        cluster::feedback::measure,
    ),
    ("cluster-idle", "A real API server: nothing happens", cluster::idle),
    (
        "cluster-memory",
        "A real API server: memory with big objects and many kinds",
        cluster::memory,
    ),
    (
        "controller",
        "The controller: 1,000 Apps of 4 objects, created at once",
        cluster::controller::measure,
    ),
    (
        "controller-idle",
        "The controller: nothing happens to 1,000 Apps",
        cluster::controller::idle,
    ),
    (
        "controller-memory",
        "The controller: memory by the number of Apps",
        cluster::controller::memory,
    ),
    (
        "controller-failover",
        "The controller: one process of several is killed",
        cluster::controller::fail_over,
    ),
    (
        "endurance",
        "Ten thousand renders, one after another",
        endurance::measure,
    ),
];

fn main() -> ExitCode {
    // This program is its own plugin worker, as `windlass` is.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == windlass_host::worker::ARGUMENT)
    {
        return windlass_host::worker::main();
    }
    // And the engine, for what measures it as a process of its own.
    if std::env::var_os(cluster::AS_ENGINE).is_some() {
        return windlass::main();
    }
    let names = PARTS.map(|(name, ..)| name);
    let outcome = Arguments::parse(std::env::args().skip(1), &names).and_then(|arguments| match &arguments.into {
        Some(file) => measure_here(&arguments, file),
        None => measure_all(&arguments),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            say(&message);
            ExitCode::FAILURE
        }
    }
}

/// Measures one part and leaves its figures in a file.
fn measure_here(arguments: &Arguments, file: &Path) -> Result<(), String> {
    let chosen = PARTS.iter().find(|(name, ..)| arguments.wants(name));
    let figures = chosen
        .map(|(_, _, measure)| measure(arguments.effort))
        .unwrap_or_default();
    let text = serde_json::to_vec(&figures).map_err(|e| e.to_string())?;
    fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}

fn measure_all(arguments: &Arguments) -> Result<(), String> {
    if arguments.with_flux && std::env::var_os(cluster::FLUX).is_none() {
        return Err(format!(
            "`--with-flux` wants Flux in {}: `cargo x bench` builds it",
            cluster::FLUX
        ));
    }
    let mut sections = PARTS.map(|(_, title, _)| (title, None));
    for (index, (name, ..)) in PARTS.iter().enumerate().filter(|(_, (name, ..))| arguments.wants(name)) {
        say(&format!("measuring {name} …"));
        let before = machine::load();
        let figures = in_process(name, arguments)?;
        let made = Made {
            command: &arguments.command(),
            before: &before,
        };
        // Without servers there is nothing new to say.
        sections[index].1 = (!figures.is_empty()).then(|| report::section(&made, &figures));
        if arguments.write {
            keep(&sections)?;
        }
    }
    say(&report::page("", &sections));
    Ok(())
}

/// Writes what was measured into the report. After each part: the whole takes an hour.
fn keep(sections: &[(&str, Option<String>)]) -> Result<(), String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/REPORT.md");
    let kept = fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))?;
    fs::write(path, report::page(&kept, sections)).map_err(|e| format!("{path}: {e}"))
}

/// Measures a part in a process of its own.
fn in_process(part: &str, arguments: &Arguments) -> Result<Vec<Figure>, String> {
    let work = tempfile::tempdir().map_err(|e| e.to_string())?;
    let file = work.path().join("figures.json");
    let mut command = Command::new(std::env::current_exe().map_err(|e| e.to_string())?);
    command.args(["--only", part, "--into"]).arg(&file);
    for word in arguments.effort.words() {
        command.args(word.split(' '));
    }
    if !arguments.with_flux {
        command.env_remove(cluster::FLUX);
    }
    let status = command.status().map_err(|e| format!("{part}: {e}"))?;
    if !status.success() {
        return Err(format!("{part}: ended with {status}"));
    }
    let text = fs::read(&file).map_err(|e| format!("{part}: {e}"))?;
    serde_json::from_slice(&text).map_err(|e| format!("{part}: {e}"))
}

fn say(text: &str) {
    // Nobody reads any more: nothing to be done.
    let _ = writeln!(std::io::stdout(), "{text}");
}
