//! Calls of health checkers.

use std::sync::Arc;

use super::Host;
use crate::{
    cancel::Cancel, limits::CallLimits, outcome::Outcome, plugin::Plugin, protocol::Assessment, request::AssessRequest,
};

impl Host {
    /// Asks where objects stand: one verdict each, in their order; a wrong number of them is an error that blames the plugin.
    /// Otherwise as [`Host::render`].
    #[must_use]
    pub fn assess(
        &self,
        plugin: &Arc<Plugin>,
        request: &AssessRequest,
        limits: &CallLimits,
        cancel: &Cancel,
    ) -> Outcome<Vec<Assessment>> {
        self.call(plugin, request, limits, cancel)
    }

    /// [`Host::assess`] for async code, as [`Host::render_async`].
    pub async fn assess_async(
        self: &Arc<Self>,
        plugin: Arc<Plugin>,
        request: AssessRequest,
        limits: CallLimits,
    ) -> Outcome<Vec<Assessment>> {
        self.call_async(&plugin, &request, &limits).await
    }
}
