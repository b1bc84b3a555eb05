//! `windlass install` and `windlass uninstall` on real API servers: each test has one of its own, for the kinds are the whole cluster's.

use std::{fmt::Write as _, process::Output, sync::LazyLock};

use serde_json::{Value, json};
use windlass_tests::cluster::{Client, Cluster, Content};

use super::bed::{Bed, soon};
use crate::sandbox::Sandbox;

const IMAGE: &str = "registry.example.org/windlass@sha256:00";
const NEWER: &str = "registry.example.org/windlass@sha256:11";
const APPS: &str = "/apis/windlass.dev/v1alpha1/namespaces/default/apps";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/windlass-system/deployments/windlass";
const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/windlass-system/networkpolicies";
const CLAIM: &str = "/api/v1/namespaces/windlass-system/persistentvolumeclaims/windlass-state";

/// What a verb said: its exit code, a line an object, and the rest.
struct Said {
    code: Option<i32>,
    lines: Vec<(String, String)>,
    stderr: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout);
        let line = |line: &str| -> (String, String) {
            let line: Value = serde_json::from_str(line).unwrap();
            let object = &line["object"];
            let name = format!(
                "{} {}",
                object["kind"].as_str().unwrap(),
                object["name"].as_str().unwrap()
            );
            (line["done"].as_str().unwrap().to_owned(), name)
        };
        Self {
            code: output.status.code(),
            lines: text.lines().map(line).collect(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn all(&self, done: &str) -> Vec<&str> {
        let found = self.lines.iter().filter(|(word, _)| word == done);
        found.map(|(_, name)| name.as_str()).collect()
    }
}

fn windlass(server: &Cluster, args: &[&str]) -> Said {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command(args);
    command
        .arg("--kubeconfig")
        .arg(server.kubeconfig())
        .args(["-o", "json"]);
    Said::of(&command.output().unwrap())
}

fn install(server: &Cluster, more: &[&str]) -> Said {
    install_image(server, IMAGE, more)
}

fn install_image(server: &Cluster, image: &str, more: &[&str]) -> Said {
    let mut args = vec!["install", "--image", image];
    args.extend(more);
    let said = windlass(server, &args);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said
}

fn status(client: &Client, path: &str) -> u16 {
    client.send("GET", path, None).unwrap().status
}

#[test]
fn installed_again_nothing_is_another_and_a_newer_one_takes_away_what_it_has_no_more() {
    let server = Cluster::start().unwrap();
    let person = server.client();
    let tried = install(&server, &["--dry-run"]);
    assert_eq!(status(&person, "/api/v1/namespaces/windlass-system"), 404);
    assert_eq!(status(&person, "/apis/windlass.dev/v1alpha1"), 404);
    let made = install(&server, &[]);
    assert_eq!(made.all("created").len(), made.lines.len(), "{:?}", made.lines);
    assert_eq!(made.lines, tried.lines);
    // Established is said a moment before a kind is served.
    soon("the kinds are served", || Ok(status(&person, APPS) == 200));
    soon("the controller's pod was admitted and runs", || {
        Ok(person.get(DEPLOYMENT)?["status"]["availableReplicas"] == 1)
    });

    let uid = |path: &str| person.get(path).unwrap()["metadata"]["uid"].clone();
    let before = (uid(DEPLOYMENT), uid(CLAIM));
    for more in [&["--dry-run"][..], &[]] {
        let again = install(&server, more);
        assert_eq!(again.all("kept"), ["PersistentVolumeClaim windlass-state"]);
        assert_eq!(again.all("unchanged").len(), again.lines.len() - 1, "{:?}", again.lines);
    }

    // What an older version had.
    let labels = json!({"windlass.dev/install": "windlass-system"});
    let old = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "old", "labels": labels},
        "spec": {"podSelector": {}}});
    person
        .apply(&format!("{POLICIES}/old"), "windlass-install", &old)
        .unwrap();
    let mut others = old.clone();
    others["metadata"] = json!({"name": "others"});
    person
        .apply(&format!("{POLICIES}/others"), "somebody", &others)
        .unwrap();
    let newer = install_image(&server, NEWER, &[]);
    assert_eq!(newer.all("deleted"), ["NetworkPolicy old"]);
    assert_eq!(newer.all("configured"), ["Deployment windlass"]);
    assert_eq!(status(&person, &format!("{POLICIES}/others")), 200);
    assert_eq!((uid(DEPLOYMENT), uid(CLAIM)), before);

    let second = windlass(&server, &["install", "--image", IMAGE, "--namespace", "elsewhere"]);
    assert_eq!(second.code, Some(1));
    assert!(
        second.stderr.contains("installed in namespace `windlass-system`"),
        "{}",
        second.stderr
    );
    assert_eq!(status(&person, "/api/v1/namespaces/elsewhere"), 404);
}

