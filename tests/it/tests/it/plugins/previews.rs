//! Another version beside the one that serves: shown by a command, and by the engine before it may serve.

use std::fs;

use serde_json::Value;

use super::{
    configure, objects, said, sandbox, sync,
    variant::{Variant, plugin},
    windlass,
};
use crate::{cluster::bed::Running, sandbox::Sandbox};

const APPS: [(&str, &str); 2] = [
    ("app", "  render: [{plugin: {name: acme}}]\n"),
    ("other", "  render: [{plugin: {name: acme}}]\n"),
];

fn admit(sandbox: &Sandbox, rollout: &str, variants: &[&Variant]) {
    let entries: Vec<String> = variants.iter().map(|variant| variant.entry()).collect();
    configure(
        sandbox,
        "",
        &APPS,
        &plugin("acme", &format!("  rollout: {rollout}\n"), &entries),
    );
}

fn waiting(sandbox: &Sandbox) -> (Option<i32>, Value) {
    let output = windlass(sandbox, &["plugin", "approve", "-o", "json"]);
    let waiting = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
    (output.status.code(), waiting)
}

#[test]
fn what_another_version_would_change_is_shown_object_by_object() {
    let sandbox = sandbox();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData: {password: hunter2}\n";
    sandbox.commit(&[("app/s.yaml", Some(secret))]);
    let old = Variant::new(sandbox.path(), "acme", "1.0.0", &["s.yaml"]);
    let new = Variant::new(sandbox.path(), "acme", "1.1.0", &["b.yaml"]);
    let same = Variant::new(sandbox.path(), "acme", "1.0.0", &["s.yaml", "nothing.yaml"]);
    admit(&sandbox, "Auto", &[&old]);
    let [old_file, new_file, same_file] = [&old, &new, &same].map(|variant| variant.path.to_str().unwrap().to_owned());
    let diff = |old: &str, new: &str, more: &[&str]| {
        let mut args = vec!["plugin", "diff", old, new, "windlass.yaml"];
        args.extend(more);
        windlass(&sandbox, &args)
    };
    for from in ["acme@1.0.0", "acme", &old_file] {
        let output = diff(from, &new_file, &[]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("app from acme@1.0.0 to acme@1.1.0"), "{said}");
        assert!(
            said.contains("create Secret shop/s") && said.contains("delete ConfigMap shop/b"),
            "{said}"
        );
        assert!(said.contains("2 objects differ in 1 of 2 Apps"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    let json: Value = serde_json::from_slice(&diff(&old_file, &new_file, &["-o", "json"]).stdout).unwrap();
    assert_eq!(
        (&json[0]["app"], &json[1]["app"]),
        (&"app".into(), &"other".into()),
        "{json}"
    );
    assert_eq!(json[0]["objects"].as_array().map(Vec::len), Some(2), "{json}");
    assert_eq!(json[1]["objects"], serde_json::json!([]), "{json}");
    let output = diff(&old_file, &same_file, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("nothing differs in 2 Apps"), "{}", said(&output));
    let hollow = Variant::hollow(sandbox.path(), "acme", "2.0.0");
    let output = diff(&old_file, hollow.path.to_str().unwrap(), &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("acme@2.0.0 fails"), "{}", said(&output));
    assert!(said(&output).contains("app, other fail"), "{}", said(&output));
    let foreign = Variant::new(sandbox.path(), "other", "1.0.0", &[]);
    for bad in ["acme@3", "nothing.wasm", foreign.path.to_str().unwrap()] {
        assert_eq!(diff(&old_file, bad, &[]).status.code(), Some(2), "{bad}");
    }
    assert!(sandbox.files().is_empty(), "no target is looked at");
}

#[test]
fn a_version_that_renders_otherwise_waits_for_approval_of_that_very_component() {
    let sandbox = sandbox();
    let first = Variant::new(sandbox.path(), "acme", "1.0.0", &[]);
    admit(&sandbox, "Preview", &[&first]);
    assert_eq!(sync(&sandbox).code, Some(0), "nothing served before, so nothing waits");
    assert_eq!(objects(&sandbox, "app"), ["a", "b"]);
    assert_eq!(waiting(&sandbox), (Some(0), serde_json::json!({})));

    // Another component that comes to the same takes over by itself.
    let same = Variant::new(sandbox.path(), "acme", "1.0.1", &["nothing.yaml"]);
    admit(&sandbox, "Preview", &[&same]);
    let synced = sync(&sandbox);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    assert!(synced.report("app")["notes"].is_null(), "{synced:?}");
    fs::remove_file(&first.path).unwrap();

    let second = Variant::new(sandbox.path(), "acme", "1.1.0", &["b.yaml"]);
    admit(&sandbox, "Preview", &[&second]);
    for _ in 0..2 {
        let synced = sync(&sandbox);
        assert_eq!((synced.code, synced.health("app")), (Some(0), "healthy"), "{synced:?}");
        assert!(
            synced
                .stderr
                .contains("acme@1.1.0 waits for approval: 1 of 2 Apps differ: app (1 object)"),
            "{}",
            synced.stderr
        );
        assert_eq!(objects(&sandbox, "app"), ["a", "b"], "who served goes on");
    }
    let (code, waits) = waiting(&sandbox);
    assert_eq!(code, Some(3));
    let of = &waits["acme@1.1.0"];
    assert_eq!(
        (
            &of["digest"],
            &of["compared"],
            &of["apps"][0]["app"],
            &of["apps"][0]["serves"],
            &of["apps"][0]["objects"]
        ),
        (
            &second.digest.to_string().into(),
            &2.into(),
            &"app".into(),
            &"acme@1.0.1".into(),
            &1.into()
        ),
        "{waits}"
    );
    let wrong = windlass(&sandbox, &["plugin", "approve", "acme@1.0.1"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", said(&wrong));
    assert!(said(&wrong).contains("what waits is `acme@1.1.0`"), "{}", said(&wrong));
    let approved = windlass(&sandbox, &["plugin", "approve", "acme@1.1.0", "--as-actor", "ada"]);
    assert_eq!(approved.status.code(), Some(0), "{}", said(&approved));

    // Approved was that component: another one of the same version waits again.
    let other = Variant::new(sandbox.path(), "acme", "1.1.0", &["a.yaml"]);
    admit(&sandbox, "Preview", &[&other]);
    sync(&sandbox);
    assert_eq!(objects(&sandbox, "app"), ["a", "b"]);
    assert_eq!(waiting(&sandbox).1["acme@1.1.0"]["digest"], other.digest.to_string());

    admit(&sandbox, "Preview", &[&second]);
    let synced = sync(&sandbox);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    assert_eq!(objects(&sandbox, "app"), ["a"]);
    assert_eq!(waiting(&sandbox), (Some(0), serde_json::json!({})));
    // What one of both doesn't render differs.
    let hollow = Variant::hollow(sandbox.path(), "acme", "1.2.0");
    admit(&sandbox, "Preview", &[&hollow]);
    let synced = sync(&sandbox);
    assert_eq!((synced.code, synced.health("app")), (Some(0), "healthy"), "{synced:?}");
    assert!(
        synced.stderr.contains("acme@1.1.0 goes on serving"),
        "{}",
        synced.stderr
    );
}

#[test]
fn a_running_engine_previews_and_swaps_without_a_pause() {
    let sandbox = sandbox();
    let first = Variant::new(sandbox.path(), "acme", "1.0.0", &[]);
    let second = Variant::new(sandbox.path(), "acme", "1.1.0", &["b.yaml"]);
    admit(&sandbox, "Preview", &[&first]);
    let cache = sandbox.path().join("cache");
    let mut command = sandbox.command(&["run", "windlass.yaml", "-o", "json"]);
    command.arg("--cache").arg(&cache);
    let running = Running::start(command);
    running.report("applied", |report| {
        report["app"] == "other" && report["health"] == "healthy"
    });
    admit(&sandbox, "Preview", &[&second]);
    let waits = |report: &Value| report["app"] == "app" && report["notes"].to_string().contains("acme@1.1.0 waits");
    running.report("the old one goes on", waits);
    let begun = std::time::Instant::now();
    while waiting(&sandbox).0 != Some(3) {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "nothing waits");
    }
    assert_eq!(objects(&sandbox, "app"), ["a", "b"]);
    let approved = windlass(&sandbox, &["plugin", "approve", "acme@1.1.0"]);
    assert_eq!(approved.status.code(), Some(0), "{}", said(&approved));
    running.report("it serves", |report| {
        report["app"] == "app" && report["health"] == "healthy" && report["changes"]["deleted"] == 1
    });
    assert_eq!(objects(&sandbox, "app"), ["a"]);
    // With `Auto` nobody is asked.
    let third = Variant::new(sandbox.path(), "acme", "1.2.0", &["a.yaml"]);
    admit(&sandbox, "Auto", &[&third]);
    running.report("the next one serves", |report| {
        report["app"] == "app" && report["changes"]["created"] == 1
    });
    assert_eq!(objects(&sandbox, "app"), ["b"]);
}
