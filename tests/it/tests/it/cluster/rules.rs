//! What an App and its objects say of how they are written, held to on a real API server by `diff` and `sync` alike.

use serde_json::{Value, json};

use super::bed::{Bed, deployment, map, soon};
use crate::sandbox::Synced;

fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

#[test]
fn ignored_fields_are_left_to_others_on_diff_and_apply() {
    let spec = "  ignore:\n  - {kind: Deployment, fields: [/spec/replicas]}\n";
    let bed = Bed::new("ignore", spec);
    bed.commit(&[("d", deployment("d", Some(1)))]);
    bed.synced();
    let path = bed.deployment_path("d");
    assert_eq!(bed.live(&path)["spec"]["replicas"], 1, "git's value when it is made");
    bed.edit(&path, "operator", &json!({"spec": {"replicas": 2}}));
    assert_eq!(bed.diff().0, Some(0), "{}", bed.diff().1);
    bed.synced();
    let mut changed = deployment("d", Some(1));
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2".into();
    bed.commit(&[("d", changed)]);
    let (code, app) = bed.diff();
    assert_eq!(code, Some(3));
    assert!(
        !app["objects"][0]["diff"].as_str().unwrap().contains("replicas:"),
        "{app}"
    );
    bed.synced();
    let live = bed.live(&path);
    assert_eq!(live["spec"]["replicas"], 2);
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    assert_eq!((bed.diff().0, bed.synced().counts("app")), (Some(0), [0, 0, 1, 0, 0]));
}

/// A rule for replicas of Deployments under a condition.
fn replicas_when(condition: &str) -> String {
    format!("  ignore:\n  - kind: Deployment\n    fields: [/spec/replicas]\n    when: \"{condition}\"\n")
}

#[test]
fn a_condition_decides_what_is_left_to_others_and_is_watched() {
    let bed = Bed::new("when", &replicas_when("'scaled.test/by' in live.metadata.annotations"));
    bed.commit(&[("d", deployment("d", Some(1)))]);
    let mut audit = bed.server.audit().unwrap();
    bed.synced();
    let writes = |requests: &[windlass_tests::cluster::Request]| {
        let ours = requests
            .iter()
            .filter(|request| request.agent.starts_with("windlass/") && request.namespace == bed.namespace);
        ours.filter(|request| !matches!(request.verb.as_str(), "list" | "watch"))
            .count()
    };
    assert_eq!(
        writes(&audit.requests().unwrap()),
        1,
        "one write, and no read for a rule"
    );
    let path = bed.deployment_path("d");
    let replicas = || bed.live(&path)["spec"]["replicas"].clone();
    let scale = |to: u32| bed.edit(&path, "operator", &json!({"spec": {"replicas": to}}));
    let annotate = |value: Value| {
        bed.edit(
            &path,
            "kubectl-annotate",
            &json!({"metadata": {"annotations": {"scaled.test/by": value}}}),
        );
    };
    // Not so: an edit is undone.
    scale(2);
    assert_eq!(bed.diff().0, Some(3));
    bed.synced();
    assert_eq!(replicas(), 1);
    // So: it is left.
    annotate("keda".into());
    scale(4);
    assert_eq!(bed.diff().0, Some(0), "{}", bed.diff().1);
    bed.synced();
    assert_eq!(replicas(), 4);
    let mut changed = deployment("d", Some(1));
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2".into();
    bed.commit(&[("d", changed)]);
    bed.synced();
    assert_eq!(replicas(), 4, "and stays left when git changes something else");
    assert_eq!(bed.synced().counts("app"), [0, 0, 1, 0, 0]);
    // No longer so, though nothing that git sets has changed.
    annotate(Value::Null);
    let (code, app) = bed.diff();
    assert_eq!(
        (code, &app["objects"][0]["reason"]),
        (Some(3), &json!("reconsidered")),
        "{app}"
    );
    let synced = bed.synced();
    assert_eq!(replicas(), 1);
    let drifted = synced.report("app")["drifted"].to_string();
    assert!(
        drifted.contains(".spec.replicas") && drifted.contains("operator"),
        "{drifted}"
    );
    // The loop is woken by what a condition looks at.
    let running = bed.run();
    running.healthy();
    annotate("keda".into());
    running.report("it was looked at", |report| notes(report).contains("spec.ignore"));
    scale(5);
    annotate(Value::Null);
    soon("it is git's again", || Ok(replicas() == json!(1)));
}

