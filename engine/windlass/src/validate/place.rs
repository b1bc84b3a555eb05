//! From a field of an object to file, line and column: of what was rendered and, where known, of what it was rendered from.

use windlass_core::{
    manifest::{Manifest, Place, Places, Rendered},
    render::{Diagnostic, FileAt, Location, Span, attribute},
};

use super::{
    Subject,
    verdicts::{Found, Related},
};
use crate::render::illustrate;

/// Longer lines are cut: minified JSON is no help on a screen.
const MAX_LINE: usize = 400;

/// Findings with their places, and the lines that stand there.
pub(super) fn all(found: Vec<Found>, objects: &[&Manifest], subject: &Subject<'_>) -> Vec<Diagnostic> {
    let mut places = Places::new(subject.output);
    let mut placed = Vec::with_capacity(found.len());
    for finding in found {
        let manifest = objects[finding.object];
        let place = places.of(manifest, &finding.verdict.pointer);
        let mut diagnostic = finding.verdict.diagnostic.clone();
        diagnostic.message = format!("{}: {}", manifest.object.id, diagnostic.message);
        diagnostic.at = place.at.clone();
        for (related, word) in &finding.verdict.related {
            let at = other(related, objects, &mut places);
            diagnostic.related.extend(at.map(|at| (at, word.clone())));
        }
        let mut diagnostic = illustrate::all(vec![diagnostic], subject.tree).remove(0);
        show_rendered(&mut diagnostic, place, is_secret(manifest));
        placed.push(diagnostic);
    }
    placed
}

/// Adds where it stands in what was rendered, unless that is the very line of the source.
fn show_rendered(diagnostic: &mut Diagnostic, place: Place, secret: bool) {
    let Some(rendered) = place.rendered else { return };
    let text: String = rendered.text.chars().take(MAX_LINE).collect();
    let at = location(&rendered);
    let line = |diagnostic: &mut Diagnostic, key: &str| {
        // A secret's value may have come from anywhere; where it stands is enough.
        if !secret {
            diagnostic.extra.push((key.to_owned(), text.clone()));
        }
    };
    if place.at == Location::None {
        diagnostic.at = at;
        line(diagnostic, attribute::LINE);
    } else if !is_source(diagnostic, &text) {
        diagnostic.related.insert(0, (at, "in what was rendered".to_owned()));
        line(diagnostic, attribute::RENDERED_LINE);
    }
}

/// Whether the line of the source is the rendered one.
fn is_source(diagnostic: &Diagnostic, rendered: &str) -> bool {
    let has_line = matches!(&diagnostic.at, Location::File(FileAt { span: Some(_), .. }));
    let line = diagnostic.extra.iter().find(|(key, _)| key == attribute::LINE);
    has_line && line.is_some_and(|(_, line)| line == rendered)
}

fn location(rendered: &Rendered) -> Location {
    Location::Document {
        index: rendered.document,
        span: Span::at(rendered.line, rendered.column),
    }
}

/// Where another object of the same rendering stands; nowhere when it left.
fn other(related: &Related, objects: &[&Manifest], places: &mut Places<'_>) -> Option<Location> {
    match related {
        Related::Elsewhere(at) => Some(at.clone()),
        Related::Object { hash, pointer } => {
            let manifest = objects.iter().find(|manifest| manifest.object.hash == *hash)?;
            let place = places.of(manifest, pointer);
            match place.at {
                Location::None => place.rendered.as_ref().map(location),
                at => Some(at),
            }
        }
    }
}

fn is_secret(manifest: &Manifest) -> bool {
    let id = &manifest.object.id;
    id.group.is_empty() && id.kind == "Secret"
}
