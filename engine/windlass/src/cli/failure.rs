//! The one place where errors become what the user sees: a message, its causes, hints and an exit code.

use std::{error::Error, io, path::Path, process::ExitCode};

use windlass_core::{
    config::ConfigError,
    manifest::file_location,
    render::{Diagnostic, Location, attribute},
};

use super::output::Output;
use crate::{
    engine::OpenError,
    stop::{Stop, chain},
};

/// How a run of the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All is as it should be.
    Done = 0,
    /// Something could not be done, an app is not in sync, or something is wrong with what is rendered.
    Failed = 1,
    /// The command line or the configuration is at fault; nothing was tried.
    Usage = 2,
    /// `diff` found changes, `health` something that is on its way, `approve` what waits, or `lock status` a lock that isn't as wanted.
    Pending = 3,
    /// `sync` waited for as long as it may, and an app is still on its way; or the engine of a cluster has not answered.
    TimedOut = 4,
}

impl Outcome {
    /// Every outcome with its meaning, for `--help` and the README.
    pub(super) const ALL: [(Self, &'static str); 5] = [
        (Self::Done, "done, in sync, or nothing to change"),
        (
            Self::Failed,
            "failed, an app is not in sync or degraded, `validate` found errors, or `health` something degraded",
        ),
        (
            Self::Usage,
            "the command line or the configuration is wrong; nothing was tried",
        ),
        (
            Self::Pending,
            "`diff` found changes, `health` something on its way, `approve` what waits, or `lock status` a lock that isn't as CONFIG says",
        ),
        (
            Self::TimedOut,
            "`sync` waited as long as `--timeout` says, and an app is still on its way; or the engine of a cluster has not answered",
        ),
    ];

    /// The number that the shell sees.
    #[must_use]
    pub(super) const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// Why a verb ended early.
#[derive(Debug)]
pub(super) struct Failure {
    outcome: Outcome,
    findings: Vec<Diagnostic>,
}

impl Failure {
    /// The command line is at fault.
    #[must_use]
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::of(Outcome::Usage, message.into())
    }

    /// An error of the command line, with its causes.
    #[must_use]
    pub(super) fn bad_argument(error: &dyn Error) -> Self {
        Self::usage(chain(error))
    }

    /// Something could not be done.
    #[must_use]
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::of(Outcome::Failed, message.into())
    }

    /// Something takes longer than it may.
    #[must_use]
    pub(super) fn late(message: impl Into<String>) -> Self {
        Self::of(Outcome::TimedOut, message.into())
    }

    /// An error with its causes.
    #[must_use]
    pub(super) fn of_error(error: &dyn Error) -> Self {
        Self::failed(chain(error))
    }

    /// A file of the command line can't be read.
    #[must_use]
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::usage(format!("`{}` can't be read: {error}", path.display()))
    }

    /// Everything that is wrong with a configuration file, at its lines.
    #[must_use]
    pub(super) fn config(path: &Path, text: &str, errors: &[ConfigError]) -> Self {
        let finding = |error: &ConfigError| {
            let at = file_location(&path.display().to_string(), error.line, error.column);
            let mut finding = Diagnostic::error("invalid-config", &error.message, at);
            finding.help.clone_from(&error.help);
            if let Some(line) = (error.line as usize)
                .checked_sub(1)
                .and_then(|index| text.lines().nth(index))
            {
                finding.extra.push((attribute::LINE.to_owned(), line.to_owned()));
            }
            finding
        };
        Self {
            outcome: Outcome::Usage,
            findings: errors.iter().map(finding).collect(),
        }
    }

    /// With advice.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(first) = self.findings.first_mut() {
            first.help = Some(hint.into());
        }
        self
    }

    /// With what could have been named instead.
    #[must_use]
    pub(super) fn known<'n>(self, names: impl IntoIterator<Item = &'n str>) -> Self {
        let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
        self.hint(format!("there are {}", names.join(", ")))
    }

    /// Tells it.
    pub(super) fn show(&self, output: &Output) -> Outcome {
        output.findings(&self.findings);
        self.outcome
    }

    fn of(outcome: Outcome, message: String) -> Self {
        Self {
            outcome,
            findings: vec![Diagnostic::error("", message, Location::None)],
        }
    }
}

/// Findings of a render or a plan.
impl From<Vec<Diagnostic>> for Failure {
    fn from(findings: Vec<Diagnostic>) -> Self {
        Self {
            outcome: Outcome::Failed,
            findings,
        }
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        stop.diagnostics.into()
    }
}

/// Standard output refused: a full disk, not a reader that went away.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::failed(format!("standard output can't be written: {error}"))
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let outcome = match error {
            OpenError::NoTarget { .. } => Outcome::Usage,
            OpenError::State(_) | OpenError::Plugins(_) => Outcome::Failed,
        };
        Self::of(outcome, chain(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{diagnostics, paint::Paint};

    #[test]
    fn every_outcome_is_documented_under_its_number() {
        let codes: Vec<u8> = Outcome::ALL.iter().map(|(outcome, _)| outcome.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_configuration_error_shows_its_line() {
        let text = "apiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {name: a}\nspec: {repository: r, pth: x}\n";
        let errors = windlass_core::config::load(text).unwrap_err();
        let failure = Failure::config(Path::new("windlass.yaml"), text, &errors);
        let shown = diagnostics::all(&failure.findings, Paint::Plain);
        assert!(shown.contains(" --> windlass.yaml:4:"), "{shown}");
        assert!(shown.contains("4 | spec: {repository: r, pth: x}"), "{shown}");
        assert!(shown.contains("unknown field `pth`"), "{shown}");
        assert_eq!(failure.outcome, Outcome::Usage);
    }
}