#[test]
fn a_condition_without_an_answer_leaves_the_field_and_is_told() {
    let bed = Bed::new("unanswered", &replicas_when("live.metadata.labels.tier == 'batch'"));
    let body = |image: &str| {
        let mut body = deployment("d", Some(1));
        body["spec"]["template"]["spec"]["containers"][0]["image"] = image.into();
        body
    };
    bed.commit(&[("d", body("nginx:1"))]);
    let path = bed.deployment_path("d");
    let unanswered = |synced: &Synced| {
        assert_eq!((synced.code, synced.health("app")), (Some(1), "failed"), "{synced:?}");
        let found = &synced.report("app")["diagnostics"][0];
        assert_eq!(found["code"], "ignore-condition", "{synced:?}");
        let message = found["message"].as_str().unwrap();
        assert!(
            message.contains("Deployment") && message.contains("spec.ignore[0].when: there is no `tier`"),
            "{message}"
        );
    };
    unanswered(&bed.sync(&[]));
    assert_eq!(bed.live(&path)["spec"]["replicas"], 1);
    // Again and again, until it can be told.
    unanswered(&bed.sync(&[]));
    bed.edit(&path, "operator", &json!({"spec": {"replicas": 3}}));
    bed.commit(&[("d", body("nginx:2"))]);
    let (code, app) = bed.diff();
    assert_eq!(
        (code, &app["diagnostics"][0]["code"]),
        (Some(1), &json!("ignore-condition")),
        "{app}"
    );
    unanswered(&bed.sync(&[]));
    let live = bed.live(&path);
    assert_eq!(live["spec"]["replicas"], 3, "what can't be told to be git's is left");
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    bed.edit(&path, "operator", &json!({"metadata": {"labels": {"tier": "web"}}}));
    bed.synced();
    assert_eq!(bed.live(&path)["spec"]["replicas"], 1);
    assert_eq!(bed.synced().counts("app"), [0, 0, 1, 0, 0]);
}

#[test]
fn a_condition_knows_git_and_the_managers_and_a_field_is_named_by_its_key() {
    let spec = r#"  ignore:
  - kind: Deployment
    fields: [/spec/replicas]
    when: "'scaler' in managers && live.spec.replicas > object.spec.replicas"
  - kind: Deployment
    fields: ['.spec.template.spec.containers[name="second"].image']
"#;
    let bed = Bed::new("managers", spec);
    let mut body = deployment("d", Some(2));
    let second = json!({"name": "second", "image": "second:1"});
    let containers = body["spec"]["template"]["spec"]["containers"].as_array_mut().unwrap();
    containers.push(second);
    bed.commit(&[("d", body)]);
    bed.synced();
    let path = bed.deployment_path("d");
    for (manager, replicas, expected) in [("operator", 5, 2), ("scaler", 5, 5), ("scaler", 1, 2)] {
        bed.edit(&path, manager, &json!({"spec": {"replicas": replicas}}));
        bed.synced();
        assert_eq!(bed.live(&path)["spec"]["replicas"], expected, "{manager} {replicas}");
    }
    let images = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "other:9"}, {"name": "second", "image": "second:9"}]}}}});
    bed.edit(&path, "updater", &images);
    bed.synced();
    let images = bed.live(&path)["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(
        (&images[0]["image"], &images[1]["image"]),
        (&json!("nginx:1"), &json!("second:9"))
    );
    assert_eq!((bed.diff().0, bed.synced().counts("app")), (Some(0), [0, 0, 1, 0, 0]));
}

#[test]
fn a_rule_that_is_taken_away_leaves_nothing_to_others() {
    let bed = Bed::new(
        "unruled",
        "  ignore:\n  - {kind: Deployment, fields: [/spec/replicas]}\n",
    );
    bed.commit(&[("d", deployment("d", Some(1)))]);
    bed.synced();
    let path = bed.deployment_path("d");
    bed.edit(&path, "operator", &json!({"spec": {"replicas": 2}}));
    bed.synced();
    assert_eq!(bed.live(&path)["spec"]["replicas"], 2);
    bed.configure(bed.server.kubeconfig(), "");
    bed.synced();
    assert_eq!(bed.live(&path)["spec"]["replicas"], 1);
}

