//! Calls of notifiers and health checkers.

use std::sync::Arc;

use windlass_core::{plugin::World, reach::Reach};
use windlass_host::{AssessRequest, Assessment, CallLimits, Notified, NotifyRequest, Outcome, Plugin};

use super::{Candidate, Plugins, numbers};

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

    /// The highest version of each plugin of a world, by name.
    pub(crate) fn newest(&self, world: World) -> impl Iterator<Item = &Arc<Candidate>> {
        let versions = self.admitted.values();
        let newest = versions.filter_map(|versions| versions.iter().max_by_key(|(version, _)| numbers(version)));
        newest
            .map(|(_, candidate)| candidate)
            .filter(move |candidate| candidate.manifest().world == world)
    }

    /// Budgets that a `Plugin` document sets.
    fn set_limits(&self, plugin: &Plugin) -> Option<CallLimits> {
        self.limits.get(&plugin.digest()).copied()
    }
}
