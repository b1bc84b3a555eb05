//! The workers: as many calls at a time as there are cores, in turns of those whose calls they are.

use std::{
    os::fd::AsFd as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::oneshot;
use windlass_core::digest::Digest;

use crate::{
    child::{Worker, WorkerCommand},
    cores::{Core, Cores},
    error::HostFailure,
    fair::{Queue, Tenant},
    limits,
    plugin::Artefact,
    protocol::Start,
};

/// Hands out workers.
#[derive(Debug)]
pub(crate) struct Pool {
    command: WorkerCommand,
    /// Workers at a time.
    size: usize,
    /// Linear memory that a call may be given at most; decides the process's limit.
    memory: u64,
    cores: Arc<Cores>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Last used last.
    idle: Vec<Running>,
    busy: usize,
    queue: Queue<oneshot::Sender<Slot>>,
    /// Plugins used lately, last used last: what a new worker maps.
    recent: Vec<Weak<Artefact>>,
}

/// The right to one worker, until it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    pool: Arc<Pool>,
}

/// A worker with what it has mapped.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) worker: Worker,
    core: Core,
    cores: Arc<Cores>,
    loaded: Vec<Digest>,
    /// Linear memory that its limits leave room for.
    pub(crate) memory: u64,
    calls: u32,
}

