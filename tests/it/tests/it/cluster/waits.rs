//! After the apply: an app is on its way, healthy or degraded, and nobody waits for it but who asked to.

use std::{cell::RefCell, collections::BTreeSet, fs, thread, time::Duration};

use serde_json::{Value, json};

use super::bed::{Bed, Running, deployment, map, soon};

/// Pods of this image never come up; those of the other do.
const MISSING: &str = "missing.invalid/app:1";

fn stuck(name: &str) -> Value {
    let mut deployment = deployment(name, Some(1));
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = MISSING.into();
    deployment
}

fn health(report: &Value) -> &str {
    report["health"].as_str().unwrap()
}

fn unhealthy(report: &Value) -> Vec<(String, String)> {
    let objects = report["unhealthy"].as_array().cloned().unwrap_or_default();
    let one = |object: Value| {
        let text = |pointer| object.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        (text("/object/name"), text("/state"))
    };
    objects.into_iter().map(one).collect()
}

#[test]
fn a_sync_ends_when_everything_is_healthy() {
    let bed = Bed::new("healthy", "");
    bed.commit(&[("api", deployment("api", Some(2)))]);
    let synced = bed.synced();
    let live = bed.live(&bed.deployment_path("api"));
    assert_eq!(live["status"]["availableReplicas"], 2, "{synced:?}");
    assert_eq!(unhealthy(synced.report("app")), []);
}

#[test]
fn what_does_not_become_healthy_is_told_apart_by_the_exit_code() {
    let bed = Bed::new("late", "");
    bed.commit(&[("api", stuck("api")), ("map", map("map", "x"))]);
    let late = bed.sync(&["--timeout", "2s"]);
    let report = late.report("app");
    assert_eq!((late.code, health(report)), (Some(4), "progressing"), "{late:?}");
    assert_eq!(unhealthy(report), [("api".to_owned(), "progressing".to_owned())]);
    assert_eq!(report["changes"]["created"], 2, "what was done is told all the same");
    let applied = bed.sync(&["--no-wait"]);
    assert_eq!(
        (applied.code, health(applied.report("app"))),
        (Some(0), "progressing"),
        "{applied:?}"
    );
}

#[test]
fn what_does_not_get_on_is_given_up_and_recovers() {
    let bed = Bed::new("deadline", "  health: {progressDeadline: 2s}\n");
    bed.commit(&[("api", stuck("api"))]);
    let given_up = bed.sync(&[]);
    let report = &given_up.report("app");
    assert_eq!((given_up.code, health(report)), (Some(1), "degraded"), "{given_up:?}");
    assert_eq!(report["diagnostics"][0]["code"], "no-progress", "{report}");

    let running = bed.run();
    let report = running.report("given up", |report| health(report) == "degraded");
    assert_eq!(unhealthy(&report), [("api".to_owned(), "progressing".to_owned())]);
    bed.commit(&[("api", deployment("api", Some(1)))]);
    let report = running.healthy();
    assert!(report.get("unhealthy").is_none(), "{report}");
}

/// Requests of the engine into that namespace, watches aside.
fn requests(bed: &Bed, log: &mut windlass_tests::cluster::Audit) -> Vec<String> {
    let all = log.requests().unwrap();
    let ours = all.into_iter().filter(|request| {
        request.agent.starts_with("windlass/") && request.namespace == bed.namespace && request.verb != "watch"
    });
    ours.map(|request| format!("{} {}", request.verb, request.target))
        .collect()
}

#[test]
fn health_alone_costs_no_request_and_no_render() {
    let bed = Bed::new("turns", "");
    bed.commit(&[("api", deployment("api", Some(1)))]);
    let running = bed.run();
    running.healthy();
    let mut log = bed.server.audit().unwrap();
    // The image of a pod is nobody's drift: the deployment itself stays as git has it.
    for pod in bed.live(&format!("/api/v1/namespaces/{}/pods", bed.namespace))["items"]
        .as_array()
        .unwrap()
    {
        let path = format!(
            "/api/v1/namespaces/{}/pods/{}",
            bed.namespace,
            pod["metadata"]["name"].as_str().unwrap()
        );
        bed.person().send("DELETE", &path, None).unwrap();
    }
    let report = running.report("the pod is missed", |report| health(report) == "progressing");
    assert_eq!(unhealthy(&report), [("api".to_owned(), "progressing".to_owned())]);
    let report = running.healthy();
    assert_eq!(report["changes"]["unchanged"], 1, "{report}");
    assert_eq!(requests(&bed, &mut log), Vec::<String>::new());
}

