//! Which version of a plugin serves, which waits to, and what was approved: on disk before it counts.

use std::collections::BTreeMap;

use redb::TableDefinition;
use windlass_core::rollout::{self, Approval, Serving, Waiting};

use super::{Inventories, StateError};

/// Key: a choice of a plugin (`helm`, `helm@4.3`); value: [`Serving`] as JSON.
const SERVING: TableDefinition<&str, &[u8]> = TableDefinition::new("plugins");
/// Key: `name@version`; value: [`Approval`] as JSON.
const APPROVALS: TableDefinition<&str, &[u8]> = TableDefinition::new("plugin-approvals");
/// Key: `name@version`; value: [`Waiting`] as JSON.
const WAITING: TableDefinition<&str, &[u8]> = TableDefinition::new("plugins-waiting");

impl Inventories {
    /// Who serves, by choice.
    ///
    /// # Errors
    /// When the store fails, or one can't be read.
    pub(crate) fn serving(&self) -> Result<BTreeMap<String, Serving>, StateError> {
        self.all(SERVING, rollout::FORMAT)
    }

    /// What was approved, by `name@version`.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn plugin_approvals(&self) -> Result<BTreeMap<String, Approval>, StateError> {
        self.all(APPROVALS, rollout::FORMAT)
    }

    /// What waits, by `name@version`.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn plugins_waiting(&self) -> Result<BTreeMap<String, Waiting>, StateError> {
        self.all(WAITING, rollout::FORMAT)
    }

    /// Replaces who serves; `None` forgets it.
    ///
    /// # Errors
    /// When the store fails; what was known before stays.
    pub(crate) fn set_serving(&self, choice: &str, serving: Option<&Serving>) -> Result<(), StateError> {
        self.put(SERVING, choice, serving)
    }

    /// Replaces an approval; `None` forgets it.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn set_plugin_approval(&self, plugin: &str, approval: Option<&Approval>) -> Result<(), StateError> {
        self.put(APPROVALS, plugin, approval)
    }

    /// Replaces what waits; `None` forgets it.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn set_plugin_waiting(&self, plugin: &str, waiting: Option<&Waiting>) -> Result<(), StateError> {
        self.put(WAITING, plugin, waiting)
    }
}
