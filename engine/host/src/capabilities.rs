//! The seam: all that a guest can reach passes through [`Capabilities`], in the engine's process.

use std::time::Instant;

use crate::{
    error::{Budget, HostFailure},
    protocol::{Answer, Ask, Tell},
};

/// Serves the guest of one call. Implementations count what they hand out and take: a worker may be compromised.
pub trait Capabilities {
    /// The call begins, and ends at `deadline` at the latest: what takes time is to be done by then.
    fn begin(&mut self, deadline: Instant) {
        let _ = deadline;
    }

    /// Answers. The bytes are those of [`Answer::Bytes`], empty otherwise.
    ///
    /// # Errors
    /// When the call can't go on: what the host can't serve ends a call, so that no guest can swallow it.
    fn answer(&mut self, ask: Ask) -> Result<(Answer, Vec<u8>), Stop>;

    /// Takes what the guest tells. `body`: the content of a document, empty otherwise.
    ///
    /// # Errors
    /// When a budget is exceeded.
    fn take(&mut self, tell: Tell, body: Vec<u8>) -> Result<(), Stop>;
}

/// Why a call can't go on.
#[derive(Debug)]
pub enum Stop {
    /// A budget that the engine counts.
    Budget(Budget),
    /// What the host can't serve.
    Host(HostFailure),
}

impl From<HostFailure> for Stop {
    fn from(failure: HostFailure) -> Self {
        Self::Host(failure)
    }
}

impl From<Budget> for Stop {
    fn from(budget: Budget) -> Self {
        Self::Budget(budget)
    }
}
