//! Objects of kinds that only a health checker understands: handed out when what they say of themselves has changed, and taken back
//! with a verdict.
//!
//! Until there is one, the object is on its way. It is asked about again when it says something else, and only then.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use tokio::sync::Notify;
use windlass_core::{
    digest::Digest,
    health::{State as Health, Verdict},
    model::{ObjectId, canonical},
    owner::Owner,
};

use super::{
    Changed, Inner, Sight, State, Store,
    entry::{Entry, Known},
};
use crate::resource::Resource;

/// Objects of a batch. A guest is called once for it; the threat is one of hundreds of megabytes.
const BATCH: usize = 100;

/// An object whose health is to be asked for.
#[derive(Debug, Clone)]
pub struct Unassessed {
    resource: Arc<Resource>,
    /// Which.
    pub id: ObjectId,
    /// Whose it is.
    pub owner: Arc<Owner>,
    /// What the verdict is about.
    asked: Digest,
    /// As it lives, as a whole.
    pub body: Value,
}

/// What is to be asked; an object stands there once, as it was seen last.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<BTreeMap<(Arc<Resource>, ObjectId), Unassessed>>,
    arrived: Notify,
}

impl Queue {
    fn ask(&self, object: Unassessed) {
        let key = (Arc::clone(&object.resource), object.id.clone());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(key, object);
        drop(waiting);
        self.arrived.notify_one();
    }

    /// What was seen since is asked about instead.
    fn ask_unless_newer(&self, object: Unassessed) {
        let key = (Arc::clone(&object.resource), object.id.clone());
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.entry(key).or_insert(object);
        drop(waiting);
        self.arrived.notify_one();
    }

    fn take(&self) -> Vec<Unassessed> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        while taken.len() < BATCH
            && let Some((_, object)) = waiting.pop_first()
        {
            taken.push(object);
        }
        taken
    }
}

/// Of an object that nobody was asked about yet.
pub(super) fn not_yet() -> Verdict {
    Verdict::new(
        Health::Progressing,
        "HealthCheckerAsked",
        "its health checker is asked about it",
    )
}

/// Of what a verdict depends on: everything but what changes with every write.
pub(super) fn asked(object: &Value) -> Digest {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
        metadata.remove("resourceVersion");
    }
    Digest::of(canonical(&object).as_bytes())
}

impl Store {
    /// Waits for objects whose health only a checker can tell, and takes some of them. Safe to cancel.
    pub async fn unassessed(&self) -> Vec<Unassessed> {
        loop {
            let taken = self.inner.assess.take();
            if !taken.is_empty() {
                return taken;
            }
            self.inner.assess.arrived.notified().await;
        }
    }

    /// Takes a verdict. One about what the object no longer says is dropped: it is asked about anew.
    pub fn assessed(&self, object: &Unassessed, verdict: Verdict) {
        let changed = self.inner.state().assessed(object, verdict);
        changed.iter().for_each(|changed| self.inner.subscribers.tell(changed));
    }

    /// Asks about an object once more, as nobody could be asked.
    pub fn ask_again(&self, object: Unassessed) {
        self.inner.assess.ask_unless_newer(object);
    }
}

impl State {
    fn assessed(&mut self, object: &Unassessed, verdict: Verdict) -> Option<Changed> {
        let Unassessed { resource, id, .. } = object;
        let entry = self.kinds.get_mut(resource)?.entry_mut(id)?;
        let Known::Live(live) = &mut entry.known else {
            return None;
        };
        if live.asked != Some(object.asked) {
            return None;
        }
        let before = Sight::Live(Arc::clone(live));
        Arc::make_mut(live).verdict = Some(verdict)
            .filter(|verdict| verdict.state != Health::Healthy)
            .map(Box::new);
        let (owner, after) = (entry.owner.clone(), entry.sight());
        self.note(resource, id);
        Some(Changed::new(resource, id, owner, before, after))
    }

    /// Fills in what is known already of an object that a checker is asked about, or has it asked.
    pub(super) fn ask(
        &self,
        resource: &Arc<Resource>,
        id: &ObjectId,
        owner: &Arc<Owner>,
        known: &mut Known,
        object: &Value,
        of: &Inner,
    ) {
        let Known::Live(live) = known else { return };
        let Some(asked) = live.asked else { return };
        let before = self.kinds.get(resource).and_then(|kind| kind.entry(id));
        let before = before.map(|entry: &Entry| &entry.known);
        if let Some(Known::Live(before)) = before {
            // Of the same generation, what was said last counts until something else is.
            if before.asked.is_some() && before.reduced.generation == live.reduced.generation {
                Arc::make_mut(live).verdict.clone_from(&before.verdict);
            }
            if before.asked == Some(asked) {
                return;
            }
        }
        of.assess.ask(Unassessed {
            resource: Arc::clone(resource),
            id: id.clone(),
            owner: Arc::clone(owner),
            asked,
            body: object.clone(),
        });
    }
}
