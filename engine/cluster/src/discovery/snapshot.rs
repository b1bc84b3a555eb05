//! What a cluster serves, indexed. Never changed: a later look gives another one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use crate::{
    facts::Facts,
    resource::{Resource, api_version},
};

/// All that a look told, in the server's order of preference.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Served {
    /// `v1.37.2`.
    pub(super) kube_version: String,
    pub(super) versions: Vec<ServedVersion>,
}

/// A version of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServedVersion {
    pub(super) group: String,
    pub(super) version: String,
    /// Its server answered; otherwise `resources` may be old or empty.
    pub(super) is_current: bool,
    pub(super) resources: Vec<Resource>,
}

/// A version of a group whose server doesn't answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unavailable {
    /// Which group.
    pub group: String,
    /// Which version.
    pub version: String,
}

/// What a cluster serves, as one look told it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    kube_version: String,
    /// Versions in the server's order of preference.
    kinds: HashMap<(String, String), Vec<Resource>>,
    unavailable: BTreeSet<Unavailable>,
    /// As [`Facts::apis`].
    apis: Arc<BTreeSet<String>>,
    /// Kept while a group is down.
    served: BTreeMap<(String, String), Vec<Resource>>,
}

impl Snapshot {
    /// With what the look before told of groups that are down now.
    pub(super) fn new(told: Served, before: Option<&Self>) -> Self {
        let mut snapshot = Self {
            kube_version: told.kube_version,
            kinds: HashMap::new(),
            unavailable: BTreeSet::new(),
            apis: Arc::default(),
            served: BTreeMap::new(),
        };
        let mut apis = BTreeSet::new();
        for mut version in told.versions {
            let key = (version.group.clone(), version.version.clone());
            if !version.is_current {
                snapshot.unavailable.insert(Unavailable {
                    group: version.group.clone(),
                    version: version.version.clone(),
                });
                let known = before.and_then(|before| before.served.get(&key));
                if let (true, Some(known)) = (version.resources.is_empty(), known) {
                    version.resources.clone_from(known);
                }
            }
            let name = api_version(&version.group, &version.version);
            for resource in &version.resources {
                apis.insert(format!("{name}/{}", resource.kind));
                let kind = (resource.group.clone(), resource.kind.clone());
                snapshot.kinds.entry(kind).or_default().push(resource.clone());
            }
            apis.insert(name);
            snapshot.served.insert(key, version.resources);
        }
        snapshot.apis = Arc::new(apis);
        snapshot
    }

    /// For renders.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            kube_version: self.kube_version.clone(),
            apis: Arc::clone(&self.apis),
        }
    }

    /// Versions of groups whose servers don't answer: of what they serve, "there is none" can't be said.
    pub fn unavailable(&self) -> impl Iterator<Item = &Unavailable> {
        self.unavailable.iter()
    }

    /// Every kind in every version.
    pub fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.served.values().flatten()
    }

    /// Versions in which a kind is served, the preferred one first.
    #[must_use]
    pub fn versions_of(&self, group: &str, kind: &str) -> Vec<String> {
        let versions = self.of(group, kind).iter().map(|resource| resource.version.clone());
        versions.collect()
    }

    /// A kind in that version.
    ///
    /// # Errors
    /// When it isn't known and can't be, since its server is down.
    pub fn find(&self, group: &str, version: &str, kind: &str) -> Result<Option<Resource>, Unavailable> {
        let found = self.of(group, kind).iter().find(|resource| resource.version == version);
        match found {
            Some(found) => Ok(Some(found.clone())),
            None => self.none(|down| down.group == group && down.version == version),
        }
    }

    /// A kind in the preferred version.
    ///
    /// # Errors
    /// As [`Snapshot::find`].
    pub fn preferred(&self, group: &str, kind: &str) -> Result<Option<Resource>, Unavailable> {
        match self.of(group, kind).first() {
            Some(found) => Ok(Some(found.clone())),
            None => self.none(|down| down.group == group),
        }
    }

    fn of(&self, group: &str, kind: &str) -> &[Resource] {
        // Two owned strings a look-up: rare enough, and the map stays plain.
        let key = (group.to_owned(), kind.to_owned());
        self.kinds.get(&key).map_or(&[], Vec::as_slice)
    }

    fn none(&self, is_down: impl Fn(&Unavailable) -> bool) -> Result<Option<Resource>, Unavailable> {
        let down = self.unavailable.iter().find(|down| is_down(down));
        down.map_or(Ok(None), |down| Err(down.clone()))
    }
}
