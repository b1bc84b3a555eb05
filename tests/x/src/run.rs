//! Child processes: each is a [`Step`] with a name, a log file, a progress line and an entry in the ledger.

mod output;

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::ledger::{Ledger, Verdict, seconds};
use crate::places::Places;
use crate::say;
use output::Output;

/// How often a child's output is looked at: fluent for a person, nothing for a processor.
const LOOK: Duration = Duration::from_millis(100);
/// Lines of a failed step's output that are repeated on the screen; the log has all of it.
const SHOWN_LINES: usize = 300;

/// What every task works with.
#[derive(Debug)]
pub(crate) struct Session {
    /// Where things are.
    pub(crate) places: Places,
    /// Where the time went.
    pub(crate) ledger: Ledger,
}

/// A command to run under a name.
pub(crate) struct Step {
    name: String,
    command: Command,
    shown: fn(&str) -> bool,
    /// Whether its output is shown once more when it fails.
    repeated: bool,
    silence: Option<Duration>,
}

/// How a step ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// With exit code 0.
    pub(crate) success: bool,
    /// Everything it printed, in order.
    pub(crate) log: PathBuf,
}

impl Step {
    /// Runs `command` quietly: its output is shown only if it fails. `name` also names the log file.
    pub(crate) fn new(name: impl Into<String>, command: Command) -> Self {
        Self {
            name: name.into(),
            command,
            shown: |_| false,
            repeated: true,
            silence: None,
        }
    }

    /// Lets those lines of its output through for which `shown` is true.
    pub(crate) fn showing(mut self, shown: fn(&str) -> bool) -> Self {
        self.shown = shown;
        self
    }

    /// Lets all of its output through: it is what the task is for.
    pub(crate) fn showing_all(mut self) -> Self {
        self.shown = |_| true;
        self.repeated = false;
        self
    }

    /// Ends the command when it prints nothing for that long.
    pub(crate) fn silent_at_most(mut self, silence: Duration) -> Self {
        self.silence = Some(silence);
        self
    }
}

impl Session {
    /// A session with an empty ledger.
    pub(crate) fn new(places: Places) -> Self {
        Self {
            places,
            ledger: Ledger::start(),
        }
    }

    /// A command that runs in the workspace, in the environment that tasks share.
    pub(crate) fn command(&self, program: impl Into<OsString>) -> Command {
        let mut command = Command::new(program.into());
        command
            .current_dir(&self.places.root)
            .env("CARGO_TARGET_DIR", &self.places.target);
        forget_cargo_run(&mut command, &self.places.target);
        command
    }

    /// Runs a step; a command that fails is an outcome, not an error.
    ///
    /// # Errors
    /// When the command can't be started or its log can't be written.
    pub(crate) fn run(&mut self, step: Step) -> Result<Outcome, Error> {
        let (name, repeated) = (step.name.clone(), step.repeated);
        let start = Instant::now();
        let log = self
            .places
            .logs()
            .join(format!("{}.log", name.replace([' ', '/'], "-")));
        let status = watch(step, &log)?;
        let took = start.elapsed();
        let success = status.is_some_and(|status| status.success());
        self.ledger
            .note(&name, took, if success { Verdict::Done } else { Verdict::Failed });
        say::clear_progress();
        if success {
            say::line(&format!("  done  {name} ({})", seconds(took)));
        } else {
            say::line(&format!("FAILED  {name} ({}): {}", seconds(took), ending(status)));
            if repeated {
                show_log(&log, &self.places)?;
            }
        }
        Ok(Outcome { success, log })
    }

    /// Runs a step without which the task makes no sense.
    ///
    /// # Errors
    /// As [`Session::run`], and when the command fails.
    pub(crate) fn require(&mut self, step: Step) -> Result<Outcome, Error> {
        let name = step.name.clone();
        let outcome = self.run(step)?;
        if outcome.success {
            Ok(outcome)
        } else {
            Err(Error::Step { name, log: outcome.log })
        }
    }
}

