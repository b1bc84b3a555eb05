//! The two streams: what was asked for goes to standard output, everything about it to standard error.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressStyle};
use windlass_core::render::{Diagnostic, Severity, attribute};

use super::{clean, diagnostics, paint::Paint, screen::Screen};

/// `-o` of verbs that print a table, or one value a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    Table,
    Json,
}

/// `-o` of a verb that prints a table unless it is asked for JSON. What its JSON holds, each verb says (`mut_arg`).
#[derive(Debug, clap::Args)]
pub(super) struct Form {
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        default_value = "table",
        hide_default_value = true
    )]
    pub(super) output: Format,
}

/// Standard output and standard error, with what is known about them.
///
/// A reader that goes away (`windlass diff … | head`) is no error: what is written after that is dropped, and the exit code still
/// tells what happened.
#[derive(Debug)]
pub(super) struct Output {
    /// Colours of standard output.
    pub paint: Paint,
    /// Colours of standard error.
    pub error_paint: Paint,
    /// Whether a person reads standard output.
    pub is_terminal: bool,
    /// Whether the user asked for more than what matters.
    pub verbose: bool,
    /// Standard error.
    pub screen: Arc<Screen>,
    closed: AtomicBool,
}

impl Output {
    /// Decides on colours: `choice`, else what the terminal and `NO_COLOR` say.
    #[must_use]
    pub(super) fn new(choice: ColorChoice, verbose: bool) -> Self {
        Self {
            paint: paint(choice, AutoStream::choice(&io::stdout())),
            error_paint: paint(choice, AutoStream::choice(&io::stderr())),
            is_terminal: io::stdout().is_terminal(),
            verbose,
            screen: Arc::new(Screen::new()),
            closed: AtomicBool::new(false),
        }
    }

    /// Writes to standard output what this program composed. Flushes.
    ///
    /// # Errors
    /// When the stream can't take it for another reason than a reader that went away.
    pub(super) fn print(&self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())
    }

    /// Writes to standard output what others composed: as it is into files and pipes, without control characters onto a terminal.
    ///
    /// # Errors
    /// As [`Output::print`].
    pub(super) fn print_foreign(&self, bytes: &[u8]) -> io::Result<()> {
        if self.is_terminal {
            self.bytes(clean::text(&String::from_utf8_lossy(bytes)).as_bytes())
        } else {
            self.bytes(bytes)
        }
    }

    /// Writes a value and a line feed to standard output: one line of JSON.
    ///
    /// # Errors
    /// As [`Output::print`].
    pub(super) fn print_json(&self, value: &impl serde::Serialize) -> io::Result<()> {
        self.json(serde_json::to_string(value)?)
    }

    /// Writes a value and a line feed to standard output: JSON over several lines.
    ///
    /// # Errors
    /// As [`Output::print`].
    pub(super) fn print_pretty_json(&self, value: &impl serde::Serialize) -> io::Result<()> {
        self.json(serde_json::to_string_pretty(value)?)
    }

    fn json(&self, mut text: String) -> io::Result<()> {
        text.push('\n');
        self.bytes(clean::json(&text).as_bytes())
    }

    /// Whether the reader of standard output went away.
    #[must_use]
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Writes to standard error. What fails there can't be told anywhere.
    pub(super) fn note(&self, text: &str) {
        self.screen.write(text);
    }

    /// Writes findings to standard error. When asked for more: those for information, and the stacks of plugins.
    pub(super) fn findings(&self, findings: &[Diagnostic]) {
        for finding in findings.iter().filter(|f| self.verbose || f.severity != Severity::Info) {
            self.note(&format!("{}\n\n", diagnostics::one(finding, self.error_paint)));
            let stack = finding.extra.iter().find(|(key, _)| key == attribute::STACK);
            if let Some((_, stack)) = stack.filter(|_| self.verbose) {
                self.note(&format!("{}\n\n", clean::text(stack.trim_end())));
            }
        }
    }

    /// A line at the bottom of the terminal while something long goes on; gone when dropped. Nothing without a terminal.
    #[must_use]
    pub(super) fn busy(&self, what: &str, steps: u64) -> Busy {
        let bar = self.screen.progress().add(ProgressBar::new(steps));
        let template = if steps > 1 {
            "{spinner} {wide_msg} {pos}/{len} {elapsed}"
        } else {
            "{spinner} {wide_msg} {elapsed}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(what.to_owned());
        bar.enable_steady_tick(TICK);
        Busy(bar)
    }

    fn bytes(&self, bytes: &[u8]) -> io::Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let written = self.screen.progress().suspend(|| {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        });
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed.store(true, Ordering::Relaxed);
                Ok(())
            }
            other => other,
        }
    }
}

/// Between two pictures of a spinner: ten a second looks alive and costs nothing.
const TICK: std::time::Duration = std::time::Duration::from_millis(100);

/// Ends its line when dropped.
#[derive(Debug)]
pub(super) struct Busy(ProgressBar);

impl Busy {
    /// Another step is done.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

const fn paint(wanted: ColorChoice, detected: ColorChoice) -> Paint {
    match (wanted, detected) {
        (ColorChoice::Auto, ColorChoice::Never) | (ColorChoice::Never, _) => Paint::Plain,
        _ => Paint::Colour,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_decides_on_colours_and_the_terminal_else() {
        assert_eq!(paint(ColorChoice::Never, ColorChoice::Always), Paint::Plain);
        assert_eq!(paint(ColorChoice::Always, ColorChoice::Never), Paint::Colour);
        assert_eq!(paint(ColorChoice::Auto, ColorChoice::Never), Paint::Plain);
        assert_eq!(paint(ColorChoice::Auto, ColorChoice::Always), Paint::Colour);
    }
}
