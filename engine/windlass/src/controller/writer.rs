//! What is written into objects: their status, and the finalizer of Apps. On transitions only, a few at a time, and again when it fails.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use windlass_cluster::{cluster::Cluster as Api, refusal::Refusal};
use windlass_core::{
    crds::{GROUP, VERSION},
    render::Instant as Moment,
    status::Condition,
};

use super::{
    Pulse,
    kinds::Kind,
    objects::{FINALIZER, Object},
    statuses::{self, Finding},
};

/// Field manager of what the engine writes into its own objects.
const MANAGER: &str = "windlass-controller";

/// Writes under way: they share the API server with the objects of Apps, which come first.
const WIDTH: usize = 8;

/// First wait after a write that failed; each further one is twice as long.
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
/// Longest.
const BACKOFF_MOST: Duration = Duration::from_secs(60);

/// A watch is not so late.
const LAG: Duration = Duration::from_secs(10);

/// When the program ends, what is to be written may take so long.
const LAST_WORDS: Duration = Duration::from_secs(2);

type Key = (Kind, String);

/// What is to be done to an object.
#[derive(Debug, Clone, PartialEq)]
enum Deed {
    /// Its status is this.
    Status(Value),
    /// It waits for its App to be let go.
    Hold,
    /// It need not wait any more.
    Release,
}

#[derive(Debug)]
struct Wanted {
    uid: String,
    deed: Deed,
    due: Instant,
    failures: u32,
}

/// What a status is by now, written or about to be.
#[derive(Debug)]
struct Standing {
    uid: String,
    status: Value,
}

/// All that is to be written.
pub(super) struct Writer {
    home: Api,
    pulse: Arc<Pulse>,
    standings: BTreeMap<Key, Standing>,
    statuses: BTreeMap<Key, Wanted>,
    finalizers: BTreeMap<Key, Wanted>,
    busy: BTreeSet<Key>,
    /// Objects, by their UID, that were made to wait, and when: the watch takes a moment to tell.
    held: BTreeMap<String, Instant>,
    tasks: JoinSet<(Key, Wanted, Result<(), Refusal>)>,
}

