//! What the stages of [`crate::reconcile`] share: configuration, state, sources, plugins, and one lock per app.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedMutexGuard, Semaphore, SemaphorePermit, mpsc::UnboundedSender, watch};
use windlass_cluster::{
    facts::Facts,
    store::{AppRules, Rules},
};
use windlass_core::{
    config::{App, Config, ValidatorSpec},
    diff::{Plan, Policy},
    digest::Digest,
    inventory::Inventory,
    manifest,
    oid::Oid,
    rollout::Serving,
};
use windlass_host::Tenant;
use windlass_source::Revision;

use crate::{
    added::Added,
    apply::Changes,
    assess::{self, Assessor},
    attend,
    claims::Claims,
    clusters::Clusters,
    current::Current,
    depends::Depends,
    desk::Desk,
    drift::Drifts,
    fault,
    fights::Fights,
    foreign::Watching,
    health::Healths,
    holds, leave,
    outbox::{self, Outbox},
    plugins::{Plugins, PluginsError},
    preview::Foreseen,
    reconcile::{self, Seen},
    record,
    render::{Cache, RunId, Store},
    report::Report,
    rooms::{Rooms, Seat},
    run::{Event, Stage},
    settled::Settled,
    sources::{self, Settings, Sources},
    state::{Inventories, Secret, State, StateError, ledgers::Ledgers},
    stop::Stop,
    supply::{self, Supply},
    target::{self, Directory, Manners, Memory, Owner, Previous, Target, TargetChoice},
    validate::Verdicts,
};

/// How long a single sync takes to tell of what it did; what is left is told by the next, or by `run`.
const TELLING: Duration = Duration::from_secs(10);

pub use crate::{clusters::Kubeconfigs, replica::Replica, secrets::Home};

/// What the command line says beside the configuration.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Folder of state; made when it is not there.
    pub state: PathBuf,
    /// The configuration file, absolute: Apps that stood in it and don't any more are let go. `None`: none are.
    pub file: Option<PathBuf>,
    /// Folder of compiled plugins; default: in the state.
    pub cache: Option<PathBuf>,
    /// Folders searched for plugins, first match wins.
    pub plugins: Vec<PathBuf>,
    /// Where a kubeconfig is, when none is named.
    pub kubeconfigs: Kubeconfigs,
    /// The cluster that the configuration is made of; it is `in-cluster` then.
    pub home: Option<Home>,
    /// What makes this process one of several over that cluster: what Apps own lies there then, and not in the folder of state.
    pub replica: Option<Replica>,
    /// What serves each choice of a plugin, as it was written down elsewhere than in the folder of state.
    pub serving: BTreeMap<String, Serving>,
    /// Overrides every App's target.
    pub target: Option<TargetChoice>,
    /// Overrides every Repository's validators.
    pub validators: Option<Vec<ValidatorSpec>>,
    /// Apps whose deletions of this cycle are consented to.
    pub allow_deletes: BTreeSet<String>,
    /// A person asked for every cycle: consent to changes of Apps whose `sync.mode` is `Manual`.
    pub by_a_person: bool,
    /// Put traces into reports.
    pub explain: bool,
    /// What the environment and the command line say of sources.
    pub sources: Settings,
    /// Most bytes of all compiled plugins together.
    pub max_cache: Option<u64>,
}

/// Why the engine can't start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The state folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// The plugins.
    #[error(transparent)]
    Plugins(#[from] PluginsError),
    /// An app says nowhere to go, and neither does the command line.
    #[error("App `{app}` has no target: set `spec.target.cluster` or `spec.target.directory`, or give `--target`")]
    NoTarget {
        /// Which.
        app: String,
    },
}

/// A configuration at work.
pub struct Engine {
    config: Arc<Current<Config>>,
    base: PathBuf,
    options: Options,
    secret: Secret,
    facts: Facts,
    desk: Arc<Desk>,
    sources: Sources,
    clusters: Clusters,
    claims: Claims,
    plugins: Arc<Current<Plugins>>,
    renderings: Cache,
    settled: Mutex<BTreeMap<String, Settled>>,
    /// Desired hashes of renders, where it is to be known whether they failed before; by the key of an inventory.
    desired: Mutex<BTreeMap<String, (RunId, Digest)>>,
    fights: Fights,
    healths: Healths,
    drifts: Drifts,
    outbox: Outbox,
    depends: Depends,
    foreign: Watching,
    /// What directory targets hold.
    files: Arc<Memory>,
    rooms: Rooms,
    verdicts: Verdicts,
    locks: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
    supply: Supply,
    /// A place is held while an inventory is written.
    writing: Semaphore,
    events: Mutex<Option<UnboundedSender<Event>>>,
    /// Counts configurations.
    configured: watch::Sender<u64>,
}

