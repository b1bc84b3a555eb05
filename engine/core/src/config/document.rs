//! One document as a value, to its type: the same checks for a file and for an object in a cluster.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    API_VERSION, App, AppSpec, ClusterSpec, Config, DEFAULT_NAMESPACE, IN_CLUSTER, Mistake, PluginSpec, RepositorySpec,
    TenantSpec, app, cluster, id_of, plugin, repository, tenant,
};

/// One document, read and checked by itself: what it refers to isn't looked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// "default" where it names none, and of the kinds without namespaces.
    pub namespace: String,
    /// A DNS subdomain.
    pub name: String,
    /// What it wants.
    pub spec: Spec,
}

impl Document {
    /// What it is known by among those of its kind.
    #[must_use]
    pub fn id(&self) -> String {
        match &self.spec {
            Spec::Repository(_) | Spec::App(_) => id_of(&self.namespace, &self.name),
            Spec::Cluster(_) | Spec::Plugin(_) | Spec::Tenant(_) => self.name.clone(),
        }
    }
}

/// What a document wants, by its kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Spec {
    /// A source.
    Repository(Box<RepositorySpec>),
    /// What is deployed.
    App(Box<AppSpec>),
    /// A target.
    Cluster(Box<ClusterSpec>),
    /// Admitted versions of a plugin.
    Plugin(Box<PluginSpec>),
    /// What the Apps of some namespaces may do.
    Tenant(Box<TenantSpec>),
}

impl Spec {
    /// The kind, as the document has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Repository(_) => "Repository",
            Self::App(_) => "App",
            Self::Cluster(_) => "Cluster",
            Self::Plugin(_) => "Plugin",
            Self::Tenant(_) => "Tenant",
        }
    }
}

impl fmt::Display for Document {
    /// Kind and name: ``App `api` ``, ``App `shop/api` ``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.spec.kind(), self.id())
    }
}

/// Where a document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home {
    /// In a file, whose author runs the engine: it may name files beside it.
    File,
    /// In a cluster, where a team wrote it: a file that it names would be the engine's own, its token for one.
    Cluster,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DocumentError {
    /// The field, as a JSON pointer from the document's root.
    pub pointer: String,
    /// One sentence; names the document and the field.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl DocumentError {
    fn new(pointer: &str, message: String) -> Self {
        Self {
            pointer: pointer.to_owned(),
            message,
            help: None,
        }
    }

    fn with_help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }
}

/// Of `metadata`, what is looked at.
#[derive(Deserialize)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

/// The kinds there are.
const KINDS: [&str; 5] = ["Repository", "App", "Cluster", "Plugin", "Tenant"];

/// In words.
const EXPECTED: &str = "Repository, App, Cluster, Plugin or Tenant";

/// What an API server writes into `metadata`, so that what `kubectl get -o yaml` prints is a configuration.
const SERVERS_OWN: [&str; 10] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "uid",
];

/// Reads a document and checks what can be checked without looking further.
///
/// # Errors
/// The first mistake.
pub fn read(value: &Value, home: Home) -> Result<Document, DocumentError> {
    let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if version != API_VERSION || !KINDS.contains(&kind) {
        let at = if version == API_VERSION { "/kind" } else { "/apiVersion" };
        let message = format!("expected a {EXPECTED} of `{API_VERSION}`, found kind `{kind}` of `{version}`");
        return Err(DocumentError::new(at, message)
            .with_help("a configuration holds Windlass documents only; manifests belong into the repository"));
    }
    only_known(value, "", &["apiVersion", "kind", "metadata", "spec"], &["status"])?;
    only_known(
        value.get("metadata").unwrap_or(&Value::Null),
        "/metadata",
        &["name", "namespace", "labels", "annotations"],
        &SERVERS_OWN,
    )?;
    let metadata: Metadata = typed(value, "metadata", kind)?;
    let name = metadata.name;
    let namespace = metadata.namespace.unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned());
    for (field, text) in [("name", &name), ("namespace", &namespace)] {
        if !super::is_name(text) {
            let message = format!("`{text}` is no {field}: use lower-case letters, digits, `-` and `.`");
            return Err(DocumentError::new(&format!("/metadata/{field}"), message));
        }
    }
    let spec = spec(value, kind, &name, home)?;
    Ok(Document { namespace, name, spec })
}

