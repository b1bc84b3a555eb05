//! `windlass run` and people who edit what it keeps, on a real API server.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_tests::cluster::{
    Cluster as Server, User,
    proxy::{Fault, Rule},
};

use super::bed::{Bed, deployment, map, soon};

fn is_gits(bed: &Bed, name: &str) -> bool {
    let answer = bed.person().send("GET", &bed.map_path(name), None).unwrap();
    answer.status == 200 && answer.json().unwrap()["data"] == json!({"a": "1"})
}

#[test]
fn a_hundred_edits_are_repaired_within_the_second() {
    let bed = Bed::new("hundred", "");
    let names: Vec<String> = (0..100).map(|number| format!("m{number}")).collect();
    let objects: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), map(name, "1"))).collect();
    bed.commit(&objects);
    let running = bed.run();
    running.healthy();
    let mut times: Vec<Duration> = names
        .iter()
        .enumerate()
        .map(|(number, name)| {
            let path = bed.map_path(name);
            if number % 10 == 9 {
                bed.person().delete(&path).unwrap();
            } else {
                bed.edit(&path, "kubectl-edit", &json!({"data": {"a": "2"}}));
            }
            soon("it is repaired", || Ok(is_gits(&bed, name)))
        })
        .collect();
    times.sort();
    let (median, last) = (times[50], times[98]);
    assert!(median < Duration::from_secs(1), "p50 {median:?}, p99 {last:?}");
    assert!(last < Duration::from_secs(5), "p50 {median:?}, p99 {last:?}");
    let told = running.report("an edit with its field and manager", |report| {
        report["drifted"].to_string().contains("kubectl-edit")
    });
    let drifted = &told["drifted"][0];
    assert_eq!(drifted["object"]["kind"], "ConfigMap");
    assert_eq!(
        (&drifted["field"], &drifted["manager"]),
        (&json!(".data.a"), &json!("kubectl-edit"))
    );
}

