//! Text to [`Config`], with the line of every mistake.

use std::cell::OnceCell;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    API_VERSION, App, AppSpec, ClusterSpec, Config, IN_CLUSTER, PluginSpec, RepositorySpec, Unnamed, app, cluster,
    depends, repository,
};
use crate::yaml::{self, Outline, YamlDocument};

/// A mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConfigError {
    /// One sentence; names the document and the field.
    pub message: String,
    /// From 1; 0 = unknown.
    pub line: u32,
    /// From 1; 0 = unknown.
    pub column: u32,
    /// What to do.
    pub help: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default, rename = "labels")]
    _labels: Value,
    #[serde(default, rename = "annotations")]
    _annotations: Value,
}

/// Mistakes shown of one configuration: more hide the first.
const MAX_ERRORS: usize = 100;

/// Reads every document of a configuration and checks what can be checked without looking further.
///
/// # Errors
/// All mistakes at once, in the order of the text; at least one.
pub fn load(text: &str) -> Result<Config, Vec<ConfigError>> {
    let documents = yaml::parse(text).map_err(|e| {
        vec![ConfigError {
            message: e.message,
            line: e.line,
            column: e.column,
            help: None,
        }]
    })?;
    let mut loader = Loader {
        text,
        outline: OnceCell::new(),
        config: Config::default(),
        errors: Vec::new(),
    };
    for (index, document) in documents.into_iter().enumerate() {
        if let Err(error) = loader.document(index, &document) {
            loader.errors.push(error);
        }
        if loader.errors.len() == MAX_ERRORS {
            break;
        }
    }
    loader.finish()
}

struct Loader<'a> {
    text: &'a str,
    /// Made for the first mistake.
    outline: OnceCell<Option<Outline<'a>>>,
    config: Config,
    errors: Vec<ConfigError>,
}

impl Loader<'_> {
    fn document(&mut self, index: usize, document: &YamlDocument) -> Result<(), ConfigError> {
        let value = &document.value;
        let kind = value.get("kind").and_then(Value::as_str).unwrap_or_default();
        let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
        if version != API_VERSION || !matches!(kind, "Repository" | "App" | "Cluster" | "Plugin") {
            let at = if version == API_VERSION { "/kind" } else { "/apiVersion" };
            return Err(self
                .error(
                    index,
                    at,
                    format!(
                        "expected a Repository, App, Cluster or Plugin of `{API_VERSION}`, found kind `{kind}` of `{version}`"
                    ),
                )
                .with_help("a configuration holds Windlass documents only; manifests belong into the repository"));
        }
        self.only_known_keys(index, value)?;
        let metadata: Metadata = self.typed(index, value, "metadata", kind)?;
        let name = metadata.name;
        let namespace = metadata.namespace.unwrap_or_else(|| "default".to_owned());
        for (field, text) in [("name", &name), ("namespace", &namespace)] {
            if !super::is_name(text) {
                let message = format!("`{text}` is no {field}: use lower-case letters, digits, `-` and `.`");
                return Err(self.error(index, &format!("/metadata/{field}"), message));
            }
        }
        let label = format!("{kind} `{name}`");
        let fresh = match kind {
            "Repository" => {
                let spec: RepositorySpec = self.typed(index, value, "spec", &label)?;
                self.check_repository(index, &label, &spec)?;
                self.config.repositories.insert(name, spec).is_none()
            }
            "Cluster" => {
                let spec: ClusterSpec = self.typed(index, value, "spec", &label)?;
                if name == IN_CLUSTER {
                    let message =
                        format!("{label}: this name means the cluster that the engine runs in; use another one");
                    return Err(self.error(index, "/metadata/name", message));
                }
                cluster::check(&spec)
                    .map_err(|(pointer, message)| self.error(index, &pointer, format!("{label}: {message}")))?;
                self.config.clusters.insert(name, spec).is_none()
            }
            "Plugin" => {
                let spec: PluginSpec = self.typed(index, value, "spec", &label)?;
                if spec.versions.is_empty() {
                    return Err(self.error(index, "/spec/versions", format!("{label}: spec.versions is empty")));
                }
                self.config.plugins.insert(name, spec).is_none()
            }
            _ => {
                let spec: AppSpec = self.typed(index, value, "spec", &label)?;
                self.check_app(index, &label, &spec)?;
                self.config
                    .apps
                    .insert(name.clone(), App { namespace, name, spec })
                    .is_none()
            }
        };
        if fresh {
            Ok(())
        } else {
            Err(self.error(index, "/metadata/name", format!("{label} stands there twice")))
        }
    }

    fn only_known_keys(&self, index: usize, value: &Value) -> Result<(), ConfigError> {
        let known = ["apiVersion", "kind", "metadata", "spec"];
        let keys = value.as_object().into_iter().flat_map(|map| map.keys());
        match keys.into_iter().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(self.error(
                index,
                &format!("/{}", key.replace('~', "~0").replace('/', "~1")),
                format!("unknown field `{key}`, expected one of `apiVersion`, `kind`, `metadata`, `spec`"),
            )),
            None => Ok(()),
        }
    }

    fn typed<T: DeserializeOwned>(
        &self,
        index: usize,
        value: &Value,
        field: &str,
        label: &str,
    ) -> Result<T, ConfigError> {
        let Some(part) = value.get(field) else {
            return Err(self.error(index, "", format!("{label}: `{field}` is missing")));
        };
        serde_path_to_error::deserialize(part).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." {
                field.to_owned()
            } else {
                format!("{field}.{path}")
            };
            let pointer = pointer(field, error.path());
            let told = self.error(index, &pointer, format!("{label}: {path}: {}", error.inner()));
            if error.inner().to_string().contains("invalid type: boolean") {
                return told
                    .with_help("put it in quotes: YAML reads `n`, `no`, `off`, `y`, `yes` and `on` as booleans");
            }
            told
        })
    }

    fn check_repository(&self, index: usize, label: &str, spec: &RepositorySpec) -> Result<(), ConfigError> {
        repository::check(spec).map_err(|(pointer, message)| self.error(index, &pointer, format!("{label}: {message}")))
    }

    fn check_app(&self, index: usize, label: &str, spec: &AppSpec) -> Result<(), ConfigError> {
        app::check(spec).map_err(|(pointer, message)| self.error(index, &pointer, format!("{label}: {message}")))
    }

    /// 0 when it is not known.
    fn locate(&self, index: usize, pointer: &str) -> (u32, u32) {
        let outline = self.outline.get_or_init(|| Outline::of(self.text));
        outline
            .as_ref()
            .and_then(|outline| outline.place(index, pointer))
            .unwrap_or_default()
    }

    fn error(&self, index: usize, pointer: &str, message: String) -> ConfigError {
        let (line, column) = self.locate(index, pointer);
        ConfigError {
            message,
            line,
            column,
            help: None,
        }
    }

    /// References between documents, once all are known.
    fn finish(mut self) -> Result<Config, Vec<ConfigError>> {
        // With a document that can't be read, what refers to it would be told as well.
        if self.errors.is_empty() {
            let wrong = self.config.apps.values().filter_map(|app| dangling(app, &self.config));
            let wrong: Vec<_> = wrong.take(MAX_ERRORS).collect();
            let documents = if wrong.is_empty() {
                Vec::new()
            } else {
                yaml::parse(self.text).unwrap_or_default()
            };
            for (app, pointer, message, help) in wrong {
                let (line, column) = self.place_of_app(&documents, &app, &pointer);
                self.errors.push(ConfigError {
                    message: format!("App `{app}`: {message}"),
                    line,
                    column,
                    help: Some(help),
                });
            }
        }
        if self.errors.is_empty() {
            Ok(self.config)
        } else {
            Err(self.errors)
        }
    }

    fn place_of_app(&self, documents: &[YamlDocument], name: &str, pointer: &str) -> (u32, u32) {
        let index = documents.iter().position(|d| {
            d.value.get("kind").and_then(Value::as_str) == Some("App")
                && d.value.pointer("/metadata/name").and_then(Value::as_str) == Some(name)
        });
        index.map_or_else(Default::default, |index| self.locate(index, pointer))
    }
}

