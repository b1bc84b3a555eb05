//! A monorepo of apps, and the configuration that applies them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use windlass_core::{digest::Digest, yaml};
use windlass_tests::cluster::Cluster;

use crate::{
    fixtures::{plugins, write},
    sources::git,
};

/// Of each app: ServiceAccount, Service, Deployment, Ingress.
pub(super) const OBJECTS: usize = 4;

/// Index of the Deployment among them.
const DEPLOYMENT: usize = 2;

/// Apps that share a namespace.
const PER_NAMESPACE: usize = 50;

/// Selects every object of a shop in watches of the benchmark.
pub(super) const LABEL: &str = "windlass-bench";

/// What is in an app beside its four objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Nothing.
    Light,
    /// A ConfigMap of 50 kB.
    Heavy,
    /// So many kinds are defined, and each has one object, in an app of its own.
    Kinds(usize),
    /// Instead of the four: an object of a defined kind whose status says how it is.
    Conditions,
}

/// An object and where it goes.
pub(super) struct Placed {
    /// Of its list: `/apis/apps/v1/namespaces/a/deployments`.
    pub(super) list: String,
    pub(super) value: Value,
}

impl Placed {
    pub(super) fn name(&self) -> &str {
        self.value
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Of the object itself.
    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.list, self.name())
    }
}

/// A repository on this machine, of apps that go into namespaces of their own.
pub(super) struct Shop {
    work: tempfile::TempDir,
    namespaces: Vec<String>,
    apps: usize,
    weight: Weight,
    kubeconfig: PathBuf,
    /// URL of who is told what becomes of the apps.
    told: Option<String>,
}

impl Shop {
    pub(super) fn new(cluster: &Cluster, stem: &str, apps: usize, weight: Weight) -> Self {
        let shop = Self {
            work: tempfile::tempdir().expect("a folder"),
            namespaces: namespaces(cluster, stem, apps),
            apps,
            weight,
            kubeconfig: cluster.kubeconfig().to_owned(),
            told: None,
        };
        match weight {
            Weight::Kinds(kinds) => (0..kinds).for_each(|index| define(cluster, &format!("kind{index}"))),
            Weight::Conditions => define(cluster, CONDITIONS),
            Weight::Light | Weight::Heavy => {}
        }
        fs::create_dir(shop.repo()).expect("a folder");
        git(&shop.repo(), &["init", "--quiet", "--initial-branch", "main"]);
        shop
    }

    pub(super) const fn apps(&self) -> usize {
        self.apps
    }

    pub(super) fn folder(&self) -> &Path {
        self.work.path()
    }

    fn repo(&self) -> PathBuf {
        self.folder().join("repo")
    }

    /// Where the objects of an app go.
    pub(super) fn namespace(&self, app: usize) -> &str {
        &self.namespaces[namespace_of(app)]
    }

    /// Commits a change of every app's Deployment.
    pub(super) fn commit_all(&self, release: &str) {
        self.commit_all_but(0, release);
    }

    /// Commits a change of one app's Deployment.
    pub(super) fn commit_one(&self, app: usize, release: &str) {
        self.write(app, release);
        self.commit();
    }

    /// Commits a change of every app's Deployment but for the first few.
    pub(super) fn commit_all_but(&self, first: usize, release: &str) {
        (first..self.apps).for_each(|app| self.write(app, release));
        self.commit();
    }

    /// Commits a change that no parser takes.
    pub(super) fn break_one(&self, app: usize) {
        write(&self.of(app).join("service.yaml"), "kind: Service\n  spec: [\n");
        self.commit();
    }

    /// Commits a change after which an app never becomes healthy: no node has such an image.
    pub(super) fn stick(&self, app: usize) {
        let mut deployment = objects(self.namespace(app), app, "stuck").remove(DEPLOYMENT).value;
        deployment["spec"]["replicas"] = 1.into();
        deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "missing.invalid/shop:1".into();
        write(&self.of(app).join("deployment.yaml"), &yaml::write(&deployment));
        self.commit();
    }

