//! Renders that are known: what each asked, what it was answered, what came out. Shared by all apps.
//!
//! A hit asks the recorded questions of the tree and the facts of now, so it holds whatever commit they come from, and
//! misses, listings, patterns and links are as sound as reads. The files are disposable: what is lost is rendered again.
//! Several processes may use one folder. Nobody without the installation's secret can read or forge an entry.

mod folder;
mod run;
mod seal;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    num::NonZero,
    path::Path,
    str::FromStr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::{Semaphore, SemaphorePermit};
use windlass_core::{
    digest::{Digest, hex, unhex},
    trace::{self, Query, Runs},
};

use crate::state::Secret;
use folder::{Folder, Name};
pub(super) use run::output_bytes;
pub use run::{Kept, Run};

/// Runs kept of one plugin with one config at one path. An app leaves one behind with every commit that changes it; apps
/// that share a chart and its values share them. The threat is an app whose trace differs at every commit.
const RUNS: usize = 64;

/// Bytes of questions and answers held in memory: some ten thousand apps. What is over is read again when it is needed.
const MEMORY: usize = 64 << 20;

/// The store. Methods block: for a file or two, and for the answers.
pub struct Store {
    folder: Folder,
    memory: Mutex<Memory>,
    /// Counts lookups: what was used last is dropped last.
    clock: AtomicU64,
    /// Lookups at a time: they are the work of a core each.
    turns: Semaphore,
}

#[derive(Default)]
struct Memory {
    bases: BTreeMap<Digest, Held>,
    bytes: usize,
}

struct Held {
    base: Arc<Mutex<Base>>,
    bytes: usize,
    used: u64,
}

/// What is known of one call: plugin, config, path and whatever else no answer says.
#[derive(Default)]
struct Base {
    runs: Runs<Known>,
    /// Files that were read already.
    names: BTreeSet<Name>,
}

struct Known {
    name: Name,
    timeless: Option<Digest>,
    /// Of a run that could not be written.
    held: Option<Arc<Run>>,
    used: AtomicU64,
}

/// Names a run: equal ids, equal outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    base: Digest,
    name: Name,
}

/// `BASE/NAME`, both in hexadecimal digits: how an inventory remembers a run.
impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base.hex(), hex(&self.name))
    }
}

/// Text that names no run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names no render")]
pub struct BadRunId;

impl FromStr for RunId {
    type Err = BadRunId;

    fn from_str(text: &str) -> Result<Self, BadRunId> {
        let (base, name) = text.split_once('/').ok_or(BadRunId)?;
        let base: [u8; 32] = unhex(base).and_then(|b| b.try_into().ok()).ok_or(BadRunId)?;
        let name: Name = unhex(name).and_then(|n| n.try_into().ok()).ok_or(BadRunId)?;
        Ok(Self {
            base: Digest::from(base),
            name,
        })
    }
}

/// What a lookup came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// This run holds.
    Hit {
        /// Which.
        id: RunId,
        /// See [`windlass_core::trace::Trace::timeless`].
        timeless: Option<Digest>,
        /// Questions that were asked again.
        asked: usize,
    },
    /// None does.
    Miss {
        /// The question that is answered anew; `None` when no run of the call is known.
        differs: Option<Query>,
    },
}

