//! What an app owns on its target, written before the first change and after the last.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{config::schema::Anything, digest::Digest, hooks, model::ObjectId, render::Instant, restart::Configured};

/// Version of the stored form; an older binary refuses a newer one. 2: with [`Clock`]. 3: objects of clusters. 4: with [`Ruled`]. 5: with
/// [`Configured`]. 6: with [`hooks::Log`].
pub const FORMAT: u32 = 6;

/// What one app owns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inventory {
    /// Version of this form.
    pub format: u32,
    /// Its objects, by identity. A list when stored, for the key is no string.
    #[serde(with = "as_list")]
    #[schemars(with = "Vec<as_list::Entry>")]
    pub entries: BTreeMap<ObjectId, Owned>,
    /// The commit applied last, in full.
    #[serde(default)]
    pub revision: Option<String>,
    /// The desired hash applied last without a failure.
    #[serde(default)]
    pub desired: Option<Digest>,
    /// Names the render applied last without a failure, in the store of renders. What is in dispute with somebody else's edit is
    /// looked up there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The time that the render is told, of an app that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
    /// What ran, of an app that has hooks or had some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Anything>")]
    pub hooks: Option<hooks::Log>,
}

/// The time that an app's render is told, kept with the app: neither an unrelated commit nor a lost cache moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clock {
    /// Time of the commit at which the inputs last changed.
    pub now: Instant,
    /// Identity of these inputs.
    pub inputs: Digest,
}

/// One owned object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Owned {
    /// Hash of what was applied last and is known to be there.
    pub applied: Option<Digest>,
    /// Hash of what is being applied: set before the change, cleared after. Set and alone = a crash may have kept it from happening.
    pub intended: Option<Digest>,
    /// It is being deleted: set before, and the entry goes after.
    #[serde(default)]
    pub deleting: bool,
    /// UID of the object in a cluster: another one of that name isn't the one that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// Digest of what lived in the applied fields after the last apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<Digest>,
    /// What was applied last says that it stays when it leaves the render (`windlass.dev/prune: disabled`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// It was made once and is left to others since (`windlass.dev/apply: create-only`): what lives in it doesn't matter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub only_made: bool,
    /// Which ignore rules counted when it was written last, or looked at.
    #[serde(default, skip_serializing_if = "Ruled::is_nothing")]
    pub ruled: Ruled,
    /// What its pods were configured with when it was applied last, of a workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub configured: Option<Configured>,
}

/// Which of an App's ignore rules count for an object, and what that was told from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ruled {
    /// Digest of the rules that count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<Digest>,
    /// Digest of what their conditions looked at. Absent where it has to be told anew: a condition had no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heeded: Option<Digest>,
}

impl Ruled {
    /// Whether no rule is about the object.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.rules.is_none() && self.heeded.is_none()
    }
}

impl Owned {
    /// Whether content with that hash was put there by us: the last, or the one under way when we were killed.
    #[must_use]
    pub fn wrote(&self, hash: &Digest) -> bool {
        self.applied.as_ref() == Some(hash) || self.intended.as_ref() == Some(hash)
    }
}

mod as_list {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{ObjectId, Owned};

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(super) struct Entry {
        #[serde(flatten)]
        id: ObjectId,
        /// What is known of it.
        state: Owned,
    }

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<ObjectId, Owned>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter().map(|(id, state)| Entry {
            id: id.clone(),
            state: state.clone(),
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<ObjectId, Owned>, D::Error> {
        let list = Vec::<Entry>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|entry| (entry.id, entry.state)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inventory_reads_what_it_writes() {
        let id = ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: "api".into(),
        };
        let owned = Owned {
            applied: Some(Digest::of(b"a")),
            uid: Some("u".into()),
            projection: Some(Digest::of(b"p")),
            keep: true,
            ruled: Ruled {
                rules: Some(Digest::of(b"r")),
                heeded: None,
            },
            configured: Some(Configured {
                used: [("ConfigMap shop/a".into(), "0123".into())].into(),
                stamp: Some("4567".into()),
                restarted: Some(Instant {
                    seconds: 5,
                    nanoseconds: 0,
                }),
            }),
            ..Owned::default()
        };
        let inventory = Inventory {
            format: FORMAT,
            entries: [(id, owned)].into(),
            revision: Some("c".into()),
            desired: None,
            run: Some("r".into()),
            clock: Some(Clock {
                now: Instant {
                    seconds: 1,
                    nanoseconds: 2,
                },
                inputs: Digest::of(b"i"),
            }),
            hooks: Some(hooks::Log {
                desired: Digest::of(b"d"),
                occasion: hooks::Occasion::Install,
                done: true,
                runs: vec![hooks::Run {
                    id: ObjectId {
                        group: "batch".into(),
                        kind: "Job".into(),
                        namespace: "shop".into(),
                        name: "migrate".into(),
                    },
                    prefix: None,
                    phase: hooks::Phase::Pre,
                    uid: Some("u".into()),
                    ending: Some(hooks::Ending::Failed {
                        why: "w".into(),
                        output: vec!["o".into()],
                    }),
                    deleted: false,
                }],
                left: Vec::new(),
            }),
        };
        let text = serde_json::to_string(&inventory).unwrap();
        assert_eq!(serde_json::from_str::<Inventory>(&text).unwrap(), inventory);
    }

    #[test]
    fn inventories_of_the_formats_before_are_read() {
        let text = r#"{"format":1,"entries":[],"revision":"c","desired":null}"#;
        let inventory: Inventory = serde_json::from_str(text).unwrap();
        assert_eq!((inventory.revision.as_deref(), inventory.clock), (Some("c"), None));
        let text = r#"{"format":2,"entries":[{"group":"","kind":"ConfigMap","namespace":"","name":"a","state":{"applied":null,"intended":null,"deleting":true}}],"revision":null,"desired":null}"#;
        let inventory: Inventory = serde_json::from_str(text).unwrap();
        let owned = inventory.entries.values().next().unwrap();
        assert!(owned.deleting && owned.uid.is_none() && owned.projection.is_none() && !owned.keep);
        let text = r#"{"format":3,"entries":[{"group":"","kind":"ConfigMap","namespace":"n","name":"a","state":{"applied":null,"intended":null,"uid":"u","onlyMade":true}}]}"#;
        let inventory: Inventory = serde_json::from_str(text).unwrap();
        let owned = inventory.entries.values().next().unwrap();
        assert!(owned.only_made && owned.ruled.is_nothing());
        let text = r#"{"format":4,"entries":[{"group":"","kind":"ConfigMap","namespace":"n","name":"a","state":{"applied":null,"intended":null,"ruled":{}}}]}"#;
        let inventory: Inventory = serde_json::from_str(text).unwrap();
        assert_eq!(inventory.entries.values().next().unwrap().configured, None);
        let text = r#"{"format":5,"entries":[{"group":"apps","kind":"Deployment","namespace":"n","name":"a","state":{"applied":null,"intended":null,"configured":{"used":{}}}}]}"#;
        let inventory: Inventory = serde_json::from_str(text).unwrap();
        assert_eq!(inventory.hooks, None);
        assert!(inventory.entries.values().next().unwrap().configured.is_some());
    }
}
