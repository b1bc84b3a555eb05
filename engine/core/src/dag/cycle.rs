//! Nodes that wait for each other.

use super::{Cycle, Dag, DagError, Why};

/// Breaks cycles by giving up soft edges in them, the weakest first; refuses what is left.
pub(super) fn refuse(dag: &mut Dag) -> Result<(), DagError> {
    let gives_way: [fn(Why) -> bool; 2] = [|why| matches!(why, Why::Order | Why::Guards), Why::is_soft];
    for gives_way in gives_way {
        let knots = knots(dag);
        if knots.iter().all(|knot| *knot == 0) {
            return Ok(());
        }
        for node in 0..dag.nodes.len() {
            let knot = knots[node];
            dag.nodes[node]
                .waits
                .retain(|edge| knot == 0 || knots[edge.on] != knot || !gives_way(edge.why));
        }
    }
    let knots = knots(dag);
    match knots.iter().position(|knot| *knot != 0) {
        None => Ok(()),
        Some(start) => Err(DagError::Cycle(around(dag, &knots, start))),
    }
}

/// For each node the number of the knot it is in: of nodes that all wait for each other; 0 = in none.
///
/// Tarjan's strongly connected components, without recursion: a chain of 20,000 objects would use up the stack.
fn knots(dag: &Dag) -> Vec<usize> {
    let count = dag.nodes.len();
    let mut search = Search {
        index: vec![0; count],
        low: vec![0; count],
        on_stack: vec![false; count],
        stack: Vec::new(),
        next: 1,
        knots: vec![0; count],
        found: 0,
    };
    for node in 0..count {
        if search.index[node] == 0 {
            search.from(dag, node);
        }
    }
    search.knots
}

struct Search {
    /// In the order of discovery, from 1; 0 = not yet.
    index: Vec<usize>,
    /// The first node, by index, that can be reached on the way.
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<usize>,
    next: usize,
    knots: Vec<usize>,
    found: usize,
}

impl Search {
    fn from(&mut self, dag: &Dag, start: usize) {
        // A node, and which of its edges is next.
        let mut work = vec![(start, 0)];
        self.enter(start);
        while let Some((node, at)) = work.pop() {
            if let Some(edge) = dag.nodes[node].waits.get(at) {
                work.push((node, at + 1));
                if self.index[edge.on] == 0 {
                    self.enter(edge.on);
                    work.push((edge.on, 0));
                } else if self.on_stack[edge.on] {
                    self.low[node] = self.low[node].min(self.index[edge.on]);
                }
                continue;
            }
            if let Some((parent, _)) = work.last() {
                self.low[*parent] = self.low[*parent].min(self.low[node]);
            }
            if self.low[node] == self.index[node] {
                self.leave(node);
            }
        }
    }

    fn enter(&mut self, node: usize) {
        self.index[node] = self.next;
        self.low[node] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.on_stack[node] = true;
    }

    fn leave(&mut self, root: usize) {
        let start = self.stack.iter().rposition(|node| *node == root).unwrap_or_default();
        let members = self.stack.split_off(start);
        let is_knot = members.len() > 1;
        self.found += usize::from(is_knot);
        for member in members {
            self.on_stack[member] = false;
            self.knots[member] = if is_knot { self.found } else { 0 };
        }
    }
}

/// The shortest way from a node of a knot back to itself.
fn around(dag: &Dag, knots: &[usize], start: usize) -> Cycle {
    // How each node was come to: from where, and by which reason.
    let mut from: Vec<Option<(usize, Why)>> = vec![None; dag.nodes.len()];
    let mut queue = std::collections::VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for edge in dag.nodes[node]
            .waits
            .iter()
            .filter(|edge| knots[edge.on] == knots[start])
        {
            if from[edge.on].is_none() {
                from[edge.on] = Some((node, edge.why));
                queue.push_back(edge.on);
            }
        }
        if from[start].is_some() {
            break;
        }
    }
    let mut way = Vec::new();
    let mut at = start;
    while let Some((node, why)) = from[at] {
        // A barrier is no object: who waits for it waits for what is behind it.
        way.extend(dag.nodes[node].id.clone().map(|id| (id, why)));
        at = node;
        if at == start {
            break;
        }
    }
    way.reverse();
    Cycle(way)
}
