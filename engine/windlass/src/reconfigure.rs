//! Another configuration for an engine that runs: what says the same goes on undisturbed, and what says something else is looked at.
//!
//! All of it counts or nothing: a plugin that can't be admitted, or an App without a target, leaves the configuration of before at work.
//! Cycles under way end with what they began with.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::watch;
use windlass_core::{
    config::{App, Config, DEFAULT_VALIDATOR, Flaw, RepositorySpec},
    plugin::World,
};

use crate::{
    clusters::Clusters,
    engine::{self, Engine, OpenError},
    plugins::{Plugins, PluginsError, wants},
    run::Event,
    stop::Stop,
    supply,
    tenants::tenants_of,
};

/// What became of a configuration, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconfigured {
    /// Apps that were not there before.
    pub added: BTreeSet<String>,
    /// Apps that were there, and are looked at since they, their Repository, their Cluster, a Tenant or a plugin of theirs is another.
    pub changed: BTreeSet<String>,
    /// Apps that are not there any more.
    pub gone: BTreeSet<String>,
}

impl Engine {
    /// Takes another configuration.
    ///
    /// # Errors
    /// When it can't be taken; then nothing has changed.
    pub async fn reconfigure(self: &Arc<Self>, config: Config) -> Result<Reconfigured, OpenError> {
        let before = self.config();
        if *before == config {
            return Ok(Reconfigured::default());
        }
        self.require_targets_of(&config)?;
        supply::note(self).await; // who serves by now goes on until what is admitted is ready
        let swap = self.supplies().swapping().lock().await;
        let plugins = self.other_plugins(&before, &config).await?;
        self.outbox().reconfigure(&config)?;
        let others = plugins.as_ref().map(|_| plugin_names(&before, &config));
        let now = plugins.map_or_else(|| self.plugins(), Arc::new);
        let rules = engine::rules(&config, &self.secret().installation(), &now);
        let recognises = |name: &String| {
            let mut all = now.all();
            all.any(|plugin| plugin.manifest().name == *name && plugin.manifest().world == World::Renderer)
        };
        let any_renderer = others.iter().flatten().any(recognises);
        self.set_plugins(now);
        drop(swap);
        let cluster_is_another = self.clusters().reconfigure(&config.clusters, rules);
        self.sources().reconfigure(&config);
        self.depends().reconfigure(&config);
        self.desk().set_fleet(config.apps.len());
        let concerns = |app: &App| {
            let repositories = [&before, &config].map(|of| of.repositories.get(app.repository()));
            let cluster = Clusters::name_of(app, self.options().target.as_ref());
            before.apps.get(app.id()) != Some(app)
                || !serve_the_same(repositories)
                || cluster.is_some_and(&cluster_is_another)
                || !tenants_of(&before, app).eq(tenants_of(&config, app))
                || others.as_ref().is_some_and(|others| {
                    let repository = config.repositories.get(app.repository());
                    uses(app, repository, others, any_renderer)
                })
        };
        let (mut changed, mut added) = (BTreeSet::new(), BTreeSet::new());
        for app in config.apps.values().filter(|app| concerns(app)) {
            let is_known = before.apps.contains_key(app.id());
            let into = if is_known { &mut changed } else { &mut added };
            into.insert(app.id().to_owned());
        }
        let gone = before.apps.values().filter(|app| !config.apps.contains_key(app.id()));
        let gone: BTreeSet<String> = gone.map(|app| app.id().to_owned()).collect();
        let asked = |app: &&String| {
            let name = config.apps.get(*app).map(|app| app.repository());
            let now = name.and_then(|name| config.repositories.get_key_value(name));
            now.is_some_and(|(name, spec)| before.repositories.get(name) != Some(spec))
        };
        // Those of a repository that is asked come with its answer.
        let woken: Vec<String> = changed.union(&added).filter(|app| !asked(app)).cloned().collect();
        self.set_config(config);
        for app in changed.union(&gone).filter_map(|name| before.apps.get(name)) {
            self.set_settled(app, None);
            self.healths().forget(app);
            self.desk().alarms().forget(app.id());
            self.foreign().forget(app);
        }
        // Only now: who follows looks at what is not known to be settled.
        self.configured().send_modify(|count| *count += 1);
        let reconfigured = Reconfigured { added, changed, gone };
        self.tell(Event::Configured(reconfigured.clone()));
        for app in &woken {
            self.desk().wake(app);
        }
        Ok(reconfigured)
    }

