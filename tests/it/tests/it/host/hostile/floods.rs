//! Attacks on the engine by too much of what is allowed.

use serde_json::{Value, json};
use windlass_core::render::{Failure, Severity};
use windlass_host::{Blame, BudgetKind, CallLimits, limits};

use super::{
    super::{Probe, failure},
    Attack, trap,
};

/// Ended by a budget, by its sentence, and the plugin's fault.
fn is_ended(probe: &Probe, config: &Value, kind: BudgetKind, sentence: &str) {
    let outcome = probe.call(config);
    let error = outcome.result.as_ref().unwrap_err();
    assert_eq!(error.blame(), Blame::Plugin, "{config}: {error:?}");
    let text = error.to_string();
    let name = format!("plugin {}, render: ", probe.plugin.reference());
    assert!(text.starts_with(&name) && text.contains(sentence), "{config}: {text}");
    assert_eq!(trap(outcome).budget.map(|budget| budget.kind), Some(kind), "{config}");
    probe.assert_alive();
}

const TOO_MUCH: &str = "hands more than 4 MiB of names, texts or line mappings to the host at a time";

#[test]
fn line_mappings_are_bounded_however_they_are_made_large() {
    let probe = Probe::new();
    for config in [
        json!({"mode": "flood-lines", "n": 200_000, "bytes": 0}),
        json!({"mode": "flood-lines", "n": 20, "bytes": 1 << 20}),
        // Below the bound by weight, above it as JSON.
        json!({"mode": "flood-lines", "n": 40_000, "bytes": 0}),
    ] {
        is_ended(&probe, &config, BudgetKind::Message, TOO_MUCH);
    }
    let fits = probe.call(&json!({"mode": "flood-lines", "n": 20_000, "bytes": 0}));
    assert_eq!(fits.result.unwrap().documents[0].lines.len(), 20_000);
}

#[test]
fn empty_attributes_are_not_free() {
    let probe = Probe::new();
    let config = json!({"mode": "flood-attributes", "n": 400_000});
    is_ended(&probe, &config, BudgetKind::Message, TOO_MUCH);
}

#[test]
fn what_stands_beside_documents_counts_as_output() {
    let limits = CallLimits {
        output_bytes: 1 << 20,
        ..CallLimits::default()
    };
    let probe = Probe { limits, ..Probe::new() };
    let config = json!({"mode": "flood-lines", "n": 2, "bytes": 800_000});
    is_ended(&probe, &config, BudgetKind::Output, "emits more than 1 MiB");
}

#[test]
fn findings_are_bounded_in_bytes() {
    let probe = Probe::new();
    let outcome = probe.call(&json!({"mode": "huge-finding", "n": 100, "bytes": 300_000}));
    let dropped = outcome.stats.dropped_diagnostics;
    let kept = outcome.result.unwrap().diagnostics;
    // Each is cut to 16 KiB, and of those a MiB is kept.
    assert_eq!(kept.len() as u64 + dropped, 100);
    assert!((50..100).contains(&kept.len()), "{}", kept.len());
    assert!(
        kept.iter()
            .all(|finding| finding.message.len() <= limits::FINDING_BYTES)
    );
    // One that is too large for the socket is cut like any other.
    let outcome = probe.call(&json!({"mode": "huge-finding", "n": 1, "bytes": 20 << 20}));
    assert_eq!(outcome.stats.dropped_diagnostics, 0);
    assert!(outcome.result.unwrap().diagnostics[0].message.len() <= limits::FINDING_BYTES);
}

#[test]
fn an_error_behind_a_thousand_findings_still_fails_the_render() {
    let probe = Probe::new();
    for bytes in [10, 8 << 20] {
        let outcome = probe.call(&json!({"mode": "late-error", "n": limits::DIAGNOSTICS, "bytes": bytes}));
        let findings = outcome.result.unwrap().diagnostics;
        let last = findings.last().unwrap();
        assert_eq!(
            (last.severity, last.code.as_str()),
            (Severity::Error, "too-many-findings")
        );
        assert_eq!(findings.len() as u64, limits::DIAGNOSTICS + 1);
    }
}

#[test]
fn an_answer_that_is_too_large_is_cut() {
    let probe = Probe::new();
    let outcome = probe.call(&json!({"mode": "huge-failure", "bytes": 30 << 20}));
    let Failure::Invalid(findings) = failure(outcome) else {
        panic!("it says that its input is at fault")
    };
    assert!(
        findings
            .iter()
            .all(|finding| finding.message.len() <= limits::FINDING_BYTES)
    );
    probe.assert_alive();
}

#[test]
fn lines_of_empty_fields_count_as_log() {
    let probe = Probe::new();
    let outcome = probe.call(&json!({"mode": "flood-fields", "n": 100, "bytes": 10_000}));
    assert_eq!(outcome.stats.dropped_log_lines, 100);
    outcome.result.unwrap();
    let limits = CallLimits {
        time: std::time::Duration::from_millis(500),
        ..CallLimits::default()
    };
    let endless = Attack::by("floods-its-log-with-empty-fields").within(limits);
    endless.is_ended_by(BudgetKind::Time, "took longer than 500 ms");
}

#[test]
fn questions_are_bounded_by_what_the_record_of_them_takes() {
    let probe = Probe::new();
    let config = json!({"mode": "flood-questions", "n": 100_000, "bytes": 4000});
    is_ended(
        &probe,
        &config,
        BudgetKind::Trace,
        "asks so much that the record of it takes more than 64 MiB",
    );
    // A question that no frame takes.
    let config = json!({"mode": "flood-questions", "n": 1, "bytes": 5 << 20});
    is_ended(&probe, &config, BudgetKind::Message, TOO_MUCH);
}

#[test]
fn a_file_read_again_and_again_is_bounded() {
    let big = "x".repeat(9 << 20);
    let limits = CallLimits {
        read_bytes: 32 << 20,
        ..CallLimits::default()
    };
    let probe = Probe {
        limits,
        ..Probe::over(&[("big", big.as_str())])
    };
    let config = json!({"mode": "flood-reads", "n": 100, "paths": ["big"]});
    is_ended(&probe, &config, BudgetKind::Read, "reads more than 32 MiB");
}
