//! Keeps going: repositories are polled, those that ask the same together; a new commit wakes its apps, and every poll looks for drift.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Semaphore, mpsc::UnboundedSender, watch},
    task::{Id, JoinError, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use windlass_core::{config::App, render::Diagnostic};
use windlass_source::{Listing, Revision};

use crate::{
    attend::{Attendant, Waker, pause},
    clusters::Clusters,
    engine::Engine,
    handover,
    leave::{self, Way},
    outbox,
    polls::{Ended, Schedule},
    reconcile,
    reconfigure::Reconfigured,
    report::{Health, Report},
    sources::Refusal,
    stop::Stop,
    supply,
    target::TargetChoice,
};

/// What happens, for whoever watches.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A repository is asked.
    Fetching {
        /// Its name.
        repository: String,
    },
    /// It answered with a commit it had not answered with before.
    Fetched {
        /// Its name.
        repository: String,
        /// The commit, in full.
        revision: String,
        /// First line of its message; made by strangers.
        subject: String,
        /// `Name <email>`; made by strangers.
        author: String,
    },
    /// It gave no revision. Its apps stay at what they have.
    SourceFailed {
        /// Its name.
        repository: String,
        /// Why.
        diagnostic: Diagnostic,
    },
    /// It gives a revision again.
    SourceRecovered {
        /// Its name.
        repository: String,
        /// The commit, in full.
        revision: String,
        /// First line of its message; made by strangers.
        subject: String,
    },
    /// An app entered a stage.
    Stage {
        /// Its name.
        app: String,
        /// Which.
        stage: Stage,
    },
    /// A receiver of notifications was not told of something.
    NotTold {
        /// Name of the Repository that binds it; empty where a Tenant requires it.
        repository: String,
        /// Name of the binding.
        receiver: String,
        /// What was to be told is about this App; `None` = the binding itself is no use.
        app: Option<String>,
        /// Why.
        diagnostic: Diagnostic,
    },
    /// What became of a version of a plugin that is not here, or doesn't serve yet.
    Plugin {
        /// What, and what goes on meanwhile.
        diagnostic: Diagnostic,
    },
    /// Versions of plugins are here that weren't.
    PluginsCame,
    /// Another configuration is at work.
    Configured(Reconfigured),
    /// An app's cycle ended, also when it found everything as before.
    Report(Report),
}

/// Stages of a cycle that take time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The plugin runs.
    Rendering,
    /// Rules and validators.
    Validating,
    /// The target is read.
    Observing,
    /// The target is changed.
    Applying,
}

/// Failures in a row of which receivers are told: a git host that is restarted is no news.
const TOLD_AFTER: u32 = 3;

/// Runs until `stop` says true. A cycle under way is finished first.
pub async fn run(engine: Arc<Engine>, events: UnboundedSender<Event>, stop: watch::Receiver<bool>) {
    engine.watch(events);
    let mut attendant = Attendant::new(Arc::clone(&engine));
    engine.desk().attended_by(attendant.waker());
    let (first, stepped) = watch::channel(false);
    let supply = tokio::spawn(supply::run(Arc::clone(&engine), first, stop.clone()));
    supply::begin(&engine, stepped).await;
    let polling = tokio::spawn(Pollers::new(&engine, attendant.waker(), stop.clone()).run());
    let leaving = tokio::spawn(let_go(Arc::clone(&engine), stop.clone()));
    let delivery = tokio::spawn(outbox::deliver(Arc::clone(&engine), stop.clone()));
    let writing = tokio::spawn(handover::write_down(Arc::clone(&engine), stop.clone()));
    let mut stopped = stop;
    tokio::select! {
        () = attendant.attend() => {}
        // An error means that whoever could say stop is gone.
        _ = stopped.wait_for(|stop| *stop) => {}
    }
    engine.sources().cancel();
    let _ = tokio::join!(polling, attendant.wind_down());
    let _ = tokio::join!(leaving, delivery, supply, writing);
    // Last, for the others noted something to their end.
    outbox::write_down(&engine).await;
    engine.write_down(true, |_| true).await;
}

