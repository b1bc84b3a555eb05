//! Several clusters under one controller, and several controllers over one cluster.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_tests::cluster::{Cluster as Server, User};

use super::{
    Site,
    site::{self, condition, find},
};
use crate::{
    cluster::bed::soon,
    sandbox::{config_map, git},
};

/// What takes a second on a quiet machine. Far below what a request to a server that says nothing takes to be given up.
const USUAL: Duration = Duration::from_secs(20);

/// Apps on the other cluster in each of two namespaces: more than may be under way on a cluster at once, and than have room for their documents.
const MANY: usize = 14;

const NAMESPACES: [&str; 2] = ["one", "two"];

/// A namespace with an account that may do everything in it.
fn team(server: &Server, namespace: &str) {
    let object = json!({"metadata": {"name": namespace}});
    server.client().create("/api/v1/namespaces", &object).unwrap();
    server.service_account(namespace, "deployer").unwrap();
}

/// The engine's own namespace.
pub(super) fn system(site: &Site) {
    if site.get("/api/v1/namespaces/system").is_none() {
        let namespace = json!({"metadata": {"name": "system"}});
        site.person().create("/api/v1/namespaces", &namespace).unwrap();
    }
}

/// A Cluster by a kubeconfig in a Secret of the engine's namespace.
fn cluster(site: &Site, name: &str, kubeconfig: &str) {
    system(site);
    let secret = json!({"metadata": {"name": name}, "stringData": {"value": kubeconfig}});
    site.person()
        .create("/api/v1/namespaces/system/secrets", &secret)
        .unwrap();
    let spec = json!({"kubeconfig": {"secretRef": {"name": name}}});
    site.create("clusters", "", name, &spec);
}

fn signal(process: u32, signal: rustix::process::Signal) {
    let process = rustix::process::Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    rustix::process::kill_process(process, signal).unwrap();
}

/// One namespace a Repository; in each an App here and many there.
struct Two {
    site: Site,
    /// Until it is gone.
    there: Option<Server>,
    names: Vec<String>,
}

impl Two {
    fn new() -> Self {
        let (site, there) = (Site::new(), Server::start().unwrap());
        let names: Vec<String> = (0..MANY).map(|index| format!("there{index}")).collect();
        let two = Self {
            site,
            there: Some(there),
            names,
        };
        two.commit("1");
        two
    }

    /// A change of every App.
    fn commit(&self, value: &str) {
        let map = config_map("a", value);
        let mut files = vec![("here/a.yaml".to_owned(), map)];
        files.extend(
            self.names
                .iter()
                .map(|name| (format!("{name}/a.yaml"), config_map(name, value))),
        );
        let files: Vec<(&str, Option<&str>)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), Some(text.as_str())))
            .collect();
        self.site.commit(&files);
    }

    fn set_up(&self) {
        let there = self.there.as_ref().unwrap();
        let kubeconfig = there.kubeconfig_with(there.server(), there.token(User::Admin));
        cluster(&self.site, "eu", &kubeconfig);
        for namespace in NAMESPACES {
            self.site.repository(namespace);
            team(there, namespace);
            self.site.app(namespace, "here", &json!({}));
            for name in &self.names {
                let target = json!({"cluster": "eu", "namespace": namespace, "serviceAccountName": "deployer"});
                self.site.app(namespace, name, &json!({"target": target}));
            }
        }
        for namespace in NAMESPACES {
            self.site.ready(namespace, "here");
            for name in &self.names {
                self.site.ready(namespace, name);
            }
        }
    }

    /// Commits a change of everything; how long it takes until it is applied here, and is said to be.
    fn takes(&self, value: &str) -> Duration {
        self.commit(value);
        let (commit, begun) = (self.site.head(), Instant::now());
        for namespace in NAMESPACES {
            soon("a commit is applied here", || {
                let app = self.site.object("apps", namespace, "here").unwrap();
                Ok(app["status"]["applied"]["revision"] == commit && condition(&app, "Ready") == "True")
            });
        }
        begun.elapsed()
    }

    /// How long an edit by hand lives here.
    fn lives(&self) -> Duration {
        let path = "/api/v1/namespaces/one/configmaps/a";
        let before = self.site.get(path).unwrap()["data"]["value"].clone();
        let edit = json!({"data": {"value": "by hand"}});
        self.site.person().merge(path, &edit).unwrap();
        soon("an edit by hand is undone", || {
            Ok(self.site.get(path).unwrap()["data"]["value"] == before)
        })
    }

    /// All is as always here.
    fn goes_on(&self, value: &str) {
        // The first meets requests that hang, the second what they hold.
        for round in ["a", "b"] {
            let took = self.takes(&format!("{value}{round}"));
            assert!(took < USUAL, "{value}{round}: {took:?}");
        }
        let lived = self.lives();
        assert!(lived < USUAL, "{lived:?}");
        // New ones come, and old ones go.
        let name = format!("new-{value}");
        self.site.app(
            "one",
            &name,
            &json!({"path": "here", "target": {"namespace": "three", "serviceAccountName": "deployer"}}),
        );
        let begun = Instant::now();
        self.site.ready("one", &name);
        assert!(begun.elapsed() < USUAL, "{:?}", begun.elapsed());
        let of_app = |name: &str| format!("/apis/windlass.dev/v1alpha1/namespaces/one/apps/{name}");
        let begun = Instant::now();
        // The other's can't be let go.
        self.site.delete(&of_app(&self.names[usize::from(value == "refused")]));
        self.site.delete(&of_app(&name));
        soon("what was deleted here is gone", || {
            Ok(self.site.object("apps", "one", &name).is_none())
        });
        assert!(begun.elapsed() < USUAL, "{:?}", begun.elapsed());
    }
}

