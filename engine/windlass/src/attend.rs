//! Cycles between the polls: an app is looked at again when something it owns changed, and while it waits for something.
//!
//! One cycle of an app at a time, and no cycle waits: what an app waits for wakes it, or its next look does.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use windlass_cluster::store::Changes;
use windlass_core::config::App;

use crate::{
    depends,
    engine::{Engine, blocking},
    fights::TRUCE,
    health::Turn,
    reconcile, record,
    report::{Health, Report},
    run::Event,
    stop::chain,
};

/// First wait of an app that waits for something that no watch may tell of; each further one is twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// The longest.
const LAST_LOOK: Duration = Duration::from_secs(60);

/// Says that an app is to be looked at.
#[derive(Clone)]
pub(crate) struct Waker(UnboundedSender<String>);

impl Waker {
    /// By name. An app that is being looked at is looked at once more.
    pub(crate) fn wake(&self, app: &str) {
        // Nobody attends any more: the loop is about to end.
        let _ = self.0.send(app.to_owned());
    }
}

/// Who attends to the apps of an engine.
pub(crate) struct Attendant {
    engine: Arc<Engine>,
    waker: Waker,
    wakes: UnboundedReceiver<String>,
    followed: UnboundedReceiver<Changes>,
    apps: BTreeMap<String, Attended>,
    cycles: JoinSet<Report>,
    /// Followers of clusters, and apps that sleep until their next look.
    helpers: JoinSet<()>,
}

#[derive(Default)]
struct Attended {
    under_way: bool,
    /// It was woken meanwhile.
    again: bool,
    /// Looks in a row that found it waiting.
    looks: u32,
}

impl Attendant {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        let (wake, wakes) = unbounded_channel();
        let (opened, followed) = unbounded_channel();
        engine.clusters().watch(opened);
        Self {
            engine,
            waker: Waker(wake),
            wakes,
            followed,
            apps: BTreeMap::new(),
            cycles: JoinSet::new(),
            helpers: JoinSet::new(),
        }
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Runs until it is dropped. Safe to cancel; cycles under way end with it.
    pub(crate) async fn attend(&mut self) {
        let engine = Arc::clone(&self.engine);
        loop {
            tokio::select! {
                Some(app) = self.wakes.recv() => self.woken(app),
                Some(changes) = self.followed.recv() => self.follow(changes),
                Some(done) = self.cycles.join_next() => {
                    if let Ok(report) = done {
                        self.looked(report);
                    }
                }
                reports = engine.healths().given_up() => {
                    let engine = Arc::clone(&engine);
                    self.helpers.spawn(async move {
                        for report in reports {
                            turned(&engine, report).await;
                        }
                    });
                }
                due = engine.desk().alarms().due() => due.into_iter().for_each(|app| self.woken(app)),
                // Reaps them.
                Some(_) = self.helpers.join_next() => {}
            }
        }
    }

    /// Lets cycles under way end; begins no other.
    pub(crate) async fn wind_down(&mut self) {
        self.helpers.abort_all();
        while let Some(done) = self.cycles.join_next().await {
            if let Ok(report) = done {
                self.engine.tell(Event::Report(report));
            }
        }
    }

    fn woken(&mut self, app: String) {
        let attended = self.apps.entry(app.clone()).or_default();
        if attended.under_way {
            attended.again = true;
            return;
        }
        let Some(app) = self.engine.config().apps.get(&app).cloned() else {
            return;
        };
        attended.under_way = true;
        let engine = Arc::clone(&self.engine);
        self.cycles.spawn(async move { reconcile::sync(&engine, &app).await });
    }

    fn looked(&mut self, report: Report) {
        let name = report.app.clone();
        let waits = report.wants_another_look();
        let is_stalled = report.health == Health::Stalled;
        self.engine.tell(Event::Report(report));
        let attended = self.apps.entry(name.clone()).or_default();
        attended.under_way = false;
        attended.looks = if waits && !is_stalled { attended.looks + 1 } else { 0 };
        if std::mem::take(&mut attended.again) {
            self.woken(name);
        } else if waits {
            let pause = if is_stalled { TRUCE } else { pause(attended.looks) };
            let waker = self.waker();
            self.helpers.spawn(async move {
                sleep(pause).await;
                waker.wake(&name);
            });
        }
    }

