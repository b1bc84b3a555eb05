//! Calls: what comes out, and how they end.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use windlass_core::{
    render::{AppNames, Failure, FileAt, Location, Severity},
    tree::TreeError,
};
use windlass_host::{
    Blame, CallError, CallLimits, Cancel, HostFailure, InputObject, RenderRequest, entropy, protocol::ObjectHead,
};

use super::{Memory, Probe, answers, failure, trap};

#[test]
fn documents_arrive_with_all_that_was_said_of_them() {
    let probe = Probe::new();
    let outcome = probe.call(&json!({"mode": "echo", "n": 2}));
    let output = outcome.result.unwrap();
    assert_eq!(output.documents.len(), 2);
    let second = &output.documents[1];
    assert!(String::from_utf8_lossy(&second.content).contains("name: probe-1"));
    assert_eq!(second.attribute("windlass.dev/role"), Some("hook"));
    assert_eq!(second.lines[0].origin.path, "probe.yaml");
    let warning = &output.diagnostics[0];
    assert_eq!(
        (warning.severity, warning.code.as_str()),
        (Severity::Warning, "probe-echo")
    );
    assert_eq!(
        warning.at,
        Location::Object {
            index: 1,
            pointer: "/metadata/name".into()
        }
    );
    let file = FileAt {
        source: String::new(),
        path: "probe.yaml".into(),
        span: None,
    };
    assert_eq!(warning.related[0].0, Location::File(file));
    assert_eq!(outcome.log[0].message, "echoed");
    assert!(outcome.stats.asks > 0 && outcome.stats.output_bytes > 0 && outcome.stats.peak_memory > 0);
}

#[test]
fn bytes_that_are_not_utf8_arrive_as_they_are() {
    let output = Probe::new()
        .call(&json!({"mode": "raw", "text": "a: {ff}"}))
        .result
        .unwrap();
    assert_eq!(output.documents[0].content, b"a: \xff");
}

#[test]
fn the_request_reaches_the_plugin() {
    let mut probe = Probe::new();
    let facts = probe.answers(&json!({"mode": "facts", "apis": ["apps/v1", "batch/v1"]}));
    assert_eq!(facts["path"], "app");
    assert_eq!(
        facts["app"],
        json!({"namespace": "team", "name": "api", "targetNamespace": "shop"})
    );
    assert_eq!(facts["now"], json!({"seconds": 1_790_000_000, "nanoseconds": 5}));
    assert_eq!(facts["kubeVersion"], "v1.37.0");
    assert_eq!(facts["hasApi"], json!({"apps/v1": true, "batch/v1": false}));
    assert_eq!(facts["hasInput"], false);
    assert_eq!(
        probe.answers(&json!({"mode": "apis"})),
        json!(["apps/v1", "apps/v1/Deployment", "v1"])
    );
    let head = ObjectHead {
        version: "v1".into(),
        kind: "Pod".into(),
        name: "p".into(),
        ..ObjectHead::default()
    };
    let object = InputObject {
        head,
        json: r#"{"kind":"Pod"}"#.into(),
    };
    probe.request.input = Some(Arc::new(vec![object]));
    assert!(probe.answers(&json!({"mode": "input"})).to_string().contains("Pod"));
    let outcome = probe.call(&json!({"mode": "object-out-of-range"}));
    let error = outcome.result.unwrap_err();
    assert_eq!(error.blame(), Blame::Plugin);
    assert!(
        matches!(
            error,
            CallError::Host {
                source: HostFailure::Misuse { .. },
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn a_named_source_is_a_tree_of_its_own() {
    let mut probe = Probe::new();
    probe
        .request
        .sources
        .insert("values".into(), Memory::of(&[("v.yaml", "v: 1\n")]).tree("values"));
    let read = probe.answers(&json!({"mode": "read-all", "from": "values", "paths": ["v.yaml"]}));
    assert_eq!(read, json!({"v.yaml": {"text": "v: 1\n"}}));
    let none = failure(probe.call(&json!({"mode": "read-all", "from": "other", "paths": ["v.yaml"]})));
    assert!(matches!(none, Failure::Unsupported(_)), "{none:?}");
}

#[test]
fn random_values_are_stable_per_app_and_label() {
    let mut probe = Probe::new();
    let draw = |probe: &Probe, label: Option<&str>| {
        let mut config = json!({"mode": "entropy", "n": 200});
        if let Some(label) = label {
            config["label"] = label.into();
        }
        probe.answers(&config)
    };
    let (base, labelled) = (draw(&probe, None), draw(&probe, Some("tls")));
    assert_eq!(draw(&probe, None), base);
    assert_eq!(draw(&probe, Some("tls")), labelled);
    assert_ne!(base, labelled);
    assert_ne!(draw(&probe, Some("other")), labelled);
    let app = AppNames {
        name: "web".into(),
        ..probe.request.app.clone()
    };
    probe.request.entropy = entropy::app_key(&[7; 32], &app);
    assert_ne!(draw(&probe, None), base);
}

#[test]
fn the_plugins_own_failures_are_told_apart() {
    let probe = Probe::new();
    let invalid = probe
        .call(&json!({"mode": "invalid", "text": "no such value"}))
        .result
        .unwrap_err();
    assert_eq!(invalid.blame(), Blame::User);
    assert!(invalid.to_string().contains("no such value"), "{invalid}");
    let unsupported = probe
        .call(&json!({"mode": "unsupported", "text": "x"}))
        .result
        .unwrap_err();
    assert_eq!(unsupported.blame(), Blame::User);
    let internal = probe
        .call(&json!({"mode": "internal", "text": "x"}))
        .result
        .unwrap_err();
    assert_eq!(internal.blame(), Blame::Plugin);
    assert!(matches!(
        failure(probe.call(&json!({"mode": "other"}))),
        Failure::Other { .. }
    ));
}

#[test]
fn a_crash_names_plugin_export_and_cause() {
    let probe = Probe::new();
    let error = probe.call(&json!({"mode": "trap"})).result.unwrap_err();
    assert_eq!(error.blame(), Blame::Plugin);
    let short = probe.plugin.digest().short();
    assert!(
        error
            .to_string()
            .starts_with(&format!("plugin guest-probe@{short}, render: crashed")),
        "{error}"
    );
    probe.assert_alive();
}

#[test]
fn what_is_not_in_the_repository_ends_the_call() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    let probe = Probe::over(&[("big.bin", pointer), ("sub", "⊂"), ("ok", "1")]);
    for (path, word) in [("big.bin", "Git LFS"), ("sub/x", "submodule")] {
        let error = probe
            .call(&json!({"mode": "read-all", "paths": ["ok", path]}))
            .result
            .unwrap_err();
        assert_eq!(error.blame(), Blame::User);
        let CallError::Host {
            source: HostFailure::Tree { source },
            ..
        } = &error
        else {
            panic!("{error:?}")
        };
        assert!(source.to_string().contains(word), "{source}");
        assert!(matches!(
            source,
            TreeError::LfsPointer { .. } | TreeError::Submodule { .. }
        ));
    }
    probe.assert_alive();
}

#[test]
fn a_call_can_be_given_up() {
    let probe = Probe::new();
    let config = probe.plugin.check_config(&json!({"mode": "spin"})).unwrap();
    let request = RenderRequest {
        config,
        ..probe.request.clone()
    };
    let cancel = Cancel::default();
    let begin = std::time::Instant::now();
    let outcome = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        });
        probe
            .host
            .render(&probe.plugin, &request, &CallLimits::default(), &cancel)
    });
    assert!(matches!(
        outcome.result,
        Err(CallError::Host {
            source: HostFailure::Cancelled,
            ..
        })
    ));
    assert!(begin.elapsed() < Duration::from_secs(5));
    probe.assert_alive();
}