#[test]
fn a_cluster_that_hangs_or_is_gone_delays_no_other() {
    let mut two = Two::new();
    // Of namespace `one`, in `three`.
    two.site
        .person()
        .create("/api/v1/namespaces", &json!({"metadata": {"name": "three"}}))
        .unwrap();
    let _running = two.site.run();
    two.set_up();
    let binding = json!({
        "metadata": {"name": "deployer-of-one"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "one", "name": "deployer"}],
    });
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/three/rolebindings";
    two.site.person().create(bindings, &binding).unwrap();
    let usual = two.takes("2");
    assert!(usual < USUAL, "{usual:?}");

    // It takes connections and says nothing.
    let processes = two.there.as_ref().unwrap().processes();
    let server = processes.iter().find(|process| process.name == "kube-apiserver");
    let server = server.unwrap().id;
    signal(server, rustix::process::Signal::STOP);
    two.goes_on("hangs");
    signal(server, rustix::process::Signal::CONT);
    let commit = two.site.head();
    for name in two.names.iter().skip(1) {
        soon("what hung is caught up with", || {
            let app = two.site.object("apps", "one", name).unwrap();
            Ok(app["status"]["applied"]["revision"] == commit && condition(&app, "Ready") == "True")
        });
    }
    soon("what was deleted there is gone", || {
        Ok(two.site.object("apps", "one", &two.names[0]).is_none())
    });

    // Nobody listens any more.
    drop(two.there.take());
    two.goes_on("refused");
    let last = two.names.last().unwrap();
    soon("those there say why", || {
        let app = two.site.object("apps", "two", last).unwrap();
        Ok(condition(&app, "Ready") == "False")
    });
}

/// An installation of its own over a cluster of somebody else's.
fn hub(home: &Site, shared: &Site) {
    let kubeconfig = shared.kubeconfig(shared.admin());
    cluster(home, "shared", &kubeconfig);
    home.repository("shop");
}

#[test]
fn two_installations_share_a_cluster_and_leave_each_others_objects_alone() {
    // Of one name in both, so that nothing but the installation tells them apart.
    let (first, second) = (Site::new(), Site::new());
    first.commit(&[("api/a.yaml", Some(&config_map("a", "of the first")))]);
    second.commit(&[("api/b.yaml", Some(&config_map("b", "of the second")))]);
    let (_one, _two) = (first.run(), second.run());
    first.repository("shop");
    first.app("shop", "api", &json!({}));
    first.ready("shop", "api");
    hub(&second, &first);
    let target = json!({"cluster": "shared", "namespace": "shop", "serviceAccountName": "deployer"});
    second.app("shop", "api", &json!({"target": target}));
    second.ready("shop", "api");
    let map = |name: &str| first.get(&format!("/api/v1/namespaces/shop/configmaps/{name}"));
    assert!(map("a").is_some() && map("b").is_some());

    // The second wants what the first has.
    second.commit(&[("api/a.yaml", Some(&config_map("a", "of the second")))]);
    let mut told = Value::Null;
    soon("the second is refused", || {
        told = find(&second.object("apps", "shop", "api").unwrap(), "Ready");
        Ok(told["status"] == "False")
    });
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("shop/api") && message.contains("another installation"),
        "{message}"
    );
    // Nobody fights: neither now, nor when the first writes again.
    quiet(&first, "a");
    first.commit(&[("api/a.yaml", Some(&config_map("a", "of the first, again")))]);
    soon("the first goes on", || {
        Ok(map("a").unwrap()["data"]["value"] == "of the first, again")
    });
    quiet(&first, "a");
    let edit = json!({"data": {"value": "by hand"}});
    first
        .person()
        .merge("/api/v1/namespaces/shop/configmaps/a", &edit)
        .unwrap();
    soon("its drift is repaired by the first", || {
        Ok(map("a").unwrap()["data"]["value"] == "of the first, again")
    });
    // What the second doesn't want any more was never its own, and an App that goes takes along what is.
    second.commit(&[("api/a.yaml", None)]);
    second.ready("shop", "api");
    second.delete("/apis/windlass.dev/v1alpha1/namespaces/shop/apps/api");
    soon("the second's App is gone", || {
        Ok(second.object("apps", "shop", "api").is_none())
    });
    assert!(map("b").is_none());
    assert_eq!(map("a").unwrap()["data"]["value"], "of the first, again");
}

