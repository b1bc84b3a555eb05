//! Whether an app that was applied does what it is for: a state, fed by watches.
//!
//! Nothing waits here. What isn't healthy is known to the store of the cluster, object by object; who watches it tells when that
//! changes, and an app that doesn't get on has an entry in a list of deadlines. A thousand stuck apps are a thousand entries, and
//! a change of health costs no cycle.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use windlass_cluster::store::Store;
use windlass_core::{
    config::App,
    diff::Plan,
    digest::Digest,
    health::{Assessed, Progress, State},
    hooks::Log,
    model::ObjectId,
    owner::Owner,
    render::{Diagnostic, Location},
};

use crate::{
    report::{Health, Report},
    target::Target,
};

/// All apps that were applied to a cluster, by name.
#[derive(Default)]
pub(crate) struct Healths {
    wards: Mutex<Wards>,
    /// There is a deadline before all others.
    sooner: Notify,
}

#[derive(Default)]
struct Wards {
    by_app: HashMap<String, Ward>,
    /// Of apps on their way: when they are given up.
    deadlines: BTreeSet<(Instant, String)>,
}

/// One app.
struct Ward {
    store: Store,
    owner: Owner,
    /// What was applied.
    desired: Digest,
    /// Still there, and not wanted any more: how they do doesn't matter.
    unwanted: BTreeSet<ObjectId>,
    /// Objects of hooks: how they do is told when they run.
    hooks: BTreeSet<ObjectId>,
    /// Hooks run when it is healthy.
    is_awaited: bool,
    /// See [`windlass_core::config::HealthSpec::progress_deadline`].
    deadline: Duration,
    progress: Progress,
    /// When it last got on; `None` = it is healthy.
    since: Option<Instant>,
    /// Its objects are being changed: where it stands is told when that is done.
    is_under_way: bool,
    /// What the last cycle found, its health aside.
    found: Report,
    told: Option<Told>,
}

/// What counts as news when it is another.
#[derive(PartialEq, Eq)]
struct Told {
    health: Health,
    is_stuck: bool,
    objects: Vec<(ObjectId, State, String)>,
}

/// What became of an app's health.
pub(crate) enum Turn {
    /// It wasn't in sync when it was looked at last: that is for a cycle to tell.
    Unknown,
    /// It stands where it stood.
    Same,
    /// It stands elsewhere.
    Other(Box<Report>),
    /// It is healthy, and something waits for that: a cycle is due.
    Due,
}

impl Healths {
    /// Where an app stands that was found in sync, or made so. `plan`: what was done; `None` = there was nothing to do. `hooks`: what is known of
    /// its hooks; some that were not run yet wait for its health.
    pub(crate) fn look(
        &self,
        app: &App,
        target: &dyn Target,
        desired: Option<Digest>,
        (plan, hooks): (Option<&Plan>, Option<&Log>),
        report: &mut Report,
    ) -> Health {
        let (Some((store, owner)), Some(desired)) = (target.living(), desired) else {
            return Health::Healthy;
        };
        let mut wards = self.wards();
        let known = wards.take_out(app.id());
        let mut ward = match known {
            Some(known) if known.owner == owner && known.desired == desired => known,
            _ => Ward::new(store, owner, desired),
        };
        ward.is_under_way = false;
        ward.deadline = app.spec.health.progress_deadline;
        ward.hooks = hooks.map_or_else(BTreeSet::new, Log::objects);
        ward.is_awaited = hooks.is_some_and(|log| !log.done);
        if let Some(plan) = plan {
            let unwanted = plan.steps.iter().filter(|step| step.desired.is_none());
            ward.unwanted = unwanted.map(|step| step.id.clone()).collect();
        }
        ward.found = report.at_rest_again();
        let standing = ward.look();
        ward.told = Some(standing.told());
        let health = standing.health;
        standing.write(report);
        self.put(&mut wards, app.id(), ward);
        health
    }

    /// An app's objects are about to be changed.
    pub(crate) fn pause(&self, app: &App) {
        if let Some(ward) = self.wards().by_app.get_mut(app.id()) {
            ward.is_under_way = true;
        }
    }

    /// It is not known to be in sync any more.
    pub(crate) fn forget(&self, app: &App) {
        self.wards().take_out(app.id());
    }

    /// Looks again at an app whose objects came to stand elsewhere, or whose deadline is over.
    pub(crate) fn turned(&self, app: &str) -> Turn {
        let mut wards = self.wards();
        let Some(mut ward) = wards.take_out(app) else {
            return Turn::Unknown;
        };
        if ward.is_under_way {
            wards.put(app, ward);
            return Turn::Same;
        }
        let standing = ward.look();
        if ward.is_awaited && standing.health == Health::Healthy {
            return Turn::Due;
        }
        let told = Some(standing.told());
        let turn = if ward.told == told {
            Turn::Same
        } else {
            let mut report = ward.found.clone();
            report.stands(standing.health);
            standing.write(&mut report);
            Turn::Other(Box::new(report))
        };
        ward.told = told;
        self.put(&mut wards, app, ward);
        turn
    }

    /// Waits until apps have not got on for as long as they may. Safe to cancel.
    pub(crate) async fn given_up(&self) -> Vec<Report> {
        loop {
            let first = self.wards().deadlines.first().map(|(when, _)| *when);
            match first {
                Some(when) => {
                    tokio::select! {
                        () = sleep_until(when) => {}
                        () = self.sooner.notified() => continue,
                    }
                }
                None => {
                    self.sooner.notified().await;
                    continue;
                }
            }
            let reports = self.overdue();
            if !reports.is_empty() {
                return reports;
            }
        }
    }

