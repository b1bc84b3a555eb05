//! Validators: what they are given, what comes of their findings, and how their calls end.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use windlass_core::{
    model::Object,
    render::{Diagnostic, Location, Severity},
};
use windlass_host::{
    Blame, BudgetKind, CallError, CallLimits, Cancel, Host, HostFailure, InputObject, LoadError, LoadOptions, Outcome,
    Plugin, Trap, ValidateRequest, limits,
};

use super::{component, host, load};

/// A host and the guest that does what its config says.
struct Checker {
    host: Host,
    plugin: Arc<Plugin>,
    request: ValidateRequest,
    limits: CallLimits,
}

impl Checker {
    fn over(objects: &[Value]) -> Self {
        let host = host();
        Self {
            plugin: load(&host, "guest-checker"),
            host,
            request: ValidateRequest {
                tenant: windlass_host::Tenant::new(""),
                config: "{}".into(),
                objects: inputs(objects),
                previous: None,
                kube_version: "v1.37.0".into(),
            },
            limits: CallLimits::validation(),
        }
    }

    fn new() -> Self {
        Self::over(&[config_map("a", "good"), config_map("b", "bad"), config_map("c", "odd")])
    }

    fn limited(limits: CallLimits) -> Self {
        Self { limits, ..Self::new() }
    }

    fn call(&self, config: &Value) -> Outcome<Vec<Diagnostic>> {
        let config = self.plugin.check_config(config).unwrap();
        let request = ValidateRequest {
            tenant: windlass_host::Tenant::new(""),
            config,
            ..self.request.clone()
        };
        self.host
            .validate(&self.plugin, &request, &self.limits, &Cancel::default())
    }

    fn mode(&self, mode: &str) -> Outcome<Vec<Diagnostic>> {
        self.call(&json!({"mode": mode}))
    }

    /// What the guest told of what it saw, by code.
    fn told(&self, config: &Value) -> Value {
        let findings = self.call(config).result.unwrap();
        findings
            .into_iter()
            .map(|f| (f.code, Value::from(f.message)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn trap(&self, config: &Value) -> Trap {
        let error = self.call(config).result.unwrap_err();
        assert_eq!(error.blame(), Blame::Plugin, "{config}");
        let text = error.to_string();
        assert!(
            text.starts_with("plugin guest-checker@") && text.contains(", validate: "),
            "{text}"
        );
        self.assert_alive();
        match error {
            CallError::Trapped { trap, .. } => trap,
            other => panic!("{config}: {other:?}"),
        }
    }

    /// What the host would not take.
    fn misuse(&self, mode: &str) -> String {
        let error = self.mode(mode).result.unwrap_err();
        assert_eq!(error.blame(), Blame::Plugin, "{mode}");
        self.assert_alive();
        match error {
            CallError::Host {
                source: HostFailure::Misuse { what },
                ..
            } => what,
            other => panic!("{mode}: {other:?}"),
        }
    }

    /// The next call works.
    fn assert_alive(&self) {
        assert_eq!(self.mode("check").result.unwrap().len(), 2);
    }
}

fn config_map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}})
}

fn inputs(objects: &[Value]) -> Arc<Vec<InputObject>> {
    let input = |body: &Value| InputObject::from(&Object::from_value(body.clone()).unwrap());
    Arc::new(objects.iter().map(input).collect())
}

fn at(index: u32, pointer: &str) -> Location {
    Location::Object {
        index,
        pointer: pointer.into(),
    }
}

#[test]
fn findings_point_at_objects_by_index() {
    let findings = Checker::new().mode("check").result.unwrap();
    let told: Vec<_> = findings
        .iter()
        .map(|f| (f.severity, f.code.as_str(), f.at.clone()))
        .collect();
    assert_eq!(
        told,
        [
            (Severity::Error, "bad-value", at(1, "/data/value")),
            (Severity::Warning, "odd-value", at(2, "/data/value")),
        ]
    );
    assert_eq!(findings[0].help.as_deref(), Some("write `good`"));
}

