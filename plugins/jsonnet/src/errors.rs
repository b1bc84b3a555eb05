//! The evaluator's errors as diagnostics: the message, the place, and the stack as related places.

use std::collections::HashMap;

use rsjsonnet_lang::program::{EvalError, EvalErrorKind, EvalStackTraceItem, LoadError};
use rsjsonnet_lang::span::{SpanContextId, SpanId, SpanManager};
use windlass_sdk::{Diagnostic, Location, Span};

use crate::{messages, standard, syntax};

/// Frames shown: the innermost tell what went wrong, the outermost how one got there. An overflow has hundreds.
const INNER_FRAMES: usize = 12;
const OUTER_FRAMES: usize = 4;

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file, by its path in the tree.
    File(String),
    /// A value of the config, by its pointer.
    Config(String),
}

impl Origin {
    /// What `std.thisFile` says.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.clone(),
            Self::Config(pointer) => format!("<config {pointer}>"),
        }
    }
}

/// The texts that spans lie in, as the user wrote them. The standard library's isn't here: its places help nobody.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    by_context: HashMap<SpanContextId, (Origin, Vec<u8>)>,
}

impl Sources {
    /// Keeps `text`, to which spans of `context` point.
    pub(crate) fn add(&mut self, context: SpanContextId, origin: Origin, text: Vec<u8>) {
        self.by_context.insert(context, (origin, text));
    }

    /// The path of the file that `span` lies in.
    pub(crate) fn file_of(&self, spans: &SpanManager, span: SpanId) -> Option<String> {
        match self.by_context.get(&spans.get_span(span).0) {
            Some((Origin::File(path), _)) => Some(path.clone()),
            _ => None,
        }
    }

    fn locate(&self, spans: &SpanManager, span: SpanId) -> Option<Location> {
        let (context, start, end) = spans.get_span(span);
        // Programs are read with a prefix that is none of the user's.
        let (start, end) = (own_offset(start), own_offset(end));
        self.by_context.get(&context).map(|(origin, text)| match origin {
            Origin::File(path) => Location::span(path, Span::of(text, start, end)),
            Origin::Config(pointer) => Location::Config(pointer.clone()),
        })
    }
}

/// An offset in a program as the user wrote it.
const fn own_offset(offset: usize) -> usize {
    offset.saturating_sub(standard::PREFIX.len())
}

/// A text that can't be read as Jsonnet.
pub(crate) fn load(error: &LoadError, spans: &SpanManager, sources: &Sources) -> Box<Diagnostic> {
    let (span, message) = syntax::describe(error);
    let at = sources.locate(spans, span).unwrap_or(Location::None);
    let mut diagnostic = Diagnostic::error("jsonnet-syntax", message).at(at);
    if let Some((earlier, message)) = syntax::related(error) {
        diagnostic = diagnostic.related(sources.locate(spans, earlier).unwrap_or(Location::None), message);
    }
    Box::new(diagnostic)
}

/// A program that fails; `cause` is why, when an import or a native function did.
pub(crate) fn evaluation(
    error: &EvalError,
    cause: Option<Box<Diagnostic>>,
    spans: &SpanManager,
    sources: &Sources,
) -> Box<Diagnostic> {
    let mut frames: Vec<(Location, String)> = error
        .stack_trace
        .iter()
        .rev()
        .filter_map(|item| frame(item).and_then(|(span, words)| Some((sources.locate(spans, span)?, words))))
        .collect();
    frames.dedup();
    let own = messages::span(&error.kind).and_then(|span| sources.locate(spans, span));
    let mut diagnostic = match (&error.kind, cause) {
        (EvalErrorKind::ImportFailed { .. }, Some(cause)) => failed_import(*cause, own, &mut frames),
        (EvalErrorKind::NativeCallFailed, Some(cause)) => at_innermost(*cause, &frames),
        (kind, _) => {
            let at = own
                .or_else(|| frames.first().map(|(at, _)| at.clone()))
                .unwrap_or(Location::None);
            let diagnostic = Diagnostic::error(messages::code(kind), messages::describe(kind)).at(at);
            if let Some(help) = messages::help(error) {
                diagnostic.help(help)
            } else {
                diagnostic
            }
        }
    };
    diagnostic.related.extend(shorten(frames));
    Box::new(diagnostic)
}

/// The cause at its own place when it has one (a file that doesn't parse), else at the `import`.
fn failed_import(cause: Diagnostic, own: Option<Location>, frames: &mut Vec<(Location, String)>) -> Diagnostic {
    match (cause.at == Location::None, own) {
        (true, own) => cause.at(own.unwrap_or(Location::None)),
        (false, Some(own)) => {
            frames.insert(0, (own, "imported here".to_owned()));
            cause
        }
        (false, None) => cause,
    }
}

/// What a native function said, at the place that called it.
fn at_innermost(cause: Diagnostic, frames: &[(Location, String)]) -> Diagnostic {
    let place = frames.first().map(|(at, _)| at.clone());
    cause.at(place.unwrap_or(Location::None))
}

fn shorten(mut frames: Vec<(Location, String)>) -> Vec<(Location, String)> {
    if frames.len() > INNER_FRAMES + OUTER_FRAMES {
        let left_out = frames.len() - INNER_FRAMES - OUTER_FRAMES;
        let note = (Location::None, format!("({left_out} more frames)"));
        frames.splice(INNER_FRAMES..frames.len() - OUTER_FRAMES, [note]);
    }
    frames
}

/// A frame's place and what happens there; nothing for frames without a place.
fn frame(item: &EvalStackTraceItem) -> Option<(SpanId, String)> {
    Some(match item {
        EvalStackTraceItem::Expr { span } => (*span, "while evaluating this".to_owned()),
        EvalStackTraceItem::Call { span, name: Some(name) } => ((*span)?, format!("while calling `{name}`")),
        EvalStackTraceItem::Call { span, name: None } => ((*span)?, "while calling a function".to_owned()),
        EvalStackTraceItem::Variable { span, name } => (*span, format!("while evaluating variable `{name}`")),
        EvalStackTraceItem::ArrayItem { span, index } => ((*span)?, format!("while evaluating item {index}")),
        EvalStackTraceItem::ObjectField { span, name } => ((*span)?, format!("while evaluating field `{name}`")),
        EvalStackTraceItem::Import { span } => (*span, "while importing".to_owned()),
        EvalStackTraceItem::CompareArrayItem { .. }
        | EvalStackTraceItem::CompareObjectField { .. }
        | EvalStackTraceItem::ManifestArrayItem { .. }
        | EvalStackTraceItem::ManifestObjectField { .. } => return None,
    })
}

/// `FILE:LINE` of the innermost frame that lies in a text of the user's; empty when there is none.
pub(crate) fn place_of_innermost(stack: &[EvalStackTraceItem], spans: &SpanManager, sources: &Sources) -> String {
    let innermost = stack
        .iter()
        .rev()
        .find_map(|item| sources.locate(spans, frame(item)?.0));
    match innermost {
        Some(Location::File(file)) => format!("{}:{}", file.path, file.span.map_or(0, |span| span.line)),
        Some(Location::Config(pointer)) => format!("config {pointer}"),
        _ => String::new(),
    }
}
