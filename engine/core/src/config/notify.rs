//! Who is told of what becomes of Apps.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Home, Mistake, NAME_WORDS, PluginChoice, SecretRef,
    secret::{Bound, only_in_clusters, only_in_files},
};
use crate::event::Topic;

/// Bindings of a repository. The threat is a message to each for every edge of a thousand apps.
pub const MOST_BINDINGS: usize = 20;

/// `Repository.spec.plugins.notify[]`: a notifier, and what it is told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NotifySpec {
    /// Name of the plugin.
    pub name: String,
    /// A whole version or its beginning: `4.3` admits `4.3.1`.
    #[serde(default)]
    pub version: Option<String>,
    /// What this binding is called, where one plugin tells several receivers. Default: the plugin's name.
    #[serde(default, rename = "as")]
    pub called: Option<String>,
    /// Config of the plugin, as its own schema wants it (`windlass plugin inspect`).
    #[serde(default)]
    pub config: Map<String, Value>,
    /// Files with the secrets that the config may name, by their names; relative to the configuration file. A trailing line feed
    /// is dropped.
    #[serde(default)]
    pub secret_files: BTreeMap<String, String>,
    /// Of an object in a cluster, instead of files: a Secret of its namespace, whose keys are the names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
    /// What it is told of. Default: everything but `progressing`.
    #[serde(default = "default_topics")]
    pub on: BTreeSet<Topic>,
    /// Names of Apps, or patterns (`shop-*`). Default: all of the repository.
    #[serde(default)]
    pub apps: Vec<String>,
}

/// Everything that people are told of unless they say otherwise: a pod that is being moved is no news.
fn default_topics() -> BTreeSet<Topic> {
    Topic::ALL
        .into_iter()
        .filter(|topic| *topic != Topic::Progressing)
        .collect()
}

impl NotifySpec {
    /// The plugin it asks for.
    #[must_use]
    pub fn choice(&self) -> PluginChoice {
        PluginChoice {
            name: self.name.clone(),
            version: self.version.clone(),
        }
    }

    /// What the binding is called; unique within a repository.
    #[must_use]
    pub fn binding(&self) -> &str {
        self.called.as_deref().unwrap_or(&self.name)
    }

    /// The Apps that it is about.
    ///
    /// # Errors
    /// The first pattern that is none, by its position, and why.
    pub fn apps(&self) -> Result<Apps, (usize, String)> {
        if self.apps.is_empty() {
            return Ok(Apps(None));
        }
        let mut set = GlobSetBuilder::new();
        for (position, pattern) in self.apps.iter().enumerate() {
            set.add(Glob::new(pattern).map_err(|error| (position, error.kind().to_string()))?);
        }
        let set = set.build().map_err(|error| (0, error.kind().to_string()))?;
        Ok(Apps(Some(set)))
    }
}

/// Some Apps, by patterns.
#[derive(Debug, Clone, Default)]
pub struct Apps(Option<GlobSet>);

impl Apps {
    /// Whether an App is one of them, by its name.
    #[must_use]
    pub fn have(&self, app: &str) -> bool {
        self.0.as_ref().is_none_or(|set| set.is_match(app))
    }
}

/// `App.spec.notify`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppNotifySpec {
    /// What its repository's notifiers are told of this App; of their own topics, these are left. `[]` = nothing.
    #[serde(default)]
    pub on: Option<BTreeSet<Topic>>,
    /// Write Events into the cluster as well, about the objects that they concern, in the name of the App's service account. It
    /// must be allowed to create `events`.
    #[serde(default)]
    pub kubernetes_events: bool,
}

/// What contradicts itself. `field`: where they stand. `home`: where the document stands, if what it names may hang on that.
pub(super) fn check(bindings: &[NotifySpec], field: &str, home: Option<Home>) -> Result<(), Mistake> {
    let at = format!("/{}", field.replace('.', "/"));
    let wrong = |pointer: String, message: String| Err((format!("{at}{pointer}"), message));
    if bindings.len() > MOST_BINDINGS {
        let message = format!(
            "{field} has {} notifiers; at most {MOST_BINDINGS} are told",
            bindings.len()
        );
        return wrong(String::new(), message);
    }
    for (position, binding) in bindings.iter().enumerate() {
        let name = binding.binding();
        if !super::is_name(name) {
            let message = format!("{field}[{position}].as: `{name}` is no name: {NAME_WORDS}");
            return wrong(format!("/{position}/as"), message);
        }
        if bindings[..position].iter().any(|other| other.binding() == name) {
            let message = format!("{field}: `{name}` stands there twice; {ANOTHER_NAME}");
            let field = if binding.called.is_some() { "as" } else { "name" };
            return wrong(format!("/{position}/{field}"), message);
        }
        if let Some(home) = home {
            check_home(binding, &format!("{at}/{position}"), home)?;
        }
        if let Err((pattern, why)) = binding.apps() {
            let message = format!(
                "{field}[{position}].apps[{pattern}]: `{}` is no pattern: {why}",
                binding.apps[pattern]
            );
            return wrong(format!("/{position}/apps/{pattern}"), message);
        }
    }
    Ok(())
}

/// Of two bindings, for people.
pub(crate) const ANOTHER_NAME: &str = "give one of them another name (`as`)";

/// Of secrets in a cluster, for people.
pub(crate) const NAME_A_SECRET: &str = "put them into a Secret and name that (`secretRef`)";

fn check_home(binding: &NotifySpec, at: &str, home: Home) -> Result<(), Mistake> {
    only_in_files(
        home,
        &[Bound {
            pointer: &format!("{at}/secretFiles"),
            given: !binding.secret_files.is_empty(),
            instead: NAME_A_SECRET,
        }],
    )?;
    only_in_clusters(
        home,
        &[Bound {
            pointer: &format!("{at}/secretRef"),
            given: binding.secret_ref.is_some(),
            instead: "write `secretFiles`",
        }],
    )
}
