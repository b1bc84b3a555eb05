//! Whether an app that isn't healthy yet gets on.

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use super::Verdict;
use crate::model::ObjectId;

/// Verdicts of one object that count as progress. A rollout of a thousand pods tells as many; the threat is an object whose
/// message holds a clock, and that would never be given up.
const MOST: usize = 1_000;

/// What was seen of an app's objects since it was last healthy or something else was wanted of it.
///
/// Getting on is to stand where one has not stood before: a pod that starts and crashes again and again comes back to what was
/// seen. Only digests of verdicts are kept.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    seen: BTreeMap<ObjectId, BTreeSet<u64>>,
    unwell: BTreeSet<ObjectId>,
}

impl Progress {
    /// Takes note of the objects that aren't healthy now. `true`: an object stands where it has not stood before.
    pub fn note<'a>(&mut self, unwell: impl IntoIterator<Item = (&'a ObjectId, &'a Verdict)>) -> bool {
        let mut gets_on = false;
        let mut now = BTreeSet::new();
        for (id, verdict) in unwell {
            gets_on |= self.see(id, digest(verdict));
            now.insert(id.clone());
        }
        let before = std::mem::replace(&mut self.unwell, now);
        for id in before.difference(&self.unwell.clone()) {
            gets_on |= self.see(id, HEALTHY);
        }
        gets_on
    }

    fn see(&mut self, id: &ObjectId, verdict: u64) -> bool {
        let seen = self.seen.entry(id.clone()).or_default();
        seen.len() < MOST && seen.insert(verdict)
    }
}

/// Stands for a verdict that is told by not being there.
const HEALTHY: u64 = 0;

fn digest(verdict: &Verdict) -> u64 {
    let mut hasher = DefaultHasher::new();
    verdict.hash(&mut hasher);
    hasher.finish().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::State;

    fn id(name: &str) -> ObjectId {
        ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: name.into(),
        }
    }

    fn note(progress: &mut Progress, unwell: &[(&str, &str)]) -> bool {
        let unwell: Vec<_> = unwell
            .iter()
            .map(|(name, message)| (id(name), Verdict::new(State::Progressing, "R", *message)))
            .collect();
        progress.note(unwell.iter().map(|(id, verdict)| (id, verdict)))
    }

    #[test]
    fn to_stand_where_one_has_not_stood_is_progress() {
        let mut progress = Progress::default();
        assert!(note(&mut progress, &[("a", "1 of 3"), ("b", "0 of 1")]));
        assert!(!note(&mut progress, &[("a", "1 of 3"), ("b", "0 of 1")]));
        assert!(note(&mut progress, &[("a", "2 of 3"), ("b", "0 of 1")]));
        assert!(note(&mut progress, &[("b", "0 of 1")]), "a became healthy");
        assert!(!note(&mut progress, &[("b", "0 of 1")]));
    }

    #[test]
    fn who_falls_back_and_gets_up_again_does_not_get_on() {
        let mut progress = Progress::default();
        note(&mut progress, &[("a", "0 of 1")]);
        note(&mut progress, &[]);
        for _ in 0..3 {
            assert!(!note(&mut progress, &[("a", "0 of 1")]));
            assert!(!note(&mut progress, &[]));
        }
    }

    #[test]
    fn a_message_with_a_clock_is_given_up() {
        let mut progress = Progress::default();
        for second in 0..MOST {
            assert!(note(&mut progress, &[("a", &format!("since {second} s"))]));
        }
        assert!(!note(&mut progress, &[("a", "since for ever")]));
        assert!(note(&mut progress, &[("b", "another one")]));
    }
}
