//! What lives, as a plan sees it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    adopt::Refusal,
    digest::Digest,
    inventory::{Owned, Ruled},
    model::ObjectId,
};

/// What lives on the target now, for the objects the app wants or owns.
pub type Live = BTreeMap<ObjectId, LiveObject>;

/// One living object.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveObject {
    /// What of it is compared.
    pub content: Content,
    /// The whole, for the diff a person reads; may be left out where nothing differs.
    pub body: Option<Value>,
    /// Whose its own mark says it is.
    pub marked: Mark,
    /// Another one under the same name is another object; `None` on targets that have none.
    pub uid: Option<String>,
    /// Somebody deleted it, and finalizers keep it for a while.
    pub deleting: bool,
    /// Why it may not be taken over, if it isn't the app's; `None` = it may. See [`crate::adopt::permit`].
    pub refusal: Option<Refusal>,
    /// Whether it goes from one app of the installation to another.
    pub moving: Moving,
    /// What would go with it, in words (`12 objects of other apps`): a Namespace's or a definition's objects that aren't the
    /// app's to delete.
    pub holds: Option<String>,
    /// Which ignore rules count for it; `None` = that takes a look at what git wants.
    pub ruled: Option<Ruled>,
    /// Conditions of rules that had no answer, a sentence each. Errors.
    pub unanswered: Vec<String>,
}

/// What of an object is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Hash of its canonical content, for targets that keep what they are given; `None` when it can't be read as an object.
    Whole(Option<Digest>),
    /// On a cluster: what lives in the fields that the app applied.
    Fields {
        /// See [`crate::live::Reduced::projection`].
        projection: Option<Digest>,
        /// Others added fields beside it, see [`crate::live::strays`].
        strays: bool,
    },
    /// It can't be told what lives, and this is why. Nothing is done to it then.
    Unseen(String),
}

/// Whose mark an object carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// This app's.
    Ours,
    /// Another app's, by name.
    Other(String),
    /// None.
    Absent,
}

/// Whether an object goes from one app of the installation to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Moving {
    /// No.
    #[default]
    No,
    /// Another app's render has it, by name: it will take it over, so this one must not delete it.
    To(String),
    /// The app that has it doesn't want it any more: it may be taken from it.
    Released,
}

const NO_RULES: Ruled = Ruled {
    rules: None,
    heeded: None,
};

impl LiveObject {
    /// On a target that keeps what it is given.
    #[must_use]
    pub const fn whole(hash: Option<Digest>, body: Option<Value>, marked: Mark) -> Self {
        Self {
            content: Content::Whole(hash),
            body,
            marked,
            uid: None,
            deleting: false,
            refusal: Some(Refusal::Foreign),
            moving: Moving::No,
            holds: None,
            ruled: Some(NO_RULES),
            unanswered: Vec::new(),
        }
    }

    /// It can't be told what lives.
    #[must_use]
    pub const fn unseen(why: String) -> Self {
        Self {
            content: Content::Unseen(why),
            body: None,
            marked: Mark::Absent,
            uid: None,
            deleting: false,
            refusal: None,
            moving: Moving::No,
            holds: None,
            ruled: None,
            unanswered: Vec::new(),
        }
    }

    /// Whether it is the object that the inventory means, and not another one of that name.
    #[must_use]
    pub fn is_same(&self, owned: &Owned) -> bool {
        match (&self.uid, &owned.uid) {
            (Some(found), Some(known)) => found == known,
            _ => true,
        }
    }

    /// Whether it holds what was put there last, or what was under way when we were killed.
    #[must_use]
    pub fn is_as_written(&self, owned: &Owned) -> bool {
        match &self.content {
            Content::Whole(hash) => hash.as_ref().is_some_and(|hash| owned.wrote(hash)),
            Content::Fields { projection, .. } => projection.is_some() && *projection == owned.projection,
            Content::Unseen(_) => false,
        }
    }

    /// Whether the same ignore rules count as when it was written last.
    #[must_use]
    pub fn is_ruled_as(&self, owned: &Owned) -> bool {
        self.ruled
            .as_ref()
            .is_some_and(|ruled| ruled.rules == owned.ruled.rules)
    }

    /// Whether others added fields beside what git sets.
    #[must_use]
    pub const fn has_strays(&self) -> bool {
        matches!(self.content, Content::Fields { strays: true, .. })
    }

    /// Whether it is as that content would make it, without looking at what it is.
    pub(super) fn is_synced(&self, wanted: Digest, owned: Option<&Owned>) -> bool {
        match &self.content {
            Content::Whole(hash) => *hash == Some(wanted),
            Content::Fields { .. } => owned.is_some_and(|owned| {
                owned.applied == Some(wanted)
                    && owned.intended.is_none()
                    && self.is_as_written(owned)
                    && self.is_ruled_as(owned)
            }),
            Content::Unseen(_) => false,
        }
    }
}
