//! `windlass controller`: the engine over objects of a cluster. Each test has a server of its own, for a controller is concerned with all of it.

mod replicas;
mod asked;
mod site;

mod attacks;
mod audited;
mod clusters;
mod pulled;

use serde_json::{Value, json};

use super::bed::{Running, soon};
use crate::{
    git_server::{Authority, Options},
    sandbox::config_map,
};
use site::{Site, condition};

#[test]
fn an_app_is_applied_and_its_status_says_so_with_few_writes() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let _running = site.run();
    site.repository("shop");
    site.app("shop", "api", &json!({}));
    let app = site.ready("shop", "api");
    let commit = site.head();
    assert_eq!(app["status"]["applied"]["revision"], commit, "{}", app["status"]);
    assert_eq!(app["status"]["revision"], commit[..12]);
    assert_eq!(app["status"]["observedGeneration"], 1);
    for (about, status) in [("Ready", "True"), ("Synced", "True"), ("Healthy", "True")] {
        assert_eq!(condition(&app, about), status, "{about}: {}", app["status"]);
    }
    assert_eq!(app["metadata"]["finalizers"], json!(["windlass.dev/app"]));
    let map = site.get("/api/v1/namespaces/shop/configmaps/a").unwrap();
    assert_eq!(map["data"]["value"], "1");
    let repository = site.object("repositories", "shop", "repo").unwrap();
    assert_eq!(condition(&repository, "Ready"), "True", "{repository}");
    assert_eq!(repository["status"]["fetched"]["revision"], commit);
    let of_apps = |writes: Vec<String>| {
        writes
            .into_iter()
            .filter(|write| write.contains(" apps"))
            .collect::<Vec<_>>()
    };
    assert_eq!(of_apps(site.own_writes()), ["patch apps api", "patch apps/status api"]);

    // Whose objects are changed by hand is told by the watch, by namespace and name.
    let path = "/api/v1/namespaces/shop/configmaps/a";
    site.person()
        .merge(path, &json!({"data": {"value": "by hand"}}))
        .unwrap();
    soon("an edit by hand is undone", || {
        Ok(site.get(path).unwrap()["data"]["value"] == "1")
    });
    site.own_writes();

    // A commit of other Apps is none of its own.
    site.commit(&[("other/b.yaml", Some(&config_map("b", "1")))]);
    let commit = site.head();
    soon("the new commit is fetched", || {
        Ok(site.object("repositories", "shop", "repo").unwrap()["status"]["fetched"]["revision"] == commit)
    });
    // Another commit: one more write of the status, or two where it is on its way for long.
    site.commit(&[("api/a.yaml", Some(&config_map("a", "2")))]);
    let commit = site.head();
    soon("the new commit is told", || {
        Ok(site.object("apps", "shop", "api").unwrap()["status"]["applied"]["revision"] == commit)
    });
    let writes = of_apps(site.own_writes());
    assert!(
        (1..=2).contains(&writes.len()) && writes[0] == "patch apps/status api",
        "{writes:?}"
    );
}

#[test]
fn a_controller_that_starts_again_writes_nothing() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    site.repository("shop");
    site.app("shop", "api", &json!({}));
    let running = site.run();
    site.ready("shop", "api");
    soon("what became of it is kept", || {
        let inventory = site.object("inventories", "shop", "api").unwrap();
        Ok(inventory["spec"]["targets"][0]["history"][0]["outcome"] == "healthy")
    });
    drop(running);
    site.own_writes();
    let running = site.run();
    running.healthy();
    // A change made now is written after whatever would have been written at the start.
    site.commit(&[("api/b.yaml", Some(&config_map("b", "1")))]);
    let commit = site.head();
    soon("the new commit is told", || {
        Ok(site.object("apps", "shop", "api").unwrap()["status"]["applied"]["revision"] == commit)
    });
    let writes = site.own_writes();
    let of_app = writes.iter().filter(|write| *write == "patch apps/status api").count();
    let of_repository = writes
        .iter()
        .filter(|write| *write == "patch repositories/status repo")
        .count();
    let of_inventory = writes.iter().filter(|write| *write == "update inventories api").count();
    // Before the first change and after the last; a third tells how it does, when that takes long.
    assert!(
        of_app <= 2
            && of_repository == 1
            && (1..=3).contains(&of_inventory)
            && writes.len() == of_app + of_repository + of_inventory,
        "{writes:?}"
    );
}

