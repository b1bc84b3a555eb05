//! What of one object is used, and its digests.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Key, Keys, content};
use crate::model::ObjectId;

/// What of one object is used, by one workload or several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Everything, whatever there is.
    whole: bool,
    /// These keys.
    keys: BTreeSet<String>,
}

impl From<Keys> for Parts {
    fn from(keys: Keys) -> Self {
        match keys {
            Keys::All => Self {
                whole: true,
                keys: BTreeSet::new(),
            },
            Keys::Some(keys) => Self { whole: false, keys },
        }
    }
}

impl Parts {
    /// These too. Who uses everything and who uses a key of it are told apart.
    pub(super) fn add(&mut self, more: Self) {
        self.whole |= more.whole;
        self.keys.extend(more.keys);
    }

    /// What is used, as the inventory names it: `ConfigMap shop/a`, `ConfigMap shop/a: key`.
    #[must_use]
    pub fn names(&self, id: &ObjectId) -> Vec<String> {
        let whole = self.whole.then(|| id.to_string());
        whole
            .into_iter()
            .chain(self.keys.iter().map(|key| of_key(id, key)))
            .collect()
    }

    /// Digests of an object as it lives, by name. A key that isn't there is left out.
    #[must_use]
    pub fn digests(&self, key: &Key, id: &ObjectId, body: &Value) -> BTreeMap<String, String> {
        let content = content::of(body);
        let is_there = |name: &&String| content.contains_key(*name);
        let there = Self {
            whole: self.whole,
            keys: self.keys.iter().filter(is_there).cloned().collect(),
        };
        there.of(key, id, &content)
    }

    /// Digests of an object as git has it, by name. A key that isn't there is something else than one that is empty.
    pub(super) fn digests_of_all(&self, key: &Key, id: &ObjectId, body: &Value) -> BTreeMap<String, String> {
        self.of(key, id, &content::of(body))
    }

    fn of(&self, key: &Key, id: &ObjectId, content: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
        let mut digests = BTreeMap::new();
        if self.whole {
            let what = id.to_string();
            let parts = content
                .iter()
                .flat_map(|(name, value)| [name.as_bytes(), value.as_slice()]);
            let digest = key.digest(std::iter::once(what.as_bytes()).chain(parts));
            digests.insert(what, digest);
        }
        for name in &self.keys {
            let what = of_key(id, name);
            let (is_there, value) = match content.get(name) {
                Some(value) => (b"1".as_slice(), value.as_slice()),
                None => (b"0".as_slice(), b"".as_slice()),
            };
            let digest = key.digest([what.as_bytes(), is_there, value]);
            digests.insert(what, digest);
        }
        digests
    }
}

fn of_key(id: &ObjectId, key: &str) -> String {
    format!("{id}: {key}")
}
