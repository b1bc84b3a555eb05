//! Repositories by what they ask of whom: those that ask the same are polled together and share a mirror.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{Mutex, Semaphore};
use windlass_core::config::{Config, RepositorySpec, parts_of};
use windlass_source::{Limits, Revision};

use super::Listed;

/// What a Repository asks of whom: its URL, with which credentials, by which way and whom it trusts. Which reference is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked(String);

impl Asked {
    /// `id`: the Repository's key in the configuration. A Secret is known by its name in the namespace that the key begins with; files
    /// are the same wherever the document stands.
    #[must_use]
    pub fn of(id: &str, spec: &RepositorySpec) -> Self {
        let auth = spec.auth.as_ref();
        let has_secret = auth.is_some_and(|auth| auth.secret_ref.is_some())
            || spec.proxy.as_ref().is_some_and(|proxy| proxy.secret_ref.is_some());
        let of = has_secret.then(|| parts_of(id).0);
        // Names of files and Secrets, none of their content.
        let text = serde_json::json!([spec.git.url, spec.git.ca_file, auth, spec.proxy, of]);
        Self(text.to_string())
    }
}

/// Repositories that ask the same.
pub(super) struct Group {
    /// Most bytes of their mirror: what the one that allows most says, since it is one.
    pub(super) max_size: u64,
    /// What the server listed last.
    pub(super) listing: Mutex<Option<Listed>>,
    /// Held while something is fetched.
    pub(super) fetching: Mutex<()>,
    /// To look into the mirror.
    pub(super) recalls: Semaphore,
}

/// Looks into one mirror at a time, some milliseconds each: hundreds of Repositories that are answered together would make hundreds of
/// threads, each with an arena of its own. Of one group, since a look may wait for whoever fetches there.
const RECALLS: usize = 4;

/// A Repository, and the revision that its apps look at.
pub(super) struct Slot {
    pub(super) spec: RepositorySpec,
    /// Of the document: Secrets that it names are there.
    pub(super) namespace: String,
    pub(super) group: Arc<Group>,
    pub(super) current: Arc<Mutex<Option<Revision>>>,
}

/// By key of the configuration.
pub(super) type Slots = BTreeMap<String, Arc<Slot>>;

/// Of every repository, with what is known of it where it would be asked the same.
pub(super) fn slots(config: &Config, before: &Slots) -> Slots {
    let default = Limits::default().mirror_bytes;
    let mut sizes: BTreeMap<Asked, u64> = BTreeMap::new();
    for (id, spec) in &config.repositories {
        let size = sizes.entry(Asked::of(id, spec)).or_default();
        *size = (*size).max(spec.max_size.unwrap_or(default));
    }
    let mut groups: BTreeMap<Asked, Arc<Group>> = BTreeMap::new();
    for (id, slot) in before {
        let asked = Asked::of(id, &slot.spec);
        if sizes.get(&asked) == Some(&slot.group.max_size) {
            groups.insert(asked, Arc::clone(&slot.group));
        }
    }
    let slot = |(id, spec): (&String, &RepositorySpec)| {
        let asked = Asked::of(id, spec);
        let group = groups.entry(asked.clone()).or_insert_with(|| {
            Arc::new(Group {
                max_size: sizes.get(&asked).copied().unwrap_or(default),
                listing: Mutex::default(),
                fetching: Mutex::default(),
                recalls: Semaphore::new(RECALLS),
            })
        });
        let known = before
            .get(id)
            .filter(|known| (&known.spec.git, &known.spec.verify) == (&spec.git, &spec.verify))
            .filter(|known| Asked::of(id, &known.spec) == asked);
        let slot = Slot {
            spec: spec.clone(),
            namespace: parts_of(id).0.to_owned(),
            group: Arc::clone(group),
            current: known.map_or_else(Arc::default, |known| Arc::clone(&known.current)),
        };
        (id.clone(), Arc::new(slot))
    };
    config.repositories.iter().map(slot).collect()
}
