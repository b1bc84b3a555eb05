//! Who is told what became of an App: noted and written down as reports come in, delivered apart from the loop.
//!
//! [`Outbox::note`] costs a comparison where nobody has anything to be told. What is to be told is on disk before anybody tries to
//! deliver it (`delivery.rs`), so that a kill loses nothing; what was told and not yet struck out is told again under the same key.

mod delivery;
mod events;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;
use windlass_core::{
    config::{App, Apps, Config, NotifySpec, TenantSpec},
    event::{Event, State, Subject, Topic},
    model::ObjectId,
    outbox::{Entry, Receiver, Standing},
    render::Diagnostic,
};

use crate::{
    current::Current,
    engine::blocking,
    fault,
    report::Report,
    state::{Inventories, StateError},
    stop::Stop,
};

pub(crate) use delivery::{deliver, flush_for, write_down};
pub(crate) use words::{camel, event};

/// What is to be told, and to whom.
pub(crate) struct Outbox {
    /// Of the configuration: secrets lie relative to it.
    base: PathBuf,
    bindings: Current<Bindings>,
    /// There are others than those who deliver know of.
    are_others: AtomicBool,
    /// What a cluster's Events tell.
    of_kubernetes: BTreeSet<Topic>,
    inventories: Arc<Inventories>,
    noted: Mutex<Noted>,
    /// Something was noted.
    news: Notify,
    /// One write at a time, so that none overtakes another.
    writing: tokio::sync::Mutex<()>,
}

/// Who is told, as a configuration says it.
struct Bindings {
    /// By repository.
    bound: BTreeMap<String, Vec<Binding>>,
    /// What Tenants require, in their order.
    required: Vec<Required>,
    /// Labels of namespaces.
    namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

struct Binding {
    spec: NotifySpec,
    apps: Apps,
}

impl Binding {
    fn new(spec: &NotifySpec) -> Self {
        Self {
            spec: spec.clone(),
            apps: spec.apps().unwrap_or_default(), // checked when the configuration was read
        }
    }

    fn receiver<'a>(&'a self, allowed: Option<&'a BTreeSet<Topic>>) -> Receiver<'a> {
        Receiver {
            name: self.spec.binding(),
            topics: &self.spec.on,
            allowed,
        }
    }
}

/// A notifier that the Apps of a Tenant can't be without.
struct Required {
    /// `TENANT/BINDING`: no binding of a repository can be called that.
    name: String,
    tenant: TenantSpec,
    binding: Binding,
}

/// What is known, and what of it isn't on disk yet.
#[derive(Default)]
struct Noted {
    /// What is on disk was read: nobody needs it where nobody is told anything.
    is_read: bool,
    standings: BTreeMap<String, Standing>,
    changed: BTreeSet<String>,
    fresh: BTreeMap<String, Entry>,
    /// On disk, and not handed to who delivers.
    ready: BTreeMap<String, Entry>,
}

/// The receiver that is the cluster itself. No binding can be called that.
const KUBERNETES: &str = "kubernetes/events";

/// What a cluster's Events tell: what goes wrong, and that it doesn't any more.
const OF_KUBERNETES: [Topic; 8] = [
    Topic::Recovered,
    Topic::Degraded,
    Topic::Failed,
    Topic::Drifted,
    Topic::Stalled,
    Topic::Held,
    Topic::Suspended,
    Topic::RolledBack,
];

impl Outbox {
    /// Takes up what is still to be told.
    ///
    /// # Errors
    /// When the state can't be read.
    pub(crate) fn open(config: &Config, base: &Path, inventories: &Arc<Inventories>) -> Result<Self, StateError> {
        let (mut noted, bindings) = (Noted::default(), Bindings::new(config));
        if is_used(config, &bindings) {
            noted.read(inventories)?;
        }
        Ok(Self {
            base: base.to_owned(),
            bindings: Current::new(bindings),
            are_others: AtomicBool::new(false),
            of_kubernetes: OF_KUBERNETES.into(),
            inventories: Arc::clone(inventories),
            noted: Mutex::new(noted),
            news: Notify::new(),
            writing: tokio::sync::Mutex::default(),
        })
    }

    /// Takes another configuration. Blocks for the disk when it is the first in which somebody is told something.
    ///
    /// # Errors
    /// When the state can't be read; then the one of before is kept.
    pub(crate) fn reconfigure(&self, config: &Config) -> Result<(), StateError> {
        let bindings = Bindings::new(config);
        {
            let mut noted = self.noted();
            if is_used(config, &bindings) && !noted.is_read {
                noted.read(&self.inventories)?;
            }
        }
        self.bindings.set(bindings);
        self.are_others.store(true, Ordering::Relaxed);
        self.news.notify_one();
        Ok(())
    }

