//! Points at which tests kill the process: `WINDLASS_FAULT=N` ends it, as `kill -9` would, when the N-th point is passed.
//!
//! Release builds hold nothing of it.

/// A point between two effects. The name shows on standard error when it is the one.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &str) {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };
    static FATAL: LazyLock<Option<u64>> = LazyLock::new(|| std::env::var("WINDLASS_FAULT").ok()?.parse().ok());
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let Some(fatal) = *FATAL else { return };
    if PASSED.fetch_add(1, Ordering::SeqCst) + 1 == fatal {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "killed at fault point {fatal}: {name}");
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
}

/// From now on there is a point after every read and write of an object in a cluster.
#[cfg(debug_assertions)]
pub(crate) fn after_requests() {
    windlass_cluster::requests::on_answer(point);
}

/// Release builds hold nothing of it.
#[cfg(not(debug_assertions))]
pub(crate) const fn after_requests() {}

/// A point between two effects.
#[cfg(not(debug_assertions))]
pub(crate) const fn point(_name: &str) {}
