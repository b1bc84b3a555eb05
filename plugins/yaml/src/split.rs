//! Cuts a YAML stream into documents, so that each is emitted with its own first line.
//!
//! By the specification (YAML 1.2.2, § 9.1), a line that begins with `---` or `...` followed by white space or its
//! end is a marker wherever it stands, even inside a scalar; so no parser is needed to cut. In a block scalar such
//! a line is always indented.

/// A document, or at least something that the parser is to judge.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// The text, marker and directives included.
    pub(crate) text: &'a str,
    /// Its first line in the file, 1-based.
    pub(crate) line: u32,
}

/// Where the cutter stands.
#[derive(Clone, Copy)]
enum State {
    /// Before a document: comments and `%` directives, which belong to the document that follows.
    Prefix { directives: bool },
    /// In a document.
    Body { content: bool },
}

/// The documents of `stream` that hold more than comments.
pub(crate) fn documents(stream: &str) -> Vec<Piece<'_>> {
    let mut cutter = Cutter {
        stream,
        start: 0,
        line: 1,
        state: State::Prefix { directives: false },
        pieces: Vec::new(),
    };
    let mut offset = 0;
    for (number, line) in (1..).zip(stream.split_inclusive('\n')) {
        cutter.take(line, number, offset);
        offset += line.len();
    }
    cutter.cut(stream.len());
    cutter.pieces
}

struct Cutter<'a> {
    stream: &'a str,
    /// Offset and line at which the piece at hand begins.
    start: usize,
    line: u32,
    state: State,
    pieces: Vec<Piece<'a>>,
}

impl Cutter<'_> {
    fn take(&mut self, line: &str, number: u32, offset: usize) {
        if let Some(rest) = after_marker(line, "---") {
            if !matches!(self.state, State::Prefix { directives: true }) {
                self.cut(offset);
                (self.start, self.line) = (offset, number);
            }
            self.state = State::Body {
                content: has_content(rest),
            };
        } else if after_marker(line, "...").is_some() {
            self.cut(offset);
            (self.start, self.line) = (offset + line.len(), number + 1);
            self.state = State::Prefix { directives: false };
        } else if has_content(line) {
            self.state = match self.state {
                State::Prefix { .. } if line.starts_with('%') => State::Prefix { directives: true },
                _ => State::Body { content: true },
            };
        }
    }

    /// Ends the piece at hand at `end` and keeps it when it holds something.
    fn cut(&mut self, end: usize) {
        let holds = match self.state {
            State::Prefix { directives } => directives,
            State::Body { content } => content,
        };
        if holds {
            self.pieces.push(Piece {
                text: &self.stream[self.start..end],
                line: self.line,
            });
        }
    }
}

/// What follows `marker` when `line` is one.
fn after_marker<'a>(line: &'a str, marker: &str) -> Option<&'a str> {
    line.strip_prefix(marker)
        .filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether there is more than YAML's white space and a comment. Unicode's other spaces are content.
fn has_content(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    !text.is_empty() && !text.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stream: &str, expected: &[(u32, &str)]) {
        let found: Vec<(u32, &str)> = documents(stream).iter().map(|piece| (piece.line, piece.text)).collect();
        assert_eq!(found, expected, "{stream:?}");
    }

    #[test]
    fn one_document_needs_no_marker() {
        check("a: 1\n", &[(1, "a: 1\n")]);
        check("# why\n\na: 1", &[(1, "# why\n\na: 1")]);
    }

    #[test]
    fn markers_separate_and_stay_with_what_follows() {
        check(
            "a: 1\n---\nb: 2\n--- # third\nc: 3",
            &[(1, "a: 1\n"), (2, "---\nb: 2\n"), (4, "--- # third\nc: 3")],
        );
        check(
            "--- {a: 1}\n--- |\n text\n",
            &[(1, "--- {a: 1}\n"), (2, "--- |\n text\n")],
        );
    }

    #[test]
    fn empty_and_comment_only_documents_are_dropped() {
        check("", &[]);
        check("---\n---\n# nothing\n---\n \t\n...\n", &[]);
        check("# head\n---\na: 1\n---\n# tail\n", &[(2, "---\na: 1\n")]);
        check("\u{a0}\n", &[(1, "\u{a0}\n")]);
    }

    #[test]
    fn an_end_marker_begins_a_new_prefix() {
        check("a: 1\n...\n# note\nb: 2\n", &[(1, "a: 1\n"), (3, "# note\nb: 2\n")]);
        check("a: 1\n...\n---\nb: 2\n", &[(1, "a: 1\n"), (3, "---\nb: 2\n")]);
    }

    #[test]
    fn directives_belong_to_the_next_document() {
        check("%YAML 1.2\n---\na: 1\n", &[(1, "%YAML 1.2\n---\na: 1\n")]);
        check(
            "a: 1\n...\n%TAG ! !x\n---\nb: 2\n",
            &[(1, "a: 1\n"), (3, "%TAG ! !x\n---\nb: 2\n")],
        );
        check("a: 1\n%b: 2\n---\nc: 3\n", &[(1, "a: 1\n%b: 2\n"), (3, "---\nc: 3\n")]);
        // A directive without a document is an error that the parser tells.
        check("%YAML 1.2\n", &[(1, "%YAML 1.2\n")]);
    }

    #[test]
    fn an_indented_or_longer_dash_line_is_text() {
        check("a: |\n  ---\n  b\n", &[(1, "a: |\n  ---\n  b\n")]);
        check("a: |\n  -----BEGIN-----\n", &[(1, "a: |\n  -----BEGIN-----\n")]);
        check("---a: 1\n----\n....\n", &[(1, "---a: 1\n----\n....\n")]);
        check("- -\n--- \n- 2\n", &[(1, "- -\n"), (2, "--- \n- 2\n")]);
    }

    #[test]
    fn a_marker_inside_a_scalar_at_the_margin_is_a_marker() {
        check("--- |\nline\n---\nb: 1\n", &[(1, "--- |\nline\n"), (3, "---\nb: 1\n")]);
    }

    #[test]
    fn windows_line_ends_are_kept() {
        check(
            "a: 1\r\n---\r\nb: 2\r\n---\r\n",
            &[(1, "a: 1\r\n"), (2, "---\r\nb: 2\r\n")],
        );
    }
}
