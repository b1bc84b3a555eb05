//! Workers that are killed or stopped from outside, in the middle of a call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use windlass_core::{
    oid::Oid,
    tree::{ObjectStore, StoreError, StoredEntry, Tree},
};
use windlass_host::{Blame, CallLimits, HostFailure};

use super::{super::Probe, Memory, host_failure};

/// A store that does something to the worker when it is asked for a blob: in the middle of a call.
struct Trigger {
    store: Arc<dyn ObjectStore>,
    worker: u32,
    signal: &'static str,
    fired: AtomicBool,
}

impl Trigger {
    /// A signal is done when one of the threads has taken it; until then the others go on.
    fn take_effect(&self) {
        let state = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.worker)).unwrap_or_default();
            stat.rsplit(") ").next().and_then(|rest| rest.chars().next())
        };
        let end = Instant::now() + Duration::from_secs(1);
        while !matches!(state(), None | Some('T' | 'Z')) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl ObjectStore for Trigger {
    fn tree(&self, oid: &Oid) -> Result<Arc<[StoredEntry]>, StoreError> {
        self.store.tree(oid)
    }

    fn size(&self, oid: &Oid) -> Result<u64, StoreError> {
        self.store.size(oid)
    }

    fn blob(&self, oid: &Oid) -> Result<Arc<[u8]>, StoreError> {
        if !self.fired.swap(true, Ordering::SeqCst) {
            let kill = std::process::Command::new("kill")
                .args([self.signal, &self.worker.to_string()])
                .status();
            assert!(kill.unwrap().success());
            self.take_effect();
        }
        self.store.blob(oid)
    }
}

/// A probe whose idle worker gets the signal while it waits for the answer to a read.
fn probe(signal: &'static str) -> Probe {
    let mut probe = Probe::new();
    probe.assert_alive();
    let [worker] = probe.host.idle_workers()[..] else {
        panic!("one idle worker")
    };
    let (root, store) = Memory::of(&[("app/a.yaml", "a: 1\n")]).into_parts();
    let trigger = Trigger {
        store,
        worker,
        signal,
        fired: AtomicBool::new(false),
    };
    probe.request.tree = Tree::new("", root, Arc::new(trigger));
    probe
}

#[test]
fn a_worker_killed_in_the_middle_of_a_call_costs_nothing_but_time() {
    let probe = probe("-KILL");
    let before = probe.host.idle_workers();
    let read = probe.answers(&json!({"mode": "read-all", "paths": ["app/a.yaml"]}));
    assert_eq!(read["app/a.yaml"]["text"], "a: 1\n");
    assert_ne!(probe.host.idle_workers(), before);
}

#[test]
fn a_worker_stopped_in_the_middle_of_a_call_is_killed() {
    let mut probe = probe("-STOP");
    probe.limits = CallLimits {
        time: Duration::from_secs(1),
        ..CallLimits::default()
    };
    let stopped = probe.host.idle_workers();
    let begin = Instant::now();
    let outcome = probe.call(&json!({"mode": "read-all", "paths": ["app/a.yaml"]}));
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let error = outcome.result.as_ref().unwrap_err();
    assert_eq!(error.blame(), Blame::Engine);
    let failure = host_failure(outcome);
    assert!(matches!(failure, HostFailure::Unresponsive { .. }), "{failure:?}");
    assert!(failure.to_string().contains("did not answer within 3 s"), "{failure}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", stopped[0]));
    assert!(status.is_err(), "the stopped worker is still there");
    probe.assert_alive();
}
