//! Standard error, with lines that stay at its bottom while everything else is written above them.

use std::{
    io::{self, Write as _},
    sync::{Mutex, PoisonError},
};

use console::{Term, measure_text_width, truncate_str};
use indicatif::{MultiProgress, ProgressDrawTarget};

/// Standard error.
#[derive(Debug)]
pub(super) struct Screen {
    /// Spinners of work that ends by itself; hidden when standard error is no terminal.
    progress: MultiProgress,
    bottom: Mutex<Bottom>,
    terminal: Term,
}

/// Lines that stay.
#[derive(Debug, Default)]
struct Bottom {
    wanted: Vec<String>,
    /// Widths of the lines on the screen.
    drawn: Vec<usize>,
    /// Rows and columns when they were drawn.
    size: (u16, u16),
}

/// The terminal shows all of what is between them at once, or ignores them.
const BEGIN: &str = "\u{1b}[?2026h";
const END: &str = "\u{1b}[?2026l";

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            progress: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
            bottom: Mutex::default(),
            terminal: Term::stderr(),
        }
    }

    /// Spinners.
    pub(super) const fn progress(&self) -> &MultiProgress {
        &self.progress
    }

    /// Whether lines can stay at the bottom.
    pub(super) fn is_terminal(&self) -> bool {
        !self.progress.is_hidden()
    }

    /// Writes text of whole lines. What fails here can't be told anywhere.
    pub(super) fn write(&self, text: &str) {
        if text.is_empty() {
            return;
        }
        let mut bottom = self.bottom.lock().unwrap_or_else(PoisonError::into_inner);
        let text = bottom.compose(text, self.terminal.size());
        self.progress.suspend(|| {
            let _ = io::stderr().lock().write_all(text.as_bytes());
        });
    }

    /// Replaces the lines at the bottom. Cut to the terminal: those that do not fit are counted in the last but one.
    pub(super) fn stay(&self, lines: Vec<String>) {
        let mut bottom = self.bottom.lock().unwrap_or_else(PoisonError::into_inner);
        let size = self.terminal.size();
        if bottom.wanted == lines && bottom.size == size {
            return;
        }
        bottom.wanted = lines;
        let text = bottom.compose("", size);
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// The lines at the bottom become ordinary text: the next one is written below them.
    pub(super) fn release(&self) {
        *self.bottom.lock().unwrap_or_else(PoisonError::into_inner) = Bottom::default();
    }
}

impl Bottom {
    /// What moves the screen from what is drawn to `above` and the wanted lines below it. The cursor ends below the last line, at
    /// the left, so that an echoed `^C` moves nothing.
    fn compose(&mut self, above: &str, size: (u16, u16)) -> String {
        if self.drawn.is_empty() && self.wanted.is_empty() {
            return above.to_owned();
        }
        let columns = usize::from(size.1).max(1);
        // A terminal that became narrower has wrapped what it shows.
        let up: usize = self.drawn.iter().map(|width| width.div_ceil(columns).max(1)).sum();
        let lines = fitting(&self.wanted, size);
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        self.size = size;
        let climb = if up > 0 { format!("\u{1b}[{up}A") } else { String::new() };
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        format!("{BEGIN}{climb}\r\u{1b}[J{above}{body}{END}")
    }
}

/// As many lines as there is room for beside the cursor's, each as wide as the terminal at most. The last one always stays.
fn fitting(lines: &[String], (rows, columns): (u16, u16)) -> Vec<String> {
    let room = usize::from(rows).saturating_sub(1).max(2);
    let mut shown: Vec<String> = lines.to_vec();
    if shown.len() > room {
        let hidden = lines.len() - room + 1;
        shown = lines[..room - 2].to_vec();
        shown.push(format!("… {hidden} more"));
        shown.extend(lines.last().cloned());
    }
    let width = usize::from(columns);
    shown
        .iter()
        .map(|line| truncate_str(line, width, "…").into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (1..=count).map(|n| format!("line {n}")).collect()
    }

    #[test]
    fn without_lines_at_the_bottom_text_is_left_alone() {
        assert_eq!(Bottom::default().compose("hello\n", (24, 80)), "hello\n");
    }

    #[test]
    fn text_goes_above_what_stays() {
        let mut bottom = Bottom {
            wanted: lines(2),
            ..Bottom::default()
        };
        assert_eq!(
            bottom.compose("", (24, 80)),
            format!("{BEGIN}\r\u{1b}[Jline 1\nline 2\n{END}")
        );
        assert_eq!(
            bottom.compose("news\n", (24, 80)),
            format!("{BEGIN}\u{1b}[2A\r\u{1b}[Jnews\nline 1\nline 2\n{END}")
        );
    }

    #[test]
    fn a_narrower_terminal_has_wrapped_what_it_shows() {
        let mut bottom = Bottom {
            wanted: lines(1),
            ..Bottom::default()
        };
        bottom.compose("", (24, 80));
        assert!(bottom.compose("", (24, 3)).contains("\u{1b}[2A"));
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        assert_eq!(
            fitting(&lines(9), (6, 80)),
            ["line 1", "line 2", "line 3", "… 5 more", "line 9"]
        );
        assert_eq!(fitting(&lines(5), (6, 80)), lines(5));
        assert_eq!(fitting(&lines(1), (24, 4)), ["lin…"]);
        assert_eq!(fitting(&lines(3), (0, 0)).len(), 2);
    }
}
