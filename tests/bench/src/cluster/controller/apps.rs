//! Apps as objects, their repositories, and what has to be in a cluster for them.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use windlass_core::crds;
use windlass_tests::cluster::{Client, Cluster, Content, eventually};

use super::{
    super::{
        git::GitServer,
        shop::{self, Shop, Weight},
    },
    bare::{self, Write},
};

/// The engine's own namespace.
pub(super) const SYSTEM: &str = "windlass-system";

/// Whose rights Apps use: a service account of their namespace.
const ACCOUNT: &str = "deployer";

/// Of every repository here.
const REPOSITORY: &str = "shop";

const API: &str = "/apis/windlass.dev/v1alpha1";

/// Apps in as many namespaces as there are repositories, one repository each.
pub(super) struct Apps {
    teams: Vec<Team>,
    work: tempfile::TempDir,
    client: Client,
    created: usize,
}

/// A namespace of Apps with their repository.
struct Team {
    namespace: String,
    shop: Shop,
    _git: GitServer,
}

impl Apps {
    /// Everything but the Apps. `interval`: between polls; empty = as the engine has it.
    pub(super) fn new(cluster: &Cluster, apps: usize, repositories: usize, interval: &str) -> Self {
        let client = cluster.client();
        install(&client);
        namespace(&client, SYSTEM);
        let each = apps.div_ceil(repositories);
        let team = |index: usize| {
            let name = format!("team{index}");
            namespace(&client, &name);
            account(&client, &name);
            let shop = Shop::new(cluster, &format!("ours{index}"), each, Weight::Light);
            shop.commit_all("first");
            let git = GitServer::start(shop.folder());
            let mut spec = json!({"git": {"url": git.url("repo/.git"), "ref": {"branch": "main"}}});
            if !interval.is_empty() {
                spec["interval"] = interval.into();
            }
            let repository = object("Repository", REPOSITORY, &spec);
            let list = format!("{API}/namespaces/{name}/repositories");
            client.create(&list, &repository).expect("a Repository");
            Team {
                namespace: name,
                shop,
                _git: git,
            }
        };
        Self {
            teams: (0..repositories).map(team).collect(),
            work: tempfile::tempdir().expect("a folder"),
            client,
            created: 0,
        }
    }

    /// The state of a process, which outlives it.
    pub(super) fn state(&self, process: &str) -> PathBuf {
        self.work.path().join(process)
    }

    /// Returns when a controller says that it has fetched every repository.
    pub(super) fn until_fetched(&self, limit: Duration) {
        for team in &self.teams {
            let path = format!("{API}/namespaces/{}/repositories/{REPOSITORY}", team.namespace);
            let revision = team.shop.revision();
            eventually(limit, "a repository is fetched", || {
                Ok(self.client.get(&path)?["status"]["fetched"]["revision"] == revision)
            })
            .expect("a repository");
        }
    }

    /// Apps go round the teams. Which team, and which of its apps.
    fn place(&self, app: usize) -> (&Team, usize) {
        let teams = self.teams.len();
        (&self.teams[app % teams], app / teams)
    }

    /// Creates those that are not there yet, up to so many.
    pub(super) fn create(&mut self, cluster: &Cluster, up_to: usize) {
        bare::all(cluster, &self.to_create(up_to));
        self.created = up_to;
    }

    /// The writes that create them.
    pub(super) fn to_create(&self, up_to: usize) -> Vec<Write> {
        let one = |app: usize| {
            let (team, index) = self.place(app);
            let target = json!({"namespace": team.shop.namespace(index), "serviceAccountName": ACCOUNT});
            let spec = json!({"repository": REPOSITORY, "path": format!("apps/a{index}"), "target": target});
            Write::create(
                format!("{API}/namespaces/{}/apps", team.namespace),
                object("App", &shop::app(index), &spec),
            )
        };
        (self.created..up_to).map(one).collect()
    }

    /// The objects of all Apps.
    pub(super) fn objects(&self) -> Vec<Write> {
        let of = |team: &Team| {
            let objects =
                (0..team.shop.apps()).flat_map(|index| shop::objects(team.shop.namespace(index), index, "first"));
            objects
                .map(|placed| Write::apply(placed.path(), placed.value))
                .collect::<Vec<_>>()
        };
        self.teams.iter().flat_map(of).collect()
    }

    /// Which commit the first so many Apps are to be at, by namespace and name.
    pub(super) fn wanted(&self, apps: usize) -> BTreeMap<String, String> {
        let revisions: Vec<String> = self.teams.iter().map(|team| team.shop.revision()).collect();
        let one = |app: usize| (self.id(app), revisions[app % self.teams.len()].clone());
        (0..apps).map(one).collect()
    }

    /// The same of one.
    pub(super) fn wanted_of(&self, app: usize) -> BTreeMap<String, String> {
        BTreeMap::from([(self.id(app), self.revision_of(app))])
    }

    fn id(&self, app: usize) -> String {
        let (team, index) = self.place(app);
        format!("{}/{}", team.namespace, shop::app(index))
    }

    /// The newest commit of an App's repository.
    pub(super) fn revision_of(&self, app: usize) -> String {
        self.place(app).0.shop.revision()
    }

    /// Commits a change of one App.
    pub(super) fn commit_one(&self, app: usize, release: &str) {
        let (team, index) = self.place(app);
        team.shop.commit_one(index, release);
    }

    /// Commits a change of every App to each repository.
    pub(super) fn commit_all(&self, release: &str) {
        self.teams.iter().for_each(|team| team.shop.commit_all(release));
    }

    /// Whether controllers divide anything among themselves.
    pub(super) fn has_leases(&self, cluster: &Cluster) -> bool {
        let path = format!("/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases");
        let leases = cluster.client().get(&path).expect("leases");
        leases["items"].as_array().is_some_and(|items| !items.is_empty())
    }
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "windlass.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// Windlass' kinds.
fn install(client: &Client) {
    for definition in crds::definitions() {
        let name = definition["metadata"]["name"].as_str().unwrap_or_default();
        let target = format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}?fieldManager=bench");
        let content = Content {
            kind: "application/apply-patch+yaml",
            value: &definition,
        };
        let answer = client.send("PATCH", &target, Some(content)).expect("an answer");
        assert_eq!(answer.status / 100, 2, "{}", String::from_utf8_lossy(&answer.body));
    }
    for kind in &crds::KINDS {
        let list = format!("{API}/{}", kind.plural);
        eventually(super::super::PATIENCE, "a kind is served", || {
            Ok(client.send("GET", &list, None)?.status == 200)
        })
        .expect("a kind");
    }
}

fn namespace(client: &Client, name: &str) {
    let namespace = json!({"metadata": {"name": name}});
    client.create("/api/v1/namespaces", &namespace).expect("a namespace");
}

/// One that may do everything: rights are not what is measured.
fn account(client: &Client, namespace: &str) {
    let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    client
        .create(&accounts, &json!({"metadata": {"name": ACCOUNT}}))
        .expect("an account");
    let binding = json!({
        "metadata": {"name": format!("bench-{namespace}")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": ACCOUNT}],
    });
    client
        .create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", &binding)
        .expect("a binding");
}
