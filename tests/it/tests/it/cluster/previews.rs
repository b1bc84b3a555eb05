//! `windlass diff` against a real API server.

use serde_json::{Value, json};
use windlass_tests::cluster::Content;

use super::bed::{Bed, deployment, map};

fn objects(app: &Value) -> Vec<(String, String)> {
    let objects = app["objects"].as_array().unwrap().iter();
    objects
        .map(|object| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&object["object"]["name"]), text(&object["action"]))
        })
        .collect()
}

fn text_of<'a>(app: &'a Value, name: &str) -> &'a str {
    let objects = app["objects"].as_array().unwrap();
    let object = objects.iter().find(|object| object["object"]["name"] == name);
    object.unwrap_or_else(|| panic!("no {name}: {app}"))["diff"]
        .as_str()
        .unwrap()
}

#[test]
fn a_diff_shows_what_git_sets_and_ends_when_it_is_there() {
    let bed = Bed::new("diff", "");
    let secret = |value: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": value, "user": "u"}});
    bed.commit(&[
        ("m", map("m", "1")),
        ("d", deployment("d", Some(1))),
        ("s", secret("hunter2")),
    ]);
    let (code, app) = bed.diff();
    assert_eq!(code, Some(3), "{app}");
    assert_eq!(app["changes"]["created"], 3);
    assert!(!bed.is_there(&bed.map_path("m")), "a diff writes nothing");
    bed.synced();
    let (code, app) = bed.diff();
    assert_eq!((code, objects(&app)), (Some(0), vec![]), "{app}");

    // A commit and two edits: what git says against what lives, and nothing that a server or a controller put there.
    let mut changed = deployment("d", None);
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2".into();
    bed.commit(&[("d", changed), ("s", secret("swordfish"))]);
    bed.edit(
        &bed.map_path("m"),
        "kubectl-edit",
        &json!({"data": {"a": "2", "theirs": "x"}}),
    );
    let (code, app) = bed.diff();
    assert_eq!(code, Some(3), "{app}");
    assert_eq!(
        objects(&app),
        ["m", "s", "d"].map(|name| (name.to_owned(), "configure".to_owned())),
        "{app}"
    );
    let shown = text_of(&app, "d");
    assert!(
        shown.contains("-      - image: nginx:1\n+      - image: nginx:2\n"),
        "{shown}"
    );
    for absent in ["status", "managedFields", "terminationMessagePath", "revision", "uid"] {
        assert!(!shown.contains(absent), "{absent}: {shown}");
    }
    let shown = text_of(&app, "m");
    assert!(
        shown.contains("-  a: \"2\"\n+  a: \"1\"\n") && !shown.contains("theirs"),
        "{shown}"
    );
    let shown = text_of(&app, "s");
    assert!(shown.contains("password") && shown.contains("redacted"), "{shown}");
    let all = app.to_string();
    for secret in ["hunter2", "swordfish", "aHVudGVyMg", "c3dvcmRmaXNo"] {
        assert!(!all.contains(secret), "{secret}");
    }
    bed.synced();
    assert_eq!(bed.diff().0, Some(0));
}

#[test]
fn what_is_written_in_another_way_is_no_change() {
    let bed = Bed::new("same", "");
    let with = |cpu: &str, memory: &str, port: Value| {
        let mut body = deployment("d", Some(0));
        let container = &mut body["spec"]["template"]["spec"]["containers"][0];
        container["resources"] = json!({"requests": {"cpu": cpu, "memory": memory}});
        container["ports"] = json!([port]);
        body
    };
    bed.commit(&[("d", with("100m", "1024Mi", json!({"containerPort": 80})))]);
    bed.synced();
    bed.commit(&[("d", with("0.1", "1Gi", json!({"containerPort": 80, "protocol": "TCP"})))]);
    let (code, app) = bed.diff();
    assert_eq!((code, objects(&app)), (Some(0), vec![]), "{app}");
    bed.commit(&[("d", with("0.2", "1Gi", json!({"containerPort": 80})))]);
    assert_eq!(bed.diff().0, Some(3));
}

#[test]
fn what_one_plan_makes_together_can_be_previewed() {
    let bed = Bed::new("together", "");
    let (ns, group) = (
        format!("{}-new", bed.namespace),
        format!("{}.example.com", bed.namespace),
    );
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}});
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]},
    });
    let mut inside = map("inside", "1");
    inside["metadata"]["namespace"] = ns.as_str().into();
    bed.commit(&[
        ("ns", json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}})),
        ("inside", inside),
        ("definition", definition),
        ("widget", json!({"apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": {"name": "w", "namespace": ns}, "spec": {"a": 1}})),
    ]);
    let (code, app) = bed.diff();
    assert_eq!(
        (code, &app["diagnostics"], &app["changes"]["created"]),
        (Some(3), &json!([]), &json!(4)),
        "{app}"
    );
    bed.synced();
    let (code, app) = bed.diff();
    assert_eq!(code, Some(0), "{app}");
}

