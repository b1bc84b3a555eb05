//! What a receiver wants to be told of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::State;

/// A state, or the way back to health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// It is healthy, whatever was before.
    Healthy,
    /// It is healthy after the receiver was told of something that is not.
    Recovered,
    /// It is on its way.
    Progressing,
    /// Waiting alone won't make it healthy.
    Degraded,
    /// It could not be read, rendered, checked or applied.
    Failed,
    /// Somebody changed what lives.
    Drifted,
    /// Somebody undoes what the App does again and again.
    Stalled,
    /// A guard holds the plan until somebody consents.
    Held,
    /// Somebody told it to rest.
    Suspended,
    /// What was applied before is applied again.
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