#[test]
fn two_namespaces_have_apps_of_one_name_and_their_own_accounts() {
    let site = Site::new();
    site.commit(&[
        ("api/a.yaml", Some(&config_map("a", "1"))),
        ("db/a.yaml", Some(&config_map("a", "2"))),
    ]);
    let _running = site.run();
    for (namespace, path) in [("one", "api"), ("two", "db")] {
        site.repository(namespace);
        site.app(namespace, "same", &json!({"path": path}));
    }
    for (namespace, value) in [("one", "1"), ("two", "2")] {
        site.ready(namespace, "same");
        let map = site
            .get(&format!("/api/v1/namespaces/{namespace}/configmaps/a"))
            .unwrap();
        assert_eq!(map["data"]["value"], value);
    }
}

#[test]
fn who_may_not_is_told_and_stops_nobody_else() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let _running = site.run();
    site.repository("shop");
    site.app("shop", "good", &json!({"path": "api"}));
    site.app(
        "shop",
        "unread",
        &json!({"path": "api", "health": {"checks": [{"kind": "Tank", "group": "example.org", "healthy": "live."}]}}),
    );
    site.app(
        "shop",
        "unnamed",
        &json!({"path": "api", "target": {"namespace": "shop"}}),
    );
    site.app("shop", "foreign", &json!({"path": "api", "repository": "other/repo"}));
    site.ready("shop", "good");
    let told = |name: &str, reason: &str, words: &str| {
        soon(name, || {
            let app = site.object("apps", "shop", name).unwrap();
            let ready = site::find(&app, "Ready");
            Ok(ready["reason"] == reason)
        });
        let app = site.object("apps", "shop", name).unwrap();
        let ready = site::find(&app, "Ready");
        assert_eq!(ready["status"], "False");
        assert!(ready["message"].as_str().unwrap().contains(words), "{ready}");
        assert_eq!(condition(&app, "Stalled"), "True", "{app}");
    };
    told("unread", "InvalidSpec", "spec.health.checks[0]");
    told("unnamed", "Identity", "service account");
    told("foreign", "Tenant", "no Tenant grants it");
}

#[test]
fn an_app_that_is_deleted_takes_what_it_owns_along_or_leaves_it() {
    let site = Site::new();
    site.commit(&[
        ("one/a.yaml", Some(&config_map("a", "1"))),
        ("two/b.yaml", Some(&config_map("b", "1"))),
        ("three/c.yaml", Some(&config_map("c", "1"))),
    ]);
    let _running = site.run();
    site.repository("shop");
    site.app("shop", "one", &json!({}));
    site.app("shop", "two", &json!({"deletionPolicy": "Orphan"}));
    site.app("shop", "three", &json!({}));
    // Never applied: nothing keeps it.
    site.app("shop", "never", &json!({"repository": "nowhere"}));
    for name in ["one", "two", "three"] {
        site.ready("shop", name);
    }
    for name in ["one", "two", "never"] {
        site.delete(&format!("/apis/windlass.dev/v1alpha1/namespaces/shop/apps/{name}"));
    }
    for name in ["one", "two", "never"] {
        soon(name, || Ok(site.object("apps", "shop", name).is_none()));
    }
    let is_there = |name: &str| {
        site.get(&format!("/api/v1/namespaces/shop/configmaps/{name}"))
            .is_some()
    };
    assert_eq!(["a", "b", "c"].map(is_there), [false, true, true]);

    // A finalizer that is taken off by hand: what is there stays, as everywhere.
    let path = "/apis/windlass.dev/v1alpha1/namespaces/shop/apps/three";
    site.person()
        .merge(
            path,
            &json!({"metadata": {"finalizers": null, "deletionTimestamp": null}}),
        )
        .unwrap();
    site.delete(path);
    site.app("shop", "four", &json!({"path": "one"}));
    site.ready("shop", "four");
    assert_eq!(["a", "c"].map(is_there), [true, true]);
}