    fn overdue(&self) -> Vec<Report> {
        let now = Instant::now();
        let due: Vec<String> = {
            let wards = self.wards();
            let due = wards.deadlines.iter().take_while(|(when, _)| *when <= now);
            due.map(|(_, app)| app.clone()).collect()
        };
        let turns = due.iter().map(|app| self.turned(app));
        turns
            .filter_map(|turn| match turn {
                Turn::Other(report) => Some(*report),
                Turn::Same | Turn::Unknown | Turn::Due => None,
            })
            .collect()
    }

    /// Waits until an app stands elsewhere than its report says, and writes down where. `false` = nobody will tell.
    pub(crate) async fn wait(&self, app: &App, report: &mut Report) -> bool {
        loop {
            let Some((turns, deadline)) = self.waiting(app) else {
                return false;
            };
            let turned = turns.notified();
            tokio::pin!(turned);
            turned.as_mut().enable();
            match self.turned(app.id()) {
                Turn::Other(now) => {
                    report.stands_as(*now);
                    return true;
                }
                Turn::Due => {
                    report.health = Health::Progressing;
                    report.unhealthy.clear();
                    report.unhealthy_total = 0;
                    return true;
                }
                Turn::Unknown => return false,
                Turn::Same => {}
            }
            tokio::select! {
                () = turned => {}
                () = sleep_until(deadline) => {}
            }
        }
    }

    fn waiting(&self, app: &App) -> Option<(Arc<Notify>, Instant)> {
        let wards = self.wards();
        let ward = wards.by_app.get(app.id())?;
        let since = ward.since.unwrap_or_else(Instant::now);
        Some((ward.store.health_turns(&ward.owner), since + ward.deadline))
    }

    fn put(&self, wards: &mut Wards, app: &str, ward: Ward) {
        if wards.put(app, ward) {
            self.sooner.notify_one();
        }
    }

    fn wards(&self) -> MutexGuard<'_, Wards> {
        self.wards.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wards {
    fn take_out(&mut self, app: &str) -> Option<Ward> {
        let ward = self.by_app.remove(app)?;
        if let Some(when) = ward.ends() {
            self.deadlines.remove(&(when, app.to_owned()));
        }
        Some(ward)
    }

    /// Whether its deadline is now the first of all.
    fn put(&mut self, app: &str, ward: Ward) -> bool {
        let ends = ward.ends();
        self.by_app.insert(app.to_owned(), ward);
        let Some(when) = ends else { return false };
        self.deadlines.insert((when, app.to_owned()));
        self.deadlines.first().is_some_and(|(_, first)| first == app)
    }
}

impl Ward {
    fn new(store: Store, owner: Owner, desired: Digest) -> Self {
        Self {
            found: Report::new(&owner.id()),
            store,
            owner,
            desired,
            unwanted: BTreeSet::new(),
            hooks: BTreeSet::new(),
            is_awaited: false,
            deadline: Duration::ZERO,
            progress: Progress::default(),
            since: None,
            is_under_way: false,
            told: None,
        }
    }

    /// When it is given up; `None`: it is healthy, or was given up.
    fn ends(&self) -> Option<Instant> {
        let is_stuck = self.told.as_ref().is_some_and(|told| told.is_stuck);
        self.since.filter(|_| !is_stuck).map(|since| since + self.deadline)
    }

    fn look(&mut self) -> Standing {
        let now = Instant::now();
        let mut objects = self.store.unwell(&self.owner);
        objects.retain(|(id, _)| !self.unwanted.contains(id) && !self.hooks.contains(id));
        if objects.is_empty() {
            self.since = None;
            self.progress = Progress::default();
            return Standing {
                health: Health::Healthy,
                objects: Vec::new(),
                stuck: None,
            };
        }
        let gets_on = self.progress.note(objects.iter().map(|(id, verdict)| (id, verdict)));
        let since = match self.since {
            Some(since) if !gets_on => since,
            _ => now,
        };
        self.since = Some(since);
        let is_stuck = now.duration_since(since) >= self.deadline;
        let is_degraded = objects.iter().any(|(_, verdict)| verdict.state == State::Degraded);
        let mut objects: Vec<Assessed> = objects
            .into_iter()
            .map(|(object, verdict)| Assessed { object, verdict })
            .collect();
        // The worst first; of equals, in the order of identities.
        objects.sort_by_key(|object| std::cmp::Reverse(object.verdict.state));
        Standing {
            health: if is_stuck || is_degraded {
                Health::Degraded
            } else {
                Health::Progressing
            },
            objects,
            stuck: is_stuck.then_some(self.deadline),
        }
    }
}

/// Where an app stands.
struct Standing {
    health: Health,
    /// Those that aren't healthy, the worst first.
    objects: Vec<Assessed>,
    /// Nothing got on for so long.
    stuck: Option<Duration>,
}

/// Objects of a report. The threat is an app of twenty thousand that are all on their way, told anew at each step.
const MOST: usize = 20;

impl Standing {
    fn told(&self) -> Told {
        let object = |object: &Assessed| {
            let verdict = &object.verdict;
            (object.object.clone(), verdict.state, verdict.reason.clone())
        };
        Told {
            health: self.health,
            is_stuck: self.stuck.is_some(),
            objects: self.objects.iter().take(MOST).map(object).collect(),
        }
    }

    fn write(mut self, report: &mut Report) {
        report.unhealthy_total = self.objects.len();
        self.objects.truncate(MOST);
        if let Some(time) = self.stuck {
            let message = format!(
                "{} of its objects did not become healthy, and nothing has got on for {} s",
                report.unhealthy_total,
                time.as_secs()
            );
            report
                .diagnostics
                .push(Diagnostic::error("no-progress", message, Location::None).with_help(
                    "`spec.health.progressDeadline` says how long; it is looked at on, and told when it recovers",
                ));
        }
        report.unhealthy = self.objects;
    }
}
