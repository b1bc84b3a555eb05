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

    fn hooks<'a>(&'a self, engine: &'a Engine, key: &'a str, target: &'a dyn Target) -> Hooks<'a> {
        Hooks::of(engine, key, target, &self.desired, Some(Occasion::Delete))
    }

    /// Whether there are any.
    fn are_due(&self) -> bool {
        let of = |phase| !hooks::due(&self.desired, phase, Occasion::Delete).is_empty();
        of(Phase::PreDelete) || of(Phase::PostDelete)
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
        if target.hooking().is_none() || !self.are_due() {
            return Ok(true);
        }
        let hooks = self.hooks(engine, key, target);
        if !inventory
            .hooks
            .as_ref()
            .is_some_and(|log| log.occasion == Occasion::Delete)
        {
            inventory.hooks = Some(Log::begin(inventory.hooks.take(), self.desired.hash, Occasion::Delete));
            hooks.keep(inventory).await?;
        }
        through(hooks.phase(Phase::PreDelete, inventory, report).await?, report)
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
        if target.hooking().is_none() || !self.are_due() {
            return Ok(true);
        }
        let hooks = self.hooks(engine, key, target);
        through(hooks.phase(Phase::PostDelete, inventory, report).await?, report)
    }
}

#[expect(clippy::unnecessary_wraps, reason = "both callers end with it")]
fn through(waits: Option<String>, report: &mut Report) -> Result<bool, Stop> {
    let is_through = waits.is_none();
    report.waiting.extend(waits);
    Ok(is_through)
}
