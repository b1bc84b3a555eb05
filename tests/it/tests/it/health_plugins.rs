//! Health checkers: what they are given, what comes of their verdicts, and how the command line asks them.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use windlass_core::{
    health::{State, Verdict},
    model::Object,
};
use windlass_host::{
    AssessRequest, Assessment, Blame, BudgetKind, CallError, CallLimits, Cancel, Host, HostFailure, InputObject,
    LoadOptions, Outcome, Plugin, Tenant, limits,
};

use crate::{
    host::{component, host},
    sandbox::{Sandbox, plugins},
};

struct Assessor {
    host: Host,
    plugin: Arc<Plugin>,
    limits: CallLimits,
}

impl Assessor {
    fn new() -> Self {
        let host = host();
        Self {
            plugin: host
                .load_file(&component("guest-assessor"), &LoadOptions::default())
                .unwrap(),
            host,
            limits: CallLimits::assessment(),
        }
    }

    fn of(&self, specs: &[Value]) -> Outcome<Vec<Assessment>> {
        let objects = specs.iter().map(|spec| {
            let body = json!({"apiVersion": "probe.windlass.dev/v1", "kind": "Widget", "metadata": {"name": "a"}, "spec": spec});
            InputObject::from(&Object::from_value(body).unwrap())
        });
        let request = AssessRequest {
            tenant: Tenant::new("shop"),
            objects: Arc::new(objects.collect()),
        };
        self.host
            .assess(&self.plugin, &request, &self.limits, &Cancel::default())
    }

    /// The error of a call over three objects in a mode; the next call works.
    fn error(&self, mode: &str) -> CallError {
        let error = self
            .of(&[json!({"mode": mode}), json!({}), json!({})])
            .result
            .unwrap_err();
        assert!(error.to_string().starts_with("plugin guest-assessor@"), "{error}");
        assert_eq!(self.of(&[json!({})]).result.unwrap().len(), 1);
        error
    }
}

#[test]
fn every_object_gets_its_verdict_in_order() {
    let specs = [
        json!({"state": "healthy", "message": "all is well"}),
        json!({"state": "degraded", "reason": "NoIssuer", "message": "there is none", "at": "/status/conditions/0"}),
        json!({"state": "progressing"}),
        json!({"state": "suspended"}),
        json!({"state": "whatever"}),
    ];
    let assessed = Assessor::new().of(&specs).result.unwrap();
    let states: Vec<State> = assessed.iter().map(|one| one.verdict.state).collect();
    assert_eq!(
        states,
        [
            State::Healthy,
            State::Degraded,
            State::Progressing,
            State::Suspended,
            State::Unknown
        ]
    );
    assert_eq!(assessed[0].verdict, Verdict::new(State::Healthy, "", "all is well"));
    assert_eq!(
        assessed[1].verdict,
        Verdict::new(State::Degraded, "NoIssuer", "there is none")
    );
    assert_eq!(assessed[1].at.as_deref(), Some("/status/conditions/0"));
    assert!(Assessor::new().of(&[]).result.unwrap().is_empty());
}

#[test]
fn thousands_of_objects_are_one_call() {
    let specs: Vec<Value> = (0..3_000)
        .map(|number| json!({"state": "healthy", "message": number.to_string()}))
        .collect();
    let outcome = Assessor::new().of(&specs);
    let assessed = outcome.result.unwrap();
    assert!(
        assessed
            .iter()
            .enumerate()
            .all(|(number, one)| one.verdict.message == number.to_string())
    );
    assert!(outcome.stats.asks < 20, "{:?}", outcome.stats);
}

#[test]
fn a_wrong_number_of_verdicts_is_the_plugins_fault() {
    let assessor = Assessor::new();
    for (mode, word) in [
        ("few", "it gave 2 verdicts on 3 objects"),
        ("none", "it gave 0 verdicts on 3 objects"),
        ("many", "it gave more than 3 verdicts on 3 objects"),
        ("out-of-range", "object 3 of 3"),
    ] {
        let error = assessor.error(mode);
        assert_eq!(error.blame(), Blame::Plugin, "{mode}");
        let CallError::Host {
            source: HostFailure::Misuse { what },
            ..
        } = error
        else {
            panic!("{mode}")
        };
        assert!(what.contains(word), "{mode}: {what}");
    }
}

