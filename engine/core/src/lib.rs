//! The pure part of the engine: it computes and never does I/O, never waits and never reads a clock.
//!
//! Read in this order:
//! - [`config`]: what the user writes (`Repository`, `App`, `Cluster`, `Plugin`, `Tenant`); [`crds`]: how an API server knows these kinds, [`status`]: what it keeps of them; [`version`]: which tag a range of versions means;
//! - [`tree`]: what a revision holds, content-addressed; [`trace`]: what a render read of it;
//! - [`plugin`]: what a plugin says of itself; [`render`]: what it answers, documents and diagnostics;
//! - [`manifest`]: documents parsed into [`model`] objects, with the place of each in its source;
//! - [`rules`]: what no Kubernetes object may be;
//! - [`fields`]: which fields a manager owns, and what lives in them; [`managers`]: who they are; [`owner`]: whose an object is;
//! - [`payload`]: what is sent; [`live`]: what is kept of a living object; [`conflict`]: an apply that was refused, and who gives way; [`adopt`]: taking over what others made;
//! - [`cel`]: expressions that people write, evaluated in bounds;
//! - [`options`]: what people say about single objects and fields; [`immutable`]: what can't be changed while it lives;
//! - [`health`]: whether what lives does what it is for;
//! - [`restart`]: which workloads' pods are made anew because what they are configured with changed;
//! - [`lock`]: the policy by which an API server refuses what others do to objects of Apps;
//! - [`redact`]: objects as people may see them;
//! - [`oci`]: how artifacts of registries are named; [`rollout`]: which version of a plugin serves, and which waits to;
//! - [`event`]: what people and programs are told; [`reach`]: where what tells them may send;
//! - [`inventory`]: what an app owns; [`diff`]: desired × live × inventory → plan; [`guard`]: may the plan run? [`dag`]: in which order?
//! - [`moment`]: times as text; [`windows`]: when changes may be made; [`holds`]: what people decided, and what it means for a plan;
//! - [`history`]: what was applied before, and what is applied again when a change fails; [`breaker`]: not when many fail at once;
//! - [`ledger`]: what is kept of an App in a cluster; [`shards`]: by which of several replicas.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod config;
pub mod digest;
pub mod oid;
pub mod version;
pub mod tree;
pub mod trace;
pub mod plugin;
pub mod render;
pub mod model;
pub mod yaml;
pub mod manifest;
pub mod inventory;
pub mod status;
pub mod crds;
pub mod diff;
pub mod guard;
pub mod dag;
pub mod rules;
pub mod fields;
pub mod managers;
pub mod owner;
pub mod payload;
pub mod live;
mod causes;
pub mod conflict;
pub mod adopt;
pub mod health;
pub mod cel;
pub mod options;
pub mod immutable;
pub mod restart;
pub mod hooks;
pub mod lock;
pub mod redact;
pub mod moment;
pub mod windows;
pub mod holds;
pub mod rollout;
pub mod history;
pub mod breaker;
pub mod shards;
pub mod event;
pub mod outbox;
pub mod ledger;
pub mod oci;
pub mod reach;
