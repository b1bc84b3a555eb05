//! What Apps say of themselves, by a watch.

use std::{
    collections::BTreeMap,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use windlass_tests::cluster::Cluster;

/// Longer than any measurement: nothing comes while nothing happens.
const SILENCE: Duration = Duration::from_secs(3_600);

/// Follows every App of a cluster.
pub(super) struct Follower {
    seen: Receiver<Standing>,
    last: BTreeMap<String, Standing>,
}

/// What an App says.
#[derive(Debug)]
struct Standing {
    /// Namespace and name.
    app: String,
    at: Instant,
    is_ready: bool,
    /// The commit that it is applied at.
    revision: String,
}

impl Standing {
    fn of(object: &Value) -> Self {
        let text = |at: &str| object.pointer(at).and_then(Value::as_str).unwrap_or_default();
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
        let mut conditions = conditions.into_iter().flatten();
        Self {
            app: format!("{}/{}", text("/metadata/namespace"), text("/metadata/name")),
            at: Instant::now(),
            is_ready: conditions.any(|one| one["type"] == "Ready" && one["status"] == "True"),
            revision: text("/status/applied/revision").to_owned(),
        }
    }

    fn is_as(&self, revision: &str) -> bool {
        self.is_ready && self.revision == revision
    }
}

impl Follower {
    pub(super) fn start(cluster: &Cluster) -> Self {
        let (sender, seen) = channel();
        let client = cluster.client().patient(SILENCE);
        thread::spawn(move || {
            let stream = client.open("/apis/windlass.dev/v1alpha1/apps?watch=true");
            let mut stream = stream.expect("a watch");
            // It ends with the server; whoever still waits then is told.
            while let Ok(Some(event)) = stream.event() {
                if sender.send(Standing::of(&event["object"])).is_err() {
                    return;
                }
            }
        });
        Self {
            seen,
            last: BTreeMap::new(),
        }
    }

    /// When the last of these Apps said that it was ready at its commit.
    pub(super) fn until(&mut self, wanted: &BTreeMap<String, String>, limit: Duration) -> Instant {
        let end = Instant::now() + limit;
        while let Ok(standing) = self.seen.try_recv() {
            self.last.insert(standing.app.clone(), standing);
        }
        let is_there = |last: &BTreeMap<String, Standing>, app: &str, revision: &str| {
            last.get(app).is_some_and(|standing| standing.is_as(revision))
        };
        let mut missing: BTreeMap<&str, &str> = wanted
            .iter()
            .map(|(app, revision)| (app.as_str(), revision.as_str()))
            .filter(|(app, revision)| !is_there(&self.last, app, revision))
            .collect();
        while !missing.is_empty() {
            let standing = match self.seen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(standing) => standing,
                Err(RecvTimeoutError::Timeout) => panic!(
                    "not within {} s: {} of {} Apps, such as {:?}",
                    limit.as_secs(),
                    missing.len(),
                    wanted.len(),
                    missing.keys().next().map(|app| (app, self.last.get(*app)))
                ),
                Err(RecvTimeoutError::Disconnected) => panic!("the watch ended"),
            };
            if missing
                .get(standing.app.as_str())
                .is_some_and(|revision| standing.is_as(revision))
            {
                missing.remove(standing.app.as_str());
            }
            self.last.insert(standing.app.clone(), standing);
        }
        let of = wanted.keys().filter_map(|app| self.last.get(app));
        of.map(|standing| standing.at).max().unwrap_or_else(Instant::now)
    }
}