impl Writer {
    pub(super) fn new(home: Api, pulse: Arc<Pulse>) -> Self {
        Self {
            home,
            pulse,
            standings: BTreeMap::new(),
            statuses: BTreeMap::new(),
            finalizers: BTreeMap::new(),
            busy: BTreeSet::new(),
            held: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Has the status of an object be what `of` makes of the one before, `patience` from now at the earliest.
    pub(super) fn decide<S: Serialize + DeserializeOwned + Default>(
        &mut self,
        kind: Kind,
        id: &str,
        object: &Object,
        patience: Duration,
        of: impl FnOnce(&S) -> S,
    ) {
        let key = (kind, id.to_owned());
        let standing = self.standings.entry(key.clone()).or_insert_with(|| Standing {
            uid: String::new(),
            status: Value::Null,
        });
        if standing.uid != object.uid {
            *standing = Standing {
                uid: object.uid.clone(),
                status: object.status.clone(),
            };
        }
        let before: S = serde_json::from_value(standing.status.clone()).unwrap_or_default();
        let now = serde_json::to_value(of(&before)).unwrap_or_default();
        if now == standing.status {
            return;
        }
        standing.status.clone_from(&now);
        let wanted = Wanted {
            uid: object.uid.clone(),
            deed: Deed::Status(now),
            due: Instant::now() + patience,
            failures: 0,
        };
        self.statuses.insert(key, wanted);
    }

    /// The same of conditions alone, whatever else stands there.
    pub(super) fn decide_conditions(
        &mut self,
        kind: Kind,
        id: &str,
        object: &Object,
        found: Vec<Finding>,
        now: Moment,
    ) {
        let generation = Some(object.generation);
        self.decide(
            kind,
            id,
            object,
            Duration::ZERO,
            |before: &serde_json::Map<String, Value>| {
                let mut status = before.clone();
                let known: Vec<Condition> = status
                    .get("conditions")
                    .and_then(|known| serde_json::from_value(known.clone()).ok())
                    .unwrap_or_default();
                let conditions = statuses::conditions(&known, found, generation, now);
                status.insert(
                    "conditions".to_owned(),
                    serde_json::to_value(conditions).unwrap_or_default(),
                );
                status.insert("observedGeneration".to_owned(), object.generation.into());
                status
            },
        );
    }

    /// Has an App's object wait until the App is let go.
    pub(super) fn hold(&mut self, id: &str, object: &Object) {
        let is_done = self.held.get(&object.uid).is_some_and(|since| since.elapsed() < LAG);
        if !is_done {
            self.finalizer(id, object, Deed::Hold);
        }
    }

    /// Lets an App's object go.
    pub(super) fn release(&mut self, id: &str, object: &Object) {
        self.finalizer(id, object, Deed::Release);
    }

    fn finalizer(&mut self, id: &str, object: &Object, deed: Deed) {
        let key = (Kind::App, id.to_owned());
        let known = self.finalizers.get(&key);
        if self.busy.contains(&key) || known.is_some_and(|known| known.uid == object.uid && known.deed == deed) {
            return;
        }
        let wanted = Wanted {
            uid: object.uid.clone(),
            deed,
            due: Instant::now(),
            failures: 0,
        };
        self.finalizers.insert(key, wanted);
    }

    /// An object is gone: nothing is to be written into it any more.
    pub(super) fn forget(&mut self, kind: Kind, id: &str) {
        let key = (kind, id.to_owned());
        self.standings.remove(&key);
        self.statuses.remove(&key);
        self.finalizers.remove(&key);
    }

    /// Of other objects somebody else says how they are: nothing is to be written into them, and what stands there is read anew.
    pub(super) fn keep_only(&mut self, is_own: impl Fn(Kind, &str) -> bool) {
        self.standings.retain(|(kind, id), _| is_own(*kind, id));
        self.statuses.retain(|(kind, id), _| is_own(*kind, id));
        self.finalizers.retain(|(kind, id), _| is_own(*kind, id));
    }

    /// Writes what is due, and takes in what was written. Returns when something changed. Safe to cancel.
    pub(super) async fn attend(&mut self) {
        self.begin();
        let next = self.next();
        tokio::select! {
            Some(done) = self.tasks.join_next() => if let Ok((key, wanted, outcome)) = done {
                self.end(key, wanted, outcome);
            },
            () = super::until(next) => {}
            else => std::future::pending().await,
        }
    }

    /// Lets what is due be written before the program ends.
    pub(super) async fn finish(&mut self) {
        let now = Instant::now();
        for wanted in self.statuses.values_mut() {
            wanted.due = wanted.due.min(now);
        }
        let deadline = now + LAST_WORDS;
        while !(self.statuses.is_empty() && self.tasks.is_empty()) {
            tokio::select! {
                () = self.attend() => {}
                () = sleep_until(deadline) => return,
            }
        }
    }

    fn begin(&mut self) {
        let now = Instant::now();
        while self.tasks.len() < WIDTH {
            let due = |(key, wanted): &(&Key, &Wanted)| wanted.due <= now && !self.busy.contains(*key);
            // Finalizers first: Apps wait for them.
            let found = self.finalizers.iter().find(due).map(|(key, _)| (key.clone(), true));
            let found = found.or_else(|| self.statuses.iter().find(due).map(|(key, _)| (key.clone(), false)));
            let Some((key, is_finalizer)) = found else { return };
            let from = if is_finalizer {
                &mut self.finalizers
            } else {
                &mut self.statuses
            };
            let Some(wanted) = from.remove(&key) else { return };
            self.busy.insert(key.clone());
            let home = self.home.clone();
            self.tasks.spawn(async move {
                let outcome = write(&home, &key, &wanted).await;
                (key, wanted, outcome)
            });
        }
    }

    /// When the next one is due that isn't yet.
    fn next(&self) -> Option<Instant> {
        if self.tasks.len() >= WIDTH {
            return None;
        }
        let all = self.finalizers.iter().chain(&self.statuses);
        all.filter(|(key, _)| !self.busy.contains(*key))
            .map(|(_, wanted)| wanted.due)
            .min()
    }

    fn end(&mut self, key: Key, mut wanted: Wanted, outcome: Result<(), Refusal>) {
        self.busy.remove(&key);
        let what = match wanted.deed {
            Deed::Status(_) => "status",
            Deed::Hold | Deed::Release => "finalizer",
        };
        self.pulse.metrics.wrote(key.0.name(), what, outcome.is_ok());
        let error = match outcome {
            Ok(()) => {
                if wanted.deed == Deed::Hold {
                    self.held.retain(|_, since| since.elapsed() < LAG);
                    self.held.insert(wanted.uid, Instant::now());
                }
                return;
            }
            Err(Refusal::Gone | Refusal::Changed { .. } | Refusal::NoNamespace { .. }) => {
                // It is another object by now, or none: whoever sees that decides anew.
                self.standings.remove(&key);
                return;
            }
            Err(error) => error,
        };
        wanted.failures += 1;
        let wait = BACKOFF_FIRST
            .saturating_mul(1 << wanted.failures.min(10))
            .min(BACKOFF_MOST);
        wanted.due = Instant::now() + wait;
        tracing::warn!(kind = key.0.name(), id = %key.1, %error, again_in = ?wait, "can't be written");
        let into = match wanted.deed {
            Deed::Status(_) => &mut self.statuses,
            Deed::Hold | Deed::Release => &mut self.finalizers,
        };
        // What was decided meanwhile is newer.
        into.entry(key).or_insert(wanted);
    }
}

async fn write(home: &Api, (kind, id): &Key, wanted: &Wanted) -> Result<(), Refusal> {
    let (resource, object) = (kind.resource(), kind.object(id));
    let mut metadata = json!({"name": object.name, "uid": wanted.uid});
    if !object.namespace.is_empty() {
        metadata["namespace"] = object.namespace.clone().into();
    }
    let document = |metadata: Value, status: Option<&Value>| {
        let mut document =
            json!({"apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind.name(), "metadata": metadata});
        if let Some(status) = status {
            document["status"] = status.clone();
        }
        document
    };
    match &wanted.deed {
        Deed::Status(status) => {
            let body = document(metadata, Some(status));
            home.put_status(&resource, &object, &body, MANAGER).await.map(drop)
        }
        Deed::Hold => {
            metadata["finalizers"] = json!([FINALIZER]);
            home.put(&resource, &object, &document(metadata, None), MANAGER).await
        }
        Deed::Release => home.drop_finalizer(&resource, &object, &wanted.uid, FINALIZER).await,
    }
}
