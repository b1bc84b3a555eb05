//! Documents that were read lately: what a cycle needs again is not parsed again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    call::Parsed,
    store::{RunId, output_bytes},
};

/// Bytes of renderings kept. An app in sync needs its documents no more, so these are for apps that are not, and for the
/// next command: a thousand small apps would fill any room once and never come back for it. What is needed again is parsed again,
/// in a millisecond. The threat is a thousand apps of 50 kB.
const BYTES: usize = 8 << 20;

/// What a value takes beside the text it was parsed from: keys, maps and strings of their own.
const PARSED: usize = 5;

/// A run, and the namespace that was filled in.
type Key = (RunId, String);

/// Parsed runs, the last used.
#[derive(Default)]
pub struct Cache(Mutex<Held>);

#[derive(Default)]
struct Held {
    entries: BTreeMap<Key, Entry>,
    bytes: usize,
    clock: u64,
}

struct Entry {
    parsed: Arc<Parsed>,
    bytes: usize,
    used: u64,
}

impl Cache {
    /// A run's documents.
    pub(super) fn get(&self, key: &Key) -> Option<Arc<Parsed>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.clock += 1;
        let used = held.clock;
        let entry = held.entries.get_mut(key)?;
        entry.used = used;
        Some(Arc::clone(&entry.parsed))
    }

    /// Keeps a run's documents; those used longest ago leave.
    pub(super) fn put(&self, key: Key, parsed: Parsed) -> Arc<Parsed> {
        let parsed = Arc::new(parsed);
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.clock += 1;
        let entry = Entry {
            bytes: output_bytes(&parsed.output) * PARSED,
            parsed: Arc::clone(&parsed),
            used: held.clock,
        };
        held.bytes += entry.bytes;
        let before = held.entries.insert(key, entry);
        held.bytes -= before.map_or(0, |entry| entry.bytes);
        while held.bytes > BYTES {
            let oldest = held.entries.iter().min_by_key(|(_, entry)| entry.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            let gone = held.entries.remove(&key);
            held.bytes -= gone.map_or(0, |entry| entry.bytes);
        }
        parsed
    }
}
