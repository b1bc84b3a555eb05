//! In which order a plan is carried out: what waits for what.
//!
//! Every step of the plan is a node. [`Dag::new`] finds out what it waits for, [`Run`] says which nodes may run now and takes
//! in what became of them, so that independent ones run in parallel and one that fails holds up only what depends on it.
//!
//! What makes a step wait, in the order of their strength:
//! - what can't be otherwise: an object for its Namespace and, if it is a custom one, for its definition to be established;
//! - what people say: the annotations [`DEPENDS_ON`] and [`WAVE`], which wait until what is before is ready;
//! - what follows from the objects ([`references`], and what serves webhooks): given up where it contradicts what people say.
//!
//! Deletions come last, in the opposite order, and not at all when something before them failed: what was to replace what is
//! deleted may not be there.

mod annotations;
mod apply;
mod cycle;
mod delete;
mod references;
mod run;
mod webhooks;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, fmt};

use crate::{
    diff::{Action, Step},
    model::ObjectId,
};

pub use annotations::{BadAnnotation, DEPENDS_ON, WAVE, unreadable};
pub use references::references;
pub use run::{Run, State, Wait};

/// What one node waits for, and what waits for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dag {
    nodes: Vec<Node>,
    /// How many of them are steps: the first ones, in the order of the plan. The rest are barriers.
    steps: usize,
    /// How far others need each node to come.
    awaited: Vec<BTreeSet<Until>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    /// `None` for a barrier: many wait for many through it, without an edge for each pair.
    id: Option<ObjectId>,
    /// Whether there is something to do. What is as it should be, or may not be touched, is there already.
    acts: bool,
    waits: Vec<Edge>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Edge {
    /// A node.
    on: usize,
    until: Until,
    why: Why,
}

/// How far another node must have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Until {
    /// It was tried, or given up.
    Settled,
    /// It is there: its step was done.
    Exists,
    /// A definition of custom objects: the server serves them.
    Established,
    /// A workload: enough of its pods serve.
    Available,
    /// It is healthy.
    Ready,
    /// Its deletion was accepted: its step was done.
    Deleted,
    /// It is not there any more; finalizers have run.
    Gone,
}

/// Why a node waits for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It lies in that Namespace.
    Namespace,
    /// It is of the kind that the other one defines.
    Definition,
    /// Its annotation [`DEPENDS_ON`] says so.
    DependsOn,
    /// Its annotation [`WAVE`] is higher, or the other's is lower.
    Wave,
    /// It names the other in its spec.
    Reference,
    /// The other serves the webhook or API that it registers.
    Serves,
    /// The other is asked by the server before it is admitted.
    Guards,
    /// The other belongs before it, or after it on deletion.
    Order,
}

impl Why {
    /// Whether the edge was inferred only, and gives way to what people say.
    const fn is_soft(self) -> bool {
        matches!(self, Self::Reference | Self::Serves | Self::Guards | Self::Order)
    }
}

/// Why a plan has no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DagError {
    /// Objects wait for each other.
    #[error("{0}")]
    Cycle(Cycle),
    /// An annotation can't be read.
    #[error("{id}: annotation `{key}`")]
    Annotation {
        /// Of which object.
        id: Box<ObjectId>,
        /// Which.
        key: &'static str,
        /// What is wrong.
        #[source]
        source: BadAnnotation,
    },
    /// An object waits for one that the app doesn't have.
    #[error("{id} depends on {on}, which is not part of the app")]
    Unknown {
        /// Which.
        id: Box<ObjectId>,
        /// For which.
        on: Box<ObjectId>,
    },
}

/// Objects that wait for each other, each with why it waits for the next; the last waits for the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle(pub Vec<(ObjectId, Why)>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("objects wait for each other: ")?;
        let next = self.0.iter().cycle().skip(1);
        for (index, ((id, why), (on, _))) in self.0.iter().zip(next).enumerate() {
            let before = if index == 0 { "" } else { ", " };
            write!(f, "{before}{id} for {on} ({why})")?;
        }
        Ok(())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Namespace => "its namespace",
            Self::Definition => "its definition",
            Self::DependsOn => DEPENDS_ON,
            Self::Wave => WAVE,
            Self::Reference => "named in its spec",
            Self::Serves => "serves it",
            Self::Guards => "its webhook",
            Self::Order => "order of kinds",
        })
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settled => "tried",
            Self::Exists => "there",
            Self::Established => "established",
            Self::Available => "available",
            Self::Ready => "ready",
            Self::Deleted => "deleted",
            Self::Gone => "gone",
        })
    }
}

impl Dag {
    /// Finds the order of a plan's steps.
    ///
    /// # Errors
    /// When an annotation can't be read or names an object that the app doesn't have, and when objects wait for each other for
    /// firm reasons.
    pub fn new(steps: &[Step]) -> Result<Self, DagError> {
        let mut dag = Self {
            nodes: steps.iter().map(Node::of).collect(),
            steps: steps.len(),
            awaited: Vec::new(),
        };
        apply::order(&mut dag, steps)?;
        delete::order(&mut dag, steps);
        cycle::refuse(&mut dag)?;
        dag.awaited = vec![BTreeSet::new(); dag.nodes.len()];
        for edge in dag.nodes.iter().flat_map(|node| &node.waits) {
            dag.awaited[edge.on].insert(edge.until);
        }
        Ok(dag)
    }

    /// How far others need a step to come, beside its being done: what the executor has to look out for.
    pub fn awaited(&self, step: usize) -> impl Iterator<Item = Until> {
        let is_done = |until: &Until| matches!(until, Until::Settled | Until::Exists | Until::Deleted);
        self.awaited[step].iter().copied().filter(move |until| !is_done(until))
    }

    fn barrier(&mut self, waits: Vec<Edge>) -> usize {
        self.nodes.push(Node {
            id: None,
            acts: false,
            waits,
        });
        self.nodes.len() - 1
    }

    fn wait(&mut self, node: usize, on: usize, until: Until, why: Why) {
        let edge = Edge { on, until, why };
        let waits = &mut self.nodes[node].waits;
        if node != on && !waits.contains(&edge) {
            waits.push(edge);
        }
    }
}

impl Node {
    fn of(step: &Step) -> Self {
        Self {
            id: Some(step.id.clone()),
            acts: matches!(step.action, Action::Create | Action::Configure(_) | Action::Delete),
            waits: Vec::new(),
        }
    }
}
