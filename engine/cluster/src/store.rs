//! What lives on a cluster of an installation's objects, kept up to date by one watch a kind.
//!
//! A watch is selected by the installation's label and made by the engine's own credential. Of each object there is kept what
//! is compared ([`windlass_core::live::Reduced`]) and whether it is ready; its body is dropped at once. What is written is told to the store with
//! the API server's answer ([`Store::wrote`]), so that a watch that lags behind shows no drift: what is older than what is
//! known changes nothing.
//!
//! What a watch can't tell is said to be so, never guessed:
//! - An object that leaves the watch may be deleted, or may have lost its label: it is asked for before anybody is told.
//! - Of Secrets the engine's credential watches metadata only (the rule of design.md § 12). When one changed since its content
//!   was last known, it is [`Sight::Unsure`]: whoever may read it does, and says what it found ([`Store::wrote`] again).
//! - An object whose mark names no app of this installation, and none is known for it, is `Unsure` as well.

mod assess;
mod changes;
mod definitions;
mod entry;
mod fallen;
mod feed;
mod sight;
mod unwell;
mod verify;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    sync::{
        Notify,
        watch::{Receiver, Sender, channel},
    },
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use windlass_core::{
    health::{self, Check, Verdict},
    model::ObjectId,
    options::IgnoreRule,
    owner::{INSTALLATION, Owner},
};

use crate::{
    call::CallError,
    cluster::Cluster,
    delete::text,
    identity::Actor,
    ready,
    refusal::Refusal,
    resource::Resource,
    watch::{self, Spec},
};

pub use assess::Unassessed;
pub use changes::{Changed, Changes};
pub use sight::{Live, Sight, Size, Sync};

use changes::Subscribers;
use entry::{Age, Entry, Known};
use fallen::Fallen;
use feed::Feed;
use unwell::Unwell;

/// What apps say about living objects. It is known before anything is watched: the body of what was seen is gone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    apps: Arc<HashMap<Owner, AppRules>>,
    /// Groups and kinds.
    checkers: Arc<HashSet<(String, String)>>,
}

/// What one app says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AppRules {
    /// Ignore rules. What their conditions look at of an object is kept with it, so that whoever changes it is noticed.
    pub ignore: Vec<IgnoreRule>,
    /// Where its objects stand, where that is not for the built-in rules to say.
    pub checks: Vec<Check>,
}

impl Rules {
    /// Of some apps; those without a condition and without a check need not be there.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = (Owner, AppRules)>) -> Self {
        Self {
            apps: Arc::new(rules.into_iter().collect()),
            ..Self::default()
        }
    }

    /// The same, and where objects of these kinds (group, kind) stand is told by who takes [`Store::unassessed`].
    #[must_use]
    pub fn with_checkers(self, kinds: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            checkers: Arc::new(kinds.into_iter().collect()),
            ..self
        }
    }

    fn of(&self, owner: &Owner) -> Option<&AppRules> {
        self.apps.get(owner)
    }

    /// What the app says itself comes first.
    fn has_checker(&self, id: &ObjectId, of_app: Option<&AppRules>) -> bool {
        !self.checkers.is_empty()
            && self.checkers.contains(&(id.group.clone(), id.kind.clone()))
            && !of_app.is_some_and(|rules| rules.checks.iter().any(|check| check.is_about(id)))
    }
}

impl AppRules {
    fn assess(&self, id: &ObjectId, object: &Value) -> Verdict {
        health::assess_by(&self.checks, id, object)
    }
}

/// The store of one cluster and installation. Cheap to clone. Must be made and used within a tokio runtime.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    cluster: Cluster,
    installation: String,
    rules: Rules,
    state: Mutex<State>,
    subscribers: Subscribers,
    definitions: Receiver<u64>,
    tasks: Mutex<JoinSet<()>>,
    verify: verify::Queue,
    assess: assess::Queue,
}

#[derive(Default)]
struct State {
    kinds: HashMap<Arc<Resource>, Kind>,
    /// Owners are many objects' each.
    owners: HashSet<Arc<Owner>>,
    unwell: Unwell,
    fallen: Fallen,
}

/// One kind.
#[derive(Default)]
struct Kind {
    /// By namespace; "" alone where the whole kind is watched.
    watches: BTreeMap<String, Watching>,
    /// The whole kind may not be watched: every namespace is by itself.
    namespaced_only: bool,
    /// Namespaces that somebody asked for.
    wanted: BTreeSet<String>,
    /// By namespace and name.
    objects: BTreeMap<Arc<str>, HashMap<Box<str>, Entry>>,
    /// UIDs that are being deleted by us: when they leave the watch, they are gone.
    doomed: HashSet<String>,
}

