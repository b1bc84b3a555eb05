//! May the plan run? Refuses what users of other engines lost their clusters by.

use crate::{
    diff::{Action, Plan, Policy},
    manifest::Desired,
};

/// Deletions that need no consent whatever their share: removing one object of two is daily work.
pub const FREE_DELETES: usize = 3;

/// Why a plan is held. Nothing of it has happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Held {
    /// A render without any object.
    #[error("the render has no objects; the app owns {owned}, none of which is deleted")]
    EmptyRender {
        /// Objects owned.
        owned: usize,
    },
    /// More deletions than the App allows.
    #[error("the plan deletes {deletes} of {owned} objects, more than {max_percent} %")]
    MassDelete {
        /// Objects to delete.
        deletes: usize,
        /// Objects owned.
        owned: usize,
        /// The App's `prune.maxPercent`.
        max_percent: u8,
    },
}

impl Held {
    /// What the user can do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::EmptyRender { .. } => {
                "check the app's path and the plugin's config; if it is meant to be empty, set `spec.prune.allowEmpty: true`"
            }
            Self::MassDelete { .. } => {
                "see the plan with `windlass diff`; then consent once with `windlass sync --allow-deletes APP`, or raise `spec.prune.maxPercent`"
            }
        }
    }
}

/// Passes a plan or holds it.
///
/// # Errors
/// [`Held::EmptyRender`] unless the App allows it; [`Held::MassDelete`] without consent.
pub fn check(plan: &Plan, desired: &Desired, policy: &Policy) -> Result<(), Held> {
    if desired.objects.is_empty() && desired.hooks.is_empty() && !policy.prune.allow_empty {
        return Err(Held::EmptyRender { owned: plan.owned });
    }
    let deletes = plan.steps.iter().filter(|s| s.action == Action::Delete).count();
    let share_allowed = plan.owned * usize::from(policy.prune.max_percent);
    if deletes > FREE_DELETES && deletes * 100 > share_allowed && !policy.consent {
        return Err(Held::MassDelete {
            deletes,
            owned: plan.owned,
            max_percent: policy.prune.max_percent,
        });
    }
    Ok(())
}
