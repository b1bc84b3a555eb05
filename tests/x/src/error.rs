//! What can go wrong in a task, and how a person is told.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::say;

/// Why a task ended early or failed.
#[derive(Debug)]
pub(crate) enum Error {
    /// The operating system refused something.
    Io {
        /// What was tried, as in "read `path`".
        action: String,
        /// Its answer.
        source: io::Error,
    },
    /// A step's command ended unsuccessfully. Its output has been shown already.
    Step {
        /// The step's name.
        name: String,
        /// Where its output is.
        log: PathBuf,
    },
    /// Something that this program can't install by itself is missing.
    Missing {
        /// What.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A file, or the output of a tool, is not as it should be.
    Invalid {
        /// Where: a file, a line, a tool.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The task ran to its end and found failures. They have been shown already.
    Failed,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, .. } => write!(f, "can't {action}"),
            Self::Step { name, log } => write!(f, "step `{name}` failed; its output is in {}", log.display()),
            Self::Missing { what, remedy } => write!(f, "{what}; {remedy}"),
            Self::Invalid { place, problem } => write!(f, "{place}: {problem}"),
            Self::Failed => write!(f, "the task found failures"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl Error {
    /// An [`Error::Io`] for something done to `path`, to be used with `map_err`.
    pub(crate) fn io(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let action = format!("{verb} `{}`", path.display());
        move |source| Self::Io { action, source }
    }

    /// Prints the error with its causes; a failed task has nothing to add to its own last line.
    pub(crate) fn show(&self) {
        if matches!(self, Self::Failed) {
            return;
        }
        let mut text = format!("error: {self}");
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        say::error(&text);
    }
}
