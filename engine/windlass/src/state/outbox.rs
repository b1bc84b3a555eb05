//! What is to be told, and what everybody was told last.

use std::collections::BTreeMap;

use redb::TableDefinition;
use windlass_core::outbox::{Entry, FORMAT, Standing};

use super::{Inventories, StateError, store_error};

/// Key: `namespace/app`; value: [`Standing`] as JSON.
const STANDINGS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("standings");
/// Key: `namespace/app|` and the event's number in twenty digits; value: [`Entry`] as JSON.
const OUTBOX: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("outbox");

impl Inventories {
    /// Every App's standing, by `namespace/app`.
    ///
    /// # Errors
    /// When the store fails, or holds what can't be read.
    pub fn standings(&self) -> Result<BTreeMap<String, Standing>, StateError> {
        self.all(STANDINGS, FORMAT)
    }

    /// Every event on its way, an App's in their order.
    ///
    /// # Errors
    /// When the store fails, or holds what can't be read.
    pub fn on_their_way(&self) -> Result<BTreeMap<String, Entry>, StateError> {
        self.all(OUTBOX, FORMAT)
    }

    /// Writes standings and entries, all or nothing; on disk when this returns. An entry that is `None` was told to everybody.
    ///
    /// # Errors
    /// When the store fails; then nothing of it is written.
    pub fn tell(
        &self,
        standings: &BTreeMap<String, Standing>,
        entries: &BTreeMap<String, Option<Entry>>,
    ) -> Result<(), StateError> {
        let write = || -> Result<(), redb::Error> {
            let transaction = self.begin_write()?;
            {
                let mut table = transaction.open_table(STANDINGS)?;
                for (key, standing) in standings {
                    table.insert(key.as_str(), bytes(standing)?.as_slice())?;
                }
                let mut table = transaction.open_table(OUTBOX)?;
                for (key, entry) in entries {
                    match entry {
                        Some(entry) => drop(table.insert(key.as_str(), bytes(entry)?.as_slice())?),
                        None => drop(table.remove(key.as_str())?),
                    }
                }
            }
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|source| store_error("written", source))
    }
}

fn bytes(value: &impl serde::Serialize) -> Result<Vec<u8>, redb::Error> {
    serde_json::to_vec(value).map_err(|error| redb::Error::Io(error.into()))
}
