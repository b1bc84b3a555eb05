//! What the API server's own log says of a run with several tenants: in whose name each request was made.
//!
//! The controller runs with the rights that `windlass install` gives it, and with no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::json;
use windlass_tests::cluster::Request;

use super::{
    Site,
    site::{condition, find},
};
use crate::{
    cluster::bed::{Running, soon},
    git_server::{Authority, Options},
    sandbox::config_map,
};

const SYSTEM: &str = "windlass-system";
const ENGINE: &str = "system:serviceaccount:windlass-system:windlass";

/// Kubernetes' verbs that change nothing.
const READS: [&str; 3] = ["get", "list", "watch"];

/// What the log must have and must not have.
struct Law {
    /// Service accounts that Apps name, by user, with the namespaces that they have rights in.
    accounts: BTreeMap<String, BTreeSet<String>>,
    /// Secrets that documents name: namespace and name.
    secrets: BTreeSet<(String, String)>,
}

/// What matters of a request: verb and resource, namespace and name, in whose name, and the answer's status.
struct Asked<'r> {
    what: [&'r str; 2],
    of: [&'r str; 2],
    impersonated: Option<&'r str>,
    status: u16,
}

impl<'r> From<&'r Request> for Asked<'r> {
    fn from(request: &'r Request) -> Self {
        Self {
            what: [&request.verb, &request.resource],
            of: [&request.namespace, &request.name],
            impersonated: request.impersonated.as_deref(),
            status: request.status,
        }
    }
}