/// Nobody writes an object for some seconds, and no controller the objects of its namespace.
fn quiet(site: &Site, name: &str) {
    let path = format!("/api/v1/namespaces/shop/configmaps/{name}");
    let version = || site.get(&path).unwrap()["metadata"]["resourceVersion"].clone();
    std::thread::sleep(Duration::from_secs(2));
    let mut audit = site.server.audit().unwrap();
    let before = version();
    std::thread::sleep(Duration::from_secs(4));
    let writes: Vec<String> = audit
        .requests()
        .unwrap()
        .into_iter()
        .filter(|request| request.agent.starts_with("windlass/") && request.status < 400)
        .filter(|request| !matches!(request.verb.as_str(), "get" | "list" | "watch"))
        // A controller shows that it is there.
        .filter(|request| request.resource != "coordination.k8s.io/leases")
        .map(|request| format!("{} {} {}", request.verb, request.resource, request.name))
        .collect();
    assert_eq!((version(), writes), (before, Vec::new()));
}

/// A credential that may do nothing outside of one namespace, and not even list there.
#[test]
fn a_credential_of_one_namespace_is_enough_for_apps_there() {
    let site = Site::new();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData: {value: one}\n";
    site.commit(&[
        ("api/a.yaml", Some(&config_map("a", "1"))),
        ("api/s.yaml", Some(secret)),
    ]);
    // Roles of Kubernetes' own: `admin` of a namespace may watch and write there, and act as its service accounts.
    site.repository("edge");
    let token = site.server.service_account("edge", "agent").unwrap();
    cluster(&site, "near", &site.kubeconfig(&token));
    let mut command = site.command();
    let errors = site.sandbox.path().join("errors");
    command.stderr(fs::File::create(&errors).unwrap());
    let _running = crate::cluster::bed::Running::heard(command);
    let target = json!({"cluster": "near", "namespace": "edge", "serviceAccountName": "deployer"});
    site.app("edge", "api", &json!({"target": target}));
    site.ready("edge", "api");
    let map = || site.get("/api/v1/namespaces/edge/configmaps/a");
    // Watched, for there is no poll that would find it sooner.
    let edit = json!({"data": {"value": "by hand"}});
    site.person()
        .merge("/api/v1/namespaces/edge/configmaps/a", &edit)
        .unwrap();
    soon("an edit by hand is undone", || {
        Ok(map().unwrap()["data"]["value"] == "1")
    });
    site.delete("/api/v1/namespaces/edge/secrets/s");
    soon("what was deleted by hand is back", || {
        Ok(site.get("/api/v1/namespaces/edge/secrets/s").is_some())
    });
    site.commit(&[("api/a.yaml", Some(&config_map("a", "2"))), ("api/s.yaml", None)]);
    soon("a commit is applied", || {
        Ok(map().unwrap()["data"]["value"] == "2" && site.get("/api/v1/namespaces/edge/secrets/s").is_none())
    });
    site.ready("edge", "api");
    // The namespace beside it is not its own.
    site.repository("beside");
    let target = json!({"cluster": "near", "namespace": "beside", "serviceAccountName": "deployer"});
    site.app("beside", "api", &json!({"target": target}));
    soon("it is told who may not", || {
        let ready = site::find(&site.object("apps", "beside", "api").unwrap(), "Ready");
        Ok(ready["status"] == "False" && ready["message"].as_str().unwrap().contains("edge:agent"))
    });
    // And the one that works goes on.
    let head = git(&site.sandbox.repo(), ["rev-parse", "HEAD"]);
    let app = site.ready("edge", "api");
    assert_eq!(app["status"]["applied"]["revision"], head);
    site.delete("/apis/windlass.dev/v1alpha1/namespaces/edge/apps/api");
    soon("an App that is deleted takes its objects along", || {
        Ok(map().is_none() && site.object("apps", "edge", "api").is_none())
    });
}
