//! The `windlass run` process of the demo, followed line by line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::cycle::Cycle;
use crate::error::Error;
use crate::run::end;
use crate::say;

/// How long the process may take to end when asked to.
const GRACE: Duration = Duration::from_secs(10);

/// A running process; ended with the value.
pub(super) struct Engine {
    child: Child,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Engine {
    /// Starts `windlass run -o json`; what it writes to standard error goes to a log file.
    pub(super) fn start(mut command: Command, logs: &Path) -> Result<Self, Error> {
        let log = logs.join("windlass-run.log");
        fs::create_dir_all(logs).map_err(Error::io("create", logs))?;
        let file = File::create(&log).map_err(Error::io("create", &log))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let start = |source| Error::Io {
            action: "start `windlass`".to_owned(),
            source,
        };
        let mut child = command.spawn().map_err(start)?;
        let output = child
            .stdout
            .take()
            .ok_or_else(|| start(std::io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self {
            child,
            lines: follow(output),
            log,
        })
    }

    /// Waits until every app has reported about `commit`, and returns the first report of each: what the commit did.
    /// Shows each line as it comes.
    pub(super) fn cycles(
        &mut self,
        commit: &str,
        apps: &[&str],
        limit: Duration,
    ) -> Result<BTreeMap<String, Cycle>, Error> {
        let deadline = Instant::now() + limit;
        let mut seen = BTreeMap::new();
        while apps.iter().any(|app| !seen.contains_key(*app)) {
            let cycle = self.next(deadline, || {
                let missing: Vec<&str> = apps.iter().copied().filter(|app| !seen.contains_key(*app)).collect();
                format!(
                    "no report about {commit} of {} within {} s",
                    missing.join(", "),
                    limit.as_secs()
                )
            })?;
            if cycle.revision.as_deref() == Some(commit) && !seen.contains_key(&cycle.app) {
                say::line(&cycle.to_string());
                seen.insert(cycle.app.clone(), cycle);
            }
        }
        Ok(seen)
    }

    /// Ends the process as a service manager would.
    pub(super) fn stop(mut self) -> Result<(), Error> {
        // The standard library can only kill; `kill` is on every system that runs this.
        let asked = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        asked.map_err(|source| Error::Io {
            action: "start `kill`".to_owned(),
            source,
        })?;
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if self
                .child
                .try_wait()
                .map_err(Error::io("wait for", Path::new("windlass")))?
                .is_some()
            {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(self.failure("it didn't end when asked to"))
    }

    fn next(&mut self, deadline: Instant, late: impl FnOnce() -> String) -> Result<Cycle, Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => Cycle::parse(&line).map_err(|problem| self.failure(&format!("{problem}, in the line {line}"))),
            Err(RecvTimeoutError::Timeout) => Err(self.failure(&late())),
            Err(RecvTimeoutError::Disconnected) => Err(self.failure("it ended")),
        }
    }

    /// An error with what the process had to say.
    fn failure(&self, problem: &str) -> Error {
        let said = fs::read(&self.log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        Error::Invalid {
            place: "windlass run".to_owned(),
            problem: format!("{problem}\n{}", said.trim_end()),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Reads lines on a thread of its own, so that waiting for one can have a limit.
fn follow(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let lines = BufReader::new(output).lines();
        // Ends with the process, or when nobody waits any more.
        for line in lines.map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    fn engine(scratch: &Scratch, script: &str) -> Engine {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Engine::start(command, &scratch.places().logs()).unwrap()
    }

    fn line(app: &str, revision: &str, created: u32) -> String {
        format!(
            r#"echo '{{"app":"{app}","revision":"{revision}","render":"fresh","calls":1,"changes":{{"created":{created},"configured":0,"unchanged":0,"deleted":0,"skipped":0}},"health":"healthy","diagnostics":[]}}'; "#
        )
    }

    #[test]
    fn takes_the_first_report_of_each_app_about_the_commit() {
        let scratch = Scratch::new("cycles");
        let script = [
            line("a", "old", 9),
            line("a", "new", 1),
            line("a", "new", 0),
            line("b", "new", 2),
        ]
        .concat();
        let mut engine = engine(&scratch, &(script + "exec sleep 60"));
        let cycles = engine.cycles("new", &["a", "b"], Duration::from_secs(20)).unwrap();
        assert_eq!((cycles["a"].changes.created, cycles["b"].changes.created), (1, 2));
        engine.stop().unwrap();
    }

    #[test]
    fn says_why_no_report_comes() {
        let scratch = Scratch::new("no-cycles");
        let mut ended = engine(&scratch, "echo 'no such repository' >&2; exit 1");
        let message = ended
            .cycles("new", &["a"], Duration::from_secs(20))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("it ended") && message.contains("no such repository"),
            "{message}"
        );
        let mut silent = engine(&scratch, "exec sleep 60");
        let message = silent
            .cycles("new", &["a"], Duration::from_millis(50))
            .unwrap_err()
            .to_string();
        assert!(message.contains("no report about new of a"), "{message}");
        let mut odd = engine(&scratch, "echo '{}'; exec sleep 60");
        let message = odd
            .cycles("new", &["a"], Duration::from_secs(20))
            .unwrap_err()
            .to_string();
        assert!(message.contains("no field `changes`"), "{message}");
    }
}
