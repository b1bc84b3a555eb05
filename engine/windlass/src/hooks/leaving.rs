//! Hooks of an App that is let go. Its document is gone, so they come from the render that was applied last, where that is still kept.

use std::sync::Arc;

use windlass_core::{
    hooks::{self, Log, Occasion, Phase},
    inventory::Inventory,
    manifest::{self, Desired},
};

use super::Hooks;
use crate::{
    engine::{Engine, blocking},
    report::Report,
    stop::Stop,
    target::Target,
};

/// What runs when an App's objects are deleted.
pub(crate) struct Leaving {
    desired: Desired,
}

impl Leaving {
    /// Looks them up. `namespace`: where objects go that name none.
    pub(crate) async fn of(engine: &Engine, inventory: &Inventory, namespace: &str, report: &mut Report) -> Self {
        let mut leaving = Self {
            desired: Desired::default(),
        };
        let Some(run) = inventory.run.as_ref().and_then(|run| run.parse().ok()) else {
            return leaving;
        };
        let (renders, namespace) = (Arc::clone(engine.renders()), namespace.to_owned());
        let known = blocking(move || {
            let output = renders.load(run)?.output()?;
            manifest::read(&output, &namespace).ok()
        });
        match known.await {
            Ok(Some(desired)) => leaving.desired = desired,
            _ => report
                .notes
                .push("hooks of its deletion, if there are any, are not run: the render that was applied last is not kept any more".to_owned()),
        }
        leaving
    }

    /// `None`: there are none, or the target runs none.
    fn hooks<'a>(&'a self, engine: &'a Engine, key: &'a str, target: &'a dyn Target) -> Option<Hooks<'a>> {
        let are_due = |phase| !hooks::due(&self.desired, phase, Occasion::Delete).is_empty();
        let runs = target.hooking().is_some() && (are_due(Phase::PreDelete) || are_due(Phase::PostDelete));
        runs.then(|| Hooks::of(engine, key, target, &self.desired, Some(Occasion::Delete)))
    }

    /// Runs what runs before the first object is deleted. False: the App waits for it.
    ///
    /// # Errors
    /// When a hook failed: nothing is deleted then.
    pub(crate) async fn before(
        &self,
        engine: &Engine,
        key: &str,
        target: &dyn Target,
        inventory: &mut Inventory,
        report: &mut Report,
    ) -> Result<bool, Stop> {
        let Some(hooks) = self.hooks(engine, key, target) else {
            return Ok(true);
        };
        if !inventory
            .hooks
            .as_ref()
            .is_some_and(|log| log.occasion == Occasion::Delete)
        {
            inventory.hooks = Some(Log::begin(inventory.hooks.take(), self.desired.hash, Occasion::Delete));
            hooks.keep(inventory).await?;
        }
        is_through(&hooks, Phase::PreDelete, inventory, report).await
    }

    /// Runs what runs when all are gone. False: the App waits for it.
    ///
    /// # Errors
    /// When a hook failed: the App is not forgotten then.
    pub(crate) async fn after(
        &self,
        engine: &Engine,
        key: &str,
        target: &dyn Target,
        inventory: &mut Inventory,
        report: &mut Report,
    ) -> Result<bool, Stop> {
        match self.hooks(engine, key, target) {
            Some(hooks) => is_through(&hooks, Phase::PostDelete, inventory, report).await,
            None => Ok(true),
        }
    }
}

async fn is_through(
    hooks: &Hooks<'_>,
    phase: Phase,
    inventory: &mut Inventory,
    report: &mut Report,
) -> Result<bool, Stop> {
    let waits = hooks.phase(phase, inventory, report).await?;
    let is_through = waits.is_none();
    report.waiting.extend(waits);
    Ok(is_through)
}
