//! Hooks of an app, run in its cycles: before its objects are changed, after, and when it is let go.
//!
//! No cycle waits for a hook. It ends, the app is on its way, and the watch of the hook's object wakes it. What was begun and what came of it
//! stands in the inventory before and after, so that each hook runs once for an output: neither again nor never, wherever the process is killed.
//! Only a process that is killed between making an object and writing down its UID, and finds it cleaned up by then, makes it again.

mod leaving;
mod retry;
mod running;
mod words;

use windlass_core::{
    config::App,
    diff::Plan,
    hooks::{self, Log, Occasion, Phase},
    inventory::Inventory,
    manifest::Desired,
};

use crate::{
    engine::Engine,
    fault,
    report::{Health, Report},
    stop::Stop,
    target::Target,
};

pub(crate) use leaving::Leaving;
use running::{Running, Standing};
pub(crate) use words::foreseen;

/// The hooks of one cycle.
pub(crate) struct Hooks<'a> {
    engine: &'a Engine,
    /// Of the inventory.
    key: &'a str,
    target: &'a dyn Target,
    /// As git says it: what the engine adds to objects is no reason to run a hook.
    desired: &'a Desired,
    /// Why objects are changed, where the caller knows better than the inventory: [`Occasion::Rollback`] runs none.
    why: Option<Occasion>,
}

impl<'a> Hooks<'a> {
    pub(crate) const fn of(
        engine: &'a Engine,
        key: &'a str,
        target: &'a dyn Target,
        desired: &'a Desired,
        why: Option<Occasion>,
    ) -> Self {
        Self {
            engine,
            key,
            target,
            desired,
            why,
        }
    }

    /// Runs what runs before the first object is changed. False: the app has to wait, and nothing may be changed yet.
    ///
    /// # Errors
    /// When a hook failed: nothing is changed then.
    pub(crate) async fn before(
        &self,
        plan: &Plan,
        inventory: &mut Inventory,
        report: &mut Report,
    ) -> Result<bool, Stop> {
        if self.target.hooking().is_none() {
            report.notes.extend(words::left_out(self.desired));
            return Ok(true);
        }
        if let Some(log) = Log::next(inventory, self.desired, plan.desired, self.why) {
            inventory.hooks = Some(log);
            self.keep(inventory).await?;
        }
        if inventory.hooks.as_ref().is_none_or(|log| log.done) {
            return Ok(true);
        }
        let waits = self.phase(Phase::Pre, inventory, report).await;
        if !matches!(waits, Ok(None)) {
            report.undone();
        }
        match waits {
            Ok(None) => Ok(true),
            Ok(Some(waits)) => {
                report.waiting.push(waits);
                Ok(false)
            }
            Err(stop) => Err(self.failed(stop, inventory, report).await),
        }
    }

    /// Runs what runs when all objects are applied, and then when they are healthy; after that nothing is left to run for this output. Or, when
    /// they could not be applied, what runs then.
    ///
    /// # Errors
    /// Those of the outcome, and when a hook failed.
    pub(crate) async fn after(
        &self,
        app: &App,
        plan: &Plan,
        outcome: Result<Health, Stop>,
        inventory: &mut Inventory,
        report: &mut Report,
    ) -> Result<Health, Stop> {
        let Some(log) = inventory.hooks.as_ref().filter(|log| !log.done) else {
            return outcome;
        };
        let occasion = log.occasion;
        match outcome {
            Ok(Health::Healthy) => {}
            Ok(other) => return Ok(other),
            Err(stop) => return Err(self.failed(stop, inventory, report).await),
        }
        let health = self.settle(Phase::Sync, inventory, report).await?;
        if health != Health::Healthy {
            return Ok(health);
        }
        if !hooks::due(self.desired, Phase::Post, occasion).is_empty() {
            let known = (Some(plan), inventory.hooks.as_ref());
            let healths = self.engine.healths();
            let health = healths.look(app, self.target, Some(plan.desired), known, report);
            if health != Health::Healthy {
                report.waiting.push(words::unhealthy(Phase::Post.name(occasion)));
                return Ok(health); // told as everything that is on its way; health wakes the app
            }
            let health = self.settle(Phase::Post, inventory, report).await?;
            if health != Health::Healthy {
                return Ok(health);
            }
        }
        if let Some(log) = &mut inventory.hooks {
            log.done = true;
        }
        self.keep(inventory).await?;
        Ok(Health::Healthy)
    }

    async fn settle(&self, phase: Phase, inventory: &mut Inventory, report: &mut Report) -> Result<Health, Stop> {
        match self.phase(phase, inventory, report).await {
            Ok(None) => Ok(Health::Healthy),
            Ok(Some(waits)) => {
                report.waiting.push(waits);
                Ok(Health::Progressing)
            }
            Err(stop) => Err(self.failed(stop, inventory, report).await),
        }
    }

    /// Something failed: what runs then is begun, and nobody waits for it.
    async fn failed(&self, mut stop: Stop, inventory: &mut Inventory, report: &mut Report) -> Stop {
        match self.phase(Phase::SyncFail, inventory, report).await {
            Ok(None) => {}
            Ok(Some(waits)) => report.waiting.push(waits),
            Err(more) => stop.diagnostics.extend(more.diagnostics),
        }
        stop
    }

    /// Runs the hooks of a phase one after the other, as far as they come; `Some` = for what they wait.
    async fn phase(
        &self,
        phase: Phase,
        inventory: &mut Inventory,
        report: &mut Report,
    ) -> Result<Option<String>, Stop> {
        let (Some(cluster), Some(log)) = (self.target.hooking(), &inventory.hooks) else {
            return Ok(None);
        };
        let occasion = log.occasion;
        let running = Running {
            hooks: self,
            cluster,
            phase,
            name: phase.name(occasion),
        };
        let due = hooks::due(self.desired, phase, occasion);
        for one in &due {
            match running.one(one, inventory, report).await {
                Ok(Standing::Through) => {}
                Ok(Standing::Waits(waits)) => return Ok(Some(waits)),
                Err(stop) => {
                    running.tidy(&due, inventory, report).await;
                    return Err(stop);
                }
            }
        }
        running.tidy(&due, inventory, report).await;
        Ok(None)
    }

    /// On disk when this returns.
    async fn keep(&self, inventory: &Inventory) -> Result<(), Stop> {
        self.engine.store(self.key, inventory.clone()).await?;
        fault::point("hooks: written");
        Ok(())
    }
}
