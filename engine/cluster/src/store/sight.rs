//! What the store says.

use std::sync::Arc;

use tokio::time::Instant;
use windlass_core::{digest::Digest, health::Verdict, live::Reduced};

use crate::{ready, resource::Resource};

/// A living object as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// What is compared.
    pub reduced: Reduced,
    /// Why it isn't healthy; `None` = it is. Most are, so that this costs them nothing.
    pub verdict: Option<Box<Verdict>>,
    /// Of what a health checker was asked about; `None` = the built-in rules or the app's own tell.
    pub(super) asked: Option<Digest>,
}

impl Live {
    /// Whether what depends on it may go on. `resource`: its kind.
    #[must_use]
    pub fn is_ready(&self, resource: &Resource) -> bool {
        ready::is_ready(resource, self.verdict.as_deref())
    }
}

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Its kind isn't watched, or the first list isn't through.
    Unknown,
    /// Not there, or there without the installation's label: what an app owned before has to be asked for.
    Absent,
    /// There, and to be read by who may.
    Unsure {
        /// Which of all that ever had the name.
        uid: String,
        /// Its version.
        resource_version: String,
    },
    /// There.
    Live(Arc<Live>),
}

impl Sight {
    /// The object, where it is known.
    #[must_use]
    pub fn live(&self) -> Option<&Live> {
        match self {
            Self::Live(live) => Some(live),
            _ => None,
        }
    }
}

/// How a watch is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sync {
    /// Not asked for.
    Unwatched,
    /// The first list is not through yet.
    Starting,
    /// Changes are seen as they happen.
    Synced,
    /// Nothing is seen since then; what was known is kept, and it is tried again.
    Lost {
        /// When.
        since: Instant,
        /// In words.
        why: String,
        /// A list was through before: what was known then is kept.
        was_synced: bool,
    },
}

impl Sync {
    /// Whether what the store says was true a moment ago.
    #[must_use]
    pub const fn is_synced(&self) -> bool {
        matches!(self, Self::Synced)
    }

    /// Whether the store says anything, be it old.
    #[must_use]
    pub const fn has_listed(&self) -> bool {
        matches!(self, Self::Synced | Self::Lost { was_synced: true, .. })
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Watches under way.
    pub watches: usize,
    /// Objects known.
    pub objects: usize,
    /// Bytes that they take, names included, as far as they can be counted.
    pub bytes: usize,
}