    /// Wakes the apps whose objects somebody else changed. Where only their health did, there is nothing to do but to tell it.
    fn follow(&mut self, mut changes: Changes) {
        let (waker, engine) = (self.waker(), Arc::clone(&self.engine));
        self.helpers.spawn(async move {
            loop {
                let changed = changes.next().await;
                // By app, whether there is more to it.
                let mut apps: BTreeMap<String, bool> = BTreeMap::new();
                for change in &changed {
                    if let Some(owner) = &change.owner {
                        *apps.entry(owner.id()).or_default() |= !change.in_health_alone;
                    }
                }
                for (app, is_more) in apps {
                    if is_more {
                        waker.wake(&app);
                        continue;
                    }
                    match engine.healths().turned(&app) {
                        Turn::Unknown | Turn::Due => waker.wake(&app),
                        Turn::Other(report) => turned(&engine, *report).await,
                        Turn::Same => {}
                    }
                }
            }
        });
    }
}

/// An app stands elsewhere, though nothing was done to it.
async fn turned(engine: &Engine, mut report: Report) {
    if let Some(app) = engine.config().apps.get(&report.app) {
        record::note(engine, app, &mut report).await;
    }
    engine.tell(Event::Report(report));
}

/// Longest pause between two looks of somebody who waits at a terminal.
const LAST_LOOK_OF_A_PERSON: Duration = Duration::from_secs(4);

/// One sync of an app, which goes on as long as the app waits for something and until it is healthy, at most for so long. The
/// report is that of all cycles together.
pub(crate) async fn until_done(engine: &Engine, app: &App, within: Duration) -> Report {
    let end = Instant::now() + within;
    let mut report = reconcile::sync(engine, app).await;
    let mut looks = 1;
    loop {
        if report.is_becoming_healthy() {
            match timeout_at(end, engine.healths().wait(app, &mut report)).await {
                Ok(true) => {
                    record::note(engine, app, &mut report).await;
                    continue;
                }
                Ok(false) | Err(_) => break,
            }
        }
        if report.is_to_go_back && Instant::now() + record::PATIENCE < end {
            sleep(record::PATIENCE).await;
            match gone_back(engine, app, &report).await {
                Ok(()) => report = reconcile::sync(engine, app).await.after(report),
                Err(why) => {
                    report.is_to_go_back = false;
                    record::not_taken(&mut report, &why);
                }
            }
            continue;
        }
        if report.health != Health::Progressing {
            break;
        }
        let pause = pause(looks).min(LAST_LOOK_OF_A_PERSON);
        if Instant::now() + pause > end {
            break;
        }
        if depends::is_in_vain(engine, app, &report) {
            break;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = engine.depends().turned() => {}
        }
        looks += 1;
        report = reconcile::sync(engine, app).await.after(report);
    }
    report
}

/// # Errors
/// With the reason why it stays.
async fn gone_back(engine: &Engine, app: &App, report: &Report) -> Result<(), String> {
    let Some(entry) = report.entry else { return Ok(()) };
    let (desk, name, key) = (Arc::clone(engine.desk()), app.id().to_owned(), report.key.clone());
    match blocking(move || record::go_back(&desk, &name, &key, entry)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(why)) => Err(chain(&why)),
        Err(_) => Err("interrupted".to_owned()),
    }
}

/// Before the next look at an app that waits.
pub(crate) fn pause(looks: u32) -> Duration {
    FIRST_LOOK
        .saturating_mul(1 << looks.saturating_sub(1).min(16))
        .min(LAST_LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_become_rarer_and_never_end() {
        assert_eq!(pause(1), FIRST_LOOK);
        assert_eq!(pause(2), FIRST_LOOK * 2);
        assert_eq!(pause(500), LAST_LOOK);
    }
}
