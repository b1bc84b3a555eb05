//! An API server with Windlass' kinds, a git server, and the controller over both.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use serde_json::{Value, json};
use windlass_core::crds;
use windlass_tests::cluster::{Audit, Client, Cluster, Content, Proxy, Request, User, eventually};

use crate::{
    cluster::bed::{Running, SOON, soon},
    git_server::{GitServer, Options},
    sandbox::{Sandbox, git},
};

/// Where the controller is.
pub(super) const SYSTEM: &str = "system";

const GROUP: &str = "/apis/windlass.dev/v1alpha1";

pub(super) struct Site {
    pub(super) sandbox: Sandbox,
    pub(super) server: Cluster,
    git: GitServer,
    audit: Mutex<Audit>,
}

impl Site {
    pub(super) fn new() -> Self {
        let site = Self::bare();
        site.install();
        site
    }

    /// Without the kinds.
    pub(super) fn bare() -> Self {
        Self::serving(Options::default())
    }

    /// Without the kinds, over a git server of that manner.
    pub(super) fn serving(options: Options) -> Self {
        let sandbox = Sandbox::new();
        let server = Cluster::start().unwrap();
        let system = json!({"metadata": {"name": SYSTEM}});
        server.client().create("/api/v1/namespaces", &system).unwrap();
        Self {
            git: GitServer::start(sandbox.path(), options),
            audit: Mutex::new(server.audit().unwrap()),
            server,
            sandbox,
        }
    }