/// Without a new commit, apps that are followed by watches are looked at this often all the same: should anything ever get past a
/// watch, this finds it. A look at a thousand apps takes some tenths of a CPU-second.
const SWEEP: Duration = Duration::from_secs(30 * 60);

/// Asks every repository of the configuration, whatever that is by now, and has its apps looked at.
struct Pollers {
    engine: Arc<Engine>,
    stop: watch::Receiver<bool>,
    schedule: Schedule,
    /// Of the repositories that nobody looks at just now.
    memories: BTreeMap<String, Memory>,
    /// Questions under way.
    rounds: JoinSet<Result<Arc<Listing>, Refusal>>,
    answers: JoinSet<Answer>,
    /// The repositories that a task is about.
    about: BTreeMap<Id, Vec<String>>,
    looks: Looks,
}

/// What a poll came to.
struct Answer {
    memory: Memory,
    ended: Ended,
    /// Apps to be looked at, in that order.
    apps: Vec<App>,
}

impl Pollers {
    fn new(engine: &Arc<Engine>, waker: Waker, stop: watch::Receiver<bool>) -> Self {
        Self {
            engine: Arc::clone(engine),
            schedule: Schedule::default(),
            memories: BTreeMap::new(),
            rounds: JoinSet::new(),
            answers: JoinSet::new(),
            about: BTreeMap::new(),
            looks: Looks::new(engine, waker, stop.clone()),
            stop,
        }
    }

    /// Until it is to stop; cycles under way are finished first.
    async fn run(mut self) {
        let (mut configured, mut stop) = (self.engine.configurations(), self.stop.clone());
        self.follow();
        while !*stop.borrow() {
            self.begin();
            let next = self.schedule.next();
            tokio::select! {
                // An error means that whoever could say stop is gone.
                _ = stop.wait_for(|stop| *stop) => break,
                _ = configured.changed() => self.follow(),
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                Some(listed) = self.rounds.join_next_with_id() => self.listed(listed),
                Some(answered) = self.answers.join_next_with_id() => self.answered(answered),
                () = self.looks.attend() => {}
            }
        }
        self.rounds.abort_all();
        while self.answers.join_next().await.is_some() {}
        self.looks.wind_down().await;
    }

    fn follow(&mut self) {
        let config = self.engine.config();
        let mut asked = config.repositories.clone();
        asked.retain(|name, _| !config.aside.repositories.contains(name));
        self.schedule.follow(&asked, Instant::now());
        self.memories.retain(|name, _| asked.contains_key(name));
    }

    /// Asks for what is due.
    fn begin(&mut self) {
        for names in self.schedule.due(Instant::now()) {
            for repository in names.iter().cloned() {
                self.engine.tell(Event::Fetching { repository });
            }
            let (engine, asked) = (Arc::clone(&self.engine), names.clone());
            let task = self.rounds.spawn(async move { engine.sources().list(&asked).await });
            self.about.insert(task.id(), names);
        }
    }

    /// The server answered, or didn't: every repository goes on by itself.
    fn listed(&mut self, listed: Result<(Id, Result<Arc<Listing>, Refusal>), JoinError>) {
        let (id, listed) = match listed {
            Ok((id, listed)) => (id, listed),
            Err(error) => (error.id(), Err(Stop::of("source", &error).into())),
        };
        for name in self.about.remove(&id).unwrap_or_default() {
            let memory = self.memories.remove(&name).unwrap_or_default();
            let polling = poll(Arc::clone(&self.engine), name.clone(), listed.clone(), memory);
            let task = self.answers.spawn(polling);
            self.about.insert(task.id(), vec![name]);
        }
    }

