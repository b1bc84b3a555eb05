//! What the rows of this process's file say of one App, as its [`Ledger`] has it, and the other way.

use redb::WriteTransaction;
use serde::{Serialize, de::DeserializeOwned};
use windlass_core::ledger::{FORMAT, Kept, Ledger};

use super::{DEPLOYED, INVENTORIES, Inventories, StateError, decisions, history, json, outbox, parse};

impl Inventories {
    /// What is known of an App, by `namespace/name`.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn ledger(&self, app: &str, keys: &[String]) -> Result<Ledger, StateError> {
        let mut ledger = Ledger {
            format: FORMAT,
            suspension: self.suspension_of(app)?,
            standing: self.value(outbox::STANDINGS, app)?,
            outbox: self.on_their_way_of(app)?,
            ..Ledger::default()
        };
        for key in keys {
            let kept = Kept {
                key: key.clone(),
                inventory: self.value(INVENTORIES, key)?,
                deployed: self.value(DEPLOYED, key)?,
                decisions: self.value(decisions::DECISIONS, key)?,
                history: self.history(key)?,
            };
            let is_anything = kept.inventory.is_some()
                || kept.deployed.is_some()
                || kept.decisions.is_some()
                || !kept.history.is_empty();
            if is_anything {
                ledger.targets.push(kept);
            }
        }
        Ok(ledger)
    }

    /// Replaces what is known of Apps, by `namespace/name`.
    ///
    /// # Errors
    /// When the store fails; then nothing is replaced.
    pub(super) fn take(&self, all: &[(String, Ledger)]) -> Result<(), StateError> {
        let mut rows = Vec::new();
        for (app, ledger) in all {
            rows.push((app, ledger, rows_of(app, ledger)?));
        }
        self.write(|transaction| {
            for (app, ledger, rows) in &rows {
                decisions::forget_app(transaction, app)?;
                outbox::forget(transaction, app)?;
                if let Some(bytes) = &rows.suspension {
                    transaction
                        .open_table(decisions::SUSPENSIONS)?
                        .insert(app.as_str(), bytes.as_slice())?;
                }
                if let Some(bytes) = &rows.standing {
                    transaction
                        .open_table(outbox::STANDINGS)?
                        .insert(app.as_str(), bytes.as_slice())?;
                }
                for (key, bytes) in &rows.outbox {
                    transaction
                        .open_table(outbox::OUTBOX)?
                        .insert(key.as_str(), bytes.as_slice())?;
                }
                for (kept, bytes) in ledger.targets.iter().zip(&rows.targets) {
                    forget(transaction, &kept.key)?;
                    let key = kept.key.as_str();
                    for (table, bytes) in [
                        (INVENTORIES, &bytes.inventory),
                        (DEPLOYED, &bytes.deployed),
                        (decisions::DECISIONS, &bytes.decisions),
                    ] {
                        if let Some(bytes) = bytes {
                            transaction.open_table(table)?.insert(key, bytes.as_slice())?;
                        }
                    }
                    for (entry, bytes) in kept.history.iter().zip(&bytes.history) {
                        history::put(transaction, key, entry, bytes)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Forgets what is known of Apps: others keep them. `keys`: of their inventories.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) fn drop_all(&self, apps: &[(String, Vec<String>)]) -> Result<(), StateError> {
        self.write(|transaction| {
            for (app, keys) in apps {
                decisions::forget_app(transaction, app)?;
                outbox::forget(transaction, app)?;
                for key in keys {
                    forget(transaction, key)?;
                }
            }
            Ok(())
        })
    }

    fn value<T: DeserializeOwned>(
        &self,
        table: redb::TableDefinition<'_, &str, &[u8]>,
        key: &str,
    ) -> Result<Option<T>, StateError> {
        let bytes = self.read(table, key)?;
        bytes.map(|bytes| parse(key, &bytes, u32::MAX)).transpose()
    }
}

/// An inventory's key is forgotten, and with it what is kept under it. The documents of its history may be needed again.
fn forget(transaction: &WriteTransaction, key: &str) -> Result<(), redb::Error> {
    transaction.open_table(INVENTORIES)?.remove(key)?;
    transaction.open_table(DEPLOYED)?.remove(key)?;
    decisions::forget(transaction, key)?;
    history::forget(transaction, key).map(drop)
}

struct Rows {
    suspension: Option<Vec<u8>>,
    standing: Option<Vec<u8>>,
    outbox: Vec<(String, Vec<u8>)>,
    targets: Vec<RowsOfTarget>,
}

struct RowsOfTarget {
    inventory: Option<Vec<u8>>,
    deployed: Option<Vec<u8>>,
    decisions: Option<Vec<u8>>,
    history: Vec<Vec<u8>>,
}

fn rows_of(app: &str, ledger: &Ledger) -> Result<Rows, StateError> {
    fn bytes<T: Serialize>(key: &str, value: Option<&T>) -> Result<Option<Vec<u8>>, StateError> {
        value.map(|value| json(key, value)).transpose()
    }
    let suspension = ledger.suspension.clone().map(decisions::Stored::of);
    let outbox = ledger.outbox.iter();
    let targets = ledger.targets.iter();
    Ok(Rows {
        suspension: bytes(app, suspension.as_ref())?,
        standing: bytes(app, ledger.standing.as_ref())?,
        outbox: outbox
            .map(|(key, entry)| Ok((key.clone(), json(key, entry)?)))
            .collect::<Result<_, StateError>>()?,
        targets: targets
            .map(|kept| {
                let key = kept.key.as_str();
                Ok(RowsOfTarget {
                    inventory: bytes(key, kept.inventory.as_ref())?,
                    deployed: bytes(key, kept.deployed.as_ref())?,
                    decisions: bytes(key, kept.decisions.as_ref())?,
                    history: kept
                        .history
                        .iter()
                        .map(|entry| json(key, entry))
                        .collect::<Result<_, StateError>>()?,
                })
            })
            .collect::<Result<_, StateError>>()?,
    })
}
