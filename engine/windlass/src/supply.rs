//! Versions of plugins on their way: fetched, compiled, shown beside the one before, and only then in its place.
//!
//! ```text
//! admitted ─ fetch ─▶ here ─ load ─▶ ready ─┬─ Auto ────────────────────────┬─▶ serves
//!              └─ tried again, later ◀─┘    └─ Preview: compare ─ equal ────┤
//!                                                          └─ waits ─ approved
//! ```
//!
//! Until then who served goes on, over restarts too. A call under way ends with what it began with, for [`Plugins`](crate::plugins::Plugins) are exchanged as a
//! whole. All of it is a loop of steps, each of which does what can be done now.

mod compare;
mod fetch;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use windlass_core::{
    config::{PluginChoice, Rollout},
    digest::Digest,
    oid::Oid,
    plugin::World,
    render::{Diagnostic, Location, Severity},
    rollout::{FORMAT, Serving},
};

pub(crate) use fetch::options_of;

use crate::{
    engine::{self, Engine, blocking},
    plugins::{Candidate, Rival, wants},
    reconfigure::uses,
    run::Event,
    state::StateError,
    stop::{Stop, chain},
};

/// First wait after a version could not be had; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// The longest. A registry is not asked more often by an engine whose plugin it hasn't.
const LAST_WAIT: Duration = Duration::from_secs(900);

/// How often it is looked whether git has moved on while a version waits for approval: what differed may be equal by now.
const REVIEW: Duration = Duration::from_secs(15);

/// How long `run` waits for versions that aren't here before it looks at Apps: those that need them would fail for a moment at each
/// start. A registry that can't be reached delays the others by no more than this.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the steps remember.
#[derive(Default)]
pub(crate) struct Supply {
    /// One step at a time.
    stepping: tokio::sync::Mutex<()>,
    /// Held while plugins are exchanged for others.
    swapping: tokio::sync::Mutex<()>,
    /// Of components that could not be fetched or loaded.
    attempts: Mutex<BTreeMap<Digest, Attempt>>,
    /// What was told last of a version.
    told: Mutex<BTreeMap<String, String>>,
    /// What was compared last, by the version that waits.
    compared: Mutex<BTreeMap<String, Compared>>,
}

#[derive(Clone, Copy)]
struct Attempt {
    failures: u32,
    next: Instant,
}

/// Two outputs can only have become equal, or others, when one of these is another.
#[derive(Clone, PartialEq, Eq)]
struct Compared {
    digests: BTreeSet<(PluginChoice, Digest, Digest)>,
    roots: BTreeMap<String, Option<Oid>>,
    configuration: u64,
}

/// What becomes of versions that are to be shown beside the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previews {
    /// They are compared, which asks the targets of Apps what renders may ask about them.
    Compare,
    /// They are left to whoever applies.
    Leave,
}

/// What a step came to.
#[derive(Default)]
struct Step {
    /// What was not told before.
    told: Vec<Diagnostic>,
    /// When there may be something to do again, by itself.
    next: Option<Instant>,
    /// Versions are here that weren't.
    came: bool,
}

impl Step {
    fn again(&mut self, at: Instant) {
        self.next = Some(self.next.map_or(at, |known| known.min(at)));
    }
}

impl Supply {
    /// Held while plugins are exchanged for others.
    pub(crate) const fn swapping(&self) -> &tokio::sync::Mutex<()> {
        &self.swapping
    }

    /// When a component may be tried again; `None`: now.
    fn waits(&self, digest: &Digest) -> Option<Instant> {
        let attempt = lock(&self.attempts).get(digest).copied();
        attempt
            .map(|attempt| attempt.next)
            .filter(|next| *next > Instant::now())
    }

    fn failed(&self, digest: Digest, step: &mut Step) {
        let mut attempts = lock(&self.attempts);
        let attempt = attempts.entry(digest).or_insert_with(|| Attempt {
            failures: 0,
            next: Instant::now(),
        });
        attempt.failures += 1;
        attempt.next = Instant::now() + wait(attempt.failures, &digest);
        step.again(attempt.next);
    }

    fn succeeded(&self, digest: &Digest) {
        lock(&self.attempts).remove(digest);
    }

