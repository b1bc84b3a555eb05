//! Objects that apps use and that are not theirs: one watch each, however many apps use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::Instant;
use windlass_cluster::notice::{Notice, Seen};
use windlass_core::{model::ObjectId, render, restart::Parts};

use crate::{alarms::Purpose, clock, desk::Desk};

/// Objects watched on a cluster. Each is a stream at the API server, sixty-four of which share a connection; the threat is a fleet that uses
/// tens of thousands. What is over it is looked at now and then instead.
pub(super) const MOST: usize = 1_000;

/// An object's apps are woken at most this often. The threat is one that is rewritten all the time, by a leader election for example: each
/// time its content would be read for every app.
const CALM: Duration = Duration::from_secs(10);

/// A cluster, by its server, and an object.
pub(super) type Key = (String, ObjectId);

/// What an app found when it read an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    /// It is there in that version, with these digests by what is used.
    There(String, BTreeMap<String, String>),
    /// It isn't there.
    Absent,
    /// It could not be read, in words; and whether that may go away by itself.
    Refused(String, bool),
}

/// One look of an app's.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) parts: Parts,
    /// What the watch had said before it was read.
    pub(super) since: Option<Seen>,
    pub(super) found: Found,
}

impl Read {
    /// Whether it is what the watch speaks of, or newer.
    fn covers(&self, seen: Option<&Seen>) -> bool {
        match (&self.found, seen) {
            _ if self.since.as_ref() == seen => true,
            (Found::There(version, _), Some(Seen::At(at))) => version == at,
            (Found::Absent, Some(Seen::Gone)) => true,
            _ => false,
        }
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Watches(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    objects: BTreeMap<Key, Watched>,
    apps: BTreeMap<String, Uses>,
}

struct Watched {
    /// `None`: there are too many.
    notice: Option<Notice>,
    /// What was said last.
    seen: Option<Seen>,
    /// By app, what it knows.
    users: BTreeMap<String, Option<Read>>,
    /// When the apps were woken last, or are to be.
    woken: Option<Instant>,
}

#[derive(Default)]
struct Uses {
    objects: BTreeSet<Key>,
    /// When it is to be looked at though nothing changes.
    next: Option<render::Instant>,
    /// Something waits, and no clock tells until when.
    waits: bool,
}

impl Watches {
    /// From now on an app uses these, and no others. `open`: begins to watch one.
    pub(super) fn follow<'i>(
        &self,
        app: &str,
        server: &str,
        ids: impl Iterator<Item = &'i ObjectId>,
        desk: &Arc<Desk>,
        open: impl Fn(&ObjectId, Box<dyn FnMut(Seen) + Send>) -> Notice,
    ) {
        let now: BTreeSet<Key> = ids.map(|id| (server.to_owned(), id.clone())).collect();
        let mut inner = self.inner();
        let before = inner.apps.get(app).map(|uses| uses.objects.clone()).unwrap_or_default();
        for key in before.difference(&now) {
            inner.leave(key, app);
        }
        for key in &now {
            let is_open = inner.objects.get(key).is_some_and(|watched| watched.notice.is_some());
            let notice = (!is_open && inner.has_room(server)).then(|| {
                let (inner, desk, of) = (Arc::downgrade(&self.0), Arc::clone(desk), key.clone());
                open(&key.1, Box::new(move |seen| told(&inner, &desk, &of, seen)))
            });
            let watched = inner.objects.entry(key.clone()).or_insert_with(|| Watched {
                notice: None,
                seen: None,
                users: BTreeMap::new(),
                woken: None,
            });
            if notice.is_some() {
                (watched.notice, watched.seen) = (notice, None);
            }
            watched.users.entry(app.to_owned()).or_default();
        }
        if now.is_empty() {
            inner.apps.remove(app);
        } else {
            inner.apps.entry(app.to_owned()).or_default().objects = now;
        }
    }

    /// An app uses nothing from now on, as far as is known.
    pub(super) fn forget(&self, app: &str) {
        let mut inner = self.inner();
        let uses = inner.apps.remove(app);
        for key in uses.iter().flat_map(|uses| &uses.objects) {
            inner.leave(key, app);
        }
    }

    /// What an app knows of an object, if that still holds; else what its watch said last, to be kept with what is read now.
    pub(super) fn known(&self, app: &str, key: &Key, parts: &Parts) -> Result<Read, Option<Seen>> {
        let inner = self.inner();
        let Some(watched) = inner.objects.get(key) else {
            return Err(None);
        };
        let read = watched.users.get(app).and_then(Option::as_ref);
        let is_told = matches!(watched.seen, Some(Seen::At(_) | Seen::Gone));
        let holds = |read: &&Read| {
            let is_read = !matches!(read.found, Found::Refused(..));
            is_told && is_read && read.parts == *parts && read.covers(watched.seen.as_ref())
        };
        match read.filter(holds) {
            Some(read) => Ok(read.clone()),
            None => Err(watched.seen.clone()),
        }
    }

    /// An app has read an object. False: it changed meanwhile.
    pub(super) fn has_read(&self, app: &str, key: &Key, read: Read) -> bool {
        let mut inner = self.inner();
        let Some(watched) = inner.objects.get_mut(key) else {
            return true;
        };
        let covers = read.covers(watched.seen.as_ref());
        if let Some(known) = watched.users.get_mut(app) {
            *known = Some(read);
        }
        covers
    }

    /// Why an object isn't watched; `None`: it is, as far as is known.
    pub(super) fn unwatched(&self, key: &Key) -> Option<String> {
        let inner = self.inner();
        let watched = inner.objects.get(key)?;
        match (&watched.notice, &watched.seen) {
            (None, _) => Some(format!("{MOST} others of the cluster are already")),
            (_, Some(Seen::Unseen(why))) => Some(why.clone()),
            _ => None,
        }
    }

    /// When an app is to be looked at though nothing changes; and whether something waits of which no clock tells.
    pub(super) fn rest(&self, app: &str, next: Option<render::Instant>, waits: bool) {
        if let Some(uses) = self.inner().apps.get_mut(app) {
            (uses.next, uses.waits) = (next, waits);
        }
    }

    /// Whether nothing changed of what an app uses, and nothing of it is due.
    pub(super) fn is_quiet(&self, app: &str) -> bool {
        let inner = self.inner();
        let Some(uses) = inner.apps.get(app) else { return true };
        let is_due = uses.waits || uses.next.is_some_and(|next| next <= clock::now());
        !is_due && uses.objects.iter().all(|key| inner.is_known(key, app))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn leave(&mut self, key: &Key, app: &str) {
        let Some(watched) = self.objects.get_mut(key) else {
            return;
        };
        watched.users.remove(app);
        if watched.users.is_empty() {
            self.objects.remove(key);
        }
    }

    fn has_room(&self, server: &str) -> bool {
        let is_open = |(key, watched): &(&Key, &Watched)| key.0 == server && watched.notice.is_some();
        self.objects.iter().filter(is_open).count() < MOST
    }

    fn is_known(&self, key: &Key, app: &str) -> bool {
        let Some(watched) = self.objects.get(key) else {
            return true;
        };
        let read = watched.users.get(app).and_then(Option::as_ref);
        read.is_some_and(|read| read.covers(watched.seen.as_ref()))
    }
}

/// A watch said something: the apps that know otherwise are woken, or will be.
fn told(inner: &Weak<Mutex<Inner>>, desk: &Desk, key: &Key, seen: Seen) {
    let Some(inner) = inner.upgrade() else { return };
    let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(watched) = inner.objects.get_mut(key) else {
        return;
    };
    if watched.seen.as_ref() == Some(&seen) {
        return;
    }
    watched.seen = Some(seen);
    let news = |read: &Option<Read>| {
        // Who has not read it yet looks itself whether it changed.
        read.as_ref().is_some_and(|read| !read.covers(watched.seen.as_ref()))
    };
    let users = watched.users.iter().filter(|(_, read)| news(read));
    let users: Vec<String> = users.map(|(app, _)| app.clone()).collect();
    if users.is_empty() {
        return;
    }
    let now = Instant::now();
    let at = match watched.woken {
        // They are to be already.
        Some(woken) if woken > now => woken,
        Some(woken) => (woken + CALM).max(now),
        None => now,
    };
    watched.woken = Some(at);
    for app in &users {
        if at > now {
            desk.alarms().set(app, Purpose::Content, Some(clock::after(at - now)));
        } else {
            desk.wake(app);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_is_good_until_its_watch_speaks_of_something_else() {
        let at = |version: &str| Some(Seen::At(version.to_owned()));
        let there = |version: &str| Found::There(version.to_owned(), BTreeMap::new());
        let refused = || Found::Refused("no".to_owned(), false);
        for (since, found, seen, covers) in [
            (None, there("5"), None, true),
            (None, there("5"), at("5"), true),
            (None, there("5"), at("6"), false),
            (None, there("5"), Some(Seen::Gone), false),
            (at("5"), there("6"), at("5"), true), // the watch lags behind
            (at("5"), there("6"), at("6"), true),
            (at("5"), there("5"), at("6"), false),
            (at("5"), Found::Absent, at("5"), true),
            (at("5"), Found::Absent, Some(Seen::Gone), true),
            (at("5"), Found::Absent, at("7"), false),
            (at("5"), refused(), at("5"), true),
            (at("5"), refused(), at("6"), false),
            (None, there("5"), Some(Seen::Unseen("no".to_owned())), false),
        ] {
            let read = Read {
                parts: Parts::default(),
                since,
                found,
            };
            assert_eq!(read.covers(seen.as_ref()), covers, "{read:?} {seen:?}");
        }
    }
}