struct Watching {
    sync: Sender<Sync>,
    task: AbortHandle,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Kind {
    fn watch_of(&self, namespace: &str) -> Option<&Watching> {
        self.watches.get(if self.namespaced_only { namespace } else { "" })
    }

    fn entry(&self, id: &ObjectId) -> Option<&Entry> {
        self.objects.get(id.namespace.as_str())?.get(id.name.as_str())
    }

    fn entry_mut(&mut self, id: &ObjectId) -> Option<&mut Entry> {
        self.objects.get_mut(id.namespace.as_str())?.get_mut(id.name.as_str())
    }
}

impl Store {
    /// Starts with the definitions of kinds ([`Store::definitions`]); other kinds are watched as they are asked for.
    /// `installation`: what its objects' label says.
    #[must_use]
    pub fn new(cluster: Cluster, installation: &str) -> Self {
        Self::heeding(cluster, installation, Rules::default())
    }

    /// As [`Store::new`]; with the conditions of its apps' ignore rules.
    #[must_use]
    pub fn heeding(cluster: Cluster, installation: &str, rules: Rules) -> Self {
        let mut tasks = JoinSet::new();
        let definitions = definitions::follow(&cluster, &mut tasks);
        let (verify, ask) = verify::queue();
        let store = Self {
            inner: Arc::new(Inner {
                cluster,
                installation: installation.to_owned(),
                rules,
                state: Mutex::default(),
                subscribers: Subscribers::default(),
                definitions,
                tasks: Mutex::default(),
                verify,
                assess: assess::Queue::default(),
            }),
        };
        tasks.spawn(verify::run(Arc::downgrade(&store.inner), ask));
        *store.inner.tasks.lock().unwrap_or_else(PoisonError::into_inner) = tasks;
        store
    }

    /// Watches a kind from now on, if it isn't watched yet. `namespace`: where objects of it are wanted; it matters only
    /// where the credential may not watch the whole kind.
    pub fn ensure(&self, resource: &Resource, namespace: &str) {
        let mut state = self.inner.state();
        let resource = match state.kinds.get_key_value(resource) {
            Some((known, _)) => Arc::clone(known),
            None => Arc::new(resource.clone()),
        };
        let kind = state.kinds.entry(Arc::clone(&resource)).or_default();
        if resource.namespaced {
            kind.wanted.insert(namespace.to_owned());
        }
        let scope = if kind.namespaced_only { namespace } else { "" };
        if !kind.watches.contains_key(scope) {
            let watching = self.inner.watch(&resource, scope);
            kind.watches.insert(scope.to_owned(), watching);
        }
    }

    /// Ends the watches of all other kinds, and forgets their objects.
    pub fn keep_only(&self, resources: &BTreeSet<Resource>) {
        let mut state = self.inner.state();
        let State { kinds, unwell, .. } = &mut *state;
        kinds.retain(|resource, kind| {
            let is_kept = resources.contains(resource.as_ref());
            if !is_kept {
                // A sum of removals, so the order doesn't matter.
                kind.objects.iter().for_each(|(namespace, objects)| {
                    objects.iter().for_each(|(name, entry)| {
                        unwell.note(entry.owner.as_ref(), &resource.id(namespace, name), None);
                    });
                });
            }
            is_kept
        });
    }

    /// How the watch of a kind is doing, where objects of that namespace are concerned.
    #[must_use]
    pub fn sync_of(&self, resource: &Resource, namespace: &str) -> Sync {
        let state = self.inner.state();
        let watching = state.kinds.get(resource).and_then(|kind| kind.watch_of(namespace));
        watching.map_or(Sync::Unwatched, |watching| watching.sync.borrow().clone())
    }

    /// Waits until the first list of a kind is through. Bounded by `within`.
    ///
    /// # Errors
    /// With the state at the end of that time.
    pub async fn synced(&self, resource: &Resource, namespace: &str, within: Duration) -> Result<(), Sync> {
        let end = Instant::now() + within;
        loop {
            let receiver = {
                let state = self.inner.state();
                let watching = state.kinds.get(resource).and_then(|kind| kind.watch_of(namespace));
                watching.map(|watching| watching.sync.subscribe())
            };
            let Some(mut receiver) = receiver else {
                return Err(Sync::Unwatched);
            };
            // What is borrowed must not be held over the next wait.
            let listed = async { receiver.wait_for(Sync::has_listed).await.map(drop) };
            let waited = tokio::time::timeout_at(end, listed).await;
            match waited {
                Ok(Ok(())) => return Ok(()),
                // That watch was given up for one of the namespace alone.
                Ok(Err(_)) => tokio::task::yield_now().await,
                Err(_) => return Err(self.sync_of(resource, namespace)),
            }
        }
    }