#[test]
fn replicas_are_handed_over_to_an_autoscaler() {
    let bed = Bed::new("scaler", "");
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "d"},
        "spec": {"maxReplicas": 9, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
            "metrics": [
                {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 50}}},
                {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}},
            ]},
    });
    bed.commit(&[("d", deployment("d", Some(2))), ("h", scaler)]);
    bed.applied();
    let path = bed.deployment_path("d");
    assert_eq!(bed.live(&path)["spec"]["replicas"], 2);
    bed.person()
        .merge(&format!("{path}/scale"), &json!({"spec": {"replicas": 4}}))
        .unwrap();
    let first = bed.applied();
    assert!(!notes(first.report("app")).contains("takeFrom"), "{first:?}");
    assert_eq!(bed.live(&path)["spec"]["replicas"], 4);
    bed.person()
        .merge(&format!("{path}/scale"), &json!({"spec": {"replicas": 5}}))
        .unwrap();
    assert_eq!(bed.diff().0, Some(0));
    assert_eq!(bed.applied().counts("app"), [0, 0, 2, 0, 0]);
}

#[test]
fn strict_names_and_removes_what_others_add() {
    let bed = Bed::new("strict", "  drift: {scope: Strict}\n");
    bed.commit(&[("d", deployment("d", Some(1)))]);
    bed.synced();
    let path = bed.deployment_path("d");
    soon("controllers have written", || {
        Ok(bed.live(&path)["status"]["observedGeneration"] == 1)
    });
    assert_eq!(
        bed.synced().counts("app"),
        [0, 0, 1, 0, 0],
        "a controller's fields are nobody's drift"
    );
    let sidecar = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [{"name": "E", "value": "1"}], "image": "nginx:1"}, {"name": "sidecar", "image": "x"}]}}}});
    let content = windlass_tests::cluster::Content {
        kind: "application/strategic-merge-patch+json",
        value: &sidecar,
    };
    let answer = bed
        .person()
        .send("PATCH", &format!("{path}?fieldManager=injector"), Some(content))
        .unwrap();
    assert_eq!(answer.status, 200);
    let (code, app) = bed.diff();
    let shown = app["objects"][0]["diff"].as_str().unwrap_or_default();
    assert!(code == Some(3) && shown.contains("-        name: sidecar"), "{app}");
    let repaired = bed.synced();
    let containers = bed.live(&path)["spec"]["template"]["spec"]["containers"].clone();
    assert_eq!(containers.as_array().unwrap().len(), 1, "{containers}");
    assert_eq!(containers[0].get("env"), None, "{containers}");
    assert!(notes(repaired.report("app")).contains("sidecar") && notes(repaired.report("app")).contains("injector"));
    let drifted = repaired.report("app")["drifted"].to_string();
    assert!(drifted.contains("injector") && drifted.contains("sidecar"), "{drifted}");
    assert_eq!((bed.synced().counts("app"), bed.diff().0), ([0, 0, 1, 0, 0], Some(0)));
    let running = bed.run();
    running.healthy();
    bed.edit(
        &path,
        "injector",
        &json!({"spec": {"template": {"spec": {"dnsPolicy": "Default", "priority": 1, "schedulerName": "other"}}}}),
    );
    soon("it is removed", || {
        Ok(bed.live(&path)["spec"]["template"]["spec"]["schedulerName"] == "default-scheduler")
    });
}

#[test]
fn what_others_add_is_left_where_only_gits_fields_count() {
    let bed = Bed::new("owned", "");
    bed.commit(&[("m", map("m", "1"))]);
    bed.synced();
    bed.edit(&bed.map_path("m"), "operator", &json!({"data": {"theirs": "x"}}));
    assert_eq!((bed.diff().0, bed.synced().counts("app")), (Some(0), [0, 0, 1, 0, 0]));
    assert_eq!(bed.live(&bed.map_path("m"))["data"]["theirs"], "x");
}

