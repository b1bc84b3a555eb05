//! Findings as a compiler prints them: what, where, the line with a caret, other places, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use windlass_core::render::{Diagnostic, FileAt, Location, Severity, Span, attribute};

use super::{clean, paint::Paint};

/// Columns when the output is no terminal: enough for manifests, little enough for logs.
const WIDTH: usize = 140;

/// Several findings, each with a blank line behind it.
#[cfg(test)]
pub(super) fn all(diagnostics: &[Diagnostic], paint: Paint) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| one(diagnostic, paint) + "\n\n")
        .collect()
}

/// One finding, without a line feed at its end.
#[must_use]
pub(super) fn one(diagnostic: &Diagnostic, paint: Paint) -> String {
    let code = clean::line(&diagnostic.code);
    let message = clean::text(diagnostic.message.trim_end());
    let (first, rest) = message.split_once('\n').unwrap_or((&message, ""));
    let mut title = level(diagnostic.severity).primary_title(first);
    if !code.is_empty() {
        title = title.id(code);
    }
    let mut main = place(Group::with_title(title), diagnostic);
    if !rest.is_empty() {
        main = main.element(Level::NOTE.message(rest));
    }
    if let Some(help) = &diagnostic.help {
        main = main.element(Level::HELP.message(clean::text(help.trim_end())));
    }
    let mut groups = vec![main];
    let rendered = extra(diagnostic, attribute::RENDERED_LINE);
    groups.extend(diagnostic.related.iter().map(|place| related(place, rendered)));
    let renderer = match paint {
        Paint::Plain => Renderer::plain(),
        Paint::Colour => Renderer::styled(),
    };
    renderer.term_width(WIDTH).render(&groups)
}

const fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    }
}

fn place<'a>(group: Group<'a>, diagnostic: &'a Diagnostic) -> Group<'a> {
    at(group, &diagnostic.at, extra(diagnostic, attribute::LINE))
}

/// A place with the line that stands there, where it is known.
fn at<'a>(group: Group<'a>, at: &'a Location, line: Option<&'a str>) -> Group<'a> {
    let spot = match at {
        Location::File(file) => file.span.map(|span| (path(file), span)),
        Location::Document { index, span } => Some((document(*index), *span)),
        _ => None,
    };
    match (spot, line) {
        (Some((name, span)), Some(line)) if span.line > 0 => group.element(snippet(name, span, line)),
        _ => match origin(at) {
            Some(origin) => group.element(origin),
            None => group,
        },
    }
}

fn extra<'a>(diagnostic: &'a Diagnostic, key: &str) -> Option<&'a str> {
    let found = diagnostic.extra.iter().find(|(found, _)| found == key);
    found.map(|(_, value)| value.as_str())
}

fn snippet<'a>(name: String, span: Span, line: &str) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let line = clean::text(line.trim_end_matches(['\n', '\r'])).into_owned();
    let marked = caret(&line, span);
    Snippet::source(line)
        .line_start(span.line as usize)
        .path(name)
        .annotation(AnnotationKind::Primary.span(marked))
}

/// The bytes of the line to mark: the span's; of a point the word that starts there, or one character; the text of the line when
/// no column is known.
fn caret(line: &str, span: Span) -> std::ops::Range<usize> {
    if span.column == 0 {
        let start = line.len() - line.trim_start().len();
        return start..line.trim_end().len().max(start);
    }
    let start = line.floor_char_boundary(span.column as usize - 1);
    let is_word = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let word: usize = line[start..].chars().take_while(is_word).map(char::len_utf8).sum();
    let one = word.max(line[start..].chars().next().map_or(0, char::len_utf8));
    let end = match span.end_line {
        end if end == span.line && span.end_column > span.column => {
            line.floor_char_boundary(span.end_column as usize - 1)
        }
        end if end > span.line => line.trim_end().len(),
        _ => start + one,
    };
    start..end.max(start + one)
}

fn related<'a>((place, label): &'a (Location, String), rendered: Option<&'a str>) -> Group<'a> {
    let group = Group::with_title(Level::NOTE.secondary_title(clean::text(label)));
    let line = rendered.filter(|_| matches!(place, Location::Document { .. }));
    at(group, place, line)
}

fn origin<'a>(at: &Location) -> Option<Origin<'a>> {
    match at {
        Location::None => None,
        Location::File(file) => Some(origin_at(path(file), file.span)),
        Location::Document { index, span } => Some(origin_at(document(*index), Some(*span))),
        Location::Object { index, pointer } => {
            let pointer = clean::line(pointer);
            Some(Origin::path(
                format!("{} {pointer}", document(*index)).trim_end().to_owned(),
            ))
        }
        Location::Config { pointer } => {
            let pointer = clean::line(pointer);
            Some(Origin::path(format!("plugin config {pointer}").trim_end().to_owned()))
        }
    }
}

fn origin_at<'a>(name: String, span: Option<Span>) -> Origin<'a> {
    let mut origin = Origin::path(name);
    if let Some(span) = span.filter(|span| span.line > 0) {
        origin = origin.line(span.line as usize);
        if span.column > 0 {
            origin = origin.char_column(span.column as usize);
        }
    }
    origin
}

fn document(index: u32) -> String {
    format!("rendered document {}", index + 1)
}

/// `path`, or `$SOURCE/path` in a named source, as values files are written.
fn path(file: &FileAt) -> String {
    let path = clean::line(&file.path);
    if file.source.is_empty() {
        path.into_owned()
    } else {
        format!("${}/{path}", clean::line(&file.source))
    }
}

#[cfg(test)]
mod tests;