#[test]
fn async_callers_wait_without_holding_their_executor() {
    let Probe {
        host,
        plugin,
        request,
        limits,
    } = Probe::new();
    let host = Arc::new(host);
    let config = plugin.check_config(&json!({"mode": "echo"})).unwrap();
    let request = RenderRequest { config, ..request };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcomes = runtime.block_on(async {
        let calls: Vec<_> = (0..8)
            .map(|_| {
                tokio::spawn({
                    let (host, plugin, request) = (host.clone(), plugin.clone(), request.clone());
                    async move { host.render_async(plugin, request, limits).await }
                })
            })
            .collect();
        let mut outcomes = Vec::new();
        for call in calls {
            outcomes.push(call.await.unwrap());
        }
        outcomes
    });
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.result.as_ref().unwrap().documents.len() == 1)
    );
}

#[test]
fn a_config_is_held_to_the_schema() {
    let probe = Probe::new();
    let errors = probe.plugin.check_config(&json!({"mode": "dance"})).unwrap_err();
    assert_eq!(
        errors[0].at,
        Location::Config {
            pointer: "/mode".into()
        }
    );
}

#[test]
fn a_panic_is_told_in_the_plugins_words() {
    let outcome = Probe::new().call(&json!({"mode": "panic", "text": "lost my way"}));
    let text = match &outcome.result {
        Err(error) => format!("{error} {:?}", outcome.log),
        Ok(output) => panic!("{output:?}"),
    };
    assert!(text.contains("lost my way"), "{text}");
}

#[test]
fn a_killed_worker_is_replaced() {
    let probe = Probe::new();
    probe.assert_alive();
    for pid in probe.host.idle_workers() {
        kill(pid);
    }
    // Its death is seen in the middle of this call, which is made once more.
    probe.assert_alive();
}

pub(super) fn kill(pid: u32) {
    let pid = pid.to_string();
    std::process::Command::new("kill").args(["-9", &pid]).output().unwrap();
}

#[test]
fn a_call_without_output_keeps_its_findings_and_its_trace() {
    let probe = Probe::new();
    let outcome = probe.call(&json!({"mode": "trap"}));
    assert!(!outcome.trace.facts().is_empty());
    assert!(trap(outcome).backtrace.contains("wasm"));
    let output = probe.call(&json!({"mode": "stat", "paths": ["x.bin"]})).result.unwrap();
    assert_eq!(answers(&output)["x.bin"]["size"], 10);
}

#[test]
fn a_worker_is_replaced_after_a_thousand_calls() {
    let probe = Probe::new();
    probe.assert_alive();
    let first = probe.host.idle_workers();
    let outcomes = (0..1_000).map(|_| probe.call(&json!({"mode": "echo", "n": 1})));
    assert!(outcomes.into_iter().all(|outcome| outcome.result.is_ok()));
    assert_eq!(first.len(), 1);
    assert!(!probe.host.idle_workers().contains(&first[0]));
}
