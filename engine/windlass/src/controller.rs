//! Windlass in a cluster: its documents are objects there, and what became of them stands in their status.
//!
//! ```text
//! API server ─ follow ─▶ Objects ─ quiet for a moment ─▶ Config ─ Engine::reconfigure ─▶ run
//!      ▲                                                                                  │
//!      └─────────── Writer ◀── statuses, finalizers ◀──────────── events ─────────────────┘
//! ```
//!
//! Level-triggered: what counts is what is there, not what was told. Nothing here waits for an App.

mod departing;
mod installation;
mod kinds;
mod leases;
mod listen;
mod metrics;
mod objects;
mod replicas;
mod requests;
mod sharing;
mod statuses;
mod writer;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        watch,
    },
    task::JoinSet,
    time::{Instant, sleep_until},
};
use windlass_cluster::{
    cluster::Cluster as Api,
    follow::{Following, Told},
    notice::{Notice, Seen},
};
use windlass_core::{
    config::{Config, SecretRef, parts_of},
    rollout::Serving,
    status::{AppStatus, ClusterStatus, PluginStatus, RepositoryStatus, TenantStatus},
};

use crate::{
    clock,
    clusters::Clusters,
    engine::{Engine, OpenError},
    outbox,
    plugins::PluginsError,
    report::{Health, Report},
    run::Event,
    secrets::{self, Home},
    stop::chain,
};
use departing::Departing;
pub(crate) use installation::{NAME as INSTALLATION, secret};
use kinds::Kind;
pub(crate) use listen::{Pulse, listen};
pub(crate) use objects::FINALIZER;
use objects::{News, Objects};
pub(crate) use replicas::{Member, Turn};
use requests::Requests;
use sharing::Shares;
use writer::Writer;

/// Objects that come together are taken together: after the last of them, so long.
const QUIET: Duration = Duration::from_millis(25);

/// They are taken at the latest so long after the first, however many come: a configuration of a thousand Apps is compared in milliseconds.
const AT_LATEST: Duration = Duration::from_millis(250);

/// What is on its way is often there within a moment: so long it isn't told, which saves a write for each sync.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// How often the loop shows that it goes on, where nothing happens.
const BEAT: Duration = Duration::from_secs(10);

/// The documents of a cluster, followed.
pub(crate) struct Followed {
    objects: Objects,
    news: UnboundedReceiver<(Kind, Told)>,
    _following: Vec<Following>,
}

impl Followed {
    /// Begins to follow every kind.
    pub(crate) fn start(home: &Api) -> Self {
        let (sender, news) = unbounded_channel();
        let follow = |kind: Kind| {
            let sender = sender.clone();
            home.follow(&kind.resource(), kind.depth(), move |told| {
                // Nobody listens any more: the controller is about to end.
                let _ = sender.send((kind, told));
            })
        };
        Self {
            objects: Objects::default(),
            _following: Kind::ALL.into_iter().map(follow).collect(),
            news,
        }
    }

    /// Waits until all that is there was told of. `lost`: called with a kind that can't be watched, and why.
    pub(crate) async fn complete(&mut self, mut lost: impl FnMut(&str, &str)) {
        while !self.objects.are_complete() {
            let Some((kind, told)) = self.news.recv().await else {
                return;
            };
            if let Told::Lost(why) = &told {
                lost(&kind.resource().plural, why);
            }
            self.objects.take(kind, told);
        }
    }

    /// What serves each choice of a plugin, as statuses say.
    pub(crate) fn serving(&self) -> BTreeMap<String, Serving> {
        let plugins = self.objects.of(Kind::Plugin);
        plugins.flat_map(|(_, object)| sharing::serving(object)).collect()
    }

    /// What it says by now, before anything of it is this replica's.
    pub(crate) fn config(&self) -> Config {
        let mut config = self.objects.config();
        config.set_aside(|_| false);
        config
    }
}

/// Starts the engine over a configuration. A Plugin that can't be admitted admits nothing, and stops nobody else; [`run`] tells of it.
///
/// # Errors
/// When the engine can't start for another reason.
pub(crate) fn open(
    mut config: Config,
    open: impl Fn(Config) -> Result<Arc<Engine>, OpenError>,
) -> Result<Arc<Engine>, OpenError> {
    loop {
        match open(config.clone()) {
            Err(OpenError::Plugins(error)) if empty(&mut config, &error) => {}
            opened => return opened,
        }
    }
}