#[test]
fn a_finding_arrives_with_all_its_parts() {
    let outcome = Checker::new().mode("parts");
    let finding = outcome.result.unwrap().remove(0);
    let config = Location::Config {
        pointer: "/mode".into(),
    };
    assert_eq!(finding.at, at(0, "/metadata/name"));
    assert_eq!(
        finding.related,
        [
            (at(2, "/metadata/name"), "the last".to_owned()),
            (config, "asked for here".to_owned())
        ]
    );
    assert_eq!(outcome.log[0].message, "looked");
    assert!(outcome.trace.facts().is_empty() && outcome.stats.asks > 0 && outcome.stats.read_bytes > 0);
}

#[test]
fn the_request_reaches_the_validator() {
    let mut checker = Checker::new();
    let config = json!({"mode": "request"});
    assert_eq!(
        checker.told(&config),
        json!({"kube-version": "v1.37.0", "objects": "a b c", "previous": "none", "select": "[0, 1, 2]",
            "field": "\"good\" \"bad\" \"odd\""})
    );
    checker.request.previous = Some(inputs(&[config_map("z", "good")]));
    let told = checker.told(&config);
    assert_eq!((&told["previous"], &told["objects"]), (&"z".into(), &"a b c".into()));
}

#[test]
fn heads_and_bodies_come_in_pages() {
    let objects: Vec<Value> = (0..7).map(|number| config_map(&format!("o{number}"), "good")).collect();
    let checker = Checker::over(&objects);
    let size = checker.request.objects[0].json.len() + 8;
    let told = checker.told(&json!({"mode": "pages", "n": 3, "bytes": 2 * size}));
    assert_eq!(
        told,
        json!({"heads": "[3, 3, 1]", "bodies": "[2, 2, 2, 1]", "past-the-end": "0"})
    );
    let tiny = checker.told(&json!({"mode": "pages", "n": 100, "bytes": 0}));
    assert_eq!(
        (&tiny["heads"], &tiny["bodies"]),
        (&"[7]".into(), &"[1, 1, 1, 1, 1, 1, 1]".into())
    );
}

#[test]
fn what_points_at_nothing_ends_the_call() {
    let checker = Checker::new();
    assert!(checker.misuse("out-of-range").contains("object 3 of 3"));
    assert!(checker.misuse("beyond").contains("a finding points at object 3 of 3"));
    assert!(
        checker
            .misuse("related-beyond")
            .contains("a finding points at object 3 of 3")
    );
}

#[test]
fn an_odd_pointer_and_no_place_are_the_callers_to_place() {
    let checker = Checker::new();
    assert_eq!(checker.mode("no-pointer").result.unwrap()[0].at, at(0, "no/pointer~"));
    assert_eq!(checker.mode("nowhere").result.unwrap()[0].at, Location::None);
}

#[test]
fn three_kinds_of_failure_are_kept_apart() {
    let checker = Checker::new();
    for (mode, blame) in [
        ("invalid", Blame::User),
        ("unsupported", Blame::User),
        ("internal", Blame::Plugin),
    ] {
        let error = checker.mode(mode).result.unwrap_err();
        assert!(matches!(error, CallError::Failed { .. }), "{mode}: {error:?}");
        assert_eq!(error.blame(), blame, "{mode}");
    }
    let panicked = checker.trap(&json!({"mode": "panic"}));
    assert!(
        panicked.said.iter().any(|line| line.contains("lost my way")),
        "{panicked:?}"
    );
    assert_eq!(checker.trap(&json!({"mode": "trap"})).budget, None);
    let garbage = checker.trap(&json!({"mode": "not-utf8"}));
    assert!(garbage.message.contains("utf"), "{garbage:?}");
    let config = checker.plugin.check_config(&Value::Null).unwrap();
    let huge = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"},
        "data": {"value": "x".repeat(limits::BODY_BYTES)}});
    let request = ValidateRequest {
        tenant: windlass_host::Tenant::new(""),
        config,
        objects: inputs(&[huge]),
        ..checker.request.clone()
    };
    let refused = checker
        .host
        .validate(&checker.plugin, &request, &checker.limits, &Cancel::default());
    let error = refused.result.unwrap_err();
    assert!(
        matches!(&error, CallError::Host { source: HostFailure::Request { what }, .. } if what.contains("ConfigMap"))
    );
    assert_eq!(error.blame(), Blame::User);
}

