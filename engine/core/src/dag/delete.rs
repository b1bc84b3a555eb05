//! The order in which objects are deleted: who guards first, what others live in last.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Dag, Edge, Until, Why, annotations};
use crate::{
    diff::{Action, Step},
    model::{ObjectId, is_built_in},
};

/// When an object is deleted; lower goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    class: Class,
    /// Higher waves go first.
    wave: std::cmp::Reverse<i64>,
    rank: Rank,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// A webhook whose workload is gone refuses the rest.
    Guards,
    Ordinary,
    /// With a definition go all its objects, whoever made them.
    Definitions,
    /// With a namespace goes all that is in it.
    Namespaces,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Their finalizers need the workload that made them and its rights.
    Custom,
    Ordinary,
    /// What workloads use until their end.
    Used,
}

/// Adds what the deletions of a plan wait for. Nothing here is firm: a deletion is never refused for its order.
pub(super) fn order(dag: &mut Dag, steps: &[Step]) {
    let deleted = || {
        steps
            .iter()
            .enumerate()
            .filter(|(_, step)| step.action == Action::Delete)
    };
    let mut turns: BTreeMap<Turn, Vec<usize>> = BTreeMap::new();
    for (node, step) in deleted() {
        turns.entry(turn(step)).or_default().push(node);
    }
    if turns.is_empty() {
        return;
    }
    let made = (0..dag.steps).filter(|node| dag.nodes[*node].acts && steps[*node].action != Action::Delete);
    let made = made.map(|on| edge(on, Until::Exists)).collect();
    let mut before = dag.barrier(made);
    for (turn, nodes) in turns {
        for node in &nodes {
            dag.wait(*node, before, Until::Exists, Why::Order);
        }
        let until = if turn.rank == Rank::Custom {
            Until::Gone
        } else {
            Until::Deleted
        };
        let after = nodes.iter().map(|on| edge(*on, until));
        before = dag.barrier(after.collect());
    }
    let nodes: BTreeMap<&ObjectId, usize> = deleted().map(|(node, step)| (&step.id, node)).collect();
    for (node, step) in deleted() {
        let depends_on = body(step).map(annotations::depends_on).and_then(Result::ok);
        for on in depends_on
            .into_iter()
            .flatten()
            .filter_map(|id| nodes.get(&id).copied())
        {
            dag.wait(on, node, Until::Gone, Why::Reference);
        }
    }
}

const fn edge(on: usize, until: Until) -> Edge {
    Edge {
        on,
        until,
        why: Why::Order,
    }
}

/// What is known of it: only what lives.
fn body(step: &Step) -> Option<&Value> {
    step.live.as_ref()?.body.as_ref()
}

fn turn(step: &Step) -> Turn {
    let wave = body(step)
        .map(annotations::wave)
        .and_then(Result::ok)
        .unwrap_or_default();
    let (class, rank) = place(&step.id);
    Turn {
        class,
        wave: std::cmp::Reverse(wave),
        rank,
    }
}

fn place(id: &ObjectId) -> (Class, Rank) {
    match (id.group.as_str(), id.kind.as_str()) {
        ("admissionregistration.k8s.io", _) => (Class::Guards, Rank::Ordinary),
        ("apiextensions.k8s.io", _) | ("apiregistration.k8s.io", _) => (Class::Definitions, Rank::Ordinary),
        ("", "Namespace") => (Class::Namespaces, Rank::Ordinary),
        ("", "ConfigMap" | "PersistentVolume" | "PersistentVolumeClaim" | "Secret" | "ServiceAccount")
        | ("networking.k8s.io", "NetworkPolicy")
        | ("rbac.authorization.k8s.io" | "scheduling.k8s.io" | "storage.k8s.io" | "node.k8s.io", _) => {
            (Class::Ordinary, Rank::Used)
        }
        (group, _) if !is_built_in(group) => (Class::Ordinary, Rank::Custom),
        _ => (Class::Ordinary, Rank::Ordinary),
    }
}
