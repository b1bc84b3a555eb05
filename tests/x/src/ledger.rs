//! Where the time went.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::say;

/// The steps of a task with their durations, in the order in which they ran.
#[derive(Debug)]
pub(crate) struct Ledger {
    start: Instant,
    entries: Vec<Entry>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It did what it should.
    Done,
    /// There was nothing to do: the result of an earlier run holds.
    Unchanged,
    /// It failed.
    Failed,
}

#[derive(Debug)]
struct Entry {
    name: String,
    took: Duration,
    verdict: Verdict,
}

impl Ledger {
    /// An empty ledger; the total counts from here.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            entries: Vec::new(),
        }
    }

    /// Adds a step.
    pub(crate) fn note(&mut self, name: &str, took: Duration, verdict: Verdict) {
        self.entries.push(Entry {
            name: name.to_owned(),
            took,
            verdict,
        });
    }

    /// Prints the table.
    pub(crate) fn show(&self) {
        say::line(&format!("\nWhere the time went\n{}", self.table(self.start.elapsed())));
    }

    fn table(&self, total: Duration) -> String {
        let rows = self
            .entries
            .iter()
            .map(|entry| (entry.name.as_str(), entry.took, word(entry.verdict)));
        let rows: Vec<_> = rows.chain([("total", total, "")]).collect();
        let names = rows
            .iter()
            .map(|(name, ..)| name.chars().count())
            .max()
            .unwrap_or_default();
        let times = rows
            .iter()
            .map(|(_, took, _)| seconds(*took).len())
            .max()
            .unwrap_or_default();
        let mut table = String::new();
        for (name, took, word) in rows {
            let row = format!("  {name:<names$}  {:>times$}  {word}", seconds(took));
            // Writing to a string can't fail.
            let _ = writeln!(table, "{}", row.trim_end());
        }
        table.trim_end_matches('\n').to_owned()
    }
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Done => "",
        Verdict::Unchanged => "unchanged",
        Verdict::Failed => "FAILED",
    }
}

/// `12.3 s`, or from ten minutes on `12 min 30 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 600 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_aligned_and_names_failures() {
        let mut ledger = Ledger::start();
        ledger.note("build", Duration::from_millis(61_250), Verdict::Done);
        ledger.note("plugin helm", Duration::from_millis(20), Verdict::Unchanged);
        ledger.note("lint", Duration::from_secs(3), Verdict::Failed);
        let expected = "  build        61.2 s\n  plugin helm   0.0 s  unchanged\n  lint          3.0 s  FAILED\n  total        64.3 s";
        assert_eq!(ledger.table(Duration::from_millis(64_300)), expected);
    }

    #[test]
    fn long_times_are_in_minutes() {
        assert_eq!(seconds(Duration::from_secs(599)), "599.0 s");
        assert_eq!(seconds(Duration::from_secs(754)), "12 min 34 s");
    }
}
