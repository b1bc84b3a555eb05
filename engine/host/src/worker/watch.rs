//! Two threads of a worker: one ends it with its engine, one ends a call at its deadline.

use std::{
    os::unix::net::UnixStream,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rustix::net::RecvFlags;
use wasmtime::Engine;

use super::WorkerError;

/// How long a guest may outlive its engine.
const PARENT_INTERVAL: Duration = Duration::from_secs(1);

/// Ends the process when the engine's end of the socket is gone, whatever a guest is doing.
pub(super) fn parent(socket: &UnixStream) -> Result<(), WorkerError> {
    let failed = |source| WorkerError::Thread { source };
    let socket = socket.try_clone().map_err(failed)?;
    std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || end_with(&socket))
        .map_err(failed)?;
    Ok(())
}

#[expect(
    clippy::exit,
    reason = "there is nobody left to answer to, and a guest may hold the other threads"
)]
fn end_with(socket: &UnixStream) {
    loop {
        std::thread::sleep(PARENT_INTERVAL);
        let look = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recv(socket, &mut [0_u8][..], look) {
            Ok((1.., _)) | Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Ok(_) | Err(_) => std::process::exit(0),
        }
    }
}

/// Ends calls at their deadline: it moves the engine's epoch, at which guests stop.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
}

struct Shared {
    alarm: Mutex<Alarm>,
    changed: Condvar,
}

/// When a call ends at the latest, and until when the thread sleeps. It is woken only for what is earlier, which no call of
/// the same plugin is: waking it takes as long as a question to the engine.
#[derive(Debug, Default)]
struct Alarm {
    deadline: Option<Instant>,
    sleeps_until: Option<Instant>,
}

impl Watchdog {
    pub(super) fn start(engine: &Engine) -> Result<Self, WorkerError> {
        let shared = Arc::new(Shared {
            alarm: Mutex::default(),
            changed: Condvar::new(),
        });
        let (thread, engine) = (shared.clone(), engine.clone());
        std::thread::Builder::new()
            .name("deadline".to_owned())
            .spawn(move || thread.watch(&engine))
            .map_err(|source| WorkerError::Thread { source })?;
        Ok(Self { shared })
    }

    /// From now on. The guest's store must be given a deadline of one epoch after this.
    pub(super) fn arm(&self, time: Duration) {
        let deadline = Instant::now() + time;
        if self.shared.lock().set(deadline) {
            self.shared.changed.notify_one();
        }
    }

    pub(super) fn disarm(&self) {
        self.shared.lock().deadline = None;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Alarm> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, engine: &Engine) {
        let mut alarm = self.lock();
        loop {
            let now = Instant::now();
            if alarm.is_due(now) {
                // Under the lock: a call that has ended, or the next one, is never hit.
                engine.increment_epoch();
            }
            alarm.sleeps_until = alarm.deadline;
            alarm = match alarm.deadline {
                None => self.changed.wait(alarm).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let left = at.saturating_duration_since(now);
                    self.changed
                        .wait_timeout(alarm, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}

impl Alarm {
    /// Whether the thread would sleep too long.
    fn set(&mut self, deadline: Instant) -> bool {
        self.deadline = Some(deadline);
        self.sleeps_until.is_none_or(|until| deadline < until)
    }

    /// Whether a call is to be ended; it is told once.
    fn is_due(&mut self, now: Instant) -> bool {
        self.deadline.take_if(|at| *at <= now).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_is_woken_for_earlier_deadlines_only() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut alarm = Alarm::default();
        assert!(alarm.set(at(30)), "it sleeps for ever");
        alarm.sleeps_until = alarm.deadline;
        assert!(!alarm.set(at(31)), "it looks again in time");
        assert!(alarm.set(at(5)));
    }

    #[test]
    fn a_call_is_ended_once_and_not_when_it_is_over() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut alarm = Alarm::default();
        assert!(!alarm.is_due(now));
        alarm.set(later);
        assert!(!alarm.is_due(now));
        assert!(alarm.is_due(later));
        assert!(!alarm.is_due(later));
    }
}