    /// What a repository answered is known. Nobody waits for its apps: one on a cluster that can't be reached takes its time, and the next
    /// commit is another one's too.
    fn answered(&mut self, answered: Result<(Id, Answer), JoinError>) {
        let (id, answer) = match answered {
            Ok(answered) => answered,
            Err(error) => {
                tracing::error!(%error, "a poll of a repository broke off");
                let answer = Answer {
                    memory: Memory::default(),
                    ended: Ended::Badly,
                    apps: Vec::new(),
                };
                (error.id(), answer)
            }
        };
        let Answer { memory, ended, apps } = answer;
        for name in self.about.remove(&id).unwrap_or_default() {
            self.schedule.done(&name, ended, Instant::now());
            let at = memory.revision.clone().unwrap_or_default();
            self.looks.begin(apps.clone(), &at);
            if self.schedule.has(&name) {
                self.memories.insert(name, memory.clone());
            }
        }
    }
}

/// Tries until every App that left the configuration is gone; and again when others leave. Each cluster by itself: those on one that can't
/// be reached keep no others.
async fn let_go(engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    let mut configured = engine.configurations();
    let mut leaving: JoinSet<Way> = JoinSet::new();
    let mut busy: BTreeSet<Way> = BTreeSet::new();
    while !*stop.borrow() {
        configured.mark_unchanged();
        for way in leave::ways(&engine).await {
            if busy.insert(way.clone()) {
                let (engine, stop) = (Arc::clone(&engine), stop.clone());
                leaving.spawn(async move {
                    leave_all(&engine, &way, stop).await;
                    way
                });
            }
        }
        tokio::select! {
            _ = configured.changed() => {}
            _ = stop.wait_for(|stop| *stop) => {}
            Some(done) = leaving.join_next() => match done {
                Ok(way) => drop(busy.remove(&way)),
                // Which one it was isn't known, and none may be under way twice.
                Err(error) => tracing::error!(%error, "letting Apps go broke off"),
            },
        }
    }
    while leaving.join_next().await.is_some() {}
}

