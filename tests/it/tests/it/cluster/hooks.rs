//! Hooks of Helm and Argo CD on a real API server: in order, once for an output, and never for anything but a change in git.

mod killed;

use serde_json::{Value, json};
use windlass_tests::cluster::Audit;

use super::bed::{Bed, deployment, map, soon};

/// A Job that the played node ends well at once; with an image of `fail.invalid/` it fails.
pub(super) fn job(name: &str, annotations: Value) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "annotations": annotations},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "app:1"}]}}}})
}

/// Its pod waits until [`release`].
fn gated(name: &str, annotations: Value) -> Value {
    let mut job = job(name, annotations);
    job["spec"]["template"]["spec"]["schedulingGates"] = json!([{"name": "example.com/wait"}]);
    job
}

fn failing(name: &str, annotations: Value, log: &str) -> Value {
    let mut job = job(name, annotations);
    let template = &mut job["spec"]["template"];
    template["metadata"] = json!({"annotations": {"windlass.test/log": log}});
    template["spec"]["containers"][0]["image"] = "fail.invalid/app:1".into();
    job
}

impl Bed {
    fn job_path(&self, name: &str) -> String {
        format!("/apis/batch/v1/namespaces/{}/jobs/{name}", self.namespace)
    }

    fn uid(&self, name: &str) -> String {
        self.live(&self.job_path(name))["metadata"]["uid"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn jobs(&self) -> Vec<String> {
        let list = self.live(&format!("/apis/batch/v1/namespaces/{}/jobs", self.namespace));
        let items = list["items"].as_array().cloned().unwrap_or_default();
        let name = |job: Value| job["metadata"]["name"].as_str().unwrap().to_owned();
        items.into_iter().map(name).collect()
    }

    /// Lets the pods of a Job go on.
    fn release(&self, name: &str) {
        let pods = format!(
            "/api/v1/namespaces/{}/pods?labelSelector=batch.kubernetes.io/job-name%3D{name}",
            self.namespace
        );
        soon("its pod is there", || {
            Ok(!self.live(&pods)["items"].as_array().unwrap().is_empty())
        });
        for pod in self.live(&pods)["items"].as_array().unwrap() {
            let path = format!(
                "/api/v1/namespaces/{}/pods/{}",
                self.namespace,
                pod["metadata"]["name"].as_str().unwrap()
            );
            self.edit(&path, "person", &json!({"spec": {"schedulingGates": null}}));
        }
    }

    fn delete(&self, path: &str) {
        let answer = self
            .person()
            .send("DELETE", &format!("{path}?propagationPolicy=Background"), None)
            .unwrap();
        assert_eq!(answer.status, 200, "{path}");
        soon("it is gone", || Ok(!self.is_there(path)));
    }

    /// What the engine wrote into the namespace, in that order: `patch migrate`.
    fn writes(&self, log: &mut Audit) -> Vec<String> {
        let all = log.requests().unwrap();
        let ours = all.into_iter().filter(|request| {
            let is_write = matches!(request.verb.as_str(), "patch" | "delete" | "create" | "update");
            is_write && request.agent.starts_with("windlass/") && request.namespace == self.namespace
        });
        ours.map(|request| format!("{} {}", request.verb, request.name))
            .collect()
    }
}

fn waiting(report: &Value) -> String {
    report["waiting"].to_string()
}

#[test]
fn hooks_run_in_order_once_for_an_output_and_never_on_repair() {
    let bed = Bed::new("hooks", "");
    bed.commit(&[
        (
            "late",
            job(
                "late",
                json!({"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": "5"}),
            ),
        ),
        (
            "early",
            job(
                "early",
                json!({"argocd.argoproj.io/hook": "PreSync", "argocd.argoproj.io/sync-wave": "-5"}),
            ),
        ),
        ("first", job("first", json!({"helm.sh/hook": "post-install"}))),
        ("again", job("again", json!({"helm.sh/hook": "post-upgrade"}))),
        ("with", job("with", json!({"argocd.argoproj.io/hook": "Sync"}))),
        ("test", job("test", json!({"helm.sh/hook": "test"}))),
        ("skip", job("skip", json!({"argocd.argoproj.io/hook": "Skip"}))),
        ("map", map("map", "1")),
    ]);
    let (_, diff) = bed.diff();
    let notes = diff["notes"].to_string();
    for expected in [
        "pre-install hook Job.batch",
        "/early would be run",
        "post-install hook",
        "/first would be run",
    ] {
        assert!(notes.contains(expected), "{notes}");
    }
    let mut log = bed.server.audit().unwrap();
    let synced = bed.synced();
    assert_eq!(
        bed.writes(&mut log),
        ["patch early", "patch late", "patch map", "patch with", "patch first"],
        "{synced:?}"
    );
    assert_eq!(synced.counts("app"), [1, 0, 0, 0, 0], "hooks are no part of the state");
    let uid = bed.uid("early");

    bed.synced();
    assert_eq!(bed.writes(&mut log), Vec::<String>::new());
    bed.edit(&bed.map_path("map"), "person", &json!({"data": {"a": "edited"}}));
    bed.synced();
    let writes = bed.writes(&mut log);
    assert!(
        !writes.is_empty() && writes.iter().all(|write| write == "patch map"),
        "a repair runs nothing: {writes:?}"
    );
    bed.sandbox.commit(&[("other/file", Some("x"))]);
    bed.synced();
    assert_eq!(
        bed.writes(&mut log),
        Vec::<String>::new(),
        "nor does a commit that changes nothing here"
    );

    bed.commit(&[("map", map("map", "2"))]);
    bed.synced();
    let writes = bed.writes(&mut log);
    assert_eq!(
        writes,
        [
            "delete early",
            "patch early",
            "delete late",
            "patch late",
            "patch map",
            "delete with",
            "patch with",
            "patch again"
        ]
    );
    assert_ne!(bed.uid("early"), uid, "made anew");
    // What left git is not pruned: it was never applied as an object.
    bed.commit(&[("early", Value::Null), ("test", Value::Null)]);
    bed.synced();
    assert!(bed.is_there(&bed.job_path("early")));
    // A hook that changes is a change.
    let mut changed = job(
        "late",
        json!({"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-weight": "5"}),
    );
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = "app:2".into();
    bed.writes(&mut log);
    bed.commit(&[("late", changed)]);
    bed.synced();
    assert_eq!(bed.writes(&mut log)[..2], ["delete late", "patch late"]);
}

#[test]
fn nothing_is_changed_while_a_hook_runs_and_its_watch_wakes_the_app() {
    let bed = Bed::new("hook-waits", "");
    bed.commit(&[
        (
            "migrate",
            gated("migrate", json!({"argocd.argoproj.io/hook": "PreSync"})),
        ),
        ("done", gated("done", json!({"argocd.argoproj.io/hook": "PostSync"}))),
        ("map", map("map", "1")),
    ]);
    let late = bed.sync(&["--timeout", "1s"]);
    let report = late.report("app");
    assert_eq!((late.code, late.health("app")), (Some(4), "progressing"), "{late:?}");
    assert!(waiting(report).contains("pre-install hook Job.batch"), "{report}");
    assert!(!bed.is_there(&bed.map_path("map")), "nothing was changed");
    let uid = bed.uid("migrate");

    let running = bed.run();
    running.report("it waits", |report| waiting(report).contains("migrate"));
    bed.release("migrate");
    running.report("it waits for the next", |report| waiting(report).contains("/done"));
    assert!(bed.is_there(&bed.map_path("map")));
    bed.release("done");
    running.healthy();
    assert_eq!(bed.uid("migrate"), uid);
}

#[test]
fn a_failed_hook_stops_the_sync_and_shows_what_it_wrote() {
    let bed = Bed::new("hook-fails", "");
    let lines: Vec<String> = (1..=30).map(|number| format!("line {number}\n")).collect();
    let pre = json!({"helm.sh/hook": "pre-install,pre-upgrade"});
    bed.commit(&[
        ("migrate", failing("migrate", pre.clone(), &lines.concat())),
        (
            "fallback",
            job("fallback", json!({"argocd.argoproj.io/hook": "SyncFail"})),
        ),
        ("map", map("map", "1")),
    ]);
    let failed = bed.sync(&[]);
    assert_eq!(
        (failed.code, failed.code_of("app")),
        (Some(1), "hook-failed"),
        "{failed:?}"
    );
    let message = failed.report("app")["diagnostics"][0]["message"].as_str().unwrap();
    let namespace = &bed.namespace;
    let start = format!("pre-install hook Job.batch {namespace}/migrate failed: the job failed: BackoffLimitExceeded");
    assert!(message.starts_with(&start), "{message}");
    assert!(message.ends_with("line 29\nline 30"), "{message}");
    assert!(!message.contains("line 10\n"), "{message}");
    assert_eq!(message.lines().count(), 21, "{message}");
    assert_eq!(
        failed.report("app")["diagnostics"][0]["at"]["file"]["path"],
        "app/migrate.yaml",
        "{failed:?}"
    );
    assert!(!bed.is_there(&bed.map_path("map")));
    assert!(bed.is_there(&bed.job_path("fallback")), "what runs when a sync fails");
    let (uid, fallback) = (bed.uid("migrate"), bed.uid("fallback"));

    // It is not tried again by itself, and still told.
    let again = bed.sync(&[]);
    assert_eq!(again.report("app")["diagnostics"][0]["message"].as_str(), Some(message));
    assert_eq!((bed.uid("migrate"), bed.uid("fallback")), (uid.clone(), fallback));
    let retried = bed.sync(&["--retry-hooks", "app"]);
    assert_eq!(retried.code_of("app"), "hook-failed", "{retried:?}");
    assert_ne!(bed.uid("migrate"), uid);

    bed.commit(&[("migrate", job("migrate", pre))]);
    bed.synced();
    let refused = bed.sync(&["--retry-hooks", "app"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("no hook of App `app` failed"), "{refused:?}");
}

#[test]
fn what_is_gone_is_done_unless_it_was_seen_to_fail() {
    let bed = Bed::new("hook-gone", "");
    bed.commit(&[
        (
            "migrate",
            gated("migrate", json!({"argocd.argoproj.io/hook": "PreSync"})),
        ),
        ("map", map("map", "1")),
    ]);
    bed.sync(&["--timeout", "1s"]);
    // As the TTL controller does, while nobody looks.
    bed.delete(&bed.job_path("migrate"));
    let mut log = bed.server.audit().unwrap();
    bed.synced();
    assert_eq!(bed.writes(&mut log), ["patch map"]);
    bed.synced();
    assert_eq!(bed.jobs(), Vec::<String>::new());

    let mut brief = failing("brief", json!({"argocd.argoproj.io/hook": "PreSync"}), "");
    brief["spec"]["ttlSecondsAfterFinished"] = 0.into();
    bed.commit(&[("migrate", Value::Null), ("brief", brief)]);
    let failed = bed.sync(&[]);
    assert_eq!(failed.code_of("app"), "hook-failed", "{failed:?}");
    soon("it is cleaned up", || Ok(bed.jobs().is_empty()));
    let failed = bed.sync(&[]);
    assert_eq!(failed.code_of("app"), "hook-failed", "{failed:?}");
}

#[test]
fn objects_of_hooks_are_deleted_as_they_say() {
    let bed = Bed::new("hook-policies", "");
    let hook = |policy: &str| json!({"helm.sh/hook": "pre-install,pre-upgrade", "helm.sh/hook-delete-policy": policy});
    bed.commit(&[
        ("clean", job("clean", hook("hook-succeeded"))),
        ("kept", job("kept", hook("hook-failed"))),
        ("fresh", job("fresh", hook("before-hook-creation"))),
        ("map", map("map", "1")),
    ]);
    bed.synced();
    soon("what succeeded is gone", || Ok(bed.jobs() == ["fresh", "kept"]));
    bed.commit(&[("map", map("map", "2"))]);
    let refused = bed.sync(&[]);
    assert_eq!(refused.code_of("app"), "hook-in-the-way", "{refused:?}");
    bed.commit(&[("kept", failing("kept", hook("hook-failed,before-hook-creation"), ""))]);
    let failed = bed.sync(&[]);
    assert_eq!(failed.code_of("app"), "hook-failed", "{failed:?}");
    soon("what failed is gone", || Ok(bed.jobs() == ["fresh"]));
    // Somebody else's is never taken over.
    bed.delete(&bed.job_path("fresh"));
    let path = format!("/apis/batch/v1/namespaces/{}/jobs", bed.namespace);
    let foreign = job("fresh", json!({}));
    bed.person().create(&path, &foreign).unwrap();
    bed.commit(&[("kept", Value::Null), ("map", map("map", "3"))]);
    let refused = bed.sync(&[]);
    assert_eq!(refused.code_of("app"), "foreign-object", "{refused:?}");
}

#[test]
fn a_generated_name_is_the_same_for_the_same_output() {
    let bed = Bed::new("hook-names", "");
    let mut nameless = job("x", json!({"argocd.argoproj.io/hook": "PreSync"}));
    let metadata = nameless["metadata"].as_object_mut().unwrap();
    metadata.remove("name");
    metadata.insert("generateName".into(), "migrate-".into());
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": "scratch", "annotations": {"helm.sh/hook": "pre-install,pre-upgrade"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}});
    bed.commit(&[("migrate", nameless), ("claim", claim), ("map", map("map", "1"))]);
    bed.synced();
    let path = format!("/api/v1/namespaces/{}/persistentvolumeclaims/scratch", bed.namespace);
    let claim = bed.live(&path)["metadata"]["uid"].clone();
    let first = bed.jobs();
    assert!(first.len() == 1 && first[0].starts_with("migrate-"), "{first:?}");
    bed.synced();
    assert_eq!(bed.jobs(), first);
    bed.commit(&[("map", map("map", "2"))]);
    bed.synced();
    soon("one is left", || Ok(bed.jobs().len() == 1));
    assert_ne!(bed.jobs(), first, "another output, another name");
    assert_eq!(
        bed.live(&path)["metadata"]["uid"],
        claim,
        "what can't be made again is not made anew"
    );
}

#[test]
fn hooks_after_an_apply_wait_until_everything_is_healthy() {
    let bed = Bed::new("hook-health", "");
    let mut stuck = deployment("api", Some(1));
    stuck["spec"]["template"]["spec"]["containers"][0]["image"] = "missing.invalid/app:1".into();
    bed.commit(&[
        ("api", stuck),
        (
            "smoke",
            job("smoke", json!({"helm.sh/hook": "post-install,post-upgrade"})),
        ),
    ]);
    let running = bed.run();
    let report = running.report("it waits", |report| {
        report["unhealthy_total"] != 0 && !report["unhealthy"].is_null()
    });
    assert!(waiting(&report).contains("post-install hooks"), "{report}");
    assert_eq!(bed.jobs(), Vec::<String>::new());
    // No commit: its own health is what wakes it.
    let pods = format!("/api/v1/namespaces/{}/pods", bed.namespace);
    // What the node says of it comes first: it would say it again.
    soon("its pod waits for its image", || {
        Ok(!bed.live(&pods)["items"][0]["status"]["containerStatuses"].is_null())
    });
    let name = bed.live(&pods)["items"][0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let ready = json!({"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "app", "image": "x", "imageID": "", "ready": true, "restartCount": 0, "state": {"running": {}}}]}});
    bed.person().merge(&format!("{pods}/{name}/status"), &ready).unwrap();
    running.healthy();
    assert_eq!(bed.jobs(), ["smoke"]);
}

#[test]
fn hooks_of_a_chart_are_helms() {
    let bed = Bed::new("hook-chart", "");
    let template = |name: &str, hook: &str| {
        // JSON is YAML.
        let text = job(name, json!({"helm.sh/hook": hook})).to_string();
        (format!("app/templates/{name}.yaml"), text)
    };
    let files = [
        (
            "app/Chart.yaml".to_owned(),
            "apiVersion: v2\nname: shop\nversion: 1.0.0\n".to_owned(),
        ),
        template("migrate", "pre-install"),
        template("upgrade", "pre-upgrade"),
        template("verify", "test"),
        ("app/templates/map.yaml".to_owned(), map("map", "1").to_string()),
    ];
    let files: Vec<(&str, Option<&str>)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), Some(text.as_str())))
        .collect();
    bed.sandbox.commit(&files);
    bed.synced();
    assert_eq!(bed.jobs(), ["migrate"], "an installation, and no test");
    assert!(bed.is_there(&bed.map_path("map")));
    bed.sandbox
        .commit(&[("app/templates/map.yaml", Some(&map("map", "2").to_string()))]);
    bed.synced();
    assert_eq!(bed.jobs(), ["migrate", "upgrade"], "an upgrade");
}

#[test]
fn an_app_that_is_let_go_runs_what_runs_then() {
    let bed = Bed::new("hook-delete", "");
    bed.commit(&[
        ("farewell", gated("farewell", json!({"helm.sh/hook": "pre-delete"}))),
        (
            "cleanup",
            job("cleanup", json!({"argocd.argoproj.io/hook": "PostDelete"})),
        ),
        ("map", map("map", "1")),
    ]);
    bed.synced();
    assert_eq!(bed.jobs(), Vec::<String>::new());
    let config = bed.sandbox.path().join("windlass.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let without: Vec<&str> = text
        .split("---\n")
        .filter(|document| !document.contains("kind: App\n"))
        .collect();
    std::fs::write(&config, without.join("---\n")).unwrap();
    bed.sync(&[]);
    assert!(bed.is_there(&bed.map_path("map")), "nothing is deleted while it runs");
    bed.release("farewell");
    soon("it has ended", || {
        Ok(bed.live(&bed.job_path("farewell"))["status"]["succeeded"] == 1)
    });
    let mut log = bed.server.audit().unwrap();
    for _ in 0..20 {
        if bed
            .sync(&[])
            .reports
            .get("app")
            .is_none_or(|report| report["health"] == "healthy")
        {
            break;
        }
    }
    assert_eq!(bed.writes(&mut log), ["delete map", "patch cleanup"]);
}

#[test]
fn who_may_not_read_pods_is_told_so() {
    let bed = Bed::new("hook-account", "");
    bed.server.service_account(&bed.namespace, "deployer").unwrap();
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", bed.namespace);
    let role = json!({"metadata": {"name": "jobs"}, "rules": [{"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["*"]}]});
    bed.person().create(&format!("{rbac}/roles"), &role).unwrap();
    bed.delete(&format!("{rbac}/rolebindings/deployer-admin"));
    let binding = json!({"metadata": {"name": "deployer-admin"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "jobs"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": bed.namespace}]});
    bed.person().create(&format!("{rbac}/rolebindings"), &binding).unwrap();
    let config = bed.sandbox.path().join("windlass.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        .replace("name: app}", &format!("name: app, namespace: {}}}", bed.namespace))
        .replace("name: shop}", &format!("name: shop, namespace: {}}}", bed.namespace))
        .replace("{cluster: test,", "{cluster: test, serviceAccountName: deployer,");
    std::fs::write(&config, text).unwrap();
    bed.commit(&[(
        "migrate",
        failing("migrate", json!({"helm.sh/hook": "pre-install"}), "secret"),
    )]);
    let failed = bed.sync(&[]);
    let message = failed.report("app")["diagnostics"][0]["message"].as_str().unwrap();
    assert!(
        message.contains("what its pod wrote can't be read") && message.contains("pods"),
        "{message}"
    );
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn a_folder_runs_no_hooks() {
    let bed = Bed::new("hook-folder", "");
    bed.commit(&[
        ("migrate", job("migrate", json!({"helm.sh/hook": "pre-install"}))),
        ("map", map("map", "1")),
    ]);
    let synced = bed.sandbox.sync(&[]);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    let notes = synced.report("app")["notes"].to_string();
    assert!(notes.contains("1 hook is left out: a folder runs none"), "{notes}");
    assert_eq!(bed.sandbox.files().len(), 1);
}
