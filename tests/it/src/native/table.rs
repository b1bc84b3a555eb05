//! The table that a person reads.

use std::fmt::Write as _;

use super::{
    exceptions::{Exception, Exceptions},
    verdict::{Row, Verdict},
};

/// What came of a comparison.
#[derive(Debug)]
pub struct Table {
    /// A row a case.
    pub rows: Vec<Row>,
    exceptions: Vec<Exception>,
}

impl Table {
    pub(super) fn new(rows: Vec<Row>, exceptions: &Exceptions) -> Self {
        Self {
            rows,
            exceptions: exceptions.0.clone(),
        }
    }

    /// How many cases gave the same bytes.
    #[must_use]
    pub fn equal(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Equal)
    }

    /// How many cases no side renders.
    #[must_use]
    pub fn both_fail(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::BothFail { .. }))
    }

    /// How many cases differ under no exception.
    #[must_use]
    pub fn differs(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Differs(_)))
    }

    fn count(&self, wanted: impl Fn(&Verdict) -> bool) -> usize {
        self.rows.iter().filter(|row| wanted(&row.verdict)).count()
    }

    /// A line a case, the sums, and the exceptions with their reasons. `verbose`: also how cases differ, and both texts of failures.
    #[must_use]
    pub fn show(&self, verbose: bool) -> String {
        let width = self
            .rows
            .iter()
            .map(|row| row.case.chars().count())
            .max()
            .unwrap_or_default();
        let mut text = String::new();
        for Row { case, tool, verdict } in &self.rows {
            let tool = tool.name();
            let _ = writeln!(text, "{case:width$}  {tool:9}  {}", word(verdict));
            if verbose {
                details(verdict, &mut text);
            }
        }
        text + &self.sums() + &self.named()
    }

    fn sums(&self) -> String {
        let [equal, failed, differs] = [self.equal(), self.both_fail(), self.differs()];
        let excepted = self.rows.len() - equal - failed - differs;
        format!("\nequal {equal}, both fail {failed}, excepted {excepted}, differs {differs}\n")
    }

    fn named(&self) -> String {
        let mut text = String::from("\nexceptions:\n");
        for Exception { name, tool, reason, .. } in &self.exceptions {
            let cases = self.count(|verdict| matches!(verdict, Verdict::Excepted(of) if of == name));
            let _ = writeln!(text, "  {name} ({}, here {cases} times): {reason}", tool.name());
        }
        text
    }
}

fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Equal => "equal".to_owned(),
        Verdict::BothFail { .. } => "both fail".to_owned(),
        Verdict::Excepted(name) => format!("excepted: {name}"),
        Verdict::Differs(_) => "differs".to_owned(),
    }
}

fn details(verdict: &Verdict, text: &mut String) {
    let mut indented = |title: &str, body: &str| {
        for line in body.lines() {
            let _ = writeln!(text, "    {title}{line}");
        }
    };
    match verdict {
        Verdict::BothFail { native, windlass } => {
            indented("native: ", native);
            indented("windlass: ", windlass);
        }
        Verdict::Differs(how) => indented("", how),
        Verdict::Equal | Verdict::Excepted(_) => {}
    }
}
