//! People who change objects by hand, and how long it lasts.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_tests::cluster::{Client, Cluster};

use super::shop::{LABEL, Placed, Shop, objects};
use crate::figure::{Figure, Samples, Target, Unit, milliseconds};

/// A repair that takes longer won't come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Edits objects of a shop, and sees by watches of its own what becomes of them.
pub(super) struct Editor {
    client: Client,
    apps: Vec<Vec<Placed>>,
    events: Receiver<(Instant, Value)>,
    /// State of a small generator: the same apps in each run.
    seed: u64,
    made: usize,
}

/// An edit that was made.
pub(super) struct Edit {
    path: String,
    kind: String,
    name: String,
    namespace: String,
    begun: Instant,
    how: How,
}

enum How {
    /// The value at the pointer is another one now.
    Changed {
        pointer: &'static str,
        wanted: Value,
        version: u64,
    },
    /// The object is gone.
    Deleted,
}

impl Editor {
    pub(super) fn new(cluster: &Cluster, shop: &Shop) -> Self {
        let client = cluster.client();
        let (sender, events) = channel();
        let apps: Vec<Vec<Placed>> = (0..shop.apps())
            .map(|app| objects(shop.namespace(app), app, ""))
            .collect();
        for list in [
            "/api/v1/serviceaccounts",
            "/api/v1/services",
            "/apis/apps/v1/deployments",
            "/apis/networking.k8s.io/v1/ingresses",
        ] {
            watch(&client, list, sender.clone());
        }
        Self {
            client,
            apps,
            events,
            seed: 1,
            made: 0,
        }
    }

    /// Edits an object of some app and waits until it is undone; in milliseconds, from before the edit was sent.
    pub(super) fn edit_and_wait(&mut self) -> f64 {
        let edit = self.edit();
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (at, event) = self
                .events
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("an edit of {} was not undone", edit.path));
            if edit.is_undone_by(&event) {
                return milliseconds(at.saturating_duration_since(edit.begun));
            }
        }
    }

    /// Makes so many edits, a pause after each, whatever became of those before, and waits until all are undone; in milliseconds each.
    pub(super) fn edit_now_and_then(&mut self, edits: usize, pause: Duration, patience: Duration) -> Vec<f64> {
        let (mut open, mut latencies): (Vec<Edit>, Vec<f64>) = (Vec::new(), Vec::new());
        let (mut made, mut next) = (0, Instant::now());
        while latencies.len() < edits {
            if made < edits && Instant::now() >= next {
                open.push(self.edit());
                made += 1;
                next += pause;
            }
            let end = if made < edits { next } else { next + patience };
            match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok((at, event)) => open.retain(|edit| {
                    let undone = edit.is_undone_by(&event);
                    if undone {
                        latencies.push(milliseconds(at.saturating_duration_since(edit.begun)));
                    }
                    !undone
                }),
                Err(_) => assert!(
                    made < edits || Instant::now() < end,
                    "{} edits were not undone",
                    open.len()
                ),
            }
        }
        latencies
    }

    /// Edits an object of some app.
    pub(super) fn edit(&mut self) -> Edit {
        let app = self.draw() % self.apps.len();
        // Each object in turn; now and then one is deleted.
        let index = self.made % 4;
        let deletes = index == 0 && self.made.is_multiple_of(8);
        self.made += 1;
        let object = &self.apps[app][index];
        let (path, begun) = (object.path(), Instant::now());
        let how = if deletes {
            self.client.delete(&path).expect("a deletion");
            How::Deleted
        } else {
            let (pointer, patch) = change(index);
            let answer = self.client.merge(&path, &patch).expect("an edit");
            let wanted = object.value.pointer(pointer).cloned().unwrap_or_default();
            assert_ne!(answer.pointer(pointer), Some(&wanted), "an edit changes {path}");
            How::Changed {
                pointer,
                wanted,
                version: version(&answer),
            }
        };
        let text = |pointer: &str| {
            let text = object.value.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Edit {
            path,
            kind: text("/kind"),
            name: text("/metadata/name"),
            namespace: text("/metadata/namespace"),
            begun,
            how,
        }
    }

    /// Whether an edit's object is as git wants it.
    pub(super) fn is_repaired(&self, edit: &Edit) -> bool {
        let object = self.client.get(&edit.path).unwrap_or_default();
        match &edit.how {
            How::Changed { pointer, wanted, .. } => object.pointer(pointer) == Some(wanted),
            How::Deleted => object.pointer("/metadata/uid").is_some(),
        }
    }

    fn draw(&mut self) -> usize {
        // Knuth's MMIX constants; the upper bits are the better ones.
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.seed >> 33).unwrap_or_default()
    }
}

