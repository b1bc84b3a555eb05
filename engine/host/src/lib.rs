//! Runs plugins: worker process, capabilities, limits, compile cache.
//!
//! Read in this order:
//! - [`Host`]: loads plugins ([`inspect()`], [`LoadOptions`], [`Plugin`]) and calls them ([`RenderRequest`], [`ValidateRequest`],
//!   [`NotifyRequest`] or [`AssessRequest`] → [`Outcome`]);
//! - [`Capabilities`]: the seam that a guest's every question passes, [`protocol`] is its wire form;
//! - [`http`]: what notifiers send, and what they may see of the answers;
//! - [`worker`]: the other process, behind the walls of [`sandbox`];
//! - [`limits`]: every number, with the threat behind it; [`facts`]: what a trace records.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod entropy;
pub mod error;
pub mod facts;
pub mod http;
pub mod limits;
pub mod memory;
pub mod protocol;
pub mod sandbox;
pub mod worker;
#[doc(hidden)]
pub mod fuzz;
mod admit;
mod cache;
mod call;
mod cancel;
mod capabilities;
mod child;
mod compiler;
mod config;
mod cores;
mod fair;
mod flight;
mod frame;
mod host;
mod inspect;
mod job;
mod outcome;
mod plugin;
mod pool;
mod request;
mod room;
mod session;
mod weight;

pub use admit::LoadOptions;
pub use cancel::Cancel;
pub use capabilities::{Capabilities, Stop};
pub use child::WorkerCommand;
pub use config::ConfigSchema;
pub use error::{Blame, Budget, BudgetKind, CallError, HostFailure, LoadError, PluginRef, Trap};
pub use fair::Tenant;
pub use host::{Host, HostOptions, read_component};
pub use inspect::{Inspection, NotAComponent, inspect};
pub use limits::{CallLimits, CompileLimits};
pub use outcome::{Outcome, Stats};
pub use plugin::Plugin;
pub use protocol::{Assessment, Notified};
pub use request::{AssessRequest, InputObject, NotifyRequest, RenderRequest, ValidateRequest};
pub use room::{Place, Room};
