//! The named exceptions, `tests/cases/exceptions.json`: differences that are decided, each with its reason.

use serde::Deserialize;

use super::{
    Problem,
    case::{Case, Tool},
    numbers,
};

/// So many may there be: an exception is a promise broken to whoever migrates.
pub const MAX_EXCEPTIONS: usize = 5;

const TABLE: &str = include_str!("../../../cases/exceptions.json");

/// A kind of difference that is no fault.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exception {
    /// In the table.
    pub name: String,
    /// Whose output it is about.
    pub tool: Tool,
    /// Why it stays.
    pub reason: String,
    when: When,
}

/// What both sides must say for an exception to hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum When {
    /// These bytes, exactly.
    Prints { native: String, windlass: String },
    /// Only the plugin fails, with a finding that contains this.
    Refuses(String),
    /// Only in lines that are others the next time the native tool runs.
    NativeIsUnstable,
    /// Only in lines that contain one of these.
    Lines(Vec<String>),
    /// Only in numbers that are the same when read, but for the last of a double's digits; or in cases of tests whose name
    /// starts with this: what they hold is known to differ.
    DigitsOrCases(String),
}

/// What came out, or what was said.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) native: Result<Vec<u8>, String>,
    pub(super) windlass: Result<Vec<u8>, String>,
}

/// The table.
#[derive(Debug)]
pub(super) struct Exceptions(pub(super) Vec<Exception>);

impl Exceptions {
    pub(super) fn read() -> Result<Self, Problem> {
        Self::parse(TABLE)
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let table: Vec<Exception> = serde_json::from_str(text).map_err(|e| format!("exceptions.json: {e}"))?;
        if table.len() > MAX_EXCEPTIONS {
            return Err(format!("exceptions.json: {} exceptions, at most {MAX_EXCEPTIONS}", table.len()).into());
        }
        Ok(Self(table))
    }

    /// The exception that a difference falls under. `again` runs the native tool once more.
    pub(super) fn matching(&self, case: &Case, sides: &Sides, again: impl Fn() -> Option<Vec<u8>>) -> Option<String> {
        let mut of_tool = self.0.iter().filter(|exception| exception.tool == case.tool);
        let found = of_tool.find(|exception| exception.when.holds(&case.name, sides, &again))?;
        Some(found.name.clone())
    }
}

impl When {
    fn holds(&self, case: &str, sides: &Sides, again: &impl Fn() -> Option<Vec<u8>>) -> bool {
        match (self, &sides.native, &sides.windlass) {
            (Self::DigitsOrCases(prefix), _, _) if case.starts_with(prefix.as_str()) => true,
            (Self::DigitsOrCases(_), Ok(n), Ok(w)) => numbers::same_but_for_digits(n, w),
            (Self::Prints { native, windlass }, Ok(n), Ok(w)) => n == native.as_bytes() && w == windlass.as_bytes(),
            (Self::Refuses(text), Ok(_), Err(findings)) => findings.contains(text.as_str()),
            (Self::NativeIsUnstable, Ok(n), Ok(w)) => again().is_some_and(|n2| equal_but_for_changes(n, &n2, w)),
            (Self::Lines(parts), Ok(n), Ok(w)) => {
                equal_but(n, w, |line| parts.iter().any(|part| contains(line, part.as_bytes())))
            }
            _ => false,
        }
    }
}

/// Whether two texts are equal but for lines that differ between two runs of one side.
fn equal_but_for_changes(first: &[u8], second: &[u8], other: &[u8]) -> bool {
    let (first, second, other) = (lines(first), lines(second), lines(other));
    first != second
        && first.len() == second.len()
        && first.len() == other.len()
        && (0..first.len()).all(|i| first[i] == other[i] || first[i] != second[i])
}

/// Whether two texts are equal but for lines that are excused in the first.
fn equal_but(native: &[u8], windlass: &[u8], excused: impl Fn(&[u8]) -> bool) -> bool {
    let (native, windlass) = (lines(native), lines(windlass));
    native.len() == windlass.len() && native.iter().zip(&windlass).all(|(n, w)| n == w || excused(n))
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b'\n').collect()
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    line.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_short_and_gives_reasons() {
        let table = Exceptions::read().unwrap().0;
        assert!(table.len() <= MAX_EXCEPTIONS);
        assert!(table.iter().all(|exception| exception.reason.len() > 40));
        let one = r#"{"name":"a","tool":"helm","reason":"r","when":"native-is-unstable"}"#;
        let many = format!("[{}]", [one; MAX_EXCEPTIONS + 1].join(","));
        assert!(Exceptions::parse(&many).unwrap_err().to_string().contains("at most 5"));
    }

    #[test]
    fn only_what_changes_natively_may_differ() {
        let check = |first: &str, second: &str, other: &str| {
            equal_but_for_changes(first.as_bytes(), second.as_bytes(), other.as_bytes())
        };
        assert!(check("a\nx1\n", "a\nx2\n", "a\nx3\n"));
        assert!(!check("a\nx1\n", "a\nx2\n", "b\nx3\n"));
        assert!(!check("a\nx1\n", "a\nx2\n", "a\nx3\nmore\n"));
        assert!(!check("a\n", "a\n", "b\n"));
    }

    #[test]
    fn only_excused_lines_may_differ() {
        let excused = |line: &[u8]| contains(line, b"base64");
        assert!(equal_but(b"a\nbase64: x", b"a\nbase64: y", excused));
        assert!(!equal_but(b"a\nbase64: x", b"b\nbase64: x", excused));
        assert!(!equal_but(b"a", b"a\nb", excused));
    }
}
