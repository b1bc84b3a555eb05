//! Text to [`Config`], with the line of every mistake.

use std::cell::OnceCell;

use serde_json::Value;

use super::{App, Config, DEFAULT_NAMESPACE, DocumentError, Home, IN_CLUSTER, Unnamed, depends, id_of, parts_of, read};
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
        let read = read(&document.value, Home::File).map_err(|wrong| self.located(index, wrong))?;
        let label = read.to_string();
        if self.config.insert(read) {
            Ok(())
        } else {
            Err(self.error(index, "/metadata/name", format!("{label} stands there twice")))
        }
    }

    fn located(&self, index: usize, wrong: DocumentError) -> ConfigError {
        ConfigError {
            help: wrong.help,
            ..self.error(index, &wrong.pointer, wrong.message)
        }
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

    fn place_of_app(&self, documents: &[YamlDocument], id: &str, pointer: &str) -> (u32, u32) {
        let (namespace, name) = parts_of(id);
        let says = |d: &YamlDocument, at| d.value.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let index = documents.iter().position(|d| {
            says(d, "/kind").as_deref() == Some("App")
                && says(d, "/metadata/name").as_deref() == Some(name)
                && says(d, "/metadata/namespace").as_deref().unwrap_or(DEFAULT_NAMESPACE) == namespace
        });
        index.map_or_else(Default::default, |index| self.locate(index, pointer))
    }
}

/// A mistake that only a look at something else could find, a plugin's schema for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Of the document.
    pub kind: &'static str,
    /// Of the document; "default" where it names none.
    pub namespace: String,
    /// Of the document.
    pub name: String,
    /// The field, as a JSON pointer from the document's root.
    pub pointer: String,
    /// One sentence about the field.
    pub message: String,
}

/// The lines of mistakes in a configuration that was loaded from `text`: of the field, or of the nearest above it that is there.
#[must_use]
pub fn locate(text: &str, flaws: &[Flaw]) -> Vec<ConfigError> {
    let (documents, outline) = (yaml::parse(text).unwrap_or_default(), Outline::of(text));
    let says = |document: &YamlDocument, pointer| {
        let text = document.value.pointer(pointer).and_then(Value::as_str);
        text.map(str::to_owned)
    };
    let place = |flaw: &Flaw| {
        let index = documents.iter().position(|document| {
            let namespace = says(document, "/metadata/namespace");
            says(document, "/kind").as_deref() == Some(flaw.kind)
                && says(document, "/metadata/name").as_ref() == Some(&flaw.name)
                && namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE) == flaw.namespace
        })?;
        outline.as_ref()?.place(index, &flaw.pointer)
    };
    let located = flaws.iter().take(MAX_ERRORS).map(|flaw| {
        let (line, column) = place(flaw).unwrap_or_default();
        let field = flaw.pointer.trim_start_matches('/').replace('/', ".");
        ConfigError {
            message: format!(
                "{} `{}`: {field}: {}",
                flaw.kind,
                id_of(&flaw.namespace, &flaw.name),
                flaw.message
            ),
            line,
            column,
            help: None,
        }
    });
    located.collect()
}

/// What an App refers to and isn't there: its id, a pointer, what is wrong, and what to do.
fn dangling(app: &App, config: &Config) -> Option<(String, String, String, String)> {
    let found = |pointer: &str, message, help| Some((app.id().to_owned(), pointer.to_owned(), message, help));
    let repository = app.repository();
    if !config.repositories.contains_key(repository) {
        let message = format!("spec.repository: there is no Repository `{repository}`");
        let help = elsewhere(app, config).unwrap_or_else(|| known("Repository", config.repositories.keys()));
        return found("/spec/repository", message, help);
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

/// Where a Repository of that name is, if only in other namespaces.
fn elsewhere(app: &App, config: &Config) -> Option<String> {
    let name = &app.spec.repository;
    let all = config.repositories.keys().map(|id| parts_of(id));
    let others: Vec<String> = all
        .filter(|(_, other)| other == name)
        .map(|(namespace, name)| format!("`{namespace}/{name}`"))
        .collect();
    (!others.is_empty()).then(|| {
        format!(
            "a name alone is of the App's own namespace, `{}`; elsewhere there is {}",
            app.namespace,
            others.join(", ")
        )
    })
}

fn known<'n>(kind: &str, names: impl Iterator<Item = &'n String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        format!("add a {kind} document")
    } else {
        format!("known: {}", names.join(", "))
    }
}
