//! What is kept of Apps, as `Inventory` objects: what a replica that takes over an App reads, and what it must not overwrite.
//!
//! The rows in this process's file are what it works with; an object says the same of one App. What has to be known before something
//! is changed is there when the write returns; what can be found out again follows within [`SOON`].
//! Every write names the version of the object that it was made for: who looked at another one is refused, and lets the App go.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::runtime::Handle;
use windlass_cluster::{
    cluster::Cluster as Api, discovery::KindError, identity::Actor, refusal::Refusal, resource::Resource,
};
use windlass_core::{
    config::parts_of,
    crds::{GROUP, KINDS, VERSION},
    digest::Digest,
    ledger::{Ledger, Writer},
    shards::shard_of,
};

use super::StateError;
use crate::{replica::Held, stop::chain};

/// Field manager of these objects.
const MANAGER: &str = "windlass-controller";

/// Names the shard of an Inventory object.
pub(crate) const SHARD: &str = "windlass.dev/shard";

/// Marks a part of another object.
const PIECE: &str = "windlass.dev/piece";

/// Keeps an Inventory object until its App is let go: who deletes a namespace deletes what is in it in no order, and an App that is to go may
/// own things elsewhere.
pub(crate) const FINALIZER: &str = "windlass.dev/inventory";

/// What a killed process may lose, because it is found out again: it follows after so long. What comes within it is one write.
pub(crate) const SOON: Duration = Duration::from_secs(1);

/// Times that an object is looked at anew because it is another by now: a person who sets a label, and no more.
const LOOKS: u32 = 4;

/// See the module.
pub(crate) struct Ledgers {
    home: Api,
    replica: String,
    held: Arc<Held>,
    runtime: Handle,
    objects: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Known>>>>,
    /// Keys of inventories, by App.
    keys: Mutex<BTreeMap<String, BTreeSet<String>>>,
    /// What follows soon, and when.
    due: Mutex<BTreeMap<String, Instant>>,
    /// Apps whose objects can't be read, and why.
    damaged: Mutex<BTreeMap<String, String>>,
}

/// An object, as this process knows it.
#[derive(Default)]
struct Known {
    /// `None`: it isn't there.
    version: Option<String>,
    /// Of what it says.
    says: Option<Digest>,
    pieces: BTreeSet<String>,
}

/// What lies in the cluster of an App.
pub(crate) struct Found {
    /// `namespace/name`.
    pub(crate) app: String,
    pub(crate) ledger: Ledger,
}

fn resource() -> Resource {
    let kind = KINDS.iter().find(|kind| kind.kind == "Inventory");
    Resource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        kind: "Inventory".to_owned(),
        plural: kind.map_or("inventories", |kind| kind.plural).to_owned(),
        namespaced: true,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text<'v>(object: &'v Value, at: &str) -> &'v str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

fn version_of(object: &Value) -> Option<String> {
    Some(text(object, "/metadata/resourceVersion").to_owned())
}

/// The App of an inventory's key.
pub(crate) fn app_of(key: &str) -> &str {
    key.rsplit_once('|').map_or(key, |(_, app)| app)
}

impl Ledgers {
    /// Must be made within a runtime, and used from threads that may block.
    pub(crate) fn new(home: Api, replica: &str, held: Arc<Held>) -> Self {
        Self {
            home,
            replica: replica.to_owned(),
            held,
            runtime: Handle::current(),
            objects: Mutex::default(),
            keys: Mutex::default(),
            due: Mutex::default(),
            damaged: Mutex::default(),
        }
    }

