//! What validators said of objects: kept, so that an unchanged object costs no call.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use windlass_core::{
    digest::Digest,
    render::{Diagnostic, Location, Severity},
    rules,
};

/// A finding about an object of a rendering.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Its index among all objects.
    pub(super) object: usize,
    pub(super) verdict: Arc<Verdict>,
}

/// What is wrong with an object, wherever it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// RFC 6901, into the object.
    pub(super) pointer: String,
    /// Without places.
    pub(super) diagnostic: Diagnostic,
    /// Other places, each with a word on it.
    pub(super) related: Vec<(Related, String)>,
}

/// A place that explains a finding.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Related {
    /// In an object, by content: it may stand elsewhere by the time the finding is shown.
    Object {
        hash: Digest,
        pointer: String,
    },
    Elsewhere(Location),
}

impl Verdict {
    /// About an object as a whole.
    pub(super) const fn of_object(diagnostic: Diagnostic) -> Self {
        Self {
            diagnostic,
            pointer: String::new(),
            related: Vec::new(),
        }
    }

    pub(super) fn of_rule(finding: rules::Finding) -> Self {
        Self {
            diagnostic: Diagnostic::error(finding.code, finding.message, Location::None).with_help(finding.help),
            pointer: finding.pointer,
            related: Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        let Diagnostic {
            code,
            message,
            help,
            extra,
            ..
        } = &self.diagnostic;
        let extra: usize = extra.iter().map(|(key, value)| key.len() + value.len()).sum();
        let related: usize = self.related.iter().map(|(_, word)| ENTRY_BYTES + word.len()).sum();
        let help = help.as_ref().map_or(0, String::len);
        mem::size_of::<Self>() + self.pointer.len() + code.len() + message.len() + help + extra + related
    }
}

impl Found {
    /// Whether a rule's finding is told by a validator's error at the same field, which knows more of the kind.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.object == other.object
            && self.verdict.pointer == other.verdict.pointer
            && self.verdict.diagnostic.severity == Severity::Error
    }
}

/// What one validator says of one object under one config, in one context.
pub(super) type Said = Arc<[Arc<Verdict>]>;

/// Bytes of verdicts kept. An object without findings takes a hundred bytes, so this is 160,000 of them: a thousand apps of
/// fifty objects, three times over. The threat is a validator with much to say about objects that change in every commit.
const MAX_BYTES: usize = 16 << 20;

/// What an entry takes beside its findings: key, tree node, pointers.
const ENTRY_BYTES: usize = 100;

/// Verdicts by what they depend on. Full, it forgets those that were not asked for since it was half full.
#[derive(Debug, Default)]
pub struct Verdicts {
    halves: Mutex<Halves>,
}

#[derive(Debug, Default)]
struct Halves {
    young: BTreeMap<Digest, Said>,
    old: BTreeMap<Digest, Said>,
    young_bytes: usize,
}

impl Verdicts {
    pub(super) fn get(&self, key: &Digest) -> Option<Said> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = halves.young.get(key) {
            return Some(Arc::clone(known));
        }
        let known = halves.old.remove(key)?;
        halves.put(*key, Arc::clone(&known));
        Some(known)
    }

    pub(super) fn put(&self, key: Digest, verdicts: Said) {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        halves.put(key, verdicts);
    }
}

impl Halves {
    fn put(&mut self, key: Digest, verdicts: Said) {
        let bytes = ENTRY_BYTES + verdicts.iter().map(|verdict| verdict.bytes()).sum::<usize>();
        if self.young_bytes + bytes > MAX_BYTES / 2 {
            self.old = mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes += bytes;
        self.young.insert(key, verdicts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> Digest {
        Digest::of(&number.to_be_bytes())
    }

    fn long(bytes: usize) -> Said {
        let diagnostic = Diagnostic::error("x", "x".repeat(bytes), Location::None);
        let verdict = Verdict {
            pointer: String::new(),
            diagnostic,
            related: Vec::new(),
        };
        [Arc::new(verdict)].into()
    }

    #[test]
    fn what_is_asked_for_stays_and_the_rest_is_forgotten() {
        let verdicts = Verdicts::default();
        verdicts.put(key(0), long(10));
        verdicts.put(key(1), long(10));
        for number in 2..60 {
            verdicts.put(key(number), long(MAX_BYTES / 20));
            assert!(verdicts.get(&key(0)).is_some(), "{number}");
        }
        assert!(verdicts.get(&key(1)).is_none());
        let halves = verdicts.halves.lock().unwrap();
        let kept = halves
            .young
            .values()
            .chain(halves.old.values())
            .flat_map(|all| all.iter());
        assert!(kept.map(|verdict| verdict.bytes()).sum::<usize>() <= MAX_BYTES);
    }
}
