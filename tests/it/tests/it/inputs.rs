//! Hostile inputs through honest plugins: what a repository may hold to harm the engine, other apps, or who reads along.
//!
//! Each attack is an app of its own beside a good one. It must fail with a finding that says what, where and how much;
//! nothing of it is applied or deleted; the good app is served in the same cycle; and a mended commit is rendered as before.

mod archives;
mod configs;
mod helm;
mod history;
mod jsonnet;
mod kustomize;
mod large;
mod names;
mod siege;
mod words;
mod yaml;