#[test]
fn failures_and_budgets_are_told() {
    let mut assessor = Assessor::new();
    assert_eq!(assessor.error("unsupported").blame(), Blame::User);
    assert_eq!(assessor.error("panic").blame(), Blame::Plugin);
    let huge = assessor.of(&[json!({"mode": "huge"})]).result.unwrap();
    assert!(huge[0].verdict.message.len() <= limits::VERDICT_BYTES);
    assessor.limits.time = Duration::from_millis(300);
    let CallError::Trapped { trap, .. } = assessor.error("spin") else {
        panic!()
    };
    assert_eq!(trap.budget.map(|budget| budget.kind), Some(BudgetKind::Time));
}

const LIVE: &str = "
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, namespace: shop, generation: 3}
status:
  conditions:
  - {type: Ready, status: 'False', reason: DoesNotExist, message: Issuing certificate, observedGeneration: 3}
  - {type: Issuing, status: 'False', reason: Failed, message: the order failed, observedGeneration: 3}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: shop, generation: 1}
spec: {parentRefs: [{name: edge}]}
status:
  parents:
  - parentRef: {name: edge}
    controllerName: example.org/gateway
    conditions:
    - {type: Accepted, status: 'True', reason: Accepted, message: '', observedGeneration: 1}
    - {type: ResolvedRefs, status: 'True', reason: ResolvedRefs, message: '', observedGeneration: 1}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: gone, namespace: shop, deletionTimestamp: '2026-01-01T00:00:00Z'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: a, namespace: shop}
---
apiVersion: example.org/v1
kind: Thing
metadata: {name: own, namespace: shop}
";

#[test]
fn the_command_line_asks_the_health_checker_of_a_kind() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path().join("live.yaml"), LIVE).unwrap();
    let table = sandbox.windlass(&["health", "live.yaml"]);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(
        text(&table.stdout)
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>(),
        [
            "OBJECT STATE REASON MESSAGE",
            "Certificate.cert-manager.io shop/web Degraded Failed the order failed",
            "HTTPRoute.gateway.networking.k8s.io shop/web Healthy Accepted every parent has accepted it",
            "Issuer.cert-manager.io shop/gone Terminating Terminating it is being deleted",
            "ConfigMap shop/a Healthy - it is there",
            "Thing.example.org shop/own Unknown NoStatus it says nothing of itself",
        ],
        "{}",
        text(&table.stderr)
    );
    assert_eq!(table.status.code(), Some(1));
    // Without a folder of plugins, the rules that are built in.
    let bare = sandbox.path().join("none");
    std::fs::create_dir(&bare).unwrap();
    let built_in = sandbox.windlass(&["health", "live.yaml", "--plugins", "none"]);
    assert!(
        text(&built_in.stdout).contains("Certificate.cert-manager.io"),
        "{}",
        text(&built_in.stderr)
    );
    assert!(!text(&built_in.stdout).contains("the order failed"));
}

/// A checker that breaks leaves its objects unknown, says why, and nobody else's.
#[test]
fn a_health_checker_that_breaks_is_told_with_its_objects() {
    let sandbox = Sandbox::new();
    let list = "apiVersion: probe.windlass.dev/v1\nkind: Widget\nmetadata: {name: a}\nspec: {mode: few}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    std::fs::write(sandbox.path().join("live.yaml"), list).unwrap();
    let guests = plugins().join("guests");
    let json = sandbox.windlass(&[
        "health",
        "live.yaml",
        "-o",
        "json",
        "--plugins",
        guests.to_str().unwrap(),
    ]);
    let told: Vec<Value> = String::from_utf8_lossy(&json.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&told[0]["state"], &told[0]["reason"]),
        (&"unknown".into(), &"HealthCheckerFailed".into())
    );
    assert!(
        told[0]["message"]
            .as_str()
            .unwrap()
            .contains("it gave 0 verdicts on 1 objects"),
        "{told:?}"
    );
    assert_eq!(told[1]["state"], "healthy");
}