#[test]
fn an_immutable_field_makes_an_object_anew_unless_something_is_lost_by_it() {
    let bed = Bed::new("anew", "");
    let job = |image: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": image}]}}}})
    };
    let claim = |size: &str, mode: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"},
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": size}}}})
    };
    bed.commit(&[("j", job("busybox:1")), ("c", claim("1Gi", "ReadWriteOnce"))]);
    bed.synced();
    let jobs = format!("/apis/batch/v1/namespaces/{}/jobs/j", bed.namespace);
    let claims = format!("/api/v1/namespaces/{}/persistentvolumeclaims/c", bed.namespace);
    let uid = |path: &str| bed.live(path)["metadata"]["uid"].clone();
    let (job_before, claim_before) = (uid(&jobs), uid(&claims));

    bed.commit(&[("j", job("busybox:2"))]);
    let (code, app) = bed.diff();
    assert!(code == Some(3) && notes(&app).contains("made anew"), "{app}");
    let synced = bed.synced();
    assert!(notes(synced.report("app")).contains("made anew"), "{synced:?}");
    assert_ne!(uid(&jobs), job_before);
    assert_eq!(
        bed.live(&jobs)["spec"]["template"]["spec"]["containers"][0]["image"],
        "busybox:2"
    );
    assert_eq!(bed.synced().counts("app"), [0, 0, 2, 0, 0]);

    bed.commit(&[("c", claim("1Gi", "ReadWriteMany"))]);
    assert_eq!(bed.diff().0, Some(1));
    let refused = bed.sync(&[]);
    assert_eq!(
        (refused.code, refused.health("app")),
        (Some(1), "failed"),
        "{refused:?}"
    );
    let message = refused.report("app")["diagnostics"][0]["message"].as_str().unwrap();
    assert!(message.contains("--allow-deletes"), "{message}");
    assert_eq!(uid(&claims), claim_before);
    // A finalizer keeps it for a while, here until somebody takes it away.
    let consented = bed.sync(&["--allow-deletes", "app", "--no-wait"]);
    assert_eq!(
        (consented.code, consented.health("app")),
        (Some(4), "progressing"),
        "{consented:?}"
    );
    assert!(
        consented.report("app")["waiting"].to_string().contains("anew"),
        "{consented:?}"
    );
    bed.edit(&claims, "controller", &json!({"metadata": {"finalizers": null}}));
    bed.synced();
    assert_ne!(uid(&claims), claim_before);
    assert_eq!(bed.live(&claims)["spec"]["accessModes"], json!(["ReadWriteMany"]));
}