    /// What is known of an object, as its owner sees it. Asks nothing.
    #[must_use]
    pub fn see(&self, resource: &Resource, id: &ObjectId, owner: &Owner) -> Sight {
        let state = self.inner.state();
        let Some(kind) = state.kinds.get(resource) else {
            return Sight::Unknown;
        };
        match kind.entry(id) {
            Some(entry) => entry.seen_by(owner),
            None => {
                let has_listed = kind
                    .watch_of(&id.namespace)
                    .is_some_and(|w| w.sync.borrow().has_listed());
                if has_listed { Sight::Absent } else { Sight::Unknown }
            }
        }
    }

    /// What lives of an object: as it is known, or, where that can't be told, as it is read now in somebody's name.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn look(
        &self,
        actor: &Actor,
        resource: &Resource,
        id: &ObjectId,
        owner: &Owner,
    ) -> Result<Option<Arc<Live>>, Refusal> {
        if let Sight::Live(live) = self.see(resource, id, owner) {
            return Ok(Some(live));
        }
        let Some(object) = self.inner.cluster.get(actor, resource, id).await? else {
            return Ok(None);
        };
        self.wrote(resource, id, owner, &object);
        match Known::of(&object, resource, id, owner, &self.inner.rules) {
            Known::Live(live) => Ok(Some(live)),
            Known::Uid(_) => Err(Refusal::Conflict {
                message: "its `metadata.managedFields` can't be read".to_owned(),
            }),
        }
    }

    /// Takes note of an object as the API server showed it: after an apply, and after a read for what was unsure. Tells
    /// nobody: whoever wrote knows. An object without the installation's label is not kept: no watch would tell what becomes
    /// of it.
    pub fn wrote(&self, resource: &Resource, id: &ObjectId, owner: &Owner, live: &Value) {
        let is_labelled = self.inner.is_labelled(live);
        let mut state = self.inner.state();
        let owner = state.intern(owner);
        let Some(kind) = state.kinds.get(resource) else {
            return;
        };
        let version = text(live, "/metadata/resourceVersion");
        if kind.entry(id).is_some_and(|entry| entry.age_of(version) == Age::Older) {
            return;
        }
        if is_labelled {
            let mut known = Known::of(live, resource, id, &owner, &self.inner.rules);
            if let Some((resource, _)) = state.kinds.get_key_value(resource) {
                state.ask(&Arc::clone(resource), id, &owner, &mut known, live, &self.inner);
            }
            state.put(resource, id, Entry::written(owner, known, version));
        } else {
            state.take_out(resource, id);
        }
    }

    /// The objects of an app that are on their way, are being deleted, or won't become healthy by waiting; in the order of
    /// identities. Asks nothing.
    #[must_use]
    pub fn unwell(&self, owner: &Owner) -> Vec<(ObjectId, Verdict)> {
        self.inner.state().unwell.of(owner)
    }

    /// How an object failed that is gone, or about to be; `None` = it was not seen to fail, or that is long ago.
    #[must_use]
    pub fn fallen(&self, resource: &Resource, id: &ObjectId, uid: &str) -> Option<Verdict> {
        let state = self.inner.state();
        let last = state.kinds.get(resource).and_then(|kind| kind.entry(id));
        // That it is gone may not have been told yet.
        let last = last.filter(|entry| entry.uid() == uid).and_then(Entry::verdict);
        let failed = last.filter(|verdict| verdict.state == health::State::Degraded);
        failed.cloned().or_else(|| state.fallen.of(uid))
    }

    /// Is told whenever [`Store::unwell`] comes to say something else of that app. Whoever waits asks again after it began to
    /// wait.
    #[must_use]
    pub fn health_turns(&self, owner: &Owner) -> Arc<Notify> {
        let mut state = self.inner.state();
        let owner = state.intern(owner);
        state.unwell.wait_for(owner)
    }

    /// Takes note that an object is being deleted by us: when it leaves the watch it is gone, and nobody asks for it.
    pub fn doomed(&self, resource: &Resource, uid: &str) {
        if let Some(kind) = self.inner.state().kinds.get_mut(resource) {
            kind.doomed.insert(uid.to_owned());
        }
    }

    /// Everything that changes from now on.
    #[must_use]
    pub fn subscribe(&self) -> Changes {
        self.inner.subscribers.subscribe()
    }

