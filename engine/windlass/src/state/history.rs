//! The histories of Apps: an entry a row, written with the inventory that it tells of, and the renders that they keep.

use redb::{Durability, ReadableTable as _, TableDefinition, WriteTransaction};
use windlass_core::{
    history::{self, Entry, FORMAT, Noted, Outcome},
    inventory::Inventory,
};

use super::{INVENTORIES, Inventories, StateError, json, parse};

/// Key: that of an inventory, and the entry's number; value: [`Entry`] as JSON.
const HISTORY: TableDefinition<(&str, u64), &[u8]> = TableDefinition::new("history");
/// Key: name of a file in the store of renders; value: entries that need it.
const KEPT: TableDefinition<&str, u64> = TableDefinition::new("kept-renders");

/// What came of writing down.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Written {
    /// The last entry of the history, when it is another than before.
    pub(crate) entry: Option<Entry>,
    /// Files of renders that nobody needs any more.
    pub(crate) released: Vec<String>,
}

/// A step of a history.
pub(crate) struct Attempt {
    /// As if it were the first.
    pub(crate) entry: Entry,
    /// Entries that stay.
    pub(crate) limit: u16,
}

impl Inventories {
    /// Writes down what a cycle came to: the inventory, when there is another, and what it means for the history, with one write.
    ///
    /// # Errors
    /// When the store fails; what was there stays.
    pub(crate) fn settle(
        &self,
        key: &str,
        inventory: Option<&Inventory>,
        attempt: Option<Attempt>,
    ) -> Result<Written, StateError> {
        let inventory = inventory.map(|inventory| json(key, inventory)).transpose()?;
        let noted = match attempt {
            Some(attempt) => match history::note(self.last(key)?.as_ref(), attempt.entry) {
                Noted::Nothing => None,
                Noted::Again(entry) | Noted::New(entry) => Some((*entry, attempt.limit)),
            },
            None => None,
        };
        if inventory.is_none() && noted.is_none() {
            return Ok(Written::default());
        }
        let bytes = noted.as_ref().map(|(entry, _)| json(key, entry)).transpose()?;
        let released = self.write(|transaction| {
            let mut released = Vec::new();
            if let Some(inventory) = &inventory {
                transaction.open_table(INVENTORIES)?.insert(key, inventory.as_slice())?;
            }
            if let (Some((entry, limit)), Some(bytes)) = (&noted, &bytes) {
                released.extend(put(transaction, key, entry, bytes)?);
                released.extend(bound(transaction, key, entry.number, *limit)?);
            }
            Ok(released)
        })?;
        self.publish_soon(key);
        Ok(Written {
            entry: noted.map(|(entry, _)| entry),
            released,
        })
    }

    /// Entries of an App on a target, the newest first.
    ///
    /// # Errors
    /// When the store fails, or an entry can't be read.
    pub(crate) fn history(&self, key: &str) -> Result<Vec<Entry>, StateError> {
        self.newest(key, usize::MAX)
    }

    /// The newest entry.
    ///
    /// # Errors
    /// As before.
    pub(crate) fn last(&self, key: &str) -> Result<Option<Entry>, StateError> {
        Ok(self.newest(key, 1)?.pop())
    }

    fn newest(&self, key: &str, most: usize) -> Result<Vec<Entry>, StateError> {
        let rows = self.look(HISTORY, |table| {
            let rows = table.range((key, 0)..=(key, u64::MAX))?.rev().take(most);
            rows.map(|row| Ok(row?.1.value().to_vec()))
                .collect::<Result<Vec<_>, redb::Error>>()
        })?;
        let rows = rows.unwrap_or_default();
        rows.iter().map(|bytes| parse(key, bytes, FORMAT)).collect()
    }

    /// Writes down how the newest entry does, without waiting for the disk: should the process be killed, it is found out again.
    /// Whether it was news.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn turned(&self, key: &str, number: u64, outcome: Outcome) -> Result<bool, StateError> {
        let last = self.last(key)?.filter(|last| last.number == number);
        let Some(entry) = last.and_then(|last| history::turned(&last, outcome)) else {
            return Ok(false);
        };
        let bytes = json(key, &entry)?;
        self.write_as(Durability::None, |transaction| {
            transaction
                .open_table(HISTORY)?
                .insert((key, number), bytes.as_slice())?;
            Ok(())
        })?;
        self.publish_soon(key);
        Ok(true)
    }

    /// Whether an entry of a history needs the render whose file has that name. What can't be told: yes.
    pub(crate) fn keeps(&self, file: &str) -> bool {
        let is_kept = self.look(KEPT, |table| Ok(table.get(file)?.is_some()));
        is_kept.map_or(true, |kept| kept.unwrap_or_default())
    }

    /// Keys of all inventories and histories.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn keys(&self) -> Result<Vec<String>, StateError> {
        let keys = self.look(INVENTORIES, |table| {
            let rows = table.iter()?;
            rows.map(|row| Ok(row?.0.value().to_owned()))
                .collect::<Result<Vec<_>, redb::Error>>()
        })?;
        Ok(keys.unwrap_or_default())
    }
}

/// The name of a render's file, of what names the render.
fn file(run: &str) -> &str {
    run.rsplit_once('/').map_or(run, |(_, file)| file)
}

