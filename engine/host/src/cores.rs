//! The processor core that a worker and the engine's end of its calls share.
//!
//! A question goes there and back in microseconds when both ends take turns on one core; on two, each way wakes a sleeping
//! core first, which takes longer than most answers (a tenth of a Kustomize render). There are as many workers as
//! cores, so each has one of its own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::{
    process::Pid,
    thread::{CpuSet, sched_getaffinity, sched_setaffinity},
};

/// The cores that this process may use, each with how many workers have it.
#[derive(Debug, Default)]
pub(crate) struct Cores {
    taken: Mutex<Vec<(usize, usize)>>,
}

/// A core, for as long as this is held. `None`: the system doesn't say which there are, and places threads as it likes.
#[derive(Debug, Default)]
pub(crate) struct Core(Option<usize>);

impl Cores {
    /// The core with the fewest workers.
    pub(crate) fn take(&self) -> Core {
        let mut taken = self.lock();
        if taken.is_empty() {
            let allowed = sched_getaffinity(None).ok();
            let allowed = allowed
                .iter()
                .flat_map(|set| (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)));
            taken.extend(allowed.map(|core| (core, 0)));
        }
        let fewest = taken.iter_mut().min_by_key(|(_, workers)| *workers);
        Core(fewest.map(|(core, workers)| {
            *workers += 1;
            *core
        }))
    }

    /// Of a worker that is gone.
    pub(crate) fn give_back(&self, core: &Core) {
        let mut taken = self.lock();
        if let Some((_, workers)) = taken.iter_mut().find(|(number, _)| Some(*number) == core.0) {
            *workers = workers.saturating_sub(1);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(usize, usize)>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Puts a process that has just been started there: threads that it starts later follow.
    pub(crate) fn hold(&self, process: u32) {
        if let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) {
            self.set(Some(pid));
        }
    }

    /// Puts the calling thread there.
    pub(crate) fn enter(&self) {
        self.set(None);
    }

    /// Where it is not permitted, it is only slower.
    fn set(&self, who: Option<Pid>) {
        if let Some(core) = self.0 {
            let mut set = CpuSet::new();
            set.set(core);
            let _ = sched_setaffinity(who, &set);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_spread_over_the_cores() {
        let cores = Cores::default();
        let first = cores.take();
        let second = cores.take();
        let several = cores.lock().len() > 1;
        assert_eq!(first.0 != second.0, several);
        cores.give_back(&first);
        assert_eq!(cores.take().0, first.0);
    }
}
