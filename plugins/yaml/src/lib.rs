//! Renders folders of Kubernetes manifests: every `.yaml`, `.yml` and `.json` file, in the order of their paths.
//!
//! Contents are handed on as they are: the host parses them, flattens `List`s and tells what is no manifest.
//! Here files are found and cut into documents, so that each has its own place in its file.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod select;
mod glob;
mod walk;
mod text;
mod split;

use windlass_sdk::{Diagnostic, Document, Failure, Location, RenderRequest, Renderer, Sink, Tree};

/// Bytes of one document: the host ends a call that emits a larger one, and could not say which file it was.
const MAX_DOCUMENT_BYTES: usize = 32 << 20;

/// The plugin.
#[derive(Debug)]
pub struct Yaml;

impl Renderer for Yaml {
    fn render(request: &RenderRequest, out: &Sink) -> Result<(), Failure> {
        let selection = select::Selection::new(&request.config_as()?)?;
        let tree = request.tree();
        // Everything that is wrong is told at once, so no step stops at the first finding.
        for finding in walk::files(&tree, &request.path(), &selection)? {
            match finding {
                walk::Finding::Manifest(path) => emit(&tree, &path, out),
                walk::Finding::Problem(diagnostic) => out.report(&diagnostic),
            }
        }
        Ok(())
    }
}

windlass_sdk::renderer!(Yaml);

/// Emits the documents of one file, or reports why it can't be read.
fn emit(tree: &Tree, path: &str, out: &Sink) {
    let bytes = match tree.read_all(path) {
        Ok(bytes) => bytes,
        Err(refusal) => return out.report(&refusal.at(path)),
    };
    let text = match text::decode(path, &bytes) {
        Ok(text) => text,
        Err(diagnostic) => return out.report(&diagnostic),
    };
    if select::is_json(path) {
        if !text.trim().is_empty() {
            emit_one(Document::json(text), path, 1, out);
        }
        return;
    }
    for piece in split::documents(text) {
        emit_one(Document::yaml(piece.text), path, piece.line, out);
    }
}

fn emit_one(document: Document, path: &str, line: u32, out: &Sink) {
    if document.content.len() > MAX_DOCUMENT_BYTES {
        let size = document.content.len();
        let message = format!("the document has {size} bytes; the limit is {MAX_DOCUMENT_BYTES}");
        out.report(&Diagnostic::error("too-large-document", message).at(Location::point(path, line, 1)));
    } else {
        out.emit(&document.from_lines(path, line));
    }
}
