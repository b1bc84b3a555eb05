//! How long a fetch may take and how much it may bring, and the one place that says stop.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::error::Error;

/// Longest poll, from the first byte of the request to the last of the answer. A server answers one reference in
/// milliseconds; a minute is for a cold one. Threat: a server that trickles keeps a poller for good.
const POLL: Duration = Duration::from_secs(60);

/// Longest fetch, the poll before it included. A gigabyte at 2 MB/s ends within it. Threat: the same, with a pack.
const FETCH: Duration = Duration::from_secs(600);

/// Longest time without a single byte. Git servers send a keep-alive every 5 s while they prepare a pack.
const IDLE: Duration = Duration::from_secs(30);

/// Longest time for name resolution, TCP and TLS together, as curl's default for a dead address is 5 minutes of nothing.
const CONNECT: Duration = Duration::from_secs(15);

/// Most bytes of one fetch: forges advise repositories below 1 GB, and a depth-1 fetch of those is far smaller.
/// Threat: a hostile or mistaken repository fills the disk.
const BYTES: u64 = 1 << 30;

/// Largest single object, inflated. Manifests are kilobytes; a vendored chart archive may have megabytes.
/// Threat: a small pack that inflates to gigabytes of memory.
const OBJECT_BYTES: u64 = 256 << 20;

/// Most bytes of one mirror on disk. Four times the largest fetch: while packs are swapped, the old ones and the new ones are
/// there, and one commit may take half. Threat: one repository of large files, pushed again and again, fills the disk.
const MIRROR_BYTES: u64 = 4 << 30;

/// Most bytes of all mirrors of a state folder. Some hundred ordinary repositories are below a gigabyte; half of a small node's
/// disk. Threat: many repositories, each within its bound, fill the disk.
const ALL_MIRRORS_BYTES: u64 = 20 << 30;

/// How often a blocked transfer looks whether it was cancelled.
pub(crate) const TICK: Duration = Duration::from_millis(25);

/// The bounds of every transfer. Each has a default that suits a cluster; tests and small machines lower them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For name resolution, TCP and TLS.
    pub connect: Duration,
    /// Without any byte from the server.
    pub idle: Duration,
    /// Total for asking what a reference points to.
    pub poll: Duration,
    /// Total for a fetch, waiting for another process that fetches included.
    pub fetch: Duration,
    /// Bytes received by one fetch, protocol included.
    pub bytes: u64,
    /// Bytes of one object after inflating.
    pub object_bytes: u64,
    /// Bytes of one mirror on disk.
    pub mirror_bytes: u64,
    /// Bytes of all mirrors below one folder.
    pub all_mirrors_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: CONNECT,
            idle: IDLE,
            poll: POLL,
            fetch: FETCH,
            bytes: BYTES,
            object_bytes: OBJECT_BYTES,
            mirror_bytes: MIRROR_BYTES,
            all_mirrors_bytes: ALL_MIRRORS_BYTES,
        }
    }
}

/// Stops a transfer from another thread. Clones share the state.
#[derive(Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// One that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops whatever holds a clone, within a tenth of a second.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancel::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancel").field(&self.is_cancelled()).finish()
    }
}

/// What may still be put on the disk.
#[derive(Clone, Copy)]
struct Ration {
    left: u64,
    of: &'static str,
    quota: u64,
}

/// The budget of one resolve: everything that waits or reads asks it first, and the first failure that a transport meets is
/// kept here, since it can't travel through gix with its meaning.
pub(crate) struct Budget {
    url: String,
    limits: Limits,
    cancel: Cancel,
    started: Instant,
    total: Mutex<(Instant, &'static str, Duration)>,
    received: AtomicU64,
    ration: Mutex<Option<Ration>>,
    failure: Mutex<Option<Error>>,
    stop: Arc<AtomicBool>,
}

impl Budget {
    /// Starts with the time of a poll. `url` is for messages.
    pub(crate) fn new(url: &str, limits: Limits, cancel: &Cancel) -> Arc<Self> {
        let started = Instant::now();
        Arc::new(Self {
            url: url.to_owned(),
            limits,
            cancel: cancel.clone(),
            started,
            total: Mutex::new((started + limits.poll, "asking for the reference", limits.poll)),
            received: AtomicU64::new(0),
            ration: Mutex::new(None),
            failure: Mutex::new(None),
            stop: Arc::new(AtomicBool::new(false)),
        })
    }

