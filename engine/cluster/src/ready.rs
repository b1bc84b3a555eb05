//! Whether a living object is ready for what waits for it: its health ([`windlass_core::health`]), as the edges of the DAG need it.

use windlass_core::health::{State, Verdict};

use crate::resource::Resource;

/// Tells it. `verdict`: `None` = healthy.
///
/// A PersistentVolumeClaim is ready when it is there: it is bound only once a pod uses it where binding waits for the first
/// consumer, so that waiting would be a deadlock.
#[must_use]
pub fn is_ready(resource: &Resource, verdict: Option<&Verdict>) -> bool {
    let Some(verdict) = verdict else { return true };
    let is_claim = resource.group.is_empty() && resource.kind == "PersistentVolumeClaim";
    match verdict.state {
        State::Terminating => false,
        State::Healthy | State::Unknown => true,
        State::Progressing | State::Suspended | State::Degraded => is_claim,
    }
}

#[cfg(test)]
mod tests;
