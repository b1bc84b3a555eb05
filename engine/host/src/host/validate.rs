//! Calls of validators.

use std::sync::Arc;

use windlass_core::render::Diagnostic;

use super::Host;
use crate::{cancel::Cancel, limits::CallLimits, outcome::Outcome, plugin::Plugin, request::ValidateRequest};

impl Host {
    /// Validates: findings point into `request.objects` by index. Otherwise as [`Host::render`].
    #[must_use]
    pub fn validate(
        &self,
        plugin: &Arc<Plugin>,
        request: &ValidateRequest,
        limits: &CallLimits,
        cancel: &Cancel,
    ) -> Outcome<Vec<Diagnostic>> {
        self.call(plugin, request, limits, cancel)
    }

    /// [`Host::validate`] for async code, as [`Host::render_async`].
    pub async fn validate_async(
        self: &Arc<Self>,
        plugin: Arc<Plugin>,
        request: ValidateRequest,
        limits: CallLimits,
    ) -> Outcome<Vec<Diagnostic>> {
        self.call_async(&plugin, &request, &limits).await
    }
}