/// Has the Plugin that is to blame admit nothing. False: none is, or it did so already.
fn empty(config: &mut Config, error: &PluginsError) -> bool {
    let spec = error.plugin().and_then(|name| config.plugins.get_mut(name));
    let Some(spec) = spec.filter(|spec| !spec.versions.is_empty()) else {
        return false;
    };
    // Its name stays taken: what lies in a folder must not come in its place.
    spec.versions.clear();
    true
}

/// What a controller works with.
pub(crate) struct Means {
    pub(crate) home: Home,
    pub(crate) engine: Arc<Engine>,
    pub(crate) followed: Followed,
    /// Of the engine.
    pub(crate) events: UnboundedReceiver<Event>,
    /// Each of these is sent on.
    pub(crate) shown: UnboundedSender<Event>,
    pub(crate) pulse: Arc<Pulse>,
    /// Its place among others, and what changes of it.
    pub(crate) member: Arc<Member>,
    pub(crate) turns: UnboundedReceiver<Turn>,
}

/// Follows the objects, and writes what becomes of them, until `stop` says true. Answers why it may not go on, when it may not.
pub(crate) async fn run(means: Means, mut stop: watch::Receiver<bool>) -> Option<String> {
    let Means {
        home,
        engine,
        followed,
        mut events,
        shown,
        pulse,
        member,
        mut turns,
    } = means;
    let (told, mut tells) = unbounded_channel();
    let mut controller = Controller {
        writer: Writer::new(home.api.clone(), Arc::clone(&pulse)),
        departing: Departing::new(Arc::clone(&engine), told.clone()),
        requests: Requests::new(home.api.clone(), Arc::clone(&engine)),
        engine: Arc::clone(&engine),
        home,
        followed,
        told,
        connecting: BTreeSet::new(),
        credentials: BTreeMap::new(),
        refused: BTreeMap::new(),
        pulse: Arc::clone(&pulse),
        member,
        shares: Shares::default(),
        beside: JoinSet::new(),
    };
    controller.take_configuration().await;
    pulse.serves(engine);
    let mut pending: Option<Pending> = None;
    let mut beat = tokio::time::interval(BEAT);
    loop {
        pulse.beat();
        let due = pending.as_ref().map(Pending::due);
        tokio::select! {
            Some((kind, told)) = controller.followed.news.recv() => {
                if controller.take(kind, told) == News::Config {
                    pending.get_or_insert_with(Pending::new).last = Instant::now();
                }
            }
            Some(event) = events.recv() => {
                controller.note(&event);
                // Nobody looks any more: the program is about to end.
                let _ = shown.send(event);
            }
            Some(tell) = tells.recv() => {
                if controller.hear(tell) == News::Config {
                    pending.get_or_insert_with(Pending::new).last = Instant::now();
                }
            }
            Some(turn) = turns.recv() => {
                let mut all = vec![turn];
                // Shards go in numbers.
                while let Ok(turn) = turns.try_recv() {
                    all.push(turn);
                }
                if let Err(why) = controller.turn(all).await {
                    return Some(why);
                }
            }
            Some(_) = controller.beside.join_next() => {}
            () = until(due) => {
                pending = None;
                controller.take_configuration().await;
            }
            () = controller.writer.attend() => {}
            // What serves may be known only by now.
            _ = beat.tick() => controller.tell_of_plugins(),
            () = said(&mut stop) => break,
        }
    }
    controller.writer.finish().await;
    None
}

/// News that are not in the configuration yet.
struct Pending {
    first: Instant,
    last: Instant,
}

impl Pending {
    fn new() -> Self {
        let now = Instant::now();
        Self { first: now, last: now }
    }

    fn due(&self) -> Instant {
        (self.last + QUIET).min(self.first + AT_LATEST)
    }
}

