//! The recipe that makes a Windlass plugin: a folder with `plugin.yaml` and Go or Rust source becomes one
//! WebAssembly component whose only imports are interfaces of `windlass:plugin`.
//!
//! ```text
//! plugin.yaml ─ manifest ──────────────────────────────────────────┐
//! source ─ compile ─ data_segments ─ component (+ adapter) ─ snapshot ─ section ─ NAME.wasm
//! ```
//!
//! The same input gives the same bytes: compilers are told to forget where they run, and the start-up work that
//! a snapshot freezes draws its randomness from a seed.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod manifest;
pub mod contract;
pub mod compile;
pub mod data_segments;
pub mod adapter;
pub mod component;
pub mod snapshot;
pub mod section;
pub mod recipe;

pub use recipe::{Error, Options, Outcome, build};