fn spec(value: &Value, kind: &str, name: &str, home: Home) -> Result<Spec, DocumentError> {
    let label = format!("{kind} `{name}`");
    let wrong = |(pointer, message): Mistake| DocumentError::new(&pointer, format!("{label}: {message}"));
    Ok(match kind {
        "Repository" => {
            let spec: Box<RepositorySpec> = typed(value, "spec", &label)?;
            repository::check(&spec, home).map_err(wrong)?;
            Spec::Repository(spec)
        }
        "Cluster" => {
            let spec: Box<ClusterSpec> = typed(value, "spec", &label)?;
            if name == IN_CLUSTER {
                let message = cluster::TAKEN.to_owned();
                return Err(wrong(("/metadata/name".to_owned(), message)));
            }
            cluster::check(&spec, home).map_err(wrong)?;
            Spec::Cluster(spec)
        }
        "Plugin" => {
            let spec: Box<PluginSpec> = typed(value, "spec", &label)?;
            plugin::check(&spec, home).map_err(wrong)?;
            Spec::Plugin(spec)
        }
        "Tenant" => {
            let spec: Box<TenantSpec> = typed(value, "spec", &label)?;
            tenant::check(&spec, home).map_err(wrong)?;
            Spec::Tenant(spec)
        }
        _ => {
            let spec: Box<AppSpec> = typed(value, "spec", &label)?;
            app::check(&spec, home).map_err(wrong)?;
            Spec::App(spec)
        }
    })
}

impl Config {
    /// Puts a document in. Whether there was none of that kind and name.
    pub fn insert(&mut self, document: Document) -> bool {
        let id = document.id();
        let Document { namespace, name, spec } = document;
        match spec {
            Spec::Repository(spec) => self.repositories.insert(id, *spec).is_none(),
            Spec::Cluster(spec) => self.clusters.insert(name, *spec).is_none(),
            Spec::Plugin(spec) => self.plugins.insert(name, *spec).is_none(),
            Spec::Tenant(spec) => self.tenants.insert(name, *spec).is_none(),
            Spec::App(spec) => {
                let app = App::new(namespace, name, *spec);
                self.apps.insert(id, app).is_none()
            }
        }
    }
}

/// Of a namespace that has none, or of which nobody knows.
static NO_LABELS: BTreeMap<String, String> = BTreeMap::new();

impl Config {
    /// The Tenants that a namespace is of, by name.
    pub fn tenants_of<'c>(&'c self, namespace: &'c str) -> impl Iterator<Item = (&'c str, &'c TenantSpec)> {
        let labels = self.namespaces.get(namespace).unwrap_or(&NO_LABELS);
        let all = self.tenants.iter().map(|(name, spec)| (name.as_str(), spec));
        all.filter(move |(_, spec)| spec.has(namespace, labels))
    }
}

/// Refuses a key that is neither the user's nor the API server's.
fn only_known(value: &Value, at: &str, known: &[&str], servers: &[&str]) -> Result<(), DocumentError> {
    let mut keys = value.as_object().into_iter().flat_map(|map| map.keys());
    let is_known = |key: &str| known.contains(&key) || servers.contains(&key);
    keys.find(|key| !is_known(key)).map_or(Ok(()), |key| {
        let pointer = format!("{at}/{}", escaped(key));
        let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
        let message = format!("unknown field `{key}`, expected one of {}", known.join(", "));
        Err(DocumentError::new(&pointer, message))
    })
}

fn typed<T: DeserializeOwned>(value: &Value, field: &str, label: &str) -> Result<T, DocumentError> {
    let Some(part) = value.get(field) else {
        return Err(DocumentError::new("", format!("{label}: `{field}` is missing")));
    };
    serde_path_to_error::deserialize(part).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." {
            field.to_owned()
        } else {
            format!("{field}.{path}")
        };
        let told = DocumentError::new(
            &pointer(field, error.path()),
            format!("{label}: {path}: {}", error.inner()),
        );
        if error.inner().to_string().contains("invalid type: boolean") {
            return told.with_help("put it in quotes: YAML reads `n`, `no`, `off`, `y`, `yes` and `on` as booleans");
        }
        told
    })
}

fn pointer(field: &str, path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = format!("/{field}");
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escaped(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// A key as a step of a JSON pointer.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
