//! From a push to what a receiver gets: told once, in order, after every kill.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::ExitStatusExt as _,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use windlass_core::digest::Digest;

use crate::{
    notify::receiver::{Manner, Receiver},
    sandbox::{Sandbox, config_map, plugins},
};

const APP: &str = "  path: app\n  target: {namespace: shop}\n";

fn ok() -> Receiver {
    answering("200 OK", "")
}

fn answering(status: &'static str, headers: &str) -> Receiver {
    Receiver::plain(Manner::Answer(status, headers.to_owned(), Vec::new()))
}

/// A sandbox whose repository tells a receiver through `webhook`. `binding`: more lines of it; `app`: of the App's spec.
fn told(receiver: &Receiver, binding: &str, app: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    bind(&sandbox, receiver, binding, app);
    sandbox
}

fn bind(sandbox: &Sandbox, receiver: &Receiver, binding: &str, app: &str) {
    let file = plugins().join("webhook.wasm");
    let digest = Digest::of(&fs::read(&file).unwrap());
    fs::write(sandbox.path().join("token"), "s3cret-token\n").unwrap();
    let path = sandbox.config(&[("app", &format!("{APP}{app}"))]);
    let text = fs::read_to_string(&path).unwrap();
    let notify = format!(
        "  interval: 1s\n  plugins:\n    notify:\n    - name: webhook\n      as: team\n      secretFiles: {{token: token}}\n      \
         config: {{url: '{}', headers: {{Authorization: 'Bearer ${{secret:token}}'}}}}\n{binding}",
        receiver.url("/hook")
    );
    let version = env!("CARGO_PKG_VERSION");
    let plugin = format!(
        "---\napiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: webhook}}\nspec:\n  grants: [http]\n  \
         http: {{private: [localhost], plain: [localhost]}}\n  versions:\n  - {{version: {version}, file: '{}', digest: '{digest}'}}\n",
        file.display()
    );
    fs::write(&path, text.replace("  interval: 1s\n", &notify) + &plugin).unwrap();
}

/// The events that came, as (state, what is about, key).
fn took(receiver: &Receiver) -> Vec<Value> {
    let requests = receiver.take();
    let read = requests.into_iter().map(|request| {
        assert_eq!(request.headers["authorization"], "Bearer s3cret-token");
        let mut event: Value = serde_json::from_slice(&request.body).unwrap();
        event["key"] = request.headers["idempotency-key"].clone().into();
        event
    });
    read.collect()
}

fn states(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["state"].as_str().unwrap()).collect()
}

/// `config_map` that no parser takes.
fn broken() -> String {
    format!("{}  other: [1, 2\n", config_map("a", "2"))
}

#[test]
fn a_commit_is_told_and_what_is_known_is_not() {
    let receiver = ok();
    let sandbox = told(&receiver, "", "");
    let synced = sandbox.sync(&[]);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    let events = took(&receiver);
    assert_eq!(states(&events), ["healthy"]);
    assert_eq!(events[0]["desired"], synced.report("app")["desired"]);
    assert!(
        events[0]["message"].as_str().unwrap().ends_with("healthy: 1 created"),
        "{events:?}"
    );
    sandbox.sync(&[]);
    // An unrelated commit is no news.
    sandbox.commit(&[("other.txt", Some("x"))]);
    sandbox.sync(&[]);
    assert_eq!(took(&receiver), Vec::<Value>::new());

    let head = sandbox.commit(&[("app/a.yaml", Some(&broken()))]);
    sandbox.sync(&[]);
    sandbox.sync(&[]);
    let events = took(&receiver);
    assert_eq!(states(&events), ["failed"]);
    let finding = &events[0]["findings"][0];
    assert_eq!(
        (&events[0]["revision"], &finding["path"], &events[0]["previous"]),
        (&head.as_str().into(), &"app/a.yaml".into(), &"healthy".into()),
        "{events:?}"
    );
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    sandbox.sync(&[]);
    let events = took(&receiver);
    assert_eq!(
        (states(&events), &events[0]["previous"]),
        (vec!["healthy"], &"failed".into())
    );
}

