//! What the engine remembers of Apps as they were deployed, and which of them left its configuration.

use std::sync::Arc;

use windlass_cluster::facts::Facts;
use windlass_core::config::{App, full_name};

use crate::{
    clusters::Clusters,
    engine::{Engine, blocking},
    leave::Departed,
    reconcile::Seen,
    state::{Deployed, StateError},
    stop::Stop,
    target::{Target, TargetChoice},
};

impl Engine {
    /// What is to be remembered of an App; `None` where nobody's leaving is noticed.
    pub(crate) fn deployment(&self, app: &App) -> Option<Deployed> {
        let options = self.options();
        let config = options.file.clone()?;
        let cluster = Clusters::name_of(app, options.target.as_ref());
        if cluster.is_none() && options.target.is_some() {
            return None; // a folder of the command line's is an output, and nobody's place
        }
        let spec = cluster.and_then(|name| self.clusters().spec(name));
        Some(Deployed::of(app, config, cluster.map(|name| (name, spec.as_ref()))))
    }

    /// Remembers how an App that owns something is deployed, when it isn't known already. What owns nothing yet is remembered
    /// with its first intention.
    pub(crate) async fn remember(&self, app: &App, seen: &Seen) -> Result<(), Stop> {
        if seen.inventory.entries.is_empty() {
            return Ok(());
        }
        let Some(deployed) = self.deployment(app) else {
            return Ok(());
        };
        let _turn = self.writing().await;
        let (inventories, key) = (Arc::clone(self.inventories()), seen.key.clone());
        Ok(blocking(move || inventories.remember(&key, &deployed)).await??)
    }

    /// Apps that were deployed from this configuration file, and don't stand in it any more. None while the target is a folder
    /// of the command line's: nobody's objects are there.
    ///
    /// # Errors
    /// When it can't be told.
    pub async fn departed(&self) -> Result<Vec<Departed>, Stop> {
        let options = self.options();
        let is_aside = matches!(options.target, Some(TargetChoice::Directory(_)));
        let Some(config) = options.file.as_ref().filter(|_| !is_aside) else {
            return Ok(Vec::new());
        };
        let (all, now) = (self.deployed().await?, self.config());
        let left = all.into_iter().filter(|departed| {
            let app = &departed.app;
            let id = app.id();
            let has_left = match &now.leaving {
                Some(leaving) => leaving.contains(&id),
                None => !now.apps.contains_key(&id),
            };
            app.config == *config && has_left
        });
        Ok(left.collect())
    }

    /// Ends what began with an App that isn't to be let go here any more.
    pub(crate) fn still_lets_go(&self, app: &Deployed) -> Result<(), Stop> {
        match &self.config().leaving {
            Some(leaving) if !leaving.contains(&app.id()) => Err(Stop::outdated()),
            Some(_) | None => Ok(()),
        }
    }

    /// Lets go of an App that left, without a look at its cluster: what it owned stays there, mark and all, and whoever wants
    /// it next takes it over. False: no such App left.
    ///
    /// # Errors
    /// When it can't be told or written down.
    pub async fn forget_app(&self, app: &str) -> Result<bool, Stop> {
        let departed = self.departed().await?;
        let mut any = false;
        for departed in departed.iter().filter(|departed| departed.app.id() == app) {
            self.forget(&departed.key).await?;
            any = true;
        }
        Ok(any)
    }

    pub(crate) async fn forget(&self, key: &str) -> Result<(), Stop> {
        let (desk, key) = (Arc::clone(self.desk()), key.to_owned());
        let forget = move || {
            let released = desk.inventories().forget(&key)?;
            desk.renders().release(&released);
            desk.forget(&key);
            Ok::<(), StateError>(())
        };
        Ok(blocking(forget).await??)
    }

    /// The target of an App that left, be its Cluster document gone too.
    pub(crate) async fn target_of_departed(&self, app: &Deployed) -> Result<(Box<dyn Target>, Facts), Stop> {
        if let (Some(name), Some(spec)) = (&app.target.cluster, &app.cluster) {
            self.clusters().remember(name, spec);
        }
        self.target_at(&app.app(), None).await
    }

    /// Whether two apps' objects live in one place.
    pub(crate) fn share_a_place(&self, a: &App, b: &App) -> bool {
        match &self.options().target {
            Some(_) => true,
            None => {
                (&a.spec.target.cluster, &a.spec.target.directory) == (&b.spec.target.cluster, &b.spec.target.directory)
            }
        }
    }

    /// Whether an App, by `namespace/name`, stands in another configuration of this installation. What can't be told: yes.
    pub(crate) async fn is_elsewhere(&self, app: &str, identity: &str) -> bool {
        let Ok(all) = self.deployed().await else { return true };
        let start = format!("{identity}|");
        all.iter().any(|departed| {
            let Departed { key, app: known } = departed;
            let is_it = full_name(&known.namespace, &known.name) == app && key.starts_with(&start);
            is_it && Some(&known.config) != self.options().file.as_ref()
        })
    }

    async fn deployed(&self) -> Result<Vec<Departed>, Stop> {
        let inventories = Arc::clone(self.inventories());
        let all = blocking(move || inventories.deployed()).await??;
        Ok(all.into_iter().map(|(key, app)| Departed { key, app }).collect())
    }
}

/// Whether that is an App's name, as marks have it.
pub(crate) fn is_called(app: &App, name: &str) -> bool {
    name.split_once('/') == Some((app.namespace.as_str(), app.name.as_str()))
}
