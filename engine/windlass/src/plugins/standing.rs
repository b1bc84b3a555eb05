//! Who serves, and who is to: a version that is chosen takes the place of the one before when it has shown what it is, not sooner.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, PoisonError},
};

use tokio::sync::Notify;
use windlass_core::{
    config::{Config, PluginChoice, PluginSpec, Rollout},
    digest::Digest,
    render::{Diagnostic, Location},
    rollout::Serving,
};

use super::{Awaited, Best, Candidate, Components, Plugins, admitted, options};
use crate::stop::chain;

/// Serves in the place of what would be chosen.
#[derive(Clone)]
pub(super) struct Served {
    /// `None`: it is lost, and nobody said that the other may.
    pub(super) candidate: Option<Arc<Candidate>>,
    version: String,
    digest: Digest,
}

/// A version that is to take the place of another.
#[derive(Clone)]
pub(crate) struct Rival {
    /// For this choice.
    pub(crate) choice: PluginChoice,
    /// Who serves; `None`: it is lost.
    pub(crate) serves: Option<Arc<Candidate>>,
    /// Of who serves, or did.
    pub(crate) digest: Digest,
    /// As `name@version`.
    pub(crate) label: String,
    /// Who is to.
    pub(crate) next: Arc<Candidate>,
}

impl Served {
    pub(super) fn lost(&self, choice: &PluginChoice) -> Diagnostic {
        let message = format!(
            "plugin `{}@{}` ({}), which serves, is lost from the cache, and another version has to be approved",
            choice.name, self.version, self.digest
        );
        let help = "see `windlass plugin approve`, or admit the version again";
        Diagnostic::error("plugin-lost", message, Location::None).with_help(help)
    }
}

impl Awaited {
    /// Why it can't be used.
    pub(super) fn told(&self) -> Diagnostic {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let why = why.unwrap_or_else(|| "it is being fetched".to_owned());
        let message = format!(
            "plugin `{}` {} is not here yet, from `{}`: {why}",
            self.name, self.version, self.reference
        );
        Diagnostic::error("plugin-not-fetched", message, Location::None)
    }

    /// It was tried.
    pub(crate) fn failed(&self, why: String) -> Diagnostic {
        *self.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        self.told()
    }

    /// As `name@version`.
    pub(crate) fn label(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// What lies in the cache by now, held to what the document says.
    pub(crate) fn admitted(&self, components: &Components) -> Result<Candidate, String> {
        let pinned = self.spec.versions.iter().find(|pinned| pinned.version == self.version);
        let pinned = pinned.ok_or_else(|| "it is not admitted any more".to_owned())?;
        admitted(&self.name, pinned, &self.spec, components.path(&self.digest)).map_err(|error| chain(&error))
    }
}

/// Every choice of a plugin with a document that a configuration makes.
pub(crate) fn wants(config: &Config) -> BTreeSet<PluginChoice> {
    let mut wants: BTreeSet<PluginChoice> = config.plugins.keys().map(|name| PluginChoice::of(name)).collect();
    for spec in config.repositories.values() {
        let plugins = &spec.plugins;
        wants.extend(plugins.renderers.iter().flatten().cloned());
        wants.extend(plugins.validators.iter().flatten().map(|validator| validator.choice()));
        wants.extend(plugins.notify.iter().map(|notifier| notifier.choice()));
    }
    for spec in config.tenants.values() {
        wants.extend(spec.required.validators.iter().map(|validator| validator.choice()));
        wants.extend(spec.required.notify.iter().map(|notifier| notifier.choice()));
    }
    for app in config.apps.values() {
        let repository = config.repositories.get(app.repository());
        let asked = app.spec.render.iter().map(|step| &step.plugin);
        wants.extend(asked.filter_map(|asked| match repository {
            Some(repository) => repository.plugins.renderer(asked),
            None => Some(asked.clone()),
        }));
    }
    wants.retain(|choice| config.plugins.contains_key(&choice.name));
    wants
}

impl Plugins {
    /// With who serves, where that is another than would be chosen. `serving`: who did, by choice. `previous`: where their components
    /// may be loaded already.
    pub(crate) fn keeping(
        mut self,
        config: &Config,
        serving: &BTreeMap<String, Serving>,
        previous: Option<&Self>,
    ) -> Self {
        for choice in wants(config) {
            let (Some(spec), Some(known)) = (config.plugins.get(&choice.name), serving.get(&choice.to_string())) else {
                continue;
            };
            let is_here = match self.best(&choice) {
                Ok(Best::Here(best)) if best.digest() == known.digest => continue,
                Ok(Best::Here(_)) => true,
                Ok(Best::Awaited(_)) => false,
                // Nothing that is admitted fits, so nothing may serve.
                Err(_) => continue,
            };
            let candidate = self.component(&choice.name, &known.digest, spec, previous);
            // Without the one before there is nothing to go on with, and but for a preview nothing to wait for.
            if candidate.is_some() || is_here && spec.rollout == Rollout::Preview {
                if let (Some(time), Some(_)) = (spec.limits.time, &candidate) {
                    let limits = windlass_host::CallLimits {
                        time,
                        ..windlass_host::CallLimits::default()
                    };
                    self.limits.insert(known.digest, limits);
                }
                let served = Served {
                    candidate,
                    version: known.version.clone(),
                    digest: known.digest,
                };
                self.served.insert(choice, served);
            }
        }
        self
    }