impl Pool {
    pub(crate) fn new(command: WorkerCommand, size: usize, memory: u64) -> Arc<Self> {
        Arc::new(Self {
            command,
            size: size.max(1),
            memory,
            cores: Arc::default(),
            state: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A slot when it is the tenant's turn. Nothing runs while one waits: ten thousand may. Dropping the receiver gives
    /// up the place, or the slot in it.
    pub(crate) fn turn(self: &Arc<Self>, tenant: &Tenant) -> oneshot::Receiver<Slot> {
        let (sender, receiver) = oneshot::channel();
        self.lock().queue.push(tenant, sender);
        self.grant();
        receiver
    }

    /// Hands free slots to those who are next.
    fn grant(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            if state.busy >= self.size {
                return;
            }
            let Some(next) = state.queue.pop() else { return };
            if next.is_closed() {
                continue;
            }
            state.busy += 1;
            drop(state);
            // Who has just left drops the slot with the message, which grants it again.
            let _ = next.send(Slot { pool: self.clone() });
        }
    }

    /// A worker that has mapped the plugin, and whether it was started for this call: an idle one, or a new one in place
    /// of one that has not. `memory`: what the call may use. The caller holds a slot until it has dropped the worker or
    /// given it back.
    pub(crate) fn worker(&self, artefact: &Arc<Artefact>, memory: u64) -> Result<(Running, bool), HostFailure> {
        match self.choose(artefact, memory) {
            (Some(idle), _) => Ok((idle, false)),
            (None, also) => Ok((self.spawn(artefact, &also, memory.max(self.memory))?, true)),
        }
    }

    /// After a call that ended as calls end. A worker that had enough is replaced at the next call.
    pub(crate) fn give_back(&self, mut running: Running) {
        running.calls += 1;
        if spent(running.calls, running.worker.resident()) {
            tracing::debug!(pid = running.worker.id(), calls = running.calls, "worker retired");
        } else {
            self.lock().idle.push(running);
        }
    }

    /// An idle worker for the plugin, or what a new one shall map.
    fn choose(&self, artefact: &Arc<Artefact>, memory: u64) -> (Option<Running>, Vec<Arc<Artefact>>) {
        let mut state = self.lock();
        state.remember(artefact);
        let fits = |r: &Running| r.loaded.contains(&artefact.component) && r.memory >= memory;
        if let Some(index) = state.idle.iter().rposition(fits) {
            return (Some(state.idle.remove(index)), Vec::new());
        }
        // The longest idle one makes room; it dies outside the lock.
        let retired = (state.idle.len() + state.busy > self.size).then(|| state.idle.remove(0));
        let also = state.recent.iter().filter_map(Weak::upgrade).collect();
        drop(state);
        drop(retired);
        (None, also)
    }

    fn spawn(&self, artefact: &Arc<Artefact>, also: &[Arc<Artefact>], memory: u64) -> Result<Running, HostFailure> {
        let mut artefacts = vec![artefact.clone()];
        artefacts.extend(also.iter().rev().filter(|a| a.component != artefact.component).cloned());
        artefacts.truncate(limits::PLUGINS_PER_WORKER);
        let components: Vec<_> = artefacts.iter().map(|a| (a.component, a.world)).collect();
        let mut worker = Worker::spawn(&self.command)?;
        let core = self.cores.take();
        core.hold(worker.id());
        let start = Start::Run {
            artefacts: components.clone(),
            memory,
        };
        let descriptors: Vec<_> = artefacts.iter().map(|a| a.file.as_fd()).collect();
        let ready = worker.start(&start, &[], &descriptors)?;
        if let Some(Some(message)) = ready.refused.first() {
            return Err(HostFailure::Artefact {
                message: message.clone(),
            });
        }
        let usable = components
            .into_iter()
            .zip(ready.refused)
            .filter(|(_, refused)| refused.is_none());
        let loaded = usable.map(|((digest, _), _)| digest).collect();
        tracing::debug!(pid = worker.id(), walls = %ready.walls, "worker started");
        Ok(Running {
            worker,
            core,
            cores: Arc::clone(&self.cores),
            loaded,
            memory,
            calls: 0,
        })
    }

    /// Process ids of idle workers, for tests and diagnosis.
    pub(crate) fn idle(&self) -> Vec<u32> {
        self.lock().idle.iter().map(|running| running.worker.id()).collect()
    }
}

impl Running {
    /// Puts the calling thread where the worker runs.
    pub(crate) fn join(&self) {
        self.core.enter();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cores.give_back(&self.core);
    }
}

impl State {
    fn remember(&mut self, artefact: &Arc<Artefact>) {
        self.recent.retain(|known| {
            known
                .upgrade()
                .is_some_and(|known| known.component != artefact.component)
        });
        self.recent.push(Arc::downgrade(artefact));
        let over = self.recent.len().saturating_sub(limits::PLUGINS_PER_WORKER);
        self.recent.drain(..over);
    }
}

/// Whether a worker had enough: what leaks stays small, what one big call left behind is given back.
const fn spent(calls: u32, resident: u64) -> bool {
    calls >= limits::CALLS_PER_WORKER || resident > limits::WORKER_RSS
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.pool.lock().busy -= 1;
        self.pool.grant();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::wait;

    fn pool(size: usize) -> Arc<Pool> {
        let command = WorkerCommand {
            program: "/nowhere".into(),
            arguments: Vec::new(),
        };
        Pool::new(command, size, limits::MEMORY)
    }

    #[test]
    fn a_worker_is_replaced_after_its_calls_or_when_it_has_grown() {
        assert!(!spent(limits::CALLS_PER_WORKER - 1, limits::WORKER_RSS));
        assert!(spent(limits::CALLS_PER_WORKER, 0));
        assert!(spent(1, limits::WORKER_RSS + 1));
    }

    #[test]
    fn so_many_plugins_are_mapped_and_no_more() {
        let mut state = State::default();
        let artefacts: Vec<_> = (0..=limits::PLUGINS_PER_WORKER)
            .map(|number| {
                Arc::new(Artefact {
                    component: Digest::of(&number.to_le_bytes()),
                    world: windlass_core::plugin::World::Renderer,
                    file: tempfile::tempfile().unwrap(),
                })
            })
            .collect();
        artefacts.iter().for_each(|artefact| state.remember(artefact));
        assert_eq!(state.recent.len(), limits::PLUGINS_PER_WORKER);
        let kept = state.recent.first().and_then(Weak::upgrade).unwrap();
        assert_eq!(kept.component, artefacts[1].component);
    }

    #[test]
    fn a_slot_is_granted_to_the_tenant_that_waits_and_not_to_one_that_left() {
        let pool = pool(1);
        let (many, one) = (Tenant::new("many"), Tenant::new("one"));
        let running = wait(pool.turn(&many), || None).unwrap();
        let mut waiting: Vec<_> = (0..100).map(|_| pool.turn(&many)).collect();
        let mut other = pool.turn(&one);
        assert!(other.try_recv().is_err());
        drop(running);
        let served = other.try_recv().unwrap();
        // The next in line has given up: the one behind it is served.
        drop(waiting.remove(0));
        drop(served);
        assert!(waiting[0].try_recv().is_ok());
        // What was sent to one that leaves is not lost either.
        drop(waiting);
        assert!(pool.turn(&one).try_recv().is_ok());
    }
}
