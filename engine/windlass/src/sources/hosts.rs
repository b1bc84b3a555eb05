//! Servers, and how hard each is asked: so many polls at a time, so many a second, and none while it asks to be left alone.
//!
//! Waiting takes no thread, and no server's wait is another's.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep_until},
};
use windlass_core::{
    digest::Digest,
    moment,
    render::{Diagnostic, Location},
};

use super::Refusal;
use crate::{clock, stop::Stop};

/// Polls and fetches of one server at a time. An `sshd` begins to drop connections of people who have not logged in yet at the eleventh
/// (`MaxStartups 10:30:100`); two are left for others.
const AT_ONCE: usize = 8;

/// Between two polls of one server, once [`BURST`] is used up: five a second are half of what GitLab leaves one user (600 git commands
/// a minute), who may have another engine and a few people.
const PACE: Duration = Duration::from_millis(200);

/// Polls that may begin at once after a quiet while: a team's Repositories after a restart, without a wait that anybody would notice.
const BURST: u32 = 20;

/// Longest time that a server is left alone because it says so. GitHub's and GitLab's windows are an hour at most; a server that says
/// a year is mistaken, or means to end deployments without anybody noticing.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Shortest: "at once" from a server that has just refused would be asked in a circle.
const MIN_WAIT: Duration = Duration::from_secs(1);

/// The first wait after a 429 that doesn't say how long; each further one in a row is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// The longest of those: a quarter of an hour is the usual window of a limit that is told by nobody.
const LAST_WAIT: Duration = Duration::from_secs(15 * 60);

/// A wait that we chose is longer by up to this share of it, so that engines that were refused together do not come back together.
const JITTER_PERCENT: u32 = 20;

/// Every server by name and port, for as long as a Repository is there.
#[derive(Default)]
pub(super) struct Hosts(Mutex<BTreeMap<String, Arc<Host>>>);

impl Hosts {
    /// The one of that name.
    pub(super) fn of(&self, name: &str) -> Arc<Host> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let host = hosts
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(Host::new(name)));
        Arc::clone(host)
    }

    /// Forgets the others. One that asks to be left alone is not forgotten: a Repository that leaves and comes back is no way round.
    pub(super) fn keep(&self, names: &BTreeSet<String>) {
        let now = Instant::now();
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|name, host| names.contains(name) || host.pace().until > Some(now));
    }
}

/// One server.
pub(super) struct Host {
    name: String,
    places: Semaphore,
    pace: Mutex<Pace>,
}

/// The right to ask; given back when dropped.
pub(super) struct Place<'h>(#[expect(dead_code, reason = "held")] SemaphorePermit<'h>);

/// When it may be asked.
#[derive(Debug, Clone, Copy)]
struct Pace {
    /// When the next poll could begin if there were no burst.
    next: Instant,
    /// It asks to be left alone until then.
    until: Option<Instant>,
    /// Refusals in a row that did not say how long.
    strikes: u32,
}

impl Pace {
    /// The time of a poll that wants to begin now.
    fn reserve(&mut self, now: Instant) -> Instant {
        let credit = PACE * (BURST - 1);
        let at = self.next.max(now);
        self.next = at + PACE;
        at.checked_sub(credit).map_or(now, |begin| begin.max(now))
    }

    /// It refused. `says`: how long to wait, by its own word.
    fn refused(&mut self, says: Option<Duration>, name: &str, now: Instant) {
        let is_waiting = self.until > Some(now);
        let wait = match says {
            Some(says) => says.clamp(MIN_WAIT, MAX_WAIT),
            // Polls that were under way together are refused together, and that counts once.
            None if is_waiting => return,
            None => {
                self.strikes += 1;
                let wait = FIRST_WAIT
                    .saturating_mul(1 << (self.strikes - 1).min(16))
                    .min(LAST_WAIT);
                let share = Digest::of(format!("{name} {}", self.strikes).as_bytes()).as_bytes()[0];
                wait + wait * JITTER_PERCENT * u32::from(share) / (100 * 255)
            }
        };
        self.until = self.until.max(Some(now + wait));
    }

    /// It answered. What was under way when it refused says nothing about the wait.
    fn answered(&mut self, now: Instant) {
        if self.until <= Some(now) {
            (self.until, self.strikes) = (None, 0);
        }
    }
}

