//! What a child process has written so far: its log file, read as it grows.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::ledger::seconds;
use crate::say;

/// Without a terminal, a sign of life this often: CI systems end jobs that print nothing for some minutes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(60);

/// The log, with what of it is shown while it grows.
pub(super) struct Output<'a> {
    name: &'a str,
    shown: fn(&str) -> bool,
    file: File,
    pending: Vec<u8>,
    last: String,
    start: Instant,
    news: Instant,
    sign: Instant,
}

impl<'a> Output<'a> {
    /// Starts at the beginning of `log`; lets lines through for which `shown` is true.
    pub(super) fn open(name: &'a str, log: &Path, shown: fn(&str) -> bool) -> Result<Self, Error> {
        let file = File::open(log).map_err(Error::io("read", log))?;
        let now = Instant::now();
        Ok(Self {
            name,
            shown,
            file,
            pending: Vec::new(),
            last: String::new(),
            start: now,
            news: now,
            sign: now,
        })
    }

    /// Takes in what is new, and shows that the child lives.
    pub(super) fn follow(&mut self, log: &Path) -> Result<(), Error> {
        let before = self.pending.len();
        self.file
            .read_to_end(&mut self.pending)
            .map_err(Error::io("read", log))?;
        if self.pending.len() > before {
            self.news = Instant::now();
            while let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                self.show(&String::from_utf8_lossy(&line));
            }
        }
        self.sign_of_life();
        Ok(())
    }

    /// Takes in the last line, which may lack its end.
    pub(super) fn flush(&mut self) {
        let rest = std::mem::take(&mut self.pending);
        if !rest.is_empty() {
            self.show(&String::from_utf8_lossy(&rest));
        }
    }

    /// For how long nothing came.
    pub(super) fn silence(&self) -> Duration {
        self.news.elapsed()
    }

    fn show(&mut self, line: &str) {
        let line = line.trim_end();
        if (self.shown)(line) {
            say::clear_progress();
            say::line(line);
        }
        if !line.trim().is_empty() {
            line.trim().clone_into(&mut self.last);
        }
    }

    fn sign_of_life(&mut self) {
        let took = seconds(self.start.elapsed());
        if say::on_terminal() {
            say::progress(&format!("  ....  {} ({took}) {}", self.name, self.last));
        } else if self.sign.elapsed() > SIGN_OF_LIFE {
            self.sign = Instant::now();
            say::line(&format!("  ....  {} ({took}) {}", self.name, self.last));
        }
    }
}
