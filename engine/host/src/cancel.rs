//! Giving up a call from another thread.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Shared by a caller and its call: once cancelled, the call ends within a fraction of a second.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Ends the call, now or when it begins.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the caller gave up.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
