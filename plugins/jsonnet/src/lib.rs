//! Renders Jsonnet: evaluates files and emits the Kubernetes objects found in their results.
//!
//! A result may be an object, an array, or a tree of them: whatever has `apiVersion` and `kind` is a manifest, the
//! rest is walked. Documents are JSON as the native `jsonnet` prints it, fields sorted by name.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod config;
mod files;
mod importer;
mod standard;
mod evaluate;
mod objects;
mod manifest;
mod errors;
mod messages;
mod syntax;
#[cfg(test)]
mod golden;

use windlass_sdk::{Document, Failure, RenderRequest, Renderer, Sink};

use crate::evaluate::Session;

/// The plugin.
#[derive(Debug)]
pub struct Jsonnet;

impl Renderer for Jsonnet {
    fn render(request: &RenderRequest, out: &Sink) -> Result<(), Failure> {
        let config: config::Config = request.config_as()?;
        let tree = request.tree();
        let app = files::App::find(&tree, &request.path(), &config)?;
        let arena = rsjsonnet_lang::arena::Arena::new();
        let mut session = Session::new(&arena, importer::Importer::new(&tree, &app.folder, &config)?);
        session.set_variables(&config)?;
        for file in &app.files {
            // The other files are still looked at: everything that is wrong is told at once.
            match session.render(file) {
                Ok(manifests) => {
                    for manifest in manifests {
                        out.emit(&Document::json(manifest).from_file(file));
                    }
                }
                Err(diagnostic) => out.report(&diagnostic),
            }
        }
        Ok(())
    }
}

windlass_sdk::renderer!(Jsonnet);