    /// Counts the changes to definitions of kinds (CRDs, aggregated APIs): when it moves, other kinds are served than before.
    #[must_use]
    pub fn definitions(&self) -> Receiver<u64> {
        self.inner.definitions.clone()
    }

    /// How much is kept.
    #[must_use]
    pub fn size(&self) -> Size {
        let state = self.inner.state();
        let mut size = Size::default();
        // A sum, so the order doesn't matter.
        state.kinds.values().for_each(|kind| {
            size.watches += kind.watches.len();
            kind.objects.values().flatten().for_each(|(name, entry)| {
                size.objects += 1;
                size.bytes += size_of::<(Box<str>, Entry)>() + name.len() + entry.heap();
            });
        });
        size
    }
}

impl State {
    fn put(&mut self, resource: &Resource, id: &ObjectId, entry: Entry) {
        let Some(kind) = self.kinds.get_mut(resource) else {
            return;
        };
        let objects = kind.objects.entry(Arc::from(id.namespace.as_str())).or_default();
        let owner = entry.owner.clone();
        let is_going = entry
            .verdict()
            .is_some_and(|verdict| verdict.state == health::State::Terminating);
        let before = objects.insert(id.name.as_str().into(), entry);
        if let Some(before) = before.as_ref().filter(|_| is_going) {
            self.fallen.note(before);
        }
        // It moved to another app.
        if let Some(before) = before.filter(|before| before.owner != owner) {
            self.unwell.note(before.owner.as_ref(), id, None);
        }
        self.note(resource, id);
    }

    /// Takes note of where an object stands.
    fn note(&mut self, resource: &Resource, id: &ObjectId) {
        let Some(entry) = self.kinds.get(resource).and_then(|kind| kind.entry(id)) else {
            return;
        };
        // Nobody waits until a claim is bound, see there.
        let unwell = entry
            .verdict()
            .filter(|verdict| !ready::is_ready(resource, Some(verdict)));
        self.unwell.note(entry.owner.as_ref(), id, unwell);
    }

    fn take_out(&mut self, resource: &Resource, id: &ObjectId) -> Option<Entry> {
        let kind = self.kinds.get_mut(resource)?;
        let objects = kind.objects.get_mut(id.namespace.as_str())?;
        let entry = objects.remove(id.name.as_str())?;
        if objects.is_empty() {
            kind.objects.remove(id.namespace.as_str());
        }
        self.unwell.note(entry.owner.as_ref(), id, None);
        self.fallen.note(&entry);
        Some(entry)
    }

    fn intern(&mut self, owner: &Owner) -> Arc<Owner> {
        if let Some(known) = self.owners.get(owner) {
            return Arc::clone(known);
        }
        let owner = Arc::new(owner.clone());
        self.owners.insert(Arc::clone(&owner));
        owner
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_labelled(&self, object: &Value) -> bool {
        let labels = object.pointer("/metadata/labels");
        let label = labels
            .and_then(|labels| labels.get(INSTALLATION))
            .and_then(Value::as_str);
        label == Some(&self.installation)
    }

    fn watch(self: &Arc<Self>, resource: &Arc<Resource>, namespace: &str) -> Watching {
        let (sync, _) = channel(Sync::Starting);
        let spec = Spec {
            resource: Arc::clone(resource),
            namespace: namespace.to_owned(),
            selector: format!("{INSTALLATION}={}", self.installation),
            field: String::new(),
            metadata: resource.is_secret(),
        };
        let feed = Feed::new(Arc::downgrade(self), &spec, sync.clone());
        let task = tokio::spawn(watch::run(self.cluster.connection().clone(), spec, feed));
        Watching {
            sync,
            task: task.abort_handle(),
        }
    }

    /// The whole kind may not be watched: from now on each wanted namespace is. `false` = that is so already.
    fn narrow(self: &Arc<Self>, resource: &Arc<Resource>) -> bool {
        let mut state = self.state();
        let Some(kind) = state.kinds.get_mut(resource) else {
            return false;
        };
        if kind.namespaced_only {
            return false;
        }
        kind.namespaced_only = true;
        kind.watches.clear();
        for namespace in kind.wanted.clone() {
            let watching = self.watch(resource, &namespace);
            kind.watches.insert(namespace, watching);
        }
        true
    }
}

/// Whether a watch of a whole kind is refused, where one of a namespace might not be.
fn is_too_wide(error: &CallError, resource: &Resource, namespace: &str) -> bool {
    error.code() == Some(403) && resource.namespaced && namespace.is_empty()
}

#[cfg(test)]
mod tests;