    pub(super) fn install(&self) {
        for definition in crds::definitions() {
            let name = definition["metadata"]["name"].as_str().unwrap();
            let target = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}?fieldManager=test");
            let content = Content {
                kind: "application/apply-patch+yaml",
                value: &definition,
            };
            let answer = self.person().send("PATCH", &target, Some(content)).unwrap();
            assert_eq!(answer.status / 100, 2, "{}", String::from_utf8_lossy(&answer.body));
        }
        for kind in &crds::KINDS {
            eventually(SOON, "a kind is served", || {
                let list = format!("{GROUP}/{}", kind.plural);
                Ok(self.person().send("GET", &list, None)?.status == 200)
            })
            .unwrap();
        }
    }

    /// Who vouches for the git server.
    pub(super) fn git_authority(&self) -> String {
        self.git.ca_pem().unwrap()
    }

    /// Of this server, with that token.
    pub(super) fn kubeconfig(&self, token: &str) -> String {
        self.server.kubeconfig_with(self.server.server(), token)
    }

    pub(super) fn admin(&self) -> &str {
        self.server.token(User::Admin)
    }

    /// Token of somebody who has, in that namespace, Kubernetes' role `edit` and what `windlass install` adds to it.
    pub(super) fn editor(&self, namespace: &str, name: &str) -> String {
        let client = self.person();
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        client.create(&accounts, &json!({"metadata": {"name": name}})).unwrap();
        let rbac = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}");
        let rules = json!([
            {"apiGroups": ["windlass.dev"], "resources": ["apps", "repositories"],
                "verbs": ["get", "list", "watch", "create", "delete", "patch", "update"]},
            {"apiGroups": ["windlass.dev"], "resources": ["inventories"], "verbs": ["get", "list", "watch"]},
        ]);
        let role = json!({"metadata": {"name": name}, "rules": rules});
        client.create(&format!("{rbac}/roles"), &role).unwrap();
        for (kind, role) in [("ClusterRole", "edit"), ("Role", name)] {
            let binding = json!({
                "metadata": {"name": format!("{name}-{role}")},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
                "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
            });
            client.create(&format!("{rbac}/rolebindings"), &binding).unwrap();
        }
        let answer = client
            .create(&format!("{accounts}/{name}/token"), &json!({"spec": {}}))
            .unwrap();
        answer["status"]["token"].as_str().unwrap().to_owned()
    }

    pub(super) fn nobody(&self) -> &str {
        self.server.token(User::Nobody)
    }

    pub(super) fn person(&self) -> Client {
        self.server.client()
    }

    pub(super) fn commit(&self, files: &[(&str, Option<&str>)]) {
        self.sandbox.commit(files);
    }

    pub(super) fn head(&self) -> String {
        git(&self.sandbox.repo(), ["rev-parse", "HEAD"])
    }

    pub(super) fn url(&self, repository: &str) -> String {
        self.git.url(&format!("{repository}/.git"))
    }

    pub(super) fn command(&self) -> Command {
        self.replica("state", self.server.kubeconfig())
    }

    /// A controller with a folder of that name as state.
    pub(super) fn replica(&self, state: &str, kubeconfig: &Path) -> Command {
        let kubeconfig = kubeconfig.display().to_string();
        let listen = "127.0.0.1:0";
        let args = [
            "controller",
            "-o",
            "json",
            "--kubeconfig",
            &kubeconfig,
            "--listen",
            listen,
            "--namespace",
            SYSTEM,
        ];
        self.sandbox.command_over(state, &args)
    }

    /// A proxy before the server, and a kubeconfig that goes through it.
    pub(super) fn behind(&self, name: &str) -> (Proxy, PathBuf) {
        let proxy = self.server.proxy().unwrap();
        let path = self.sandbox.path().join(format!("{name}.kubeconfig"));
        fs::write(&path, self.server.kubeconfig_with(proxy.url(), self.admin())).unwrap();
        (proxy, path)
    }

    /// All requests since the last call.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.audit.lock().unwrap().requests().unwrap()
    }

    /// The controller, ended when dropped.
    pub(super) fn run(&self) -> Running {
        Running::start(self.command())
    }

    /// A namespace with a service account that may do everything in it, and a Repository.
    pub(super) fn repository(&self, namespace: &str) {
        self.repository_at(namespace, "repo");
    }

    pub(super) fn repository_at(&self, namespace: &str, repository: &str) {
        let object = json!({"metadata": {"name": namespace}});
        self.person().create("/api/v1/namespaces", &object).unwrap();
        self.server.service_account(namespace, "deployer").unwrap();
        let spec = json!({"git": {"url": self.url(repository), "ref": {"branch": "main"}}, "interval": "1s"});
        self.create("repositories", namespace, "repo", &spec);
    }

    /// Of the folder of its name, unless `spec` says something else.
    pub(super) fn app(&self, namespace: &str, name: &str, spec: &Value) {
        let mut all = json!({
            "repository": "repo", "path": name, "target": {"namespace": namespace, "serviceAccountName": "deployer"},
        });
        for (key, value) in spec.as_object().unwrap() {
            all[key] = value.clone();
        }
        self.create("apps", namespace, name, &all);
    }

    pub(super) fn create(&self, plural: &str, namespace: &str, name: &str, spec: &Value) {
        let kind = crds::KINDS.iter().find(|kind| kind.plural == plural).unwrap().kind;
        let object = json!({
            "apiVersion": "windlass.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec,
        });
        self.person().create(&list(plural, namespace), &object).unwrap();
    }

    pub(super) fn object(&self, plural: &str, namespace: &str, name: &str) -> Option<Value> {
        self.get(&format!("{}/{name}", list(plural, namespace)))
    }

    pub(super) fn get(&self, path: &str) -> Option<Value> {
        let answer = self.person().send("GET", path, None).unwrap();
        match answer.status {
            200 => Some(answer.json().unwrap()),
            404 => None,
            status => panic!("{path}: {status}"),
        }
    }

    pub(super) fn delete(&self, path: &str) {
        self.person().delete(path).unwrap();
    }

    /// The App, once it is ready.
    pub(super) fn ready(&self, namespace: &str, name: &str) -> Value {
        let mut last = Value::Null;
        soon(&format!("{namespace}/{name} is ready"), || {
            last = self.object("apps", namespace, name).unwrap_or_default();
            Ok(condition(&last, "Ready") == "True")
        });
        last
    }

    /// What the engine wrote of its own objects since the last call: `patch apps/status api`, in order.
    pub(super) fn own_writes(&self) -> Vec<String> {
        let is_own = |request: &&Request| {
            request.agent.starts_with("windlass/") && !matches!(request.verb.as_str(), "get" | "list" | "watch")
        };
        let words = |request: &Request| {
            let resource = request.resource.strip_prefix("windlass.dev/")?;
            Some(format!("{} {resource} {}", request.verb, request.name))
        };
        let requests = self.audit.lock().unwrap().requests().unwrap();
        requests.iter().filter(is_own).filter_map(words).collect()
    }
}

fn list(plural: &str, namespace: &str) -> String {
    if namespace.is_empty() {
        format!("{GROUP}/{plural}")
    } else {
        format!("{GROUP}/namespaces/{namespace}/{plural}")
    }
}

/// Status and body of what is answered at an address.
pub(super) fn ask(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: windlass\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// One condition of an object; `null` = there is none.
pub(super) fn find(object: &Value, about: &str) -> Value {
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    all.into_iter().find(|one| one["type"] == about).unwrap_or_default()
}

/// Its status; "" = there is none.
pub(super) fn condition(object: &Value, about: &str) -> String {
    find(object, about)["status"].as_str().unwrap_or_default().to_owned()
}
