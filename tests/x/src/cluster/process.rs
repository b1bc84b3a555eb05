//! A process that was recorded by an earlier run of this program: its id may be another's by now.

use std::fs;
use std::process::{Command, Stdio};

use crate::error::Error;

/// A process, told apart from a later one of the same id by its start.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// Of the program.
    pub(super) name: String,
    pub(super) id: u64,
    /// In ticks since the machine's start, as the kernel says it.
    pub(super) started: u64,
}

impl Process {
    /// Whether it is that process, and not one that has ended and waits for its parent to notice.
    pub(super) fn runs(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id));
        let Some((state, started)) = stat.ok().as_deref().and_then(state_and_start) else {
            return false;
        };
        started == self.started && !matches!(state, 'Z' | 'X')
    }

    /// Sends a signal, by its name, if it still runs.
    ///
    /// # Errors
    /// When there is no shell.
    pub(super) fn signal(&self, name: &str) -> Result<(), Error> {
        if !self.runs() {
            return Ok(());
        }
        // The standard library can't, and not every system has the program `kill`; every shell has the command.
        let mut command = Command::new("sh");
        command.args(["-c", r#"kill -s "$1" "$2""#, "kill", name, &self.id.to_string()]);
        // It fails only for a process that has ended meanwhile.
        let sent = command.stdin(Stdio::null()).stderr(Stdio::null()).status();
        sent.map(drop).map_err(|source| Error::Io {
            action: "start `sh`".to_owned(),
            source,
        })
    }

    /// What it holds of memory, in MB; `None` when it has ended.
    pub(super) fn memory(&self) -> Option<u64> {
        if !self.runs() {
            return None;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kilobytes / 1024)
    }
}

/// Fields 3 and 22 of proc(5)'s `stat`. The second, the program's name in parentheses, may hold anything.
fn state_and_start(stat: &str) -> Option<(char, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Duration;

    use super::*;

    fn of(id: u32) -> Process {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        let (_, started) = state_and_start(&stat).unwrap();
        Process {
            name: "sleep".to_owned(),
            id: id.into(),
            started,
        }
    }

    #[test]
    fn a_name_that_looks_like_fields_is_none() {
        let tail = "S 1 1 1 0 -1 0 1 0 0 0 1 2 0 0 20 0 1 0 4711 9 9";
        assert_eq!(state_and_start(&format!("7 (a) R 2) {tail}")), Some(('S', 4711)));
        assert_eq!(state_and_start("7 (a) S 1"), None);
    }

    #[test]
    fn a_signal_reaches_that_process_and_no_other_of_its_id() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = of(child.id());
        assert!(process.runs() && process.memory().is_some());
        let earlier = Process {
            name: process.name.clone(),
            id: process.id,
            started: process.started - 1,
        };
        earlier.signal("KILL").unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(!earlier.runs() && process.runs());
        process.signal("KILL").unwrap();
        while process.runs() {
            thread::sleep(Duration::from_millis(5));
        }
        // Ended, though its parent hasn't looked yet.
        assert!(fs::exists(format!("/proc/{}/stat", child.id())).unwrap());
        child.wait().unwrap();
        process.signal("KILL").unwrap();
    }
}
