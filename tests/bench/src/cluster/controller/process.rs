//! `windlass controller` as a process of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use serde::Deserialize;
use windlass_tests::cluster::Cluster;

use super::{
    super::engine::{AS_ENGINE, fetched, follow},
    apps::SYSTEM,
};
use crate::{
    fixtures::{cache, plugins},
    machine,
};

/// A running controller. Killed by SIGKILL when dropped.
pub(super) struct Controller {
    child: Child,
    told: Receiver<Told>,
    fetched: BTreeMap<String, Instant>,
    /// Apps that it told of, and those that were healthy when it did last.
    apps: BTreeSet<String>,
    healthy: BTreeSet<String>,
}

/// A line, when it came.
enum Told {
    Report(Report),
    Log(Instant, String),
}

/// What matters here of a line of `-o json`.
#[derive(Debug, Deserialize)]
struct Report {
    app: String,
    health: String,
}

impl Controller {
    /// Starts one on a state, which outlives it.
    pub(super) fn start(cluster: &Cluster, state: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .env(AS_ENGINE, "1")
            .env("WINDLASS_LOG", "windlass::run=info")
            .env("NO_COLOR", "1")
            .args([
                "controller",
                "-o",
                "json",
                "--listen",
                "127.0.0.1:0",
                "--namespace",
                SYSTEM,
            ])
            .arg("--kubeconfig")
            .arg(cluster.kubeconfig())
            .arg("--state")
            .arg(state)
            .arg("--cache")
            .arg(cache())
            .arg("--plugins")
            .arg(plugins())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the controller starts");
        let (sender, told) = channel();
        let (output, log) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        follow(output, sender.clone(), |_, line| {
            serde_json::from_str(line).ok().map(Told::Report)
        });
        follow(log, sender, |at, line| Some(Told::Log(at, line.to_owned())));
        Self {
            child,
            told,
            fetched: BTreeMap::new(),
            apps: BTreeSet::new(),
            healthy: BTreeSet::new(),
        }
    }

    /// When the commit was fetched.
    pub(super) fn until_fetched(&mut self, revision: &str, limit: Duration) -> Instant {
        self.until(limit, |controller| controller.fetched.get(revision).copied())
    }

    /// Returns when it has told of so many Apps that they are healthy.
    pub(super) fn until_healthy(&mut self, apps: usize, limit: Duration) {
        self.until(limit, |controller| {
            (controller.healthy.len() >= apps).then(Instant::now)
        });
    }

    /// How many Apps it has told of.
    pub(super) fn told(&mut self) -> usize {
        while let Ok(told) = self.told.try_recv() {
            self.take_in(told);
        }
        self.apps.len()
    }

    /// CPU-seconds since the start, workers included.
    pub(super) fn processor(&self) -> f64 {
        machine::processor(self.child.id())
    }

    /// Of the engine and its workers together, in MiB.
    pub(super) fn memory(&self, of: impl Fn(&str) -> f64) -> f64 {
        let family = machine::family(self.child.id());
        family.iter().map(|process| of(&process.to_string())).sum()
    }

    /// By SIGKILL.
    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn until(&mut self, limit: Duration, mut reached: impl FnMut(&Self) -> Option<Instant>) -> Instant {
        let end = Instant::now() + limit;
        loop {
            if let Some(at) = reached(self) {
                return at;
            }
            match self.told.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(told) => self.take_in(told),
                Err(RecvTimeoutError::Timeout) => panic!(
                    "not within {} s: {} Apps were told of, {} are healthy",
                    limit.as_secs(),
                    self.apps.len(),
                    self.healthy.len()
                ),
                Err(RecvTimeoutError::Disconnected) => panic!("the controller ended"),
            }
        }
    }

    fn take_in(&mut self, told: Told) {
        match told {
            Told::Report(Report { app, health }) => {
                if health == "healthy" {
                    self.healthy.insert(app.clone());
                } else {
                    self.healthy.remove(&app);
                }
                self.apps.insert(app);
            }
            Told::Log(at, line) => {
                if let Some(revision) = fetched(&line) {
                    self.fetched.insert(revision.to_owned(), at);
                }
            }
        }
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.kill();
    }
}