impl Engine {
    /// Takes hold of the state and reads the plugins' manifests. `base`: the folder of the configuration file.
    ///
    /// # Errors
    /// When the state is in use or damaged, or a plugin can't be admitted.
    pub fn open(config: Config, base: &Path, options: Options) -> Result<Arc<Self>, OpenError> {
        fault::after_requests();
        let state = match &options.replica {
            Some(replica) => State::of_replica(&options.state, replica.secret.clone())?,
            None => State::open(&options.state)?,
        };
        let cache = options.cache.clone().unwrap_or_else(|| state.cache());
        let installation = state.secret().installation();
        let plugins = Plugins::open_bounded(&options.plugins, &config.plugins, base, &cache, options.max_cache)?;
        let inventories = Arc::new(match (&options.replica, &options.home) {
            (Some(replica), Some(home)) => {
                let held = Arc::clone(&replica.held);
                state.copies(Ledgers::new(home.api.clone(), &replica.id, held))?
            }
            _ => state.inventories()?,
        });
        let writing = Semaphore::new(inventories.width());
        let outbox = Outbox::open(&config, base, &inventories)?;
        let renders = Store::new(&state.renders(), state.secret()).keeping(&state.history());
        let desk = Desk::open(inventories, Arc::new(renders), config.apps.len())?;
        for (choice, serving) in &options.serving {
            desk.rollouts().serve(choice, Some(serving.clone()))?;
        }
        let plugins = plugins.keeping(&config, &desk.rollouts().serving(), None);
        let rules = rules(&config, &installation, &plugins);
        let plugins = Arc::new(Current::new(plugins));
        let depends = Depends::new(&config);
        let sources = Sources::new(&config, base, state.mirrors(), options.sources.clone());
        let sources = sources.at_home(options.home.as_ref());
        let clusters = Clusters::new(&config.clusters, base, &installation, rules, &options.kubeconfigs);
        let guard = options.replica.as_ref().map(Replica::guard);
        let clusters = clusters.at_home(options.home.as_ref()).guarded(guard);
        let config = Arc::new(Current::new(config));
        let assessor = Assessor::new(Arc::clone(&plugins), Arc::clone(&config));
        Ok(Arc::new(Self {
            sources,
            clusters: clusters.asking(assessor),
            claims: Claims::default(),
            outbox,
            depends,
            desk,
            secret: state.secret().clone(),
            facts: Facts::offline(),
            base: base.to_owned(),
            config,
            options,
            plugins,
            renderings: Cache::default(),
            settled: Mutex::default(),
            desired: Mutex::default(),
            fights: Fights::default(),
            healths: Healths::default(),
            drifts: Drifts::default(),
            foreign: Watching::default(),
            files: Arc::default(),
            rooms: Rooms::new(),
            verdicts: Verdicts::default(),
            locks: Mutex::default(),
            supply: Supply::default(),
            writing,
            events: Mutex::default(),
            configured: watch::Sender::new(0),
        }))
    }

    /// Holds every app to having a target, before anything is tried.
    ///
    /// # Errors
    /// With the first app that has none.
    pub fn require_targets(&self) -> Result<(), OpenError> {
        self.require_targets_of(&self.config())
    }

    pub(crate) fn require_targets_of(&self, config: &Config) -> Result<(), OpenError> {
        let has_one = |app: &&App| {
            let target = &app.spec.target;
            target.directory.is_some() || target.cluster.is_some() || self.options.target.is_some()
        };
        match config.apps.values().find(|app| !has_one(app)) {
            Some(app) => Err(OpenError::NoTarget {
                app: app.id().to_owned(),
            }),
            None => Ok(()),
        }
    }

