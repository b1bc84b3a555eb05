//! What an App depends on: whether it is there and well, and who wakes the App when it is.
//!
//! An App waits before it is changed for another desired hash, and for nothing else: drift is repaired and what was applied before is
//! applied again whatever the others do. To wait is to end the cycle; a report of the other App, or a watch on the object, begins the next.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use windlass_cluster::{discovery::KindError, notice::Notice};
use windlass_core::{
    config::{App, Config, DependsOn, Needed, referred},
    digest::Digest,
    health::{self, State},
    model::ObjectId,
};

use crate::{
    current::Current,
    desk::Desk,
    engine::Engine,
    holds::Course,
    reconcile::Seen,
    report::{Health, Report},
    stop::{Stop, chain},
};

/// Where every App stands that another one depends on, and who is to be woken.
#[derive(Default)]
pub(crate) struct Depends {
    /// By App, those that depend on it.
    dependents: Current<BTreeMap<String, Vec<String>>>,
    standings: Mutex<Standings>,
    /// An App came to stand elsewhere.
    turned: Notify,
}

#[derive(Default)]
struct Standings {
    known: BTreeMap<String, Known>,
    /// Of Apps that other replicas keep: why one isn't as it should be; `None`: it is.
    elsewhere: BTreeMap<String, Option<String>>,
    /// By App, word of the objects that it waits for.
    notices: BTreeMap<String, BTreeMap<ObjectId, Notice>>,
}

/// How an App's last cycle ended.
#[derive(Clone, PartialEq, Eq)]
struct Known {
    revision: Option<String>,
    health: Health,
}

impl Depends {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            dependents: Current::new(Self::dependents(config)),
            ..Self::default()
        }
    }

    /// Takes another configuration.
    pub(crate) fn reconfigure(&self, config: &Config) {
        self.dependents.set(Self::dependents(config));
        let mut standings = self.standings();
        standings.known.retain(|app, _| config.apps.contains_key(app));
        standings.notices.retain(|app, _| config.apps.contains_key(app));
        standings.elsewhere.retain(|app, _| config.aside.apps.contains_key(app));
    }

    fn dependents(config: &Config) -> BTreeMap<String, Vec<String>> {
        let mut dependents: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for app in config.apps.values() {
            for needed in app.needed_apps() {
                dependents.entry(needed).or_default().push(app.id().to_owned());
            }
        }
        dependents
    }

    /// An App's cycle ended: those that wait for it are woken.
    pub(crate) fn note(&self, report: &Report, desk: &Desk) {
        let all = self.dependents.get();
        let Some(dependents) = all.get(&report.app) else {
            return;
        };
        let known = Known {
            revision: report.revision.clone(),
            health: report.health,
        };
        let before = self.standings().known.insert(report.app.clone(), known.clone());
        if before.as_ref() == Some(&known) {
            return;
        }
        for app in dependents {
            desk.wake(app);
        }
        self.turned.notify_waiters();
    }

    /// Whether an App here depends on that one.
    pub(crate) fn is_needed(&self, app: &str) -> bool {
        self.dependents.get().contains_key(app)
    }

    /// An App that another replica keeps is as it should be, or isn't for that reason: those that wait for it are woken. At which revision it
    /// was looked at isn't asked, for its status is written when something changes, and most commits change nothing of it.
    pub(crate) fn is_told(&self, app: &str, why: Option<String>, desk: &Desk) {
        let all = self.dependents.get();
        let Some(dependents) = all.get(app) else { return };
        let before = self.standings().elsewhere.insert(app.to_owned(), why.clone());
        if before.as_ref() == Some(&why) {
            return;
        }
        for app in dependents {
            desk.wake(app);
        }
        self.turned.notify_waiters();
    }

    /// Waits until some App stands elsewhere. Safe to cancel.
    pub(crate) async fn turned(&self) {
        self.turned.notified().await;
    }

    fn standings(&self) -> MutexGuard<'_, Standings> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a single sync waits in vain: an App that it depends on was done, and isn't as it should be.
pub(crate) fn is_in_vain(engine: &Engine, app: &App, report: &Report) -> bool {
    let mut known = app
        .needed_apps()
        .filter(|needed| engine.depends().standings().known.contains_key(needed));
    known.any(|needed| of_app(engine, app, &needed, report).is_some())
}

