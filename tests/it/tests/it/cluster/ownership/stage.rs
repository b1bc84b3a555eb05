//! A repository, a configuration and a state, whose Apps go to the server that tests share, into a namespace of their own.

use std::{fmt::Write as _, fs, process::Command};

use serde_json::{Value, json};
use windlass::state::State;
use windlass_core::{model::ObjectId, owner::Owner};
use windlass_tests::cluster::{Client, Cluster as Server, User};

use crate::sandbox::{Sandbox, Synced};

pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) server: &'static Server,
    pub(super) namespace: String,
}

impl Stage {
    /// On the server itself.
    pub(super) fn new(stem: &str) -> Self {
        Self::at(stem, Server::shared().server())
    }

    /// Behind a proxy.
    pub(super) fn at(stem: &str, url: &str) -> Self {
        let server = Server::shared();
        let stage = Self {
            sandbox: Sandbox::new(),
            server,
            namespace: server.namespace(stem).unwrap(),
        };
        stage.reach(url);
        stage
    }

    /// From now on the cluster is at that URL.
    pub(super) fn reach(&self, url: &str) {
        let text = self.server.kubeconfig_with(url, self.server.token(User::Admin));
        fs::write(self.sandbox.path().join("kubeconfig"), text).unwrap();
    }

    /// A configuration of apps by (name, lines of `spec` below the target, indented by two). Each renders the folder of its name.
    pub(super) fn apps(&self, apps: &[(&str, &str)]) {
        self.configure("windlass.yaml", apps);
    }

    pub(super) fn configure(&self, file: &str, apps: &[(&str, &str)]) {
        let mut text = format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: shop}}\nspec:\n  git: {{url: 'file://{}', ref: {{branch: main}}}}\n",
            self.sandbox.repo().display()
        );
        text.push_str("---\napiVersion: windlass.dev/v1alpha1\nkind: Cluster\nmetadata: {name: dev}\nspec:\n  kubeconfig: {file: kubeconfig}\n  withoutServiceAccount: ActAsOwn\n");
        let namespace = &self.namespace;
        let (repository, _) = text.split_once("---").unwrap();
        let named = format!("metadata: {{name: shop, namespace: {namespace}}}");
        let repository = repository.replace("metadata: {name: shop}", &named);
        text = format!("{repository}---\n{text}");
        for (name, rest) in apps {
            let account = rest.contains("# as deployer");
            let (own, account) = if account {
                (namespace.as_str(), ", serviceAccountName: deployer")
            } else {
                ("default", "")
            };
            let _ = write!(
                text,
                "---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: {name}, namespace: {own}}}\nspec:\n  repository: shop\n  path: {name}\n  target: {{cluster: dev, namespace: {namespace}{account}}}\n{rest}"
            );
        }
        fs::write(self.sandbox.path().join(file), text).unwrap();
    }

    pub(super) fn commit(&self, files: &[(&str, Option<&str>)]) {
        self.sandbox.commit(files);
    }

    pub(super) fn sync(&self, more: &[&str]) -> Synced {
        self.sync_of("windlass.yaml", more)
    }

    pub(super) fn sync_of(&self, file: &str, more: &[&str]) -> Synced {
        Synced::of(&self.command(file, more).output().unwrap())
    }

    pub(super) fn command(&self, file: &str, more: &[&str]) -> Command {
        let mut args = vec!["sync", file, "-o", "json"];
        args.extend(more);
        self.sandbox.command(&args)
    }

    /// A person at a terminal.
    pub(super) fn person(&self) -> Client {
        self.server.client()
    }

    /// Path of a ConfigMap.
    pub(super) fn map(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace)
    }

    /// What lives there; `None` when nothing does.
    pub(super) fn live(&self, path: &str) -> Option<Value> {
        let answer = self.person().send("GET", path, None).unwrap();
        (answer.status == 200).then(|| answer.json().unwrap())
    }

    pub(super) fn uid(&self, path: &str) -> String {
        self.live(path).unwrap_or_else(|| panic!("{path} is not there"))["metadata"]["uid"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Field managers of the `Apply` entries, by the app's name.
    pub(super) fn appliers(&self, path: &str) -> Vec<String> {
        let live = self.live(path).unwrap();
        let entries = live["metadata"]["managedFields"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        entries
            .iter()
            .filter(|entry| entry["operation"] == "Apply")
            .map(|entry| {
                entry["manager"]
                    .as_str()
                    .unwrap()
                    .rsplit('/')
                    .next()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    pub(super) fn edit(&self, path: &str, patch: &Value) {
        self.person()
            .merge(&format!("{path}?fieldManager=person"), patch)
            .unwrap();
    }

    pub(super) fn installation(&self) -> String {
        State::open(&self.sandbox.path().join("state"))
            .unwrap()
            .secret()
            .installation()
    }

    /// Makes a ConfigMap with an app's marks, as a backup or a forger would.
    pub(super) fn forge(&self, app: &str, name: &str) {
        let owner = Owner {
            installation: self.installation(),
            namespace: "default".into(),
            app: app.into(),
        };
        let mut object = json!({"metadata": {"name": name}, "data": {"value": "1"}});
        owner.stamp(&mut object, &self.id(name));
        let list = format!("/api/v1/namespaces/{}/configmaps?fieldManager=velero", self.namespace);
        self.person().create(&list, &object).unwrap();
    }

    pub(super) fn id(&self, name: &str) -> ObjectId {
        ObjectId {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: self.namespace.clone(),
            name: name.into(),
        }
    }

    /// Identities of what an app owns, as its inventory has it.
    pub(super) fn owned(&self, app: &str) -> Vec<String> {
        let state = State::open(&self.sandbox.path().join("state")).unwrap();
        let inventories = state.inventories().unwrap();
        let all = inventories.deployed().unwrap();
        let key = all
            .iter()
            .find(|(_, known)| known.name == app)
            .map(|(key, _)| key.clone());
        let Some(key) = key else { return Vec::new() };
        let inventory = inventories.load(&key).unwrap();
        inventory.entries.keys().map(|id| id.name.clone()).collect()
    }
}
