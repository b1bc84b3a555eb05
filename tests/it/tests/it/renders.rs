//! Renders that are known: when the plugin is called again, and when not.

use std::fs;

use serde_json::{Value, json};

use crate::sandbox::{Sandbox, Synced, config_map};

const APP: &str = "  path: app\n  target: {namespace: shop}\n";

fn one_app() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "1"))),
        ("app/README", Some("listed, not read\n")),
    ]);
    sandbox.config(&[("app", APP)]);
    sandbox
}

/// Kind, calls and reason of the app's render.
fn render(synced: &Synced) -> (&str, u64, &str) {
    let report = synced.report("app");
    let word = |value: &Value| value.as_str().map(str::to_owned);
    assert!(word(&report["render"]).is_some(), "{synced:?}");
    (
        report["render"].as_str().unwrap(),
        report["calls"].as_u64().unwrap(),
        report["why"]["reason"].as_str().unwrap(),
    )
}

#[test]
fn a_commit_elsewhere_costs_no_call_also_in_a_new_process() {
    let sandbox = one_app();
    assert_eq!(render(&sandbox.sync(&[])), ("fresh", 1, "first"));
    sandbox.commit(&[("other/b.yaml", Some("x: 1\n"))]);
    assert_eq!(render(&sandbox.sync(&[])), ("cached", 0, "unchanged"));
    sandbox.commit(&[("app/README", Some("edited\n"))]);
    assert_eq!(render(&sandbox.sync(&[])), ("cached", 0, "unchanged"));
}

#[test]
fn what_was_read_or_listed_is_told_when_it_changes() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "2")))]);
    let edited = sandbox.sync(&[]);
    assert_eq!(render(&edited), ("fresh", 1, "changed"));
    let why = json!({"reason": "changed", "ask": "read", "tree": "", "path": "app/a.yaml"});
    assert_eq!(edited.report("app")["why"], why);
    sandbox.commit(&[("app/b.yaml", Some(&config_map("b", "1")))]);
    let added = sandbox.sync(&[]);
    let why = json!({"reason": "changed", "ask": "list", "tree": "", "path": "app"});
    assert_eq!(
        (&added.report("app")["why"], added.counts("app")),
        (&why, [1, 0, 1, 0, 0])
    );
}

#[test]
fn a_revert_finds_the_render_it_had() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    let files = sandbox.files();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "2")))]);
    sandbox.sync(&[]);
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    let reverted = sandbox.sync(&[]);
    assert_eq!(
        (render(&reverted), reverted.counts("app")),
        (("cached", 0, "unchanged"), [0, 1, 0, 0, 0])
    );
    assert_eq!(sandbox.files(), files);
}

#[test]
fn a_mistake_in_the_files_is_told_again_without_a_call() {
    let sandbox = one_app();
    sandbox.commit(&[("app/a.yaml", Some("a: [1\n"))]);
    let first = sandbox.sync(&[]);
    let again = sandbox.sync(&[]);
    assert_eq!((first.health("app"), again.health("app")), ("failed", "failed"));
    assert_eq!((render(&first).1, render(&again).1), (1, 0));
    assert_eq!(first.report("app")["diagnostics"], again.report("app")["diagnostics"]);
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    assert_eq!(sandbox.sync(&[]).health("app"), "healthy");
}

#[test]
fn a_lost_or_garbled_store_costs_a_call_and_changes_nothing() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    let files = sandbox.files();
    let renders = sandbox.path().join("state/cache/renders");
    fs::remove_dir_all(&renders).unwrap();
    let lost = sandbox.sync(&[]);
    assert_eq!(
        (render(&lost), lost.counts("app")),
        (("fresh", 1, "first"), [0, 0, 1, 0, 0])
    );
    for base in fs::read_dir(renders.join("v1")).unwrap() {
        for run in fs::read_dir(base.unwrap().path()).unwrap() {
            fs::write(run.unwrap().path(), "garbage").unwrap();
        }
    }
    assert_eq!(render(&sandbox.sync(&[])), ("fresh", 1, "first"));
    assert_eq!(sandbox.files(), files);
}

#[test]
fn render_of_a_path_says_why_it_was_not_repeated() {
    let sandbox = one_app();
    let explained = |expected: &str| {
        let output = sandbox.windlass(&["render", "repo/app", "--explain"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(expected) && said.contains("app/a.yaml"), "{said}");
        output.stdout
    };
    let first = explained("rendered: no render of this plugin");
    assert_eq!(explained("not rendered again: all"), first);
    fs::write(sandbox.repo().join("app/a.yaml"), config_map("a", "2")).unwrap();
    assert_ne!(explained("rendered: `read app/a.yaml` is answered anew"), first);
}

/// A chart that prints the time.
fn chart_with_a_clock() -> Sandbox {
    let sandbox = Sandbox::new();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: clock}\ndata: {now: {{ now | date \"2006-01-02\" | quote }}, value: {{ .Values.value | quote }}}\n";
    sandbox.commit_at(
        "2026-01-01T12:00:00Z",
        &[
            ("app/Chart.yaml", Some("apiVersion: v2\nname: clock\nversion: 1.0.0\n")),
            ("app/values.yaml", Some("value: one\n")),
            ("app/templates/clock.yaml", Some(template)),
        ],
    );
    sandbox.config(&[("app", APP)]);
    sandbox
}

fn clock(sandbox: &Sandbox) -> String {
    let file = &sandbox.files()["app/shop/ConfigMap-clock.yaml"];
    let line = file.lines().find(|line| line.contains("now:")).unwrap();
    line.trim().trim_start_matches("now: ").trim_matches('"').to_owned()
}

#[test]
fn the_clock_stands_until_the_inputs_change_even_when_the_store_is_lost() {
    let sandbox = chart_with_a_clock();
    assert_eq!(render(&sandbox.sync(&[])), ("fresh", 1, "first"));
    assert_eq!(clock(&sandbox), "2026-01-01");
    sandbox.commit_at("2026-02-02T12:00:00Z", &[("other", Some("x"))]);
    assert_eq!(render(&sandbox.sync(&[])), ("cached", 0, "unchanged"));
    fs::remove_dir_all(sandbox.path().join("state/cache/renders")).unwrap();
    let lost = sandbox.sync(&[]);
    assert_eq!(
        (render(&lost), lost.counts("app")),
        (("fresh", 1, "first"), [0, 0, 1, 0, 0])
    );
    assert_eq!(clock(&sandbox), "2026-01-01");
    sandbox.commit_at("2026-03-03T12:00:00Z", &[("app/values.yaml", Some("value: two\n"))]);
    let changed = sandbox.sync(&[]);
    assert_eq!(changed.report("app")["why"]["path"], "app/values.yaml");
    assert_eq!(clock(&sandbox), "2026-03-03");
    // Back to what it was: that is a change of the inputs, too.
    sandbox.commit_at("2026-04-04T12:00:00Z", &[("app/values.yaml", Some("value: one\n"))]);
    sandbox.sync(&[]);
    assert_eq!(clock(&sandbox), "2026-04-04");
}