/// Whether somebody may do something: `VERB GROUP/RESOURCE[/SUBRESOURCE] [NAMESPACE]`.
fn may(client: &Client, what: &str) -> bool {
    let mut words = what.split(' ');
    let (verb, path) = (words.next().unwrap(), words.next().unwrap());
    let (group, resource) = path.split_once('/').unwrap();
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let asked = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {
        "verb": verb, "group": group, "resource": resource, "subresource": subresource, "namespace": words.next().unwrap_or_default()}}});
    let answer = client.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &asked);
    answer.unwrap()["status"]["allowed"] == true
}

#[test]
fn the_controller_may_what_it_needs_and_no_more() {
    let server = Cluster::start().unwrap();
    install(&server, &[]);
    let person = server.client();
    let token = "/api/v1/namespaces/windlass-system/serviceaccounts/windlass/token";
    let token = person.create(token, &json!({"spec": {}})).unwrap();
    let controller = server.client_with(token["status"]["token"].as_str());
    soon("its rights are granted", || {
        Ok(may(&controller, "list apps/deployments"))
    });
    let mut wrong = String::new();
    for (expected, what) in [
        (true, "watch windlass.dev/apps"),
        (true, "get windlass.dev/tenants"),
        (true, "patch windlass.dev/apps"),
        (true, "patch windlass.dev/apps/status"),
        (true, "patch windlass.dev/repositories/status"),
        (false, "patch windlass.dev/repositories"),
        (false, "delete windlass.dev/apps"),
        (false, "create windlass.dev/plugins"),
        (true, "watch /namespaces"),
        (true, "get /secrets shop"),
        (false, "create /secrets shop"),
        (true, "create /events shop"),
        (true, "list apps/deployments shop"),
        (true, "watch example.org/anything shop"),
        (false, "get apps/deployments shop"),
        (false, "patch apps/deployments shop"),
        (false, "create /pods shop"),
        (false, "get /pods/exec shop"),
        (false, "create /pods/exec shop"),
        (false, "get /nodes/proxy"),
        (false, "create /serviceaccounts/token shop"),
        (true, "impersonate /serviceaccounts shop"),
        (
            true,
            "impersonate authentication.k8s.io/userextras/windlass.dev/installation",
        ),
        (false, "impersonate authentication.k8s.io/userextras/scopes"),
        (false, "impersonate /groups"),
        (false, "impersonate /users"),
        (true, "update coordination.k8s.io/leases windlass-system"),
        (false, "update coordination.k8s.io/leases kube-system"),
        (false, "create rbac.authorization.k8s.io/clusterroles"),
        (false, "escalate rbac.authorization.k8s.io/clusterroles"),
        (false, "bind rbac.authorization.k8s.io/clusterroles"),
        (false, "create admissionregistration.k8s.io/validatingadmissionpolicies"),
        (false, "patch apiextensions.k8s.io/customresourcedefinitions"),
    ] {
        if may(&controller, what) != expected {
            let _ = writeln!(wrong, "{what}: {}", !expected);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");

    // Who is impersonated has the groups of a service account without their being named.
    let review = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let empty = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let acting = controller.acting_as("system:serviceaccount:shop:deployer", &[]);
    let who = acting.create(review, &empty).unwrap();
    assert_eq!(
        who["status"]["userInfo"]["groups"],
        json!([
            "system:serviceaccounts",
            "system:serviceaccounts:shop",
            "system:authenticated"
        ])
    );
    let kind = "application/json";
    let masters = controller.acting_as("system:serviceaccount:shop:deployer", &["system:masters"]);
    let refused = masters
        .send("POST", review, Some(Content { kind, value: &empty }))
        .unwrap();
    assert_eq!(refused.status, 403);
    people(&server);
}

/// Kubernetes' own roles have what is theirs of the kinds.
fn people(server: &Cluster) {
    let person = server.client();
    let namespace = server.namespace("team").unwrap();
    let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings");
    for role in ["view", "edit"] {
        let binding = json!({"metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": role}]});
        person.create(&bindings, &binding).unwrap();
    }
    let (viewer, editor) = (
        person.acting_as("view", &["system:authenticated"]),
        person.acting_as("edit", &["system:authenticated"]),
    );
    let of = |what: &str| format!("{what} {namespace}");
    soon("the roles are put together", || {
        Ok(may(&editor, &of("create windlass.dev/apps")))
    });
    assert!(may(&viewer, &of("get windlass.dev/apps")) && may(&editor, &of("watch windlass.dev/repositories")));
    assert!(!may(&viewer, &of("create windlass.dev/apps")));
    for kind in ["plugins", "tenants", "clusters", "inventories", "apps/status"] {
        assert!(!may(&editor, &of(&format!("patch windlass.dev/{kind}"))), "{kind}");
    }
    assert!(may(&viewer, &of("get windlass.dev/inventories")));
    for kind in ["plugins", "tenants", "clusters"] {
        assert!(!may(&viewer, &of(&format!("get windlass.dev/{kind}"))), "{kind}");
    }
}

