//! One case: what both sides are given.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;
use windlass_core::render::Instant;
use windlass_source::{
    Cancel, Revision,
    local::{Folder, GitConfig, Options, Root},
};

use super::Problem;

/// A native tool, and the plugin of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// `helm template`
    Helm,
    /// `kustomize build`
    Kustomize,
    /// `jsonnet`
    Jsonnet,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Helm, Self::Kustomize, Self::Jsonnet];

    /// As the command and the plugin are called.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Helm => "helm",
            Self::Kustomize => "kustomize",
            Self::Jsonnet => "jsonnet",
        }
    }
}

/// One comparison.
#[derive(Debug)]
pub struct Case {
    /// The path within what was asked for, and what distinguishes cases of the same path.
    pub name: String,
    /// Who renders it.
    pub tool: Tool,
    pub(super) config: Map<String, Value>,
    pub(super) facts: CaseFacts,
    pub(super) ground: Arc<Ground>,
    /// What the native tool may write: its home, values, output.
    pub(super) scratch: TempDir,
    /// What the plugin is told of the time; by default it is that of the native tool.
    pub(super) now: Option<Instant>,
}

/// `facts.json` of a golden case: all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct CaseFacts {
    pub(super) name: Option<String>,
    pub(super) namespace: Option<String>,
    pub(super) path: Option<String>,
    pub(super) kube_version: Option<String>,
    pub(super) apis: Vec<String>,
    pub(super) sources: BTreeMap<String, String>,
    pub(super) archives: BTreeMap<String, String>,
    pub(super) fails: Option<String>,
    pub(super) native: Option<String>,
    pub(super) programs: Vec<String>,
}

/// The folder that is the root of the plugin's tree, and the native tool's working folder. Cases may share one.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) root: PathBuf,
    pub(super) revision: Revision,
    /// Gone with the last case that stands on it.
    pub(super) _copy: Option<TempDir>,
}

impl Ground {
    /// A folder as it lies there.
    pub(super) fn at(root: &Path) -> Result<Arc<Self>, Problem> {
        Ok(Arc::new(Self {
            root: root.to_owned(),
            revision: scan(root)?,
            _copy: None,
        }))
    }

    /// A folder of our own.
    pub(super) fn of(copy: TempDir) -> Result<Arc<Self>, Problem> {
        Ok(Arc::new(Self {
            root: copy.path().to_owned(),
            revision: scan(copy.path())?,
            _copy: Some(copy),
        }))
    }
}

impl Case {
    /// A case at a path of `ground`, without any setting.
    pub(super) fn new(name: String, tool: Tool, ground: &Arc<Ground>, path: String) -> Result<Self, Problem> {
        Ok(Self {
            name,
            tool,
            config: Map::new(),
            facts: CaseFacts {
                path: Some(path),
                ..CaseFacts::default()
            },
            ground: Arc::clone(ground),
            scratch: tempfile::tempdir()?,
            now: None,
        })
    }

    /// The case as another app: its random values are others.
    #[must_use]
    pub fn of_app(mut self, name: &str) -> Self {
        self.facts.name = Some(name.to_owned());
        self
    }

    /// The case at a time of its own, in seconds since 1970.
    #[must_use]
    pub fn at(mut self, seconds: i64) -> Self {
        self.now = Some(Instant {
            seconds,
            nanoseconds: 0,
        });
        self
    }

    pub(super) fn root(&self) -> &Path {
        &self.ground.root
    }

    /// Where in the tree; "" is the root.
    pub(super) fn app(&self) -> &str {
        self.facts.path.as_deref().unwrap_or("app")
    }

    pub(super) fn release(&self) -> String {
        let configured = self.config.get("releaseName").and_then(Value::as_str);
        configured.map_or_else(|| "app".to_owned(), str::to_owned)
    }

    pub(super) fn namespace(&self) -> &str {
        self.facts.namespace.as_deref().unwrap_or("default")
    }
}

/// What git would see of a folder, whatever the user's own configuration says.
pub(super) fn scan(root: &Path) -> Result<Revision, Problem> {
    let options = Options {
        root: Root::At(root.to_owned()),
        config: GitConfig::Repository,
    };
    let (folder, _) = Folder::open(root, &options)?;
    Ok(folder.scan(&Cancel::new())?.revision)
}