    /// Has a receiver told over HTTP what becomes of every app, from the next configuration on.
    pub(super) fn tell(&mut self, url: &str) {
        self.told = Some(url.to_owned());
    }

    fn of(&self, app: usize) -> PathBuf {
        self.repo().join(format!("apps/a{app}"))
    }

    fn write(&self, app: usize, release: &str) {
        let folder = self.of(app);
        for object in self.objects(app, release) {
            let kind = object.value["kind"].as_str().unwrap_or_default().to_lowercase();
            write(&folder.join(format!("{kind}.yaml")), &yaml::write(&object.value));
        }
    }

    fn objects(&self, app: usize, release: &str) -> Vec<Placed> {
        if self.weight == Weight::Conditions {
            return vec![of_conditions(self.namespace(app), app)];
        }
        let mut all = objects(self.namespace(app), app, release);
        match self.weight {
            Weight::Heavy => all.push(big(self.namespace(app), app)),
            Weight::Kinds(kinds) if app < kinds => all.push(of_own_kind(self.namespace(app), app)),
            Weight::Light | Weight::Kinds(_) | Weight::Conditions => {}
        }
        all
    }

    fn commit(&self) {
        git(&self.repo(), &["add", "--all"]);
        git(&self.repo(), &["commit", "--quiet", "--message", "change"]);
    }

