//! The last line of `cargo x test`: how many tests passed and failed, over all runners.

use std::fmt;
use std::ops::AddAssign;

/// Counts of tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
}

impl Tally {
    /// Counts what a step printed. A step that failed counts as one failure at least: a test binary that doesn't
    /// compile, or dies, has no failed test to show for it.
    pub(crate) fn of(output: &str, success: bool) -> Self {
        let mut tally = Self::default();
        for line in output.lines() {
            tally += rust(line).unwrap_or_else(|| go(line));
        }
        if !success {
            tally.failed = tally.failed.max(1);
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; …`
fn rust(line: &str) -> Option<Tally> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(word))?;
        part.trim().parse().ok()
    };
    Some(Tally {
        passed: count("passed")?,
        failed: count("failed")?,
    })
}

/// `--- PASS: TestName (0.00s)` of `go test -v`; those of subtests are indented, and part of their test.
fn go(line: &str) -> Tally {
    Tally {
        passed: u64::from(line.starts_with("--- PASS: ")),
        failed: u64::from(line.starts_with("--- FAIL: ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_runners() {
        let rust = "running 2 tests\ntest a ... ok\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s\n\
            test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";
        let go = "=== RUN   TestA\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/sub (0.00s)\n--- FAIL: TestB (0.00s)\nFAIL\n";
        let mut tally = Tally::of(rust, false);
        tally += Tally::of(go, false);
        assert_eq!(tally, Tally { passed: 6, failed: 2 });
        assert_eq!(tally.to_string(), "6 passed, 2 failed");
    }

    #[test]
    fn a_failed_step_without_a_failed_test_counts() {
        assert_eq!(
            Tally::of("error[E0308]: mismatched types", false),
            Tally { passed: 0, failed: 1 }
        );
        assert_eq!(Tally::of("", true), Tally::default());
    }

    #[test]
    fn other_lines_are_not_results() {
        for line in [
            "test result: ok",
            "test result: ok. many passed; 0 failed",
            "  --- PASS: x",
            "passed; 3 failed",
        ] {
            assert_eq!(Tally::of(line, true), Tally::default(), "{line}");
        }
    }
}