#[test]
fn its_namespace_takes_its_pods_and_no_privileged_ones() {
    let server = Cluster::start().unwrap();
    install(&server, &[]);
    let person = server.client();
    let template = person.get(DEPLOYMENT).unwrap()["spec"]["template"].clone();
    let pods = "/api/v1/namespaces/windlass-system/pods?dryRun=All";
    let mut pod = json!({"metadata": {"name": "like-it"}, "spec": template["spec"]});
    let try_out = |pod: &Value| {
        let content = Content {
            kind: "application/json",
            value: pod,
        };
        person.send("POST", pods, Some(content)).unwrap()
    };
    let taken = try_out(&pod);
    assert_eq!(
        (taken.status, &taken.warning),
        (201, &None),
        "{}",
        String::from_utf8_lossy(&taken.body)
    );
    pod["spec"]["containers"][0]["securityContext"]["privileged"] = json!(true);
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
    let refused = try_out(&pod);
    assert_eq!(refused.status, 403);
    assert!(String::from_utf8_lossy(&refused.body).contains("restricted"));
}

fn app(name: &str) -> Value {
    json!({"apiVersion": "windlass.dev/v1alpha1", "kind": "App", "metadata": {"name": name, "finalizers": ["windlass.dev/app"]},
        "spec": {"repository": "shop"}})
}

fn map_of_an_app(person: &Client) {
    let map = json!({"metadata": {"name": "owned"}, "data": {"a": "b"}});
    person.create("/api/v1/namespaces/default/configmaps", &map).unwrap();
}

#[test]
fn uninstalled_with_keep_all_that_apps_own_stays() {
    let server = Cluster::start().unwrap();
    let person = server.client();
    install(&server, &[]);
    person.create(APPS, &app("api")).unwrap();
    map_of_an_app(&person);
    let keep = ["uninstall", "--apps", "keep"];
    let tried = windlass(&server, &[&keep[..], &["--dry-run"]].concat());
    assert_eq!(
        (tried.code, status(&person, DEPLOYMENT)),
        (Some(0), 200),
        "{}",
        tried.stderr
    );
    assert_eq!(tried.all("released"), ["App api"]);
    let said = windlass(&server, &keep);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(said.lines, tried.lines);
    assert_eq!(
        said.all("kept"),
        ["PersistentVolumeClaim windlass-state", "Namespace windlass-system"]
    );
    assert_eq!(status(&person, "/apis/windlass.dev/v1alpha1"), 404);
    assert_eq!(status(&person, "/api/v1/namespaces/default/configmaps/owned"), 200);
    assert_eq!((status(&person, CLAIM), status(&person, DEPLOYMENT)), (200, 404));
    let left = |kind: &str| {
        let list = person.get(&format!(
            "/apis/rbac.authorization.k8s.io/v1/{kind}?labelSelector=windlass.dev/install"
        ));
        list.unwrap()["items"].as_array().unwrap().len()
    };
    assert_eq!((left("clusterroles"), left("clusterrolebindings")), (0, 0));
    // Begun again, there is nothing to do; installed again, the volume is the one from before.
    let again = windlass(&server, &keep);
    assert_eq!(
        (again.code, again.all("deleted").len()),
        (Some(0), 0),
        "{}",
        again.stderr
    );
    let anew = install(&server, &[]);
    assert!(anew.all("kept").contains(&"PersistentVolumeClaim windlass-state"));
}

