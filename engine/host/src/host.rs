//! The registry of plugins and the way to call them.

mod assess;
mod notify;
mod validate;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, Weak, atomic::AtomicUsize},
    time::Instant,
};

use windlass_core::{digest::Digest, plugin::Grant};

use crate::{
    admit::{self, LoadOptions},
    cache::Cache,
    cancel::Cancel,
    child::WorkerCommand,
    compiler::Compiler,
    config::ConfigSchema,
    error::{HostFailure, LoadError, PluginRef},
    fair::Tenant,
    flight,
    inspect::inspect,
    job::{self, Asked, Job},
    limits::{self, CallLimits, CompileLimits},
    outcome::Outcome,
    plugin::{Artefact, Plugin},
    pool::Pool,
    request::RenderRequest,
    worker,
};

/// How a host is set up.
#[derive(Debug, Clone)]
pub struct HostOptions {
    /// Where compiled plugins are kept; made private to the engine's user.
    pub cache_dir: PathBuf,
    /// How workers are started.
    pub worker: WorkerCommand,
    /// Calls at a time; 0 = as many as cores. More would make good renders pay for the crowd: budgets are wall time.
    pub workers: usize,
}

/// The same component with other grants is another plugin.
type PluginKey = (Digest, BTreeSet<Grant>);

/// Loads plugins and runs them in worker processes. Methods block; call them on plain threads.
#[derive(Debug)]
pub struct Host {
    compiler: Compiler,
    pool: Arc<Pool>,
    plugins: Mutex<BTreeMap<PluginKey, Weak<Plugin>>>,
    /// Threads of calls that their callers gave up: each waits for a store that does not answer.
    stuck: Arc<AtomicUsize>,
}

impl Host {
    /// Opens the cache. No worker is started yet.
    ///
    /// # Errors
    /// When the cache folder can't be made, or isn't private to this user.
    pub fn new(options: HostOptions) -> Result<Self, LoadError> {
        let HostOptions {
            cache_dir,
            worker,
            workers,
        } = options;
        let compatibility = worker::compatibility().map_err(|error| LoadError::Cache {
            dir: cache_dir.clone(),
            what: "the wasm runtime can't start",
            source: std::io::Error::other(error),
        })?;
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Ok(Self {
            compiler: Compiler::new(worker.clone(), Cache::open(&cache_dir, compatibility)?),
            pool: Pool::new(worker, if workers == 0 { cores } else { workers }, limits::MEMORY),
            plugins: Mutex::default(),
            stuck: Arc::default(),
        })
    }

    /// With other bounds on compiling.
    #[must_use]
    pub fn with_compile_limits(mut self, limits: CompileLimits) -> Self {
        self.compiler.limits = limits;
        self
    }

    /// Bounds the cache of compiled plugins; default: [`limits::CACHE_BYTES`].
    #[must_use]
    pub fn with_cache_bytes(mut self, bytes: u64) -> Self {
        self.compiler.bound_cache(bytes);
        self
    }

    /// Loads a plugin from a file.
    ///
    /// # Errors
    /// As [`Host::load`], and when the file can't be read or is above [`limits::COMPONENT_BYTES`].
    pub fn load_file(&self, path: &Path, options: &LoadOptions) -> Result<Arc<Plugin>, LoadError> {
        self.load(&read_component(path)?, options)
    }

    /// Loads a plugin: pins its digest, reads its manifest, checks contract and capabilities, compiles it unless that was
    /// done before, and checks its types. Nothing of it runs.
    ///
    /// # Errors
    /// When it may not or can't be loaded; every reason is a variant of its own.
    pub fn load(&self, bytes: &[u8], options: &LoadOptions) -> Result<Arc<Plugin>, LoadError> {
        let size = bytes.len() as u64;
        if size > limits::COMPONENT_BYTES {
            return Err(LoadError::TooLarge {
                size,
                limit: limits::COMPONENT_BYTES,
            });
        }
        let digest = Digest::of(bytes);
        if let Some(expected) = options.expected.filter(|expected| *expected != digest) {
            return Err(LoadError::DigestMismatch {
                expected,
                found: digest,
            });
        }
        let key = (digest, options.grants.clone());
        if let Some(plugin) = self.known(&key) {
            return Ok(plugin);
        }
        let plugin = Arc::new(self.prepare(bytes, digest, &options.grants)?);
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        plugins.retain(|_, plugin| plugin.strong_count() > 0);
        plugins.insert(key, Arc::downgrade(&plugin));
        Ok(plugin)
    }

    fn known(&self, key: &PluginKey) -> Option<Arc<Plugin>> {
        self.plugins
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .and_then(Weak::upgrade)
    }

    fn prepare(&self, bytes: &[u8], digest: Digest, grants: &BTreeSet<Grant>) -> Result<Plugin, LoadError> {
        let inspection = inspect(bytes).map_err(|source| LoadError::NotAPlugin { digest, source })?;
        admit::admit(&inspection, grants)?;
        let manifest = inspection.manifest;
        let reference = PluginRef {
            name: manifest.name.clone(),
            digest,
        };
        let schema = ConfigSchema::new(&manifest.config).map_err(|message| LoadError::Schema {
            plugin: reference.clone(),
            message,
        })?;
        let file = self.compiler.artefact(bytes, &reference)?;
        let artefact = Arc::new(Artefact {
            component: digest,
            world: manifest.world,
            file,
        });
        self.check_types(&artefact, &reference)?;
        let grants = grants
            .iter()
            .copied()
            .filter(|g| inspection.capabilities.contains(g))
            .collect();
        Ok(Plugin {
            reference,
            manifest,
            schema,
            artefact,
            grants,
        })
    }