#[test]
fn a_tenant_binds_namespaces_by_their_labels_as_soon_as_they_have_them() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let _running = site.run();
    site.repository("shop");
    site.app("shop", "api", &json!({}));
    site.ready("shop", "api");
    let tenant = json!({"namespaces": {"matchLabels": {"team": "shop"}}, "kinds": {"deny": ["ConfigMap"]}});
    site.create("tenants", "", "team", &tenant);
    soon("the tenant is read", || {
        let tenant = site.object("tenants", "", "team").unwrap();
        Ok(condition(&tenant, "Ready") == "True" && tenant["status"]["namespaces"] == 0)
    });
    site.person()
        .merge(
            "/api/v1/namespaces/shop",
            &json!({"metadata": {"labels": {"team": "shop"}}}),
        )
        .unwrap();
    soon("the app is refused", || {
        let app = site.object("apps", "shop", "api").unwrap();
        Ok(site::find(&app, "Ready")["reason"] == "Tenant")
    });
    assert!(
        site.get("/api/v1/namespaces/shop/configmaps/a").is_some(),
        "what was there stays"
    );
    soon("the tenant counts", || {
        Ok(site.object("tenants", "", "team").unwrap()["status"]["namespaces"] == 1)
    });
}

#[test]
fn a_repository_that_gives_nothing_says_so_and_recovers() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let _running = site.run();
    site.repository_at("shop", "missing");
    site.app("shop", "api", &json!({}));
    soon("it is told", || {
        let repository = site.object("repositories", "shop", "repo").unwrap();
        Ok(condition(&repository, "Ready") == "False" && condition(&repository, "Reconciling") == "True")
    });
    let path = "/apis/windlass.dev/v1alpha1/namespaces/shop/repositories/repo";
    site.person()
        .merge(path, &json!({"spec": {"git": {"url": site.url("repo")}}}))
        .unwrap();
    site.ready("shop", "api");
    let repository = site.object("repositories", "shop", "repo").unwrap();
    assert_eq!(
        (condition(&repository, "Ready"), condition(&repository, "Reconciling")),
        ("True".to_owned(), String::new()),
        "{repository}"
    );
}

#[test]
fn without_the_kinds_it_says_what_is_missing_and_goes_on_once_they_are_there() {
    let site = Site::bare();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let mut command = site.command();
    let errors = site.sandbox.path().join("errors");
    command.stderr(std::fs::File::create(&errors).unwrap());
    let _running = Running::heard(command);
    soon("it is told", || {
        let said = std::fs::read_to_string(&errors).unwrap();
        Ok(said.contains("apps of ") && said.contains("can't be watched yet"))
    });
    site.install();
    site.repository("shop");
    site.app("shop", "api", &json!({}));
    let app: Value = site.ready("shop", "api");
    assert_eq!(condition(&app, "Ready"), "True");
}

#[test]
fn a_cluster_by_the_kubeconfig_of_a_secret_counts_with_its_credential_of_now() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let _running = site.run();
    site.repository("shop");
    let secret = |text: &str| json!({"metadata": {"name": "eu"}, "stringData": {"value": text}});
    let secrets = "/api/v1/namespaces/system/secrets";
    // A tenant's kubeconfig would run a program as the engine.
    let program = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh"});
    let hostile = site
        .kubeconfig("TOKEN")
        .replace("\"token\":\"TOKEN\"", &format!("\"exec\":{program}"));
    site.person().create(secrets, &secret(&hostile)).unwrap();
    site.create(
        "clusters",
        "",
        "eu",
        &json!({"kubeconfig": {"secretRef": {"name": "eu"}}}),
    );
    let told = |status: &str, words: &str| {
        let mut last = Value::Null;
        soon(words, || {
            last = site.object("clusters", "", "eu").unwrap();
            let ready = site::find(&last, "Ready");
            Ok(ready["status"] == status && ready["message"].as_str().unwrap().contains(words))
        });
        last
    };
    told("False", "exec");
    // One of nobody: it answers, and refuses.
    let put = |text: &str| {
        let path = format!("{secrets}/eu");
        site.person()
            .merge(&path, &json!({"stringData": {"value": text}}))
            .unwrap();
    };
    put(&site.kubeconfig(site.nobody()));
    let target = json!({"cluster": "eu", "namespace": "shop", "serviceAccountName": "deployer"});
    site.app("shop", "api", &json!({"target": target}));
    soon("who may not act is told", || {
        let app = site.object("apps", "shop", "api").unwrap();
        Ok(condition(&app, "Ready") == "False")
    });
    let app = site.object("apps", "shop", "api").unwrap();
    let why = site::find(&app, "Ready")["message"].as_str().unwrap().to_owned();
    assert!(why.contains("nobody"), "{why}");
    // Rotated: nothing else is touched, and everything goes on.
    put(&site.kubeconfig(site.admin()));
    site.ready("shop", "api");
    let cluster = told("True", "v1.");
    assert!(
        cluster["status"]["version"].as_str().unwrap().starts_with("v1."),
        "{cluster}"
    );
}

