//! Why a cycle ended early: every stage's error becomes diagnostics here, and nowhere else.

use std::error::Error;

use windlass_core::{
    guard::Held,
    render::{Diagnostic, Location},
};

use crate::{
    report::Health,
    state::StateError,
    target::{DirectoryError, TargetError},
};

/// Ends a cycle. What was on the target is still there.
#[derive(Debug, Clone, PartialEq)]
pub struct Stop {
    /// What the app's line says.
    pub health: Health,
    /// All that is known of why.
    pub diagnostics: Vec<Diagnostic>,
}

impl Stop {
    /// A failure with its findings.
    #[must_use]
    pub const fn failed(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            health: Health::Failed,
            diagnostics,
        }
    }

    /// A failure by one error: its sentence and, after colons, those of its causes.
    #[must_use]
    pub fn of(code: &str, error: &dyn Error) -> Self {
        Self::failed(vec![Diagnostic::error(code, chain(error), Location::None)])
    }

    /// A plan waits for somebody or for a window, and nothing was applied before; the report says it already.
    #[must_use]
    pub(crate) const fn held() -> Self {
        Self {
            health: Health::Held,
            diagnostics: Vec::new(),
        }
    }

    /// The configuration says something else of the App by now: nothing is done for what it said.
    #[must_use]
    pub(crate) const fn outdated() -> Self {
        Self {
            health: Health::Progressing,
            diagnostics: Vec::new(),
        }
    }

    /// The same, said of something: `at v1: …`.
    #[must_use]
    pub fn context(mut self, of: &str) -> Self {
        for diagnostic in &mut self.diagnostics {
            diagnostic.message = format!("{of}: {}", diagnostic.message);
        }
        self
    }

    /// With advice on the first finding.
    #[must_use]
    pub fn help(mut self, help: &str) -> Self {
        if let Some(first) = self.diagnostics.first_mut() {
            first.help = Some(help.to_owned());
        }
        self
    }
}

/// An error's sentence and those of its causes.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let sentence = next.to_string();
        // Some libraries repeat their cause in their own sentence.
        if !text.contains(&sentence) {
            text.push_str(": ");
            text.push_str(&sentence);
        }
        cause = next.source();
    }
    text
}

impl From<Held> for Stop {
    fn from(held: Held) -> Self {
        let code = match held {
            Held::EmptyRender { .. } => "empty-render",
            Held::MassDelete { .. } => "mass-delete",
        };
        let diagnostic = Diagnostic::error(code, held.to_string(), Location::None).with_help(held.help());
        Self {
            health: Health::Held,
            diagnostics: vec![diagnostic],
        }
    }
}

impl From<StateError> for Stop {
    fn from(error: StateError) -> Self {
        Self::of("state", &error)
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Self {
        Self::of("target", &error)
    }
}

impl From<DirectoryError> for Stop {
    fn from(error: DirectoryError) -> Self {
        Self::of("target", &error)
    }
}
