//! The cases of any folder, recognised by the files that mark them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::json;

use super::{
    Problem,
    case::{Case, Ground, Tool},
};

/// How deep folders are looked at: a loop of links must end.
const MAX_DEPTH: usize = 32;

const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Every chart, chart archive, kustomization and Jsonnet file at or below a folder, which is the root of their tree.
///
/// A chart's own folder is searched no further: what lies in its `charts/` is rendered with it. A chart is rendered once as it is,
/// and once with each `ci/*-values.yaml`, by the custom of chart repositories. Jsonnet's `vendor/` holds libraries.
///
/// # Errors
/// When the folder can't be read.
pub fn found(folder: &Path) -> Result<Vec<Case>, Problem> {
    let ground = Ground::at(&folder.canonicalize()?)?;
    let mut search = Search {
        ground,
        cases: Vec::new(),
        wanted: |_| true,
    };
    search.folder(Path::new(""), 0)?;
    Ok(search.cases)
}

/// A walk through a folder.
pub(super) struct Search {
    pub(super) ground: Arc<Ground>,
    pub(super) cases: Vec<Case>,
    /// Which paths may be cases.
    pub(super) wanted: fn(&Path) -> bool,
}

impl Search {
    pub(super) fn folder(&mut self, at: &Path, depth: usize) -> Result<(), Problem> {
        let entries = self.entries(at)?;
        let has = |name: &str| entries.iter().any(|entry| entry.ends_with(name));
        if has("Chart.yaml") && (self.wanted)(at) {
            return self.chart(at);
        }
        if KUSTOMIZATIONS.iter().any(|name| has(name)) {
            self.add(at, Tool::Kustomize)?;
        }
        for entry in &entries {
            self.entry(entry, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &Path, depth: usize) -> Result<(), Problem> {
        let path = self.ground.root.join(entry);
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() {
            let searched = !hidden && !entry.ends_with("vendor") && !path.is_symlink() && depth < MAX_DEPTH;
            return if searched {
                self.folder(entry, depth + 1)
            } else {
                Ok(())
            };
        }
        match entry.extension().and_then(|extension| extension.to_str()) {
            Some("tgz") => self.add(entry, Tool::Helm),
            Some("jsonnet") if !hidden => self.add(entry, Tool::Jsonnet),
            _ => Ok(()),
        }
    }

    /// Sorted, from the root.
    fn entries(&self, at: &Path) -> Result<Vec<PathBuf>, Problem> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.ground.root.join(at))? {
            entries.push(at.join(entry?.file_name()));
        }
        entries.sort();
        Ok(entries)
    }

    fn chart(&mut self, at: &Path) -> Result<(), Problem> {
        self.add(at, Tool::Helm)?;
        for values in self.ci_values(at) {
            self.add(at, Tool::Helm)?;
            if let Some(case) = self.cases.last_mut() {
                case.name = format!("{} ({values})", case.name);
                case.config.insert("valueFiles".to_owned(), json!([values]));
            }
        }
        Ok(())
    }

    fn ci_values(&self, at: &Path) -> Vec<String> {
        let Ok(entries) = self.entries(&at.join("ci")) else {
            return Vec::new();
        };
        let names = entries.iter().filter_map(|entry| entry.file_name()?.to_str());
        let values = names.filter(|name| name.ends_with("-values.yaml"));
        values.map(|name| format!("ci/{name}")).collect()
    }

    /// A path that is not UTF-8 is nothing a plugin could be given.
    fn add(&mut self, at: &Path, tool: Tool) -> Result<(), Problem> {
        let Some(path) = at.to_str().filter(|_| (self.wanted)(at)) else {
            return Ok(());
        };
        let name = if path.is_empty() { "." } else { path };
        let mut case = Case::new(name.to_owned(), tool, &self.ground, path.to_owned())?;
        match tool {
            // The plugin's default is the folder's name, and the native command has none.
            Tool::Helm => drop(case.config.insert("releaseName".to_owned(), json!(case.release()))),
            Tool::Jsonnet => case.facts.native = Some("any".to_owned()),
            Tool::Kustomize => {}
        }
        self.cases.push(case);
        Ok(())
    }
}