impl Store {
    /// Nothing is read yet. A folder that can't be used makes a store that forgets when the process ends.
    #[must_use]
    pub fn new(path: &Path, secret: &Secret) -> Self {
        Self {
            folder: Folder::new(path, secret),
            memory: Mutex::default(),
            clock: AtomicU64::new(0),
            turns: Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)),
        }
    }

    /// The same, with a folder where runs lie that are not disposable: those of histories.
    #[must_use]
    pub(crate) fn keeping(mut self, folder: &Path) -> Self {
        self.folder.keep_in(folder);
        self
    }

    /// Keeps a run from collection, and from whoever throws the cache away. False: it is lost already, or can't be kept.
    pub(crate) fn keep(&self, id: RunId) -> bool {
        self.folder.keep(&id.base, id.name) || {
            let run = self.load(id);
            run.is_some_and(|run| self.folder.keep_run(&id.base, id.name, &run))
        }
    }

    /// Lets go of runs that were kept, by the names of their files.
    pub(crate) fn release(&self, files: &[String]) {
        files.iter().for_each(|file| self.folder.release(file));
    }

    /// Lets go of every kept run but those whose files `is_kept` says are needed: a process that was killed may have left some.
    pub(crate) fn sweep(&self, is_kept: impl Fn(&str) -> bool) {
        let kept = self.folder.kept();
        kept.iter()
            .filter(|file| !is_kept(file))
            .for_each(|file| self.folder.release(file));
    }

    /// Waits for one's turn to look.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// The run of the call whose every question has the answer it had. `answer`: the digest of the answer as of now, `None`
    /// where the call would end.
    pub fn find(&self, base: Digest, mut answer: impl FnMut(&Query) -> Option<Digest>) -> Lookup {
        let held = self.base(base);
        let mut known = lock(&held);
        let mut lookup = self.look(base, &known, &mut answer);
        if matches!(lookup, Lookup::Miss { .. }) && self.read_new(base, &mut known) {
            lookup = self.look(base, &known, &mut answer);
        }
        let bytes = known.bytes();
        drop(known);
        self.account(base, bytes);
        lookup
    }

    fn look(&self, base: Digest, known: &Base, answer: &mut impl FnMut(&Query) -> Option<Digest>) -> Lookup {
        let mut asked = 0;
        let counted = |query: &Query| {
            asked += 1;
            answer(query)
        };
        match known.runs.find(counted) {
            trace::Found::Run(run) => {
                run.used.store(self.tick(), Ordering::Relaxed);
                if run.held.is_none() {
                    self.folder.touch(&base, run.name);
                }
                Lookup::Hit {
                    id: RunId { base, name: run.name },
                    timeless: run.timeless,
                    asked,
                }
            }
            trace::Found::Nothing { differs } => Lookup::Miss {
                differs: differs.cloned(),
            },
        }
    }

    /// Runs that another process wrote, or this one in an earlier life. Whether there were any.
    fn read_new(&self, base: Digest, known: &mut Base) -> bool {
        let mut any = false;
        for name in self.folder.names(&base) {
            if known.names.contains(&name) {
                continue;
            }
            known.names.insert(name);
            if let Some(trace) = self.folder.trace(&base, name) {
                any = true;
                let run = Known {
                    name,
                    timeless: trace.timeless(),
                    held: None,
                    used: AtomicU64::new(0),
                };
                known.runs.insert(&trace, run);
            }
        }
        any
    }

    /// A run with its output; `None` when it was deleted or damaged meanwhile, and then it is forgotten.
    #[must_use]
    pub fn load(&self, id: RunId) -> Option<Arc<Run>> {
        let base = self.base(id.base);
        let mut known = lock(&base);
        let held = known
            .runs
            .entries()
            .find(|run| run.name == id.name)
            .and_then(|run| run.held.clone());
        let run = held.or_else(|| self.folder.run(&id.base, id.name).map(Arc::new));
        if run.is_none() {
            known.runs.retain(|run| run.name != id.name);
        }
        run
    }

    /// Keeps a run. `plugin`: for the log, when it turns out that it is no function of what it is answered.
    pub fn put(&self, base: Digest, plugin: &str, run: &Arc<Run>) -> RunId {
        let name = self.folder.name(&base, &run.trace.digest());
        let written = self.folder.write(&base, name, run);
        let held = self.base(base);
        let mut known = lock(&held);
        known.names.insert(name);
        let entry = Known {
            name,
            timeless: run.trace.timeless(),
            held: (!written).then(|| Arc::clone(run)),
            used: AtomicU64::new(self.tick()),
        };
        let inserted = known.runs.insert(&run.trace, entry);
        if !inserted.contradicted.is_empty() {
            tracing::warn!(
                plugin,
                "asked something else after the same answers: it is not deterministic, earlier renders are dropped"
            );
        }
        for gone in inserted.contradicted {
            self.folder.remove(&base, gone.name);
        }
        self.bound(base, &mut known);
        let bytes = known.bytes();
        drop(known);
        self.account(base, bytes);
        RunId { base, name }
    }

    /// The run used longest ago leaves.
    fn bound(&self, base: Digest, known: &mut Base) {
        while known.runs.len() > RUNS {
            let oldest = known.runs.entries().min_by_key(|run| run.used.load(Ordering::Relaxed));
            let Some(name) = oldest.map(|run| run.name) else { return };
            known.runs.retain(|run| run.name != name);
            self.folder.remove(&base, name);
        }
    }

    fn base(&self, base: Digest) -> Arc<Mutex<Base>> {
        let used = self.tick();
        let mut memory = lock(&self.memory);
        let held = memory.bases.entry(base).or_insert_with(|| Held {
            base: Arc::default(),
            bytes: 0,
            used,
        });
        held.used = used;
        Arc::clone(&held.base)
    }

    /// Holds the memory to its bound. A base that is dropped while somebody uses it is complete for them, and read again
    /// by the next.
    fn account(&self, base: Digest, bytes: usize) {
        let mut memory = lock(&self.memory);
        if let Some(held) = memory.bases.get_mut(&base) {
            let before = std::mem::replace(&mut held.bytes, bytes);
            memory.bytes = memory.bytes + bytes - before;
        }
        while memory.bytes > MEMORY && memory.bases.len() > 1 {
            let oldest = memory
                .bases
                .iter()
                .min_by_key(|(_, held)| held.used)
                .map(|(key, _)| *key);
            let gone = oldest.and_then(|key| memory.bases.remove(&key));
            memory.bytes -= gone.map_or(0, |held| held.bytes);
        }
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }
}

impl Base {
    fn bytes(&self) -> usize {
        let held: usize = self
            .runs
            .entries()
            .filter_map(|run| run.held.as_ref())
            .map(|run| run.bytes())
            .sum();
        self.runs.bytes() + held
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
