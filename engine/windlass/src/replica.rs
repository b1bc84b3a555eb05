//! One of several processes that keep the Apps of a cluster: which shards it holds, and what it is called in what it writes.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use windlass_cluster::{connect::Guard, fence::Fence};
use windlass_core::shards::shard_of;

use crate::state::Secret;

/// A process, from when it joined to when its Lease ran out or it left. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Replica {
    /// As its Lease has it: never used twice.
    pub(crate) id: String,
    /// Until when it may write.
    pub(crate) fence: Fence,
    /// What it keeps.
    pub(crate) held: Arc<Held>,
    /// The installation's.
    pub(crate) secret: Secret,
}

impl Replica {
    pub(crate) fn new(id: String, fence: Fence, secret: Secret) -> Self {
        Self {
            id,
            fence,
            held: Arc::default(),
            secret,
        }
    }

    /// What everything that it writes goes through.
    pub(crate) fn guard(&self) -> Guard {
        Guard::new(self.fence.clone(), &self.id)
    }

    /// Whether it keeps the Apps of a namespace; "": what has none.
    pub(crate) fn keeps(&self, namespace: &str) -> bool {
        self.held.epoch(shard_of(namespace)).is_some()
    }
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The shards that a replica holds, each with how often it has changed hands.
#[derive(Debug, Default)]
pub(crate) struct Held(Mutex<BTreeMap<u16, i64>>);

impl Held {
    /// Of a shard, when it is held.
    pub(crate) fn epoch(&self, shard: u16) -> Option<i64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&shard)
            .copied()
    }

    pub(crate) fn take(&self, shard: u16, epoch: i64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(shard, epoch);
    }

    pub(crate) fn leave(&self, shard: u16) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&shard);
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}
