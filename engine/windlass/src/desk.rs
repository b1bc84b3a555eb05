//! What was decided about Apps and what became of them: kept in memory, on disk before any answer. The loop and the verbs that ask
//! it share it; a verb that finds nobody holding the state has one of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use windlass_core::{
    breaker::Breaker,
    config::App,
    history::{Entry, Outcome},
    holds::{self, Decisions, Suspension},
    windows::{self, Gate},
};

use crate::{
    alarms::{Alarms, Purpose},
    attend::Waker,
    clock,
    render::{RunId, Store},
    rollouts::Rollouts,
    state::{Inventories, StateError},
};

/// See the module.
pub(crate) struct Desk {
    inventories: Arc<Inventories>,
    renders: Arc<Store>,
    known: Mutex<Known>,
    /// Held while something is decided: what two people say at once is said one after the other, and nobody who only wants to know
    /// waits for the disk.
    deciding: Mutex<()>,
    breaker: Mutex<Breaker>,
    /// Apps of the configuration: what the breaker's share is of.
    fleet: AtomicUsize,
    alarms: Alarms,
    waker: Mutex<Option<Waker>>,
    rollouts: Rollouts,
}

#[derive(Default)]
struct Known {
    /// By the key of an inventory.
    decisions: BTreeMap<String, Decisions>,
    /// By `namespace/app`.
    suspensions: BTreeMap<String, Suspension>,
    /// Of histories, as far as anybody asked.
    last: BTreeMap<String, Option<Last>>,
    /// Plans of git's that wait, by key: they are not made again for nothing.
    waiting: BTreeMap<String, Waits>,
    /// Entries that were not gone back from after all, by key: which, and why.
    stays: BTreeMap<String, (u64, String)>,
    /// Where each App is, by `namespace/app`: the key of its inventory.
    keys: BTreeMap<String, String>,
}

/// The newest entry of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Last {
    /// Its number.
    pub(crate) number: u64,
    /// How it stands.
    pub(crate) outcome: Outcome,
}

/// What git's render is known to wait for.
#[derive(Debug, Clone)]
pub(crate) struct Waits {
    /// Git's.
    pub(crate) run: RunId,
    /// Its plan.
    pub(crate) waiting: holds::Waiting,
}

impl Desk {
    /// `fleet`: how many Apps there are.
    ///
    /// # Errors
    /// When what was decided can't be read: then nobody knows what may be done.
    pub(crate) fn open(
        inventories: Arc<Inventories>,
        renders: Arc<Store>,
        fleet: usize,
    ) -> Result<Arc<Self>, StateError> {
        let known = Known {
            decisions: inventories.decisions()?,
            suspensions: inventories.suspensions()?,
            ..Known::default()
        };
        let rollouts = Rollouts::open(Arc::clone(&inventories))?;
        // A replica doesn't know yet what it will keep.
        if !inventories.are_shared() {
            renders.sweep(|file| inventories.keeps(file));
        }
        Ok(Arc::new(Self {
            inventories,
            renders,
            known: Mutex::new(known),
            deciding: Mutex::default(),
            breaker: Mutex::default(),
            fleet: AtomicUsize::new(fleet),
            alarms: Alarms::default(),
            waker: Mutex::default(),
            rollouts,
        }))
    }

    pub(crate) const fn inventories(&self) -> &Arc<Inventories> {
        &self.inventories
    }

    pub(crate) const fn renders(&self) -> &Arc<Store> {
        &self.renders
    }

    /// What is known of versions of plugins.
    pub(crate) const fn rollouts(&self) -> &Rollouts {
        &self.rollouts
    }

    pub(crate) const fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    pub(crate) fn fleet(&self) -> usize {
        self.fleet.load(Ordering::Relaxed)
    }

    /// There are so many Apps now.
    pub(crate) fn set_fleet(&self, apps: usize) {
        self.fleet.store(apps, Ordering::Relaxed);
    }

