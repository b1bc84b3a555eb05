//! The plugin host with real components and real worker processes.

mod calls;
mod figures;
mod hostile;
mod limits;
mod memory;
mod rogue;
mod trace;
mod validators;
mod walls;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use serde_json::{Value, json};
use windlass_core::render::{AppNames, Failure, Instant, Output};
use windlass_host::{
    CallError, CallLimits, Cancel, Host, HostOptions, LoadOptions, Outcome, Plugin, RenderRequest, Tenant,
    WorkerCommand, entropy,
};

use crate::sandbox;
use memory::Memory;

/// A host of this build with its worker.
pub(crate) fn host() -> Host {
    host_with(worker())
}

/// How workers of this build are started.
pub(crate) fn worker() -> WorkerCommand {
    WorkerCommand {
        program: sandbox::WINDLASS.into(),
        arguments: vec!["worker".into()],
    }
}

/// Compiled code is shared by all tests: compiling is tested apart.
fn host_with(worker: WorkerCommand) -> Host {
    Host::new(HostOptions {
        cache_dir: sandbox::cache(),
        worker,
        workers: 2,
    })
    .unwrap()
}

/// A built component by name; guests lie in a folder of their own.
pub(crate) fn component(name: &str) -> PathBuf {
    let plugins = sandbox::plugins();
    let places = [
        plugins.join(format!("{name}.wasm")),
        plugins.join(format!("guests/{name}.wasm")),
    ];
    let found = places.iter().find(|path| path.is_file());
    found
        .unwrap_or_else(|| panic!("no {name}.wasm in {}: run `cargo x plugins` first", plugins.display()))
        .clone()
}

fn load(host: &Host, name: &str) -> Arc<Plugin> {
    host.load_file(&component(name), &LoadOptions::default()).unwrap()
}

/// A host and the probe: the guest that does what its config says.
struct Probe {
    host: Host,
    plugin: Arc<Plugin>,
    request: RenderRequest,
    limits: CallLimits,
}

impl Probe {
    fn new() -> Self {
        Self::over(&[
            ("app/a.yaml", "a: 1\n"),
            ("app/b/c.txt", "see"),
            ("x.bin", "0123456789"),
        ])
    }

    fn over(files: &[(&str, &str)]) -> Self {
        let host = host();
        let plugin = load(&host, "guest-probe");
        let request = request(Memory::of(files).tree(""));
        Self {
            host,
            plugin,
            request,
            limits: CallLimits::default(),
        }
    }

    fn call(&self, config: &Value) -> Outcome {
        let config = self.plugin.check_config(config).unwrap();
        let request = RenderRequest {
            config,
            ..self.request.clone()
        };
        self.host
            .render(&self.plugin, &request, &self.limits, &Cancel::default())
    }

    /// What the probe learnt.
    fn answers(&self, config: &Value) -> Value {
        answers(&self.call(config).result.unwrap())
    }

    /// The next call works.
    fn assert_alive(&self) {
        let outcome = self.call(&json!({"mode": "echo"}));
        assert_eq!(outcome.result.unwrap().documents.len(), 1);
    }
}

fn answers(output: &Output) -> Value {
    serde_json::from_slice::<Value>(&output.documents[0].content).unwrap()["answers"].take()
}

fn request(tree: windlass_core::tree::Tree) -> RenderRequest {
    let app = AppNames {
        namespace: "team".into(),
        name: "api".into(),
        target_namespace: "shop".into(),
    };
    RenderRequest {
        tenant: Tenant::new("shop"),
        tree,
        path: "app".into(),
        config: "{}".into(),
        entropy: entropy::app_key(&[7; 32], &app),
        app,
        now: Instant {
            seconds: 1_790_000_000,
            nanoseconds: 5,
        },
        kube_version: "v1.37.0".into(),
        apis: Arc::new(BTreeSet::from([
            "v1".into(),
            "apps/v1".into(),
            "apps/v1/Deployment".into(),
        ])),
        input: None,
        sources: BTreeMap::new(),
    }
}

/// The trap of a call that was ended.
fn trap(outcome: Outcome) -> windlass_host::Trap {
    match outcome.result {
        Err(CallError::Trapped { trap, .. }) => trap,
        other => panic!("expected a trap, got {other:?}"),
    }
}

fn failure(outcome: Outcome) -> Failure {
    match outcome.result {
        Err(CallError::Failed { failure, .. }) => failure,
        other => panic!("expected the plugin's failure, got {other:?}"),
    }
}