#[test]
fn what_would_be_refused_is_told_with_its_field() {
    let bed = Bed::new("refused", "");
    bed.commit(&[("d", deployment("d", Some(1))), ("m", map("m", "1"))]);
    bed.synced();
    let mut bad = deployment("d", Some(1));
    bad["spec"]["template"]["spec"]["containers"][0]["ports"] = json!([{"containerPort": 70000}]);
    bed.commit(&[("d", bad), ("m", map("m", "2"))]);
    let (code, app) = bed.diff();
    assert_eq!(
        (code, &app["diagnostics"][0]["code"]),
        (Some(1), &json!("would-be-refused")),
        "{app}"
    );
    assert!(
        app["diagnostics"][0]["message"]
            .as_str()
            .unwrap()
            .contains("containerPort"),
        "{app}"
    );
    assert_eq!(app["diagnostics"][0]["at"]["file"]["path"], "app/d.yaml");
    assert!(text_of(&app, "m").contains("+  a: \"2\""));
}

#[test]
fn what_would_be_taken_over_is_shown_as_it_would_be() {
    let bed = Bed::new("taken", "");
    let with = |data: &[(&str, &str)]| {
        let mut body = map("m", "1");
        data.iter()
            .for_each(|(key, value)| body["data"][*key] = (*value).into());
        body
    };
    let maps = format!(
        "/api/v1/namespaces/{}/configmaps?fieldManager=kubectl-client-side-apply",
        bed.namespace
    );
    let content = Content {
        kind: "application/json",
        value: &with(&[("gone", "x"), ("b", "theirs"), ("c", "theirs")]),
    };
    assert_eq!(bed.person().send("POST", &maps, Some(content)).unwrap().status, 201);
    bed.edit(&bed.map_path("m"), "operator", &json!({"data": {"b": "edited"}}));
    let tool = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"c": "applied"}});
    let applied = Content {
        kind: "application/apply-patch+yaml",
        value: &tool,
    };
    let path = format!("{}?fieldManager=tool&force=true", bed.map_path("m"));
    assert_eq!(bed.person().send("PATCH", &path, Some(applied)).unwrap().status, 200);
    bed.commit(&[("m", with(&[("a", "2"), ("b", "git"), ("c", "git")]))]);

    let (code, app) = bed.diff();
    assert_eq!(code, Some(3), "{app}");
    let shown = text_of(&app, "m");
    for line in ["-  a: \"1\"\n", "+  a: \"2\"\n", "-  gone: x\n"] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(
        !shown.contains("+  b: git") && !shown.contains("+  c: git"),
        "what others keep is left to them: {shown}"
    );
    let notes = app["notes"].to_string();
    for note in [
        ".data.b is left to its owner `operator`",
        ".data.c is left to its owner `tool`",
        "would be taken over from kubectl-client-side-apply",
    ] {
        assert!(notes.contains(note), "{note}: {notes}");
    }
    let synced = bed.synced();
    let notes = synced.report("app")["notes"].to_string();
    assert!(
        notes.contains(".data.b is left") && notes.contains(".data.c is left"),
        "{notes}"
    );
    assert_eq!(
        bed.live(&bed.map_path("m"))["data"],
        json!({"a": "2", "b": "edited", "c": "applied"})
    );
    assert_eq!(bed.diff().0, Some(0), "{}", bed.diff().1);
}

#[test]
fn a_folder_is_compared_with_a_cluster() {
    let bed = Bed::new("folder", "");
    let placed = |value: &str| {
        let mut body = map("m", value);
        body["metadata"]["namespace"] = bed.namespace.as_str().into();
        body
    };
    bed.commit(&[("m", placed("1"))]);
    let args = ["repo/app", "--target", "cluster"];
    let (code, app) = bed.diff_of(&args);
    assert_eq!((code, &app["changes"]["created"]), (Some(3), &json!(1)), "{app}");
    bed.synced();
    let (code, app) = bed.diff_of(&args);
    assert_eq!((code, objects(&app)), (Some(0), vec![]), "{app}");
    // Not committed.
    let mut body = placed("2");
    body["data"] = json!({"b": "2"});
    std::fs::write(bed.sandbox.repo().join("app/m.yaml"), body.to_string()).unwrap();
    let (code, app) = bed.diff_of(&args);
    assert_eq!(code, Some(3), "{app}");
    let shown = text_of(&app, "m");
    assert!(shown.contains("-  a: \"1\"\n+  b: \"2\"\n"), "{shown}");
    assert_eq!(bed.live(&bed.map_path("m"))["data"], json!({"a": "1"}));
}

#[test]
fn in_sync_costs_no_more_than_looking() {
    let bed = Bed::new("cheap", "");
    bed.commit(&[("m", map("m", "1")), ("d", deployment("d", Some(0)))]);
    bed.synced();
    let mut audit = bed.server.audit().unwrap();
    assert_eq!(bed.diff().0, Some(0));
    let asked = audit.requests().unwrap();
    // Other tests share the server: what names this namespace is ours, and a watch of a kind names none.
    let asked: Vec<_> = asked
        .iter()
        .filter(|request| request.agent.starts_with("windlass/") && request.namespace == bed.namespace)
        .collect();
    assert!(asked.is_empty(), "{asked:?}");
    bed.commit(&[("m", map("m", "2"))]);
    assert_eq!(bed.diff().0, Some(3));
    let asked = audit.requests().unwrap();
    let asked = asked
        .iter()
        .filter(|request| request.agent.starts_with("windlass/") && request.namespace == bed.namespace);
    let verbs: Vec<_> = asked
        .map(|request| (request.verb.as_str(), request.target.contains("dryRun=All")))
        .collect();
    assert_eq!(verbs, [("get", false), ("patch", true)]);
}
