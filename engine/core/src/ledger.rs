//! What the engine keeps of an App in a cluster: the `spec` of the `Inventory` object that is called as the App.
//!
//! An object of an API server is bounded (etcd takes 1.5 MiB). What is larger lies in pieces, objects beside it, and the object itself
//! names them: pieces are written first and the object last, so that it is always whole.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    config::schema::Anything,
    digest::Digest,
    history,
    holds::{Decisions, Suspension},
    inventory::Inventory,
    outbox,
};

/// Version of the form; an older binary refuses a newer one.
pub const FORMAT: u32 = 1;

/// Most bytes of an object's content, as JSON. etcd takes 1.5 MiB in all, and an API server adds managed fields.
pub const PIECE: usize = 900 << 10;

/// What is kept of an App.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Version of this form.
    pub format: u32,
    /// Who wrote it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub writer: Option<Writer>,
    /// What the App owns, target by target. More than one while it moves from one to another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Kept>,
    /// It rests, by decision of a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Anything>")]
    pub suspension: Option<Suspension>,
    /// What its receivers were told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Anything>")]
    pub standing: Option<outbox::Standing>,
    /// What they are still to be told, by key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "Anything")]
    pub outbox: BTreeMap<String, outbox::Entry>,
    /// Names of the objects that hold the rest, in order: `targets` is empty then, and what they hold together is the JSON of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<String>,
    /// A part of the JSON of another object's `targets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub piece: Option<String>,
}

/// A process that writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Writer {
    /// The replica, as its Lease has it.
    pub replica: String,
    /// The shard that it held.
    pub shard: u16,
    /// How often that shard had changed hands by then.
    pub epoch: i64,
}

/// What an App owns on a target, and what became of it there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Names target and App: `TARGET|NAMESPACE/APP`.
    pub key: String,
    /// What it owns; absent while it owns nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// How it was deployed: what it takes to let it go when its document is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Anything>")]
    pub deployed: Option<Value>,
    /// What people and guards decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Anything>")]
    pub decisions: Option<Decisions>,
    /// What was applied, the newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<Anything>")]
    pub history: Vec<history::Entry>,
}

/// Why what is kept can't be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It is of a newer version.
    #[error("it has format {found}, this version reads up to {FORMAT}: use a newer Windlass")]
    TooNew {
        /// The format.
        found: u64,
    },
    /// It is something else.
    #[error("it can't be read")]
    Damaged(#[from] serde_json::Error),
    /// Another process is about to replace them, or somebody deleted one.
    #[error("its piece `{0}` isn't there")]
    NoPiece(String),
}

impl Ledger {
    /// Of the `spec` of an object, as it is: what lies in pieces is not there yet ([`Ledger::whole`]).
    ///
    /// # Errors
    /// When it is of a newer version, or something else.
    pub fn read(spec: &Value) -> Result<Self, LedgerError> {
        match spec.get("format").and_then(Value::as_u64) {
            Some(found) if found > u64::from(FORMAT) => Err(LedgerError::TooNew { found }),
            _ => Ok(Self::deserialize(spec)?),
        }
    }

    /// With what lies in pieces. `piece`: the text of one, by its name.
    ///
    /// # Errors
    /// When one isn't there, or they make no sense together.
    pub fn whole(mut self, mut piece: impl FnMut(&str) -> Option<String>) -> Result<Self, LedgerError> {
        if self.pieces.is_empty() {
            return Ok(self);
        }
        let mut text = String::new();
        for name in std::mem::take(&mut self.pieces) {
            text += &piece(&name).ok_or(LedgerError::NoPiece(name))?;
        }
        self.targets = serde_json::from_str(&text)?;
        Ok(self)
    }

    /// As objects hold it: the ledger, and the pieces that it names by what they hold. `name`: of the object.
    ///
    /// # Errors
    /// When it is no JSON: never, for what was read.
    pub fn split(mut self, name: &str) -> Result<(Self, BTreeMap<String, String>), LedgerError> {
        if serde_json::to_vec(&self)?.len() <= PIECE {
            return Ok((self, BTreeMap::new()));
        }
        let text = serde_json::to_string(&std::mem::take(&mut self.targets))?;
        let (mut pieces, mut rest) = (BTreeMap::new(), text.as_str());
        while !rest.is_empty() {
            // As JSON in JSON, every quote is two bytes.
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE / 2));
            let short = Digest::of(piece.as_bytes()).short();
            // By content: what didn't change isn't written again, and no name is used twice.
            let piece_name = format!("{}.piece-{short}", &name[..name.floor_char_boundary(NAME - 20)]);
            self.pieces.push(piece_name.clone());
            pieces.insert(piece_name, piece.to_owned());
            rest = after;
        }
        Ok((self, pieces))
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.targets.is_empty() && self.suspension.is_none() && self.standing.is_none() && self.outbox.is_empty()
    }
}

/// Longest name of an object.
const NAME: usize = 253;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::ObjectId;

    fn kept(objects: usize) -> Kept {
        let id = |number: usize| ObjectId {
            group: String::new(),
            kind: "ConfigMap".into(),
            namespace: "shop".into(),
            name: format!("é-{number}"),
        };
        Kept {
            key: "https://a|shop/api".into(),
            inventory: Some(Inventory {
                format: crate::inventory::FORMAT,
                entries: (0..objects)
                    .map(|number| (id(number), crate::inventory::Owned::default()))
                    .collect(),
                ..Inventory::default()
            }),
            deployed: Some(json!({"a": 1})),
            decisions: None,
            history: Vec::new(),
        }
    }

    #[test]
    fn what_is_small_is_one_object() {
        let ledger = Ledger {
            format: FORMAT,
            targets: vec![kept(3)],
            ..Ledger::default()
        };
        let (split, pieces) = ledger.clone().split("api").unwrap();
        assert!(pieces.is_empty());
        let read = Ledger::read(&serde_json::to_value(&split).unwrap()).unwrap();
        assert_eq!(read.whole(|_| None).unwrap(), ledger);
        assert!(Ledger::default().is_nothing() && !ledger.is_nothing());
    }

    #[test]
    fn what_is_large_is_whole_again_or_refused() {
        let ledger = Ledger {
            format: FORMAT,
            targets: vec![kept(20_000)],
            ..Ledger::default()
        };
        let (split, pieces) = ledger.clone().split("api").unwrap();
        assert!(pieces.len() > 1 && split.targets.is_empty());
        for text in pieces.values() {
            assert!(serde_json::to_string(text).unwrap().len() < PIECE + PIECE / 2);
        }
        let whole = split.clone().whole(|name| pieces.get(name).cloned()).unwrap();
        assert_eq!(whole, ledger);
        assert!(matches!(split.whole(|_| None), Err(LedgerError::NoPiece(_))));
    }

    #[test]
    fn a_newer_form_is_refused() {
        let newer = Ledger::read(&json!({"format": FORMAT + 1}));
        assert!(matches!(newer, Err(LedgerError::TooNew { found: 2 })));
        assert!(Ledger::read(&json!({"format": "x"})).is_err());
    }
}
