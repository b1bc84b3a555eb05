//! Findings, built step by step.

use crate::{Diagnostic, Failure, FileAt, Location, NotifyFailure, ObjectAt, Severity, Span};

impl Diagnostic {
    /// A finding that keeps a render or a validation from passing.
    ///
    /// `code` is stable, kebab-case and unique in the plugin; `message` says what is wrong in a sentence.
    #[must_use]
    pub fn error(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message.into())
    }

    /// A finding that ought to be looked at.
    #[must_use]
    pub fn warning(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message.into())
    }

    /// A finding that is good to know.
    #[must_use]
    pub fn info(code: &str, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, code, message.into())
    }

    fn new(severity: Severity, code: &str, message: String) -> Self {
        let code = code.to_owned();
        Self {
            severity,
            code,
            message,
            at: Location::None,
            related: Vec::new(),
            help: None,
            extra: Vec::new(),
        }
    }

    /// Where it points.
    #[must_use]
    pub fn at(self, at: Location) -> Self {
        Self { at, ..self }
    }

    /// Another place that explains it, with what is to be seen there.
    #[must_use]
    pub fn related(mut self, at: Location, message: impl Into<String>) -> Self {
        self.related.push((at, message.into()));
        self
    }

    /// What the user can do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Invalid(vec![diagnostic])
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::from(*diagnostic)
    }
}

/// A notifier's failures have no place, so the place goes into the words.
impl From<Box<Diagnostic>> for NotifyFailure {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Self::Rejected(match &diagnostic.at {
            Location::Config(pointer) => format!("config `{pointer}`: {}", diagnostic.message),
            _ => diagnostic.message,
        })
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Invalid(diagnostics)
    }
}

impl Location {
    /// A file of the app's own tree, place unknown.
    #[must_use]
    pub fn file(path: &str) -> Self {
        Self::File(FileAt::new(path))
    }

    /// A place in a file of the app's own tree; see [`Span::point`].
    #[must_use]
    pub fn point(path: &str, line: u32, column: u32) -> Self {
        Self::File(FileAt {
            span: Some(Span::point(line, column)),
            ..FileAt::new(path)
        })
    }

    /// A stretch of a file of the app's own tree.
    #[must_use]
    pub fn span(path: &str, span: Span) -> Self {
        Self::File(FileAt {
            span: Some(span),
            ..FileAt::new(path)
        })
    }

    /// A place in an object, by index and RFC 6901 pointer.
    #[must_use]
    pub fn object(index: u32, pointer: impl Into<String>) -> Self {
        Self::Object(ObjectAt {
            index,
            pointer: pointer.into(),
        })
    }
}

impl FileAt {
    /// A file of the app's own tree, place unknown.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            source: String::new(),
            path: path.to_owned(),
            span: None,
        }
    }
}

impl Span {
    /// A place whose end isn't known. 1-based; columns count UTF-8 bytes; 0 = unknown.
    #[must_use]
    pub const fn point(line: u32, column: u32) -> Self {
        Self {
            line,
            column,
            end_line: 0,
            end_column: 0,
        }
    }

    /// The bytes from `start` to `end` of `text`, as lines and columns.
    ///
    /// Offsets past the end count as the end.
    #[must_use]
    pub fn of(text: &[u8], start: usize, end: usize) -> Self {
        let (line, column) = line_and_column(text, start);
        let (end_line, end_column) = line_and_column(text, end.max(start));
        Self {
            line,
            column,
            end_line,
            end_column,
        }
    }
}

/// 1-based line and byte column of `offset`.
fn line_and_column(text: &[u8], offset: usize) -> (u32, u32) {
    let before = &text[..offset.min(text.len())];
    let line = before.iter().filter(|byte| **byte == b'\n').count();
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
    (number(line), number(before.len() - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnostic_is_built_step_by_step() {
        let diagnostic = Diagnostic::error("bad-import", "`a` doesn't exist")
            .at(Location::point("x.jsonnet", 2, 5))
            .related(Location::file("y.jsonnet"), "imported here")
            .help("create it");
        assert_eq!(diagnostic.severity, Severity::Error);
        assert_eq!(
            diagnostic.related,
            [(Location::file("y.jsonnet"), "imported here".to_owned())]
        );
        assert_eq!(diagnostic.help.as_deref(), Some("create it"));
        assert!(matches!(Failure::from(diagnostic), Failure::Invalid(list) if list.len() == 1));
    }

    #[test]
    fn spans_count_lines_and_bytes_from_one() {
        let text = "ä: 1\nb: 2\n".as_bytes();
        assert_eq!(
            Span::of(text, 0, 2),
            Span {
                line: 1,
                column: 1,
                end_line: 1,
                end_column: 3
            }
        );
        assert_eq!(
            Span::of(text, 6, 7),
            Span {
                line: 2,
                column: 1,
                end_line: 2,
                end_column: 2
            }
        );
        assert_eq!(
            Span::of(text, 99, 99),
            Span {
                line: 3,
                column: 1,
                end_line: 3,
                end_column: 1
            }
        );
        assert_eq!(
            Span::of(b"", 0, 0),
            Span {
                line: 1,
                column: 1,
                end_line: 1,
                end_column: 1
            }
        );
    }
}
