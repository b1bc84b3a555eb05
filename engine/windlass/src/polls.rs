//! Which Repositories are asked when, and which of them together. Reads no clock and asks nobody: the loop does.
//!
//! Repositories that ask the same of the same server form a group. When one of them is due, all that are free are asked with it: the
//! shortest interval of a group is that of all, and a hundred of them cost one question.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tokio::time::Instant;
use windlass_core::{config::RepositorySpec, digest::Digest};

use crate::sources::Asked;

/// Waits after failures grow up to this: a host that is down is not asked more often than this, whatever the interval.
const MAX_BACK_OFF: Duration = Duration::from_secs(300);

/// Polls of one interval are spread over this share of it, so that a hundred repositories do not ask at once.
const JITTER_PERCENT: u64 = 10;

/// Every Repository of the configuration.
#[derive(Default)]
pub(crate) struct Schedule(BTreeMap<String, Polled>);

struct Polled {
    /// None = it left the configuration, and is still being looked at.
    spec: Option<RepositorySpec>,
    asked: Asked,
    failures: u32,
    state: State,
}

enum State {
    /// Waits for its next poll.
    Free {
        at: Instant,
        /// It says something else: nobody else is asked for that.
        is_alone: bool,
    },
    /// It is asked, or its apps are looked at.
    Busy {
        /// It said something else meanwhile.
        again: bool,
    },
}

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With a revision.
    Well,
    /// Without.
    Badly,
    /// The server wants to be left alone until then.
    NotBefore(Instant),
}

impl Schedule {
    /// Takes what the configuration says. New Repositories and those that say something else are asked at once.
    pub(crate) fn follow<'r>(
        &mut self,
        repositories: impl IntoIterator<Item = (&'r String, &'r RepositorySpec)>,
        now: Instant,
    ) {
        let mut gone: BTreeSet<String> = self.0.keys().cloned().collect();
        for (name, spec) in repositories {
            gone.remove(name);
            let asked = Asked::of(name, spec);
            match self.0.get_mut(name) {
                Some(polled) if polled.spec.as_ref() == Some(spec) => {}
                Some(polled) => {
                    (polled.spec, polled.asked) = (Some(spec.clone()), asked);
                    match &mut polled.state {
                        State::Free { at, is_alone } => (*at, *is_alone) = (now, true),
                        State::Busy { again } => *again = true,
                    }
                }
                None => {
                    let polled = Polled {
                        spec: Some(spec.clone()),
                        asked,
                        failures: 0,
                        state: State::Free {
                            at: now,
                            is_alone: true,
                        },
                    };
                    self.0.insert(name.clone(), polled);
                }
            }
        }
        for name in gone {
            match self.0.get_mut(&name) {
                Some(polled) if matches!(polled.state, State::Busy { .. }) => polled.spec = None,
                _ => drop(self.0.remove(&name)),
            }
        }
    }

    /// When the next poll is due; none while all are busy.
    pub(crate) fn next(&self) -> Option<Instant> {
        let times = self.0.values().filter_map(|polled| match polled.state {
            State::Free { at, .. } => Some(at),
            State::Busy { .. } => None,
        });
        times.min()
    }

    /// What is to be asked now, each group in one question. They are busy from here on.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Vec<String>> {
        // By what is asked, whether it is an ordinary poll.
        let mut groups: BTreeMap<&Asked, bool> = BTreeMap::new();
        for polled in self.0.values().filter(|polled| polled.is_due(now)) {
            let State::Free { is_alone, .. } = polled.state else {
                continue;
            };
            *groups.entry(&polled.asked).or_default() |= !is_alone;
        }
        let mut rounds: BTreeMap<&Asked, Vec<String>> = BTreeMap::new();
        for (name, polled) in &self.0 {
            let Some(is_ordinary) = groups.get(&polled.asked) else {
                continue;
            };
            if polled.is_due(now) || *is_ordinary && polled.may_join() {
                rounds.entry(&polled.asked).or_default().push(name.clone());
            }
        }
        let rounds: Vec<Vec<String>> = rounds.into_values().collect();
        for name in rounds.iter().flatten() {
            if let Some(polled) = self.0.get_mut(name) {
                polled.state = State::Busy { again: false };
            }
        }
        rounds
    }

    /// A Repository was asked, and its apps were looked at.
    pub(crate) fn done(&mut self, name: &str, ended: Ended, now: Instant) {
        let Some(polled) = self.0.get_mut(name) else { return };
        let Some(spec) = &polled.spec else {
            self.0.remove(name);
            return;
        };
        polled.failures = match ended {
            Ended::Well => 0,
            Ended::Badly | Ended::NotBefore(_) => polled.failures.saturating_add(1),
        };
        let is_asked_again = matches!(polled.state, State::Busy { again: true });
        let at = match ended {
            _ if is_asked_again => now,
            Ended::NotBefore(until) => until.max(now) + jitter(MAX_BACK_OFF.min(spec.interval), name),
            _ => now + wait(spec.interval, polled.failures, name),
        };
        polled.state = State::Free {
            at,
            is_alone: is_asked_again,
        };
    }

    /// Whether it is still in the configuration.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|polled| polled.spec.is_some())
    }
}

impl Polled {
    fn is_due(&self, now: Instant) -> bool {
        matches!(self.state, State::Free { at, .. } if at <= now)
    }

    /// What failed waits for its own time: it may cost more than a question.
    fn may_join(&self) -> bool {
        self.failures == 0 && matches!(self.state, State::Free { .. })
    }
}

fn wait(interval: Duration, failures: u32, repository: &str) -> Duration {
    let backed_off = interval
        .saturating_mul(1_u32 << failures.min(8))
        .min(MAX_BACK_OFF.max(interval));
    backed_off + jitter(interval, repository)
}

fn jitter(interval: Duration, repository: &str) -> Duration {
    let share = Digest::of(repository.as_bytes()).as_bytes()[0];
    interval.mul_f64(f64::from(share) / 255.0 * JITTER_PERCENT as f64 / 100.0)
}

#[cfg(test)]
mod tests;
