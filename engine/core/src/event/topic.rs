//! What a receiver wants to be told of.

use serde::{Deserialize, Serialize};

use super::State;

/// A state, or the way back to health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// [`State::Healthy`], whatever was before.
    Healthy,
    /// [`State::Healthy`] after the receiver was told of something that is not.
    Recovered,
    /// [`State::Progressing`].
    Progressing,
    /// [`State::Degraded`].
    Degraded,
    /// [`State::Failed`].
    Failed,
    /// [`State::Drifted`].
    Drifted,
    /// [`State::Stalled`].
    Stalled,
    /// [`State::Held`].
    Held,
    /// [`State::Suspended`].
    Suspended,
    /// [`State::RolledBack`].
    RolledBack,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Healthy,
        Self::Recovered,
        Self::Progressing,
        Self::Degraded,
        Self::Failed,
        Self::Drifted,
        Self::Stalled,
        Self::Held,
        Self::Suspended,
        Self::RolledBack,
    ];

    /// Whether an App that comes to `state` concerns it. `last`: what the receiver was told last of the App.
    #[must_use]
    pub fn concerns(self, state: State, last: Option<State>) -> bool {
        match self {
            Self::Recovered => {
                let was_well = |state| matches!(state, State::Healthy | State::Progressing);
                state == State::Healthy && last.is_some_and(|last| !was_well(last))
            }
            Self::Healthy => state == State::Healthy,
            Self::Progressing => state == State::Progressing,
            Self::Degraded => state == State::Degraded,
            Self::Failed => state == State::Failed,
            Self::Drifted => state == State::Drifted,
            Self::Stalled => state == State::Stalled,
            Self::Held => state == State::Held,
            Self::Suspended => state == State::Suspended,
            Self::RolledBack => state == State::RolledBack,
        }
    }
}
