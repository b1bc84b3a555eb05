//! Attacks on time: plugins that don't end, and a store that doesn't answer.

use std::{
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

use serde_json::json;
use windlass_core::{
    oid::Oid,
    tree::{ObjectStore, StoreError, StoredEntry, Tree},
};
use windlass_host::{Blame, BudgetKind, CallLimits, HostFailure};

use super::{super::Probe, Attack, Memory, host_failure};

fn half_a_second() -> CallLimits {
    CallLimits {
        time: Duration::from_millis(500),
        ..CallLimits::default()
    }
}

fn ends_in_time(attack: &Attack) {
    let begin = Instant::now();
    attack.is_ended_by(BudgetKind::Time, "took longer than 500 ms");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn one_that_spins_in_a_bulk_operation_is_ended() {
    ends_in_time(&Attack::by("spins-in-a-bulk-operation").within(half_a_second()));
}

#[test]
fn one_that_spins_in_its_start_function_is_ended() {
    ends_in_time(&Attack::by("spins-in-its-start-function").within(half_a_second()));
}

/// A store whose blobs are not to be had until the gate is opened.
#[derive(Clone)]
struct Hanging {
    store: Arc<dyn ObjectStore>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Hanging {
    fn over(files: &[(&str, &str)]) -> (Self, Tree) {
        let (root, store) = Memory::of(files).into_parts();
        let hanging = Self {
            store,
            gate: Arc::default(),
        };
        let tree = Tree::new("", root, Arc::new(hanging.clone()));
        (hanging, tree)
    }

    fn open(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }
}

impl ObjectStore for Hanging {
    fn tree(&self, oid: &Oid) -> Result<Arc<[StoredEntry]>, StoreError> {
        self.store.tree(oid)
    }

    fn size(&self, oid: &Oid) -> Result<u64, StoreError> {
        self.store.size(oid)
    }

    fn blob(&self, oid: &Oid) -> Result<Arc<[u8]>, StoreError> {
        let closed = self.gate.0.lock().unwrap();
        drop(self.gate.1.wait_while(closed, |open| !*open).unwrap());
        self.store.blob(oid)
    }
}

#[test]
fn a_store_that_hangs_holds_neither_caller_nor_worker() {
    let (hanging, tree) = Hanging::over(&[("app/a.yaml", "a: 1\n")]);
    let mut probe = Probe::new();
    probe.limits = half_a_second();
    let healthy = std::mem::replace(&mut probe.request.tree, tree);
    let begin = Instant::now();
    let outcome = probe.call(&json!({"mode": "read-all", "paths": ["app/a.yaml"]}));
    assert!(begin.elapsed() < Duration::from_secs(15), "{:?}", begin.elapsed());
    let error = outcome.result.as_ref().unwrap_err();
    assert_eq!(error.blame(), Blame::Engine);
    assert!(error.is_transient());
    let failure = host_failure(outcome);
    assert!(matches!(failure, HostFailure::Stalled { .. }), "{failure:?}");
    assert!(
        failure.to_string().starts_with("reading `app/a.yaml` took longer than"),
        "{failure}"
    );
    // The thread still hangs; slot and worker are free.
    probe.request.tree = healthy;
    probe.assert_alive();
    probe.assert_alive();
    hanging.open();
}
