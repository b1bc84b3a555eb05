//! Integration tests: the parts together, as a user meets them.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "tests")]

mod git_server;
mod sandbox;

mod host;
mod notify;
mod health_plugins;
mod outbox;
mod depends;

mod inputs;
mod source;
mod cluster;
mod cli;
mod cycle;
mod decisions;
mod renders;
mod kill;
mod live;
mod plugins;
mod processes;
mod repositories;
mod polls;
mod signatures;
mod native;
mod schema;
mod validate;
mod tenants;
mod image;
mod generated;
