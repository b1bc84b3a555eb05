//! One call in flight: a thread of its own drives it, its caller waits, and goes on when the thread can't.
//!
//! A question to a store that blocks (a mirror on a hanging network disk) holds the thread that asked, and nothing can end
//! it. So the caller looks at the clock: when a call is overdue it takes back the slot, kills the worker and tells why.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::{
    cancel::Cancel,
    capabilities::{Capabilities, Stop},
    child::Killer,
    error::HostFailure,
    limits,
    pool::{Running, Slot},
    protocol::{Answer, Ask, Tell},
};

/// How often a caller looks whether its call is overdue or was cancelled.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// What a call's thread and its caller share.
#[derive(Debug)]
pub(crate) struct Flight {
    state: Mutex<State>,
    pub(crate) cancel: Cancel,
    /// Threads that their callers gave up, over all calls of the host.
    stuck: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct State {
    /// `None` once it was given back, by whom ever.
    slot: Option<Slot>,
    killer: Option<Killer>,
    begun: Instant,
    /// When the thread must have ended by itself; from the moment a worker has the call.
    due: Option<Instant>,
    /// What the engine is answering.
    asked: Option<Ask>,
    /// Whether the caller has gone on.
    given_up: bool,
}

impl Flight {
    pub(crate) fn new(slot: Slot, cancel: Cancel, stuck: Arc<AtomicUsize>) -> Arc<Self> {
        let state = State {
            slot: Some(slot),
            killer: None,
            begun: Instant::now(),
            due: None,
            asked: None,
            given_up: false,
        };
        Arc::new(Self {
            state: Mutex::new(state),
            cancel,
            stuck,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker has the call from now on. The thread's own deadline comes before the caller's.
    pub(crate) fn begin(&self, running: &Running, time: Duration) {
        let mut state = self.lock();
        state.killer = Some(running.worker.killer());
        state.begun = Instant::now();
        state.due = Some(state.begun + time + 2 * limits::GRACE);
    }

    /// Whether the caller still waits, and the slot is the call's.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.lock().given_up
    }

    /// Why the caller need not wait any longer; at most once.
    pub(crate) fn overdue(&self) -> Option<HostFailure> {
        let mut state = self.lock();
        let late = state.due.is_some_and(|due| Instant::now() >= due);
        // Without a question, what waits is a socket with a deadline of its own.
        let what = state.asked.as_ref().filter(|_| late && !state.given_up).map(question)?;
        state.given_up = true;
        self.stuck.fetch_add(1, Ordering::Relaxed);
        let (slot, killer, after) = (state.slot.take(), state.killer.take(), state.begun.elapsed());
        drop(state);
        if let Some(killer) = killer {
            killer.kill();
        }
        drop(slot);
        Some(HostFailure::Stalled { what, after })
    }

    /// The thread's end.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.killer = None;
        if state.given_up {
            self.stuck.fetch_sub(1, Ordering::Relaxed);
        }
        let slot = state.slot.take();
        drop(state);
        drop(slot);
    }
}

/// Notes what is being answered.
pub(crate) struct Watched<'a, C> {
    pub(crate) inner: &'a mut C,
    pub(crate) flight: &'a Flight,
}

impl<C: Capabilities> Capabilities for Watched<'_, C> {
    fn begin(&mut self, deadline: Instant) {
        self.inner.begin(deadline);
    }

    fn answer(&mut self, ask: Ask) -> Result<(Answer, Vec<u8>), Stop> {
        self.flight.lock().asked = Some(ask.clone());
        let answer = self.inner.answer(ask);
        self.flight.lock().asked = None;
        answer
    }

    fn take(&mut self, tell: Tell, body: Vec<u8>) -> Result<(), Stop> {
        self.inner.take(tell, body)
    }
}

/// Refuses a call while too many threads wait in vain.
pub(crate) fn admit(stuck: &AtomicUsize) -> Result<(), HostFailure> {
    let calls = stuck.load(Ordering::Relaxed);
    if calls >= limits::STUCK_CALLS {
        return Err(HostFailure::Stuck { calls });
    }
    Ok(())
}

/// In words, with its path.
fn question(ask: &Ask) -> String {
    let (what, path) = match ask {
        Ask::Stat { path, .. } => ("looking at", path),
        Ask::Canonical { path, .. } => ("resolving", path),
        Ask::Read { path, .. } => ("reading", path),
        Ask::List { path, .. } => ("listing", path),
        Ask::Glob { base, .. } => ("searching", base),
        Ask::Digest { path, .. } => ("identifying", path),
        Ask::Send { .. } => return "sending a request".to_owned(),
        _ => return "answering a question about the request".to_owned(),
    };
    format!("{what} `{}`", path.escape_debug())
}

/// Blocks until there is an answer, or `look` has a reason to wait no longer.
pub(crate) fn wait<T>(
    mut answer: oneshot::Receiver<T>,
    mut look: impl FnMut() -> Option<HostFailure>,
) -> Result<T, HostFailure> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match Pin::new(&mut answer).poll(&mut context) {
            Poll::Ready(answer) => return answer.map_err(|_| lost()),
            Poll::Pending => std::thread::park_timeout(LOOK_INTERVAL),
        }
        if let Some(failure) = look() {
            return Err(failure);
        }
    }
}

/// [`wait`] for async code; needs a runtime with time.
pub(crate) async fn wait_async<T>(
    mut answer: oneshot::Receiver<T>,
    mut look: impl FnMut() -> Option<HostFailure>,
) -> Result<T, HostFailure> {
    loop {
        if let Ok(answer) = tokio::time::timeout(LOOK_INTERVAL, &mut answer).await {
            return answer.map_err(|_| lost());
        }
        if let Some(failure) = look() {
            return Err(failure);
        }
    }
}

fn lost() -> HostFailure {
    HostFailure::Internal {
        message: "the call's thread panicked".to_owned(),
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_that_wait_in_vain_are_bounded() {
        let stuck = AtomicUsize::new(limits::STUCK_CALLS - 1);
        admit(&stuck).unwrap();
        stuck.fetch_add(1, Ordering::Relaxed);
        let failure = admit(&stuck).unwrap_err();
        assert!(
            failure.to_string().starts_with("64 earlier calls still wait"),
            "{failure}"
        );
    }

    #[test]
    fn a_question_is_told_with_its_path_on_one_line() {
        let ask = Ask::Read {
            tree: String::new(),
            path: "a\nb\u{1b}".into(),
            offset: 0,
            max: 1,
        };
        assert_eq!(question(&ask), "reading `a\\nb\\u{1b}`");
    }
}
