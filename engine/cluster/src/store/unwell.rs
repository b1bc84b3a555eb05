//! Which objects aren't healthy, by the app that owns them: what is asked after every change, without a look at those that are.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tokio::sync::Notify;
use windlass_core::{
    health::{State, Verdict},
    model::ObjectId,
    owner::Owner,
};

/// Of all apps.
#[derive(Default)]
pub(super) struct Unwell {
    objects: HashMap<Arc<Owner>, BTreeMap<ObjectId, Verdict>>,
    /// Of apps that somebody waits for.
    waited_for: HashMap<Arc<Owner>, Arc<Notify>>,
}

impl Unwell {
    /// Takes note of where an object stands; `None` = it is healthy, gone, or nobody can tell.
    pub(super) fn note(&mut self, owner: Option<&Arc<Owner>>, id: &ObjectId, verdict: Option<&Verdict>) {
        let Some(owner) = owner else { return };
        let is_other = match verdict.filter(|verdict| is_unwell(verdict.state)) {
            Some(verdict) => {
                let objects = self.objects.entry(Arc::clone(owner)).or_default();
                objects.insert(id.clone(), verdict.clone()).as_ref() != Some(verdict)
            }
            None => self
                .objects
                .get_mut(owner)
                .is_some_and(|objects| objects.remove(id).is_some()),
        };
        if self.objects.get(owner).is_some_and(BTreeMap::is_empty) {
            self.objects.remove(owner);
        }
        if is_other && let Some(waiting) = self.waited_for.get(owner) {
            waiting.notify_waiters();
        }
    }

    /// Of one app, in the order of identities.
    pub(super) fn of(&self, owner: &Owner) -> Vec<(ObjectId, Verdict)> {
        let objects = self.objects.get(owner).into_iter().flatten();
        objects.map(|(id, verdict)| (id.clone(), verdict.clone())).collect()
    }

    /// Is told whenever one of the app's objects comes to stand elsewhere.
    pub(super) fn wait_for(&mut self, owner: Arc<Owner>) -> Arc<Notify> {
        // Who waited before and doesn't any more holds no clone.
        self.waited_for.retain(|_, waiting| Arc::strong_count(waiting) > 1);
        Arc::clone(self.waited_for.entry(owner).or_default())
    }
}

/// A state that somebody waits to be over. What is told to rest, and what says nothing of itself, is as it should be.
const fn is_unwell(state: State) -> bool {
    matches!(state, State::Progressing | State::Terminating | State::Degraded)
}
