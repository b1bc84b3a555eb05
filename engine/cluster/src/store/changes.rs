//! Who is told of changes. Changes to one object are put together until they are fetched: a subscriber that is slow sees the
//! first state and the last, and never holds more than one change an object.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Notify;
use windlass_core::{model::ObjectId, owner::Owner};

use super::Sight;
use crate::resource::Resource;

/// One object changed, by somebody else than us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its kind.
    pub resource: Arc<Resource>,
    /// Which.
    pub id: ObjectId,
    /// Whose it is or was, as far as is known.
    pub owner: Option<Arc<Owner>>,
    /// What was known before.
    pub before: Sight,
    /// What is now.
    pub after: Sight,
}

#[derive(Default)]
struct Queue {
    changes: Mutex<HashMap<(Arc<Resource>, ObjectId), Changed>>,
    arrived: Notify,
}

/// The changes for one subscriber.
pub struct Changes {
    queue: Arc<Queue>,
}

impl Changes {
    /// Waits for changes and takes all that there are, in the order of identities. Safe to cancel.
    pub async fn next(&mut self) -> Vec<Changed> {
        loop {
            let now = self.now();
            if !now.is_empty() {
                return now;
            }
            // What arrives in between leaves its permit behind.
            self.queue.arrived.notified().await;
        }
    }

    /// Takes all that there are. One whose first and last state are the same is told as well: whoever wrote in between knows of
    /// a state that was neither.
    pub fn now(&mut self) -> Vec<Changed> {
        let taken = std::mem::take(&mut *self.queue.changes.lock().unwrap_or_else(PoisonError::into_inner));
        let mut changes: Vec<_> = taken.into_values().collect();
        changes.sort_by(|a, b| a.id.cmp(&b.id));
        changes
    }
}

impl Changed {
    /// Whether it is more than a version.
    pub(super) fn is_one(&self) -> bool {
        match (&self.before, &self.after) {
            (Sight::Live(before), Sight::Live(after)) => {
                let (a, b) = (&before.reduced, &after.reduced);
                before.readiness != after.readiness
                    || (&a.uid, &a.projection, &a.mark, a.deleting, &a.foreign, &a.heeds)
                        != (&b.uid, &b.projection, &b.mark, b.deleting, &b.foreign, &b.heeds)
            }
            (before, after) => before != after,
        }
    }
}

/// All subscribers.
#[derive(Default)]
pub(super) struct Subscribers {
    queues: Mutex<Vec<Weak<Queue>>>,
}

impl Subscribers {
    pub(super) fn subscribe(&self) -> Changes {
        let queue = Arc::<Queue>::default();
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.push(Arc::downgrade(&queue));
        Changes { queue }
    }

    pub(super) fn tell(&self, changed: &Changed) {
        if !changed.is_one() {
            return;
        }
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.retain(|queue| {
            let Some(queue) = queue.upgrade() else { return false };
            let key = (Arc::clone(&changed.resource), changed.id.clone());
            let mut changes = queue.changes.lock().unwrap_or_else(PoisonError::into_inner);
            changes
                .entry(key)
                .and_modify(|earlier| {
                    earlier.after.clone_from(&changed.after);
                    earlier.owner.clone_from(&changed.owner);
                })
                .or_insert_with(|| changed.clone());
            queue.arrived.notify_one();
            true
        });
    }
}
