//! The plugins of an installation: found in folders, admitted by `Plugin` documents, chosen by name or by the files of a folder.

mod calls;
mod recognise;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::OnceCell;
use windlass_core::{
    config::{PluginChoice, PluginSpec},
    digest::Digest,
    plugin::{Manifest, World},
    reach::Reach,
    render::{Diagnostic, Location},
    status::PluginVersionStatus,
};
use windlass_host::{
    CallLimits, Host, HostOptions, Inspection, LoadError, LoadOptions, NotAComponent, Outcome, Plugin, RenderRequest,
    ValidateRequest, WorkerCommand,
};

use crate::stop::chain;

/// All plugins that may be used, and the host that runs them.
pub struct Plugins {
    host: Arc<Host>,
    /// By name, then by version.
    admitted: BTreeMap<String, BTreeMap<String, Arc<Candidate>>>,
    /// Files in plugin folders that are no plugins, with the reason.
    rejected: Vec<(PathBuf, String)>,
    folders: Vec<PathBuf>,
    /// Budgets that a `Plugin` document sets, by the component's digest.
    limits: BTreeMap<Digest, CallLimits>,
    /// Where requests may go, by the plugin's name.
    reaches: BTreeMap<String, Arc<Reach>>,
}

/// An admitted component: known by its manifest, compiled when it is used first.
pub struct Candidate {
    path: PathBuf,
    inspection: Inspection,
    options: LoadOptions,
    loaded: OnceCell<Arc<Plugin>>,
}