#[test]
fn an_edit_is_undone_named_and_told_each_time() {
    let receiver = ok();
    let sandbox = told(&receiver, "", "");
    sandbox.sync(&[]);
    took(&receiver);
    let file = sandbox.out().join("app/shop/ConfigMap-a.yaml");
    let mut keys = Vec::new();
    for _ in 0..2 {
        fs::write(&file, fs::read_to_string(&file).unwrap().replace("\"1\"", "\"x\"")).unwrap();
        let synced = sandbox.sync(&[]);
        let events = took(&receiver);
        assert_eq!(states(&events), ["drifted"], "{synced:?}");
        assert_eq!(events[0]["objects"][0]["object"]["name"], "a");
        keys.push(events[0]["key"].clone());
    }
    assert_ne!(keys[0], keys[1]);
    fs::remove_file(&file).unwrap();
    sandbox.sync(&[]);
    assert_eq!(
        states(&took(&receiver)),
        ["drifted"],
        "what was taken away is an edit as well"
    );
}

#[test]
fn repository_and_app_say_what_is_told() {
    let receiver = ok();
    let sandbox = told(&receiver, "      on: [failed, recovered]\n", "");
    sandbox.sync(&[]);
    assert_eq!(took(&receiver), Vec::<Value>::new());
    sandbox.commit(&[("app/a.yaml", Some(&broken()))]);
    sandbox.sync(&[]);
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "2")))]);
    sandbox.sync(&[]);
    assert_eq!(states(&took(&receiver)), ["failed", "healthy"]);
    bind(&sandbox, &receiver, "", "  notify: {on: [degraded]}\n");
    sandbox.commit(&[("app/a.yaml", Some(&broken()))]);
    sandbox.sync(&[]);
    bind(&sandbox, &receiver, "      apps: ['web-*']\n", "");
    sandbox.sync(&[]);
    assert_eq!(took(&receiver), Vec::<Value>::new());
}

#[test]
fn what_could_not_be_told_is_told_later_in_order() {
    let down = answering("503 Service Unavailable", "");
    let sandbox = told(&down, "", "");
    let said = sandbox.sync_command(&[]).output().unwrap();
    assert!(said.status.success(), "a receiver that is down fails no sync");
    sandbox.commit(&[("app/a.yaml", Some(&broken()))]);
    sandbox.sync(&[]);
    let first = took(&down);
    assert!(
        first.iter().all(|event| event["state"] == "healthy"),
        "the second waits for the first"
    );
    let up = ok();
    bind(&sandbox, &up, "", "");
    sandbox.sync(&[]);
    let events = took(&up);
    assert_eq!(states(&events), ["healthy", "failed"]);
    assert_eq!(events[0]["key"], first[0]["key"]);
}

#[test]
fn what_a_receiver_refuses_is_dropped_and_named() {
    let receiver = answering("404 Not Found", "");
    let sandbox = told(&receiver, "", "");
    let synced = sandbox.sync(&[]);
    assert!(synced.stderr.contains("404"), "{synced:?}");
    sandbox.sync(&[]);
    assert_eq!(took(&receiver).len(), 1);
}

#[test]
fn a_binding_that_is_no_use_is_named_before_it_is_needed() {
    let receiver = ok();
    let sandbox = told(&receiver, "", "");
    fs::remove_file(sandbox.path().join("token")).unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(synced.code, Some(0));
    assert!(synced.stderr.contains("the secret `token`"), "{synced:?}");
    // Mended, and what happened meanwhile is told.
    fs::write(sandbox.path().join("token"), "s3cret-token").unwrap();
    sandbox.sync(&[]);
    assert_eq!(states(&took(&receiver)), ["healthy"]);
}

/// More points than a cycle has.
const BOUND: u32 = 200;