    /// Unless it was told last.
    fn tell(&self, of: &str, diagnostic: Diagnostic, step: &mut Step) {
        let mut told = lock(&self.told);
        if told.get(of) != Some(&diagnostic.message) {
            told.insert(of.to_owned(), diagnostic.message.clone());
            step.told.push(diagnostic);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Up to a quarter more, so that versions that failed together aren't asked for together.
fn wait(failures: u32, digest: &Digest) -> Duration {
    let wait = FIRST_WAIT
        .saturating_mul(1 << (failures.max(1) - 1).min(10))
        .min(LAST_WAIT);
    wait + wait.mul_f64(f64::from(digest.as_bytes()[0]) / 1024.0)
}

fn warning(code: &str, message: String, help: String) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(code, message, Location::None).with_help(help);
    diagnostic.severity = Severity::Warning;
    diagnostic
}

impl Engine {
    /// Does what can be done now about versions of plugins that aren't here or don't serve yet. Answers what was not told before.
    pub async fn supply(self: &Arc<Self>, previews: Previews) -> Vec<Diagnostic> {
        step(self, previews).await.told
    }
}

/// Until `stop` says true. `first`: said once the first step is over.
pub(crate) async fn run(engine: Arc<Engine>, first: watch::Sender<bool>, mut stop: watch::Receiver<bool>) {
    let mut configured = engine.configurations();
    while !*stop.borrow() {
        configured.mark_unchanged();
        let made = tokio::select! {
            made = step(&engine, Previews::Compare) => made,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        for diagnostic in made.told {
            engine.tell(Event::Plugin { diagnostic });
        }
        if made.came {
            engine.tell(Event::PluginsCame);
        }
        first.send_replace(true);
        let plugins = engine.plugins();
        let again = async {
            match made.next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = again => {}
            () = engine.desk().rollouts().asked().notified() => {}
            () = plugins.loads().notified() => {}
            _ = configured.changed() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }
}

/// Waits for the first step, but not for ever, where something isn't here.
pub(crate) async fn begin(engine: &Engine, mut first: watch::Receiver<bool>) {
    if engine.plugins().awaited().next().is_some() {
        let _ = tokio::time::timeout(PATIENCE, first.wait_for(|done| *done)).await;
    }
}

async fn step(engine: &Arc<Engine>, previews: Previews) -> Step {
    let _alone = engine.supplies().stepping.lock().await;
    let mut step = Step::default();
    note(engine).await;
    fetch::all(engine, &mut step).await;
    take_places(engine, previews, &mut step).await;
    note(engine).await;
    step
}

/// Writes down who serves by now, and keeps a copy of it: so that it can go on when another is chosen, and the engine began anew.
pub(crate) async fn note(engine: &Engine) {
    let (plugins, config) = (engine.plugins(), engine.config());
    let known = engine.desk().rollouts().serving();
    let proven = wants(&config).into_iter().filter_map(|choice| {
        let candidate = plugins.proven(&choice)?;
        let serving = Serving {
            format: FORMAT,
            version: candidate.manifest().version.clone(),
            digest: candidate.digest(),
        };
        let is_news = known.get(&choice.to_string()) != Some(&serving);
        is_news.then(|| (choice.to_string(), serving, Arc::clone(candidate)))
    });
    let news: Vec<_> = proven.collect();
    let is_gone = |choice: &&String| {
        let name = choice.split_once('@').map_or(choice.as_str(), |(name, _)| name);
        !config.plugins.contains_key(name)
    };
    let gone: Vec<String> = known.keys().filter(is_gone).cloned().collect();
    if news.is_empty() && gone.is_empty() {
        return;
    }
    let desk = Arc::clone(engine.desk());
    let write = move || -> Result<(), StateError> {
        for (choice, serving, candidate) in news {
            if let Err(error) = plugins.keep(&candidate) {
                tracing::warn!(plugin = %candidate.label(), %error, "no copy of the plugin can be kept");
            }
            desk.rollouts().serve(&choice, Some(serving))?;
        }
        for choice in gone {
            desk.rollouts().serve(&choice, None)?;
        }
        plugins.tidy(known.values().map(|serving| serving.digest));
        Ok(())
    };
    if let Ok(Err(error)) = blocking(write).await {
        tracing::warn!(error = %chain(&error), "which plugins serve can't be written down");
    }
}

/// Versions that are here, to where they are to serve.
async fn take_places(engine: &Arc<Engine>, previews: Previews, step: &mut Step) {
    let mut of_next: BTreeMap<String, Vec<Rival>> = BTreeMap::new();
    for rival in engine.plugins().rivals() {
        of_next.entry(rival.next.label()).or_default().push(rival);
    }
    let supply = engine.supplies();
    for (label, rivals) in of_next {
        let Some(next) = rivals.first().map(|rival| Arc::clone(&rival.next)) else {
            continue;
        };
        if let Some(at) = supply.waits(&next.digest()) {
            step.again(at);
            continue;
        }
        if let Err(refused) = engine.plugins().load(&next).await {
            supply.failed(next.digest(), step);
            let help = format!("{} goes on serving", serving(&rivals));
            supply.tell(&label, warning(&refused.code, refused.message, help), step);
            continue;
        }
        supply.succeeded(&next.digest());
        let may_serve = match stands(engine, &label, &next) {
            Stands::Ready => true,
            // Where several replicas work, one compares for all Apps, and the others follow.
            Stands::Unseen if !engine.is_leading() => rivals.iter().all(|rival| {
                let choice = rival.choice.to_string();
                engine.desk().rollouts().serves_elsewhere(&choice, &next.digest())
            }),
            Stands::Unseen if previews == Previews::Leave => false,
            Stands::Unseen => compare::is_equal(engine, &label, &rivals, step).await,
        };
        if may_serve && let Err(stop) = take(engine, &label, rivals, step).await {
            step.told.extend(stop.diagnostics);
        }
    }
}

/// What a version that is ready waits for.
enum Stands {
    /// Nothing.
    Ready,
    /// To be seen beside the one before, or approved.
    Unseen,
}

fn stands(engine: &Engine, label: &str, next: &Candidate) -> Stands {
    let config = engine.config();
    let spec = config.plugins.get(&next.manifest().name);
    match spec.map(|spec| spec.rollout).unwrap_or_default() {
        Rollout::Auto => Stands::Ready,
        Rollout::Preview if engine.desk().rollouts().is_approved(label, &next.digest()) => Stands::Ready,
        Rollout::Preview => Stands::Unseen,
    }
}

/// It serves from the next call on.
async fn take(engine: &Arc<Engine>, label: &str, rivals: Vec<Rival>, step: &mut Step) -> Result<(), Stop> {
    let swap = engine.supplies().swapping.lock().await;
    let plugins = engine.plugins();
    let rivals: Vec<Rival> = rivals.into_iter().filter(|rival| plugins.still(rival)).collect();
    let Some(next) = rivals.first().map(|rival| Arc::clone(&rival.next)) else {
        return Ok(()); // the configuration says something else by now
    };
    let serving_now = Serving {
        format: FORMAT,
        version: next.manifest().version.clone(),
        digest: next.digest(),
    };
    let choices: Vec<String> = rivals.iter().map(|rival| rival.choice.to_string()).collect();
    let (desk, keeper, label_of, candidate) = (
        Arc::clone(engine.desk()),
        Arc::clone(&plugins),
        label.to_owned(),
        Arc::clone(&next),
    );
    let write = move || -> Result<(), StateError> {
        if let Err(error) = keeper.keep(&candidate) {
            tracing::warn!(plugin = %label_of, %error, "no copy of the plugin can be kept");
        }
        for choice in choices {
            desk.rollouts().serve(&choice, Some(serving_now.clone()))?;
        }
        desk.rollouts().wait(&label_of, None)?;
        desk.rollouts().approve(&label_of, None)
    };
    blocking(write).await??;
    engine.set_plugins(Arc::new(plugins.with_taken(&rivals)));
    drop(swap);
    lock(&engine.supplies().told).remove(label);
    lock(&engine.supplies().compared).remove(label);
    changed(engine, &[next]);
    let message = format!("plugin {label} serves in the place of {}", serving(&rivals));
    let mut news = Diagnostic::error("plugin-serves", message, Location::None);
    news.severity = Severity::Info;
    step.told.push(news);
    Ok(())
}

/// Who serves, in words: `helm@4.3.0`.
fn serving(rivals: &[Rival]) -> String {
    let labels: BTreeSet<&str> = rivals.iter().map(|rival| rival.label.as_str()).collect();
    let labels: Vec<&str> = labels.into_iter().collect();
    labels.join(" and ")
}

/// Has every App looked at that uses what is another by now.
fn changed(engine: &Engine, now: &[Arc<Candidate>]) {
    let config = engine.config();
    if now
        .iter()
        .any(|candidate| candidate.manifest().world == World::HealthChecker)
    {
        let rules = engine::rules(&config, &engine.secret().installation(), &engine.plugins());
        let _ = engine.clusters().reconfigure(&config.clusters, rules);
    }
    let names: BTreeSet<String> = now.iter().map(|candidate| candidate.manifest().name.clone()).collect();
    let any_renderer = now
        .iter()
        .any(|candidate| candidate.manifest().world == World::Renderer);
    for (id, app) in &config.apps {
        if uses(app, config.repositories.get(app.repository()), &names, any_renderer) {
            engine.set_settled(app, None);
            engine.desk().wake(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_quarter_of_an_hour() {
        let digest = Digest::of(b"a");
        assert!((FIRST_WAIT..FIRST_WAIT * 2).contains(&wait(1, &digest)));
        assert!(wait(3, &digest) > wait(2, &digest));
        assert!(wait(40, &digest) < LAST_WAIT * 2);
    }
}