    /// From here on the time of a fetch holds, counted from the start.
    pub(crate) fn extend_to_fetch(&self) {
        *lock(&self.total) = (self.started + self.limits.fetch, "fetching", self.limits.fetch);
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Fails when it was cancelled or time is up.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled { url: self.url.clone() });
        }
        let (deadline, budget, after) = *lock(&self.total);
        if Instant::now() >= deadline {
            return Err(self.timeout(budget, after));
        }
        Ok(())
    }

    /// Counts received bytes; fails when they are more than allowed.
    pub(crate) fn receive(&self, bytes: usize) -> Result<(), Error> {
        let total = self.received.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if total > self.limits.bytes {
            return Err(Error::TooLarge {
                url: self.url.clone(),
                limit: self.limits.bytes,
            });
        }
        match *lock(&self.ration) {
            Some(ration) if total > ration.left => Err(Error::Quota {
                url: self.url.clone(),
                of: ration.of,
                quota: ration.quota,
            }),
            _ => Ok(()),
        }
    }

    /// Lets only so many more bytes come, since no more may be on the disk: `quota` is what `of` may take.
    pub(crate) fn ration(&self, left: u64, of: &'static str, quota: u64) {
        let left = self.received.load(Ordering::Relaxed).saturating_add(left);
        *lock(&self.ration) = Some(Ration { left, of, quota });
    }

    pub(crate) fn timeout(&self, budget: &'static str, after: Duration) -> Error {
        Error::Timeout {
            url: self.url.clone(),
            budget,
            after,
        }
    }

    /// Keeps a failure (the first one wins) and gives the error that goes through gix in its place.
    pub(crate) fn fail(&self, error: Error) -> std::io::Error {
        let text = error.to_string();
        lock(&self.failure).get_or_insert(error);
        std::io::Error::other(text)
    }

    /// The failure that was kept.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        lock(&self.failure).take()
    }

    /// Raises a flag for gix when it was cancelled or time is up, as long as the guard lives: unpacking what came is CPU work
    /// that no reader interrupts.
    pub(crate) fn watch(self: &Arc<Self>) -> Watch {
        let budget = Arc::clone(self);
        let (alive, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(TICK) {
                if let Err(error) = budget.check() {
                    budget.fail(error);
                    budget.stop.store(true, Ordering::Relaxed);
                    return;
                }
            }
        });
        Watch {
            stop: Arc::clone(&self.stop),
            alive: Some(alive),
            thread: Some(thread),
        }
    }
}

/// See [`Budget::watch`].
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    alive: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A poisoned lock still holds plain data here: none of it is left half-written by a panic.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_wins() {
        let budget = Budget::new("https://h/r", Limits::default(), &Cancel::new());
        budget.fail(Error::TooLarge {
            url: "https://h/r".into(),
            limit: 1,
        });
        budget.fail(Error::Cancelled {
            url: "https://h/r".into(),
        });
        assert!(matches!(budget.take_failure(), Some(Error::TooLarge { .. })));
        assert!(budget.take_failure().is_none());
    }

    #[test]
    fn time_and_bytes_run_out() {
        let limits = Limits {
            poll: Duration::ZERO,
            bytes: 10,
            ..Limits::default()
        };
        let budget = Budget::new("https://h/r", limits, &Cancel::new());
        assert!(matches!(budget.check(), Err(Error::Timeout { .. })));
        budget.extend_to_fetch();
        assert!(budget.check().is_ok());
        assert!(budget.receive(10).is_ok());
        assert!(matches!(budget.receive(1), Err(Error::TooLarge { limit: 10, .. })));
    }

    #[test]
    fn a_ration_counts_from_now_on() {
        let budget = Budget::new("https://h/r", Limits::default(), &Cancel::new());
        assert!(budget.receive(100).is_ok());
        budget.ration(10, "its mirror", 50);
        assert!(budget.receive(10).is_ok());
        assert!(matches!(budget.receive(1), Err(Error::Quota { quota: 50, .. })));
    }

    #[test]
    fn a_watch_raises_the_flag() {
        let cancel = Cancel::new();
        let budget = Budget::new("https://h/r", Limits::default(), &cancel);
        let watch = budget.watch();
        assert!(!watch.stop().load(Ordering::Relaxed));
        cancel.cancel();
        thread::sleep(TICK * 8);
        assert!(watch.stop().load(Ordering::Relaxed));
    }
}
