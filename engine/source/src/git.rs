//! Git repositories, read through bare mirrors.
//!
//! [`Mirrors`] gives one [`Mirror`] per (URL, credentials); [`Mirror::resolve`] asks the server what a reference points to and
//! fetches that one commit, depth 1, when it is not there yet; [`Mirror::list`] asks for many at once. No git configuration, environment, credential helper or prompt
//! takes part.
//!
//! On disk a mirror is a folder:
//! ```text
//! mirrors/KEY/format       version of this layout
//! mirrors/KEY/lock         held by the process that writes
//! mirrors/KEY/current      name of the generation in use
//! mirrors/KEY/gen-1/       bare repository; its packs only ever grow in number
//! mirrors/KEY/gen-1.lock   held, shared, by each process that reads it
//! ```
//! gix adds a pack per fetch and can't repack, so after some dozens of fetches the commit is fetched afresh into the next
//! generation, `current` is renamed over, and the old one is deleted once nobody reads it. A process killed on the way leaves
//! a folder ending in `.partial` or `.dead`, which the next writer removes.

mod remote;
mod mirrors;
mod mirror;
mod generation;
mod space;
mod objects;
mod session;
mod history;
mod http;
mod child;
mod file;
mod ssh;

pub use http::tls_failure;
pub use mirror::{Listing, Mirror};
pub use mirrors::Mirrors;
pub(crate) use objects::tree_object;
pub use remote::{Auth, ClientCertificate, Proxy, Remote, Tls, server_of};
