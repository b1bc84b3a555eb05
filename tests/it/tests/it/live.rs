//! A configuration that is changed while the loop runs over it.

use std::{fs, time::Duration};

use serde_json::Value;
use windlass_core::digest::Digest;

use crate::{
    cluster::bed::Running,
    sandbox::{Sandbox, config_map, plugins},
};

/// Two folders in the repository.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("api/a.yaml", Some(&config_map("a", "1"))),
        ("web/b.yaml", Some(&config_map("b", "1"))),
    ]);
    sandbox
}

/// App documents into folders of their own; nothing is polled meanwhile.
fn configure(sandbox: &Sandbox, apps: &[(&str, &str)]) {
    let specs: Vec<String> = apps
        .iter()
        .map(|(name, more)| format!("  path: {name}\n  target: {{namespace: shop, directory: out}}\n{more}"))
        .collect();
    let named: Vec<(&str, &str)> = apps
        .iter()
        .zip(&specs)
        .map(|((name, _), spec)| (*name, spec.as_str()))
        .collect();
    let path = sandbox.config(&named);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("interval: 1s", "interval: 1h")).unwrap();
}

fn running(sandbox: &Sandbox) -> Running {
    Running::start(sandbox.command(&["run", "windlass.yaml", "-o", "json"]))
}

fn of(app: &'static str, health: &'static str) -> impl Fn(&Value) -> bool {
    move |report| report["app"] == app && report["health"] == health
}

fn lives(sandbox: &Sandbox, file: &str) -> bool {
    sandbox.out().join(file).exists()
}

/// Longer than the file is left to settle.
fn settle() {
    std::thread::sleep(Duration::from_secs(4));
}

#[test]
fn apps_come_and_go_with_the_file() {
    let sandbox = sandbox();
    configure(&sandbox, &[("api", "")]);
    let running = running(&sandbox);
    running.report("it is applied", of("api", "healthy"));
    configure(&sandbox, &[("api", ""), ("web", "")]);
    running.report("the new one is applied", of("web", "healthy"));
    assert!(lives(&sandbox, "web/shop/ConfigMap-b.yaml"));
    // Nothing else was looked at: what says the same goes on undisturbed.
    let others = running.reports();
    assert!(others.iter().all(|report| report["app"] == "web"), "{others:?}");
    configure(&sandbox, &[("web", "")]);
    running.report("the other one is let go", of("api", "healthy"));
    assert!(!lives(&sandbox, "api/shop/ConfigMap-a.yaml"));
    assert!(lives(&sandbox, "web/shop/ConfigMap-b.yaml"));
}

#[test]
fn an_app_that_says_something_else_is_looked_at_at_once() {
    let sandbox = sandbox();
    configure(&sandbox, &[("api", ""), ("web", "")]);
    let running = running(&sandbox);
    running.report("applied", of("web", "healthy"));
    settle();
    running.reports();
    configure(&sandbox, &[("api", "  suspend: {reason: incident}\n"), ("web", "")]);
    running.report("it rests", of("api", "suspended"));
    settle();
    let others = running.reports();
    assert!(others.iter().all(|report| report["app"] == "api"), "{others:?}");
    configure(&sandbox, &[("api", ""), ("web", "")]);
    running.report("it goes on", of("api", "healthy"));
}

#[test]
fn a_repository_that_says_something_else_is_asked_at_once() {
    let sandbox = sandbox();
    configure(&sandbox, &[("api", "")]);
    let running = running(&sandbox);
    running.report("applied", of("api", "healthy"));
    let head = sandbox.commit(&[("api/a.yaml", Some(&config_map("a", "2")))]);
    let path = sandbox.path().join("windlass.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("interval: 1h", "interval: 2h")).unwrap();
    running.report("the commit is there", |report| report["revision"] == head.as_str());
}

#[test]
fn a_mistake_in_the_file_changes_nothing() {
    let sandbox = sandbox();
    configure(&sandbox, &[("api", "")]);
    let running = running(&sandbox);
    running.report("applied", of("api", "healthy"));
    let path = sandbox.path().join("windlass.yaml");
    let good = fs::read_to_string(&path).unwrap();
    let digest = Digest::of(b"another");
    let file = plugins().join("yaml.wasm");
    let version = env!("CARGO_PKG_VERSION");
    let pinned = format!(
        "---\napiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: yaml}}\nspec:\n  versions:\n  \
         - {{version: {version}, file: '{}', digest: '{digest}'}}\n",
        file.display()
    );
    for bad in [
        "kind: [".to_owned(),
        // What a full disk leaves of a file.
        String::new(),
        // The App is gone, and so is everything behind it: a file that is not well-formed lets nobody go.
        good[..good.find("---").unwrap()].to_owned() + "---\nkind: App\n",
        // A plugin that is not what was admitted: the one of before goes on serving.
        good.clone() + &pinned,
    ] {
        fs::write(&path, &bad).unwrap();
        settle();
        assert_eq!(running.reports(), Vec::<Value>::new(), "{bad}");
        assert!(lives(&sandbox, "api/shop/ConfigMap-a.yaml"), "{bad}");
    }
    fs::remove_file(&path).unwrap();
    settle();
    assert!(lives(&sandbox, "api/shop/ConfigMap-a.yaml"));
    let head = sandbox.commit(&[("api/a.yaml", Some(&config_map("a", "2")))]);
    // The plugin that is admitted now is the same component under a document.
    let admitted = pinned.replace(&digest.to_string(), &Digest::of(&fs::read(&file).unwrap()).to_string());
    fs::write(&path, good.replace("1h", "2h") + &admitted).unwrap();
    running.report("the commit is there", |report| {
        report["revision"] == head.as_str() && report["health"] == "healthy"
    });
}
