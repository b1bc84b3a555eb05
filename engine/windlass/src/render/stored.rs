//! Documents that were rendered before, applied again as they are: no plugin is called for them.

use std::sync::Arc;

use windlass_core::{
    history::{Entry, Origin, Plugin},
    inventory::Clock,
    tree::Tree,
};

use super::{Render, Rendering, Run, RunId, call};
use crate::{
    engine::{Engine, blocking},
    report::Report,
    stop::Stop,
};

/// What a cycle works with: what git says now, or what it said before.
pub(crate) enum Wanted {
    /// Of the revision.
    Rendered(Box<Render>),
    /// Of an entry of the history.
    Stored(Box<Stored>),
}

/// Documents of an entry of a history.
pub(crate) struct Stored {
    id: RunId,
    run: Arc<Run>,
    plugin: Plugin,
    origin: Origin,
    /// Of the revision now: what findings point at.
    tree: Tree,
    /// What the next render is told stays as it is.
    clock: Option<Clock>,
}

impl Wanted {
    /// Identity of the output.
    pub(crate) const fn run(&self) -> RunId {
        match self {
            Self::Rendered(render) => render.run(),
            Self::Stored(stored) => stored.id,
        }
    }

    /// The time to tell the next render.
    pub(crate) fn clock(&self) -> Option<Clock> {
        match self {
            Self::Rendered(render) => render.clock(),
            Self::Stored(stored) => stored.clock,
        }
    }

    /// Where it comes from, of what was rendered before.
    pub(crate) fn origin(&self) -> Option<Origin> {
        match self {
            Self::Rendered(_) => None,
            Self::Stored(stored) => Some(stored.origin.clone()),
        }
    }

    /// What rendered it.
    pub(crate) fn plugin(&self) -> Plugin {
        match self {
            Self::Rendered(render) => render.plugin(),
            Self::Stored(stored) => stored.plugin.clone(),
        }
    }

    /// The documents, as objects.
    ///
    /// # Errors
    /// With everything the parser found, or the plugin when it failed.
    pub(crate) async fn documents(&self, engine: &Engine, report: &mut Report) -> Result<Rendering, Stop> {
        match self {
            Self::Rendered(render) => render.documents(engine, report).await,
            Self::Stored(stored) => stored.documents(engine).await,
        }
    }
}

impl Stored {
    /// The documents of an entry; `None` when they are lost. `tree`: of the revision now.
    pub(crate) async fn of(
        engine: &Engine,
        entry: &Entry,
        tree: Tree,
        clock: Option<Clock>,
    ) -> Result<Option<Self>, Stop> {
        let Ok(id) = entry.run.parse::<RunId>() else {
            return Ok(None);
        };
        let store = Arc::clone(engine.renders());
        let run = blocking(move || store.load(id)).await?;
        Ok(run.filter(|run| run.output().is_some()).map(|run| Self {
            id,
            run,
            plugin: entry.plugin.clone(),
            origin: entry.origin.clone(),
            tree,
            clock,
        }))
    }

    async fn documents(&self, engine: &Engine) -> Result<Rendering, Stop> {
        let key = (self.id, self.origin.namespace.clone());
        let parsed = match engine.renderings().get(&key) {
            Some(parsed) => parsed,
            None => {
                let output = self.run.output().unwrap_or_default();
                let (trace, namespace, tree) = (
                    Arc::clone(&self.run.trace),
                    self.origin.namespace.clone(),
                    self.tree.clone(),
                );
                let turn = engine.renders().turn().await;
                let parsed = blocking(move || call::parse(output, &trace, &namespace, &tree)).await?;
                drop(turn);
                engine.renderings().put(key, parsed.map_err(Stop::failed)?)
            }
        };
        Ok(Rendering {
            plugin: self.plugin.reference.clone(),
            digest: self.plugin.digest,
            tree: self.tree.clone(),
            output: Arc::clone(&parsed.output),
            desired: Arc::clone(&parsed.desired),
            trace: Arc::clone(&parsed.trace),
        })
    }
}
