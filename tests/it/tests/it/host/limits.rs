//! Each budget ends a call by its name and number, and the next call works.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use windlass_host::{
    Blame, Budget, BudgetKind, CallError, CallLimits, Cancel, InputObject, RenderRequest, limits, protocol::ObjectHead,
};

use super::{Memory, Probe, trap};

fn assert_budget(probe: &Probe, config: &serde_json::Value, kind: BudgetKind, sentence: &str) {
    let outcome = probe.call(config);
    let text = outcome.result.as_ref().unwrap_err().to_string();
    assert!(text.contains(sentence), "{config}: {text}");
    assert_eq!(outcome.result.as_ref().unwrap_err().blame(), Blame::Plugin);
    let trap = trap(outcome);
    assert!(
        matches!(trap.budget, Some(Budget { kind: found, .. }) if found == kind),
        "{config}: {trap:?}"
    );
    probe.assert_alive();
}

fn probe(limits: CallLimits) -> Probe {
    Probe { limits, ..Probe::new() }
}

#[test]
fn an_endless_loop_ends_at_the_deadline() {
    let probe = probe(CallLimits {
        time: Duration::from_millis(500),
        ..CallLimits::default()
    });
    let begin = Instant::now();
    assert_budget(
        &probe,
        &json!({"mode": "spin"}),
        BudgetKind::Time,
        "took longer than 500 ms",
    );
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

#[test]
fn memory_is_bounded() {
    let probe = probe(CallLimits {
        memory: 64 << 20,
        ..CallLimits::default()
    });
    assert_budget(
        &probe,
        &json!({"mode": "memory", "n": 4000}),
        BudgetKind::Memory,
        "needs more than 64 MiB of memory",
    );
    assert!(probe.call(&json!({"mode": "memory", "n": 16})).result.is_ok());
}

#[test]
fn recursion_is_bounded() {
    let sentence = "nests deeper than its own stack allows";
    assert_budget(
        &Probe::new(),
        &json!({"mode": "recurse"}),
        BudgetKind::OwnStack,
        sentence,
    );
}

#[test]
fn an_endless_template_ends_and_says_which_budget_ended_it() {
    let host = super::host();
    let helm = super::load(&host, "helm");
    let endless = "{{- define \"r\" }}{{ tpl \"{{ include \\\"r\\\" . }}\" . }}{{ end }}{{ include \"r\" . }}";
    let chart = [
        ("app/Chart.yaml", "apiVersion: v2\nname: r\nversion: 1.0.0\n"),
        ("app/templates/r.yaml", endless),
    ];
    let config = helm.check_config(&json!({})).unwrap();
    let request = RenderRequest {
        config,
        ..super::request(Memory::of(&chart).tree(""))
    };
    let limits = CallLimits {
        time: Duration::from_secs(10),
        ..CallLimits::default()
    };
    let outcome = host.render(&helm, &request, &limits, &Cancel::default());
    let error = outcome.result.unwrap_err();
    match &error {
        CallError::Trapped { trap, .. } => assert!(trap.budget.is_some(), "{error}"),
        CallError::Failed { .. } => assert!(
            error.to_string().contains("recurs") || error.to_string().contains("deep"),
            "{error}"
        ),
        CallError::Host { .. } => panic!("{error:?}"),
    }
}

#[test]
fn output_is_bounded() {
    let probe = probe(CallLimits {
        output_bytes: 1 << 20,
        documents: 100,
        ..CallLimits::default()
    });
    let flood = json!({"mode": "flood-output", "n": 50, "bytes": 100_000});
    assert_budget(&probe, &flood, BudgetKind::Output, "emits more than 1 MiB");
    let flood = json!({"mode": "flood-documents", "n": 101});
    assert_budget(&probe, &flood, BudgetKind::Documents, "emits more than 100 documents");
    assert_eq!(
        probe
            .call(&json!({"mode": "flood-documents", "n": 100}))
            .result
            .unwrap()
            .documents
            .len(),
        100
    );
    let huge = json!({"mode": "flood-output", "n": 1, "bytes": 33 << 20});
    assert_budget(
        &probe,
        &huge,
        BudgetKind::Document,
        "emits a document of more than 32 MiB",
    );
}

#[test]
fn findings_and_log_lines_beyond_the_budget_are_dropped_and_counted() {
    let probe = probe(CallLimits {
        diagnostics: 10,
        log_bytes: 10_000,
        ..CallLimits::default()
    });
    let outcome = probe.call(&json!({"mode": "flood-diagnostics", "n": 25}));
    assert_eq!(outcome.stats.dropped_diagnostics, 15);
    assert_eq!(outcome.result.unwrap().diagnostics.len(), 10);
    let outcome = probe.call(&json!({"mode": "flood-log", "n": 1000, "bytes": 1000}));
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.log.len() as u64 + outcome.stats.dropped_log_lines, 1000);
    assert!(outcome.log.len() <= 10);
}

#[test]
fn handles_are_bounded() {
    let probe = probe(CallLimits {
        handles: 500,
        ..CallLimits::default()
    });
    let leak = json!({"mode": "leak-handles", "n": 100_000});
    assert_budget(
        &probe,
        &leak,
        BudgetKind::Handles,
        "holds more than 500 handles at a time",
    );
}

#[test]
fn reads_and_questions_are_bounded() {
    let reads = probe(CallLimits {
        read_bytes: 50,
        ..CallLimits::default()
    });
    let paths: Vec<&str> = std::iter::repeat_n("x.bin", 20).collect();
    let config = json!({"mode": "read-all", "paths": paths});
    let text = reads.call(&config).result.unwrap_err().to_string();
    assert!(text.contains("reads more than 50 bytes"), "{text}");
    let asks = probe(CallLimits {
        asks: 10,
        ..CallLimits::default()
    });
    let text = asks.call(&config).result.unwrap_err().to_string();
    assert!(text.contains("asks the host more than 10 times"), "{text}");
}

#[test]
fn a_request_beyond_the_contract_is_not_begun() {
    let probe = Probe::new();
    let body = |json: String| InputObject {
        head: ObjectHead::default(),
        json,
    };
    let plain = || probe.request.clone();
    for (request, sentence) in [
        (
            RenderRequest {
                config: " ".repeat(limits::CONFIG_BYTES + 1),
                ..plain()
            },
            "its config has more than 1048576 bytes",
        ),
        (
            RenderRequest {
                apis: Arc::new(BTreeSet::from(["a".repeat(limits::APIS_BYTES)])),
                ..plain()
            },
            "the names of all APIs have more than 262144 bytes",
        ),
        (
            RenderRequest {
                input: Some(Arc::new(vec![body(" ".repeat(limits::BODY_BYTES + 1))])),
                ..plain()
            },
            "has more than 4194304 bytes",
        ),
    ] {
        let outcome = probe
            .host
            .render(&probe.plugin, &request, &CallLimits::default(), &Cancel::default());
        let error = outcome.result.unwrap_err();
        assert_eq!(error.blame(), Blame::User);
        let CallError::Host { source, .. } = error else {
            panic!("{error:?}")
        };
        assert!(source.to_string().contains(sentence), "{source}");
        probe.assert_alive();
    }
}