/// What a command prints to standard output; for short questions to tools. `None` when it fails or is missing.
pub(crate) fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout)
        .ok()
        .map(|text| text.trim_end().to_owned())
}

/// `cargo run` leaves variables that describe this package and make child builds look changed, and a library path of
/// its own toolchain, in which another toolchain would find the wrong libraries.
fn forget_cargo_run(command: &mut Command, target: &Path) {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_BIN_") {
            command.env_remove(&name);
        }
    }
    if let Some(libraries) = env::var_os("LD_LIBRARY_PATH") {
        let foreign = |path: &PathBuf| !path.starts_with(target) && !path.to_string_lossy().contains("/toolchains/");
        match env::join_paths(env::split_paths(&libraries).filter(foreign)) {
            Ok(rest) if !rest.is_empty() => command.env("LD_LIBRARY_PATH", rest),
            _ => command.env_remove("LD_LIBRARY_PATH"),
        };
    }
}

/// Runs the command to its end; `None` when it was ended because it had gone silent.
fn watch(step: Step, log: &Path) -> Result<Option<ExitStatus>, Error> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    let mut child = start(step.command, log)?;
    let mut output = Output::open(&step.name, log, step.shown)?;
    loop {
        let status = child.try_wait().map_err(|source| Error::Io {
            action: format!("wait for {}", step.name),
            source,
        })?;
        output.follow(log)?;
        if status.is_some() {
            output.flush();
            return Ok(status);
        }
        if step.silence.is_some_and(|limit| output.silence() > limit) {
            end(&mut child);
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

fn start(mut command: Command, log: &Path) -> Result<Child, Error> {
    let file = File::create(log).map_err(Error::io("create", log))?;
    let same = file.try_clone().map_err(Error::io("write", log))?;
    let program = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(same)
        .spawn()
        .map_err(|source| Error::Io {
            action: format!("start `{program}`"),
            source,
        })
}

/// Ends a child for good. Both calls fail only when it has ended already.
pub(crate) fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

fn ending(status: Option<ExitStatus>) -> String {
    status.map_or_else(
        || "it had gone silent, and was ended".to_owned(),
        |status| status.to_string(),
    )
}

fn show_log(log: &Path, places: &Places) -> Result<(), Error> {
    let bytes = fs::read(log).map_err(Error::io("read", log))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(SHOWN_LINES);
    if skipped > 0 {
        say::line(&format!("({skipped} lines more in {})", places.shown(log)));
    }
    for line in &lines[skipped..] {
        say::line(line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    fn shell(session: &Session, script: &str) -> Command {
        let mut command = session.command("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_step_keeps_its_output_and_says_how_it_ended() {
        let scratch = Scratch::new("run");
        let mut session = Session::new(scratch.places());
        let command = shell(&session, "echo out; echo err >&2; exit 3");
        let outcome = session.run(Step::new("three", command)).unwrap();
        assert!(!outcome.success);
        assert_eq!(fs::read_to_string(&outcome.log).unwrap(), "out\nerr\n");
        let command = shell(&session, "exit 3");
        assert!(matches!(session.require(Step::new("four", command)), Err(Error::Step { name, .. }) if name == "four"));
    }

    #[test]
    fn a_silent_command_is_ended() {
        let scratch = Scratch::new("silent");
        let mut session = Session::new(scratch.places());
        let command = shell(&session, "echo once; exec sleep 60");
        let step = Step::new("silent", command).silent_at_most(Duration::from_millis(300));
        let start = Instant::now();
        assert!(!session.run(step).unwrap().success);
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn children_do_not_see_what_cargo_run_left() {
        let scratch = Scratch::new("environment");
        let session = Session::new(scratch.places());
        let seen = answer(&mut shell(&session, "env")).unwrap();
        assert!(
            !seen.lines().any(|line| line.starts_with("CARGO_MANIFEST_DIR=")),
            "{seen}"
        );
        assert!(seen.contains(&format!("CARGO_TARGET_DIR={}", session.places.target.display())));
    }
}