    /// A worker that maps the plugin compares its types with the contract; it stays to serve the first call.
    fn check_types(&self, artefact: &Arc<Artefact>, plugin: &PluginRef) -> Result<(), LoadError> {
        let turn = self.pool.turn(&Tenant::new(""));
        let checked = flight::wait(turn, || None).and_then(|_slot| {
            let (running, _) = self.pool.worker(artefact, limits::MEMORY)?;
            self.pool.give_back(running);
            Ok(())
        });
        match checked {
            Ok(()) => Ok(()),
            Err(HostFailure::Artefact { message }) => Err(LoadError::Mismatch {
                plugin: plugin.clone(),
                message,
            }),
            Err(failure) => Err(LoadError::Host {
                plugin: plugin.clone(),
                source: Box::new(failure),
            }),
        }
    }

    /// Renders. Blocks until the call ends: at most as long as `limits` say, a wait for the tenant's turn and a grace of a
    /// few seconds. A worker that dies by no fault of the call is replaced, and the call made once more: renders are pure,
    /// and nothing of the first attempt was kept.
    #[must_use]
    pub fn render(
        &self,
        plugin: &Arc<Plugin>,
        request: &RenderRequest,
        limits: &CallLimits,
        cancel: &Cancel,
    ) -> Outcome {
        self.call(plugin, request, limits, cancel)
    }

    /// [`Host::render`] for async code: waits without a thread, and calls on a thread of its own, never on the executor's.
    /// Needs a runtime with time. Dropping the future cancels the call.
    pub async fn render_async(
        self: &Arc<Self>,
        plugin: Arc<Plugin>,
        request: RenderRequest,
        limits: CallLimits,
    ) -> Outcome {
        self.call_async(&plugin, &request, &limits).await
    }

    /// A call of any kind, see [`Host::render`].
    fn call<R: Asked>(
        &self,
        plugin: &Arc<Plugin>,
        request: &R,
        limits: &CallLimits,
        cancel: &Cancel,
    ) -> Outcome<R::Output> {
        let asked = Instant::now();
        let cancelled = || cancel.is_cancelled().then_some(HostFailure::Cancelled);
        let ended = self.check(plugin, request).and_then(|()| {
            let slot = flight::wait(self.pool.turn(request.tenant()), cancelled)?;
            let job = self.job(plugin, request, limits, asked);
            let (call, outcome) = job.start(slot, cancel.clone(), &self.stuck)?;
            flight::wait(outcome, || call.overdue())
        });
        ended.unwrap_or_else(|failure| job::lost(plugin, request, limits, failure))
    }

    /// [`Host::call`] for async code.
    async fn call_async<R: Asked>(&self, plugin: &Arc<Plugin>, request: &R, limits: &CallLimits) -> Outcome<R::Output> {
        let ended = self.await_call(plugin, request, limits).await;
        ended.unwrap_or_else(|failure| job::lost(plugin, request, limits, failure))
    }

    async fn await_call<R: Asked>(
        &self,
        plugin: &Arc<Plugin>,
        request: &R,
        limits: &CallLimits,
    ) -> Result<Outcome<R::Output>, HostFailure> {
        let asked = Instant::now();
        self.check(plugin, request)?;
        let slot = flight::wait_async(self.pool.turn(request.tenant()), || None).await?;
        let cancel = CancelOnDrop(Cancel::default());
        let job = self.job(plugin, request, limits, asked);
        let (call, outcome) = job.start(slot, cancel.0.clone(), &self.stuck)?;
        flight::wait_async(outcome, || call.overdue()).await
    }

    fn job<R: Asked>(&self, plugin: &Arc<Plugin>, request: &R, limits: &CallLimits, asked: Instant) -> Job<R> {
        Job {
            pool: self.pool.clone(),
            plugin: plugin.clone(),
            request: request.clone(),
            limits: *limits,
            asked,
        }
    }

    /// What needs no worker to be refused.
    fn check<R: Asked>(&self, plugin: &Plugin, request: &R) -> Result<(), HostFailure> {
        let (world, wanted) = (plugin.manifest.world, R::WORLD);
        if world != wanted {
            let what = format!("it is a {}, not a {}", world.name(), wanted.name());
            return Err(HostFailure::Request { what });
        }
        flight::admit(&self.stuck)?;
        request.check()
    }

    /// Process ids of workers that wait for a call; for diagnosis.
    #[must_use]
    pub fn idle_workers(&self) -> Vec<u32> {
        self.pool.idle()
    }
}

struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Reads a component's file, bounded.
///
/// # Errors
/// When it can't be read or is above [`limits::COMPONENT_BYTES`].
pub fn read_component(path: &Path) -> Result<Vec<u8>, LoadError> {
    use std::io::Read as _;
    let fail = |source| LoadError::File {
        path: path.to_owned(),
        source,
    };
    let file = std::fs::File::open(path).map_err(fail)?;
    let size = file.metadata().map_err(fail)?.len();
    let limit = limits::COMPONENT_BYTES;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(LoadError::TooLarge {
            size: size.max(limit + 1),
            limit,
        });
    }
    Ok(bytes)
}
