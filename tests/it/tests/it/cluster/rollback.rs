//! On a real API server: a change that does not become healthy goes back by itself, for that App and not for the whole fleet.

use std::fs;

use serde_json::{Value, json};

use super::bed::{Bed, deployment, map};

/// Pods of this image never come up; those of the other do.
const MISSING: &str = "missing.invalid/app:1";

const AUTO: &str = "  health: {progressDeadline: 3s}\n  rollback: {mode: Auto}\n";

fn image(name: &str, image: &str) -> Value {
    let mut deployment = deployment(name, Some(1));
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
    deployment
}

fn health(report: &Value) -> &str {
    report["health"].as_str().unwrap()
}

fn live_image(bed: &Bed) -> String {
    let live = bed.live(&bed.deployment_path("api"));
    live["spec"]["template"]["spec"]["containers"][0]["image"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn history(bed: &Bed) -> Vec<Value> {
    let output = bed.sandbox.windlass(&["history", "app", "-o", "json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn outcomes(bed: &Bed) -> Vec<String> {
    let entries = history(bed);
    entries
        .iter()
        .map(|entry| entry["outcome"].as_str().unwrap().to_owned())
        .collect()
}

fn codes(report: &Value) -> Vec<&str> {
    let findings = report["diagnostics"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

#[test]
fn a_change_that_fails_goes_back_and_a_better_one_ends_it() {
    let bed = Bed::new("back", AUTO);
    bed.commit(&[("api", image("api", "nginx:1")), ("map", map("map", "1"))]);
    let running = bed.run();
    running.healthy();
    bed.commit(&[("api", image("api", MISSING)), ("map", map("map", "2"))]);
    running.report("given up", |report| health(report) == "degraded");
    let back = running.report("back", |report| health(report) == "rolled-back");
    assert_eq!(live_image(&bed), "nginx:1");
    assert_eq!(bed.live(&bed.map_path("map"))["data"]["a"], "1", "all of it");
    let told = &back["rolledBack"];
    assert_eq!(
        (&told["entry"], &told["by"], &told["bad"]["entry"]),
        (&1.into(), &Value::Null, &2.into()),
        "{back}"
    );
    assert!(codes(&back).contains(&"rolled-back"), "{back}");
    assert_eq!(outcomes(&bed), ["healthy", "degraded", "healthy"]);
    assert_eq!(history(&bed)[0]["replays"], 1);

    // An unrelated commit says the same bad thing.
    running.reports();
    bed.sandbox.commit(&[("elsewhere/x.yaml", Some("a: 1\n"))]);
    let still = running.report("looked at", |report| report["revision"] != back["revision"]);
    assert_eq!(
        (health(&still), live_image(&bed).as_str()),
        ("rolled-back", "nginx:1"),
        "{still}"
    );
    // So does a process that begins anew.
    drop(running);
    let synced = bed.sync(&[]);
    assert_eq!(
        (synced.code, synced.health("app")),
        (Some(1), "rolled-back"),
        "{synced:?}"
    );

    let running = bed.run();
    bed.commit(&[("api", image("api", "nginx:2"))]);
    running.healthy();
    assert_eq!(live_image(&bed), "nginx:2");
    assert_eq!(outcomes(&bed), ["healthy", "healthy", "degraded", "healthy"]);
    // What failed is not tried again, though git says it again; what was healthy since stays.
    bed.commit(&[("api", image("api", MISSING)), ("map", map("map", "2"))]);
    let still = running.report("skipped", |report| health(report) == "rolled-back");
    assert_eq!(
        (&still["rolledBack"]["entry"], live_image(&bed).as_str()),
        (&4.into(), "nginx:2"),
        "{still}"
    );
}

#[test]
fn a_sync_goes_back_too_and_says_so() {
    let bed = Bed::new("sync-back", AUTO);
    bed.commit(&[("api", image("api", "nginx:1"))]);
    bed.synced();
    bed.commit(&[("api", image("api", MISSING))]);
    let back = bed.sync(&[]);
    assert_eq!((back.code, back.health("app")), (Some(1), "rolled-back"), "{back:?}");
    assert_eq!(live_image(&bed), "nginx:1");
    let resumed = bed.sandbox.windlass(&["resume", "app"]);
    assert_eq!(resumed.status.code(), Some(0));
    let again = bed.sync(&["--no-wait"]);
    assert_eq!(live_image(&bed), MISSING, "who resumes has it tried again: {again:?}");
}

#[test]
fn nobody_goes_back_who_did_not_ask_or_whose_change_it_is_not() {
    // Off.
    let bed = Bed::new("stays", "  health: {progressDeadline: 2s}\n");
    bed.commit(&[("api", image("api", "nginx:1"))]);
    bed.synced();
    bed.commit(&[("api", image("api", MISSING))]);
    let stays = bed.sync(&["--timeout", "30s"]);
    assert_eq!((stays.code, stays.health("app")), (Some(1), "degraded"), "{stays:?}");
    assert_eq!(live_image(&bed), MISSING);

    // The first change has nothing to go back to; what it becomes is a failure of its own, and says why it stays.
    let bed = Bed::new("first", AUTO);
    bed.commit(&[("api", image("api", MISSING))]);
    let stays = bed.sync(&["--timeout", "30s"]);
    assert_eq!((stays.code, stays.health("app")), (Some(1), "degraded"), "{stays:?}");
    assert!(codes(stays.report("app")).contains(&"not-rolled-back"), "{stays:?}");

    // It was healthy with its change: what broke it came later.
    let bed = Bed::new("later", &format!("{AUTO}  drift: {{mode: Report}}\n"));
    bed.commit(&[("api", image("api", "nginx:1")), ("map", map("map", "1"))]);
    bed.synced();
    bed.commit(&[("map", map("map", "2"))]);
    bed.synced();
    assert_eq!(outcomes(&bed), ["healthy", "healthy"]);
    let entry = &history(&bed)[0];
    assert_eq!(
        (&entry["wasHealthy"], &entry["defines"]),
        (&true.into(), &false.into()),
        "{entry}"
    );
}

#[test]
fn a_definition_or_a_hook_before_it_keeps_a_change_from_going_back() {
    let bed = Bed::new("defines", AUTO);
    bed.commit(&[("api", image("api", "nginx:1"))]);
    bed.synced();
    let group = format!("{}.example.org", bed.namespace);
    let definition = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("things.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
    bed.commit(&[("api", image("api", MISSING)), ("crd", definition)]);
    let stays = bed.sync(&["--timeout", "60s"]);
    assert_eq!((stays.code, stays.health("app")), (Some(1), "degraded"), "{stays:?}");
    let told = stays.report("app")["diagnostics"].to_string();
    assert!(told.contains("not-rolled-back") && told.contains("CRD"), "{told}");
    assert_eq!(live_image(&bed), MISSING);
}

#[test]
fn when_many_fail_at_once_nobody_goes_back() {
    const APPS: usize = 6;
    let bed = Bed::new("fleet", AUTO);
    let app = |name: &str| {
        format!(
            "---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: {name}}}\nspec:\n  repository: shop\n  path: {name}\n  target: {{cluster: test, namespace: {}}}\n{AUTO}",
            bed.namespace
        )
    };
    let names: Vec<String> = (0..APPS).map(|at| format!("fleet-{at}")).collect();
    let commit = |with: &str| {
        let files: Vec<(String, String)> = names
            .iter()
            .map(|name| (format!("{name}/api.yaml"), image(name, with).to_string()))
            .collect();
        let files: Vec<(&str, Option<&str>)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), Some(text.as_str())))
            .collect();
        bed.sandbox.commit(&files);
    };
    bed.commit(&[("map", map("map", "1"))]);
    commit("nginx:1");
    let config = bed.sandbox.path().join("windlass.yaml");
    let text = names
        .iter()
        .fold(fs::read_to_string(&config).unwrap(), |text, name| text + &app(name));
    fs::write(&config, text).unwrap();
    let first = bed.sync(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    commit(MISSING);
    let failed = bed.sync(&[]);
    assert_eq!(failed.code, Some(1), "{failed:?}");
    for name in &names {
        assert_eq!(failed.health(name), "degraded", "{failed:?}");
        let told = failed.report(name)["diagnostics"].to_string();
        assert!(told.contains("6 of 7 Apps failed within 10 minutes"), "{told}");
        let live = bed.live(&bed.deployment_path(name));
        assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], MISSING);
    }
    assert_eq!(failed.health("app"), "healthy");
}