/// Waits until it is said; also when whoever could say it is gone.
async fn said(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// What tasks beside the loop found out.
#[derive(Debug)]
pub(crate) enum Tell {
    /// These Apps own nothing any more, or are given up: their objects may go.
    LetGo(Vec<String>),
    /// A Cluster, by name, answers in that version, or not for that reason.
    Cluster(String, Result<String, String>),
    /// The Secret with the credential of a Cluster, by name, is there in this version.
    Credential(String, String),
    /// What is known of the Apps of a shard is here.
    Taken(u16),
    /// Nothing of a shard is under way any more.
    Left(u16),
}

struct Controller {
    engine: Arc<Engine>,
    followed: Followed,
    writer: Writer,
    departing: Departing,
    requests: Requests,
    told: UnboundedSender<Tell>,
    /// Clusters of which it is being found out whether they answer, with their generation.
    connecting: BTreeSet<(String, i64)>,
    /// Secrets with the credentials of Clusters, by the Cluster's name.
    credentials: BTreeMap<String, Credential>,
    /// Plugins that can't be admitted, and why.
    refused: BTreeMap<String, String>,
    home: Home,
    pulse: Arc<Pulse>,
    member: Arc<Member>,
    shares: Shares,
    /// What goes on beside the loop, and ends with it.
    beside: JoinSet<()>,
}

/// A Secret that is looked out for.
struct Credential {
    secret: SecretRef,
    /// Its `resourceVersion`, once it was seen.
    version: Option<String>,
    _notice: Notice,
}

impl Controller {
    fn take(&mut self, kind: Kind, told: Told) -> News {
        if let Told::Lost(why) = &told {
            tracing::warn!(kind = kind.name(), %why, "objects can't be watched: what is known counts meanwhile");
        }
        if let Told::Gone { namespace, name } = &told {
            self.writer.forget(kind, &kind.id(namespace, name));
        }
        let seen = match &told {
            Told::Seen(object) => Some(kind.id_of(object)),
            _ => None,
        };
        let news = self.followed.objects.take(kind, told);
        if let Some(id) = seen {
            self.heed_request(kind, &id);
            if kind == Kind::App {
                self.heed_other(&id);
            }
        }
        if kind == Kind::Plugin {
            self.heed_plugins();
        }
        news
    }

    /// Has the engine go by what is there now, and says what is wrong with it.
    async fn take_configuration(&mut self) {
        let mut config = self.followed.objects.config();
        config.set_aside(|namespace| self.shares.keep(namespace));
        self.hold();
        let asked = self.tell_of_documents(&config);
        let leaving = config.leaving.clone().unwrap_or_default();
        let before = self.engine.config();
        self.refused.clear();
        loop {
            let Err(error) = self.engine.reconfigure(config.clone()).await else {
                break;
            };
            let OpenError::Plugins(error) = &error else {
                tracing::error!(%error, "the configuration can't be taken, and the one of before stays at work");
                return;
            };
            let name = error.plugin().unwrap_or_default().to_owned();
            let again = self.refused.insert(name.clone(), chain(error)).is_some();
            // What was good goes on.
            let taken = match before.plugins.get(&name).filter(|_| !again) {
                Some(spec) => config.plugins.insert(name, spec.clone()).is_some(),
                None => empty(&mut config, error),
            };
            if !taken {
                tracing::error!(%error, "the configuration can't be taken, and the one of before stays at work");
                return;
            }
        }
        self.tell_of_plugins();
        self.look_out_for_credentials();
        for cluster in asked {
            self.ask(&cluster);
        }
        self.departing.are(leaving, &self.followed.objects);
        self.heed_others();
        self.heed_requests();
    }

    /// Apps are looked at once their objects can't go unnoticed.
    fn hold(&mut self) {
        let objects = &self.followed.objects;
        for (id, app) in objects
            .of(Kind::App)
            .filter(|(id, app)| app.leaves.is_none() && !app.is_kept && self.shares.keep(parts_of(id).0))
        {
            if app.mistake.is_none() {
                self.writer.hold(id, app);
            }
        }
    }

    /// Answers Clusters that are to be asked whether they answer.
    fn tell_of_documents(&mut self, config: &Config) -> Vec<String> {
        let objects = &self.followed.objects;
        let now = clock::now();
        for kind in [Kind::Repository, Kind::App, Kind::Plugin, Kind::Tenant, Kind::Cluster] {
            for (id, object) in objects.of(kind).filter(|(id, _)| self.shares.say(kind, id)) {
                let Some(mistake) = &object.mistake else { continue };
                let findings = statuses::unreadable(mistake);
                self.writer.decide_conditions(kind, id, object, findings, now);
            }
        }
        if !self.shares.say(Kind::Tenant, "") {
            return Vec::new();
        }
        for (id, object) in objects.of(Kind::Tenant).filter(|(_, object)| object.mistake.is_none()) {
            let Some(spec) = config.tenants.get(id) else { continue };
            let namespaces = objects.namespaces_of(spec);
            let found = statuses::ready("Accepted", "its bounds are in force");
            self.writer
                .decide(Kind::Tenant, id, object, Duration::ZERO, |before: &TenantStatus| {
                    TenantStatus {
                        observed_generation: Some(object.generation),
                        namespaces: u32::try_from(namespaces).ok(),
                        conditions: statuses::conditions(&before.conditions, found, Some(object.generation), now),
                    }
                });
        }
        let mut asked = Vec::new();
        for (id, object) in objects.of(Kind::Cluster).filter(|(_, object)| object.mistake.is_none()) {
            if self.connecting.insert((id.clone(), object.generation)) {
                self.connecting
                    .retain(|(name, generation)| name != id || *generation == object.generation);
                asked.push(id.clone());
            }
        }
        asked
    }

    fn tell_of_plugins(&mut self) {
        if !self.shares.say(Kind::Plugin, "") {
            return;
        }
        let objects = &self.followed.objects;
        let now = clock::now();
        let plugins = self.engine.plugins();
        let serving = self.engine.desk().rollouts().serving();
        let waiting = self.engine.desk().rollouts().waiting();
        for (id, object) in objects.of(Kind::Plugin).filter(|(_, object)| object.mistake.is_none()) {
            let mut versions = plugins.versions_of(id);
            let bad = versions.iter().find(|version| !version.ready);
            let bad = bad.map(|version| version.message.clone().unwrap_or_default());
            for version in &mut versions {
                let label = format!("{id}@{}", version.version);
                if let Some(waits) = waiting.get(&label) {
                    version.message = Some(statuses::waits(&label, waits));
                }
            }
            let findings = match (self.refused.get(id), bad) {
                (Some(why), _) => statuses::unready("NotAdmitted", why),
                (None, Some(why)) => statuses::unready("NotHere", &why),
                (None, None) => statuses::ready("Admitted", "every version may be used"),
            };
            self.writer
                .decide(Kind::Plugin, id, object, Duration::ZERO, |before: &PluginStatus| {
                    PluginStatus {
                        observed_generation: Some(object.generation),
                        versions,
                        serving: statuses::serving(id, &serving),
                        request: None,
                        conditions: statuses::conditions(&before.conditions, findings, Some(object.generation), now),
                    }
                });
        }
    }

    /// A credential that is rotated counts at once.
    fn look_out_for_credentials(&mut self) {
        let config = self.engine.config();
        let named = |name: &String| {
            config
                .clusters
                .get(name)
                .and_then(|spec| spec.kubeconfig.secret_ref.clone())
        };
        self.credentials
            .retain(|name, known| named(name).as_ref() == Some(&known.secret));
        for name in config.clusters.keys() {
            let Some(secret) = named(name).filter(|_| !self.credentials.contains_key(name)) else {
                continue;
            };
            let resource = secrets::resource();
            let id = resource.id(&self.home.namespace, &secret.name);
            let (told, cluster) = (self.told.clone(), name.clone());
            let notice = self.home.api.notice(&resource, &id, move |seen| {
                if let Seen::At(version) = seen {
                    // Nobody listens any more: the controller is about to end.
                    let _ = told.send(Tell::Credential(cluster.clone(), version));
                }
            });
            let credential = Credential {
                secret,
                version: None,
                _notice: notice,
            };
            self.credentials.insert(name.clone(), credential);
        }
    }

    /// Finds out whether a Cluster answers, beside the loop.
    fn ask(&mut self, cluster: &str) {
        let asking = connect(Arc::clone(&self.engine), cluster.to_owned(), self.told.clone());
        self.beside.spawn(asking);
    }

    /// Writes down what the engine tells.
    fn note(&mut self, event: &Event) {
        self.pulse.metrics.take(event);
        match event {
            Event::Report(report) => self.note_report(report),
            Event::Fetched {
                repository,
                revision,
                subject,
                ..
            }
            | Event::SourceRecovered {
                repository,
                revision,
                subject,
            } => {
                let Some(object) = self.shares.own(&self.followed.objects, Kind::Repository, repository) else {
                    return;
                };
                let (generation, now) = (Some(object.generation), clock::now());
                let of =
                    |before: &RepositoryStatus| statuses::of_repository(before, revision, subject, generation, now);
                self.writer
                    .decide(Kind::Repository, repository, object, Duration::ZERO, of);
            }
            Event::SourceFailed { repository, diagnostic } => {
                let Some(object) = self.shares.own(&self.followed.objects, Kind::Repository, repository) else {
                    return;
                };
                let findings = statuses::unready(&outbox::camel(&diagnostic.code), &diagnostic.message);
                self.writer
                    .decide_conditions(Kind::Repository, repository, object, findings, clock::now());
            }
            Event::Plugin { .. } | Event::PluginsCame => self.tell_of_plugins(),
            _ => {}
        }
    }

    fn note_report(&mut self, report: &Report) {
        let config = self.engine.config();
        let Some(app) = config.apps.get(&report.app) else {
            self.departing.look();
            return;
        };
        let Some(object) = self.shares.own(&self.followed.objects, Kind::App, &report.app) else {
            return;
        };
        // What the configuration in force says was read from a generation of before, when the object is another by now.
        if object.mistake.is_some() {
            return;
        }
        let event = outbox::event(app, report);
        let patience = match report.health {
            Health::Progressing => ON_ITS_WAY,
            _ => Duration::ZERO,
        };
        let (generation, now) = (Some(object.generation), clock::now());
        let of = |before: &AppStatus| statuses::of_app(before, report, &event, generation, now);
        self.writer.decide(Kind::App, &report.app, object, patience, of);
    }

    fn hear(&mut self, tell: Tell) -> News {
        match tell {
            Tell::Taken(shard) => return self.has_taken(shard),
            Tell::Left(shard) => self.has_left(shard),
            Tell::LetGo(apps) => {
                for id in apps {
                    // What another replica keeps by now is not known here any more, which is no reason to let it go.
                    if let Some(object) = self.shares.own(&self.followed.objects, Kind::App, &id) {
                        self.writer.release(&id, object);
                    }
                }
            }
            Tell::Credential(cluster, version) => {
                let Some(known) = self.credentials.get_mut(&cluster) else {
                    return News::Nothing;
                };
                let before = known.version.replace(version.clone());
                if before.is_some_and(|before| before != version) {
                    tracing::info!(%cluster, "its credential is another: it is connected anew");
                    self.engine.reconnect(&cluster);
                    self.ask(&cluster);
                }
            }
            Tell::Cluster(name, answers) => {
                let Some(object) = self.followed.objects.get(Kind::Cluster, &name) else {
                    return News::Nothing;
                };
                if !self.shares.say(Kind::Cluster, &name) {
                    return News::Nothing;
                }
                let (version, findings) = match answers {
                    Ok(version) => {
                        let findings = statuses::ready("Connected", &format!("it answers, as {version}"));
                        (Some(version), findings)
                    }
                    Err(why) => (None, statuses::unready("Unreachable", &why)),
                };
                let now = clock::now();
                self.writer.decide(
                    Kind::Cluster,
                    &name,
                    object,
                    Duration::ZERO,
                    |before: &ClusterStatus| ClusterStatus {
                        observed_generation: Some(object.generation),
                        version: version.or_else(|| before.version.clone()),
                        conditions: statuses::conditions(&before.conditions, findings, Some(object.generation), now),
                    },
                );
            }
        }
        News::Nothing
    }
}

/// First wait before a Cluster that doesn't answer is tried again; each further one is twice as long.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// Longest.
const TRY_AGAIN_MOST: Duration = Duration::from_secs(300);

/// Finds out whether a Cluster answers, until it does or its document is another.
async fn connect(engine: Arc<Engine>, name: String, told: UnboundedSender<Tell>) {
    let spec = |engine: &Engine| engine.clusters().spec(&name);
    let mut pause = TRY_AGAIN;
    let mut before = None;
    loop {
        let now = spec(&engine);
        if before.is_some() && before != Some(now.clone()) {
            return;
        }
        before = Some(now);
        let answers = match engine.clusters().connected(&name).await {
            Ok(shared) => Clusters::version(&shared).await,
            Err(stop) => Err(stop),
        };
        let answers = answers.map_err(|stop| {
            let first = stop.diagnostics.into_iter().next();
            first.map_or_else(|| "it does not answer".to_owned(), |diagnostic| diagnostic.message)
        });
        let is_well = answers.is_ok();
        if told.send(Tell::Cluster(name.clone(), answers)).is_err() || is_well {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(TRY_AGAIN_MOST);
    }
}
