//! What values of a guest's making take in memory, roughly. Worker and engine weigh alike: the worker to end a call in
//! time, the engine because a worker may be compromised.
//!
//! Every value weighs something: a million empty ones are not free.

use windlass_core::{
    render::{Diagnostic, Failure, FileAt, Location, Mapping},
    trace::Query,
};

use crate::protocol::{Assessment, DocumentHead, LogLine};

/// A text with its place in a list.
fn text(text: &str) -> u64 {
    text.len() as u64 + 24
}

fn pairs(pairs: &[(String, String)]) -> u64 {
    pairs.iter().map(|(key, value)| text(key) + text(value)).sum()
}

fn file_at(at: &FileAt) -> u64 {
    text(&at.source) + text(&at.path) + 20
}

fn location(at: &Location) -> u64 {
    match at {
        Location::None | Location::Document { .. } => 8,
        Location::File(at) => file_at(at),
        Location::Object { pointer, .. } | Location::Config { pointer } => text(pointer),
    }
}

/// All of a document but its content.
pub(crate) fn head(head: &DocumentHead) -> u64 {
    let mapping = |mapping: &Mapping| 16 + file_at(&mapping.origin);
    let lines: u64 = head.lines.iter().map(mapping).sum();
    64 + head.origin.as_ref().map_or(0, file_at) + lines + pairs(&head.attributes)
}

/// A finding.
pub(crate) fn diagnostic(finding: &Diagnostic) -> u64 {
    let related: u64 = finding.related.iter().map(|(at, word)| location(at) + text(word)).sum();
    let texts = text(&finding.code) + text(&finding.message) + finding.help.as_deref().map_or(0, text);
    texts + location(&finding.at) + related + pairs(&finding.extra)
}

/// A plugin's answer.
pub(crate) fn failure(failure: &Failure) -> u64 {
    match failure {
        Failure::Invalid(findings) => findings.iter().map(diagnostic).sum(),
        Failure::Unsupported(message) | Failure::Internal(message) => text(message),
        Failure::Other { code, message } => text(code) + text(message),
    }
}

/// A health checker's word on an object.
pub(crate) fn assessment(assessment: &Assessment) -> u64 {
    let Assessment { verdict, at } = assessment;
    text(&verdict.reason) + text(&verdict.message) + at.as_deref().map_or(24, text)
}

/// A line of the log.
pub(crate) fn line(line: &LogLine) -> u64 {
    text(&line.message) + pairs(&line.fields)
}

/// A question in the trace, which keeps it twice: in order, and to find it again.
pub(crate) fn query(query: &Query) -> u64 {
    let texts = match query {
        Query::Stat { tree, path }
        | Query::Canonical { tree, path }
        | Query::Read { tree, path }
        | Query::List { tree, path }
        | Query::Digest { tree, path } => text(tree) + text(path),
        Query::Glob { tree, base, pattern } => text(tree) + text(base) + text(pattern),
        Query::Source { name } | Query::HasApi { name } => text(name),
        _ => 0,
    };
    2 * (64 + texts)
}

#[cfg(test)]
mod tests {
    use windlass_core::render::{Format, Span};

    use super::*;
    use crate::protocol::Level;

    #[test]
    fn empty_values_are_not_free() {
        let empty = vec![(String::new(), String::new()); 100];
        let log = LogLine {
            level: Level::Info,
            message: String::new(),
            fields: empty.clone(),
        };
        assert!(line(&log) >= 100 * 48);
        let mapping = Mapping {
            output: Span::default(),
            origin: FileAt {
                source: String::new(),
                path: String::new(),
                span: None,
            },
        };
        let document = DocumentHead {
            format: Format::Yaml,
            origin: None,
            lines: vec![mapping; 100],
            attributes: empty.clone(),
        };
        assert!(head(&document) >= 100 * (48 + 64));
        let finding = Diagnostic {
            related: vec![(Location::None, String::new()); 100],
            extra: empty,
            ..Diagnostic::error("", "", Location::None)
        };
        assert!(diagnostic(&finding) >= 100 * (48 + 32));
        assert!(failure(&Failure::Invalid(vec![finding])) >= 8000);
        assert!(query(&Query::Path) > 0);
    }
}
