//! `cargo x fuzz`: every parser under libFuzzer, guided by coverage, for a bounded time.
//!
//! Coverage counters come from LLVM's pass by stable compiler flags, so that no nightly toolchain is needed. Only the parsers
//! are built with them: their profile gets a number of codegen units that nobody else has, which makes Cargo build them apart,
//! and this program, as `RUSTC_WRAPPER`, adds the flags where it sees the number. Wasmtime and the like are taken from the
//! ordinary build.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::args::Fuzz;
use crate::error::Error;
use crate::run::{Session, Step, answer};
use crate::{engine, say, toolchain};

/// Crates that are built with counters: our own, and the parsers they stand on.
const COUNTED: [&str; 9] = [
    "windlass",
    "windlass-build",
    "windlass-core",
    "windlass-fuzz",
    "windlass-host",
    "windlass-source",
    "globset",
    "granit-parser",
    "serde-saphyr",
];

/// Codegen units of a counted crate. The number means nothing but "counted".
const MARK: &str = "codegen-units=61";

/// Set for builds with counters: makes this program a compiler wrapper.
const WRAPPER: &str = "WINDLASS_X_COUNTS";

/// What libFuzzer wants of the compiler (its documentation, "SanitizerCoverage").
const FLAGS: [&str; 5] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Seconds that one input may take before it counts as a find: parsers take milliseconds, a debug build ten times that.
const SLOW: u32 = 10;

/// Megabytes that the process may take before it counts as a find.
const MEMORY: u32 = 2048;

/// Bytes of one input. Longer ones find little more and are slow.
const LENGTH: u32 = 16 << 10;

/// Builds the targets, and runs all of them or those named.
///
/// # Errors
/// When the build fails, a name is unknown, or a target found something.
pub(crate) fn perform(session: &mut Session, options: &Fuzz) -> Result<(), Error> {
    toolchain::fuzz(session)?;
    engine::build(session)?;
    build(session)?;
    let targets = targets(session, &options.only)?;
    let seeds = session.places.fuzz().join("seeds");
    let mut command = session.command(session.places.program("windlass-fuzz"));
    command.arg("seeds").arg(&seeds);
    session.require(Step::new("fuzz seeds", command))?;
    let mut found = false;
    for target in &targets {
        found |= !run(session, target, &seeds.join(target), options.seconds)?;
    }
    session.ledger.show();
    if found { Err(Error::Failed) } else { Ok(()) }
}

fn build(session: &mut Session) -> Result<(), Error> {
    let own = env::current_exe().map_err(Error::io("find", Path::new("this program")))?;
    let mut command = engine::cargo(
        session,
        &[
            "build",
            "--features",
            "windlass-fuzz/libfuzzer",
            "--bin",
            "windlass-libfuzzer",
        ],
    );
    for name in COUNTED {
        command
            .arg("--config")
            .arg(format!("profile.dev.package.{name}.{MARK}"));
    }
    command.env("RUSTC_WRAPPER", own).env(WRAPPER, "1");
    session.require(Step::new("fuzz build", command)).map(drop)
}

/// The names asked for, or all.
fn targets(session: &Session, only: &[String]) -> Result<Vec<String>, Error> {
    let invalid = |problem: String| Error::Invalid {
        place: "windlass-fuzz".to_owned(),
        problem,
    };
    let listed = answer(&mut session.command(session.places.program("windlass-fuzz")));
    let listed = listed.ok_or_else(|| invalid("lists no targets".to_owned()))?;
    let all: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if let Some(unknown) = only.iter().find(|name| !all.contains(&name.as_str())) {
        return Err(invalid(format!("has no target `{unknown}`, but {}", all.join(", "))));
    }
    let wanted = |name: &&str| only.is_empty() || only.iter().any(|one| one == name);
    Ok(all.into_iter().filter(wanted).map(str::to_owned).collect())
}

/// Runs one target; false when it found something.
fn run(session: &mut Session, target: &str, seeds: &Path, seconds: u32) -> Result<bool, Error> {
    let corpus = session.places.fuzz().join("corpus").join(target);
    let finds = session.places.fuzz().join("finds");
    for folder in [&corpus, &finds] {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    let mut command = session.command(session.places.program("windlass-libfuzzer"));
    command
        .env("WINDLASS_FUZZ_TARGET", target)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-timeout={SLOW}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-max_len={LENGTH}"))
        .arg(format!("-artifact_prefix={}/{target}-", finds.display()))
        .args(["-print_final_stats=1", "-reload=0"])
        .arg(&corpus)
        .arg(seeds);
    let outcome = session.run(Step::new(format!("fuzz {target}"), command))?;
    let log = fs::read(&outcome.log).map_err(Error::io("read", &outcome.log))?;
    let log = String::from_utf8_lossy(&log);
    if let Some(summary) = summary(&log) {
        say::line(&format!("        {summary}"));
    }
    if let Some(find) = find(&log) {
        let find = session.places.shown(&find);
        say::line(&format!(
            "        found: {find}\n        run it: cargo run -p windlass-fuzz --bin windlass-fuzz -- {target} {find}\n        keep it: tests/fuzz/seeds/{target}/"
        ));
    }
    Ok(outcome.success)
}

/// Inputs run and coverage reached, out of libFuzzer's own words.
fn summary(log: &str) -> Option<String> {
    let last = |key: &str| {
        let words: Vec<&str> = log.split_whitespace().collect();
        let at = words.iter().rposition(|word| *word == key)?;
        words.get(at + 1).map(|word| (*word).to_owned())
    };
    let units = last("stat::number_of_executed_units:")?;
    Some(format!(
        "{units} inputs, {} edges",
        last("cov:").unwrap_or_else(|| "0".to_owned())
    ))
}

/// The file that libFuzzer wrote.
fn find(log: &str) -> Option<PathBuf> {
    let line = log.lines().find(|line| line.contains("Test unit written to "))?;
    line.rsplit_once("Test unit written to ")
        .map(|(_, path)| PathBuf::from(path.trim()))
}

/// When this program was started as a compiler wrapper: runs the compiler, with counters where the mark is.
pub(crate) fn wrap() -> Option<u8> {
    env::var_os(WRAPPER)?;
    let mut arguments = env::args_os().skip(1);
    let compiler = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    let status = Command::new(compiler).args(counted(arguments)).status();
    Some(status.map_or(1, code))
}

fn counted(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if arguments.iter().any(|argument| argument == MARK) {
        arguments.extend(FLAGS.map(OsString::from));
    }
    arguments
}

fn code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_crates_are_counted() {
        let flags = |arguments: &[&str]| counted(arguments.iter().map(OsString::from).collect()).len();
        assert_eq!(flags(&["--crate-name", "serde", "-C", "codegen-units=16"]), 4);
        assert_eq!(
            flags(&["--crate-name", "windlass_core", "-C", "codegen-units=61"]),
            4 + FLAGS.len()
        );
    }

    #[test]
    fn what_libfuzzer_says_is_understood() {
        let log = "#2 INITED cov: 12 ft: 3\n#9 NEW    cov: 34 ft: 5\nstat::number_of_executed_units: 4711\n";
        assert_eq!(summary(log).as_deref(), Some("4711 inputs, 34 edges"));
        assert_eq!(summary(""), None);
        let log = "x\nartifact_prefix='/f/'; Test unit written to /f/yaml-crash-12\nBase64: eA==\n";
        assert_eq!(find(log), Some(PathBuf::from("/f/yaml-crash-12")));
    }
}
