use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diff::{Cause, SkipReason};

#[test]
fn nothing_is_deleted_after_a_failure() {
    let steps = vec![
        step(Action::Delete, object("v1", "ConfigMap", "shop/old", json!({}))),
        step(Action::Create, object("v1", "ConfigMap", "shop/new", json!({}))),
        step(Action::Keep, object("v1", "ConfigMap", "shop/kept", json!({}))),
    ];
    let mut run = Run::new(Dag::new(&steps).unwrap());
    assert_eq!(run.take(), [1]);
    assert!(!run.is_over());
    run.failed(1);
    assert_eq!((run.state(0), run.state(2)), (State::Skipped { on: 1 }, State::Done));
    assert!(run.is_over() && run.take().is_empty());
}

#[test]
fn a_failure_holds_up_what_depends_on_it_and_nothing_else() {
    let steps = created(vec![
        crd("widgets", "Widget"),
        object("x.test/v1", "Widget", "shop/w", json!({})),
        annotated("shop/after", DEPENDS_ON, "x.test/Widget/shop/w"),
        deployment("d", json!({})),
        object("v1", "ConfigMap", "shop/free", json!({})),
    ]);
    let mut run = Run::new(Dag::new(&steps).unwrap());
    assert_eq!(run.take(), [0, 4]);
    run.failed(0);
    // A workload only belongs after a definition: it isn't lost with it.
    assert_eq!(run.take(), [3]);
    assert_eq!(
        (run.state(1), run.state(2)),
        (State::Skipped { on: 0 }, State::Skipped { on: 0 })
    );
    run.done(3);
    run.done(4);
    assert!(run.is_over());
}

#[test]
fn an_old_health_says_nothing_about_a_new_spec() {
    let changed = Action::Configure(Cause::Changed);
    let steps = vec![
        step(changed, deployment("db", json!({}))),
        step(
            Action::Create,
            annotated("shop/a", DEPENDS_ON, "apps/Deployment/shop/db"),
        ),
    ];
    let mut run = Run::new(Dag::new(&steps).unwrap());
    run.reached(0, Until::Ready);
    assert_eq!(run.take(), [0]);
    run.done(0);
    assert!(run.take().is_empty());
    run.reached(0, Until::Ready);
    assert_eq!(run.take(), [1]);
    // It never became ready.
    let mut run = Run::new(Dag::new(&steps).unwrap());
    run.take();
    run.done(0);
    run.failed(0);
    assert_eq!((run.state(0), run.state(1)), (State::Done, State::Skipped { on: 0 }));
}

#[test]
fn nobody_waits_for_the_health_of_what_is_not_ours() {
    let steps = vec![
        step(Action::Skip(SkipReason::Foreign), deployment("db", json!({}))),
        step(
            Action::Create,
            annotated("shop/a", DEPENDS_ON, "apps/Deployment/shop/db"),
        ),
    ];
    assert_eq!(Run::new(Dag::new(&steps).unwrap()).take(), [1]);
}

#[test]
fn twenty_thousand_objects_in_a_row_are_ordered() {
    let count = 20_000;
    let link = |index: usize| match index {
        0 => object("v1", "ConfigMap", "shop/n0", json!({})),
        _ => annotated(
            &format!("shop/n{index}"),
            DEPENDS_ON,
            &format!("/ConfigMap/shop/n{}", index - 1),
        ),
    };
    let steps = created((0..count).map(link).collect());
    let mut run = Run::new(Dag::new(&steps).unwrap());
    assert_eq!(run.take(), [0]);
    run.failed(0);
    assert!(run.is_over());
    assert_eq!(run.state(count - 1), State::Skipped { on: 0 });
}

/// Objects of which each depends on some before it, in shuffled order, and which of them fail.
fn any_plan() -> impl Strategy<Value = (Vec<Step>, Vec<BTreeSet<usize>>, BTreeSet<usize>, Vec<usize>)> {
    (2_usize..12).prop_flat_map(|count| {
        let edges = proptest::collection::vec(proptest::collection::btree_set(0..count, 0..3), count);
        let failing = proptest::collection::btree_set(0..count, 0..3);
        let picks = proptest::collection::vec(0_usize..count, 4 * count);
        (edges, failing, picks).prop_map(move |(edges, failing, picks)| {
            let before: Vec<BTreeSet<usize>> = edges
                .iter()
                .enumerate()
                .map(|(node, on)| on.iter().filter(|on| **on < node).copied().collect())
                .collect();
            let body = |(node, on): (usize, &BTreeSet<usize>)| {
                let on: Vec<String> = on.iter().map(|on| format!("/ConfigMap/shop/n{on}")).collect();
                annotated(&format!("shop/n{node}"), DEPENDS_ON, &on.join(","))
            };
            let steps = created(before.iter().enumerate().map(body).collect());
            (steps, before, failing, picks)
        })
    })
}

proptest! {
    #[test]
    fn no_node_runs_before_what_it_depends_on((steps, before, failing, picks) in any_plan()) {
        let mut run = Run::new(Dag::new(&steps).unwrap());
        let mut running: Vec<usize> = Vec::new();
        let mut ready: BTreeSet<usize> = BTreeSet::new();
        for pick in picks.into_iter().cycle().take(1_000) {
            for step in run.take() {
                prop_assert!(before[step].iter().all(|on| ready.contains(on)), "{} ran too soon", step);
                running.push(step);
            }
            if running.is_empty() {
                break;
            }
            let step = running.remove(pick % running.len());
            if failing.contains(&step) {
                run.failed(step);
            } else {
                run.done(step);
                ready.insert(step);
                run.reached(step, Until::Ready);
            }
        }
        prop_assert!(run.is_over());
        for (step, before) in before.iter().enumerate() {
            match run.state(step) {
                State::Done => prop_assert!(!failing.contains(&step)),
                State::Failed => prop_assert!(failing.contains(&step)),
                State::Skipped { on } => {
                    prop_assert!(run.state(on) == State::Failed);
                    prop_assert!(before.iter().any(|on| !ready.contains(on)));
                }
                state => prop_assert!(false, "{:?}", state),
            }
        }
    }

    /// Whatever edges there are: there is an order, or a cycle of edges that are there.
    #[test]
    fn a_cycle_is_one(edges in proptest::collection::vec(proptest::collection::btree_set(0_usize..8, 0..3), 8)) {
        let body = |(node, on): (usize, &BTreeSet<usize>)| {
            let on: Vec<String> = on.iter().filter(|on| **on != node).map(|on| format!("/ConfigMap/shop/n{on}")).collect();
            annotated(&format!("shop/n{node}"), DEPENDS_ON, &on.join(","))
        };
        let steps = created(edges.iter().enumerate().map(body).collect());
        match Dag::new(&steps) {
            Ok(dag) => {
                let mut run = Run::new(dag);
                while !run.is_over() {
                    let taken = run.take();
                    prop_assert!(!taken.is_empty());
                    for step in taken {
                        run.done(step);
                        run.reached(step, Until::Ready);
                    }
                }
            }
            Err(DagError::Cycle(Cycle(way))) => {
                prop_assert!(way.len() > 1);
                let node = |id: &ObjectId| id.name[1..].parse::<usize>().unwrap();
                for (index, (id, _)) in way.iter().enumerate() {
                    let next = &way[(index + 1) % way.len()].0;
                    prop_assert!(edges[node(id)].contains(&node(next)));
                }
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