#[test]
fn uninstalled_with_prune_apps_go_first_or_nothing_does() {
    let server = Cluster::start().unwrap();
    let person = server.client();
    install(&server, &[]);
    person.create(APPS, &app("api")).unwrap();
    let prune = ["uninstall", "--apps", "prune", "--delete-state"];
    // Nobody serves it: the pod is played.
    let late = windlass(&server, &[&prune[..], &["--timeout", "1s"]].concat());
    assert_eq!(
        (late.code, status(&person, DEPLOYMENT)),
        (Some(4), 200),
        "{}",
        late.stderr
    );
    assert!(
        late.stderr.contains("windlass.dev/app") && late.stderr.contains("default/api"),
        "{}",
        late.stderr
    );
    assert_eq!(late.all("deleted"), ["App api"]);
    // Nobody here runs the controller that lets go of volumes.
    person.merge(CLAIM, &json!({"metadata": {"finalizers": null}})).unwrap();
    // As the controller does when it is through.
    person
        .merge(&format!("{APPS}/api"), &json!({"metadata": {"finalizers": null}}))
        .unwrap();
    let said = windlass(&server, &prune);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(status(&person, "/apis/windlass.dev/v1alpha1"), 404);
    soon("the namespace is gone", || {
        Ok(status(&person, "/api/v1/namespaces/windlass-system") == 404)
    });
    // A namespace that somebody else made is left to them.
    person
        .create("/api/v1/namespaces", &json!({"metadata": {"name": "windlass-system"}}))
        .unwrap();
    let again = windlass(&server, &prune);
    assert_eq!(
        (again.code, again.all("deleted").len()),
        (Some(0), 0),
        "{}",
        again.stderr
    );
}

#[test]
fn git_takes_over_what_was_installed_and_nobody_fights() {
    static SERVER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start().unwrap());
    let server = &*SERVER;
    install(server, &[]);
    let bed = Bed::over(server, "self", "");
    let export = |image: &str| {
        let printed = bed.sandbox.windlass(&["install", "--export", "--image", image]);
        assert!(printed.status.success(), "{printed:?}");
        String::from_utf8(printed.stdout).unwrap()
    };
    bed.sandbox.commit(&[("app/install.yaml", Some(&export(IMAGE)))]);
    // The volume is bound by nobody here, so what was applied counts.
    let first = bed.applied();
    let [created, _, _, deleted, skipped] = first.counts("app");
    // The volume is made once, and left.
    assert_eq!((created, deleted, skipped), (0, 0, 1), "{first:?}");
    let managers = |path: &str| -> Vec<String> {
        let live = bed.live(path);
        let entries = live["metadata"]["managedFields"].as_array().unwrap().iter();
        let applied = entries.filter(|entry| entry["operation"] == "Apply");
        applied
            .map(|entry| entry["manager"].as_str().unwrap().to_owned())
            .collect()
    };
    let owners = managers(DEPLOYMENT);
    assert!(owners.len() == 1 && owners[0].starts_with("windlass/"), "{owners:?}");
    let again = bed.applied();
    assert_eq!(again.counts("app")[..2], [0, 0], "{again:?}");

    let image = || bed.live(DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    bed.sandbox.commit(&[("app/install.yaml", Some(&export(NEWER)))]);
    let changed = bed.applied();
    assert_eq!(
        (&changed.counts("app")[..2], image()),
        (&[0, 1][..], json!(NEWER)),
        "{changed:?}"
    );
    // From the command line all of it is left to git.
    let said = install(server, &[]);
    assert_eq!(said.all("kept").len(), said.lines.len(), "{:?}", said.lines);
    assert_eq!(image(), NEWER);
    assert_eq!(bed.applied().counts("app")[..2], [0, 0]);
    // And who would have the controller delete itself first is told.
    let branch = windlass(server, &["uninstall", "--apps", "prune"]);
    assert_eq!((branch.code, bed.is_there(DEPLOYMENT)), (Some(1), true));
    assert!(
        branch.stderr.contains("delete itself") && branch.stderr.contains("/app"),
        "{}",
        branch.stderr
    );
}