/// Why the plugins can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PluginsError {
    /// A pinned component can't be read.
    #[error("Plugin `{name}` {version}: `{}` can't be read", path.display())]
    Read {
        /// Name in the configuration.
        name: String,
        /// Version in the configuration.
        version: String,
        /// The component.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A pinned component is no plugin.
    #[error("Plugin `{name}` {version}: `{}` is no plugin", path.display())]
    NoPlugin {
        /// Name in the configuration.
        name: String,
        /// Version in the configuration.
        version: String,
        /// The component.
        path: PathBuf,
        /// Why.
        #[source]
        source: NotAComponent,
    },
    /// A pinned component is not the one that was admitted.
    #[error("Plugin `{name}` {version}: `{}` has digest {found}, admitted is {expected}: restore the file, or admit the new digest", path.display())]
    Digest {
        /// Name in the configuration.
        name: String,
        /// Version in the configuration.
        version: String,
        /// The component.
        path: PathBuf,
        /// Of the file.
        found: Digest,
        /// In the configuration.
        expected: Digest,
    },
    /// The document and the component's manifest disagree.
    #[error("Plugin `{name}` {version}: `{}` says it is `{found}`", path.display())]
    Mismatch {
        /// Name in the configuration.
        name: String,
        /// Version in the configuration.
        version: String,
        /// The component.
        path: PathBuf,
        /// Name and version of its manifest.
        found: String,
    },
    /// Workers are this program again.
    #[error("this program's own file can't be found to start workers")]
    Executable {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The host can't start.
    #[error("the plugin host can't be started")]
    Host {
        /// Why.
        #[source]
        source: LoadError,
    },
}

impl Plugins {
    /// Reads the manifests of all components in `folders` and of those that `admitted` pins; runs and compiles nothing.
    /// `base`: where relative paths of the configuration start. `cache`: folder of compiled plugins.
    ///
    /// # Errors
    /// When a pinned component is not as admitted. What lies in `folders` and is no plugin is remembered and told when a
    /// plugin is missed.
    pub fn open(
        folders: &[PathBuf],
        admitted: &BTreeMap<String, PluginSpec>,
        base: &Path,
        cache: &Path,
    ) -> Result<Self, PluginsError> {
        Self::open_bounded(folders, admitted, base, cache, None)
    }

    /// As [`Plugins::open`], with the most bytes of all compiled plugins together.
    ///
    /// # Errors
    /// As [`Plugins::open`].
    pub fn open_bounded(
        folders: &[PathBuf],
        admitted: &BTreeMap<String, PluginSpec>,
        base: &Path,
        cache: &Path,
        max_cache: Option<u64>,
    ) -> Result<Self, PluginsError> {
        let worker = WorkerCommand::own().map_err(|source| PluginsError::Executable { source })?;
        Self::open_with(worker, folders, admitted, base, cache, max_cache)
    }

    /// As [`Plugins::open_bounded`], with workers started by another command: for a program whose own executable is no `windlass`.
    ///
    /// # Errors
    /// As [`Plugins::open`].
    pub fn open_with(
        worker: WorkerCommand,
        folders: &[PathBuf],
        admitted: &BTreeMap<String, PluginSpec>,
        base: &Path,
        cache: &Path,
        max_cache: Option<u64>,
    ) -> Result<Self, PluginsError> {
        let options = HostOptions {
            cache_dir: cache.to_owned(),
            worker,
            workers: 0,
        };
        let host = Host::new(options).map_err(|source| PluginsError::Host { source })?;
        let host = match max_cache {
            Some(bytes) => host.with_cache_bytes(bytes),
            None => host,
        };
        let mut plugins = Self {
            host: Arc::new(host),
            admitted: BTreeMap::new(),
            rejected: Vec::new(),
            folders: folders.to_vec(),
            limits: BTreeMap::new(),
            reaches: BTreeMap::new(),
        };
        plugins.admit_all(admitted, base)?;
        Ok(plugins)
    }

    /// The same host and folders with other documents. What is admitted as before stays as it is, compiled or not.
    ///
    /// # Errors
    /// As [`Plugins::open`].
    pub(crate) fn readmit(&self, admitted: &BTreeMap<String, PluginSpec>, base: &Path) -> Result<Self, PluginsError> {
        let mut plugins = Self {
            host: Arc::clone(&self.host),
            admitted: BTreeMap::new(),
            rejected: Vec::new(),
            folders: self.folders.clone(),
            limits: BTreeMap::new(),
            reaches: BTreeMap::new(),
        };
        plugins.admit_all(admitted, base)?;
        for (name, versions) in &mut plugins.admitted {
            for (version, candidate) in versions {
                let known = self.admitted.get(name).and_then(|versions| versions.get(version));
                if let Some(known) = known.filter(|known| known.is_as(candidate)) {
                    *candidate = Arc::clone(known);
                }
            }
        }
        Ok(plugins)
    }

    fn admit_all(&mut self, admitted: &BTreeMap<String, PluginSpec>, base: &Path) -> Result<(), PluginsError> {
        for (name, spec) in admitted {
            self.admit(name, spec, base)?;
            self.reaches.insert(name.clone(), Arc::new(spec.http.clone()));
        }
        for folder in self.folders.clone() {
            self.search(&folder);
        }
        Ok(())
    }

    /// The budgets of a plugin's calls.
    #[must_use]
    pub fn limits(&self, plugin: &Plugin) -> CallLimits {
        self.limits.get(&plugin.digest()).copied().unwrap_or_default()
    }

    /// Calls a renderer, when it is its tenant's turn. Waiting takes no thread.
    pub async fn render(&self, plugin: Arc<Plugin>, request: RenderRequest) -> Outcome {
        let limits = self.limits(&plugin);
        self.host.render_async(plugin, request, limits).await
    }

    /// Calls a validator, when it is its turn.
    pub(crate) async fn validate(&self, plugin: Arc<Plugin>, request: ValidateRequest) -> Outcome<Vec<Diagnostic>> {
        self.host
            .validate_async(plugin, request, CallLimits::validation())
            .await
    }

    /// What became of each admitted version of a plugin.
    pub(crate) fn versions_of(&self, name: &str) -> Vec<PluginVersionStatus> {
        let versions = self.admitted.get(name).into_iter().flat_map(BTreeMap::keys);
        let status = |version: &String| PluginVersionStatus {
            version: version.clone(),
            ready: true,
            message: None,
        };
        versions.map(status).collect()
    }

    /// Every admitted plugin.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        self.admitted.values().flat_map(BTreeMap::values)
    }

    /// Compiles a plugin, or takes the compiled one from the cache.
    ///
    /// # Errors
    /// When the host refuses it: what it imports, what it was built for, how long it takes to compile.
    pub async fn load(&self, candidate: &Arc<Candidate>) -> Result<Arc<Plugin>, Diagnostic> {
        let loaded = candidate.loaded.get_or_try_init(|| async {
            let (host, candidate) = (Arc::clone(&self.host), Arc::clone(candidate));
            let work = move || {
                let bytes = fs::read(&candidate.path).map_err(|e| chain(&e))?;
                host.load(&bytes, &candidate.options).map_err(|e| chain(&e))
            };
            tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())?
        });
        loaded.await.cloned().map_err(|why: String| {
            let message = format!("plugin `{}` can't be used: {why}", candidate.path.display());
            Diagnostic::error("plugin-refused", message, Location::None)
        })
    }

    fn admit(&mut self, name: &str, spec: &PluginSpec, base: &Path) -> Result<(), PluginsError> {
        for pinned in &spec.versions {
            let path = base.join(&pinned.file);
            let (name, version) = (name.to_owned(), pinned.version.clone());
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                Err(source) => {
                    return Err(PluginsError::Read {
                        name,
                        version,
                        path,
                        source,
                    });
                }
            };
            let inspection = match windlass_host::inspect(&bytes) {
                Ok(inspection) => inspection,
                Err(source) => {
                    return Err(PluginsError::NoPlugin {
                        name,
                        version,
                        path,
                        source,
                    });
                }
            };
            let (found, expected) = (inspection.digest, pinned.digest);
            if found != expected {
                return Err(PluginsError::Digest {
                    name,
                    version,
                    path,
                    found,
                    expected,
                });
            }
            let Manifest {
                name: own_name,
                version: own_version,
                ..
            } = &inspection.manifest;
            if (own_name, own_version) != (&name, &version) {
                let found = format!("{own_name} {own_version}");
                return Err(PluginsError::Mismatch {
                    name,
                    version,
                    path,
                    found,
                });
            }
            let options = LoadOptions {
                expected: Some(expected),
                grants: spec.grants.iter().copied().collect(),
            };
            if let Some(time) = spec.limits.time {
                let limits = CallLimits {
                    time,
                    ..CallLimits::default()
                };
                self.limits.insert(expected, limits);
            }
            self.add(Candidate {
                path,
                inspection,
                options,
                loaded: OnceCell::new(),
            });
        }
        Ok(())
    }

    /// A `Plugin` document decides alone for its name: what lies in folders is not added to it.
    fn search(&mut self, folder: &Path) {
        let pinned: Vec<String> = self.admitted.keys().cloned().collect();
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut files: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "wasm"));
        files.sort();
        for path in files {
            let inspected = fs::read(&path)
                .map_err(|e| chain(&e))
                .and_then(|bytes| windlass_host::inspect(&bytes).map_err(|e| chain(&e)));
            match inspected {
                Ok(inspection) if pinned.contains(&inspection.manifest.name) => {}
                Ok(inspection) => {
                    // The file may be another one when it is loaded: it must still be the one that was read here.
                    let options = LoadOptions {
                        expected: Some(inspection.digest),
                        ..LoadOptions::default()
                    };
                    self.add(Candidate {
                        path,
                        inspection,
                        options,
                        loaded: OnceCell::new(),
                    });
                }
                Err(why) => self.rejected.push((path, why)),
            }
        }
    }

    /// The first of a name and version stays.
    fn add(&mut self, candidate: Candidate) {
        let Manifest { name, version, .. } = &candidate.inspection.manifest;
        let versions = self.admitted.entry(name.clone()).or_default();
        versions.entry(version.clone()).or_insert_with(|| Arc::new(candidate));
    }

    /// The plugin of that name, the highest of the versions that begin as asked.
    ///
    /// # Errors
    /// When there is none, with those there are.
    pub fn choose(&self, choice: &PluginChoice) -> Result<Arc<Candidate>, Diagnostic> {
        let missing =
            |message: String, help: String| Diagnostic::error("no-plugin", message, Location::None).with_help(help);
        let Some(versions) = self.admitted.get(&choice.name) else {
            return Err(missing(
                format!("there is no plugin `{}`", choice.name),
                self.known(None),
            ));
        };
        let wanted = choice.version.as_deref().unwrap_or_default();
        let fits = |version: &str| wanted.is_empty() || version == wanted || version.starts_with(&format!("{wanted}."));
        let best = versions.iter().filter(|(v, _)| fits(v)).max_by_key(|(v, _)| numbers(v));
        best.map(|(_, plugin)| Arc::clone(plugin)).ok_or_else(|| {
            let have = versions.keys().cloned().collect::<Vec<_>>().join(", ");
            missing(
                format!("there is no version `{wanted}` of plugin `{}`", choice.name),
                format!("there is {have}"),
            )
        })
    }

    /// What could be named instead: all, or those of one world.
    fn known(&self, world: Option<World>) -> String {
        if self.admitted.is_empty() {
            let folders = self
                .folders
                .iter()
                .map(|f| format!("`{}`", f.display()))
                .collect::<Vec<_>>()
                .join(", ");
            let rejected = self
                .rejected
                .first()
                .map_or_else(String::new, |(path, why)| format!("; `{}`: {why}", path.display()));
            return format!(
                "no plugins found in {folders}{rejected}: build them with `cargo x plugins`, or name a folder with `--plugins`"
            );
        }
        let fitting = self
            .all()
            .filter(|plugin| world.is_none_or(|world| plugin.manifest().world == world));
        let mut names: Vec<_> = fitting.map(|p| format!("`{}`", p.manifest().name)).collect();
        names.dedup();
        let names = names.join(", ");
        let rejected: String = self
            .rejected
            .iter()
            .map(|(path, why)| format!("; `{}` is not usable: {why}", path.display()))
            .collect();
        format!("there are {names}{rejected}; name one with `spec.render[0].plugin.name` or `--with`")
    }
}

impl Candidate {
    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.inspection.manifest
    }

    /// Whether both are one component with the same rights.
    fn is_as(&self, other: &Self) -> bool {
        self.digest() == other.digest() && self.options == other.options
    }

    /// Of the component.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.inspection.digest
    }
}

/// `4.3.10` after `4.3.9`.
fn numbers(version: &str) -> Vec<u64> {
    version
        .split(['.', '-', '+'])
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number() {
        assert!(numbers("4.3.10") > numbers("4.3.9"));
    }
}