#[test]
fn a_repository_logs_in_with_what_its_secret_holds_by_now() {
    let site = Site::serving(Options {
        authority: Some(Authority::new()),
        // `git:right`
        authorization: Some("Basic Z2l0OnJpZ2h0"),
        ..Options::default()
    });
    site.install();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let _running = site.run();
    site.repository("shop");
    let ready = || {
        let repository = site.object("repositories", "shop", "repo").unwrap();
        site::find(&repository, "Ready")
    };
    let secrets = "/api/v1/namespaces/shop/secrets";
    let told = |words: &str| {
        soon(words, || {
            let ready = ready();
            Ok(ready["status"] == "False" && ready["message"].as_str().unwrap().contains(words))
        });
    };
    let path = "/apis/windlass.dev/v1alpha1/namespaces/shop/repositories/repo";
    site.person()
        .merge(path, &json!({"spec": {"auth": {"secretRef": {"name": "git"}}}}))
        .unwrap();
    told("there is no Secret `shop/git`");
    let secret = |data: &Value| json!({"metadata": {"name": "git"}, "stringData": data});
    let half = secret(&json!({"username": "git", "ca.crt": site.git_authority()}));
    site.person().create(secrets, &half).unwrap();
    told("Secret `shop/git` has no `password`");
    let put = |data: &Value| {
        let path = format!("{secrets}/git");
        site.person().merge(&path, &json!({"stringData": data})).unwrap();
    };
    put(&json!({"password": "wrong"}));
    told("does not accept the credentials");
    put(&json!({"password": "right\n"}));
    site.app("shop", "api", &json!({}));
    site.ready("shop", "api");
}

#[test]
fn what_a_supervisor_asks_is_answered() {
    let site = Site::bare();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let errors = site.sandbox.path().join("errors");
    let mut command = site.command();
    command.stderr(std::fs::File::create(&errors).unwrap());
    let running = Running::heard(command);
    let mut address = String::new();
    soon("it says where it answers", || {
        let said = std::fs::read_to_string(&errors).unwrap();
        let line = said.lines().find_map(|line| line.split_once("answered at "));
        address = line.map_or_else(String::new, |(_, at)| at.trim().to_owned());
        Ok(!address.is_empty())
    });
    let ask = |path: &str| site::ask(&address, path);
    assert_eq!(ask("/healthz").0, 200);
    assert_eq!(ask("/readyz").0, 503, "it can't watch yet");
    site.install();
    site.repository("shop");
    site.app("shop", "api", &json!({}));
    site.ready("shop", "api");
    assert_eq!(
        (ask("/healthz").0, ask("/readyz").0, ask("/nothing").0),
        (200, 200, 404)
    );
    let (status, text) = ask("/metrics");
    assert_eq!(status, 200);
    for line in [
        "windlass_apps{health=\"healthy\"} 1",
        "windlass_apps{health=\"failed\"} 0",
        "windlass_repositories{ready=\"true\"} 1",
        "windlass_own_writes_total{kind=\"App\",what=\"finalizer\",taken=\"true\"} 1",
        "windlass_api_requests{cluster=\"in-cluster\",verb=\"apply\",code=\"201\"} 1",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // A supervisor's end: at once, and in order.
    let took = running.terminated();
    assert!(took < std::time::Duration::from_secs(5), "{took:?}");
}