/// Whether an App may be changed to what it is to be: its `desired` hash, without restarts that git is no cause of. If not, the report says what it waits for.
///
/// # Errors
/// When a dependency can't be looked at.
pub(crate) async fn are_met(
    engine: &Engine,
    app: &App,
    seen: &Seen,
    desired: Digest,
    report: &mut Report,
) -> Result<bool, Stop> {
    // Who goes back does so because something is wrong already, and mostly with what it depends on.
    let is_another = seen.course == Course::Git && seen.inventory.desired != Some(desired);
    let mut waits = Vec::new();
    // One that is watched already is watched on: a new one would wake the App for what it has just seen.
    let mut watched = engine
        .depends()
        .standings()
        .notices
        .remove(app.id())
        .unwrap_or_default();
    let mut notices = BTreeMap::new();
    for one in app.spec.depends_on.iter().filter(|_| is_another) {
        match one {
            DependsOn { app: Some(name), .. } => {
                waits.extend(of_app(engine, app, &referred(name, &app.namespace), report));
            }
            DependsOn {
                object: Some(needed), ..
            } => waits.extend(of_object(engine, app, needed, one, (&mut watched, &mut notices)).await?),
            DependsOn { .. } => {}
        }
    }
    {
        let mut standings = engine.depends().standings();
        if !notices.is_empty() {
            standings.notices.insert(app.id().to_owned(), notices);
        }
    }
    if waits.is_empty() {
        return Ok(true);
    }
    report.waits(waits);
    Ok(false)
}

fn of_app(engine: &Engine, app: &App, name: &str, report: &Report) -> Option<String> {
    let config = engine.config();
    let is_beside = config
        .apps
        .get(name)
        .is_some_and(|needed| needed.repository() == app.repository());
    let standings = engine.depends().standings();
    if config.aside.apps.contains_key(name) {
        return standings.elsewhere.get(name).map_or_else(
            || Some(format!("App {name}: what became of it isn't known yet")),
            |why| why.as_ref().map(|why| format!("App {name}: {why}")),
        );
    }
    let Some(known) = standings.known.get(name) else {
        return Some(format!("App {name}: it was not looked at yet"));
    };
    if is_beside && known.revision != report.revision {
        return Some(format!("App {name}: it was not looked at yet at this revision"));
    }
    (known.health != Health::Healthy).then(|| format!("App {name}: it is {}", known.health.word()))
}

async fn of_object(
    engine: &Engine,
    app: &App,
    needed: &Needed,
    one: &DependsOn,
    (watched, notices): (&mut BTreeMap<ObjectId, Notice>, &mut BTreeMap<ObjectId, Notice>),
) -> Result<Option<String>, Stop> {
    let stop = |error: &dyn std::error::Error| Stop::of("dependency", error);
    let Some((shared, actor)) = engine.clusters().of(app, engine.options().target.as_ref()).await? else {
        return Ok(None); // a folder holds no objects that could be well
    };
    let mut id = needed.id(&app.spec.target.namespace);
    let resource = match shared.api.discovery().preferred(&id.group, &id.kind).await {
        Ok(resource) => resource,
        Err(KindError::NoMatch { .. }) => return Ok(Some(format!("{id}: its kind isn't served"))),
        Err(error) => return Err(stop(&error)),
    };
    if !resource.namespaced {
        id.namespace.clear();
    }
    let live = shared
        .api
        .get(&actor, &resource, &id)
        .await
        .map_err(|error| stop(&error))?;
    let why = match (&live, &one.when) {
        (None, _) => Some("it isn't there".to_owned()),
        (Some(live), Some(when)) => match when.holds(live) {
            Ok(true) => None,
            Ok(false) => Some("`when` isn't true of it".to_owned()),
            Err(why) => Some(format!("`when`: {}", chain(&why))),
        },
        (Some(live), None) => {
            let verdict = health::assess(live);
            let is_well = matches!(verdict.state, State::Healthy | State::Unknown);
            (!is_well).then(|| verdict.message.clone())
        }
    };
    let Some(why) = why else { return Ok(None) };
    let (desk, name) = (Arc::clone(engine.desk()), app.id().to_owned());
    if desk.is_attended() {
        let notice = watched.remove(&id).unwrap_or_else(|| {
            shared.api.notice(&resource, &id, move |seen| {
                if !matches!(seen, windlass_cluster::notice::Seen::Unseen(_)) {
                    desk.wake(&name);
                }
            })
        });
        notices.insert(id.clone(), notice);
    }
    Ok(Some(format!("{id}: {why}")))
}