    /// A component of a plugin by its digest, wherever it is.
    fn component(
        &self,
        name: &str,
        digest: &Digest,
        spec: &PluginSpec,
        previous: Option<&Self>,
    ) -> Option<Arc<Candidate>> {
        let options = options(spec, *digest);
        let is_it = |candidate: &&Arc<Candidate>| {
            candidate.manifest().name == name && candidate.digest() == *digest && candidate.options == options
        };
        let known = self.all().find(is_it);
        if let Some(known) = known.or_else(|| previous?.all().find(is_it)) {
            return Some(Arc::clone(known));
        }
        let bytes = self.components.read(digest)?;
        let inspection = windlass_host::inspect(&bytes).ok()?;
        let is_it = inspection.manifest.name == name;
        let candidate = Candidate::new(self.components.path(digest), inspection, options);
        is_it.then(|| Arc::new(candidate))
    }

    /// Versions that aren't here.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = &Arc<Awaited>> {
        self.awaited.values().flat_map(BTreeMap::values)
    }

    /// Versions that are here and are to take another's place.
    pub(crate) fn rivals(&self) -> Vec<Rival> {
        let rival = |(choice, served): (&PluginChoice, &Served)| {
            let Ok(Best::Here(next)) = self.best(choice) else {
                return None;
            };
            Some(Rival {
                choice: choice.clone(),
                serves: served.candidate.clone(),
                digest: served.digest,
                label: format!("{}@{}", choice.name, served.version),
                next: Arc::clone(next),
            })
        };
        self.served.iter().filter_map(rival).collect()
    }

    /// Whether it still is what a rival says.
    pub(crate) fn still(&self, rival: &Rival) -> bool {
        let served = self.served.get(&rival.choice);
        let next = self.best(&rival.choice);
        served.is_some_and(|served| served.digest == rival.digest)
            && matches!(next, Ok(Best::Here(next)) if Arc::ptr_eq(next, &rival.next))
    }

    /// Who serves in the place of a version of this name, as `name@version`.
    pub(crate) fn serves_instead(&self, name: &str) -> Option<String> {
        let mut served = self.served.iter();
        let (choice, served) = served.find(|(choice, served)| choice.name == name && served.candidate.is_some())?;
        Some(format!("{}@{}", choice.name, served.version))
    }