    /// Apps of another replica are this one's: what they were told last, and what they are still to be told. Blocks for the disk.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn take_over(&self, apps: &[(String, Vec<String>)]) -> Result<(), StateError> {
        let mut standings = BTreeMap::new();
        let mut ready = BTreeMap::new();
        for (app, _) in apps {
            standings.extend(
                self.inventories
                    .standing_of(app)?
                    .map(|standing| (app.clone(), standing)),
            );
            ready.extend(self.inventories.on_their_way_of(app)?);
        }
        let mut noted = self.noted();
        noted.standings.extend(standings);
        noted.ready.extend(ready);
        drop(noted);
        self.news.notify_one();
        Ok(())
    }

    /// Apps are another replica's by now. What is on its way may be told by both.
    pub(crate) fn leave(&self, apps: &[(String, Vec<String>)]) {
        let left: BTreeSet<&str> = apps.iter().map(|(app, _)| app.as_str()).collect();
        let mut noted = self.noted();
        noted.standings.retain(|app, _| !left.contains(app.as_str()));
        noted.changed.retain(|app| !left.contains(app.as_str()));
        noted.fresh.retain(|key, _| !left.contains(app_of(key)));
        noted.ready.retain(|key, _| !left.contains(app_of(key)));
    }

    /// Notes where an App stands.
    pub(crate) fn note(&self, app: &App, report: &Report) {
        let bindings = self.bindings.get();
        let receivers = self.receivers(&bindings, app);
        if !receivers.is_empty() {
            self.take(
                app.full_name(),
                words::event(app, report),
                words::undone(report),
                &receivers,
            );
        }
    }

    /// Notes that a repository gives no commit, and why.
    pub(crate) fn gives_none(&self, repository: &str, apps: usize, why: &[Diagnostic]) {
        self.note_source(repository, words::of_source(repository, apps, Err(why)));
    }

    /// Notes that a repository gives commits: news only to who was told that it doesn't.
    pub(crate) fn gives(&self, repository: &str, revision: Option<String>) {
        let was_told = {
            let noted = self.noted();
            let standing = noted.standings.get(&key_of_source(repository));
            standing.is_some_and(|standing| standing.state == Some(State::Failed))
        };
        if was_told {
            self.note_source(repository, words::of_source(repository, 0, Ok(revision)));
        }
    }

    fn note_source(&self, repository: &str, event: Event) {
        let bindings = self.bindings.get();
        let receivers: Vec<Receiver<'_>> = bindings
            .of(repository)
            .iter()
            .map(|binding| binding.receiver(None))
            .collect();
        if !receivers.is_empty() {
            self.take(key_of_source(repository), event, Vec::new(), &receivers);
        }
    }