/// Until those that left are gone from there, whoever joins them meanwhile included.
async fn leave_all(engine: &Arc<Engine>, way: &Way, mut stop: watch::Receiver<bool>) {
    let mut configured = engine.configurations();
    let mut looks = 0;
    while !*stop.borrow() {
        configured.mark_unchanged();
        let reports = leave::from(engine, way).await;
        let is_done = reports.iter().all(|report| report.health == Health::Healthy);
        for report in reports {
            engine.tell(Event::Report(report));
        }
        if is_done {
            return;
        }
        looks += 1;
        tokio::select! {
            () = sleep(pause(looks)) => {}
            _ = configured.changed() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// What is remembered of a repository between polls.
#[derive(Clone, Default)]
struct Memory {
    revision: Option<String>,
    failures: u32,
    /// The revision at which every app was last looked at, and when that was.
    swept: Option<(String, Instant)>,
    /// By app, the identity of what lay at its path when its cycle was last begun.
    folders: BTreeMap<String, Option<String>>,
}

/// One poll of a repository, by what its server listed.
async fn poll(
    engine: Arc<Engine>,
    repository: String,
    listed: Result<Arc<Listing>, Refusal>,
    mut memory: Memory,
) -> Answer {
    let given = match listed {
        Ok(listing) => engine.sources().refresh(&repository, &listing).await,
        Err(refusal) => Err(refusal),
    };
    let ended = match given {
        Ok(revision) => {
            if std::mem::take(&mut memory.failures) > 0 && memory.revision.is_some() {
                engine.tell(Event::SourceRecovered {
                    repository: repository.clone(),
                    revision: revision.commit.map(|id| id.to_string()).unwrap_or_default(),
                    subject: revision.subject.clone(),
                });
            }
            answered(&engine, &repository, &revision, &mut memory);
            Ended::Well
        }
        Err(Refusal { stop, not_before }) => {
            memory.failures += 1;
            failed(&engine, &repository, stop, memory.failures);
            not_before.map_or(Ended::Badly, Ended::NotBefore)
        }
    };
    // With no commit known yet there is nothing to compare; after a failed poll drift is still looked for.
    let apps = match memory.revision.clone() {
        Some(revision) => to_look_at(&engine, &repository, &revision, &mut memory).await,
        None => Vec::new(),
    };
    Answer { memory, ended, apps }
}

fn answered(engine: &Engine, repository: &str, revision: &Revision, memory: &mut Memory) {
    let commit = revision.commit.map(|id| id.to_string());
    engine.outbox().gives(repository, commit.clone());
    let id = commit.unwrap_or_default();
    if memory.revision.as_ref() == Some(&id) {
        return;
    }
    memory.revision = Some(id.clone());
    tracing::info!(%repository, revision = %id, "fetched");
    engine.tell(Event::Fetched {
        repository: repository.to_owned(),
        revision: id,
        subject: revision.subject.clone(),
        author: revision.author.clone(),
    });
}

/// `failures`: in a row, this one included.
fn failed(engine: &Engine, repository: &str, stop: Stop, failures: u32) {
    if failures >= TOLD_AFTER {
        let config = engine.config();
        let apps = config.apps.values();
        let apps = apps.filter(|app| app.repository() == repository).count();
        engine.outbox().gives_none(repository, apps, &stop.diagnostics);
    }
    for diagnostic in stop.diagnostics {
        engine.tell(Event::SourceFailed {
            repository: repository.to_owned(),
            diagnostic,
        });
    }
}

/// Cycles that polls of one repository began, under way on one cluster at a time. They are fewer than the apps that have room for their
/// documents, so that one that is woken because somebody changed its objects waits neither behind a commit to a thousand others nor for its own
/// turn in it.
const LANE: usize = 12;

/// The ways of repositories to clusters, each as wide as [`LANE`]: one that can't be reached holds up no other. Folders are not bounded.
#[derive(Default)]
struct Lanes(BTreeMap<(String, Option<String>), Arc<Semaphore>>);

impl Lanes {
    /// `choice`: the command line's.
    fn of(&mut self, app: &App, choice: Option<&TargetChoice>) -> Arc<Semaphore> {
        let target = Clusters::name_of(app, choice).map(str::to_owned);
        let width = if target.is_some() { LANE } else { Semaphore::MAX_PERMITS };
        let way = (app.repository().to_owned(), target);
        Arc::clone(self.0.entry(way).or_insert_with(|| Arc::new(Semaphore::new(width))))
    }
}

/// Cycles that polls began.
struct Looks {
    engine: Arc<Engine>,
    waker: Waker,
    stop: watch::Receiver<bool>,
    lanes: Lanes,
    cycles: JoinSet<Option<Report>>,
    /// The app that a task is about.
    about: BTreeMap<Id, String>,
    /// Under way, by app.
    looks: BTreeMap<String, Look>,
}

struct Look {
    /// The commit that it was begun for, or that came since.
    at: String,
    /// Another commit came since.
    again: bool,
}

impl Looks {
    fn new(engine: &Arc<Engine>, waker: Waker, stop: watch::Receiver<bool>) -> Self {
        Self {
            engine: Arc::clone(engine),
            waker,
            stop,
            lanes: Lanes::default(),
            cycles: JoinSet::new(),
            about: BTreeMap::new(),
            looks: BTreeMap::new(),
        }
    }

    /// Has apps looked at, side by side. Whose cycle is under way is looked at once more, if that was begun for another commit.
    fn begin(&mut self, apps: Vec<App>, at: &str) {
        for app in apps {
            match self.looks.get_mut(app.id()) {
                Some(look) => {
                    look.again |= look.at != at;
                    at.clone_into(&mut look.at);
                }
                None => self.spawn(app, at),
            }
        }
    }

    fn spawn(&mut self, app: App, at: &str) {
        let lane = self.lanes.of(&app, self.engine.options().target.as_ref());
        let (engine, stop, name) = (Arc::clone(&self.engine), self.stop.clone(), app.id().to_owned());
        let task = self.cycles.spawn(async move {
            // Never closed, so there is always a place to wait for.
            let _place = lane.acquire().await;
            if *stop.borrow() {
                return None;
            }
            Some(reconcile::sync(&engine, &app).await)
        });
        let look = Look {
            at: at.to_owned(),
            again: false,
        };
        self.about.insert(task.id(), name.clone());
        self.looks.insert(name, look);
    }

    /// Waits for a cycle to end, and tells of it. Safe to cancel.
    async fn attend(&mut self) {
        match self.cycles.join_next_with_id().await {
            Some(done) => self.ended(done),
            None => std::future::pending().await,
        }
    }

    async fn wind_down(&mut self) {
        while let Some(done) = self.cycles.join_next_with_id().await {
            self.ended(done);
        }
    }

    fn ended(&mut self, done: Result<(Id, Option<Report>), JoinError>) {
        let (id, report) = match done {
            Ok(done) => done,
            Err(error) => (error.id(), None),
        };
        let Some(app) = self.about.remove(&id) else { return };
        let look = self.looks.remove(&app);
        if self.looks.is_empty() {
            // Nobody is on them.
            self.lanes = Lanes::default();
        }
        let wants_another = report.as_ref().is_some_and(Report::wants_another_look);
        if wants_another || look.is_some_and(|look| look.again) {
            self.waker.wake(&app);
        }
        if let Some(report) = report {
            self.engine.tell(Event::Report(report));
        }
    }
}

/// Every app of the repository; first those whose own folder changed, for their people wait. Without a new commit, only those whose target
/// nobody watches, and those that are not as they should be.
async fn to_look_at(engine: &Arc<Engine>, repository: &str, revision: &str, memory: &mut Memory) -> Vec<App> {
    let mut apps = apps_of(engine, repository);
    if memory.is_swept(revision) {
        apps.retain(|app| !engine.is_followed(app));
    } else {
        memory.swept = Some((revision.to_owned(), Instant::now()));
        touched_first(engine, repository, memory, &mut apps).await;
    }
    apps
}

impl Memory {
    fn is_swept(&self, revision: &str) -> bool {
        let swept = self.swept.as_ref();
        swept.is_some_and(|(at, when)| at == revision && when.elapsed() < SWEEP)
    }
}

fn apps_of(engine: &Engine, repository: &str) -> Vec<App> {
    let config = engine.config();
    let apps = config.apps.values();
    apps.filter(|app| app.repository() == repository).cloned().collect()
}

async fn touched_first(engine: &Engine, repository: &str, memory: &mut Memory, apps: &mut [App]) {
    let Ok(revision) = engine.sources().resolve(repository).await else {
        return;
    };
    let tree = revision.tree("");
    let folders: BTreeMap<String, Option<String>> = apps
        .iter()
        .map(|app| {
            (
                app.id().to_owned(),
                tree.digest(app.spec.path.trim_end_matches('/')).ok(),
            )
        })
        .collect();
    let before = std::mem::replace(&mut memory.folders, folders);
    apps.sort_by_key(|app| memory.folders.get(app.id()) == before.get(app.id()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_a_cluster_is_bounded_wherever_it_was_named() {
        let app = |target: &str| {
            let text = format!(
                "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: r}}\nspec: {{git: {{url: /r}}}}\n---\n\
                 apiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: a}}\nspec: {{repository: r, target: {target}}}\n"
            );
            windlass_core::config::load(&text).unwrap().apps["a"].clone()
        };
        let mut lanes = Lanes::default();
        let mut width = |app: &App, choice: Option<TargetChoice>| lanes.of(app, choice.as_ref()).available_permits();
        let (folder, cluster) = (
            app("{directory: out}"),
            app("{cluster: in-cluster, serviceAccountName: d}"),
        );
        assert_eq!(width(&folder, None), Semaphore::MAX_PERMITS);
        assert_eq!(width(&cluster, None), LANE);
        for choice in [TargetChoice::Cluster(None), TargetChoice::Cluster(Some("eu".into()))] {
            assert_eq!(width(&folder, Some(choice.clone())), LANE);
            assert_eq!(width(&cluster, Some(choice)), LANE);
        }
        assert_eq!(
            width(&cluster, Some(TargetChoice::Directory("out".into()))),
            Semaphore::MAX_PERMITS
        );
        let one = lanes.of(&folder, Some(&TargetChoice::Cluster(None)));
        assert!(Arc::ptr_eq(
            &one,
            &lanes.of(&cluster, Some(&TargetChoice::Cluster(None)))
        ));
        assert!(!Arc::ptr_eq(&one, &lanes.of(&cluster, None)));
    }
}
