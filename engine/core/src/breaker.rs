//! The fleet breaker: when many Apps fail at once, it is none of their changes, and going back would only add to the trouble: a
//! registry is down, a node pool is gone. Then nobody is rolled back.

use std::{collections::BTreeMap, time::Duration};

use crate::render::Instant;

/// Failures are counted over this time: as long as most Apps may be on their way before they are given up, so that those which
/// fail of one cause are seen together.
pub const SPAN: Duration = Duration::from_secs(600);

/// Fewer Apps than this that fail are never a fleet: of five Apps, two may well have been changed by one commit.
pub const LEAST: usize = 5;

/// More than this share of all Apps, in percent.
pub const SHARE: usize = 20;

/// Which Apps failed lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    failed: BTreeMap<String, Instant>,
}

impl Breaker {
    /// An App has failed.
    pub fn note(&mut self, app: &str, now: Instant) {
        self.failed.insert(app.to_owned(), now);
        self.failed.retain(|_, at| is_recent(*at, now));
    }

    /// An App is healthy again: what it failed of is over.
    pub fn recovered(&mut self, app: &str) {
        self.failed.remove(app);
    }

    /// How many failed lately, when that is too many of `all`; `None`: who fails, fails alone.
    #[must_use]
    pub fn tripped(&self, all: usize, now: Instant) -> Option<usize> {
        let failed = self.failed.values().filter(|at| is_recent(**at, now)).count();
        (failed >= LEAST && failed * 100 > all * SHARE).then_some(failed)
    }
}

fn is_recent(at: Instant, now: Instant) -> bool {
    u64::try_from(now.seconds.saturating_sub(at.seconds)).is_ok_and(|age| age < SPAN.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Instant {
        Instant {
            seconds,
            nanoseconds: 0,
        }
    }

    fn failing(count: usize) -> Breaker {
        let mut breaker = Breaker::default();
        (0..count).for_each(|app| breaker.note(&app.to_string(), at(0)));
        breaker
    }

    #[test]
    fn it_takes_several_and_a_share_of_all() {
        for (failed, all, trips) in [
            (0, 0, false),
            (4, 4, false),
            (5, 5, true),
            (5, 24, true),
            (5, 25, false),
            (20, 100, false),
            (21, 100, true),
        ] {
            assert_eq!(
                failing(failed).tripped(all, at(1)).is_some(),
                trips,
                "{failed} of {all}"
            );
        }
    }

    #[test]
    fn what_is_long_ago_and_what_recovered_does_not_count() {
        let mut breaker = failing(6);
        assert_eq!(breaker.tripped(10, at(599)), Some(6));
        assert_eq!(breaker.tripped(10, at(600)), None);
        breaker.recovered("0");
        breaker.recovered("0");
        assert_eq!(breaker.tripped(10, at(1)), Some(5));
        breaker.recovered("1");
        assert_eq!(breaker.tripped(10, at(1)), None);
        // The same App twice is one.
        breaker.note("2", at(2));
        assert_eq!(breaker.tripped(10, at(2)), None);
    }
}
