//! Calls of notifiers.

use std::sync::Arc;

use super::Host;
use crate::{
    cancel::Cancel, limits::CallLimits, outcome::Outcome, plugin::Plugin, protocol::Notified, request::NotifyRequest,
};

impl Host {
    /// Tells somebody of an event. What the plugin answers is the result, whatever it is; an error is a trap, a limit or the
    /// host's. Otherwise as [`Host::render`], but that nothing is done twice: whether to try again, with the same key, is the
    /// caller's to decide.
    #[must_use]
    pub fn notify(
        &self,
        plugin: &Arc<Plugin>,
        request: &NotifyRequest,
        limits: &CallLimits,
        cancel: &Cancel,
    ) -> Outcome<Notified> {
        self.call(plugin, request, limits, cancel)
    }

    /// [`Host::notify`] for async code, as [`Host::render_async`].
    pub async fn notify_async(
        self: &Arc<Self>,
        plugin: Arc<Plugin>,
        request: NotifyRequest,
        limits: CallLimits,
    ) -> Outcome<Notified> {
        self.call_async(&plugin, &request, &limits).await
    }
}
