//! A namespace of which an App keeps the objects, on a cluster with a lock, and those who would change them by hand.

use std::{
    fs,
    process::{Command, Output},
};

use serde_json::{Value, json};
use windlass::state::State;
use windlass_tests::cluster::{Answer, Client, Cluster as Server, Content, User};

use crate::{
    cluster::bed::soon,
    sandbox::{Sandbox, Synced},
};

/// Group of people with every right that RBAC gives.
const PEOPLE: &str = "lock-test:people";
/// Group of those who may in an emergency.
pub(super) const ONCALL: &str = "lock-test:oncall";

pub(super) struct Site {
    pub(super) sandbox: Sandbox,
    pub(super) server: &'static Server,
    pub(super) namespace: String,
    /// Of the service account that the App names: as a pipeline of its team would have it.
    token: String,
}

impl Site {
    /// `lock`: what the Cluster's `spec.lock` says.
    pub(super) fn new(stem: &str, lock: &str) -> Self {
        let server = Server::shared();
        let namespace = server.namespace(stem).unwrap();
        let token = server.service_account(&namespace, "deployer").unwrap();
        let site = Self {
            sandbox: Sandbox::new(),
            server,
            namespace,
            token,
        };
        site.admit(
            "lock-test-people",
            &json!({"kind": "Group", "name": PEOPLE, "apiGroup": "rbac.authorization.k8s.io"}),
        );
        site.reach_with(server.token(User::Admin));
        site.configure(lock);
        site
    }

    pub(super) fn configure(&self, lock: &str) {
        let (namespace, repo) = (&self.namespace, self.sandbox.repo());
        let text = format!(
            "apiVersion: windlass.dev/v1alpha1
kind: Repository
metadata: {{name: shop, namespace: {namespace}}}
spec:
  git: {{url: 'file://{}', ref: {{branch: main}}}}
---
apiVersion: windlass.dev/v1alpha1
kind: Cluster
metadata: {{name: dev}}
spec:
  kubeconfig: {{file: kubeconfig}}
  lock: {lock}
---
apiVersion: windlass.dev/v1alpha1
kind: App
metadata: {{name: web, namespace: {namespace}}}
spec:
  repository: shop
  path: app/
  target: {{cluster: dev, namespace: {namespace}, serviceAccountName: deployer}}
",
            repo.display()
        );
        fs::write(self.sandbox.path().join("windlass.yaml"), text).unwrap();
    }

    /// From now on the engine has that credential.
    pub(super) fn reach_with(&self, token: &str) {
        let text = self.server.kubeconfig_with(self.server.server(), token);
        fs::write(self.sandbox.path().join("kubeconfig"), text).unwrap();
    }

    /// Binds every right to somebody.
    fn admit(&self, name: &str, subject: &Value) {
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"});
        let binding = json!({"metadata": {"name": name}, "roleRef": role, "subjects": [subject]});
        let list = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
        let answer = post(&self.server.client(), list, &binding);
        assert!(matches!(answer.status, 201 | 409), "{}", said(&answer));
    }

    /// The App's own account may do everything everywhere.
    pub(super) fn admit_the_deployer(&self) {
        let subject = json!({"kind": "ServiceAccount", "namespace": self.namespace, "name": "deployer"});
        self.admit(&format!("{}-deployer", self.namespace), &subject);
    }

    /// Commits objects, a file each; `null` removes one.
    pub(super) fn commit(&self, objects: &[(&str, Value)]) {
        let files: Vec<(String, Option<String>)> = objects
            .iter()
            .map(|(name, object)| {
                (
                    format!("app/{name}.yaml"),
                    (!object.is_null()).then(|| object.to_string()),
                )
            })
            .collect();
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_deref()))
            .collect();
        self.sandbox.commit(&files);
    }

    pub(super) fn sync(&self) -> Synced {
        Synced::of(&self.sandbox.windlass(&["sync", "windlass.yaml", "-o", "json"]))
    }

    pub(super) fn synced(&self) -> Synced {
        let synced = self.sync();
        assert_eq!((synced.code, synced.health("web")), (Some(0), "healthy"), "{synced:?}");
        synced
    }

    /// `windlass lock VERB windlass.yaml`.
    pub(super) fn lock(&self, verb: &str, more: &[&str]) -> Output {
        let mut args = vec!["lock", verb, "windlass.yaml"];
        args.extend(more);
        self.sandbox.windlass(&args)
    }

    /// Puts the lock there, and waits until the API server heeds it: until a person may not label that object.
    pub(super) fn locked(&self, path: &str) {
        let output = self.lock("apply", &[]);
        assert!(output.status.success(), "{output:?}");
        let label = json!({"metadata": {"labels": {"probe": "x"}}});
        soon("the lock is heeded", || {
            Ok(merge(&self.person(), path, &label).status == 403)
        });
    }

    /// Somebody with every right, at a terminal.
    pub(super) fn person(&self) -> Client {
        self.acting("alice")
    }

    pub(super) fn acting(&self, user: &str) -> Client {
        self.server.client().acting_as(user, &[PEOPLE, "system:authenticated"])
    }

    pub(super) fn oncall(&self) -> Client {
        self.server
            .client()
            .acting_as("bob", &[PEOPLE, ONCALL, "system:authenticated"])
    }

    /// The very account that the engine acts as, with a token of its own.
    pub(super) fn tenant(&self) -> Client {
        self.server.client_with(Some(&self.token))
    }

    pub(super) fn installation(&self) -> String {
        let state = State::open(&self.sandbox.path().join("state")).unwrap();
        state.secret().installation()
    }

    pub(super) fn maps(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps", self.namespace)
    }

    pub(super) fn map(&self, name: &str) -> String {
        format!("{}/{name}", self.maps())
    }

    pub(super) fn deployment(&self, name: &str) -> String {
        format!("/apis/apps/v1/namespaces/{}/deployments/{name}", self.namespace)
    }

    pub(super) fn live(&self, path: &str) -> Value {
        self.server.client().get(path).unwrap()
    }

    pub(super) fn is_there(&self, path: &str) -> bool {
        self.server.client().send("GET", path, None).unwrap().status == 200
    }

    /// What everybody is told who may not change it.
    pub(super) fn sentence(&self, what: &str) -> String {
        format!(
            "{what} is kept from git: change it in file://{}//app (App {}/web)",
            self.sandbox.repo().display(),
            self.namespace
        )
    }

    /// `kubectl` in somebody's name, if this machine has one.
    pub(super) fn kubectl(&self, user: &str, args: &[&str]) -> Option<Output> {
        let known = Command::new("kubectl").args(["version", "--client"]).output();
        if !known.is_ok_and(|known| known.status.success()) {
            return None;
        }
        let mut command = Command::new("kubectl");
        command
            .arg("--kubeconfig")
            .arg(self.server.kubeconfig())
            .args(["--as", user, "--as-group", PEOPLE, "--namespace", &self.namespace])
            .args(args)
            .env("HOME", self.sandbox.path());
        Some(command.output().unwrap())
    }
}

pub(super) fn said(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

pub(super) fn send(client: &Client, method: &str, path: &str, kind: &str, value: &Value) -> Answer {
    client.send(method, path, Some(Content { kind, value })).unwrap()
}

pub(super) fn merge(client: &Client, path: &str, patch: &Value) -> Answer {
    send(client, "PATCH", path, "application/merge-patch+json", patch)
}

pub(super) fn post(client: &Client, path: &str, value: &Value) -> Answer {
    send(client, "POST", path, "application/json", value)
}