    /// The configuration, as it is now ([`Engine::reconfigure`]).
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.config.get()
    }

    pub(crate) fn set_config(&self, config: Config) {
        self.config.set(config);
    }

    /// Counts configurations.
    pub(crate) const fn configured(&self) -> &watch::Sender<u64> {
        &self.configured
    }

    /// The folder that relative paths of the configuration start from.
    pub(crate) fn base(&self) -> &Path {
        &self.base
    }

    /// The sources.
    #[must_use]
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Every app once, and those that left the configuration after them, as many at a time as there are cores; each report as it
    /// comes. `within`: how long an app that waits for something is looked at again.
    pub async fn sync(self: &Arc<Self>, within: Duration, mut on_report: impl FnMut(&Report) + Send) -> Vec<Report> {
        let mut reports = Vec::new();
        let mut tasks = tokio::task::JoinSet::new();
        for app in self.config().apps.values() {
            let (engine, app) = (Arc::clone(self), app.clone());
            tasks.spawn(async move { attend::until_done(&engine, &app, within).await });
        }
        while let Some(done) = tasks.join_next().await {
            if let Ok(report) = done {
                self.note(&report);
                on_report(&report);
                reports.push(report);
            }
        }
        supply::note(self).await;
        outbox::flush_for(self, TELLING).await;
        // Last: what another App takes over from one that left is taken over by now.
        for report in leave::all(self).await {
            on_report(&report);
            reports.push(report);
        }
        reports.sort_by(|a, b| a.app.cmp(&b.app));
        reports
    }

    /// What [`Engine::sync`] would do, app by app. Writes nothing to a target and nothing to an inventory.
    pub async fn diff(self: &Arc<Self>) -> Vec<(Report, Option<Foreseen>)> {
        let mut tasks = tokio::task::JoinSet::new();
        for app in self.config().apps.values() {
            let (engine, app) = (Arc::clone(self), app.clone());
            tasks.spawn(async move { reconcile::diff(&engine, &app).await });
        }
        let mut all = tasks.join_all().await;
        all.sort_by(|a, b| a.0.app.cmp(&b.0.app));
        all
    }

    /// Renders and checks every app; looks at no target.
    pub async fn check(self: &Arc<Self>) -> Vec<Report> {
        let mut tasks = tokio::task::JoinSet::new();
        for app in self.config().apps.values() {
            let (engine, app) = (Arc::clone(self), app.clone());
            tasks.spawn(async move { reconcile::check(&engine, &app).await });
        }
        let mut all = tasks.join_all().await;
        all.sort_by(|a, b| a.app.cmp(&b.app));
        all
    }

    /// Sends what happens to somebody who watches; nobody is told twice.
    pub fn watch(&self, events: UnboundedSender<Event>) {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner) = Some(events);
    }

    /// Notes what is to be told of it, and who waits for it.
    fn note(&self, report: &Report) {
        if let Some(app) = self.config().apps.get(&report.app) {
            self.outbox.note(app, report);
            self.depends.note(report, &self.desk);
        }
    }

    pub(crate) fn tell(&self, event: Event) {
        if let Event::Report(report) = &event {
            self.note(report);
        }
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(events) = events.as_ref() {
            // Nobody listens any more: the loop is about to end.
            let _ = events.send(event);
        }
    }

    pub(crate) fn stage(&self, app: &App, stage: Stage) {
        self.tell(Event::Stage {
            app: app.id().to_owned(),
            stage,
        });
    }

    pub(crate) const fn clusters(&self) -> &Clusters {
        &self.clusters
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    /// Waits for one's turn to write an inventory: who waits needs no thread for that.
    pub(crate) async fn writing(&self) -> Option<SemaphorePermit<'_>> {
        self.writing.acquire().await.ok()
    }

    /// What was decided about Apps, and what became of them.
    pub(crate) const fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    pub(crate) fn inventories(&self) -> &Arc<Inventories> {
        self.desk.inventories()
    }

    /// Whether a person asked for every cycle, and sees what comes of it.
    pub(crate) const fn is_by_a_person(&self) -> bool {
        self.options.by_a_person
    }

    /// The desired hash of a render, when it was asked for before.
    pub(crate) fn known_desired(&self, key: &str, run: RunId) -> Option<Digest> {
        let desired = self.desired.lock().unwrap_or_else(PoisonError::into_inner);
        desired
            .get(key)
            .filter(|(of, _)| *of == run)
            .map(|(_, desired)| *desired)
    }

    pub(crate) fn knows_desired(&self, key: &str, run: RunId, is: Digest) {
        let mut desired = self.desired.lock().unwrap_or_else(PoisonError::into_inner);
        desired.insert(key.to_owned(), (run, is));
    }

    /// Whether the user consents to what a guard would hold for that app.
    pub(crate) fn consents(&self, app: &str) -> bool {
        self.options.allow_deletes.contains(app)
    }

    pub(crate) const fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(crate) const fn fights(&self) -> &Fights {
        &self.fights
    }

    pub(crate) const fn healths(&self) -> &Healths {
        &self.healths
    }

    pub(crate) const fn depends(&self) -> &Depends {
        &self.depends
    }

    /// What Apps use and is not theirs.
    pub(crate) const fn foreign(&self) -> &Watching {
        &self.foreign
    }

    pub(crate) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    pub(crate) const fn drifts(&self) -> &Drifts {
        &self.drifts
    }

    /// As they are now: a call goes on with what it began with.
    pub(crate) fn plugins(&self) -> Arc<Plugins> {
        self.plugins.get()
    }

    /// What is remembered of versions on their way.
    pub(crate) const fn supplies(&self) -> &Supply {
        &self.supply
    }

    pub(crate) fn set_plugins(&self, plugins: Arc<Plugins>) {
        self.plugins.set(plugins);
    }

    pub(crate) const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub(crate) const fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(crate) fn renders(&self) -> &Arc<Store> {
        self.desk.renders()
    }

    /// What is known of an app that was last found in sync.
    pub(crate) fn settled(&self, app: &App) -> Option<Settled> {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.get(app.id()).cloned()
    }

    /// Whether an app is as git wants it, on a target whose watches tell when it no longer is.
    pub(crate) fn is_followed(&self, app: &App) -> bool {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.get(app.id()).is_some_and(Settled::is_followed)
    }

    /// What a cycle found of an App that is another one by now counts for nothing.
    pub(crate) fn set_settled(&self, app: &App, is: Option<Settled>) {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked up under the lock: another configuration is at work before what is known of its Apps is forgotten.
        match is.filter(|_| self.still_says(app).is_ok()) {
            Some(is) => settled.insert(app.id().to_owned(), is),
            None => settled.remove(app.id()),
        };
    }

    /// Waits until there is room for an app's documents; the tenants take turns.
    pub(crate) async fn room(&self, app: &App) -> Seat {
        let cluster = Clusters::name_of(app, self.options.target.as_ref());
        self.rooms.enter(cluster, &tenant(app)).await
    }

    pub(crate) const fn renderings(&self) -> &Cache {
        &self.renderings
    }

    /// What the command line says.
    pub(crate) fn validators(&self) -> Option<&[ValidatorSpec]> {
        self.options.validators.as_deref()
    }

    pub(crate) const fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// One cycle of an app at a time.
    pub(crate) async fn alone(&self, app: &App) -> OwnedMutexGuard<()> {
        self.alone_of(app.id()).await
    }

    /// The same, where it isn't known what the App says.
    pub(crate) async fn alone_of(&self, app: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(app.to_owned()).or_default())
        };
        lock.lock_owned().await
    }

    pub(crate) async fn resolve(&self, app: &App, report: &mut Report) -> Result<Revision, Stop> {
        let revision = self.sources.resolve(app.repository()).await?;
        report.revision = revision.commit.map(|id| id.to_string());
        report.signed_by = revision.signers.iter().map(ToString::to_string).collect();
        report.diagnostics.extend(sources::notice(app.repository(), &revision));
        Ok(revision)
    }

    /// Where an app's objects go, and what a render may ask about it.
    pub(crate) async fn target(&self, app: &App) -> Result<(Box<dyn Target>, Facts), Stop> {
        self.target_at(app, self.options.target.as_ref()).await
    }

    /// As [`Engine::target`], where the command line says `choice`.
    pub(crate) async fn target_at(
        &self,
        app: &App,
        choice: Option<&TargetChoice>,
    ) -> Result<(Box<dyn Target>, Facts), Stop> {
        let owner = owner(app, &self.secret.installation());
        if let Some((shared, actor)) = self.clusters.of(app, choice).await? {
            let facts = Clusters::facts(&shared).await?;
            let manners = Manners {
                adoption: app.spec.target.adopt,
                take_from: app.spec.conflicts.take_from.clone(),
                ignore: app.spec.ignore.clone(),
                scope: app.spec.drift.scope,
                consent: self.options.allow_deletes.contains(app.id()),
            };
            let previous = self.previous(app, &target::Cluster::identity_of(&shared));
            let target = target::Cluster::new(shared, actor, owner, manners, previous);
            return Ok((Box::new(target), facts));
        }
        let path = match (choice, &app.spec.target.directory) {
            (Some(TargetChoice::Directory(path)), _) => path.clone(),
            (_, Some(path)) => self.base.join(path),
            _ => {
                return Err(Stop::of(
                    "target",
                    &OpenError::NoTarget {
                        app: app.id().to_owned(),
                    },
                ));
            }
        };
        let path = std::path::absolute(&path).unwrap_or(path);
        let target = Directory::new(&path, owner, Arc::clone(&self.files));
        Ok((Box::new(target), self.facts.clone()))
    }

    /// What was applied last, for as long as the store of renders has it.
    fn previous(&self, app: &App, identity: &str) -> Previous {
        let (inventories, renders) = (Arc::clone(self.inventories()), Arc::clone(self.renders()));
        let (key, namespace) = (key(app, identity), app.spec.target.namespace.clone());
        let documents = OnceLock::new();
        let added = Added::of(self, app);
        Arc::new(move |id| {
            let known = documents.get_or_init(|| {
                let inventory = inventories.load(&key).ok()?;
                let run = inventory.run.as_ref()?.parse().ok()?;
                let output = renders.load(run)?.output()?;
                Some((manifest::read(&output, &namespace).ok()?, inventory))
            });
            let (desired, inventory) = known.as_ref()?;
            let object = &desired.objects.get(id)?.object;
            Some(added.last(object, inventory).unwrap_or_else(|| object.body.clone()))
        })
    }

    /// Whether a newer revision is there, whose plan comes first.
    pub(crate) fn is_superseded(&self, app: &App, root: &Oid) -> bool {
        self.sources.has_moved_on(app.repository(), root)
    }

    /// Whether this process decides what concerns all Apps: alone, or as one of several.
    pub(crate) fn is_leading(&self) -> bool {
        self.options.replica.as_ref().is_none_or(|replica| replica.keeps(""))
    }

    /// Whether another replica keeps it by now.
    pub(crate) fn is_aside(&self, app: &App) -> bool {
        self.config().aside.apps.contains_key(app.id())
    }

    pub(crate) fn policy(&self, app: &App, target: &dyn Target) -> Policy {
        reconcile::policy(app, target.is_cluster(), self.consents(app.id()))
    }

    #[expect(clippy::unused_self, reason = "reads as the other stages do")]
    pub(crate) fn key(&self, app: &App, target: &dyn Target) -> String {
        key(app, &target.identity())
    }

    pub(crate) async fn inventory(&self, key: &str) -> Result<Inventory, Stop> {
        // A thousand apps that begin together would make hundreds of threads, each with an arena of its own: some 50 MiB.
        let _turn = self.renders().turn().await;
        let (inventories, key) = (Arc::clone(self.inventories()), key.to_owned());
        Ok(blocking(move || inventories.load(&key)).await??)
    }

    /// An App is found to be there: what its history says of it last.
    pub(crate) async fn arrive(&self, app: &App, key: &str, report: &mut Report) -> Result<(), Stop> {
        self.desk.is_at(app, key);
        key.clone_into(&mut report.key);
        let last = match self.desk.last_known(key) {
            Some(last) => Some(last),
            None => {
                let (desk, key) = (Arc::clone(&self.desk), key.to_owned());
                blocking(move || desk.last(&key)).await??
            }
        };
        report.entry = last.map(|last| last.number);
        Ok(())
    }

    /// Writes ahead: after this, a kill at any instruction loses and orphans nothing. Written only when the plan says more
    /// than the inventory does.
    pub(crate) async fn intend(&self, app: &App, seen: &Seen, plan: &Plan) -> Result<Inventory, Stop> {
        fault::point("inventory: before intend");
        let inventory = &seen.inventory;
        let mut intended = inventory.intend(plan).unwrap_or_else(|| inventory.clone());
        intended.clock = seen.render.clock();
        if intended == *inventory {
            return Ok(intended);
        }
        let _turn = self.writing().await;
        let (inventories, key) = (Arc::clone(self.inventories()), seen.key.clone());
        let (written, deployed) = (intended.clone(), self.deployment(app));
        blocking(move || inventories.store_of(&key, &written, deployed.as_ref())).await??;
        fault::point("inventory: intended");
        Ok(intended)
    }

    /// Writes down what happened, when it says more than what was written ahead, and what it means for the history: with one write,
    /// and before it the documents that the history needs. What is known by then.
    pub(crate) async fn settle(
        &self,
        app: &App,
        seen: &Seen,
        intended: &Inventory,
        (desired, plan): (Digest, &Plan),
        changes: &Changes<'_>,
        report: &mut Report,
    ) -> Result<Inventory, Stop> {
        fault::point("inventory: before settle");
        let mut settled = intended.settle(changes.steps.iter().cloned());
        settled.revision.clone_from(&seen.origin.revision);
        let is_done = changes.failures.is_empty() && changes.waiting.is_empty();
        if is_done {
            settled.desired = Some(plan.desired);
            settled.run = Some(seen.render.run().to_string());
        }
        let inventory = (settled != *intended).then(|| settled.clone());
        if inventory.is_some() || plan.is_pending() {
            let attempt = record::attempt(self, app, (seen, intended), desired, plan, changes);
            let run = attempt.as_ref().map(|_| seen.render.run());
            let _turn = self.writing().await;
            let (desk, key) = (Arc::clone(&self.desk), seen.key.clone());
            let write = move || {
                if let Some(run) = run {
                    desk.renders().keep(run);
                }
                let written = desk.inventories().settle(&key, inventory.as_ref(), attempt)?;
                desk.renders().release(&written.released);
                if let Some(entry) = &written.entry {
                    desk.has_come(&key, entry);
                }
                Ok::<(), StateError>(())
            };
            blocking(write).await??;
        }
        fault::point("inventory: settled");
        if is_done {
            holds::done(self, seen).await?;
        }
        report.entry = self.desk.last_known(&seen.key).map(|last| last.number);
        Ok(settled)
    }

    pub(crate) async fn store(&self, key: &str, inventory: Inventory) -> Result<(), Stop> {
        let _turn = self.writing().await;
        let (inventories, key) = (Arc::clone(self.inventories()), key.to_owned());
        Ok(blocking(move || inventories.store(&key, &inventory)).await??)
    }

    /// Whether reports are to hold traces.
    pub(crate) const fn explains(&self) -> bool {
        self.options.explain
    }
}

/// What Apps say about living objects, and the kinds that have a health checker.
pub(crate) fn rules(config: &Config, installation: &str, plugins: &Plugins) -> Rules {
    let telling = config.apps.values().filter(|app| {
        let is_conditional = app.spec.ignore.iter().any(|rule| rule.when.is_some());
        is_conditional || !app.spec.health.checks.is_empty()
    });
    let rules = telling.map(|app| {
        let rules = AppRules {
            ignore: app.spec.ignore.clone(),
            checks: app.spec.health.checks.clone(),
        };
        (owner(app, installation), rules)
    });
    Rules::new(rules).with_checkers(assess::kinds(plugins))
}

/// Whose an app's objects are.
fn owner(app: &App, installation: &str) -> Owner {
    Owner {
        installation: installation.to_owned(),
        namespace: app.namespace.clone(),
        app: app.name.clone(),
    }
}

/// Of an inventory.
pub(crate) fn key(app: &App, identity: &str) -> String {
    format!("{identity}|{}", app.full_name())
}

/// Whose calls an app's are: its repository's, for whoever pushes there can have as many apps as they like.
pub(crate) fn tenant(app: &App) -> Tenant {
    Tenant::new(app.repository())
}

pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Stop> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Stop::of("interrupted", &e))
}
