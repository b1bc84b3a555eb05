//! The only code that talks to a Kubernetes API server.
//!
//! Read in this order:
//! - [`facts`]: what a render may ask of a cluster, without one;
//! - [`connect`]: where an API server is; [`identity`]: who acts; [`requests`]: what was asked of it;
//! - [`status`]: how it refuses; [`call`]: one request with its tries;
//! - [`discovery`]: which kinds it serves; [`resource`]: the paths of their objects;
//! - [`refusal`]: why a write was refused, in words that somebody can act on;
//! - [`cluster`]: a cluster to work with; [`first_contact`]: what is there before anything is written;
//! - [`ready`]: whether an object is ready, as far as others depend on it;
//! - [`apply`]: how an object is written; [`delete`]: how it goes, `release` how it is let go, `contents` what would go with it;
//! - [`own`]: what the engine keeps on a cluster beside what Apps do; [`object`]: its records, which several processes may write, each
//!   only what it saw; [`fence`]: until when; `events`: what it tells there;
//! - [`notice`]: word of one object, whoever's it is; [`follow`]: all objects of a kind, whole;
//! - [`store`]: what lives, kept up to date by one watch a kind (`watch`), reduced to what is compared.
//!
//! The way of one object, from the kubeconfig to the drift that somebody makes of it:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use windlass_cluster::{
//!     apply::{How, Wanted},
//!     call::Limits,
//!     cluster::Cluster,
//!     connect::{Access, Connection},
//!     identity::{Actor, Unnamed},
//!     store::Store,
//! };
//! use windlass_core::{conflict::Contest, fields::FieldSet, model::Object, options::Write, owner::Owner};
//!
//! # async fn example(access: Access, object: Object, owner: Owner) -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::new(Connection::open(&access, Limits::default()).await?);
//! let store = Store::new(cluster.clone(), &owner.installation);
//! let actor = Actor::of("shop", Some("deployer"), Unnamed::Refused)?;
//! let resource = cluster.resource(&object.id, "apps/v1").await?;
//!
//! // Followed before it is written, so that nothing of it is missed.
//! store.ensure(&resource, &object.id.namespace);
//! let applied_last = |contests: &[Contest]| FieldSet::held_by(&object.body, contests.iter().map(|c| &c.path));
//! let wanted = Wanted { id: &object.id, resource: &resource, body: &object.body, owner: &owner };
//! let how = How { write: Write::Apply, takeover: None, last_applied: &applied_last, take_from: &[], dry_run: false };
//! let applied = cluster.apply(&actor, wanted, how).await?;
//! store.wrote(&resource, &object.id, &owner, &applied.live);
//!
//! let mut changes = store.subscribe();
//! for changed in changes.next().await {
//!     let drifted = changed.after.live().is_some_and(|live| live.reduced.projection != applied.reduced.projection);
//! #   assert!(drifted);
//! }
//! # store.synced(&resource, "shop", Duration::from_secs(5)).await.map_err(|_| "not synced")?;
//! # Ok(())
//! # }
//! ```

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

pub mod facts;
pub mod connect;
pub mod identity;
pub mod requests;
pub mod status;
pub mod call;
mod body;
pub mod resource;
pub mod discovery;
pub mod refusal;
pub mod cluster;
pub mod first_contact;
pub mod ready;
pub mod apply;
pub mod delete;
mod release;
mod contents;
mod strip;
mod logs;
pub mod own;
pub mod object;
pub mod fence;
mod events;
mod watch;
pub mod notice;
pub mod follow;
pub mod store;
#[cfg(test)]
mod fake;
