//! What of the inventories is shared with other replicas: written into the cluster's objects, and taken over from there.

use windlass_cluster::refusal::Refusal;
use windlass_core::ledger::Ledger;

use super::{
    Inventories, StateError,
    ledgers::{Found, Ledgers, app_of},
};

/// Objects that are written at a time. Each waits for the API server, and a thousand Apps are written twice.
const WIDTH: usize = 16;

impl Inventories {
    /// Writes that may be under way at a time.
    pub(crate) const fn width(&self) -> usize {
        // A disk takes one after the other.
        if self.ledgers.is_some() { WIDTH } else { 1 }
    }

    /// Whether others keep Apps of the same cluster.
    pub(crate) const fn are_shared(&self) -> bool {
        self.ledgers.is_some()
    }

    /// Whether what is kept of the App of a key could be read.
    pub(super) fn is_read(&self, key: &str) -> Result<(), StateError> {
        let app = app_of(key);
        match self.ledgers.as_ref().and_then(|ledgers| ledgers.damage(app)) {
            None => Ok(()),
            Some(why) => Err(StateError::Unread {
                app: app.to_owned(),
                why,
            }),
        }
    }

    /// What is under a key is another: others know it when this returns.
    pub(super) fn publish(&self, key: &str) -> Result<(), StateError> {
        self.is_read(key)?;
        let Some(ledgers) = &self.ledgers else { return Ok(()) };
        ledgers.has(key);
        self.publish_app(app_of(key))
    }

    /// The same, by `namespace/app`.
    pub(super) fn publish_app(&self, app: &str) -> Result<(), StateError> {
        let Some(ledgers) = &self.ledgers else { return Ok(()) };
        ledgers.write(app, || self.what_is_known(ledgers, app))
    }

    /// What is under a key is another: others know it soon.
    pub(super) fn publish_soon(&self, key: &str) {
        if let Some(ledgers) = &self.ledgers {
            ledgers.has(key);
            ledgers.soon(app_of(key));
        }
    }

    /// Apps of which others are to know more by now; `all`: or soon.
    pub(crate) fn due(&self, all: bool) -> Vec<String> {
        self.ledgers
            .as_ref()
            .map(|ledgers| ledgers.due(all))
            .unwrap_or_default()
    }

    /// Has others know what is due of an App. Blocks.
    ///
    /// # Errors
    /// When it can't be written; it is due again then.
    pub(crate) fn publish_due(&self, app: &str) -> Result<(), StateError> {
        self.publish_app(app)
    }

    fn what_is_known(&self, ledgers: &Ledgers, app: &str) -> Result<Ledger, StateError> {
        let keys = ledgers.keys_of(app);
        let ledger = self.ledger(app, &keys)?;
        for key in keys
            .iter()
            .filter(|key| ledger.targets.iter().all(|kept| kept.key != **key))
        {
            ledgers.has_not(key);
        }
        Ok(ledger)
    }

    /// What lies in the cluster of the Apps of a shard.
    ///
    /// # Errors
    /// When it can't be listed.
    pub(crate) async fn found(&self, shard: u16) -> Result<Vec<Found>, Refusal> {
        match &self.ledgers {
            Some(ledgers) => ledgers.read(shard).await,
            None => Ok(Vec::new()),
        }
    }

    /// Goes by what was found from now on. Answers keys and Apps.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn take_over(&self, found: Vec<Found>) -> Result<Vec<(String, Vec<String>)>, StateError> {
        let all: Vec<(String, Ledger)> = found.into_iter().map(|found| (found.app, found.ledger)).collect();
        self.take(&all)?;
        let keys = |ledger: &Ledger| ledger.targets.iter().map(|kept| kept.key.clone()).collect();
        Ok(all.iter().map(|(app, ledger)| (app.clone(), keys(ledger))).collect())
    }

    /// Apps of a shard of which anything is known, by `namespace/app`.
    pub(crate) fn apps_of(&self, shard: u16) -> Vec<String> {
        self.ledgers
            .as_ref()
            .map(|ledgers| ledgers.apps_of(shard))
            .unwrap_or_default()
    }

    /// Leaves the Apps of a shard to another replica. Answers them, with their keys.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn leave_to_others(&self, shard: u16) -> Result<Vec<(String, Vec<String>)>, StateError> {
        let Some(ledgers) = &self.ledgers else {
            return Ok(Vec::new());
        };
        let all = ledgers.leave(shard);
        self.drop_all(&all)?;
        Ok(all)
    }
}