    /// Whether any App of the cluster has such an object.
    ///
    /// # Errors
    /// When that can't be told.
    pub(crate) async fn is_any(home: &Api) -> Result<bool, Refusal> {
        match home.select(&resource(), "", SHARD).await {
            Ok(found) => Ok(!found.is_empty()),
            // The kind isn't there yet.
            Err(Refusal::Kind(KindError::NoMatch { .. })) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Reads what lies in the cluster of the Apps of a shard, and goes by these versions from now on. What can't be read is told and left alone.
    ///
    /// # Errors
    /// When it can't be listed.
    pub(crate) async fn read(&self, shard: u16) -> Result<Vec<Found>, Refusal> {
        let all = self.home.select(&resource(), "", &format!("{SHARD}={shard}")).await?;
        let name = |object: &Value| {
            format!(
                "{}/{}",
                text(object, "/metadata/namespace"),
                text(object, "/metadata/name")
            )
        };
        let is_piece = |object: &&Value| {
            object
                .pointer("/metadata/labels")
                .is_some_and(|labels| labels.get(PIECE).is_some())
        };
        let (pieces, whole): (Vec<&Value>, Vec<&Value>) = all.iter().partition(is_piece);
        let pieces: BTreeMap<String, &Value> = pieces.into_iter().map(|piece| (name(piece), piece)).collect();
        let mut found = Vec::new();
        for object in whole {
            let app = name(object);
            let namespace = text(object, "/metadata/namespace");
            let ledger = object.get("spec").map_or(Ok(Ledger::default()), Ledger::read);
            let names = ledger.as_ref().map(|ledger| ledger.pieces.clone()).unwrap_or_default();
            let piece = |name: &str| {
                let piece = pieces.get(&format!("{namespace}/{name}"))?;
                Some(text(piece, "/spec/piece").to_owned())
            };
            let ledger = match ledger.and_then(|ledger| ledger.whole(piece)) {
                Ok(ledger) => ledger,
                Err(error) => {
                    let why = chain(&error);
                    tracing::error!(%app, %why, "its Inventory can't be read: nothing is changed or deleted for it");
                    lock(&self.damaged).insert(app, why);
                    continue;
                }
            };
            lock(&self.damaged).remove(&app);
            let known = Known {
                version: version_of(object),
                says: None,
                pieces: names.into_iter().collect(),
            };
            lock(&self.objects).insert(app.clone(), Arc::new(tokio::sync::Mutex::new(known)));
            let keys = ledger.targets.iter().map(|kept| kept.key.clone()).collect();
            lock(&self.keys).insert(app.clone(), keys);
            found.push(Found { app, ledger });
        }
        Ok(found)
    }

    /// Apps of a shard of which anything is known.
    pub(crate) fn apps_of(&self, shard: u16) -> Vec<String> {
        let objects = lock(&self.objects);
        let its = objects.keys().filter(|app| shard_of(parts_of(app).0) == shard);
        its.cloned().collect()
    }

    /// Forgets what was known of the Apps of a shard. Answers them, with their keys.
    pub(crate) fn leave(&self, shard: u16) -> Vec<(String, Vec<String>)> {
        let is_of = |app: &String| shard_of(parts_of(app).0) == shard;
        lock(&self.due).retain(|app, _| !is_of(app));
        lock(&self.damaged).retain(|app, _| !is_of(app));
        let objects: Vec<_> = lock(&self.objects).extract_if(.., |app, _| is_of(app)).collect();
        let mut left: BTreeMap<String, BTreeSet<String>> =
            objects.into_iter().map(|(app, _)| (app, BTreeSet::new())).collect();
        left.extend(lock(&self.keys).extract_if(.., |app, _| is_of(app)));
        let list = |(app, keys): (String, BTreeSet<String>)| (app, keys.into_iter().collect());
        left.into_iter().map(list).collect()
    }

    /// Why an App's object can't be read.
    pub(crate) fn damage(&self, app: &str) -> Option<String> {
        lock(&self.damaged).get(app).cloned()
    }

    /// Keys of an App's inventories.
    pub(crate) fn keys_of(&self, app: &str) -> Vec<String> {
        let keys = lock(&self.keys);
        keys.get(app).into_iter().flatten().cloned().collect()
    }

    /// There is something under a key.
    pub(crate) fn has(&self, key: &str) {
        let mut keys = lock(&self.keys);
        match keys.get_mut(app_of(key)) {
            Some(known) if known.contains(key) => {}
            Some(known) => drop(known.insert(key.to_owned())),
            None => drop(keys.insert(app_of(key).to_owned(), [key.to_owned()].into())),
        }
    }

    /// There is nothing any more.
    pub(crate) fn has_not(&self, key: &str) {
        if let Some(known) = lock(&self.keys).get_mut(app_of(key)) {
            known.remove(key);
        }
    }

    /// An App's object is to say something else, soon.
    pub(crate) fn soon(&self, app: &str) {
        lock(&self.due)
            .entry(app.to_owned())
            .or_insert_with(|| Instant::now() + SOON);
    }

    /// Apps whose objects are to be written by now; `all`: or soon.
    pub(crate) fn due(&self, all: bool) -> Vec<String> {
        let now = Instant::now();
        let due = lock(&self.due);
        let due = due.iter().filter(|(_, at)| all || **at <= now);
        due.map(|(app, _)| app.clone()).collect()
    }

    /// Writes an App's object. `ledger`: what is to be said, asked once nobody else writes it. Blocks.
    ///
    /// # Errors
    /// When it can't be written; then it is tried again soon.
    pub(crate) fn write(
        &self,
        app: &str,
        ledger: impl Fn() -> Result<Ledger, StateError> + Send,
    ) -> Result<(), StateError> {
        let written = self.runtime.block_on(self.put(app, ledger));
        if written.is_err() && self.held.epoch(shard_of(parts_of(app).0)).is_some() {
            self.soon(app);
        }
        written
    }

    async fn put(&self, app: &str, ledger: impl Fn() -> Result<Ledger, StateError> + Send) -> Result<(), StateError> {
        let refused = |why: &dyn std::fmt::Display| StateError::Cluster {
            app: app.to_owned(),
            why: why.to_string(),
        };
        let (namespace, name) = app.split_once('/').ok_or_else(|| refused(&"it has no namespace"))?;
        let shard = shard_of(namespace);
        let Some(epoch) = self.held.epoch(shard) else {
            return Err(StateError::NotKept { app: app.to_owned() });
        };
        let known = Arc::clone(lock(&self.objects).entry(app.to_owned()).or_default());
        let mut known = known.lock().await;
        // From here on: what changes later is written later.
        lock(&self.due).remove(app);
        let mut ledger = ledger()?;
        let resource = resource();
        let id = resource.id(namespace, name);
        if ledger.is_nothing() {
            self.remove(&resource, namespace, name, &mut known)
                .await
                .map_err(|error| refused(&chain(&error)))?;
            return Ok(());
        }
        let bytes = serde_json::to_vec(&ledger).map_err(|error| refused(&error))?;
        let says = Digest::of(&bytes);
        if known.says == Some(says) {
            return Ok(());
        }
        ledger.writer = Some(Writer {
            replica: self.replica.clone(),
            shard,
            epoch,
        });
        let (ledger, pieces) = ledger.split(name).map_err(|error| refused(&error))?;
        let mut metadata = json!({
            "name": name,
            "namespace": namespace,
            "labels": {SHARD: shard.to_string()},
            "finalizers": [FINALIZER],
        });
        for (piece, text) in pieces.iter().filter(|(piece, _)| !known.pieces.contains(*piece)) {
            let labels = json!({SHARD: shard.to_string(), PIECE: "true"});
            let body = json!({
                "apiVersion": format!("{GROUP}/{VERSION}"),
                "kind": "Inventory",
                "metadata": {"name": piece, "namespace": namespace, "labels": labels, "finalizers": [FINALIZER]},
                "spec": {"format": ledger.format, "piece": text},
            });
            match self
                .home
                .create(&resource, &resource.id(namespace, piece), &body, MANAGER)
                .await
            {
                // By its name it says the same.
                Ok(_) | Err(Refusal::Changed { .. }) => {}
                Err(error) => return Err(refused(&chain(&error))),
            }
        }
        let spec = serde_json::to_value(&ledger).map_err(|error| refused(&error))?;
        for _ in 0..LOOKS {
            metadata["resourceVersion"] = known.version.clone().unwrap_or_default().into();
            let body = json!({"apiVersion": format!("{GROUP}/{VERSION}"), "kind": "Inventory", "metadata": metadata, "spec": spec});
            let written = match known.version {
                Some(_) => self.home.replace(&resource, &id, &body, MANAGER).await,
                None => self.home.create(&resource, &id, &body, MANAGER).await,
            };
            match written {
                Ok(object) => {
                    known.version = version_of(&object);
                    known.says = Some(says);
                    let old: Vec<String> = known
                        .pieces
                        .iter()
                        .filter(|piece| !pieces.contains_key(*piece))
                        .cloned()
                        .collect();
                    known.pieces = pieces.into_keys().collect();
                    for piece in old {
                        self.remove_one(&resource, namespace, &piece).await;
                    }
                    return Ok(());
                }
                Err(Refusal::Gone) => known.version = None,
                Err(Refusal::Changed { .. }) => {
                    let live = self
                        .home
                        .get(&Actor::Own, &resource, &id)
                        .await
                        .map_err(|error| refused(&chain(&error)))?;
                    let writer = live.as_ref().and_then(|live| live.pointer("/spec/writer"));
                    let later = writer.and_then(|writer| writer.get("epoch")).and_then(Value::as_i64);
                    if later.is_some_and(|later| later > epoch) {
                        return Err(StateError::NotKept { app: app.to_owned() });
                    }
                    // Somebody set a label, or an answer to this process was lost; or what a replica sent before it was fenced came late.
                    known.version = live.as_ref().and_then(version_of);
                }
                Err(error) => return Err(refused(&chain(&error))),
            }
        }
        Err(refused(&"its Inventory changes all the time"))
    }

    /// An App is let go: its object, and the pieces of it.
    async fn remove(&self, resource: &Resource, namespace: &str, name: &str, known: &mut Known) -> Result<(), Refusal> {
        if known.version.is_some() {
            self.take_away(resource, namespace, name).await?;
            *known = Known {
                pieces: std::mem::take(&mut known.pieces),
                ..Known::default()
            };
        }
        for piece in std::mem::take(&mut known.pieces) {
            self.remove_one(resource, namespace, &piece).await;
        }
        Ok(())
    }

    /// A piece that nobody names any more. One that stays costs room and nothing else.
    async fn remove_one(&self, resource: &Resource, namespace: &str, piece: &str) {
        if let Err(error) = self.take_away(resource, namespace, piece).await {
            tracing::warn!(%namespace, %piece, %error, "a piece of an Inventory that is not needed any more can't be deleted");
        }
    }

    async fn take_away(&self, resource: &Resource, namespace: &str, name: &str) -> Result<(), Refusal> {
        let id = resource.id(namespace, name);
        let Some(live) = self.home.get(&Actor::Own, resource, &id).await? else {
            return Ok(());
        };
        let uid = text(&live, "/metadata/uid").to_owned();
        self.home.take_away(resource, &id, |_| true).await?;
        self.home.drop_finalizer(resource, &id, &uid, FINALIZER).await
    }
}
