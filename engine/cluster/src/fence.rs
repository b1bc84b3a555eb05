//! Until when a process may write. A replica that was paused, or that can't renew its Lease, must not act on what others took over.
//!
//! Looked at where a request leaves, after every wait: between the look and the wire there are some instructions. What slips through
//! there meets the preconditions of deletes and of inventories, and the watches of whoever took over.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// The same for all that a process writes. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Fence(Arc<AtomicU64>);

/// Nothing may be written, for good.
const CLOSED: u64 = 0;
/// Everything may be, for good: of a process that shares its work with nobody.
const OPEN: u64 = u64::MAX;

/// Times are milliseconds after that.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn passed(at: Instant) -> u64 {
    // One more, so that no time is `CLOSED`.
    let passed = at.saturating_duration_since(*BEGAN).as_millis();
    u64::try_from(passed)
        .unwrap_or(OPEN - 1)
        .saturating_add(1)
        .min(OPEN - 1)
}

impl Fence {
    /// Of a process that shares its work with nobody.
    #[must_use]
    pub fn open() -> Self {
        Self(Arc::new(AtomicU64::new(OPEN)))
    }

    /// One that admits writes until `end`.
    #[must_use]
    pub fn until(end: Instant) -> Self {
        Self(Arc::new(AtomicU64::new(passed(end))))
    }

    /// Admits writes until `end`, if it still does now. False: it is over, and stays so, whatever comes of a renewal that was late.
    #[must_use]
    pub fn extend(&self, end: Instant) -> bool {
        let extended = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |known| match known {
                OPEN => Some(OPEN),
                known if known <= passed(Instant::now()) => None,
                known => Some(known.max(passed(end))),
            });
        if extended.is_err() {
            self.close();
        }
        extended.is_ok()
    }

    /// Admits nothing any more.
    pub fn close(&self) {
        self.0.store(CLOSED, Ordering::Release);
    }

    /// Whether something may be written now.
    #[must_use]
    pub fn admits(&self) -> bool {
        let end = self.0.load(Ordering::Acquire);
        end == OPEN || end > passed(Instant::now())
    }

    /// For how long it admits writes from now on; `None`: for good.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        let end = self.0.load(Ordering::Acquire);
        (end != OPEN).then(|| Duration::from_millis(end.saturating_sub(passed(Instant::now()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lapsed_stays_so() {
        let now = Instant::now();
        let fence = Fence::until(now + Duration::from_secs(60));
        assert!(fence.admits() && fence.left().unwrap() <= Duration::from_secs(60));
        assert!(fence.extend(now + Duration::from_secs(90)));
        assert!(fence.left().unwrap() > Duration::from_secs(60));
        // An answer to an earlier renewal, that comes late, takes nothing back.
        assert!(fence.extend(now + Duration::from_secs(30)));
        assert!(fence.left().unwrap() > Duration::from_secs(60));
        fence.close();
        assert!(!fence.admits() && !fence.extend(now + Duration::from_secs(90)) && !fence.admits());
        let lapsed = Fence::until(now);
        assert!(!lapsed.admits() && !lapsed.extend(now + Duration::from_secs(90)) && !lapsed.admits());
        let open = Fence::open();
        assert!(open.extend(now) && open.admits() && open.left().is_none());
    }
}
