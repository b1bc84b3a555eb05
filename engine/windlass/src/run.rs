//! Keeps going: one poller per repository; a new commit wakes its apps, and every poll looks for drift.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, Semaphore, mpsc::UnboundedSender, watch},
    task::JoinSet,
    time::{Instant, sleep},
};
use windlass_core::{
    config::{App, RepositorySpec},
    render::Diagnostic,
};

use crate::{
    attend::{Attendant, Waker, pause},
    clusters::Clusters,
    engine::Engine,
    leave, outbox, reconcile,
    reconfigure::Reconfigured,
    report::{Health, Report},
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

/// Waits after failures grow up to this: a host that is down is not asked more often than this, whatever the interval.
const MAX_BACK_OFF: Duration = Duration::from_secs(300);

/// Failures in a row of which receivers are told: a git host that is restarted is no news.
const TOLD_AFTER: u32 = 3;

/// Polls of one interval are spread over this share of it, so that a hundred repositories do not ask at once.
const JITTER_PERCENT: u64 = 10;

/// Runs until `stop` says true. A cycle under way is finished first.
pub async fn run(engine: Arc<Engine>, events: UnboundedSender<Event>, stop: watch::Receiver<bool>) {
    engine.watch(events);
    let mut attendant = Attendant::new(Arc::clone(&engine));
    engine.desk().attended_by(attendant.waker());
    let mut pollers = Pollers::new(&engine, attendant.waker());
    let mut configured = engine.configurations();
    let (first, stepped) = watch::channel(false);
    let supply = tokio::spawn(supply::run(Arc::clone(&engine), first, stop.clone()));
    supply::begin(&engine, stepped).await;
    pollers.follow();
    let leaving = tokio::spawn(let_go(Arc::clone(&engine), stop.clone()));
    let delivery = tokio::spawn(outbox::deliver(Arc::clone(&engine), stop.clone()));
    let mut stopped = stop;
    loop {
        tokio::select! {
            () = attendant.attend() => break,
            // An error means that whoever could say stop is gone.
            _ = stopped.wait_for(|stop| *stop) => break,
            _ = configured.changed() => pollers.follow(),
        }
    }
    engine.sources().cancel();
    tokio::join!(pollers.end(), attendant.wind_down());
    let _ = tokio::join!(leaving, delivery, supply);
    // Last, for the others noted something to their end.
    outbox::write_down(&engine).await;
}

/// Without a new commit, apps that are followed by watches are looked at this often all the same: should anything ever get past a
/// watch, this finds it. A look at a thousand apps takes some tenths of a CPU-second.
const SWEEP: Duration = Duration::from_secs(30 * 60);

/// One poller for each repository of the configuration, whatever it is by now.
struct Pollers {
    engine: Arc<Engine>,
    waker: Waker,
    of: BTreeMap<String, Polled>,
    tasks: JoinSet<()>,
}

/// A repository that is polled until this is dropped.
struct Polled {
    spec: RepositorySpec,
    /// It says something else, and is asked at once.
    asked: Arc<Notify>,
    stop: watch::Sender<bool>,
}

impl Pollers {
    fn new(engine: &Arc<Engine>, waker: Waker) -> Self {
        Self {
            engine: Arc::clone(engine),
            waker,
            of: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Begins, asks and ends what the configuration says.
    fn follow(&mut self) {
        let config = self.engine.config();
        self.of.retain(|name, polled| {
            let stays = config.repositories.contains_key(name);
            if !stays {
                let _ = polled.stop.send(true); // it may have ended by itself
            }
            stays
        });
        for (name, spec) in &config.repositories {
            match self.of.get_mut(name) {
                Some(polled) if polled.spec == *spec => {}
                Some(polled) => {
                    polled.spec.clone_from(spec);
                    polled.asked.notify_one();
                }
                None => {
                    let (stop, stopped) = watch::channel(false);
                    let asked = Arc::new(Notify::new());
                    let (engine, waker) = (Arc::clone(&self.engine), self.waker.clone());
                    let polling = poll(engine, name.clone(), waker, Arc::clone(&asked), stopped);
                    self.tasks.spawn(polling);
                    let spec = spec.clone();
                    self.of.insert(name.clone(), Polled { spec, asked, stop });
                }
            }
        }
        while self.tasks.try_join_next().is_some() {}
    }

    /// Lets cycles under way end.
    async fn end(mut self) {
        for polled in self.of.values() {
            let _ = polled.stop.send(true); // it may have ended by itself
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Tries until every App that left the configuration is gone; and again when others leave.
async fn let_go(engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    let mut configured = engine.configurations();
    while !*stop.borrow() {
        configured.mark_unchanged();
        leave_all(&engine, &mut stop).await;
        tokio::select! {
            _ = configured.changed() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

async fn leave_all(engine: &Arc<Engine>, stop: &mut watch::Receiver<bool>) {
    let mut looks = 0;
    while !*stop.borrow() {
        let reports = leave::all(engine).await;
        let is_done = reports.iter().all(|report| report.health == Health::Healthy);
        for report in reports {
            engine.tell(Event::Report(report));
        }
        if is_done {
            return;
        }
        looks += 1;
        let _ = tokio::time::timeout(pause(looks), stop.wait_for(|stop| *stop)).await;
    }
}

/// What is remembered of a repository between polls.
#[derive(Default)]
struct Memory {
    revision: Option<String>,
    failures: u32,
    /// The revision at which every app was last looked at, and when that was.
    swept: Option<(String, Instant)>,
    /// By app, the identity of what lay at its path when its cycle was last begun.
    folders: BTreeMap<String, Option<String>>,
}

async fn poll(
    engine: Arc<Engine>,
    repository: String,
    waker: Waker,
    asked: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) {
    let mut memory = Memory::default();
    while !*stop.borrow() {
        engine.tell(Event::Fetching {
            repository: repository.clone(),
        });
        match engine.sources().refresh(&repository).await {
            Ok(revision) => {
                memory.failures = 0;
                let commit = revision.commit.map(|id| id.to_string());
                engine.outbox().gives(&repository, commit.clone());
                let id = commit.unwrap_or_default();
                if memory.revision.as_ref() != Some(&id) {
                    let (subject, author) = (revision.subject.clone(), revision.author.clone());
                    memory.revision = Some(id.clone());
                    tracing::info!(%repository, revision = %id, "fetched");
                    engine.tell(Event::Fetched {
                        repository: repository.clone(),
                        revision: id,
                        subject,
                        author,
                    });
                }
            }
            Err(failed) => {
                memory.failures += 1;
                if memory.failures >= TOLD_AFTER {
                    let config = engine.config();
                    let apps = config
                        .apps
                        .values()
                        .filter(|app| app.spec.repository == repository)
                        .count();
                    engine.outbox().gives_none(&repository, apps, &failed.diagnostics);
                }
                for diagnostic in failed.diagnostics {
                    engine.tell(Event::SourceFailed {
                        repository: repository.clone(),
                        diagnostic,
                    });
                }
            }
        }
        // With no commit known yet there is nothing to compare; after a failed poll drift is still looked for.
        if let Some(revision) = memory.revision.clone() {
            cycle(&engine, &repository, &revision, &mut memory, &waker, &stop).await;
        }
        let Some(interval) = interval(&engine, &repository) else {
            return; // it left the configuration
        };
        tokio::select! {
            () = sleep(wait(interval, memory.failures, &repository)) => {}
            () = asked.notified() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

fn interval(engine: &Engine, repository: &str) -> Option<Duration> {
    let config = engine.config();
    config.repositories.get(repository).map(|spec| spec.interval)
}

/// Cycles of a poll under way on one cluster at a time. They are fewer than the apps that have room for their documents, so that one that
/// is woken because somebody changed its objects waits neither behind a commit to a thousand others nor for its own turn in it.
const LANE: usize = 12;

/// The ways to clusters, each as wide as [`LANE`]: one that can't be reached holds up no other. Folders are not bounded.
#[derive(Default)]
struct Lanes(BTreeMap<Option<String>, Arc<Semaphore>>);

impl Lanes {
    /// `choice`: the command line's.
    fn of(&mut self, app: &App, choice: Option<&TargetChoice>) -> Arc<Semaphore> {
        let target = Clusters::name_of(app, choice).map(str::to_owned);
        let width = if target.is_some() { LANE } else { Semaphore::MAX_PERMITS };
        Arc::clone(self.0.entry(target).or_insert_with(|| Arc::new(Semaphore::new(width))))
    }
}

/// Every app of the repository, side by side; first those whose own folder changed, for their people wait. Without a new commit,
/// only those whose target nobody watches, and those that are not as they should be.
async fn cycle(
    engine: &Arc<Engine>,
    repository: &str,
    revision: &str,
    memory: &mut Memory,
    waker: &Waker,
    stop: &watch::Receiver<bool>,
) {
    let mut apps = apps_of(engine, repository);
    if memory.is_swept(revision) {
        apps.retain(|app| !engine.is_followed(app));
    } else {
        memory.swept = Some((revision.to_owned(), Instant::now()));
        touched_first(engine, repository, memory, &mut apps).await;
    }
    let mut tasks = JoinSet::new();
    let mut lanes = Lanes::default();
    for app in apps {
        let (engine, lane, stop) = (
            Arc::clone(engine),
            lanes.of(&app, engine.options().target.as_ref()),
            stop.clone(),
        );
        tasks.spawn(async move {
            // Never closed, so there is always a place to wait for.
            let _place = lane.acquire().await;
            if *stop.borrow() {
                return None;
            }
            Some(reconcile::sync(&engine, &app).await)
        });
    }
    while let Some(done) = tasks.join_next().await {
        if let Ok(Some(report)) = done {
            if report.wants_another_look() {
                waker.wake(&report.app);
            }
            engine.tell(Event::Report(report));
        }
    }
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
    apps.filter(|app| app.spec.repository == repository).cloned().collect()
}

async fn touched_first(engine: &Engine, repository: &str, memory: &mut Memory, apps: &mut [App]) {
    let Ok(revision) = engine.sources().resolve(repository).await else {
        return;
    };
    let tree = revision.tree("");
    let folders: BTreeMap<String, Option<String>> = apps
        .iter()
        .map(|app| (app.name.clone(), tree.digest(app.spec.path.trim_end_matches('/')).ok()))
        .collect();
    let before = std::mem::replace(&mut memory.folders, folders);
    apps.sort_by_key(|app| memory.folders.get(&app.name) == before.get(&app.name));
}

fn wait(interval: Duration, failures: u32, repository: &str) -> Duration {
    let backed_off = interval
        .saturating_mul(1_u32 << failures.min(8))
        .min(MAX_BACK_OFF.max(interval));
    let share = windlass_core::digest::Digest::of(repository.as_bytes()).as_bytes()[0];
    backed_off + interval.mul_f64(f64::from(share) / 255.0 * JITTER_PERCENT as f64 / 100.0)
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

    #[test]
    fn failures_back_off_and_end() {
        let interval = Duration::from_secs(10);
        let least = |failures| wait(interval, failures, "shop");
        assert!(least(0) < Duration::from_secs(12));
        assert!(least(3) >= Duration::from_secs(80));
        assert!(least(30) <= MAX_BACK_OFF + interval);
        assert_ne!(wait(interval, 0, "a"), wait(interval, 0, "b"));
    }
}
