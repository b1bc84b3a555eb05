//! A tenant with many slow calls waiting delays another's by one call per worker, however many there are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use windlass_host::{CallLimits, Host, Plugin, RenderRequest, Tenant};

use super::super::Probe;

const WAITING: usize = 100;
const WORKERS: usize = 2;

#[derive(Clone)]
struct Calls {
    host: Arc<Host>,
    plugin: Arc<Plugin>,
    request: RenderRequest,
}

impl Calls {
    async fn call(&self, tenant: &str, config: serde_json::Value, limits: CallLimits) -> bool {
        let request = RenderRequest {
            tenant: Tenant::new(tenant),
            config: self.plugin.check_config(&config).unwrap(),
            ..self.request.clone()
        };
        let outcome = self.host.render_async(self.plugin.clone(), request, limits).await;
        outcome.result.is_ok()
    }
}

/// Calls of the slow tenant that end between the moment another tenant asks and the moment it is served.
async fn delay(calls: Calls) -> usize {
    let slow = CallLimits {
        time: Duration::from_millis(250),
        ..CallLimits::default()
    };
    let ended = Arc::new(AtomicUsize::new(0));
    let waiting: Vec<_> = (0..WAITING)
        .map(|_| {
            let (calls, ended) = (calls.clone(), ended.clone());
            tokio::spawn(async move {
                assert!(!calls.call("many", json!({"mode": "spin"}), slow).await);
                ended.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    while ended.load(Ordering::SeqCst) < WORKERS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let before = ended.load(Ordering::SeqCst);
    assert!(calls.call("one", json!({"mode": "echo"}), CallLimits::default()).await);
    let after = ended.load(Ordering::SeqCst);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    after - before
}

#[test]
fn a_hundred_slow_calls_delay_another_tenant_by_one_per_worker() {
    let probe = Probe::new();
    probe.assert_alive();
    let calls = Calls {
        host: Arc::new(probe.host),
        plugin: probe.plugin,
        request: probe.request,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let ended = runtime.block_on(delay(calls));
    // One per worker until there is a free one, and one more that ends beside the call itself.
    assert!(ended <= WORKERS + 1, "{ended} of the other tenant's calls went first");
    runtime.shutdown_timeout(Duration::from_secs(5));
}
