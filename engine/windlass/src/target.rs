//! Where objects go. One trait, an implementation a file: a cluster, a directory; a git branch later.

mod cluster;
mod directory;

use std::{fmt, future::Future, pin::Pin, str::FromStr};

use serde_json::Value;
use windlass_cluster::store::Store;
use windlass_core::{
    conflict::Contest,
    dag::Until,
    diff::{Live, Step, intend::Receipt},
    inventory::Inventory,
    live::Stray,
    manifest::Desired,
    model::ObjectId,
};

pub use cluster::{Cluster, ClusterError, Manners, Previous, Shared};
pub(crate) use cluster::{Examined, deleting, making};
pub use directory::{Directory, DirectoryError, Memory};
pub use windlass_core::owner::Owner;

/// What a target's method returns: targets are used behind `dyn`.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Somewhere objects live. Only [`crate::apply`] calls the methods that change it.
pub trait Target: Send + Sync {
    /// Names the target in the inventory's key and in messages; two apps with equal identity share the place.
    fn identity(&self) -> String;

    /// Whether objects live there: have defaults, controllers and other writers.
    fn is_cluster(&self) -> bool;

    /// Steps of an app that may be under way at a time.
    fn width(&self) -> usize;

    /// What lives of all that is wanted or owned. Changes nothing. Where it is as it should be, the content may be left out.
    ///
    /// # Errors
    /// When it can't be told what lives: then nothing may be planned.
    fn observe<'a>(&'a self, desired: &'a Desired, inventory: &'a Inventory) -> Pending<'a, Result<Live, TargetError>>;

    /// Before the first step of a plan: sweeps up what a killed process left half done.
    ///
    /// # Errors
    /// When the target can't be changed at all.
    fn prepare(&self) -> Pending<'_, Result<(), TargetError>>;

    /// Makes one step of a plan true, whole or not at all. Doing it twice does no harm.
    ///
    /// # Errors
    /// When it could not be done; other steps go on.
    fn apply<'a>(&'a self, step: &'a Step) -> Pending<'a, Result<Written, TargetError>>;

    /// What a step would do. Changes nothing.
    ///
    /// # Errors
    /// When it would be refused, or that can't be told.
    fn preview<'a>(&'a self, step: &'a Step) -> Pending<'a, Result<Preview, TargetError>>;

    /// Whether the object of a step that was done has come as far as others need it. Does not wait.
    ///
    /// # Errors
    /// When it never will.
    fn reached<'a>(&'a self, step: &'a Step, until: Until) -> Pending<'a, Result<bool, TargetError>>;

    /// Where the health of what lives is kept, and whose it is; `None`: nothing lives there.
    fn living(&self) -> Option<(Store, Owner)>;

    /// Where hooks run; `None`: nothing runs there.
    fn hooking(&self) -> Option<&Cluster>;

    /// What would go with an object that isn't the app's, in words; `None` = nothing. Changes nothing.
    fn holds<'a>(&'a self, id: &'a ObjectId) -> Pending<'a, Option<String>>;

    /// Takes the app's mark off a living object: it stays, and is nobody's. Doing it twice does no harm.
    ///
    /// # Errors
    /// When it could not be done.
    fn release<'a>(&'a self, step: &'a Step) -> Pending<'a, Result<(), TargetError>>;
}

/// What is known of an object after it was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// What a cluster says came of it; `None` on targets that keep what they are given.
    pub receipt: Option<Receipt>,
    /// It is being deleted, and there until its finalizers are done.
    pub lingers: bool,
    /// What a person should know, a sentence each.
    pub notes: Vec<String>,
    /// Edits of others that were undone.
    pub edits: Vec<Edit>,
    /// Conditions of ignore rules that had no answer, a sentence each. Errors.
    pub unanswered: Vec<String>,
}

impl Written {
    /// What is known after one more write of the same object.
    fn and(&mut self, later: Self) {
        self.receipt = later.receipt;
        self.notes.extend(later.notes);
        self.notes.dedup();
        self.edits.extend(later.edits);
    }
}

/// Somebody else's edit of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// As the API server names it: `.spec.replicas`.
    pub field: String,
    /// The field manager who made it.
    pub manager: String,
}

impl Edit {
    fn of(contest: &Contest) -> Self {
        Self {
            field: contest.path.to_string(),
            manager: contest.manager.clone(),
        }
    }
}

impl From<Stray> for Edit {
    fn from(stray: Stray) -> Self {
        Self {
            field: stray.path.to_string(),
            manager: stray.manager,
        }
    }
}

/// What a step would do, for people to read. Of clusters, only the fields that git sets or no longer sets.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Preview {
    /// What is there; `None` when nothing is, or nothing would be done to it.
    pub live: Option<Value>,
    /// What would be there.
    pub wanted: Option<Value>,
    /// Nothing would change: what differs is how git writes it, or who is known to have written it.
    pub is_equal: bool,
    /// What a person should know, a sentence each.
    pub notes: Vec<String>,
    /// Edits of others that would be undone.
    pub edits: Vec<Edit>,
    /// As [`Written::unanswered`].
    pub unanswered: Vec<String>,
}

/// Why a target refuses.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A directory's.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A cluster's.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// The user's `--target`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetChoice {
    /// `dir:OUT`.
    Directory(std::path::PathBuf),
    /// `cluster:NAME`: that of a Cluster document. `cluster`: the one that kubectl would take.
    Cluster(Option<String>),
}

/// Text that names no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no target: write `dir:FOLDER`, `cluster` or `cluster:NAME`")]
pub struct BadTarget {
    text: String,
}

impl FromStr for TargetChoice {
    type Err = BadTarget;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Directory(path.into())),
            Some(("cluster", name)) if !name.is_empty() => Ok(Self::Cluster(Some(name.to_owned()))),
            None if text == "cluster" => Ok(Self::Cluster(None)),
            _ => Err(BadTarget { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for TargetChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::Cluster(None) => f.write_str("cluster"),
            Self::Cluster(Some(name)) => write!(f, "cluster:{name}"),
        }
    }
}
