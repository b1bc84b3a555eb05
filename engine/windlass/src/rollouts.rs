//! What is known of versions of plugins over restarts: in memory, on disk before it counts. Part of the [`crate::desk`].

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use windlass_core::{
    digest::Digest,
    rollout::{Approval, Serving, Waiting},
};

use crate::state::{Inventories, StateError};

/// See the module. Methods that change something block for the disk.
pub(crate) struct Rollouts {
    inventories: Arc<Inventories>,
    known: Mutex<Known>,
    asked: Notify,
}

#[derive(Default)]
struct Known {
    /// By choice: `helm`, `helm@4.3`.
    serving: BTreeMap<String, Serving>,
    /// By `name@version`.
    approvals: BTreeMap<String, Approval>,
    /// By `name@version`.
    waiting: BTreeMap<String, Waiting>,
    /// By choice, what serves with the replica that compares versions.
    elsewhere: BTreeMap<String, Digest>,
}

impl Rollouts {
    /// # Errors
    /// When it can't be read: then nobody knows who is to serve.
    pub(crate) fn open(inventories: Arc<Inventories>) -> Result<Self, StateError> {
        let known = Known {
            serving: inventories.serving()?,
            approvals: inventories.plugin_approvals()?,
            waiting: inventories.plugins_waiting()?,
            elsewhere: BTreeMap::new(),
        };
        Ok(Self {
            inventories,
            known: Mutex::new(known),
            asked: Notify::new(),
        })
    }

    /// Who serves, by choice.
    pub(crate) fn serving(&self) -> BTreeMap<String, Serving> {
        self.known().serving.clone()
    }

    /// From now on another one serves, or nobody whom anybody knows.
    ///
    /// # Errors
    /// When it can't be written down.
    pub(crate) fn serve(&self, choice: &str, serving: Option<Serving>) -> Result<(), StateError> {
        if self.known().serving.get(choice) == serving.as_ref() {
            return Ok(());
        }
        self.inventories.set_serving(choice, serving.as_ref())?;
        put(&mut self.known().serving, choice, serving);
        Ok(())
    }

    /// Versions that wait, by `name@version`.
    pub(crate) fn waiting(&self) -> BTreeMap<String, Waiting> {
        self.known().waiting.clone()
    }

    /// A version waits; `None`: no longer.
    ///
    /// # Errors
    /// When it can't be written down.
    pub(crate) fn wait(&self, plugin: &str, waiting: Option<Waiting>) -> Result<(), StateError> {
        if self.known().waiting.get(plugin) == waiting.as_ref() {
            return Ok(());
        }
        self.inventories.set_plugin_waiting(plugin, waiting.as_ref())?;
        put(&mut self.known().waiting, plugin, waiting);
        Ok(())
    }

    /// Whether a component was approved under `name@version`.
    pub(crate) fn is_approved(&self, plugin: &str, digest: &Digest) -> bool {
        let known = self.known();
        known
            .approvals
            .get(plugin)
            .is_some_and(|approval| approval.digest == *digest)
    }

    /// A person approves, or what was approved is done. Whoever looks after plugins is told.
    ///
    /// # Errors
    /// When it can't be written down.
    pub(crate) fn approve(&self, plugin: &str, approval: Option<Approval>) -> Result<(), StateError> {
        if self.known().approvals.get(plugin) == approval.as_ref() {
            return Ok(());
        }
        self.inventories.set_plugin_approval(plugin, approval.as_ref())?;
        let is_news = approval.is_some();
        put(&mut self.known().approvals, plugin, approval);
        if is_news {
            self.asked.notify_one();
        }
        Ok(())
    }

    /// With the replica that compares versions, these serve.
    pub(crate) fn lead(&self, serving: impl IntoIterator<Item = (String, Digest)>) {
        let mut known = self.known();
        let mut is_news = false;
        for (choice, digest) in serving {
            is_news |= known.elsewhere.insert(choice, digest) != Some(digest);
        }
        drop(known);
        if is_news {
            self.asked.notify_one();
        }
    }

    /// Whether a component serves a choice with the replica that compares versions.
    pub(crate) fn serves_elsewhere(&self, choice: &str, digest: &Digest) -> bool {
        self.known().elsewhere.get(choice) == Some(digest)
    }

    /// Somebody approved something.
    pub(crate) const fn asked(&self) -> &Notify {
        &self.asked
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn put<T>(all: &mut BTreeMap<String, T>, key: &str, value: Option<T>) {
    match value {
        Some(value) => all.insert(key.to_owned(), value),
        None => all.remove(key),
    };
}