impl Edit {
    /// Name of the app whose object it is: its objects are named as it is.
    pub(super) fn app(&self) -> &str {
        &self.name
    }

    /// Before it was sent.
    pub(super) const fn begun(&self) -> Instant {
        self.begun
    }

    fn is_undone_by(&self, event: &Value) -> bool {
        let object = &event["object"];
        let is_of = object.pointer("/metadata/name").and_then(Value::as_str) == Some(self.name.as_str())
            && object.pointer("/metadata/namespace").and_then(Value::as_str) == Some(self.namespace.as_str())
            && event["kind"] == self.kind.as_str();
        is_of
            && match &self.how {
                How::Changed {
                    pointer,
                    wanted,
                    version: edited,
                } => version(object) > *edited && object.pointer(pointer) == Some(wanted),
                How::Deleted => event["type"] == "ADDED",
            }
    }
}

/// What is edited of the objects of an app, in their order.
fn change(index: usize) -> (&'static str, Value) {
    match index {
        0 => (
            "/metadata/annotations/example.test~1team",
            json!({"metadata": {"annotations": {"example.test/team": "other"}}}),
        ),
        1 => (
            "/spec/ports/0/targetPort",
            json!({"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 9090}]}}),
        ),
        2 => ("/spec/minReadySeconds", json!({"spec": {"minReadySeconds": 7}})),
        _ => (
            "/spec/rules/0/host",
            json!({"spec": {"rules": [{"host": "other.example.test"}]}}),
        ),
    }
}

/// API servers since 1.35 promise that versions are numbers that grow.
fn version(object: &Value) -> u64 {
    let text = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Sends what happens to the shop's objects of a kind from now on, each event with its `kind`.
fn watch(client: &Client, list: &str, to: Sender<(Instant, Value)>) {
    let now = client
        .get(&format!("{list}?labelSelector={LABEL}%3Dyes&limit=1"))
        .expect("a list");
    let from = version(&now);
    let target = format!("{list}?watch=1&labelSelector={LABEL}%3Dyes&resourceVersion={from}&timeoutSeconds=3000");
    let mut stream = client
        .patient(Duration::from_secs(3000))
        .open(&target)
        .expect("a watch");
    thread::spawn(move || {
        while let Ok(Some(mut event)) = stream.event() {
            event["kind"] = event["object"]["kind"].take();
            if to.send((Instant::now(), event)).is_err() {
                return;
            }
        }
    });
}

/// All but one in a hundred lasted no longer.
pub(super) fn p99(latencies: &[f64]) -> f64 {
    let mut sorted = latencies.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

/// Half of the edits, and all but one in a hundred, lasted no longer.
pub(super) fn figures(work: &str, latencies: &[f64]) -> [Figure; 2] {
    let figure = |which: &str, samples| {
        Figure::new(
            format!("{work}: {which} of {} edits", latencies.len()),
            samples,
            Unit::Milliseconds,
        )
        .within(Target::AtMost(1_000.0))
    };
    [
        figure("p50", Samples::of(latencies.iter().copied())),
        figure("p99", Samples::of([p99(latencies)])),
    ]
}
