//! `windlass run` as a process of its own.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::shop::Shop;
use crate::{
    fixtures::{cache, plugins},
    machine,
};

/// Tells this program to be `windlass`.
pub(crate) const AS_ENGINE: &str = "WINDLASS_BENCH_AS_ENGINE";

/// Begins the line of the log that tells of a new commit.
const FETCHED: &str = "fetched ";

/// A running engine. Killed by SIGKILL when dropped.
pub(super) struct Engine {
    child: Child,
    told: Receiver<Told>,
    apps: usize,
    last: BTreeMap<String, (Instant, Report)>,
    fetched: BTreeMap<String, Instant>,
    renders: usize,
}

/// A line, when it came.
enum Told {
    Report(Instant, Report),
    Log(Instant, String),
}

/// What matters here of a line of `run -o json`.
#[derive(Debug, Deserialize)]
struct Report {
    app: String,
    revision: Option<String>,
    render: Option<String>,
    health: String,
    #[serde(default)]
    unhealthy: Vec<serde_json::Value>,
    diagnostics: serde_json::Value,
}

impl Engine {
    /// Starts one on the shop's state, which outlives it. `interval`: between polls.
    pub(super) fn start(shop: &Shop, interval: &str) -> Self {
        let config = shop.configure(interval);
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .env(AS_ENGINE, "1")
            .env("WINDLASS_LOG", "windlass::run=info")
            .env("NO_COLOR", "1")
            .args(["run", "-o", "json", "--state"])
            .arg(shop.folder().join("state"))
            .arg("--cache")
            .arg(cache())
            .arg("--plugins")
            .arg(plugins())
            .arg(config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the engine starts");
        let (sender, told) = channel();
        let (output, log) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        follow(output, sender.clone(), |at, line| {
            serde_json::from_str(line).ok().map(|report| Told::Report(at, report))
        });
        follow(log, sender, |at, line| Some(Told::Log(at, line.to_owned())));
        Self {
            child,
            told,
            apps: shop.apps(),
            last: BTreeMap::new(),
            fetched: BTreeMap::new(),
            renders: 0,
        }
    }

    /// When every app was applied at that commit, however its objects do.
    pub(super) fn until_all_are_at(&mut self, revision: &str, limit: Duration) -> Instant {
        self.until(limit, |engine| engine.are(|report| report.is_applied_at(revision)))
    }

    /// When every app was healthy at that commit.
    pub(super) fn until_all_are_healthy_at(&mut self, revision: &str, limit: Duration) -> Instant {
        self.until(limit, |engine| engine.are(|report| report.is_healthy_at(revision)))
    }

    /// When every app but one was healthy at that commit.
    pub(super) fn until_all_but_one_are_healthy_at(&mut self, one: &str, revision: &str, limit: Duration) -> Instant {
        self.until(limit, |engine| {
            engine.are(|report| report.app == one || report.is_healthy_at(revision))
        })
    }

    /// When the health of every app was that.
    pub(super) fn until_all_are(&mut self, health: &str, limit: Duration) -> Instant {
        self.until(limit, |engine| engine.are(|report| report.health == health))
    }

    /// When one app was healthy.
    pub(super) fn until_one_is_at(&mut self, app: &str, revision: &str, limit: Duration) -> Instant {
        self.until(limit, |engine| {
            let (at, report) = engine.last.get(app)?;
            report.is_healthy_at(revision).then_some(*at)
        })
    }

    /// When the commit was fetched.
    pub(super) fn until_fetched(&mut self, revision: &str, limit: Duration) -> Instant {
        self.until(limit, |engine| engine.fetched(revision))
    }

    /// Whether every app was applied at that commit, as far as is known now.
    pub(super) fn are_all_at(&mut self, revision: &str) -> bool {
        while let Ok(told) = self.told.try_recv() {
            self.take_in(told);
        }
        self.are(|report| report.is_applied_at(revision)).is_some()
    }

    fn fetched(&self, revision: &str) -> Option<Instant> {
        self.fetched.get(revision).copied()
    }

    /// Renders since [`Engine::forget_renders`].
    pub(super) const fn renders(&self) -> usize {
        self.renders
    }

    pub(super) const fn forget_renders(&mut self) {
        self.renders = 0;
    }

    /// CPU-seconds since the start, workers included.
    pub(super) fn processor(&self) -> f64 {
        machine::processor(self.child.id())
    }

    /// Of the engine and its workers together, in MiB.
    pub(super) fn memory(&self, of: impl Fn(&str) -> f64) -> f64 {
        machine::family(self.child.id())
            .iter()
            .map(|process| of(&process.to_string()))
            .sum()
    }

    fn are(&self, is_so: impl Fn(&Report) -> bool) -> Option<Instant> {
        let are = self.last.len() == self.apps && self.last.values().all(|(_, report)| is_so(report));
        are.then(|| self.last.values().map(|(at, _)| *at).max()).flatten()
    }

    fn until(&mut self, limit: Duration, mut reached: impl FnMut(&Self) -> Option<Instant>) -> Instant {
        let end = Instant::now() + limit;
        loop {
            while let Ok(told) = self.told.try_recv() {
                self.take_in(told);
            }
            if let Some(at) = reached(self) {
                return at;
            }
            match self.told.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(told) => self.take_in(told),
                Err(RecvTimeoutError::Timeout) => panic!("not within {} s: {}", limit.as_secs(), self.account()),
                Err(RecvTimeoutError::Disconnected) => panic!("the engine ended: {}", self.account()),
            }
        }
    }

    fn take_in(&mut self, told: Told) {
        match told {
            Told::Report(at, report) => {
                self.renders += usize::from(report.render.as_deref() == Some("fresh"));
                self.last.insert(report.app.clone(), (at, report));
            }
            Told::Log(at, line) => {
                if let Some(revision) = fetched(&line) {
                    self.fetched.insert(revision.to_owned(), at);
                }
            }
        }
    }

    /// What is not as it should be.
    fn account(&self) -> String {
        let ill = self.last.values().filter(|(_, report)| report.health != "healthy");
        let some: Vec<String> = ill
            .take(3)
            .map(|(_, report)| format!("{} is {}: {}", report.app, report.health, report.diagnostics))
            .collect();
        format!(
            "{} of {} apps reported; {}",
            self.last.len(),
            self.apps,
            some.join("; ")
        )
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Report {
    fn is_healthy_at(&self, revision: &str) -> bool {
        self.health == "healthy" && self.revision.as_deref() == Some(revision)
    }

    fn is_applied_at(&self, revision: &str) -> bool {
        (self.health == "healthy" || !self.unhealthy.is_empty()) && self.revision.as_deref() == Some(revision)
    }
}

/// The commit that a line of the log tells of.
pub(super) fn fetched(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(FETCHED)?.1.split_once("revision=")?;
    Some(rest.split_whitespace().next().unwrap_or_default().trim_matches('"'))
}

/// Reads lines as they come.
pub(super) fn follow<T: Send + 'static>(
    from: impl Read + Send + 'static,
    to: Sender<T>,
    mut read: impl FnMut(Instant, &str) -> Option<T> + Send + 'static,
) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let Some(told) = read(Instant::now(), &line) else {
                continue;
            };
            if to.send(told).is_err() {
                return;
            }
        }
    });
}
