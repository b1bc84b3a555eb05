//! Restarts for what isn't the App's, on a real API server: Secrets and ConfigMaps that somebody else writes.

use std::{cell::RefCell, collections::BTreeSet, fs, thread, time::Duration};

use serde_json::{Value, json};
use windlass_tests::cluster::{Audit, Request};

use super::bed::{Bed, deployment, map, soon};
use crate::sandbox::Synced;

const ON: &str = "  restart: {mode: OnChange}\n";
const WATCH: &str = "  restart: {mode: OnChange, foreign: Watch}\n";

/// Uses key `pw` of Secret `db` and all of ConfigMap `env`; neither is the App's.
fn web() -> Value {
    let mut web = deployment("web", Some(1));
    let container = &mut web["spec"]["template"]["spec"]["containers"][0];
    container["env"] = json!([{"name": "PW", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pw"}}}]);
    container["envFrom"] = json!([{"configMapRef": {"name": "env", "optional": true}}]);
    web
}

/// What is there beside the App.
struct Others<'b> {
    bed: &'b Bed,
}

impl Others<'_> {
    fn secret_path(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/secrets/{name}", self.bed.namespace)
    }

    fn make(&self, name: &str, password: &str) {
        let secret = json!({"metadata": {"name": name}, "stringData": {"pw": password}});
        let secrets = format!("/api/v1/namespaces/{}/secrets", self.bed.namespace);
        self.bed.person().create(&secrets, &secret).unwrap();
    }

    fn make_env(&self) {
        let maps = format!("/api/v1/namespaces/{}/configmaps", self.bed.namespace);
        self.bed.person().create(&maps, &map("env", "1")).unwrap();
    }

    fn write(&self, name: &str, key: &str, value: &str) {
        let patch = json!({"stringData": {key: value}});
        self.bed.edit(&self.secret_path(name), "external-secrets", &patch);
    }

    fn delete(&self, name: &str) {
        self.bed.person().delete(&self.secret_path(name)).unwrap();
    }
}

/// Generation of a Deployment, and the stamp in its template.
fn template(bed: &Bed, name: &str) -> (u64, Option<String>) {
    let live = bed.live(&bed.deployment_path(name));
    let stamp = &live["spec"]["template"]["metadata"]["annotations"]["windlass.dev/config-hash"];
    (
        live["metadata"]["generation"].as_u64().unwrap(),
        stamp.as_str().map(str::to_owned),
    )
}

/// The configuration with the account in whose name the App acts.
fn as_account(bed: &Bed) {
    let config = bed.sandbox.path().join("windlass.yaml");
    let named = |name: &str| format!("metadata: {{name: {name}, namespace: {}}}", bed.namespace);
    let text = fs::read_to_string(&config).unwrap();
    let text = text
        .replace("metadata: {name: app}", &named("app"))
        .replace("metadata: {name: shop}", &named("shop"))
        .replace("{cluster: test,", "{cluster: test, serviceAccountName: deployer,");
    fs::write(&config, text).unwrap();
}

fn sync_at(bed: &Bed, clock: &str) -> Synced {
    let mut command = bed
        .sandbox
        .command(&["sync", "windlass.yaml", "-o", "json", "--no-wait"]);
    let synced = Synced::of(&command.env("WINDLASS_CLOCK", clock).output().unwrap());
    assert_eq!(synced.code, Some(0), "{synced:?}");
    synced
}

fn notes(report: &Value) -> String {
    report["notes"].to_string()
}

/// Requests of the engine about a kind of object in the namespace.
fn asked(bed: &Bed, audit: &mut Audit, resource: &str) -> Vec<Request> {
    let mut requests = audit.requests().unwrap();
    requests.retain(|request| {
        request.namespace == bed.namespace && request.resource == resource && request.agent.starts_with("windlass/")
    });
    requests
}

fn history(bed: &Bed) -> usize {
    let output = bed.sandbox.windlass(&["history", "app", "-o", "json"]);
    String::from_utf8_lossy(&output.stdout).lines().count()
}

#[test]
fn a_secret_that_somebody_else_changes_restarts_what_uses_it_and_is_read_as_the_tenant() {
    let bed = Bed::new("foreign", ON);
    bed.server.service_account(&bed.namespace, "deployer").unwrap();
    as_account(&bed);
    let others = Others { bed: &bed };
    others.make("db", "1");
    others.make_env();
    bed.commit(&[("web", web()), ("m", map("m", "1"))]);
    bed.synced();
    let begun = template(&bed, "web");
    assert_eq!(begun.1, None);
    others.write("db", "pw", "2");

    // Switched on: only from then on is anything known.
    bed.configure(bed.server.kubeconfig(), WATCH);
    as_account(&bed);
    let mut audit = bed.server.audit().unwrap();
    let running = bed.run();
    running.healthy();
    assert_eq!(template(&bed, "web"), begun);
    let entries = history(&bed);

    // An App at rest asks for nothing.
    thread::sleep(Duration::from_secs(3));
    let mut quiet = bed.server.audit().unwrap();
    thread::sleep(Duration::from_secs(3));
    running.reports();
    let mut requests = quiet.requests().unwrap();
    requests.retain(|request| request.namespace == bed.namespace && request.agent.starts_with("windlass/"));
    assert!(requests.is_empty(), "{requests:?}");

    others.write("db", "other", "x");
    let report = running.report("it was looked at", |_| true);
    assert_eq!(report["changes"]["unchanged"], 2);
    assert!(report["notes"].is_null(), "{report}");
    assert_eq!(template(&bed, "web"), begun, "a key that nobody uses");

    others.write("db", "pw", "3");
    let report = running.report("it restarts", |report| notes(report).contains("restarts"));
    let note = format!(
        "Deployment.apps {0}/web restarts: Secret {0}/db: pw changed (not of this App)",
        bed.namespace
    );
    assert!(notes(&report).contains(&note), "{report}");
    assert_eq!(report["changes"]["configured"], 1);
    let (generation, stamp) = template(&bed, "web");
    assert_eq!(generation, begun.0 + 1);
    assert!(stamp.is_some());
    running.healthy();
    assert_eq!(template(&bed, "web"), (generation, stamp), "once");
    assert_eq!(history(&bed), entries, "it is no change of git");

    let asked = asked(&bed, &mut audit, "secrets");
    let (watches, reads): (Vec<&Request>, Vec<&Request>) = asked.iter().partition(|request| request.verb == "watch");
    assert_eq!(watches.len(), 1, "{watches:?}");
    assert!(watches[0].impersonated.is_none() && watches[0].target.contains("metadata.name"));
    let account = format!("system:serviceaccount:{}:deployer", bed.namespace);
    assert_eq!(reads.len(), 3, "once, and after each change: {reads:?}");
    for read in reads {
        assert_eq!(
            (read.verb.as_str(), read.name.as_str(), read.impersonated.as_deref()),
            ("get", "db", Some(account.as_str()))
        );
    }
}

#[test]
fn what_cannot_be_seen_restarts_nothing_and_is_found_when_it_can() {
    let bed = Bed::new("foreign-unseen", WATCH);
    bed.server.service_account(&bed.namespace, "deployer").unwrap();
    as_account(&bed);
    let others = Others { bed: &bed };
    others.make("db", "1");
    bed.commit(&[("web", web())]);
    sync_at(&bed, "2026-01-05T10:00:00Z");
    let begun = template(&bed, "web");

    // Gone and back, with the same content; the engine was not there.
    others.delete("db");
    let gone = sync_at(&bed, "2026-01-05T10:01:00Z");
    let told = format!("Secret {}/db (not of this App) isn't there", bed.namespace);
    assert!(notes(gone.report("app")).contains(&told), "{gone:?}");
    others.make("db", "1");
    sync_at(&bed, "2026-01-05T10:02:00Z");
    assert_eq!(template(&bed, "web"), begun);
    // And with another one.
    others.delete("db");
    sync_at(&bed, "2026-01-05T10:03:00Z");
    others.make("db", "2");
    let (code, foreseen) = bed.diff();
    assert_eq!(code, Some(3));
    assert!(notes(&foreseen).contains("changed (not of this App)"), "{foreseen}");
    assert_eq!(template(&bed, "web"), begun);
    sync_at(&bed, "2026-01-05T10:04:00Z");
    let second = template(&bed, "web");
    assert_eq!(second.0, begun.0 + 1);

    // It may not be read any more.
    let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{}", bed.namespace);
    let rules = json!([{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]);
    let role = json!({"metadata": {"name": "some"}, "rules": rules});
    bed.person().create(&format!("{rbac}/roles"), &role).unwrap();
    bed.person()
        .delete(&format!("{rbac}/rolebindings/deployer-admin"))
        .unwrap();
    let binding = json!({"metadata": {"name": "deployer-some"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "some"},
        "subjects": [{"kind": "ServiceAccount", "name": "deployer", "namespace": bed.namespace}]});
    bed.person().create(&format!("{rbac}/rolebindings"), &binding).unwrap();
    others.write("db", "pw", "hunter2");
    let blind = sync_at(&bed, "2026-01-05T10:06:00Z");
    assert_eq!(blind.code_of("app"), "foreign-unreadable");
    let finding = &blind.report("app")["diagnostics"][0];
    assert_eq!(finding["severity"], "warning");
    let help = finding["help"].as_str().unwrap();
    assert!(help.contains("`get` secrets `db` in namespace"), "{help}");
    assert!(!finding.to_string().contains("hunter2"));
    assert_eq!(template(&bed, "web"), second);
    // What changed meanwhile is found.
    let rules = json!([{"op": "add", "path": "/rules/-", "value": {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}}]);
    let role = format!("{rbac}/roles/some");
    let all = {
        let mut all = bed.live(&role)["rules"].clone();
        all.as_array_mut().unwrap().push(rules[0]["value"].clone());
        all
    };
    bed.person().merge(&role, &json!({"rules": all})).unwrap();
    let mut seconds = 0;
    soon("the account may read it", || {
        seconds += 1;
        sync_at(&bed, &format!("2026-01-05T11:{:02}:00Z", seconds % 60));
        Ok(template(&bed, "web").0 == second.0 + 1)
    });
}

#[test]
fn an_engine_that_may_not_watch_says_so_and_finds_out_when_it_may() {
    let bed = Bed::new("foreign-unwatched", WATCH);
    bed.server.service_account(&bed.namespace, "deployer").unwrap();
    let engine = bed.server.service_account(&bed.namespace, "engine").unwrap();
    let client = bed.person();
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let grant = |what: &str, rules: Value| {
        let name = format!("{}-{what}", bed.namespace);
        let subject = json!({"kind": "ServiceAccount", "namespace": bed.namespace, "name": "engine"});
        let role = json!({"metadata": {"name": name}, "rules": rules});
        client.create(&format!("{rbac}/clusterroles"), &role).unwrap();
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
        let binding = json!({"metadata": {"name": name}, "roleRef": role, "subjects": [subject]});
        client.create(&format!("{rbac}/clusterrolebindings"), &binding).unwrap();
    };
    // It is the admin of its namespace otherwise, and would see the Secrets.
    let binding = format!("{rbac}/namespaces/{}/rolebindings/engine-admin", bed.namespace);
    client.delete(&binding).unwrap();
    grant(
        "observes",
        json!([
            {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["serviceaccounts", "groups"], "verbs": ["impersonate"]},
        ]),
    );
    let kubeconfig = bed.sandbox.path().join("engine.kubeconfig");
    fs::write(&kubeconfig, bed.server.kubeconfig_with(bed.server.server(), &engine)).unwrap();
    bed.configure(&kubeconfig, WATCH);
    as_account(&bed);
    let others = Others { bed: &bed };
    others.make("db", "1");
    others.make_env();
    bed.commit(&[("web", web())]);
    soon("its rights are known", || {
        Ok(sync_at_any(&bed, "2026-01-05T10:00:00Z").code == Some(0))
    });

    let running = bed.run();
    let report = running.report("it may not watch", |report| {
        report["diagnostics"][0]["code"] == "foreign-unwatched" && report["health"] == "healthy"
    });
    assert_eq!(report["diagnostics"].as_array().unwrap().len(), 1, "{report}");
    assert_eq!(report["diagnostics"][0]["severity"], "warning");
    let before = template(&bed, "web").0;
    others.write("db", "pw", "2");
    grant(
        "sees",
        json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list", "watch"]}]),
    );
    running.report("what changed before is found", |report| {
        notes(report).contains("restarts: Secret")
    });
    assert_eq!(template(&bed, "web").0, before + 1);
}

#[test]
fn a_secret_that_is_rewritten_all_the_time_restarts_once_a_minute_and_the_last_content_counts() {
    let bed = Bed::new("foreign-rate", WATCH);
    let others = Others { bed: &bed };
    others.make("db", "0");
    bed.commit(&[("web", web()), ("m", map("m", "1"))]);
    sync_at(&bed, "2026-01-05T10:00:00Z");
    let begun = template(&bed, "web").0;
    let restarts = || template(&bed, "web").0 - begun;
    // Each look is another process: the time is kept in the inventory.
    for second in 0..20 {
        others.write("db", "pw", &format!("a{second}"));
        let synced = sync_at(&bed, &format!("2026-01-05T10:01:{:02}Z", second * 2));
        assert_eq!(restarts(), 1, "at {second}: {synced:?}");
        let waits = notes(synced.report("app")).contains("it waits until 2026-01-05T10:02:0");
        assert_eq!(waits, second > 0, "{synced:?}");
    }
    // What git changes is not held up by it, nor takes it along when no pod is made anew for it.
    bed.commit(&[("m", map("m", "2"))]);
    assert_eq!(sync_at(&bed, "2026-01-05T10:01:45Z").counts("app"), [0, 1, 1, 0, 0]);
    assert_eq!(restarts(), 1);
    sync_at(&bed, "2026-01-05T10:02:30Z");
    assert_eq!(restarts(), 2);
    sync_at(&bed, "2026-01-05T10:04:00Z");
    assert_eq!(restarts(), 2, "all of it at once");

    // Nobody but an alarm wakes the App when it is time.
    others.write("db", "pw", "b");
    sync_at(&bed, "2026-01-05T11:00:00Z");
    assert_eq!(restarts(), 3);
    others.write("db", "pw", "c");
    let mut command = bed.sandbox.command(&["run", "windlass.yaml", "-o", "json"]);
    command.env("WINDLASS_CLOCK", "2026-01-05T11:00:50Z");
    let running = super::bed::Running::start(command);
    running.report("it waits", |report| {
        notes(report).contains("it waits until 2026-01-05T11:01:0")
    });
    assert_eq!(restarts(), 3);
    running.report("it restarts", |report| notes(report).contains("restarts: Secret"));
    assert_eq!(restarts(), 4);
}

#[test]
fn it_is_no_change_that_waits_for_a_person_and_stops_where_repairs_stop() {
    let bed = Bed::new("foreign-holds", WATCH);
    let others = Others { bed: &bed };
    others.make("db", "0");
    let mut hook = map("hook", "1");
    hook["metadata"]["annotations"] = json!({"helm.sh/hook": "pre-install,pre-upgrade"});
    bed.commit(&[("web", web()), ("m", map("m", "1")), ("hook", hook)]);
    sync_at(&bed, "2026-01-05T10:00:00Z");
    let begun = template(&bed, "web").0;
    let restarts = || template(&bed, "web").0 - begun;
    let entries = history(&bed);
    // Another one whenever the hook runs.
    let ran = || bed.live(&bed.map_path("hook"))["metadata"]["uid"].clone();
    let installed = ran();

    let with = |more: &str| bed.configure(bed.server.kubeconfig(), &format!("{WATCH}{more}"));
    with("  sync: {mode: Approve}\n");
    // A change of the very workload waits: its plan has one name, whatever is restarted meanwhile.
    let mut other = web();
    other["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["x"]);
    bed.commit(&[("web", other)]);
    let plan = |clock: &str| sync_at_any(&bed, clock).report("app")["held"]["plan"].clone();
    let first = plan("2026-01-05T10:01:00Z");
    assert!(first.is_string());
    others.write("db", "pw", "1");
    assert_eq!(plan("2026-01-05T10:02:00Z"), first);
    assert_eq!(restarts(), 1, "what was approved before, with another password");
    assert_eq!(plan("2026-01-05T10:04:00Z"), first);
    assert_eq!(restarts(), 1);
    assert_eq!((history(&bed), ran()), (entries, installed.clone()));
    let approved = bed
        .sandbox
        .windlass(&["approve", "app", &first.as_str().unwrap()[7..19]]);
    assert!(approved.status.success(), "{approved:?}");
    assert_eq!(sync_at(&bed, "2026-01-05T10:05:00Z").counts("app"), [0, 1, 1, 0, 0]);
    assert_eq!((restarts(), history(&bed)), (2, entries + 1));
    let upgraded = ran();
    assert_ne!(upgraded, installed);

    // A window that stops repairs stops it; any other does not.
    let window = |heal: bool| {
        format!("  sync: {{windows: [{{kind: Allow, schedule: '0 12 * * *', duration: 1h, selfHeal: {heal}}}]}}\n")
    };
    with(&window(true));
    others.write("db", "pw", "2");
    sync_at(&bed, "2026-01-05T10:10:00Z");
    assert_eq!(restarts(), 3);
    with(&window(false));
    others.write("db", "pw", "3");
    let held = sync_at(&bed, "2026-01-05T10:20:00Z");
    assert!(
        notes(held.report("app")).contains("it waits until 2026-01-05T12:00:00Z"),
        "{held:?}"
    );
    assert_eq!(restarts(), 3);
    sync_at(&bed, "2026-01-05T12:00:30Z");
    assert_eq!(restarts(), 4);

    with("  suspend: {reason: incident}\n");
    others.write("db", "pw", "4");
    let rests = sync_at_any(&bed, "2026-01-05T13:00:00Z");
    assert_eq!(rests.health("app"), "suspended");
    assert_eq!(restarts(), 4);
    with("");
    sync_at(&bed, "2026-01-05T13:10:00Z");
    assert_eq!(restarts(), 5);

    with("  dependsOn: [{object: {kind: ConfigMap, name: nowhere}}]\n");
    others.write("db", "pw", "5");
    sync_at(&bed, "2026-01-05T14:00:00Z");
    assert_eq!(restarts(), 6);
    assert_eq!((history(&bed), ran()), (entries + 1, upgraded));
}

/// As [`sync_at`], however it ends.
fn sync_at_any(bed: &Bed, clock: &str) -> Synced {
    let mut command = bed
        .sandbox
        .command(&["sync", "windlass.yaml", "-o", "json", "--no-wait"]);
    Synced::of(&command.env("WINDLASS_CLOCK", clock).output().unwrap())
}

#[test]
fn twenty_apps_that_share_a_secret_take_one_watch_and_are_all_restarted() {
    let bed = Bed::new("foreign-fleet", "");
    let others = Others { bed: &bed };
    others.make("db", "1");
    let names: Vec<String> = (0..20).map(|number| format!("app-{number}")).collect();
    let files: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let mut web = web();
            web["metadata"]["name"] = name.as_str().into();
            web["spec"]["replicas"] = 0.into();
            (format!("{name}/web.yaml"), web.to_string())
        })
        .collect();
    let files: Vec<(&str, Option<&str>)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), Some(text.as_str())))
        .collect();
    bed.sandbox.commit(&files);
    let specs: Vec<(String, String)> = names
        .iter()
        .map(|name| {
            let target = format!("{{cluster: test, namespace: {}}}", bed.namespace);
            (name.clone(), format!("  path: {name}\n  target: {target}\n{WATCH}"))
        })
        .collect();
    let config = bed.sandbox.path().join("windlass.yaml");
    let text = fs::read_to_string(&config).unwrap();
    let cluster = text.rsplit_once("---\n").unwrap().1.to_owned();
    let specs: Vec<(&str, &str)> = specs
        .iter()
        .map(|(name, spec)| (name.as_str(), spec.as_str()))
        .collect();
    bed.sandbox.config(&specs);
    let text = fs::read_to_string(&config).unwrap() + "---\n" + &cluster;
    fs::write(&config, text).unwrap();

    let mut audit = bed.server.audit().unwrap();
    let running = bed.run();
    let healthy = RefCell::new(BTreeSet::new());
    running.report("all are in sync", |report| {
        let mut healthy = healthy.borrow_mut();
        if report["health"] == "healthy" {
            healthy.insert(report["app"].as_str().unwrap().to_owned());
        }
        healthy.len() == names.len()
    });
    let before: Vec<u64> = names.iter().map(|name| template(&bed, name).0).collect();
    others.write("db", "pw", "2");
    soon("all are restarted", || {
        Ok(names.iter().all(|name| template(&bed, name).1.is_some()))
    });
    thread::sleep(Duration::from_secs(2));
    for (name, before) in names.iter().zip(before) {
        assert_eq!(template(&bed, name).0, before + 1, "{name}, once");
    }
    let asked = asked(&bed, &mut audit, "secrets");
    let watches = asked.iter().filter(|request| request.verb == "watch").count();
    assert_eq!(watches, 1);
    assert_eq!(asked.len() - watches, 40, "each App reads it twice");
}
