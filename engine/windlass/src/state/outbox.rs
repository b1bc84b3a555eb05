//! What is to be told, and what everybody was told last.

use std::collections::{BTreeMap, BTreeSet};

use redb::TableDefinition;
use windlass_core::outbox::{Entry, FORMAT, Standing};

use super::{Inventories, StateError, json, parse};

/// Key: `namespace/app`; value: [`Standing`] as JSON.
pub(super) const STANDINGS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("standings");
/// Key: `namespace/app|` and the event's number in twenty digits; value: [`Entry`] as JSON.
pub(super) const OUTBOX: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("outbox");

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

    /// As [`Inventories::on_their_way`], of one App by `namespace/app`.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn on_their_way_of(&self, app: &str) -> Result<BTreeMap<String, Entry>, StateError> {
        let (from, to) = bounds(app);
        let rows = self.look(OUTBOX, |table| {
            let rows = table.range(from.as_str()..to.as_str())?;
            let rows = rows.map(|row| row.map(|(key, value)| (key.value().to_owned(), value.value().to_vec())));
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        let parsed = rows.unwrap_or_default().into_iter().map(|(key, bytes)| {
            let entry = parse(&key, &bytes, FORMAT)?;
            Ok((key, entry))
        });
        parsed.collect()
    }

    /// An App's standing, by `namespace/app`.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn standing_of(&self, app: &str) -> Result<Option<Standing>, StateError> {
        let bytes = self.read(STANDINGS, app)?;
        bytes.map(|bytes| parse(app, &bytes, FORMAT)).transpose()
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
        })?;
        let of_entries = entries.iter().filter_map(|(key, _)| key.rsplit_once('|'));
        let apps: BTreeSet<&str> = of_entries
            .map(|(app, _)| app)
            .chain(standings.iter().map(|(app, _)| app.as_str()))
            // Of repositories: what is told of them is told again by whoever polls them next.
            .filter(|app| !app.starts_with('/'))
            .collect();
        apps.into_iter().try_for_each(|app| self.publish_app(app))
    }
}

/// Keys of an App's events are between these.
fn bounds(app: &str) -> (String, String) {
    // The character after `|`.
    (format!("{app}|"), format!("{app}}}"))
}

/// Forgets what was to be told of an App, and what was told, within a transaction.
pub(super) fn forget(transaction: &redb::WriteTransaction, app: &str) -> Result<(), redb::Error> {
    transaction.open_table(STANDINGS)?.remove(app)?;
    let (from, to) = bounds(app);
    let mut table = transaction.open_table(OUTBOX)?;
    table.retain_in(from.as_str()..to.as_str(), |_, _| false)?;
    Ok(())
}
