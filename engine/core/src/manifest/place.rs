//! From a place in a document to the place in the file it was made of.

use super::Manifest;
use crate::{
    render::{Diagnostic, Document, FileAt, Location, Output, Span},
    yaml::{self, Outline},
};

/// Where a line and column of a document come from: the mapped file where the plugin said, else the document's origin
/// without a line (a line of the output is no line of the template).
#[must_use]
pub fn output_location(document: &Document, line: u32, column: u32) -> Location {
    for mapping in &document.lines {
        let end = if mapping.output.end_line == 0 {
            u32::MAX
        } else {
            mapping.output.end_line
        };
        let after_end = line > end || (line == end && mapping.output.end_column <= 1 && end > mapping.output.line);
        if line < mapping.output.line || after_end {
            continue;
        }
        let span = mapping
            .origin
            .span
            .map(|from| shift(from, line - mapping.output.line, column));
        return Location::File(FileAt {
            span,
            ..mapping.origin.clone()
        });
    }
    document
        .origin
        .clone()
        .map_or(Location::None, |origin| Location::File(FileAt { span: None, ..origin }))
}

/// A column moves only on the first line of a mapping that starts in the middle of a line.
const fn shift(from: Span, lines: u32, column: u32) -> Span {
    let column = if lines == 0 && from.column > 1 && column > 0 {
        from.column + column - 1
    } else {
        column
    };
    Span::at(from.line + lines, column)
}

/// A location in a file by path, line and column.
#[must_use]
pub fn file_location(path: &str, line: u32, column: u32) -> Location {
    let span = (line > 0).then(|| Span::at(line, column));
    Location::File(FileAt {
        source: String::new(),
        path: path.to_owned(),
        span,
    })
}

/// Where a field of a manifest stands, in the sources and in what was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file it comes from, with the line where the plugin said so.
    pub at: Location,
    /// In the rendered document.
    pub rendered: Option<Rendered>,
}

/// A place in a rendered document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Index of the document.
    pub document: u32,
    /// From 1.
    pub line: u32,
    /// From 1, in bytes.
    pub column: u32,
    /// The line.
    pub text: String,
}

/// Answers where fields come from. A document is read when it is first asked for and kept until another one is, since its
/// outline takes ten times its bytes: ask in the order of documents.
pub struct Places<'a> {
    output: &'a Output,
    last: Option<(u32, Option<Outline<'a>>)>,
}

impl<'a> Places<'a> {
    /// Of a render's output.
    #[must_use]
    pub const fn new(output: &'a Output) -> Self {
        Self { output, last: None }
    }

    /// Of a field of a manifest, by JSON pointer into the object; of its nearest existing parent where it does not exist.
    pub fn of(&mut self, manifest: &Manifest, pointer: &str) -> Place {
        let at = manifest.origin.clone().map_or(Location::None, Location::File);
        let Some(document) = self.output.documents.get(manifest.document as usize) else {
            return Place { at, rendered: None };
        };
        let Some((line, column)) = self.in_outline(document, manifest, pointer) else {
            return Place { at, rendered: None };
        };
        let lines = content(document).lines();
        let text = lines.skip(line.saturating_sub(1) as usize).map(str::to_owned).next();
        Place {
            at: output_location(document, line, column),
            rendered: Some(Rendered {
                document: manifest.document,
                line,
                column,
                text: text.unwrap_or_default(),
            }),
        }
    }

    fn in_outline(&mut self, document: &'a Document, manifest: &Manifest, pointer: &str) -> Option<(u32, u32)> {
        let outline = self.outline(manifest.document, document)?;
        // The lines of JSON documents are not kept: there is one value.
        let index = outline.starting_at(manifest.within.line).unwrap_or(0);
        // What is no pointer (RFC 6901) names the object.
        let pointer = if pointer.starts_with('/') { pointer } else { "" };
        outline.place(index, &format!("{}{pointer}", manifest.within.pointer()))
    }

    fn outline(&mut self, index: u32, document: &'a Document) -> Option<&Outline<'a>> {
        if self.last.as_ref().is_none_or(|(last, _)| *last != index) {
            self.last = Some((index, Outline::of(content(document))));
        }
        self.last.as_ref()?.1.as_ref()
    }

    /// Where a field of the value that starts at `line` of a document comes from.
    pub(super) fn in_document(&mut self, index: usize, line: u32, pointer: &str) -> Location {
        let Some(document) = self.output.documents.get(index) else {
            return Location::None;
        };
        let found = self.outline(yaml::narrow(index as u64), document).and_then(|outline| {
            let value = outline.starting_at(line).unwrap_or(0);
            outline.place(value, pointer)
        });
        let (line, column) = found.unwrap_or((line, 1));
        output_location(document, line, column)
    }

    /// A plugin's finding about a document it emitted becomes one about the file behind it.
    pub(super) fn resolve(&mut self, mut diagnostic: Diagnostic) -> Diagnostic {
        diagnostic.at = self.resolve_location(diagnostic.at);
        for (at, _) in &mut diagnostic.related {
            *at = self.resolve_location(std::mem::take(at));
        }
        diagnostic
    }

    fn resolve_location(&mut self, at: Location) -> Location {
        match at {
            Location::Object { index, pointer } => self.in_document(index as usize, 1, &pointer),
            other => other,
        }
    }
}

/// The text of a document that was read well; of another one nothing.
fn content(document: &Document) -> &str {
    let text = std::str::from_utf8(&document.content).unwrap_or_default();
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Where a field of a manifest comes from: [`Places::of`] for one question.
#[must_use]
pub fn place_of(manifest: &Manifest, output: &Output, pointer: &str) -> Location {
    Places::new(output).of(manifest, pointer).at
}

/// Where the document's value that starts at `line` comes from.
pub(super) fn origin(document: &Document, line: u32) -> Option<FileAt> {
    match output_location(document, line, 1) {
        Location::File(file) => Some(file),
        _ => document.origin.clone(),
    }
}