#[test]
fn every_budget_ends_a_validation() {
    let time = Checker::limited(CallLimits {
        time: Duration::from_millis(300),
        ..CallLimits::validation()
    });
    let few = Checker::limited(CallLimits {
        memory: 64 << 20,
        handles: 50,
        ..CallLimits::validation()
    });
    let little = Checker::limited(CallLimits {
        read_bytes: 450,
        ..CallLimits::validation()
    });
    let budget = |checker: &Checker, config: Value| checker.trap(&config).budget.map(|budget| budget.kind);
    assert_eq!(budget(&time, json!({"mode": "spin"})), Some(BudgetKind::Time));
    assert_eq!(
        budget(&few, json!({"mode": "memory", "n": 1000})),
        Some(BudgetKind::Memory)
    );
    assert_eq!(
        budget(&few, json!({"mode": "leak-handles", "n": 1000})),
        Some(BudgetKind::Handles)
    );
    assert_eq!(
        budget(&little, json!({"mode": "pages", "n": 1, "bytes": 0})),
        Some(BudgetKind::Read)
    );
}

#[test]
fn findings_and_log_lines_beyond_their_budgets_are_dropped_and_counted() {
    let checker = Checker::new();
    let many = checker.call(&json!({"mode": "flood-findings", "n": 1500, "bytes": 10}));
    assert_eq!(
        (many.result.unwrap().len(), many.stats.dropped_diagnostics),
        (1_000, 500)
    );
    let long = checker.call(&json!({"mode": "flood-findings", "n": 100, "bytes": 100_000}));
    let dropped = long.stats.dropped_diagnostics;
    let kept = long.result.unwrap().len();
    // Each is cut to 16 KiB, and of those a MiB is kept.
    assert_eq!(kept as u64 + dropped, 100);
    assert!((50..100).contains(&kept), "{kept}");
    let log = checker.call(&json!({"mode": "flood-log", "n": 1000, "bytes": 1000}));
    assert!(
        log.log.len() <= 262 && log.stats.dropped_log_lines >= 738,
        "{:?}",
        log.stats
    );
}

#[test]
fn renderers_and_validators_are_not_taken_for_each_other() {
    let checker = Checker::new();
    let probe = load(&checker.host, "guest-probe");
    let error = checker
        .host
        .validate(&probe, &checker.request, &checker.limits, &Cancel::default())
        .result
        .unwrap_err();
    assert!(
        matches!(&error, CallError::Host { source: HostFailure::Request { what }, .. } if what.contains("not a validator"))
    );
    let request = super::request(super::Memory::of(&[("a", "1")]).tree(""));
    let error = checker
        .host
        .render(&checker.plugin, &request, &CallLimits::default(), &Cancel::default())
        .result
        .unwrap_err();
    assert!(
        matches!(&error, CallError::Host { source: HostFailure::Request { what }, .. } if what.contains("not a renderer"))
    );
}

/// The probe, relabelled as the validator that it is not: its export is another one.
#[test]
fn a_component_of_another_world_is_refused_when_it_is_loaded() {
    let bytes = std::fs::read(component("guest-checker")).unwrap();
    let relabelled = relabel(&bytes, "\"world\":\"validator\"", "\"world\":\"renderer\" ");
    let error = host().load(&relabelled, &LoadOptions::default()).unwrap_err();
    assert!(matches!(error, LoadError::MissingExport { .. }), "{error}");
}

/// Replaces a text by one of the same length, in the manifest at the end.
fn relabel(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = bytes
        .windows(from.len())
        .rposition(|window| window == from.as_bytes())
        .unwrap();
    let mut changed = bytes.to_vec();
    changed[at..at + to.len()].copy_from_slice(to.as_bytes());
    changed
}

#[test]
fn async_callers_validate_too() {
    let Checker {
        host,
        plugin,
        request,
        limits,
    } = Checker::new();
    let config = plugin.check_config(&Value::Null).unwrap();
    let request = ValidateRequest { config, ..request };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(Arc::new(host).validate_async(plugin, request, limits));
    assert_eq!(outcome.result.unwrap().len(), 2);
}
