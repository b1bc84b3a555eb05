//! Documents to emit, built step by step.

use crate::{Document, FileAt, Format, Mapping, Span};

impl Document {
    /// YAML: one object, a `List`, or several documents. The host parses; bytes that aren't UTF-8 are its finding.
    #[must_use]
    pub fn yaml(content: impl Into<Vec<u8>>) -> Self {
        Self::new(Format::Yaml, content.into())
    }

    /// JSON: one object or a `List`.
    #[must_use]
    pub fn json(content: impl Into<Vec<u8>>) -> Self {
        Self::new(Format::Json, content.into())
    }

    fn new(format: Format, content: Vec<u8>) -> Self {
        Self {
            format,
            content,
            origin: None,
            lines: Vec::new(),
            attributes: Vec::new(),
        }
    }

    /// It comes from the file `path` of the app's own tree, lines unknown.
    #[must_use]
    pub fn from_file(self, path: &str) -> Self {
        Self {
            origin: Some(FileAt::new(path)),
            ..self
        }
    }

    /// It stands as it is in the file `path` of the app's own tree, its first line being `line` (1-based) there.
    #[must_use]
    pub fn from_lines(self, path: &str, line: u32) -> Self {
        let lines = u32::try_from(self.content.split(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX);
        let whole = |first: u32| Span {
            line: first,
            column: 1,
            end_line: first.saturating_add(lines),
            end_column: 1,
        };
        let origin = FileAt {
            span: Some(whole(line)),
            ..FileAt::new(path)
        };
        Self {
            lines: vec![Mapping {
                output: whole(1),
                origin: origin.clone(),
            }],
            origin: Some(origin),
            ..self
        }
    }

    /// Something more about it, `windlass.dev/role` = `crd` for instance.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: &str) -> Self {
        self.attributes.push((key.to_owned(), value.to_owned()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_copied_document_are_mapped_one_to_one() {
        let document = Document::yaml("a: 1\nb: 2\n")
            .from_lines("x.yaml", 7)
            .attribute("k", "v");
        let [mapping] = &document.lines[..] else {
            panic!("one mapping")
        };
        assert_eq!(
            mapping.output,
            Span {
                line: 1,
                column: 1,
                end_line: 4,
                end_column: 1
            }
        );
        assert_eq!(
            mapping.origin.span,
            Some(Span {
                line: 7,
                column: 1,
                end_line: 10,
                end_column: 1
            })
        );
        assert_eq!(document.origin, Some(mapping.origin.clone()));
        assert_eq!(document.attributes, [("k".to_owned(), "v".to_owned())]);
    }
}