    /// With versions that came, and these.
    pub(crate) fn with_fetched(&self, fetched: Vec<Candidate>) -> (Self, Vec<Arc<Candidate>>) {
        let (mut plugins, mut came) = (self.clone(), Vec::new());
        for candidate in fetched {
            let candidate = Arc::new(candidate);
            let manifest = candidate.manifest();
            let (name, version) = (manifest.name.clone(), manifest.version.clone());
            if let Some(versions) = plugins.awaited.get_mut(&name) {
                versions.remove(&version);
                if versions.is_empty() {
                    plugins.awaited.remove(&name);
                }
            }
            let versions = plugins.admitted.entry(name).or_default();
            versions.insert(version, Arc::clone(&candidate));
            came.push(candidate);
        }
        (plugins, came)
    }

    /// With the place of these taken.
    pub(crate) fn with_taken(&self, rivals: &[Rival]) -> Self {
        let mut plugins = self.clone();
        for rival in rivals {
            plugins.served.remove(&rival.choice);
        }
        plugins
    }

    /// Who serves a choice, when it has shown that it can.
    pub(crate) fn proven(&self, choice: &PluginChoice) -> Option<&Arc<Candidate>> {
        self.pick(choice).ok().filter(|candidate| candidate.is_loaded())
    }

    /// Why another version than would be chosen renders, in words.
    pub(crate) fn stands_in(&self, choice: &PluginChoice, rollout: Rollout) -> Option<String> {
        let served = self.served.get(choice)?;
        let next = match self.best(choice).ok()? {
            Best::Here(next) => next.label(),
            Best::Awaited(awaited) => awaited.label(),
        };
        let waits = match rollout {
            Rollout::Auto => "is not ready".to_owned(),
            Rollout::Preview => format!("waits: see `windlass plugin approve {next}`"),
        };
        Some(format!(
            "{}@{} goes on serving; {next} {waits}",
            choice.name, served.version
        ))
    }

    /// The version that is admitted, whoever serves.
    ///
    /// # Errors
    /// As [`Plugins::choose`].
    pub(crate) fn admitted(&self, choice: &PluginChoice) -> Result<Arc<Candidate>, Diagnostic> {
        match self.best(choice)? {
            Best::Here(candidate) => Ok(Arc::clone(candidate)),
            Best::Awaited(awaited) => Err(awaited.told()),
        }
    }

    /// A component of a file, with the rights that a configuration gives its plugin.
    ///
    /// # Errors
    /// A sentence, when it is no plugin.
    pub(crate) fn of_file(&self, path: &Path, config: &Config) -> Result<Arc<Candidate>, String> {
        let bytes = windlass_host::read_component(path).map_err(|error| chain(&error))?;
        let inspection =
            windlass_host::inspect(&bytes).map_err(|error| format!("`{}` is no plugin: {error}", path.display()))?;
        let spec = config.plugins.get(&inspection.manifest.name);
        let options = match spec {
            Some(spec) => options(spec, inspection.digest),
            None => windlass_host::LoadOptions {
                expected: Some(inspection.digest),
                ..windlass_host::LoadOptions::default()
            },
        };
        Ok(Arc::new(Candidate::new(path.to_owned(), inspection, options)))
    }

    /// Keeps a copy of a component that serves. Blocks for the disk.
    pub(crate) fn keep(&self, candidate: &Candidate) -> std::io::Result<()> {
        let from: &Path = &candidate.path;
        self.components.keep(&candidate.digest(), from)
    }

    /// Deletes components that nobody used for long. Blocks for the disk.
    pub(crate) fn tidy(&self, also: impl Iterator<Item = Digest>) {
        let used: BTreeSet<Digest> = self.all().map(|candidate| candidate.digest()).chain(also).collect();
        self.components.tidy(&used);
    }

    pub(crate) const fn components(&self) -> &Components {
        &self.components
    }

    /// Something was loaded for the first time.
    pub(crate) const fn loads(&self) -> &Arc<Notify> {
        &self.loads
    }
}
