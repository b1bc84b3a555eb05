//! One object in the store.

use std::sync::Arc;

use serde_json::Value;
use windlass_core::{
    diff::Mark,
    health::{self, State, Verdict},
    live::{self, Reduced},
    model::ObjectId,
    owner::Owner,
};

use super::{Live, Rules, Sight, assess};
use crate::{delete::text, resource::Resource};

/// What is known of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Known {
    Live(Arc<Live>),
    /// That it is there, and which.
    Uid(Box<str>),
}

impl Known {
    /// Of a body, as its owner sees it.
    pub(super) fn of(object: &Value, resource: &Resource, id: &ObjectId, owner: &Owner, rules: &Rules) -> Self {
        let of_app = rules.of(owner);
        match live::reduce(object, id, owner, of_app.map_or(&[], |rules| &rules.ignore)) {
            Ok(reduced) => {
                // An answer of a Secret's metadata tells of no kind; a Secret is healthy when it is there.
                let verdict = (!resource.is_secret())
                    .then(|| of_app.map_or_else(|| health::assess(object), |rules| rules.assess(id, object)));
                // What is being deleted is so whatever it says of itself.
                let is_going = verdict
                    .as_ref()
                    .is_some_and(|verdict| verdict.state == State::Terminating);
                let asked = (rules.has_checker(id, of_app) && !is_going).then(|| assess::asked(object));
                let verdict = asked.map_or(verdict, |_| Some(assess::not_yet()));
                Self::Live(Arc::new(Live {
                    reduced,
                    verdict: verdict.filter(|verdict| verdict.state != State::Healthy).map(Box::new),
                    asked,
                }))
            }
            Err(_) => Self::uid(object),
        }
    }

    pub(super) fn uid(object: &Value) -> Self {
        Self::Uid(text(object, "/metadata/uid").into())
    }

    fn uid_of(&self) -> &str {
        match self {
            Self::Live(live) => &live.reduced.uid,
            Self::Uid(uid) => uid,
        }
    }
}

/// How a version stands to what is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    Older,
    Same,
    Newer,
}

/// One object.
#[derive(Debug)]
pub(super) struct Entry {
    /// Whose it is: by its mark, or by who wrote it.
    pub(super) owner: Option<Arc<Owner>>,
    pub(super) known: Known,
    version: Box<str>,
    /// It was written, and the watch has not come to that version yet. Asked only where versions are no numbers.
    awaited: bool,
    /// It was seen or written since the last list began.
    pub(super) confirmed: bool,
}

impl Entry {
    pub(super) fn new(owner: Option<Arc<Owner>>, known: Known, version: &str) -> Self {
        Self {
            owner,
            known,
            version: version.into(),
            awaited: false,
            confirmed: true,
        }
    }

    pub(super) fn written(owner: Arc<Owner>, known: Known, version: &str) -> Self {
        Self {
            awaited: true,
            ..Self::new(Some(owner), known, version)
        }
    }

    /// Versions are numbers that grow, over all objects of a kind: true of every API server on etcd, and promised since
    /// Kubernetes 1.35. Where they are none, what comes before the version that was written is older than it.
    pub(super) fn age_of(&self, version: &str) -> Age {
        if *self.version == *version {
            return Age::Same;
        }
        match (version.parse::<u64>(), self.version.parse::<u64>()) {
            (Ok(new), Ok(known)) if new < known => Age::Older,
            (Ok(_), Ok(_)) => Age::Newer,
            _ if self.awaited => Age::Older,
            _ => Age::Newer,
        }
    }

    /// The watch has come to the version that is known.
    pub(super) fn arrived(&mut self) {
        self.confirmed = true;
        self.awaited = false;
    }

    /// A list began: what was written before it is part of it.
    pub(super) fn doubt(&mut self) {
        self.confirmed = false;
        self.awaited = false;
    }

    pub(super) fn uid(&self) -> &str {
        self.known.uid_of()
    }

    /// Why it isn't healthy.
    pub(super) fn verdict(&self) -> Option<&Verdict> {
        match &self.known {
            Known::Live(live) => live.verdict.as_deref(),
            Known::Uid(_) => None,
        }
    }

    /// As its own owner sees it.
    pub(super) fn sight(&self) -> Sight {
        match &self.known {
            Known::Live(live) => Sight::Live(Arc::clone(live)),
            Known::Uid(uid) => Sight::Unsure {
                uid: uid.to_string(),
                resource_version: self.version.to_string(),
            },
        }
    }

    /// As an app sees it. Another than the one it was reduced for never applied it, as far as the mark says: only whose it
    /// is matters to it.
    pub(super) fn seen_by(&self, viewer: &Owner) -> Sight {
        let (Known::Live(live), Some(owner)) = (&self.known, &self.owner) else {
            return self.sight();
        };
        if **owner == *viewer {
            return self.sight();
        }
        if live.reduced.mark != Mark::Ours {
            // It carries no mark of the one that it was reduced for, so what it carries for this one isn't known.
            return Sight::Unsure {
                uid: live.reduced.uid.clone(),
                resource_version: self.version.to_string(),
            };
        }
        Sight::Live(Arc::new(Live {
            reduced: Reduced {
                mark: viewer.judge(Some(owner)),
                projection: None,
                ..live.reduced.clone()
            },
            verdict: live.verdict.clone(),
            asked: live.asked,
        }))
    }

    /// Bytes outside of itself.
    pub(super) fn heap(&self) -> usize {
        let known = match &self.known {
            Known::Live(live) => {
                let words = live.verdict.as_ref().map_or(0, |verdict| {
                    size_of::<Verdict>() + verdict.reason.capacity() + verdict.message.capacity()
                });
                let reduced = &live.reduced;
                // Two counters of the Arc.
                16 + size_of::<Live>() + reduced.uid.capacity() + reduced.resource_version.capacity() + words
            }
            Known::Uid(uid) => uid.len(),
        };
        known + self.version.len()
    }
}
