//! The only module that writes to the terminal.

use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Columns assumed when the terminal doesn't tell: the narrowest that terminals start with.
const DEFAULT_COLUMNS: usize = 80;

/// Prints one line, or several, to standard output.
#[cfg(not(test))]
pub(crate) fn line(text: &str) {
    // A reader that went away (`cargo x test | head`) is no reason to stop: the exit code still tells how it ended.
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// In unit tests, the test runner keeps the output to itself unless the test fails.
#[cfg(test)]
#[expect(clippy::print_stdout, reason = "only `println!` is captured by the test runner")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// Prints one line, or several, to standard error.
pub(crate) fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a person watches: progress lines and live tables make sense.
pub(crate) fn on_terminal() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Draws `text` over the previous progress line; only on a terminal.
pub(crate) fn progress(text: &str) {
    if !on_terminal() {
        return;
    }
    let shown: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(columns().saturating_sub(1))
        .collect();
    let mut err = io::stderr().lock();
    let _ = write!(err, "\r\x1b[2K{shown}").and_then(|()| err.flush());
}

/// Removes the progress line, so that an ordinary line can follow.
pub(crate) fn clear_progress() {
    progress("");
}

/// `stty` knows the width, and the standard library doesn't.
fn columns() -> usize {
    static COLUMNS: OnceLock<usize> = OnceLock::new();
    *COLUMNS.get_or_init(|| terminal_columns().unwrap_or(DEFAULT_COLUMNS))
}

fn terminal_columns() -> Option<usize> {
    let output = Command::new("stty")
        .arg("size")
        .stdin(Stdio::inherit())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace()
        .nth(1)?
        .parse()
        .ok()
        .filter(|&columns| columns > 0)
}
