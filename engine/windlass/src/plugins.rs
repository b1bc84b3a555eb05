//! The plugins of an installation: found in folders, admitted by `Plugin` documents, chosen by name or by the files of a folder.
//!
//! What is admitted is not all there is to it: a version may not be here yet, and another one than is chosen may go on serving until
//! that has shown what it is ([`crate::supply`]). A [`Plugins`] is what is so at a moment; it is exchanged as a whole.

mod calls;
mod components;
mod configs;
mod recognise;
mod standing;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
};

use serde_json::{Map, Value};
use tokio::sync::{Notify, OnceCell};
use windlass_core::{
    config::{AppSpec, PluginChoice, PluginSpec, PluginVersion, Rollout, ServingSpec},
    digest::Digest,
    oci::Reference,
    plugin::{Manifest, World},
    reach::Reach,
    render::{Diagnostic, Location},
    status::PluginVersionStatus,
    tree::Tree,
};
use windlass_host::{
    CallLimits, ConfigSchema, Host, HostOptions, Inspection, LoadError, LoadOptions, NotAComponent, Outcome, Plugin,
    RenderRequest, ValidateRequest, WorkerCommand,
};

pub(crate) use components::Components;
use standing::Served;
pub(crate) use standing::{Rival, wants};

use crate::stop::chain;

/// All plugins that may be used, and the host that runs them.
#[derive(Clone)]
pub struct Plugins {
    host: Arc<Host>,
    /// By name, then by version.
    admitted: BTreeMap<String, BTreeMap<String, Arc<Candidate>>>,
    /// Admitted versions that aren't here yet, by the same.
    awaited: BTreeMap<String, BTreeMap<String, Arc<Awaited>>>,
    /// Who serves in the place of what would be chosen.
    served: BTreeMap<PluginChoice, Served>,
    /// Where components of registries lie, and those that serve.
    components: Components,
    /// Something was loaded for the first time.
    loads: Arc<Notify>,
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
    /// Of its config; made when it is asked for.
    schema: OnceLock<Result<ConfigSchema, String>>,
    loaded: OnceCell<Arc<Plugin>>,
}