/// Answers the file of what it replaces, when that is needed no more.
pub(super) fn put(
    transaction: &WriteTransaction,
    key: &str,
    entry: &Entry,
    bytes: &[u8],
) -> Result<Option<String>, redb::Error> {
    {
        let mut kept = transaction.open_table(KEPT)?;
        let file = file(&entry.run);
        let count = kept.get(file)?.map_or(0, |count| count.value());
        kept.insert(file, count + 1)?;
    }
    let before = {
        let mut history = transaction.open_table(HISTORY)?;
        let before = history.insert((key, entry.number), bytes)?;
        before.map(|before| before.value().to_vec())
    };
    release(transaction, before.as_deref())
}

/// Takes away what is older than the newest so many.
fn bound(transaction: &WriteTransaction, key: &str, newest: u64, limit: u16) -> Result<Vec<String>, redb::Error> {
    match newest.checked_sub(u64::from(limit)) {
        Some(oldest) => remove(transaction, key, oldest),
        None => Ok(Vec::new()),
    }
}

fn remove(transaction: &WriteTransaction, key: &str, up_to: u64) -> Result<Vec<String>, redb::Error> {
    let mut gone = Vec::new();
    {
        let mut table = transaction.open_table(HISTORY)?;
        let rows = table.extract_from_if((key, 0)..=(key, up_to), |_, _| true)?;
        for row in rows {
            gone.push(row?.1.value().to_vec());
        }
    }
    let mut released = Vec::new();
    for entry in &gone {
        released.extend(release(transaction, Some(entry))?);
    }
    Ok(released)
}

/// An entry is gone, or another now: its render is needed by one less. Answers its file when nobody needs it any more.
fn release(transaction: &WriteTransaction, entry: Option<&[u8]>) -> Result<Option<String>, redb::Error> {
    // What can't be read keeps what it kept.
    let Some(entry) = entry.and_then(|bytes| serde_json::from_slice::<Entry>(bytes).ok()) else {
        return Ok(None);
    };
    let mut kept = transaction.open_table(KEPT)?;
    let file = file(&entry.run);
    let count = kept.get(file)?.map_or(0, |count| count.value());
    if count > 1 {
        kept.insert(file, count - 1)?;
        return Ok(None);
    }
    kept.remove(file)?;
    Ok(Some(file.to_owned()))
}

/// Forgets an App's history, within a transaction.
pub(super) fn forget(transaction: &WriteTransaction, key: &str) -> Result<Vec<String>, redb::Error> {
    remove(transaction, key, u64::MAX)
}

#[cfg(test)]
mod tests {
    use windlass_core::{
        diff::Counts,
        digest::Digest,
        history::{Origin, Plugin},
        render::Instant,
    };

    use super::*;
    use crate::state::State;

    fn attempt(desired: &str, limit: u16) -> Attempt {
        Attempt {
            entry: Entry {
                format: FORMAT,
                number: 0,
                at: Instant::default(),
                origin: Origin::default(),
                plugin: Plugin {
                    reference: "yaml@1.0.0".into(),
                    digest: Digest::of(b"p"),
                },
                desired: Digest::of(desired.as_bytes()),
                run: format!("base/{desired}"),
                changes: Counts::default(),
                objects: Vec::new(),
                omitted: 0,
                outcome: Outcome::Applied,
                message: String::new(),
                was_healthy: false,
                replays: None,
                actor: None,
                defines: false,
                pre_hook: false,
            },
            limit,
        }
    }

    fn numbers(inventories: &Inventories, key: &str) -> Vec<u64> {
        let entries = inventories.history(key).unwrap();
        entries.iter().map(|entry| entry.number).collect()
    }

    #[test]
    fn the_newest_entries_stay_and_keep_their_renders() {
        let dir = tempfile::tempdir().unwrap();
        let inventories = State::open(dir.path()).unwrap().inventories().unwrap();
        assert!(numbers(&inventories, "k").is_empty() && !inventories.keeps("a"));
        for desired in ["a", "b", "a", "c"] {
            inventories
                .settle("k", Some(&Inventory::default()), Some(attempt(desired, 2)))
                .unwrap();
            // Nothing more came of it.
            let again = inventories.settle("k", None, Some(attempt(desired, 2))).unwrap();
            assert_eq!(again, Written::default());
        }
        inventories.settle("k2", None, Some(attempt("b", 5))).unwrap();
        assert_eq!(numbers(&inventories, "k"), [4, 3]);
        assert_eq!(numbers(&inventories, "k2"), [1]);
        let kept = |file: &str| inventories.keeps(file);
        assert!(kept("a") && kept("b") && kept("c") && !kept("d"));
        let written = inventories.settle("k", None, Some(attempt("d", 1))).unwrap();
        assert_eq!(written.released, ["a", "c"]);
        assert_eq!(numbers(&inventories, "k"), [5]);
        assert!(!kept("a") && kept("b") && !kept("c") && kept("d"));
        assert_eq!(inventories.forget("k").unwrap(), ["d"]);
        assert!(numbers(&inventories, "k").is_empty() && !kept("d") && kept("b"));
        assert_eq!(numbers(&inventories, "k2"), [1]);
    }

    #[test]
    fn how_an_entry_does_is_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let inventories = State::open(dir.path()).unwrap().inventories().unwrap();
        inventories.settle("k", None, Some(attempt("a", 2))).unwrap();
        assert!(inventories.turned("k", 1, Outcome::Healthy).unwrap());
        assert!(!inventories.turned("k", 1, Outcome::Healthy).unwrap());
        assert!(!inventories.turned("k", 2, Outcome::Degraded).unwrap());
        assert_eq!(inventories.last("k").unwrap().unwrap().outcome, Outcome::Healthy);
    }
}
