//! The standard library as go-jsonnet has it.
//!
//! The evaluator's own differs from the native command's in places: texts of numbers, bytes of `std.base64`, which types
//! a function takes. [`overlay.libsonnet`](standard/overlay.libsonnet) replaces those functions, and every program sees
//! the result as `std`. Operators are the evaluator's own and can't be replaced.

mod natives;
mod numbers;
mod printing;
mod toml;
mod yaml_keys;
mod yaml_read;
mod yaml_scalars;
mod yaml_text;

pub(crate) use natives::{call, register};

/// What stands before every program. The second `std` can't be defined by itself: a `local` sees its own name.
pub(crate) const PREFIX: &str = "local std_=std;local std=(import'windlass:std')(std_);";

/// What [`PREFIX`] imports; no path of a tree, for a colon ends a name there.
pub(crate) const IMPORT: &str = "windlass:std";

/// The function from the evaluator's library to that of go-jsonnet.
pub(crate) const OVERLAY: &str = include_str!("standard/overlay.libsonnet");