    pub(crate) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, who decides wakes the App that it is about.
    pub(crate) fn attended_by(&self, waker: Waker) {
        *self.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
    }

    /// Whether somebody looks at Apps whenever something happens.
    pub(crate) fn is_attended(&self) -> bool {
        self.waker.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Has an App looked at. False: nobody does now.
    pub(crate) fn wake(&self, app: &str) -> bool {
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waker) = waker.as_ref() {
            waker.wake(app);
        }
        waker.is_some()
    }

    /// Keys of all that is known: of what was applied, and of what waits to be for the first time.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn keys(&self) -> Result<BTreeSet<String>, StateError> {
        let applied = self.inventories.keys()?;
        let known = self.known();
        let here = known.decisions.keys().chain(known.keys.values());
        Ok(applied.into_iter().chain(here.cloned()).collect())
    }

    /// What was decided about an App on a target.
    pub(crate) fn decisions(&self, key: &str) -> Decisions {
        self.known().decisions.get(key).cloned().unwrap_or_default()
    }

    /// Decides. Written only when it is another than before; blocks for the disk then.
    ///
    /// # Errors
    /// When it can't be written down; then it was not decided.
    pub(crate) fn decide<T>(&self, key: &str, change: impl FnOnce(&mut Decisions) -> T) -> Result<T, StateError> {
        let _alone = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.decisions(key);
        let mut after = before.clone();
        let result = change(&mut after);
        if after != before {
            self.inventories.decide(key, &after)?;
            self.known().decisions.insert(key.to_owned(), after);
        }
        Ok(result)
    }

    /// Whether an App rests, by its own specification or by decision.
    pub(crate) fn suspended(&self, app: &App) -> Option<Suspension> {
        let decided = self.known().suspensions.get(&app.full_name()).cloned();
        holds::suspended(app.spec.suspend.as_ref(), decided.as_ref(), clock::now())
    }

    /// What was decided about an App's rest, by `namespace/app`.
    pub(crate) fn suspension(&self, app: &str) -> Option<Suspension> {
        self.known().suspensions.get(app).cloned()
    }

    /// Has an App rest, by `namespace/app`; `None`: no longer.
    ///
    /// # Errors
    /// When it can't be written down.
    pub(crate) fn suspend(&self, app: &str, suspension: Option<Suspension>) -> Result<(), StateError> {
        let _alone = self.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        self.inventories.suspend(app, suspension.as_ref())?;
        let mut known = self.known();
        match suspension {
            Some(suspension) => known.suspensions.insert(app.to_owned(), suspension),
            None => known.suspensions.remove(app),
        };
        Ok(())
    }

    /// Whether changes may be applied now, by the App's windows. Has it looked at when that changes.
    pub(crate) fn gate(&self, app: &App) -> Gate {
        // None that can't be read is loaded.
        let gate = windows::gate(&app.spec.sync.windows, clock::now()).unwrap_or(Gate::OPEN);
        self.alarms.set(app.id(), Purpose::Gate, gate.next);
        gate
    }

    /// The newest entry of a history. Blocks for the disk, once.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn last(&self, key: &str) -> Result<Option<Last>, StateError> {
        if let Some(last) = self.known().last.get(key) {
            return Ok(last.clone());
        }
        let last = self.inventories.last(key)?.as_ref().map(Last::of);
        self.known().last.insert(key.to_owned(), last.clone());
        Ok(last)
    }

    /// As [`Desk::last`], as far as it is in memory.
    pub(crate) fn last_known(&self, key: &str) -> Option<Last> {
        self.known().last.get(key).cloned().flatten()
    }

    /// There is a newer one.
    pub(crate) fn has_come(&self, key: &str, entry: &Entry) {
        self.known().last.insert(key.to_owned(), Some(Last::of(entry)));
    }

    /// Whether what an entry applied is still there, so that it can be applied again. Blocks for the disk.
    pub(crate) fn has_documents(&self, entry: &Entry) -> bool {
        let run = entry.run.parse().ok().and_then(|run| self.renders.load(run));
        run.is_some_and(|run| run.output().is_some())
    }

    /// How the newest entry does. Whether that is news; blocks for the store then.
    ///
    /// # Errors
    /// When it can't be written down.
    pub(crate) fn turned(&self, key: &str, number: u64, outcome: Outcome) -> Result<bool, StateError> {
        let is_it = |last: Option<Last>| last.is_some_and(|last| last.number == number && last.outcome != outcome);
        if !is_it(self.last(key)?) {
            return Ok(false);
        }
        let is_news = self.inventories.turned(key, number, outcome)?;
        if is_news {
            let last = Last { number, outcome };
            self.known().last.insert(key.to_owned(), Some(last));
        }
        Ok(is_news)
    }

    /// What git's render waits for, when that was found out already.
    pub(crate) fn waits(&self, key: &str) -> Option<Waits> {
        self.known().waiting.get(key).cloned()
    }

    /// It is found out; `None`: it waits for nothing.
    pub(crate) fn set_waits(&self, key: &str, waits: Option<Waits>) {
        let mut known = self.known();
        match waits {
            Some(waits) => known.waiting.insert(key.to_owned(), waits),
            None => known.waiting.remove(key),
        };
    }

    /// Why an entry was not gone back from, when that was tried.
    pub(crate) fn stays(&self, key: &str, number: u64) -> Option<String> {
        let known = self.known();
        let (_, why) = known.stays.get(key).filter(|(of, _)| *of == number)?;
        Some(why.clone())
    }

    /// It was not, and is not tried again by itself: a person looks.
    pub(crate) fn set_stays(&self, key: &str, number: u64, why: String) {
        self.known().stays.insert(key.to_owned(), (number, why));
    }

    /// An App is there.
    pub(crate) fn is_at(&self, app: &App, key: &str) {
        let (name, mut known) = (app.full_name(), self.known());
        if known.keys.get(&name).is_none_or(|known| known != key) {
            known.keys.insert(name, key.to_owned());
        }
    }

    /// Where an App is, by `namespace/app`, when it was looked at since the process began.
    pub(crate) fn key(&self, app: &str) -> Option<String> {
        self.known().keys.get(app).cloned()
    }

    /// What was decided about Apps of another replica counts here from now on. `apps`: by `namespace/app`, with keys of inventories. Blocks
    /// for the disk.
    ///
    /// # Errors
    /// When it can't be read.
    pub(crate) fn take_over(&self, apps: &[(String, Vec<String>)]) -> Result<(), StateError> {
        for (app, keys) in apps {
            let suspension = self.inventories.suspension_of(app)?;
            let decisions: Vec<_> = keys
                .iter()
                .map(|key| Ok((key.clone(), self.inventories.decisions_of(key)?)))
                .collect::<Result<_, StateError>>()?;
            let mut known = self.known();
            put(&mut known.suspensions, app, suspension);
            for (key, decisions) in decisions {
                put(&mut known.decisions, &key, decisions);
            }
        }
        Ok(())
    }

    /// Apps are another replica's: nothing is known of them any more.
    pub(crate) fn leave(&self, apps: &[(String, Vec<String>)]) {
        for (app, keys) in apps {
            {
                let mut known = self.known();
                known.suspensions.remove(app);
                known.keys.remove(app);
            }
            keys.iter().for_each(|key| self.forget(key));
        }
    }

    /// It is gone, and what was known of it.
    pub(crate) fn forget(&self, key: &str) {
        let mut known = self.known();
        known.decisions.remove(key);
        known.last.remove(key);
        known.waiting.remove(key);
        known.stays.remove(key);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put<T>(all: &mut BTreeMap<String, T>, key: &str, value: Option<T>) {
    match value {
        Some(value) => all.insert(key.to_owned(), value),
        None => all.remove(key),
    };
}

impl Last {
    const fn of(entry: &Entry) -> Self {
        Self {
            number: entry.number,
            outcome: entry.outcome,
        }
    }
}
