//! What a Windlass plugin in Rust needs, and nothing else.
//!
//! A plugin implements the trait of its kind and names the type in the macro of that kind:
//!
//! ```
//! use windlass_sdk::{Document, Failure, Renderer, RenderRequest, Sink};
//!
//! /// Emits the one file that the app is.
//! struct OneFile;
//!
//! impl Renderer for OneFile {
//!     fn render(request: &RenderRequest, out: &Sink) -> Result<(), Failure> {
//!         let path = request.path();
//!         let content = request.tree().read_all(&path).map_err(|refusal| refusal.at(&path))?;
//!         out.emit(&Document::yaml(content).from_file(&path));
//!         Ok(())
//!     }
//! }
//!
//! windlass_sdk::renderer!(OneFile);
//! ```
//!
//! Compiled for `wasm32-unknown-unknown` and put through `windlass-build`, that is a component. A plugin has no
//! files, clock, randomness or network of its own: all it knows comes through the types here, is recorded by
//! the host, and is the same wherever it runs. What the host can't serve ends the call, so there is nothing to retry.
//!
//! On any other target the crate compiles too, for tests of what needs no host; calling the host then panics.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod bindings;
mod kinds;
mod trees;
mod configs;
mod diagnostics;
mod documents;
pub mod log;
pub mod path;
#[doc(hidden)]
pub mod exports;

pub use bindings::windlass::plugin::{
    checking::{Findings, Request as CheckRequest},
    entropy,
    events::Event,
    files::{Entry, Kind, Node, Tree},
    objects::ObjectSet,
    rendering::{App, Document, Format, Mapping, Request as RenderRequest, Sink},
    types::{Diagnostic, Failure, FileAt, Instant, Location, ObjectAt, ObjectRef, OpenError, Refusal, Severity, Span},
};
pub use configs::parse as parse_config;
pub use exports::{
    health_checker::exports::windlass::plugin::health::{State, Verdict},
    notifier::exports::windlass::plugin::notify::Failure as NotifyFailure,
};
pub use kinds::{HealthChecker, Notifier, Renderer, Validator};
pub use trees::MAX_FILE_BYTES;

/// Grant `cluster`: reads of the target cluster, as the App.
pub use bindings::windlass::plugin::cluster;
/// Grant `compose`: calling another renderer.
pub use bindings::windlass::plugin::compose;
/// Grant `http`: outgoing requests of notifiers.
pub use bindings::windlass::plugin::http;
/// Grant `sources`: content beyond the app's own sources.
pub use bindings::windlass::plugin::sources;