impl Law {
    /// Why a request of the controller must not have been made.
    fn breach(&self, asked: &Asked<'_>) -> Option<&'static str> {
        match asked.impersonated {
            Some(account) => self.breach_of_tenant(account, asked),
            None => self.breach_of_engine(asked),
        }
    }

    fn breach_of_tenant(&self, account: &str, asked: &Asked<'_>) -> Option<&'static str> {
        let Some(namespaces) = self.accounts.get(account) else {
            return Some("in the name of an account that no App of its namespace names");
        };
        let is_within = namespaces.contains(asked.of[0]);
        (!is_within && asked.status < 400).then_some("beyond the account's namespace, and not refused")
    }

    fn breach_of_engine(&self, asked: &Asked<'_>) -> Option<&'static str> {
        let [namespace, name] = asked.of;
        let is_at_home = namespace == SYSTEM;
        let is_named = || self.secrets.contains(&(namespace.to_owned(), name.to_owned()));
        let may = match asked.what {
            // Discovery, the version, and what watches begin with.
            ["get", ""] | ["list" | "watch", _] => true,
            // Its own one keeps what the installation is known by.
            ["get" | "create", "secrets"] => is_at_home || asked.what[0] == "get" && is_named(),
            [
                "get" | "create" | "update" | "patch" | "delete",
                "coordination.k8s.io/leases",
            ] => is_at_home,
            ["create" | "patch", "events" | "events.k8s.io/events"] | [_, "windlass.dev/inventories"] => true,
            // The finalizer of Apps, and statuses.
            ["patch", "windlass.dev/apps"] => true,
            ["patch", resource] => resource.starts_with("windlass.dev/") && resource.ends_with("/status"),
            ["get", resource] => resource.starts_with("windlass.dev/"),
            _ => false,
        };
        (!may).then_some("in the engine's own name")
    }
}

/// `blue app`: an App of that namespace, of the folder `app`, onto another namespace.
fn elsewhere(site: &Site, namespace: &str, name: &str, into: &str) {
    site.app(
        namespace,
        name,
        &json!({"target": {"namespace": into, "serviceAccountName": "deployer"}}),
    );
}

fn refused(site: &Site, namespace: &str, name: &str, words: &str) {
    soon(&format!("{namespace}/{name} is refused"), || {
        let app = site.object("apps", namespace, name).unwrap();
        let ready = find(&app, "Ready");
        Ok(ready["status"] == "False" && ready["message"].as_str().unwrap().contains(words))
    });
}

/// A kubeconfig of the installed controller.
fn installed(site: &Site) -> std::path::PathBuf {
    let kubeconfig = site.server.kubeconfig().display().to_string();
    let args = [
        "install",
        "--image",
        "registry.example.org/windlass@sha256:00",
        "--kubeconfig",
        &kubeconfig,
    ];
    let output = site.sandbox.windlass(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = format!("/api/v1/namespaces/{SYSTEM}/serviceaccounts/windlass/token");
    let token = site.person().create(&path, &json!({"spec": {}})).unwrap();
    let text = site.kubeconfig(token["status"]["token"].as_str().unwrap());
    let file = site.sandbox.path().join("controller.kubeconfig");
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn everything_that_is_done_to_objects_of_apps_is_done_as_their_accounts() {
    let site = Site::serving(Options {
        authority: Some(Authority::new()),
        // `git:right`
        authorization: Some("Basic Z2l0OnJpZ2h0"),
        ..Options::default()
    });
    let kubeconfig = installed(&site);
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: password\nstringData: {value: s3cret}\n";
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: mine\n\
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n\
                subjects: [{kind: ServiceAccount, namespace: blue, name: deployer}]\n";
    let theirs = config_map("planted", "1").replace("  name: planted", "  name: planted\n  namespace: red");
    site.commit(&[
        ("plain/a.yaml", Some(&config_map("a", "1"))),
        ("plain/s.yaml", Some(secret)),
        ("invader/b.yaml", Some(&config_map("b", "1"))),
        ("ruler/role.yaml", Some(role)),
        ("planter/c.yaml", Some(&theirs)),
        ("ghost/d.yaml", Some(&config_map("d", "1"))),
    ]);
    let mut audit = site.server.audit().unwrap();
    let kubeconfig = kubeconfig.display().to_string();
    let args = [
        "controller",
        "-o",
        "json",
        "--listen",
        "127.0.0.1:0",
        "--namespace",
        SYSTEM,
        "--kubeconfig",
        &kubeconfig,
    ];
    let running = Running::start(site.sandbox.command(&args));
    for namespace in ["red", "blue", "green"] {
        site.repository(namespace);
        let login = json!({"username": "git", "password": "right", "ca.crt": site.git_authority()});
        let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
        let secret = json!({"metadata": {"name": "git"}, "stringData": login});
        site.person().create(&secrets, &secret).unwrap();
        let path = format!("/apis/windlass.dev/v1alpha1/namespaces/{namespace}/repositories/repo");
        let auth = json!({"spec": {"auth": {"secretRef": {"name": "git"}}}});
        site.person().merge(&path, &auth).unwrap();
        site.app(namespace, "plain", &json!({}));
    }
    for namespace in ["red", "blue", "green"] {
        site.ready(namespace, "plain");
    }
    // Those who try to go further are refused by the API server, as themselves.
    elsewhere(&site, "blue", "invader", "red");
    refused(&site, "blue", "invader", "system:serviceaccount:blue:deployer");
    site.app("blue", "ruler", &json!({}));
    refused(&site, "blue", "ruler", "system:serviceaccount:blue:deployer");
    site.app("green", "planter", &json!({}));
    refused(&site, "green", "planter", "system:serviceaccount:green:deployer");
    let ghost = json!({"namespace": "green", "serviceAccountName": "nobody-made-it"});
    site.app("green", "ghost", &json!({"target": ghost}));
    refused(&site, "green", "ghost", "system:serviceaccount:green:nobody-made-it");

    // A commit, an edit by hand, a stolen Secret value, a deletion: the whole of a loop.
    let path = "/api/v1/namespaces/red/configmaps/a";
    site.person()
        .merge(path, &json!({"data": {"value": "by hand"}}))
        .unwrap();
    soon("an edit by hand is undone", || {
        Ok(site.get(path).unwrap()["data"]["value"] == "1")
    });
    let path = "/api/v1/namespaces/blue/secrets/password";
    site.person()
        .merge(path, &json!({"stringData": {"value": "by hand"}}))
        .unwrap();
    soon("a Secret that was edited is put right", || {
        Ok(site.get(path).unwrap()["data"]["value"] == "czNjcmV0")
    });
    site.commit(&[("plain/a.yaml", Some(&config_map("a", "2")))]);
    for namespace in ["red", "blue", "green"] {
        let path = format!("/api/v1/namespaces/{namespace}/configmaps/a");
        soon("the commit is applied", || {
            Ok(site.get(&path).unwrap()["data"]["value"] == "2")
        });
    }
    site.delete("/apis/windlass.dev/v1alpha1/namespaces/green/apps/plain");
    soon("an App that is deleted is gone", || {
        Ok(site.object("apps", "green", "plain").is_none())
    });
    assert!(site.get("/api/v1/namespaces/green/configmaps/a").is_none());
    running.terminated();

    assert_eq!(
        condition(&site.object("apps", "red", "plain").unwrap(), "Ready"),
        "True"
    );
    assert!(site.get("/api/v1/namespaces/red/configmaps/b").is_none());
    assert!(site.get("/api/v1/namespaces/red/configmaps/planted").is_none());
    let bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/mine";
    assert!(site.get(bindings).is_none());
    judge(&audit.requests().unwrap());
}

/// Holds every request of the controller to the law.
fn judge(requests: &[Request]) {
    let account = |namespace: &str, name: &str| {
        let user = format!("system:serviceaccount:{namespace}:{name}");
        (user, BTreeSet::from([namespace.to_owned()]))
    };
    let law = Law {
        accounts: BTreeMap::from([
            account("red", "deployer"),
            account("blue", "deployer"),
            account("green", "deployer"),
            account("green", "nobody-made-it"),
        ]),
        secrets: ["red", "blue", "green"]
            .map(|namespace| (namespace.to_owned(), "git".to_owned()))
            .into(),
    };
    let its: Vec<&Request> = requests.iter().filter(|request| request.user == ENGINE).collect();
    let breaches: Vec<String> = its
        .iter()
        .filter_map(|request| {
            law.breach(&Asked::from(*request))
                .map(|why| format!("{why}: {request:?}"))
        })
        .collect();
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    // Nobody else is the controller.
    let others: Vec<&Request> = requests
        .iter()
        .filter(|request| request.agent.starts_with("windlass/") && request.user != ENGINE)
        .filter(|request| request.impersonated.is_some())
        .collect();
    assert!(others.is_empty(), "{others:?}");

    // And the log is of what was done.
    let of = |account: &str, is_it: &dyn Fn(&Request) -> bool| {
        let user = format!("system:serviceaccount:{account}");
        let its = its
            .iter()
            .filter(|request| request.impersonated.as_deref() == Some(user.as_str()));
        its.filter(|request| is_it(request)).count()
    };
    let writes = |request: &Request| !READS.contains(&request.verb.as_str());
    for namespace in ["red", "blue", "green"] {
        let account = format!("{namespace}:deployer");
        let done = of(&account, &|request| {
            writes(request) && request.status < 400 && request.namespace == namespace
        });
        // Two objects, and one of them again.
        assert!(done >= 3, "{namespace}: {done}");
    }
    let deletes = of("green:deployer", &|request| {
        request.verb == "delete" && request.status < 400
    });
    assert_eq!(deletes, 2, "what the deleted App owned");
    let denied = |request: &Request| request.status == 403 && writes(request);
    let into = |namespace: &'static str| move |request: &Request| denied(request) && request.namespace == namespace;
    assert!(of("blue:deployer", &into("red")) >= 1);
    assert!(of("green:deployer", &into("red")) >= 1);
    assert!(of("green:nobody-made-it", &into("green")) >= 1);
    let cluster_wide = |request: &Request| denied(request) && request.resource.ends_with("clusterrolebindings");
    assert!(of("blue:deployer", &cluster_wide) >= 1);
}

#[test]
fn the_law_tells_what_is_beyond_it() {
    let law = Law {
        accounts: BTreeMap::from([(
            "system:serviceaccount:red:deployer".to_owned(),
            BTreeSet::from(["red".to_owned()]),
        )]),
        secrets: BTreeSet::from([("red".to_owned(), "git".to_owned())]),
    };
    for (is_breach, words, impersonated, status) in [
        (false, "patch configmaps red a", Some("red:deployer"), 200),
        (false, "patch configmaps blue a", Some("red:deployer"), 403),
        (true, "patch configmaps blue a", Some("red:deployer"), 200),
        (true, "get secrets  a", Some("red:deployer"), 200),
        (true, "patch configmaps red a", Some("red:other"), 403),
        (true, "patch configmaps red a", None, 403),
        (true, "delete windlass.dev/apps red a", None, 200),
        (false, "patch windlass.dev/apps/status red a", None, 200),
        (true, "get secrets red other", None, 404),
        (true, "create secrets red git", None, 403),
        (false, "create secrets windlass-system own", None, 201),
        (false, "get secrets red git", None, 200),
        (true, "patch coordination.k8s.io/leases kube-system a", None, 200),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let account = impersonated.map(|name| format!("system:serviceaccount:{name}"));
        let asked = Asked {
            what: [words[0], words[1]],
            of: [words[2], words[3]],
            impersonated: account.as_deref(),
            status,
        };
        assert_eq!(law.breach(&asked).is_some(), is_breach, "{words:?} {impersonated:?}");
    }
}
