//! Apps that are looked at again at a time of day: when a window opens or closes, and when a suspension ends.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};
use windlass_core::render::Instant;

use crate::clock;

/// When, by app; the next time of each.
#[derive(Default)]
pub(crate) struct Alarms {
    times: Mutex<BTreeMap<String, Instant>>,
    changed: Notify,
}

/// Longest sleep: a machine that was suspended meanwhile, or whose clock was set, is found out after it.
const LONGEST: Duration = Duration::from_secs(60);

impl Alarms {
    /// From now on this one counts for the app. `None`: there is nothing to look at.
    pub(crate) fn set(&self, app: &str, at: Option<Instant>) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match at {
            Some(at) => times.insert(app.to_owned(), at),
            None => times.remove(app),
        };
        if before != at {
            self.changed.notify_one();
        }
    }

    /// Waits until it is time for an app or several. Safe to cancel.
    pub(crate) async fn due(&self) -> Vec<String> {
        loop {
            let now = clock::now();
            let (due, next) = {
                let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
                let due: Vec<String> = times
                    .iter()
                    .filter(|(_, at)| **at <= now)
                    .map(|(app, _)| app.clone())
                    .collect();
                due.iter().for_each(|app| {
                    times.remove(app);
                });
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
        alarms.set("late", Some(in_a(3600)));
        alarms.set("b", Some(in_a(3600)));
        alarms.set("b", Some(in_a(-1)));
        alarms.set("a", Some(in_a(-1)));
        assert_eq!(alarms.due().await, ["a", "b"]);
        let set = async {
            alarms.set("gone", Some(in_a(-1)));
            alarms.set("gone", None);
            tokio::task::yield_now().await;
            alarms.set("soon", Some(in_a(1)));
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