impl Host {
    fn new(name: &str) -> Self {
        let pace = Pace {
            next: Instant::now(),
            until: None,
            strikes: 0,
        };
        Self {
            name: name.to_owned(),
            places: Semaphore::new(AT_ONCE),
            pace: Mutex::new(pace),
        }
    }

    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place and for the time to use it.
    ///
    /// # Errors
    /// When the server asks to be left alone: then nobody waits here, for it may be an hour.
    pub(super) async fn enter(&self) -> Result<Place<'_>, Refusal> {
        self.is_open()?;
        let place = self.places.acquire().await.map_err(|e| Stop::of("source", &e))?;
        let begin = self.pace().reserve(Instant::now());
        sleep_until(begin).await;
        // Somebody may have been refused meanwhile.
        self.is_open()?;
        Ok(Place(place))
    }

    fn is_open(&self) -> Result<(), Refusal> {
        let until = self.pace().until;
        match until.filter(|until| *until > Instant::now()) {
            Some(until) => Err(self.wait(until)),
            None => Ok(()),
        }
    }

    /// It answered a poll, whatever it said.
    pub(super) fn answered(&self) {
        self.pace().answered(Instant::now());
    }

    /// It answered that it wants to be left alone: `says` for how long. Gives what to tell.
    pub(super) fn refused(&self, says: Option<Duration>) -> Refusal {
        let now = Instant::now();
        let mut pace = self.pace();
        pace.refused(says, &self.name, now);
        let until = pace.until.unwrap_or(now);
        drop(pace);
        tracing::info!(host = self.name, wait = ?(until - now), "asks to be left alone");
        self.wait(until)
    }

    fn wait(&self, until: Instant) -> Refusal {
        let at = moment::text(clock::after(until.saturating_duration_since(Instant::now())));
        let message = format!("{} asks to wait until {at}", self.name);
        let help =
            "none of its Repositories is asked before; fewer of them, or longer intervals, keep within its limits";
        Refusal {
            stop: Stop::failed(vec![
                Diagnostic::error("throttled", message, Location::None).with_help(help),
            ]),
            not_before: Some(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(wait: Duration) -> u64 {
        wait.as_secs()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_and_then_a_pace() {
        let host = Host::new("git.example.org");
        let began = Instant::now();
        let mut times = Vec::new();
        for _ in 0..BURST + 10 {
            drop(host.enter().await.unwrap());
            times.push(began.elapsed());
        }
        let (burst, paced) = times.split_at(BURST as usize);
        assert!(burst.iter().all(Duration::is_zero), "{burst:?}");
        let expected: Vec<Duration> = (1..=10).map(|n| PACE * n).collect();
        assert_eq!(paced, expected);
        // A quiet while gives back what it took, and no more than a burst.
        tokio::time::advance(Duration::from_secs(3600)).await;
        let began = Instant::now();
        for _ in 0..BURST {
            drop(host.enter().await.unwrap());
        }
        assert!(began.elapsed().is_zero());
        drop(host.enter().await.unwrap());
        assert_eq!(began.elapsed(), PACE);
    }

    #[tokio::test(start_paused = true)]
    async fn only_so_many_at_a_time_and_another_host_is_free() {
        let hosts = Hosts::default();
        let (slow, other) = (hosts.of("slow"), hosts.of("other"));
        let mut held = Vec::new();
        for _ in 0..AT_ONCE {
            held.push(slow.enter().await.unwrap());
        }
        let patience = Duration::from_secs(600);
        assert!(tokio::time::timeout(patience, slow.enter()).await.is_err());
        assert!(tokio::time::timeout(Duration::ZERO, other.enter()).await.is_ok());
        held.pop();
        assert!(tokio::time::timeout(Duration::ZERO, slow.enter()).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_waits_as_long_as_it_says_and_not_for_ever() {
        for (says, expected) in [(0, 1), (7, 7), (3600, 3600), (u64::from(u32::MAX), 3600)] {
            let host = Host::new("h");
            let refusal = host.refused(Some(Duration::from_secs(says)));
            let until = refusal.not_before.unwrap();
            assert_eq!(seconds(until - Instant::now()), expected, "{says}");
            let told = &refusal.stop.diagnostics[0];
            assert!(told.message.starts_with("h asks to wait until 2"), "{}", told.message);
            let refused = host.enter().await.map(|_| ()).unwrap_err();
            assert_eq!(refused.not_before, Some(until), "nobody is let in before");
            tokio::time::advance(until - Instant::now()).await;
            assert!(host.enter().await.is_ok());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_word_waits_grow_and_an_answer_ends_that() {
        let host = Host::new("h");
        let mut waits = Vec::new();
        for _ in 0..8 {
            let until = host.refused(None).not_before.unwrap();
            // Others that were under way are refused as well, and one is answered.
            assert_eq!(host.refused(None).not_before, Some(until));
            host.answered();
            assert!(host.enter().await.is_err());
            waits.push(until - Instant::now());
            tokio::time::advance(until - Instant::now()).await;
        }
        for (turn, wait) in waits.iter().enumerate() {
            let least = FIRST_WAIT.saturating_mul(1 << turn).min(LAST_WAIT);
            assert!(*wait >= least && *wait <= least * 12 / 10, "{turn}: {wait:?}");
        }
        host.answered();
        let first = host.refused(None).not_before.unwrap() - Instant::now();
        assert!(first < FIRST_WAIT * 2, "{first:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_are_forgotten_when_nobody_waits_for_them() {
        let hosts = Hosts::default();
        hosts.of("quiet");
        hosts.of("throttled").refused(Some(Duration::from_secs(60)));
        hosts.keep(&BTreeSet::new());
        let names: Vec<String> = hosts.0.lock().unwrap().keys().cloned().collect();
        assert_eq!(names, ["throttled"]);
    }
}