    /// The credential of a Cluster is another: it is connected anew, and whatever goes there is looked at.
    pub(crate) fn reconnect(&self, cluster: &str) {
        self.clusters().disconnect(cluster);
        let config = self.config();
        let choice = self.options().target.as_ref();
        let there = config
            .apps
            .values()
            .filter(|app| Clusters::name_of(app, choice) == Some(cluster));
        for app in there {
            self.set_settled(app, None);
            self.healths().forget(app);
            self.foreign().forget(app);
            self.desk().wake(app.id());
        }
    }

    /// Configs that plugins don't take ([`Plugins::flaws`]).
    #[must_use]
    pub fn flaws(&self) -> Vec<Flaw> {
        self.plugins().flaws(&self.config())
    }

    /// As [`Engine::flaws`], of a configuration that may be taken next, with the plugins that it admits.
    ///
    /// # Errors
    /// When one of these can't be admitted.
    pub async fn flaws_of(&self, config: &Config) -> Result<Vec<Flaw>, OpenError> {
        let plugins = self.other_plugins(&self.config(), config).await?;
        Ok(plugins.map_or_else(|| self.plugins().flaws(config), |plugins| plugins.flaws(config)))
    }

    /// Ends a cycle that began, or waited for its turn, with what the configuration doesn't say any more: an App that left must not come back,
    /// and one that goes elsewhere not be made where it was. Who changed it has it looked at.
    pub(crate) fn still_says(&self, app: &App) -> Result<(), Stop> {
        if self.config().apps.get(app.id()) == Some(app) {
            Ok(())
        } else {
            Err(Stop::outdated())
        }
    }

    /// Changes with each other configuration.
    pub(crate) fn configurations(&self) -> watch::Receiver<u64> {
        self.configured().subscribe()
    }

    /// `None`: they are as before.
    async fn other_plugins(&self, before: &Config, config: &Config) -> Result<Option<Plugins>, PluginsError> {
        let of = |config| (wants(config), &config.plugins);
        if of(before) == of(config) {
            return Ok(None);
        }
        let (plugins, config, base) = (self.plugins(), config.clone(), self.base().to_owned());
        let serving = self.desk().rollouts().serving();
        let read = move || {
            let readmitted = plugins.readmit(&config.plugins, &base)?;
            Ok(readmitted.keeping(&config, &serving, Some(&plugins)))
        };
        match engine::blocking(read).await {
            Ok(plugins) => plugins.map(Some),
            // Only a program that ends interrupts it.
            Err(_) => Ok(None),
        }
    }
}

/// Whether two say the same of what becomes of an App's documents.
fn serve_the_same<'r>([before, now]: [Option<&'r RepositorySpec>; 2]) -> bool {
    let of = |spec: Option<&'r RepositorySpec>| {
        spec.map(|spec| {
            (
                &spec.git,
                &spec.verify,
                &spec.plugins.renderers,
                &spec.plugins.validators,
            )
        })
    };
    of(before) == of(now)
}

/// Plugins whose documents are other ones.
fn plugin_names(before: &Config, now: &Config) -> BTreeSet<String> {
    let all = before.plugins.keys().chain(now.plugins.keys());
    let others = all.filter(|name| before.plugins.get(*name) != now.plugins.get(*name));
    others.cloned().collect()
}

/// Whether an App uses one of these plugins. `any_renderer`: one of them is a renderer, so that a folder may be recognised by it.
pub(crate) fn uses(
    app: &App,
    repository: Option<&RepositorySpec>,
    plugins: &BTreeSet<String>,
    any_renderer: bool,
) -> bool {
    let renders = match app.spec.render.first() {
        Some(step) => plugins.contains(&step.plugin.name),
        None => any_renderer,
    };
    let validators = repository.and_then(|repository| repository.plugins.validators.as_ref());
    let checks = match validators {
        Some(validators) => validators.iter().any(|validator| plugins.contains(&validator.name)),
        None => plugins.contains(DEFAULT_VALIDATOR),
    };
    renders || checks
}
