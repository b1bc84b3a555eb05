//! Calls of notifiers and health checkers.

use std::sync::Arc;

use windlass_core::{config::PluginChoice, plugin::World, reach::Reach};
use windlass_host::{AssessRequest, Assessment, CallLimits, Notified, NotifyRequest, Outcome, Plugin};

use super::{Candidate, Plugins};

impl Plugins {
    /// Tells somebody of an event, when it is the tenant's turn.
    pub async fn notify(&self, plugin: Arc<Plugin>, request: NotifyRequest) -> Outcome<Notified> {
        let limits = self.set_limits(&plugin).unwrap_or_else(CallLimits::notification);
        self.host.notify_async(plugin, request, limits).await
    }

    /// Asks a health checker, when it is the tenant's turn.
    pub async fn assess(&self, plugin: Arc<Plugin>, request: AssessRequest) -> Outcome<Vec<Assessment>> {
        let limits = self.set_limits(&plugin).unwrap_or_else(CallLimits::assessment);
        self.host.assess_async(plugin, request, limits).await
    }

    /// Where requests of a plugin may go, as the operator says it in its `Plugin` document.
    #[must_use]
    pub fn reach(&self, plugin: &Plugin) -> Arc<Reach> {
        let name = &plugin.manifest().name;
        self.reaches.get(name).cloned().unwrap_or_default()
    }

    /// Who serves of each plugin of a world, by name.
    pub(crate) fn newest(&self, world: World) -> impl Iterator<Item = &Arc<Candidate>> {
        let serving = self
            .admitted
            .keys()
            .filter_map(|name| self.pick(&PluginChoice::of(name)).ok());
        serving.filter(move |candidate| candidate.manifest().world == world)
    }

    /// Budgets that a `Plugin` document sets.
    fn set_limits(&self, plugin: &Plugin) -> Option<CallLimits> {
        self.limits.get(&plugin.digest()).copied()
    }
}
