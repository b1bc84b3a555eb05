//! Apps that are looked at again at a time of day: when a window opens or closes, when a suspension ends, when a restart may be made.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};
use windlass_core::render::Instant;

use crate::clock;

/// What an app is looked at for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// What it may do turns: a window, a suspension.
    Gate,
    /// A restart is due, or what it goes by can be tried again.
    Restart,
    /// What its pods use changed again, a moment after the last time.
    Content,
}

/// When, by app and purpose; the next time of each.
#[derive(Default)]
pub(crate) struct Alarms {
    times: Mutex<BTreeMap<(String, Purpose), Instant>>,
    changed: Notify,
}

/// Longest sleep: a machine that was suspended meanwhile, or whose clock was set, is found out after it.
const LONGEST: Duration = Duration::from_secs(60);

impl Alarms {
    /// From now on this one counts for the app and purpose. `None`: there is nothing to look at.
    pub(crate) fn set(&self, app: &str, purpose: Purpose, at: Option<Instant>) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match at {
            Some(at) => times.insert((app.to_owned(), purpose), at),
            None => times.remove(&(app.to_owned(), purpose)),
        };
        if before != at {
            self.changed.notify_one();
        }
    }

    /// Nothing of the app is to be looked at.
    pub(crate) fn forget(&self, app: &str) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.retain(|(of, _), _| of != app);
    }

    /// Waits until it is time for an app or several. Safe to cancel.
    pub(crate) async fn due(&self) -> Vec<String> {
        loop {
            let now = clock::now();
            let (due, next) = {
                let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
                let mut due: Vec<String> = times
                    .iter()
                    .filter(|(_, at)| **at <= now)
                    .map(|((app, _), _)| app.clone())
                    .collect();
                due.dedup();
                times.retain(|_, at| *at > now);
                (due, times.values().min().copied())
            };
            if !due.is_empty() {
                return due;
            }
            match next {
                Some(next) => {
                    tokio::select! {
                        () = sleep(between(now, next).min(LONGEST)) => {}
                        () = self.changed.notified() => {}
                    }
                }
                None => self.changed.notified().await,
            }
        }
    }
}

/// From one time to a later one.
fn between(from: Instant, to: Instant) -> Duration {
    let nanoseconds = |at: Instant| i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanoseconds);
    let span = nanoseconds(to).saturating_sub(nanoseconds(from)).max(0);
    Duration::from_nanos(u64::try_from(span).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_a(moment: i64) -> Instant {
        let now = clock::now();
        Instant {
            seconds: now.seconds + moment,
            ..now
        }
    }

    #[tokio::test]
    async fn the_next_alarm_of_an_app_counts() {
        let alarms = Alarms::default();
        alarms.set("late", Purpose::Gate, Some(in_a(3600)));
        alarms.set("b", Purpose::Gate, Some(in_a(3600)));
        alarms.set("b", Purpose::Gate, Some(in_a(-1)));
        alarms.set("a", Purpose::Gate, Some(in_a(-1)));
        alarms.set("a", Purpose::Restart, Some(in_a(-2)));
        assert_eq!(alarms.due().await, ["a", "b"]);
        let set = async {
            alarms.set("gone", Purpose::Gate, Some(in_a(-1)));
            alarms.set("gone", Purpose::Gate, None);
            tokio::task::yield_now().await;
            alarms.set("soon", Purpose::Restart, Some(in_a(1)));
            alarms.set("soon", Purpose::Gate, None);
        };
        let (due, ()) = tokio::join!(alarms.due(), set);
        assert_eq!(due, ["soon"]);
    }

    #[test]
    fn spans_are_never_negative() {
        let at = |seconds, nanoseconds| Instant { seconds, nanoseconds };
        assert_eq!(between(at(1, 500_000_000), at(2, 0)), Duration::from_millis(500));
        assert_eq!(between(at(2, 0), at(1, 0)), Duration::ZERO);
    }
}