/// Killed at each step of a cycle that undoes an edit or a removal, that applies a commit, that finds a broken one, and that recovers from it:
/// nothing is lost, and what comes twice comes under its key.
#[test]
fn kills_lose_nothing_and_double_nothing() {
    let mut kills = 0;
    for expected in ["drifted", "removed", "healthy", "failed", "recovered"] {
        for point in 1..BOUND {
            let receiver = ok();
            let sandbox = told(&receiver, "", "");
            sandbox.sync(&[]);
            let file = sandbox.out().join("app/shop/ConfigMap-a.yaml");
            match expected {
                "drifted" => fs::write(&file, fs::read_to_string(&file).unwrap().replace("\"1\"", "\"x\"")).unwrap(),
                "removed" => fs::remove_file(&file).unwrap(),
                "healthy" => drop(sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "2")))])),
                "failed" => drop(sandbox.commit(&[("app/a.yaml", Some(&broken()))])),
                _ => {
                    sandbox.commit(&[("app/a.yaml", Some(&broken()))]);
                    sandbox.sync(&[]);
                    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
                }
            }
            took(&receiver);
            let killed = sandbox
                .sync_command(&[])
                .env("WINDLASS_FAULT", point.to_string())
                .output()
                .unwrap();
            if killed.status.success() || killed.status.code() == Some(1) {
                break;
            }
            assert_eq!(killed.status.signal(), Some(9), "point {point}");
            kills += 1;
            sandbox.sync(&[]);
            sandbox.sync(&[]);
            let events = took(&receiver);
            let by_key: BTreeMap<&str, &str> = events
                .iter()
                .map(|event| (event["key"].as_str().unwrap(), event["state"].as_str().unwrap()))
                .collect();
            let told: Vec<&str> = by_key.values().copied().collect();
            let state = match expected {
                "recovered" => "healthy",
                "removed" => "drifted",
                other => other,
            };
            assert_eq!(told, [state], "{expected}, point {point}: {events:?}");
            assert!(events.len() <= 2, "only what was under way is told again: {events:?}");
        }
    }
    assert!(kills >= 50, "{kills} kills");
}

/// `windlass run` on a sandbox; ended by SIGTERM, and well.
struct Loop<'a> {
    child: std::process::Child,
    receiver: &'a Receiver,
}

impl<'a> Loop<'a> {
    fn start(sandbox: &Sandbox, receiver: &'a Receiver) -> Self {
        let target = format!("dir:{}", sandbox.out().display());
        let mut command = sandbox.command(&["run", "windlass.yaml", "--target", &target, "-o", "json"]);
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            child: command.spawn().unwrap(),
            receiver,
        }
    }

    /// What came until the first of that state, that one included.
    fn until(&self, state: &str) -> Vec<Value> {
        let begun = Instant::now();
        let mut events = Vec::new();
        while begun.elapsed() < Duration::from_secs(60) {
            events.extend(took(self.receiver));
            if events.iter().any(|event| event["state"] == state) {
                return events;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("no {state}: {events:?}")
    }

    fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let code = self.child.wait().unwrap();
        assert!(code.success(), "{code:?}");
    }
}

#[test]
fn bad_yaml_is_told_within_seconds_of_the_push() {
    let receiver = ok();
    let sandbox = told(&receiver, "", "");
    let running = Loop::start(&sandbox, &receiver);
    running.until("healthy");
    sandbox.commit(&[("app/a.yaml", Some(&broken()))]);
    running.until("failed");
    running.end();
}

#[test]
fn a_repository_that_gives_no_commit_is_told_once_and_so_is_its_return() {
    let receiver = ok();
    let sandbox = told(&receiver, "", "");
    let running = Loop::start(&sandbox, &receiver);
    running.until("healthy");
    let away = sandbox.path().join("away");
    fs::rename(sandbox.repo(), &away).unwrap();
    let events = running.until("failed");
    let event = events.last().unwrap();
    assert_eq!(
        (&event["app"], &event["repository"], events.len()),
        (&"".into(), &"shop".into(), 1),
        "{events:?}"
    );
    let message = event["message"].as_str().unwrap();
    assert!(
        message.starts_with("repository shop gives no commit, its App stays as it is: "),
        "{message}"
    );
    running.end();
    // Told once, by whatever process.
    let running = Loop::start(&sandbox, &receiver);
    thread::sleep(Duration::from_secs(9)); // longer than three polls and their back-off
    assert_eq!(took(&receiver), Vec::<Value>::new());
    fs::rename(&away, sandbox.repo()).unwrap();
    let events = running.until("healthy");
    assert_eq!((&events[0]["app"], events.len()), (&"".into(), 1), "{events:?}");
    running.end();
}