/// A version of a registry that isn't here.
pub(crate) struct Awaited {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) reference: Reference,
    pub(crate) digest: Digest,
    pub(crate) spec: PluginSpec,
    /// Why it isn't, when it was tried.
    why: Mutex<Option<String>>,
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
    /// There is nothing to compare.
    #[error("Plugin `{name}` {version} is a {world}: `rollout: Preview` compares what renderers render")]
    NoRenderer {
        /// Name in the configuration.
        name: String,
        /// Version in the configuration.
        version: String,
        /// What it is.
        world: &'static str,
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

impl PluginsError {
    /// The `Plugin` document that is to blame, by its name; `None`: none is.
    #[must_use]
    pub fn plugin(&self) -> Option<&str> {
        match self {
            Self::Read { name, .. }
            | Self::NoPlugin { name, .. }
            | Self::Digest { name, .. }
            | Self::Mismatch { name, .. }
            | Self::NoRenderer { name, .. } => Some(name),
            Self::Executable { .. } | Self::Host { .. } => None,
        }
    }
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
            awaited: BTreeMap::new(),
            served: BTreeMap::new(),
            components: Components::new(cache),
            loads: Arc::default(),
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
            awaited: BTreeMap::new(),
            served: BTreeMap::new(),
            components: self.components.clone(),
            loads: Arc::clone(&self.loads),
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
        let missing = self.awaited().filter(|awaited| awaited.name == name);
        let missing = missing.map(|awaited| PluginVersionStatus {
            version: awaited.version.clone(),
            ready: false,
            message: Some(awaited.told().message),
        });
        versions.map(status).chain(missing).collect()
    }

    /// Every plugin that is admitted and here, or serves.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Candidate>> {
        let serving = self.served.values().filter_map(|served| served.candidate.as_ref());
        self.admitted.values().flat_map(BTreeMap::values).chain(serving)
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
            let loaded = tokio::task::spawn_blocking(work).await.map_err(|e| e.to_string())?;
            self.loads.notify_one();
            loaded
        });
        loaded.await.cloned().map_err(|why: String| {
            let message = format!("plugin `{}` can't be used: {why}", candidate.path.display());
            Diagnostic::error("plugin-refused", message, Location::None)
        })
    }

    fn admit(&mut self, name: &str, spec: &PluginSpec, base: &Path) -> Result<(), PluginsError> {
        for pinned in &spec.versions {
            if let Some(time) = spec.limits.time {
                let limits = CallLimits {
                    time,
                    ..CallLimits::default()
                };
                self.limits.insert(pinned.digest, limits);
            }
            let (path, reference) = match (&pinned.file, &pinned.oci) {
                (_, Some(reference)) => (self.components.path(&pinned.digest), Some(reference)),
                (file, None) => (base.join(file.as_deref().unwrap_or_default()), None),
            };
            let admitted = match reference {
                Some(_) if !path.exists() => None,
                _ => Some(admitted(name, pinned, spec, path)),
            };
            match (admitted, reference) {
                (Some(Ok(candidate)), _) => self.add(candidate),
                (Some(Err(error)), None) => return Err(error),
                (wrong, Some(reference)) => {
                    let why = wrong.and_then(Result::err).map(|error| chain(&error));
                    self.awaits(name, pinned, reference, spec, why);
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    fn awaits(
        &mut self,
        name: &str,
        pinned: &PluginVersion,
        reference: &Reference,
        spec: &PluginSpec,
        why: Option<String>,
    ) {
        let awaited = Awaited {
            name: name.to_owned(),
            version: pinned.version.clone(),
            reference: reference.clone(),
            digest: pinned.digest,
            spec: spec.clone(),
            why: Mutex::new(why),
        };
        let versions = self.awaited.entry(name.to_owned()).or_default();
        versions.insert(pinned.version.clone(), Arc::new(awaited));
    }

    /// A `Plugin` document decides alone for its name: what lies in folders is not added to it.
    fn search(&mut self, folder: &Path) {
        let pinned: Vec<String> = self.reaches.keys().cloned().collect();
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
                    self.add(Candidate::new(path, inspection, options));
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

    /// The plugin of that name, the highest of the versions that begin as asked; or who goes on serving until that may.
    ///
    /// # Errors
    /// When there is none, with those there are; when it isn't here yet.
    pub fn choose(&self, choice: &PluginChoice) -> Result<Arc<Candidate>, Diagnostic> {
        self.pick(choice).map(Arc::clone)
    }

    fn pick(&self, choice: &PluginChoice) -> Result<&Arc<Candidate>, Diagnostic> {
        match self.served.get(choice) {
            Some(served) => served.candidate.as_ref().ok_or_else(|| served.lost(choice)),
            None => match self.best(choice)? {
                Best::Here(candidate) => Ok(candidate),
                Best::Awaited(awaited) => Err(awaited.told()),
            },
        }
    }

    /// What is to serve in the end.
    fn best(&self, choice: &PluginChoice) -> Result<Best<'_>, Diagnostic> {
        let missing =
            |message: String, help: String| Diagnostic::error("no-plugin", message, Location::None).with_help(help);
        let here = self.admitted.get(&choice.name).into_iter().flatten();
        let here = here.map(|(version, candidate)| (version, Best::Here(candidate)));
        let awaited = self.awaited.get(&choice.name).into_iter().flatten();
        let awaited = awaited.map(|(version, awaited)| (version, Best::Awaited(awaited)));
        let versions: Vec<(&String, Best<'_>)> = here.chain(awaited).collect();
        if versions.is_empty() {
            return Err(missing(
                format!("there is no plugin `{}`", choice.name),
                self.known(None),
            ));
        }
        let wanted = choice.version.as_deref().unwrap_or_default();
        let fits = |version: &str| wanted.is_empty() || version == wanted || version.starts_with(&format!("{wanted}."));
        let best = versions.iter().filter(|(v, _)| fits(v)).max_by_key(|(v, _)| numbers(v));
        best.map(|(_, best)| *best).ok_or_else(|| {
            let mut have: Vec<&str> = versions.iter().map(|(version, _)| version.as_str()).collect();
            have.sort_by_key(|version| numbers(version));
            missing(
                format!("there is no version `{wanted}` of plugin `{}`", choice.name),
                format!("there is {}", have.join(", ")),
            )
        })
    }

    /// The choice that an app makes: what its step names, in the version that the Repository says where the step says none; else what
    /// recognises its folder. Among those that serve its Repository.
    ///
    /// # Errors
    /// When the Repository isn't served by it, or nobody recognises the folder.
    pub(crate) fn choice(&self, serving: &ServingSpec, app: &AppSpec, tree: &Tree) -> Result<PluginChoice, Diagnostic> {
        let Some(step) = app.render.first() else {
            return self.recognised(serving, tree, app.path.trim_end_matches('/'));
        };
        serving.renderer(&step.plugin).ok_or_else(|| {
            let message = format!("plugin `{}` doesn't serve this Repository", step.plugin.name);
            let help = recognise::served_by(serving.renderers.as_deref().unwrap_or_default());
            Diagnostic::error("no-plugin", message, Location::None).with_help(help)
        })
    }

    /// What could be named instead: all, or those of one world.
    fn known(&self, world: Option<World>) -> String {
        if self.admitted.is_empty() && self.awaited.is_empty() {
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
        let fitting = fitting.map(|p| format!("`{}`", p.manifest().name));
        let awaited = self.awaited.keys().map(|name| format!("`{name}` (not fetched yet)"));
        let mut names: Vec<_> = fitting.chain(awaited).collect();
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

/// What is to serve: here, or not yet.
#[derive(Clone, Copy)]
enum Best<'p> {
    Here(&'p Arc<Candidate>),
    Awaited(&'p Arc<Awaited>),
}

/// A pinned component, held to what its document says.
fn admitted(name: &str, pinned: &PluginVersion, spec: &PluginSpec, path: PathBuf) -> Result<Candidate, PluginsError> {
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
    let own = &inspection.manifest;
    if (&own.name, &own.version) != (&name, &version) {
        let found = format!("{} {}", own.name, own.version);
        return Err(PluginsError::Mismatch {
            name,
            version,
            path,
            found,
        });
    }
    if spec.rollout == Rollout::Preview && own.world != World::Renderer {
        let world = own.world.name();
        return Err(PluginsError::NoRenderer { name, version, world });
    }
    Ok(Candidate::new(path, inspection, options(spec, expected)))
}

/// How a component that a document admits is loaded.
fn options(spec: &PluginSpec, digest: Digest) -> LoadOptions {
    LoadOptions {
        expected: Some(digest),
        grants: spec.grants.iter().copied().collect(),
    }
}

impl Candidate {
    const fn new(path: PathBuf, inspection: Inspection, options: LoadOptions) -> Self {
        Self {
            path,
            inspection,
            options,
            schema: OnceLock::new(),
            loaded: OnceCell::const_new(),
        }
    }

    /// Holds a config to the plugin's own schema, without compiling it.
    ///
    /// # Errors
    /// A finding per field at fault, located in the config. A schema that can't be used is told when the plugin is loaded.
    pub fn check_config(&self, config: &Map<String, Value>) -> Result<(), Vec<Diagnostic>> {
        let schema = self.schema.get_or_init(|| ConfigSchema::new(&self.manifest().config));
        let Ok(schema) = schema else { return Ok(()) };
        schema.check(&Value::Object(config.clone())).map(|_| ())
    }

    /// What it says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.inspection.manifest
    }

    /// `name@version`.
    #[must_use]
    pub fn label(&self) -> String {
        let manifest = self.manifest();
        format!("{}@{}", manifest.name, manifest.version)
    }

    /// Whether it was compiled, or taken from the cache, and may serve.
    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded.initialized()
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