#[test]
fn a_mistake_in_a_field_deletes_nothing() {
    let bed = Bed::new("mistake", "");
    bed.commit(&[("d", deployment("d", Some(1)))]);
    bed.synced();
    let uid = bed.live(&bed.deployment_path("d"))["metadata"]["uid"].clone();
    let mut bad = deployment("d", Some(1));
    bad["spec"]["selector"]["matchLabels"]["app"] = "other".into();
    bad["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 70000}]);
    bed.commit(&[("d", bad)]);
    assert_eq!(bed.sync(&[]).health("app"), "failed");
    assert_eq!(bed.live(&bed.deployment_path("d"))["metadata"]["uid"], uid);
}

#[test]
fn annotations_say_how_an_object_is_written() {
    let bed = Bed::new("write", "");
    let with = |name: &str, how: &str, value: &str| {
        let mut body = map(name, value);
        body["metadata"]["annotations"] = json!({"windlass.dev/apply": how});
        body
    };
    bed.commit(&[
        ("once", with("once", "create-only", "1")),
        ("whole", with("whole", "replace", "1")),
    ]);
    bed.synced();
    for name in ["once", "whole"] {
        bed.edit(
            &bed.map_path(name),
            "operator",
            &json!({"data": {"a": "edited", "theirs": "x"}}),
        );
    }
    let (code, app) = bed.diff();
    assert_eq!((code, app["objects"].as_array().unwrap().len()), (Some(3), 1), "{app}");
    bed.synced();
    assert_eq!(
        bed.live(&bed.map_path("once"))["data"],
        json!({"a": "edited", "theirs": "x"})
    );
    assert_eq!(bed.live(&bed.map_path("whole"))["data"], json!({"a": "1"}));
    let idle = bed.synced();
    assert_eq!(
        (idle.counts("app"), bed.diff().0),
        ([0, 0, 2, 0, 0], Some(0)),
        "{idle:?}"
    );
    bed.commit(&[
        ("whole", with("whole", "replace", "2")),
        ("once", with("once", "create-only", "2")),
    ]);
    bed.synced();
    assert_eq!(bed.live(&bed.map_path("whole"))["data"], json!({"a": "2"}));
    assert_eq!(bed.live(&bed.map_path("once"))["data"]["a"], "edited");
    assert_eq!(bed.synced().counts("app"), [0, 0, 2, 0, 0]);
}

#[test]
fn report_mode_tells_and_leaves() {
    let bed = Bed::new("report", "  drift: {mode: Report}\n");
    bed.commit(&[("m", map("m", "1"))]);
    bed.synced();
    bed.edit(&bed.map_path("m"), "operator", &json!({"data": {"a": "2"}}));
    let (code, app) = bed.diff();
    assert_eq!(
        (code, &app["objects"][0]["reason"]),
        (Some(3), &json!("drift-reported")),
        "{app}"
    );
    assert!(
        app["objects"][0]["diff"]
            .as_str()
            .unwrap()
            .contains("-  a: \"2\"\n+  a: \"1\"\n"),
        "{app}"
    );
    let drifted = |field: &str, manager: &str| {
        let object = json!({"group": "", "kind": "ConfigMap", "namespace": bed.namespace, "name": "m"});
        json!([{"object": object, "field": field, "manager": manager, "repaired": false}])
    };
    for _ in 0..2 {
        let told = bed.sync(&[]);
        assert_eq!((told.code, told.health("app")), (Some(1), "pending"), "{told:?}");
        assert_eq!(
            told.report("app")["drifted"],
            drifted(".data.a", "operator"),
            "{told:?}"
        );
        assert_eq!(bed.live(&bed.map_path("m"))["data"]["a"], "2");
    }
    // What is set back by hand is no drift, and the next edit is one again.
    bed.edit(&bed.map_path("m"), "operator", &json!({"data": {"a": "1"}}));
    assert_eq!(bed.diff().0, Some(0));
    bed.synced();
    assert_eq!(bed.synced().counts("app"), [0, 0, 1, 0, 0]);
    bed.edit(&bed.map_path("m"), "kubectl-edit", &json!({"data": {"a": "9"}}));
    assert_eq!(
        bed.sync(&[]).report("app")["drifted"],
        drifted(".data.a", "kubectl-edit")
    );
    // What is taken away is nobody's doing.
    bed.edit(&bed.map_path("m"), "kubectl-edit", &json!({"data": null}));
    let drifted = bed.sync(&[]).report("app")["drifted"].clone();
    assert_eq!(
        (&drifted[0]["field"], &drifted[0]["object"]["name"]),
        (&Value::Null, &json!("m")),
        "{drifted}"
    );
    // What git changes is applied all the same.
    bed.commit(&[("m", map("m", "3"))]);
    bed.synced();
    assert_eq!(bed.live(&bed.map_path("m"))["data"]["a"], "3");
}

#[test]
fn a_loop_asks_once_whose_doing_a_drift_is() {
    let bed = Bed::new("told", "  drift: {mode: Report, scope: Strict}\n");
    bed.commit(&[("m", map("m", "1"))]);
    let running = bed.run();
    running.healthy();
    let mut audit = bed.server.audit().unwrap();
    bed.edit(&bed.map_path("m"), "operator", &json!({"data": {"b": "2"}}));
    let is_told = |report: &Value| {
        let drifted = report["drifted"].to_string();
        drifted.contains(".data.b") && drifted.contains("operator") && report["health"] == "pending"
    };
    running.report("what somebody added", is_told);
    // At every poll, from what is known.
    running.report("what somebody added", is_told);
    running.report("what somebody added", is_told);
    let requests = audit.requests().unwrap();
    let ours = requests.iter().filter(|request| {
        request.agent.starts_with("windlass/") && request.namespace == bed.namespace && request.name == "m"
    });
    assert!(ours.count() <= 2, "one read and one dry run");
    assert_eq!(bed.live(&bed.map_path("m"))["data"]["b"], "2");
}

#[test]
fn a_sync_waits_for_what_it_can() {
    let bed = Bed::new("waits", "");
    let wave = |mut body: Value, wave: &str| {
        body["metadata"]["annotations"] = json!({"windlass.dev/wave": wave});
        body
    };
    bed.commit(&[
        ("d", wave(deployment("d", Some(1)), "0")),
        ("m", wave(map("m", "1"), "1")),
    ]);
    let synced = bed.synced();
    assert_eq!(
        synced.counts("app"),
        [2, 0, 0, 0, 0],
        "what was done in all looks together: {synced:?}"
    );
    assert!(bed.is_there(&bed.map_path("m")));

    let mut stuck = deployment("d", Some(1));
    stuck["spec"]["template"]["spec"]["containers"][0]["image"] = "missing.invalid/x".into();
    bed.commit(&[("d", wave(stuck, "0")), ("m", wave(map("m", "2"), "1"))]);
    for more in [&["--no-wait"][..], &["--timeout", "3s"]] {
        let waiting = bed.sync(more);
        assert_eq!(
            (waiting.code, waiting.health("app")),
            (Some(4), "progressing"),
            "{waiting:?}"
        );
        let what = waiting.report("app")["waiting"].to_string();
        assert!(what.contains("ConfigMap") && what.contains("Deployment"), "{waiting:?}");
    }
    assert_eq!(bed.live(&bed.map_path("m"))["data"]["a"], "1");
}
