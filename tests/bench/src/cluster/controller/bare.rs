//! The floor: all that was written, people's Apps and the engine's own writes included, by a client that does nothing else.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use serde_json::{Value, json};
use windlass_tests::cluster::{Client, Cluster, Content, Session};

use super::{super::IN_FLIGHT, apps::Apps, asked::Asked};

/// One write.
pub(super) struct Write {
    method: &'static str,
    target: String,
    kind: &'static str,
    value: Value,
}

impl Write {
    /// `list`: path of what it is created in.
    pub(super) fn create(list: String, value: Value) -> Self {
        Self {
            method: "POST",
            target: list,
            kind: "application/json",
            value,
        }
    }

    /// On the server's side; `path`: of the object.
    pub(super) fn apply(path: String, value: Value) -> Self {
        Self {
            method: "PATCH",
            target: format!("{path}?fieldManager=bare&force=true"),
            kind: "application/apply-patch+yaml",
            value,
        }
    }
}

/// The engine's own writes, one after another where an object has several: those of a step are made at once.
pub(super) struct Replay {
    steps: Vec<Vec<(String, Value)>>,
}

impl Replay {
    /// As the engine made them, with what stands there now. Where it wrote several times, the earlier ones say something else in one place.
    pub(super) fn of(cluster: &Cluster, asked: &Asked) -> Self {
        let client = cluster.client();
        let mut steps: Vec<Vec<(String, Value)>> = Vec::new();
        for (path, times) in paths(&client, asked) {
            // What is gone by now was of no App.
            let Ok(live) = client.get(&path) else { continue };
            for step in 0..times {
                if steps.len() <= step {
                    steps.push(Vec::new());
                }
                steps[step].push((path.clone(), body(&live, &path, (step + 1 < times).then_some(step))));
            }
        }
        Self { steps }
    }
}

/// Paths of what was written, and how often.
fn paths(client: &Client, asked: &Asked) -> BTreeMap<String, usize> {
    let mut paths: BTreeMap<String, usize> = BTreeMap::new();
    let mut created: BTreeMap<String, usize> = BTreeMap::new();
    for request in asked.own().requests() {
        let path = request.target.split('?').next().unwrap_or_default().to_owned();
        // The log has no names of what is posted.
        let into = if request.verb == "create" {
            &mut created
        } else {
            &mut paths
        };
        *into.entry(path).or_default() += 1;
    }
    for (list, times) in created {
        let all = client.get(&list).expect("a list");
        let names = all["items"].as_array().into_iter().flatten();
        let names = names.filter_map(|item| item["metadata"]["name"].as_str());
        for name in names.take(times) {
            *paths.entry(format!("{list}/{name}")).or_default() += 1;
        }
    }
    paths
}

/// What is applied to have an object say what it says. `step`: a number that makes it another one, of what is written again later.
fn body(live: &Value, path: &str, step: Option<usize>) -> Value {
    let is_status = path.ends_with("/status");
    let mut body = live.clone();
    let metadata = &live["metadata"];
    body["metadata"] = json!({"name": metadata["name"], "namespace": metadata["namespace"]});
    let of = |field: &str| metadata[field].clone();
    if is_status {
        remove(&mut body, "spec");
        if let Some(step) = step
            && let Some(message) = body.pointer_mut("/status/conditions/0/message")
        {
            *message = format!("step {step}").into();
        }
        return body;
    }
    remove(&mut body, "status");
    if live["kind"] == "App" {
        // Its finalizer: the rest is a person's.
        remove(&mut body, "spec");
        body["metadata"]["finalizers"] = of("finalizers");
        return body;
    }
    body["metadata"]["labels"] = of("labels");
    body["metadata"]["annotations"] = of("annotations");
    if let Some(step) = step {
        body["metadata"]["annotations"]["windlass-bench/step"] = step.to_string().into();
    }
    body
}

fn remove(body: &mut Value, field: &str) {
    if let Some(map) = body.as_object_mut() {
        map.remove(field);
    }
}

/// Creates Apps, applies their objects and does the rest; in seconds.
pub(super) fn write(cluster: &Cluster, apps: &Apps, replay: &Replay) -> f64 {
    let created = apps.to_create(apps.objects().len() / super::OBJECTS);
    let objects = apps.objects();
    let steps: Vec<Vec<Write>> = replay
        .steps
        .iter()
        .map(|step| {
            let step = step.iter();
            step.map(|(path, value)| Write::apply(path.clone(), value.clone()))
                .collect()
        })
        .collect();
    let begun = Instant::now();
    all(cluster, &created);
    all(cluster, &objects);
    for step in &steps {
        all(cluster, step);
    }
    begun.elapsed().as_secs_f64()
}

/// Writes all of them, some at a time.
pub(super) fn all(cluster: &Cluster, writes: &[Write]) {
    let (client, next) = (cluster.client(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..IN_FLIGHT.min(writes.len()) {
            scope.spawn(|| some(&client, writes, &next));
        }
    });
}

/// Takes write after write, over one connection.
fn some(client: &Client, writes: &[Write], next: &AtomicUsize) {
    let mut session = Session::open(client).expect("a connection");
    while let Some(write) = writes.get(next.fetch_add(1, Ordering::Relaxed)) {
        let content = Content {
            kind: write.kind,
            value: &write.value,
        };
        let answer = session
            .send(write.method, &write.target, Some(content))
            .expect("an answer");
        assert!(
            matches!(answer.status, 200 | 201),
            "{}: {}: {}",
            write.target,
            answer.status,
            String::from_utf8_lossy(&answer.body)
        );
    }
}
