//! Whether a living object is ready for what waits for it: its health ([`windlass_core::health`]), as the edges of the DAG need it.
//!
//! Pure and of one object: it is asked of every answer and every watch event, and waits for nothing. Deadlines are the
//! caller's.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use windlass_core::health::{self, State};

/// Whether an object is ready.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Readiness {
    /// It does what it is for.
    Ready,
    /// It is on its way; says what is missing.
    Pending(String),
    /// It won't become ready by waiting.
    Failed(String),
    /// It is being deleted.
    Terminating,
}

impl Readiness {
    /// Whether what depends on it may go on.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        matches!(self, Self::Ready)
    }
}

/// Tells it.
///
/// A PersistentVolumeClaim is ready when it is there: it is bound only once a pod uses it where binding waits for the first
/// consumer, so that waiting would be a deadlock.
#[must_use]
pub fn of(object: &Value) -> Readiness {
    let verdict = health::assess(object);
    let is_claim = object["apiVersion"] == "v1" && object["kind"] == "PersistentVolumeClaim";
    match verdict.state {
        State::Terminating => Readiness::Terminating,
        _ if is_claim => Readiness::Ready,
        State::Healthy | State::Unknown => Readiness::Ready,
        State::Progressing | State::Suspended => Readiness::Pending(verdict.message),
        State::Degraded => Readiness::Failed(verdict.message),
    }
}

#[cfg(test)]
mod tests;
