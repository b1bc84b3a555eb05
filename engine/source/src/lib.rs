//! Where revisions come from: bare git mirrors and local folders, as content-addressed trees.
//!
//! Nothing here checks anything out: a [`git::Mirror`] keeps packs, a [`local::Folder`] hashes files where they lie, and both
//! answer with a [`Revision`], whose [`Tree`](windlass_core::tree::Tree) reads objects when asked. Nothing here writes to a
//! repository of a user either.
//!
//! Everything blocks: call it from plain threads or `spawn_blocking`. A fetch ends at its deadline, at its byte limit or when it
//! is cancelled, whatever the server does; see [`Limits`].
//!
//! Read in this order: [`revision`](Revision), [`git`] (mirrors), [`signature`], [`local`] (folders), [`Error`]. [`oci`] is for plugins, no
//! source of revisions, and the one part that is asynchronous.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod revision;
pub mod git;
pub mod signature;
pub mod local;
pub mod oci;
#[doc(hidden)]
pub mod fuzz;
mod budget;
mod cache;
mod error;

pub use budget::{Cancel, Limits};
pub use error::Error;
pub use git::Listing;
pub use revision::{Demands, Moved, OnForcedPush, Reference, ReferenceError, Revision};
