//! Who is told of changes. Changes to one object are put together until they are fetched: a subscriber that is slow sees the
//! first state and the last, and never holds more than one change an object.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use tokio::sync::Notify;
use windlass_core::{live::Reduced, model::ObjectId, owner::Owner};

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
    /// Only where it stands in health is another, all the while: nothing is to be done about it.
    pub in_health_alone: bool,
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
    pub(super) fn new(
        resource: &Arc<Resource>,
        id: &ObjectId,
        owner: Option<Arc<Owner>>,
        before: Sight,
        after: Sight,
    ) -> Self {
        let in_health_alone = match (&before, &after) {
            (Sight::Live(before), Sight::Live(after)) => !differ(&before.reduced, &after.reduced),
            _ => false,
        };
        Self {
            resource: Arc::clone(resource),
            id: id.clone(),
            owner,
            before,
            after,
            in_health_alone,
        }
    }

    /// Whether it is more than a version.
    pub(super) fn is_one(&self) -> bool {
        match (&self.before, &self.after) {
            (Sight::Live(before), Sight::Live(after)) => {
                before.verdict != after.verdict || differ(&before.reduced, &after.reduced)
            }
            (before, after) => before != after,
        }
    }
}

/// Whether they differ in more than their versions.
fn differ(a: &Reduced, b: &Reduced) -> bool {
    (&a.uid, &a.projection, &a.mark, a.deleting, &a.foreign, &a.heeds)
        != (&b.uid, &b.projection, &b.mark, b.deleting, &b.foreign, &b.heeds)
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
                    earlier.in_health_alone &= changed.in_health_alone;
                })
                .or_insert_with(|| changed.clone());
            queue.arrived.notify_one();
            true
        });
    }
}