    fn take(&self, key: String, event: Event, undone: Vec<Subject>, receivers: &[Receiver<'_>]) {
        let mut noted = self.noted();
        let standing = noted.standings.entry(key.clone()).or_default();
        let before = standing.clone();
        let entries = standing.note(event, undone, receivers);
        if *standing == before {
            return;
        }
        for entry in entries {
            noted.fresh.insert(key_of(&key, entry.event.occurrence), entry);
        }
        noted.changed.insert(key);
        drop(noted);
        self.news.notify_one();
    }

    /// Writes down that edits are about to be undone: once they are, nothing on the target tells of them.
    ///
    /// # Errors
    /// When it can't be written.
    pub(crate) async fn undoes(&self, app: &App, objects: Vec<ObjectId>) -> Result<(), Stop> {
        let bindings = self.bindings.get();
        let receivers = self.receivers(&bindings, app);
        let heeds = |receiver: &Receiver<'_>| receiver.topics.contains(&Topic::Drifted);
        if objects.is_empty() || !receivers.iter().any(heeds) {
            return Ok(());
        }
        {
            let mut noted = self.noted();
            let key = app.full_name();
            if !noted.standings.entry(key.clone()).or_default().finds(objects) {
                return Ok(());
            }
            noted.changed.insert(key);
        }
        Ok(self.write().await?)
    }

    fn receivers<'a>(&'a self, bindings: &'a Bindings, app: &'a App) -> Vec<Receiver<'a>> {
        let bound = bindings.of(app.repository()).iter();
        let bound = bound.filter(|binding| binding.apps.have(&app.name));
        let mut receivers: Vec<Receiver<'_>> = bound
            .map(|binding| binding.receiver(app.spec.notify.on.as_ref()))
            .collect();
        let unlabelled = BTreeMap::new();
        let labels = bindings.namespaces.get(&app.namespace).unwrap_or(&unlabelled);
        let required = bindings.required.iter();
        let required = required
            .filter(|required| required.tenant.has(&app.namespace, labels) && required.binding.apps.have(&app.name));
        // Neither its repository nor the App itself makes them silent.
        receivers.extend(required.map(|required| Receiver {
            name: &required.name,
            topics: &required.binding.spec.on,
            allowed: None,
        }));
        if app.spec.notify.kubernetes_events {
            receivers.push(Receiver {
                name: KUBERNETES,
                topics: &self.of_kubernetes,
                allowed: None,
            });
        }
        receivers
    }

    /// Writes down all that was noted, with one write.
    async fn write(&self) -> Result<(), StateError> {
        let _turn = self.writing.lock().await;
        let (standings, fresh) = {
            let mut noted = self.noted();
            let changed = std::mem::take(&mut noted.changed);
            let standings: BTreeMap<String, Standing> = changed
                .into_iter()
                .filter_map(|key| noted.standings.get_key_value(&key))
                .map(|(key, standing)| (key.clone(), standing.clone()))
                .collect();
            (standings, std::mem::take(&mut noted.fresh))
        };
        if standings.is_empty() && fresh.is_empty() {
            return Ok(());
        }
        fault::point("outbox: before a write");
        let inventories = Arc::clone(&self.inventories);
        let entries: BTreeMap<String, Option<Entry>> = fresh
            .iter()
            .map(|(key, entry)| (key.clone(), Some(entry.clone())))
            .collect();
        let changed: Vec<String> = standings.keys().cloned().collect();
        let written = blocking(move || inventories.tell(&standings, &entries)).await;
        fault::point("outbox: written");
        let mut noted = self.noted();
        match written {
            Ok(Ok(())) => {
                noted.ready.extend(fresh);
                Ok(())
            }
            failed => {
                // Tried again with the next news, or soon.
                noted.changed.extend(changed);
                noted.fresh.extend(fresh);
                match failed {
                    Ok(Err(error)) => Err(error),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Whether there is still such a receiver.
    fn is_bound(&self, repository: &str, name: &str) -> bool {
        name == KUBERNETES || self.spec(&(repository.to_owned(), name.to_owned())).is_some()
    }

    fn spec(&self, (repository, name): &(String, String)) -> Option<NotifySpec> {
        self.bindings.get().spec(repository, name).cloned()
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn read(&mut self, inventories: &Inventories) -> Result<(), StateError> {
        self.standings = inventories.standings()?;
        self.ready = inventories.on_their_way()?;
        self.is_read = true;
        Ok(())
    }
}

impl Bindings {
    fn new(config: &Config) -> Self {
        let bound = config.repositories.iter().map(|(name, spec)| {
            let bindings = spec.plugins.notify.iter().map(Binding::new);
            (name.clone(), bindings.collect())
        });
        let required = config.tenants.iter().flat_map(|(name, tenant)| {
            tenant.required.notify.iter().map(move |spec| Required {
                name: format!("{name}/{}", spec.binding()),
                tenant: tenant.clone(),
                binding: Binding::new(spec),
            })
        });
        Self {
            bound: bound.collect(),
            required: required.collect(),
            namespaces: config.namespaces.clone(),
        }
    }

    fn of(&self, repository: &str) -> &[Binding] {
        self.bound.get(repository).map_or(&[], Vec::as_slice)
    }

    /// Every receiver, by its repository (none asks for what a Tenant requires) and name.
    fn all(&self) -> Vec<((String, String), NotifySpec)> {
        let mut all = Vec::new();
        for (repository, bindings) in &self.bound {
            for Binding { spec, .. } in bindings {
                all.push(((repository.clone(), spec.binding().to_owned()), spec.clone()));
            }
        }
        for Required { name, binding, .. } in &self.required {
            all.push(((String::new(), name.clone()), binding.spec.clone()));
        }
        all
    }

    fn is_anybody_bound(&self) -> bool {
        !self.required.is_empty() || self.bound.values().any(|bindings| !bindings.is_empty())
    }

    fn spec(&self, repository: &str, name: &str) -> Option<&NotifySpec> {
        if let Some(required) = self.required.iter().find(|required| required.name == name) {
            return Some(&required.binding.spec);
        }
        let mut specs = self.of(repository).iter().map(|binding| &binding.spec);
        specs.find(|spec| spec.binding() == name)
    }
}

/// Whether anybody is told anything.
fn is_used(config: &Config, bindings: &Bindings) -> bool {
    bindings.is_anybody_bound() || config.apps.values().any(|app| app.spec.notify.kubernetes_events)
}

/// Of a repository: no App's, whose namespace is never empty.
fn key_of_source(repository: &str) -> String {
    format!("/{repository}")
}

/// Of an event: the key of the App or repository, and its number.
fn key_of(app: &str, number: u64) -> String {
    format!("{app}|{number:020}")
}

/// The App's key in that of an event.
fn app_of(key: &str) -> &str {
    key.rsplit_once('|').map_or(key, |(app, _)| app)
}
