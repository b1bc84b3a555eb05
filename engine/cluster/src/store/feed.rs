//! A watch's events → the store.

use std::sync::{Arc, Weak};

use serde_json::Value;
use tokio::{sync::watch::Sender, time::Instant};
use windlass_core::{model::ObjectId, owner::Owner};

use super::{
    Changed, Inner, Sight, State, Sync,
    entry::{Age, Entry, Known},
    is_too_wide,
    verify::Suspect,
};
use crate::{
    call::CallError,
    delete::text,
    resource::Resource,
    watch::{Sink, Spec},
};

/// What one watch feeds.
pub(super) struct Feed {
    store: Weak<Inner>,
    resource: Arc<Resource>,
    namespace: String,
    sync: Sender<Sync>,
}

impl Feed {
    pub(super) fn new(store: Weak<Inner>, spec: &Spec, sync: Sender<Sync>) -> Self {
        Self {
            store,
            resource: Arc::clone(&spec.resource),
            namespace: spec.namespace.clone(),
            sync,
        }
    }

    /// What is there before the first list is through is news to nobody.
    fn has_listed(&self) -> bool {
        self.sync.borrow().has_listed()
    }
}

impl Sink for Feed {
    fn listing(&mut self) {
        let Some(store) = self.store.upgrade() else { return };
        let mut state = store.state();
        let Some(kind) = state.kinds.get_mut(&self.resource) else {
            return;
        };
        for (namespace, objects) in &mut kind.objects {
            if self.namespace.is_empty() || **namespace == *self.namespace {
                objects.values_mut().for_each(Entry::doubt);
            }
        }
    }

    fn seen(&mut self, object: &Value) {
        let Some(store) = self.store.upgrade() else { return };
        let id = id_of(&self.resource, object);
        let changed = store.state().take(&self.resource, &id, object, &store);
        if let (Some(changed), true) = (changed, self.has_listed()) {
            store.subscribers.tell(&changed);
        }
    }

    fn gone(&mut self, object: &Value) {
        let Some(store) = self.store.upgrade() else { return };
        let id = id_of(&self.resource, object);
        let mut state = store.state();
        let Some(kind) = state.kinds.get_mut(&self.resource) else {
            return;
        };
        let Some(entry) = kind.entry(&id) else { return };
        if entry.age_of(text(object, "/metadata/resourceVersion")) == Age::Older {
            return;
        }
        let uid = entry.uid().to_owned();
        if kind.doomed.remove(&uid) {
            let changed = state.remove(&self.resource, &id, &uid);
            drop(state);
            changed.iter().for_each(|changed| store.subscribers.tell(changed));
        } else {
            drop(state);
            store.verify.ask(Suspect {
                resource: Arc::clone(&self.resource),
                id,
                uid,
            });
        }
    }

    fn listed(&mut self) {
        let Some(store) = self.store.upgrade() else { return };
        let state = store.state();
        let Some(kind) = state.kinds.get(&self.resource) else {
            return;
        };
        let mut suspects = Vec::new();
        for (namespace, objects) in &kind.objects {
            if !self.namespace.is_empty() && **namespace != *self.namespace {
                continue;
            }
            for (name, entry) in objects.iter().filter(|(_, entry)| !entry.confirmed) {
                suspects.push(Suspect {
                    resource: Arc::clone(&self.resource),
                    id: self.resource.id(namespace, name),
                    uid: entry.uid().to_owned(),
                });
            }
        }
        drop(state);
        suspects.sort_by(|a, b| a.id.cmp(&b.id));
        suspects.into_iter().for_each(|suspect| store.verify.ask(suspect));
        self.sync.send_replace(Sync::Synced);
    }

    fn following(&mut self) {
        self.sync.send_if_modified(|sync| {
            let was_lost = matches!(sync, Sync::Lost { was_synced: true, .. });
            if was_lost {
                *sync = Sync::Synced;
            }
            was_lost
        });
    }

