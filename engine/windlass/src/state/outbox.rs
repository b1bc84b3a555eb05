//! What is to be told, and what everybody was told last.

use std::collections::BTreeMap;

use redb::TableDefinition;
use windlass_core::outbox::{Entry, FORMAT, Standing};

use super::{Inventories, StateError, json};

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
        let stored = |(key, standing): (&String, &Standing)| Ok((key.clone(), json(key, standing)?));
        let standings: Vec<_> = standings.iter().map(stored).collect::<Result<_, StateError>>()?;
        let stored = |(key, entry): (&String, &Option<Entry>)| {
            let bytes = entry.as_ref().map(|entry| json(key, entry)).transpose()?;
            Ok((key.clone(), bytes))
        };
        let entries: Vec<_> = entries.iter().map(stored).collect::<Result<_, StateError>>()?;
        self.write(|transaction| {
            let mut table = transaction.open_table(STANDINGS)?;
            for (key, bytes) in &standings {
                table.insert(key.as_str(), bytes.as_slice())?;
            }
            let mut table = transaction.open_table(OUTBOX)?;
            for (key, bytes) in &entries {
                match bytes {
                    Some(bytes) => drop(table.insert(key.as_str(), bytes.as_slice())?),
                    None => drop(table.remove(key.as_str())?),
                }
            }
            Ok(())
        })
    }
}