#[test]
fn labels_atomic_lists_and_deleted_objects_are_put_back() {
    let bed = Bed::new("kinds-of", "");
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}});
    let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]});
    let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {"podSelector": {}}});
    bed.commit(&[
        ("m", map("m", "1")),
        ("s", service),
        ("r", role),
        ("p", policy),
        ("d", deployment("d", Some(0))),
    ]);
    let running = bed.run();
    running.healthy();
    let roles = format!(
        "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles/r",
        bed.namespace
    );
    let policies = format!(
        "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies/p",
        bed.namespace
    );
    let services = format!("/api/v1/namespaces/{}/services/s", bed.namespace);

    let strip = json!({"metadata": {"labels": null, "annotations": null}});
    bed.edit(&bed.map_path("m"), "kubectl-label", &strip);
    soon("the mark is back", || {
        let live = bed.live(&bed.map_path("m"));
        Ok(live["metadata"]["labels"].is_object() && live["metadata"]["annotations"].is_object())
    });
    bed.edit(
        &roles,
        "kubectl-edit",
        &json!({"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}),
    );
    soon("the rules are back", || {
        Ok(bed.live(&roles)["rules"][0]["resources"] == json!(["pods"]))
    });
    bed.edit(
        &policies,
        "kubectl-edit",
        &json!({"spec": {"podSelector": {"matchLabels": {"only": "this"}}}}),
    );
    soon("all pods are selected", || {
        Ok(bed.live(&policies)["spec"]["podSelector"] == json!({}))
    });
    bed.edit(&services, "kubectl-edit", &json!({"spec": {"selector": {"app": "b"}}}));
    soon("the selector is back", || {
        Ok(bed.live(&services)["spec"]["selector"] == json!({"app": "a"}))
    });
    bed.person().delete(&bed.deployment_path("d")).unwrap();
    soon("it is there again", || Ok(bed.is_there(&bed.deployment_path("d"))));
}

#[test]
fn edits_made_while_nobody_ran_are_found_and_nothing_else_is_written() {
    let bed = Bed::new("down", "");
    let names = ["a", "b", "c", "d", "e", "f"];
    let objects: Vec<(&str, Value)> = names.iter().map(|name| (*name, map(name, "1"))).collect();
    bed.commit(&objects);
    drop({
        let running = bed.run();
        running.healthy();
        running
    });
    bed.edit(&bed.map_path("a"), "kubectl-edit", &json!({"data": {"a": "2"}}));
    bed.edit(&bed.map_path("b"), "kubectl-edit", &json!({"data": null}));
    bed.person().delete(&bed.map_path("c")).unwrap();
    bed.edit(
        &bed.map_path("d"),
        "kubectl-label",
        &json!({"metadata": {"labels": null}}),
    );
    let mut audit = bed.server.audit().unwrap();
    let running = bed.run();
    let report = running.healthy();
    for name in names {
        assert!(is_gits(&bed, name), "{name}: {report}");
    }
    let requests = audit.requests().unwrap();
    let mut written: Vec<(&str, &str)> = requests
        .iter()
        .filter(|request| request.agent.starts_with("windlass/") && request.namespace == bed.namespace)
        .filter(|request| !matches!(request.verb.as_str(), "get" | "list" | "watch"))
        .map(|request| (request.name.as_str(), request.verb.as_str()))
        .collect();
    written.sort_unstable();
    written.dedup();
    assert_eq!(
        written,
        [("a", "patch"), ("b", "patch"), ("c", "patch"), ("d", "patch")]
    );
}

#[test]
fn somebody_who_undoes_everything_is_let_be_and_named() {
    // As `fights.rs` has it: so many repairs at once, and another each of these.
    const REPAIRS: u64 = 10;
    const ANOTHER: Duration = Duration::from_secs(30);
    let bed = Bed::new("fight", "");
    bed.commit(&[("m", map("m", "1")), ("n", map("n", "1"))]);
    let running = bed.run();
    running.healthy();
    let mut audit = bed.server.audit().unwrap();
    let begun = Instant::now();
    let mut stalled = None;
    // A loaded machine repairs once a second; slower than once in three seconds is no fight.
    while stalled.is_none() && begun.elapsed() < 6 * ANOTHER {
        if is_gits(&bed, "m") {
            bed.edit(&bed.map_path("m"), "operator", &json!({"data": {"a": "theirs"}}));
        }
        stalled = running
            .reports()
            .into_iter()
            .find(|report| report["health"] == "stalled");
        thread::sleep(Duration::from_millis(20));
    }
    let stalled = stalled.expect("the app says that it fights");
    let message = stalled["diagnostics"][0]["message"].as_str().unwrap();
    assert!(message.contains("Stalled: fighting with `operator`"), "{message}");
    // Others of the app are repaired as ever.
    bed.edit(&bed.map_path("n"), "kubectl-edit", &json!({"data": {"a": "2"}}));
    soon("another object is repaired", || Ok(is_gits(&bed, "n")));
    let requests = audit.requests().unwrap();
    let writes: Vec<_> = requests
        .iter()
        .filter(|request| request.agent.starts_with("windlass/") && request.verb == "patch")
        .filter(|request| request.namespace == bed.namespace && request.name == "m")
        .collect();
    // Each repair is two: one that learns whose the field is, and one that takes it.
    let repairs = REPAIRS + begun.elapsed().as_secs() / ANOTHER.as_secs();
    assert!(
        writes.len() as u64 <= 2 * repairs,
        "{repairs} repairs in {:?}: {writes:#?}",
        begun.elapsed()
    );
    // The other one has given up: it is repaired by itself.
    soon("the fight is over", || Ok(is_gits(&bed, "m")));
}

#[test]
fn what_happens_while_watches_fail_is_found() {
    let server = Server::shared();
    let proxy = server.proxy().unwrap();
    let bed = Bed::new("watches", "");
    let kubeconfig = bed.sandbox.path().join("through");
    fs::write(
        &kubeconfig,
        server.kubeconfig_with(proxy.url(), server.token(User::Admin)),
    )
    .unwrap();
    bed.configure(&kubeconfig, "");
    bed.commit(&[("m", map("m", "1")), ("n", map("n", "1"))]);
    let running = bed.run();
    running.healthy();
    for fault in [
        Fault::Status {
            code: 410,
            retry_after: None,
        },
        Fault::ExpireAfter(1),
        Fault::CutAfter(1),
        Fault::Reset,
    ] {
        proxy.spoil(Rule::new("/configmaps\\?.*watch=true", fault).unwrap().times(2));
        proxy.cut();
        bed.edit(&bed.map_path("m"), "kubectl-edit", &json!({"data": {"a": "2"}}));
        soon("it is repaired", || Ok(is_gits(&bed, "m")));
        proxy.heal();
        assert!(is_gits(&bed, "n"), "{fault:?}: nothing else is touched");
    }
    // Lists fail, so that nobody can tell what lives: nothing is made anew, and nothing goes.
    let uid = bed.live(&bed.map_path("n"))["metadata"]["uid"].clone();
    let busy = Fault::Status {
        code: 503,
        retry_after: None,
    };
    proxy.spoil(Rule::new("/configmaps", busy).unwrap());
    proxy.cut();
    bed.edit(&bed.map_path("m"), "kubectl-edit", &json!({"data": {"a": "2"}}));
    bed.commit(&[("n", Value::Null)]);
    thread::sleep(Duration::from_secs(3));
    assert_eq!(bed.live(&bed.map_path("n"))["metadata"]["uid"], uid);
    proxy.heal();
    soon("it is repaired", || Ok(is_gits(&bed, "m")));
    soon("what left git goes", || Ok(!bed.is_there(&bed.map_path("n"))));
}

#[test]
fn a_group_whose_server_is_down_loses_nothing() {
    let server: &'static Server = Box::leak(Box::new(Server::start().unwrap()));
    let bed = Bed::over(server, "group", "");
    bed.commit(&[("m", map("m", "1")), ("o", map("o", "1"))]);
    bed.synced();
    server.absent_api("absent.example.com").unwrap();
    let absent = json!({"apiVersion": "absent.example.com/v1", "kind": "Thing", "metadata": {"name": "t"}});
    bed.commit(&[("t", absent), ("o", Value::Null)]);
    let synced = bed.sync(&[]);
    assert_eq!((synced.code, synced.health("app")), (Some(1), "failed"), "{synced:?}");
    assert!(
        synced.report("app")["diagnostics"]
            .to_string()
            .contains("absent.example.com"),
        "{synced:?}"
    );
    assert!(is_gits(&bed, "m"));
    assert!(
        bed.is_there(&bed.map_path("o")),
        "nothing is deleted while something can't be told"
    );
}
