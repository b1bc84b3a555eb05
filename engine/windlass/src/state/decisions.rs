//! What people decided about Apps, on disk before any answer.

use std::collections::BTreeMap;

use redb::TableDefinition;
use serde::{Deserialize, Serialize};
use windlass_core::holds::{self, Decisions, Suspension};

use super::{Inventories, StateError, json, parse};

/// Key as that of an inventory; value: [`Decisions`] as JSON.
pub(super) const DECISIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("decisions");
/// Key: `namespace/app`, for who suspends an App means it wherever it goes; value: [`Stored`] as JSON.
pub(super) const SUSPENSIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("suspensions");

/// A suspension with the version of its form.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    format: u32,
    suspension: Suspension,
}

impl Stored {
    pub(super) const fn of(suspension: Suspension) -> Self {
        Self {
            format: holds::FORMAT,
            suspension,
        }
    }
}

impl Inventories {
    /// All decisions, by the key of an inventory.
    ///
    /// # Errors
    /// When the store fails, or one can't be read: then nobody knows what may be done.
    pub(crate) fn decisions(&self) -> Result<BTreeMap<String, Decisions>, StateError> {
        self.all(DECISIONS, holds::FORMAT)
    }

    /// All suspensions, by `namespace/app`.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn suspensions(&self) -> Result<BTreeMap<String, Suspension>, StateError> {
        let stored: BTreeMap<String, Stored> = self.all(SUSPENSIONS, holds::FORMAT)?;
        Ok(stored
            .into_iter()
            .map(|(app, stored)| (app, stored.suspension))
            .collect())
    }

    /// An App's suspension, by `namespace/app`.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn suspension_of(&self, app: &str) -> Result<Option<Suspension>, StateError> {
        let stored = self.read(SUSPENSIONS, app)?;
        let stored = stored.map(|bytes| parse::<Stored>(app, &bytes, holds::FORMAT));
        Ok(stored.transpose()?.map(|stored| stored.suspension))
    }

    /// What was decided under a key.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn decisions_of(&self, key: &str) -> Result<Option<Decisions>, StateError> {
        let stored = self.read(DECISIONS, key)?;
        stored.map(|bytes| parse(key, &bytes, holds::FORMAT)).transpose()
    }

    /// Replaces what was decided; what is as if nothing had been is removed.
    ///
    /// # Errors
    /// When the store fails; what was decided before stays.
    pub(crate) fn decide(&self, key: &str, decisions: &Decisions) -> Result<(), StateError> {
        let is_nothing = *decisions == Decisions::default();
        self.put(DECISIONS, key, (!is_nothing).then_some(decisions))?;
        self.publish(key)
    }

    /// Replaces a suspension; `None` removes it.
    ///
    /// # Errors
    /// When the store fails; what was decided before stays.
    pub(crate) fn suspend(&self, app: &str, suspension: Option<&Suspension>) -> Result<(), StateError> {
        let stored = suspension.cloned().map(Stored::of);
        self.put(SUSPENSIONS, app, stored.as_ref())?;
        self.publish_app(app)
    }

    pub(super) fn put<T: Serialize>(
        &self,
        table: TableDefinition<'_, &str, &[u8]>,
        key: &str,
        value: Option<&T>,
    ) -> Result<(), StateError> {
        let bytes = value.map(|value| json(key, value)).transpose()?;
        self.write(|transaction| {
            let mut table = transaction.open_table(table)?;
            match &bytes {
                Some(bytes) => table.insert(key, bytes.as_slice())?,
                None => table.remove(key)?,
            };
            Ok(())
        })
    }
}

/// Forgets what was decided about an App on a target, within a transaction.
pub(super) fn forget(transaction: &redb::WriteTransaction, key: &str) -> Result<(), redb::Error> {
    transaction.open_table(DECISIONS)?.remove(key)?;
    Ok(())
}

/// Forgets an App's suspension, within a transaction.
pub(super) fn forget_app(transaction: &redb::WriteTransaction, app: &str) -> Result<(), redb::Error> {
    transaction.open_table(SUSPENSIONS)?.remove(app)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    #[test]
    fn decisions_are_kept_until_they_are_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let inventories = State::open(dir.path()).unwrap().inventories().unwrap();
        assert!(inventories.decisions().unwrap().is_empty() && inventories.suspensions().unwrap().is_empty());
        let decisions = Decisions {
            begun: Some("r".into()),
            ..Decisions::default()
        };
        inventories.decide("k", &decisions).unwrap();
        assert_eq!(
            inventories.decisions().unwrap(),
            [("k".to_owned(), decisions.clone())].into()
        );
        inventories.decide("k", &Decisions::default()).unwrap();
        assert!(inventories.decisions().unwrap().is_empty());
        let suspension = Suspension {
            reason: "r".into(),
            actor: None,
            since: None,
            until: None,
        };
        inventories.suspend("default/a", Some(&suspension)).unwrap();
        assert_eq!(inventories.suspensions().unwrap()["default/a"], suspension);
        inventories.suspend("default/a", None).unwrap();
        assert!(inventories.suspensions().unwrap().is_empty());
        // One of a later version may mean that nothing may be done.
        let newer = Decisions {
            format: holds::FORMAT + 1,
            ..decisions
        };
        inventories.decide("k", &newer).unwrap();
        assert!(matches!(inventories.decisions(), Err(StateError::TooNew { .. })));
    }
}
