//! The code under test (`windlass_cluster`), set upon a real API server, in a namespace of its own.

use std::{fs, time::Duration};

use serde_json::{Value, json};
use windlass_cluster::{
    apply::{Applied, How, Takeover, Wanted},
    call::Limits,
    cluster::Cluster,
    connect::{Access, Connection},
    delete::{Deleted, Doomed, Propagation},
    identity::Actor,
    refusal::Refusal,
    resource::Resource,
    store::Store,
};
use windlass_core::{
    conflict::Contest,
    fields::FieldSet,
    model::{Object, ObjectId},
    options::Write,
    owner::Owner,
};
use windlass_tests::cluster::{Client, Cluster as Server};

/// For what takes a fraction of a second on a quiet machine.
pub(super) const SOON: Duration = Duration::from_secs(60);

pub(super) struct Subject {
    pub(super) server: &'static Server,
    pub(super) cluster: Cluster,
    pub(super) namespace: String,
    /// May do everything in the namespace.
    pub(super) deployer: Actor,
    /// Nobody else's, so that tests that share a server don't meet.
    installation: String,
}

/// How a test differs from the ordinary.
pub(super) struct Ask<'a> {
    pub(super) app: &'a str,
    pub(super) write: Write,
    pub(super) takeover: Option<Takeover<'a>>,
    pub(super) take_from: &'a [String],
    pub(super) dry_run: bool,
    /// What was applied last; `None` = the same.
    pub(super) last: Option<&'a Value>,
}

impl Default for Ask<'_> {
    fn default() -> Self {
        Self {
            app: "api",
            write: Write::Apply,
            takeover: None,
            take_from: &[],
            dry_run: false,
            last: None,
        }
    }
}

impl Subject {
    /// On the server that tests share, as its administrator.
    pub(super) async fn new(stem: &str) -> Self {
        let server = Server::shared();
        let access = Access::Files {
            paths: vec![server.kubeconfig().to_owned()],
            context: None,
        };
        Self::over(server, stem, &access).await
    }

    /// Through a proxy before it.
    pub(super) async fn through(stem: &str, url: &str) -> Self {
        let server = Server::shared();
        let token = server.token(windlass_tests::cluster::User::Admin);
        let access = Access::Text {
            text: server.kubeconfig_with(url, token),
            context: None,
        };
        Self::over(server, stem, &access).await
    }

    pub(super) async fn over(server: &'static Server, stem: &str, access: &Access) -> Self {
        let namespace = server.namespace(stem).unwrap();
        server.service_account(&namespace, "deployer").unwrap();
        let connection = Connection::open(access, Limits::default()).await.unwrap();
        let deployer = Actor::service_account(&namespace, "deployer").unwrap();
        Self {
            server,
            cluster: Cluster::new(connection),
            installation: namespace.clone(),
            namespace,
            deployer,
        }
    }

    pub(super) fn owner(&self, app: &str) -> Owner {
        Owner {
            installation: self.installation.clone(),
            namespace: "default".into(),
            app: app.into(),
        }
    }

    pub(super) fn store(&self) -> Store {
        Store::new(self.cluster.clone(), &self.installation)
    }

    /// A person at a terminal.
    pub(super) fn person(&self) -> Client {
        self.server.client()
    }

    /// An object of this namespace.
    pub(super) fn object(&self, api_version: &str, kind: &str, name: &str, rest: Value) -> Value {
        let mut object = rest;
        object["apiVersion"] = api_version.into();
        object["kind"] = kind.into();
        object["metadata"]["name"] = name.into();
        object["metadata"]["namespace"] = self.namespace.as_str().into();
        object
    }

    pub(super) fn map(&self, name: &str, value: &str) -> Value {
        self.object("v1", "ConfigMap", name, json!({"data": {"a": value}}))
    }

    pub(super) fn deployment(&self, name: &str, replicas: u32) -> Value {
        let pod = json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "nginx:1"}]}});
        let spec = json!({"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pod});
        self.object("apps/v1", "Deployment", name, json!({"spec": spec}))
    }

    pub(super) async fn resource(&self, body: &Value) -> (Resource, ObjectId) {
        let id = Object::from_value(body.clone()).unwrap().id;
        let api_version = body["apiVersion"].as_str().unwrap();
        (self.cluster.resource(&id, api_version).await.unwrap(), id)
    }

    /// Applies as an app.
    pub(super) async fn apply(&self, body: &Value) -> Result<Applied, Refusal> {
        self.ask(body, Ask::default()).await
    }

    pub(super) async fn ask(&self, body: &Value, ask: Ask<'_>) -> Result<Applied, Refusal> {
        self.ask_as(&self.deployer, body, ask).await
    }

    pub(super) async fn ask_as(&self, actor: &Actor, body: &Value, ask: Ask<'_>) -> Result<Applied, Refusal> {
        let id = Object::from_value(body.clone()).unwrap().id;
        let resource = self.cluster.resource(&id, body["apiVersion"].as_str().unwrap()).await?;
        let owner = self.owner(ask.app);
        let last_body = ask.last.unwrap_or(body);
        let last = |contests: &[Contest]| FieldSet::held_by(last_body, contests.iter().map(|contest| &contest.path));
        let wanted = Wanted {
            id: &id,
            resource: &resource,
            body,
            owner: &owner,
        };
        let how = How {
            write: ask.write,
            takeover: ask.takeover,
            last_applied: &last,
            take_from: ask.take_from,
            dry_run: ask.dry_run,
        };
        self.cluster.apply(actor, wanted, how).await
    }

    pub(super) async fn delete(&self, body: &Value, uid: &str, version: Option<&str>) -> Result<Deleted, Refusal> {
        let (resource, id) = self.resource(body).await;
        let doomed = Doomed {
            resource: &resource,
            id: &id,
            uid,
            resource_version: version,
            propagation: Propagation::Background,
            dry_run: false,
        };
        let owner = self.owner("api");
        let is_ours = |live: &Value| Owner::of(live, &id).as_ref() == Some(&owner);
        self.cluster.delete(&self.deployer, doomed, is_ours).await
    }

    /// Path of an object, for a person.
    pub(super) async fn path(&self, body: &Value) -> String {
        let (resource, id) = self.resource(body).await;
        let group = if resource.group.is_empty() {
            "api".to_owned()
        } else {
            format!("apis/{}", resource.group)
        };
        let place = if resource.namespaced {
            format!("namespaces/{}/", id.namespace)
        } else {
            String::new()
        };
        format!("/{group}/{}/{place}{}/{}", resource.version, resource.plural, id.name)
    }

    /// What lives, as a person sees it.
    pub(super) async fn live(&self, body: &Value) -> Value {
        self.person().get(&self.path(body).await).unwrap()
    }

    /// A person's edit, as that manager.
    pub(super) async fn edit(&self, body: &Value, manager: &str, patch: &Value) {
        let target = format!("{}?fieldManager={manager}", self.path(body).await);
        self.person().merge(&target, patch).unwrap();
    }
}

/// Retries what takes a moment, without holding up the runtime.
pub(super) async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let end = tokio::time::Instant::now() + SOON;
    while !ask().await {
        assert!(tokio::time::Instant::now() < end, "not within {SOON:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The kubeconfig of a user, written down.
pub(super) fn kubeconfig_of(server: &Server, token: &str) -> (tempfile::TempDir, Access) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    fs::write(&path, server.kubeconfig_with(server.server(), token)).unwrap();
    let access = Access::Files {
        paths: vec![path],
        context: None,
    };
    (folder, access)
}
