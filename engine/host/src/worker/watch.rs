//! Two threads of a worker: one ends it with its engine, one ends a call at its deadline.

use std::{
    os::unix::net::UnixStream,
    sync::{Arc, Condvar, Mutex, PoisonError},
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

/// Ends calls at their deadline: it moves the engine's epoch, at which guests stop. It sleeps between calls.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
}

struct Shared {
    deadline: Mutex<Option<Instant>>,
    changed: Condvar,
}

impl Watchdog {
    pub(super) fn start(engine: &Engine) -> Result<Self, WorkerError> {
        let shared = Arc::new(Shared {
            deadline: Mutex::new(None),
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
        self.shared.set(Some(Instant::now() + time));
    }

    pub(super) fn disarm(&self) {
        self.shared.set(None);
    }
}

impl Shared {
    fn set(&self, deadline: Option<Instant>) {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = deadline;
        self.changed.notify_one();
    }

    fn watch(&self, engine: &Engine) {
        let mut deadline = self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            deadline = match left {
                None => self.changed.wait(deadline).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    // Under the lock: a call that has ended, or the next one, is never hit.
                    engine.increment_epoch();
                    *deadline = None;
                    deadline
                }
                Some(left) => {
                    self.changed
                        .wait_timeout(deadline, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}