/// What an App refers to and isn't there: its name, a pointer, what is wrong, and what to do.
fn dangling(app: &App, config: &Config) -> Option<(String, String, String, String)> {
    let found = |pointer: &str, message, help| Some((app.name.clone(), pointer.to_owned(), message, help));
    let repository = &app.spec.repository;
    if !config.repositories.contains_key(repository) {
        let message = format!("spec.repository: there is no Repository `{repository}`");
        return found(
            "/spec/repository",
            message,
            known("Repository", config.repositories.keys()),
        );
    }
    if let Some((pointer, message, help)) = depends::dangling(app, &config.apps) {
        return found(&pointer, message, help);
    }
    let target = &app.spec.target;
    let cluster = target.cluster.as_ref()?;
    let unnamed = match config.clusters.get(cluster) {
        Some(spec) => spec.without_service_account,
        None if cluster == IN_CLUSTER => Unnamed::Refuse,
        None => {
            let message = format!("spec.target.cluster: there is no Cluster `{cluster}`");
            return found(
                "/spec/target/cluster",
                message,
                known("Cluster", config.clusters.keys()),
            );
        }
    };
    if unnamed == Unnamed::Refuse && target.service_account_name.is_none() {
        let message =
            format!("spec.target: `serviceAccountName` is missing: in cluster `{cluster}` an App acts as one");
        let help = format!(
            "name a service account of namespace `{}`; or, where the kubeconfig is your own, set `withoutServiceAccount: ActAsOwn` in the Cluster",
            app.namespace
        );
        return found("/spec/target", message, help);
    }
    None
}

fn known<'n>(kind: &str, names: impl Iterator<Item = &'n String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        format!("add a {kind} document")
    } else {
        format!("known: {}", names.join(", "))
    }
}

impl ConfigError {
    fn with_help(mut self, help: &str) -> Self {
        self.help = Some(help.to_owned());
        self
    }
}

fn pointer(field: &str, path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = format!("/{field}");
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}
