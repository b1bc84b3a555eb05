//! Components to compiled code, in workers of their own.
//!
//! A hostile component can make the compiler slow: it holds one of a few places, for a bounded time of the processor, and
//! is remembered, so that it is not tried again at every use. Others compile beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    num::NonZero,
    os::fd::AsFd as _,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use windlass_core::digest::Digest;

use crate::{
    cache::Cache,
    cancel::Cancel,
    child::{Worker, WorkerCommand},
    error::{HostFailure, LoadError, PluginRef},
    limits::{self, CompileLimits},
    protocol::{Compiled, Start},
};

/// Compiles what the cache does not hold.
#[derive(Debug)]
pub(crate) struct Compiler {
    command: WorkerCommand,
    cache: Cache,
    pub(crate) limits: CompileLimits,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: BTreeSet<Digest>,
    /// Why the compiler refused a component: it will again.
    refused: BTreeMap<Digest, Refused>,
}

/// A component's own fault.
#[derive(Debug, Clone)]
enum Refused {
    Invalid(String),
    /// The processor's: that it took the machine long is not.
    Time,
    Memory,
    Crash {
        how: String,
        stderr: String,
    },
}

/// A place among those who compile; given up when dropped.
struct Place<'a>(&'a Compiler, Digest);

impl Compiler {
    pub(crate) fn new(command: WorkerCommand, cache: Cache) -> Self {
        Self {
            command,
            cache,
            limits: CompileLimits::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bounds what is kept of compiled plugins.
    pub(crate) const fn bound_cache(&mut self, bytes: u64) {
        self.cache.set_quota(bytes);
    }

    /// The compiled code: from the cache, or compiled now. Who waits for the same component finds it in the cache then.
    pub(crate) fn artefact(&self, bytes: &[u8], plugin: &PluginRef) -> Result<File, LoadError> {
        if let Some(file) = self.cache.find(&plugin.digest) {
            return Ok(file);
        }
        let _place = self.place(plugin.digest);
        if let Some(file) = self.cache.find(&plugin.digest) {
            return Ok(file);
        }
        let before = self.lock().refused.get(&plugin.digest).cloned();
        if let Some(refused) = before {
            return Err(self.refusal(refused, plugin));
        }
        self.compile(bytes, plugin)
    }

    /// Waits until fewer than the limit compile, and nobody this one.
    fn place(&self, digest: Digest) -> Place<'_> {
        let at_once = self.limits.at_once.max(1);
        let full = |state: &mut State| state.running.len() >= at_once || state.running.contains(&digest);
        let waited = self.changed.wait_while(self.lock(), full);
        waited.unwrap_or_else(PoisonError::into_inner).running.insert(digest);
        Place(self, digest)
    }

    fn compile(&self, bytes: &[u8], plugin: &PluginRef) -> Result<File, LoadError> {
        let begin = Instant::now();
        let host = |failure| LoadError::Host {
            plugin: plugin.clone(),
            source: Box::new(failure),
        };
        let cache = |source| {
            host(HostFailure::Spawn {
                what: "the compile cache can't be written".to_owned(),
                source,
            })
        };
        let file = self.cache.create().map_err(cache)?;
        match self.run(bytes, file.as_file(), begin) {
            Ok(Compiled::Written { bytes }) => {
                let seconds = begin.elapsed().as_secs_f64();
                tracing::info!(%plugin, bytes, seconds, "plugin compiled");
                self.cache.publish(&plugin.digest, file).map_err(cache)
            }
            Ok(Compiled::Invalid { message }) => Err(self.refuse(Refused::Invalid(message), plugin)),
            Ok(Compiled::Panicked { message }) => {
                let crash = Refused::Crash {
                    how: format!("it panics: {message}"),
                    stderr: String::new(),
                };
                Err(self.refuse(crash, plugin))
            }
            Ok(Compiled::Failed { message }) => Err(host(HostFailure::Internal { message })),
            Err(HostFailure::Unresponsive { .. }) => Err(LoadError::CompileTime {
                plugin: plugin.clone(),
                seconds: self.limits.time.as_secs(),
                of: "",
            }),
            Err(failure) => match fault(&failure) {
                Some(refused) => Err(self.refuse(refused, plugin)),
                None => Err(host(failure)),
            },
        }
    }

    fn run(&self, bytes: &[u8], file: &File, begin: Instant) -> Result<Compiled, HostFailure> {
        let mut worker = Worker::spawn(&self.command)?;
        let start = Start::Compile {
            memory: self.limits.memory,
            processor_seconds: self.limits.processor.as_secs().max(1),
            artefact_bytes: self.limits.artefact,
        };
        worker.start(&start, bytes, &[file.as_fd()])?;
        worker.limit(begin + self.limits.time, &Cancel::default());
        Ok(worker.receive::<Compiled>()?.0)
    }

    fn refuse(&self, refused: Refused, plugin: &PluginRef) -> LoadError {
        self.lock().refused.insert(plugin.digest, refused.clone());
        self.refusal(refused, plugin)
    }

    fn refusal(&self, refused: Refused, plugin: &PluginRef) -> LoadError {
        let plugin = plugin.clone();
        match refused {
            Refused::Invalid(message) => LoadError::Invalid { plugin, message },
            Refused::Time => LoadError::CompileTime {
                plugin,
                seconds: self.limits.processor.as_secs(),
                of: " of processor time",
            },
            Refused::Memory => LoadError::CompileMemory {
                plugin,
                limit: self.limits.memory,
            },
            Refused::Crash { how, stderr } => LoadError::CompilerDied { plugin, how, stderr },
        }
    }
}

/// What of a compiling worker's end is due to what it compiled: such a process runs out of its limits, or crashes, by
/// nothing else. One that was killed or stopped from outside is another matter.
fn fault(failure: &HostFailure) -> Option<Refused> {
    match failure {
        failure if failure.is_out_of_memory() => Some(Refused::Memory),
        HostFailure::WorkerDied {
            signal: Some(libc::SIGXCPU),
            ..
        } => Some(Refused::Time),
        HostFailure::WorkerDied {
            signal: Some(libc::SIGSEGV | libc::SIGABRT | libc::SIGBUS | libc::SIGILL),
            how,
            stderr,
        } => Some(Refused::Crash {
            how: how.clone(),
            stderr: stderr.clone(),
        }),
        _ => None,
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.lock().running.remove(&self.1);
        self.0.changed.notify_all();
    }
}

impl Default for CompileLimits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            at_once: cores.clamp(2, limits::COMPILES),
            processor: limits::COMPILE_PROCESSOR,
            time: limits::COMPILE_TIME,
            memory: limits::COMPILE_MEMORY,
            artefact: limits::ARTEFACT_BYTES,
        }
    }
}
