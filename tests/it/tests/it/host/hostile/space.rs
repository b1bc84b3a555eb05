//! Attacks on memory: of the guest, of its worker, of the engine.

use serde_json::json;
use windlass_host::{Blame, BudgetKind, limits};

use super::{super::Probe, Attack};

#[test]
fn one_that_spreads_over_many_memories_is_summed_up() {
    let attack = Attack::by("eats-memory-by-many-memories");
    attack.is_ended_by(BudgetKind::Memory, "needs more than 512 MiB of memory");
}

#[test]
fn one_that_grows_a_table_is_ended() {
    let attack = Attack::by("grows-a-table");
    attack.is_ended_by(BudgetKind::Table, "needs more than 1000000 table elements");
}

#[test]
fn one_that_recurses_on_the_wasm_stack_is_ended() {
    let attack = Attack::by("recurses");
    attack.is_ended_by(BudgetKind::Stack, "nests deeper than its stack of 1.5 MiB allows");
}

#[test]
fn one_that_needs_too_much_to_begin_is_told_so() {
    for (guest, kind, sentence) in [
        (
            "needs-too-much-memory-to-begin",
            BudgetKind::Memory,
            "needs more than 512 MiB of memory",
        ),
        (
            "needs-too-large-a-table-to-begin",
            BudgetKind::Table,
            "needs more than 1000000 table elements",
        ),
        (
            "needs-too-many-memories-to-begin",
            BudgetKind::Instances,
            "has more than 64 core instances, memories or tables",
        ),
    ] {
        Attack::by(guest).is_ended_by(kind, sentence);
    }
}

/// 48 MiB of text in one call fit; they must not end the worker either, whatever its guest has taken before.
#[test]
fn what_one_host_call_moves_is_bounded() {
    let probe = Probe::new();
    let outcome = probe.call(&json!({"mode": "huge-log", "bytes": limits::DOCUMENT_BYTES + (17 << 20)}));
    let error = outcome.result.unwrap_err();
    assert_eq!(error.blame(), Blame::Plugin);
    assert!(
        error
            .to_string()
            .contains("hands more than 48 MiB to the host in one call"),
        "{error}"
    );
    probe.assert_alive();
    let outcome = probe.call(&json!({"mode": "huge-log", "bytes": 40 << 20}));
    assert_eq!(outcome.stats.dropped_log_lines, 1);
    outcome.result.unwrap();
}