    /// The newest commit.
    pub(super) fn revision(&self) -> String {
        let output = Command::new("git")
            .current_dir(self.repo())
            .args(["rev-parse", "HEAD"])
            .output()
            .expect("git runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Writes the configuration. `interval`: between polls; empty = as the engine has it.
    pub(super) fn configure(&self, interval: &str) -> PathBuf {
        let mut spec = json!({"git": {"url": format!("file://{}", self.repo().display()), "ref": {"branch": "main"}}});
        if !interval.is_empty() {
            spec["interval"] = interval.into();
        }
        if let Some(url) = &self.told {
            spec["plugins"] = json!({"notify": [{"name": WEBHOOK, "config": {"url": url}}]});
        }
        let mut documents = vec![
            document("Repository", "shop", &spec),
            document(
                "Cluster",
                "bench",
                &json!({"kubeconfig": {"file": self.kubeconfig}, "withoutServiceAccount": "ActAsOwn"}),
            ),
        ];
        documents.extend(self.told.iter().map(|_| webhook()));
        documents.extend((0..self.apps).map(|app| {
            let target = json!({"cluster": "bench", "namespace": self.namespace(app)});
            let spec = json!({"repository": "shop", "path": format!("apps/a{app}"), "target": target});
            document("App", &self::app(app), &spec)
        }));
        let file = self.folder().join("windlass.yaml");
        write(&file, &documents.join("---\n"));
        file
    }
}

/// Name of the plugin that tells over HTTP.
const WEBHOOK: &str = "webhook";

/// Admits it, and lets it reach this machine.
fn webhook() -> String {
    let file = plugins().join("webhook.wasm");
    let bytes = fs::read(&file).expect("the plugin is built");
    let version = json!({"version": env!("CARGO_PKG_VERSION"), "file": file, "digest": Digest::of(&bytes).to_string()});
    let spec = json!({
        "grants": ["http"], "http": {"private": ["localhost"], "plain": ["localhost"]}, "versions": [version],
    });
    document("Plugin", WEBHOOK, &spec)
}

fn document(kind: &str, name: &str, spec: &Value) -> String {
    yaml::write(&json!({"apiVersion": "windlass.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}))
}

/// Name of an app.
pub(super) fn app(index: usize) -> String {
    format!("a{index}")
}

/// As many as so many apps need.
pub(super) fn namespaces(cluster: &Cluster, stem: &str, apps: usize) -> Vec<String> {
    (0..apps.div_ceil(PER_NAMESPACE))
        .map(|_| cluster.namespace(stem).expect("a namespace"))
        .collect()
}

/// Index of the namespace of an app.
pub(super) const fn namespace_of(app: usize) -> usize {
    app / PER_NAMESPACE
}

/// The four objects of an app.
pub(super) fn objects(namespace: &str, app: usize, release: &str) -> Vec<Placed> {
    let name = format!("a{app}");
    let labels = json!({LABEL: "yes", "app.kubernetes.io/name": name});
    let metadata = json!({
        "name": name, "namespace": namespace, "labels": labels,
        "annotations": {"example.test/team": "shop"},
    });
    let core = |plural: &str| format!("/api/v1/namespaces/{namespace}/{plural}");
    let group = |group: &str, plural: &str| format!("/apis/{group}/v1/namespaces/{namespace}/{plural}");
    vec![
        Placed {
            list: core("serviceaccounts"),
            value: json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        },
        Placed {
            list: core("services"),
            value: json!({
                "apiVersion": "v1", "kind": "Service", "metadata": metadata,
                "spec": {
                    "selector": {"app.kubernetes.io/name": name},
                    "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
                },
            }),
        },
        Placed {
            list: group("apps", "deployments"),
            value: json!({
                "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
                "spec": {
                    "replicas": 0,
                    "minReadySeconds": 1,
                    "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
                    "template": {
                        "metadata": {"labels": {"app.kubernetes.io/name": name}},
                        "spec": {
                            "serviceAccountName": name,
                            "containers": [{
                                "name": "main",
                                "image": format!("registry.example.test/shop:{release}"),
                                "ports": [{"containerPort": 8080}],
                                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                            }],
                        },
                    },
                },
            }),
        },
        Placed {
            list: group("networking.k8s.io", "ingresses"),
            value: json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata,
                "spec": {"rules": [{
                    "host": format!("{name}.example.test"),
                    "http": {"paths": [{
                        "path": "/", "pathType": "Prefix",
                        "backend": {"service": {"name": name, "port": {"name": "http"}}},
                    }]},
                }]},
            }),
        },
    ]
}

fn big(namespace: &str, app: usize) -> Placed {
    Placed {
        list: format!("/api/v1/namespaces/{namespace}/configmaps"),
        value: json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": format!("a{app}"), "namespace": namespace, "labels": {LABEL: "yes"}},
            "data": {"text": "0123456789abcde\n".repeat(50_000 / 16)},
        }),
    }
}

/// Group of the kinds that are defined here.
const GROUP: &str = "bench.example.test";

/// Kind whose status says how its objects are.
const CONDITIONS: &str = "probe";

fn of_own_kind(namespace: &str, app: usize) -> Placed {
    of_kind(&format!("kind{app}"), namespace, app)
}

/// The object of [`Weight::Conditions`].
pub(super) fn of_conditions(namespace: &str, app: usize) -> Placed {
    of_kind(CONDITIONS, namespace, app)
}

fn of_kind(kind: &str, namespace: &str, app: usize) -> Placed {
    Placed {
        list: format!("/apis/{GROUP}/v1/namespaces/{namespace}/{kind}s"),
        value: json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": kind,
            "metadata": {"name": format!("a{app}"), "namespace": namespace, "labels": {LABEL: "yes"}},
            "spec": {"size": app},
        }),
    }
}

/// Defines a kind of that name, in lower case.
fn define(cluster: &Cluster, kind: &str) {
    let names =
        json!({"plural": format!("{kind}s"), "singular": kind, "kind": kind, "listKind": format!("{kind}list")});
    let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let schema = json!({"openAPIV3Schema": {
        "type": "object",
        "properties": {"spec": anything, "status": anything},
    }});
    let definition = json!({
        "metadata": {"name": format!("{kind}s.{GROUP}")},
        "spec": {
            "group": GROUP, "scope": "Namespaced", "names": names,
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema, "subresources": {"status": {}}}],
        },
    });
    cluster
        .client()
        .create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &definition)
        .expect("a definition");
}