    fn lost(&mut self, error: &CallError) {
        tracing::warn!(resource = %self.resource.label(), namespace = %self.namespace, error = %words(error), "nothing is seen of a kind");
        if is_too_wide(error, &self.resource, &self.namespace)
            && let Some(store) = self.store.upgrade()
            && store.narrow(&self.resource)
        {
            // Which ends this watch.
            return;
        }
        if error.code() == Some(404)
            && let Some(store) = self.store.upgrade()
        {
            store.cluster.discovery().expire();
        }
        self.sync.send_modify(|sync| {
            let (since, was_synced) = match &*sync {
                Sync::Lost { since, was_synced, .. } => (*since, *was_synced),
                sync => (Instant::now(), sync.is_synced()),
            };
            *sync = Sync::Lost {
                since,
                why: words(error),
                was_synced,
            };
        });
    }
}

/// With its causes.
fn words(error: &CallError) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        words.push_str(": ");
        words.push_str(&next.to_string());
        cause = next.source();
    }
    words
}

fn id_of(resource: &Resource, object: &Value) -> ObjectId {
    resource.id(text(object, "/metadata/namespace"), text(object, "/metadata/name"))
}

impl State {
    /// Takes an object as it was seen; `None` when it is nothing new.
    pub(super) fn take(
        &mut self,
        resource: &Arc<Resource>,
        id: &ObjectId,
        object: &Value,
        of: &Inner,
    ) -> Option<Changed> {
        let version = text(object, "/metadata/resourceVersion");
        let claim = Owner::of(object, id).filter(|owner| owner.installation == of.installation);
        let claim = claim.map(|owner| self.intern(&owner));
        let kind = self.kinds.get_mut(resource)?;
        let (before, owner) = match kind.entry_mut(id) {
            Some(entry) => {
                match entry.age_of(version) {
                    Age::Older => {
                        entry.confirmed = true;
                        return None;
                    }
                    Age::Same => {
                        entry.arrived();
                        if resource.is_secret() || matches!(entry.known, Known::Live(_)) {
                            return None;
                        }
                    }
                    Age::Newer => {}
                }
                // Stripped of its mark, it is still the one's that had it.
                (entry.sight(), claim.or_else(|| entry.owner.clone()))
            }
            None => (Sight::Absent, claim),
        };
        let known = match &owner {
            // Metadata tells nothing of values.
            Some(owner) if !resource.is_secret() => {
                let mut known = Known::of(object, resource, id, owner, &of.rules);
                self.ask(resource, id, owner, &mut known, object, of);
                known
            }
            _ => Known::uid(object),
        };
        let entry = Entry::new(owner.clone(), known, version);
        let after = entry.sight();
        self.put(resource, id, entry);
        Some(Changed::new(resource, id, owner, before, after))
    }

    /// Forgets an object, if it is still that one.
    pub(super) fn remove(&mut self, resource: &Arc<Resource>, id: &ObjectId, uid: &str) -> Option<Changed> {
        if self.kinds.get(resource)?.entry(id)?.uid() != uid {
            return None;
        }
        let entry = self.take_out(resource, id)?;
        let before = entry.sight();
        Some(Changed::new(resource, id, entry.owner, before, Sight::Absent))
    }

    /// It can't be told what became of an object: somebody who may has to look.
    pub(super) fn doubt(&mut self, resource: &Arc<Resource>, id: &ObjectId, uid: &str) -> Option<Changed> {
        let entry = self.kinds.get_mut(resource)?.entry_mut(id)?;
        if entry.uid() != uid {
            return None;
        }
        let before = entry.sight();
        entry.known = Known::Uid(uid.into());
        let (owner, after) = (entry.owner.clone(), entry.sight());
        self.unwell.note(owner.as_ref(), id, None);
        Some(Changed::new(resource, id, owner, before, after))
    }
}