#[test]
fn a_hundred_stuck_apps_hold_nothing_and_delay_nobody() {
    const STUCK: usize = 100;
    let bed = Bed::new("stuck", "");
    let mut text = String::new();
    for number in 0..STUCK {
        bed.sandbox.commit(&[(
            &format!("stuck-{number}/app.yaml"),
            Some(&stuck(&format!("stuck-{number}")).to_string()),
        )]);
        text.push_str(&app(&bed, &format!("stuck-{number}")));
    }
    bed.commit(&[("map", map("map", "1"))]);
    let config = bed.sandbox.path().join("windlass.yaml");
    let with_all = fs::read_to_string(&config).unwrap() + &text;
    fs::write(&config, with_all).unwrap();
    let running = bed.run();
    until_all(&running, STUCK);
    soon("the app is there", || Ok(bed.is_there(&bed.map_path("map"))));
    let mut log = bed.server.audit().unwrap();
    running.reports();
    for round in 2..6 {
        bed.commit(&[("map", map("map", &round.to_string()))]);
        let value = round.to_string();
        soon("the app is served", || {
            Ok(bed.live(&bed.map_path("map"))["data"]["a"] == value.as_str())
        });
    }
    // Each commit is one write of the app that it concerns; of the stuck ones nobody asks anything.
    let asked = requests(&bed, &mut log);
    assert_eq!(asked.len(), 4, "{asked:?}");
    let reports = running.reports();
    let renders = reports.iter().filter(|report| report["render"] == "fresh").count();
    assert!(renders <= 4, "{renders}");
    thread::sleep(Duration::from_secs(2));
    // The report of the last commit may come after what it did was seen.
    let is_rendered = |report: &Value| report["app"] != "app" && report["calls"] != 0;
    let rendered: Vec<Value> = running.reports().into_iter().filter(is_rendered).collect();
    assert!(rendered.is_empty(), "nothing is rendered: {rendered:?}");
}

fn app(bed: &Bed, name: &str) -> String {
    format!(
        "---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: {name}}}\nspec:\n  repository: shop\n  path: {name}\n  target: {{cluster: test, namespace: {}}}\n",
        bed.namespace
    )
}

fn until_all(running: &Running, count: usize) {
    let seen = RefCell::new(BTreeSet::new());
    running.report("every app is on its way", |report| {
        let mut seen = seen.borrow_mut();
        let name = report["app"].as_str().unwrap();
        if name.starts_with("stuck") && !unhealthy(report).is_empty() {
            seen.insert(name.to_owned());
        }
        seen.len() == count
    });
}

#[test]
fn expressions_say_when_an_object_is_healthy() {
    let checks = "  health:\n    checks:\n    - {kind: ConfigMap, healthy: \"live.data[?'state'].orValue('') == 'go'\", degraded: \"live.data[?'state'].orValue('') == 'broken'\"}\n";
    let bed = Bed::new("checks", checks);
    bed.commit(&[("map", map("map", "x"))]);
    let running = bed.run();
    let report = running.report("on its way", |report| health(report) == "progressing");
    assert_eq!(unhealthy(&report), [("map".to_owned(), "progressing".to_owned())]);
    let mut log = bed.server.audit().unwrap();
    let say = |state: &str| bed.edit(&bed.map_path("map"), "controller", &json!({"data": {"state": state}}));
    say("go");
    running.healthy();
    say("broken");
    let report = running.report("degraded", |report| health(report) == "degraded");
    assert_eq!(unhealthy(&report), [("map".to_owned(), "degraded".to_owned())]);
    assert_eq!(requests(&bed, &mut log), Vec::<String>::new());
}

#[test]
fn rules_that_are_changed_under_the_loop_count_for_what_lives() {
    let bed = Bed::new("live-rules", "");
    bed.commit(&[("map", map("map", "x"))]);
    let running = bed.run();
    running.healthy();
    let checks =
        "  health:\n    checks:\n    - {kind: ConfigMap, degraded: \"live.data.a == 'x'\", healthy: \"true\"}\n";
    bed.configure(bed.server.kubeconfig(), checks);
    let report = running.report("degraded", |report| health(report) == "degraded");
    assert_eq!(unhealthy(&report), [("map".to_owned(), "degraded".to_owned())]);
    bed.configure(bed.server.kubeconfig(), "");
    running.healthy();
    // The cluster was connected anew, and is still watched.
    bed.edit(&bed.map_path("map"), "somebody", &json!({"data": {"a": "y"}}));
    soon("it is as git says", || {
        Ok(bed.live(&bed.map_path("map"))["data"]["a"] == "x")
    });
}
