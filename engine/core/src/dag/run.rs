//! A plan under way: which nodes may run, and what became of the others. Plain data, so that it can be put aside and taken up.

use std::collections::BTreeSet;

use super::{Dag, Until, Why};

/// What became of a step so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Something before it isn't there yet.
    Waiting,
    /// Handed out by [`Run::take`].
    Running,
    /// Done, or nothing was to do.
    Done,
    /// It was tried, and failed.
    Failed,
    /// Not tried, for what it waits for won't come.
    Skipped {
        /// The step that failed.
        on: usize,
    },
}

/// What a step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    /// Another step.
    pub on: usize,
    /// How far that must come.
    pub until: Until,
    /// Why.
    pub why: Why,
}

/// Carries out a [`Dag`].
///
/// # Expected flow
/// 1. [`Self::take`] hands out the steps that may run now. Steps without anything to do are never handed out.
/// 2. For each, [`Self::done`] or [`Self::failed`] is called once.
/// 3. What was [`Dag::awaited`] of steps is told by [`Self::reached`], whenever it is seen; for a step that acts only after it
///    is done, and for the generation that it made: an old health says nothing.
/// 4. Again, until [`Self::is_over`]. If nothing runs and nothing can be taken, the run waits for something to be reached.
#[derive(Debug, Clone)]
pub struct Run {
    dag: Dag,
    states: Vec<State>,
    /// How far each node has come.
    reached: Vec<BTreeSet<Until>>,
    /// How many edges of each node aren't met yet.
    unmet: Vec<usize>,
    /// Who waits for each node, and until when.
    waiting: Vec<Vec<(usize, Until)>>,
    /// May run, and weren't handed out.
    ready: BTreeSet<usize>,
}

impl Run {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(dag: Dag) -> Self {
        let count = dag.nodes.len();
        let mut waiting = vec![Vec::new(); count];
        for (node, edge) in dag
            .nodes
            .iter()
            .enumerate()
            .flat_map(|(n, node)| node.waits.iter().map(move |e| (n, e)))
        {
            waiting[edge.on].push((node, edge.until));
        }
        let mut run = Self {
            states: vec![State::Waiting; count],
            reached: vec![BTreeSet::new(); count],
            unmet: dag.nodes.iter().map(|node| node.waits.len()).collect(),
            waiting,
            ready: BTreeSet::new(),
            dag,
        };
        // What is as it should be waits for nothing.
        for step in (0..run.dag.steps)
            .filter(|step| !run.dag.nodes[*step].acts)
            .collect::<Vec<_>>()
        {
            run.complete(step);
        }
        for node in 0..count {
            if run.unmet[node] == 0 {
                run.admit(node);
            }
        }
        run
    }

    /// The steps that may run now and weren't handed out yet, in the order of the plan.
    pub fn take(&mut self) -> Vec<usize> {
        let ready = std::mem::take(&mut self.ready);
        for step in &ready {
            self.states[*step] = State::Running;
        }
        ready.into_iter().collect()
    }

    /// A step was done: the object is there, or its deletion was accepted.
    pub fn done(&mut self, step: usize) {
        if self.states[step] == State::Running {
            self.complete(step);
        }
    }

    /// A step failed, or what is awaited of one that was done won't come: what waits for it is skipped.
    pub fn failed(&mut self, step: usize) {
        match self.states[step] {
            State::Running => self.states[step] = State::Failed,
            State::Done => {}
            State::Waiting | State::Failed | State::Skipped { .. } => return,
        }
        self.give_up(step);
    }

    /// A step has come as far as that. Being ready includes being available and established, being gone includes being deleted.
    pub fn reached(&mut self, step: usize, until: Until) {
        if self.states[step] != State::Done {
            return;
        }
        let includes: &[Until] = match until {
            Until::Ready => &[Until::Established, Until::Available],
            Until::Gone => &[Until::Deleted],
            _ => &[],
        };
        for until in includes.iter().chain([&until]) {
            self.reach(step, *until);
        }
    }

    /// What became of a step.
    #[must_use]
    pub fn state(&self, step: usize) -> State {
        self.states[step]
    }

    /// Whether every step was done, failed or skipped.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let steps = &self.states[..self.dag.steps];
        !steps
            .iter()
            .any(|state| matches!(state, State::Waiting | State::Running))
    }

    /// The first thing that a step still waits for.
    #[must_use]
    pub fn wait_of(&self, step: usize) -> Option<Wait> {
        if self.states[step] != State::Waiting {
            return None;
        }
        let mut node = step;
        let mut why = None;
        loop {
            let edge = self.dag.nodes[node]
                .waits
                .iter()
                .find(|edge| !self.reached[edge.on].contains(&edge.until))?;
            let why = *why.get_or_insert(edge.why);
            if edge.on < self.dag.steps {
                return Some(Wait {
                    on: edge.on,
                    until: edge.until,
                    why,
                });
            }
            node = edge.on;
        }
    }

    fn complete(&mut self, node: usize) {
        self.states[node] = State::Done;
        for until in [Until::Exists, Until::Deleted, Until::Settled] {
            self.reach(node, until);
        }
    }

    /// Nothing is left to wait for. A barrier is through at once.
    fn admit(&mut self, node: usize) {
        if self.states[node] != State::Waiting {
            return;
        }
        if self.dag.nodes[node].acts {
            self.ready.insert(node);
        } else {
            self.complete(node);
        }
    }

    fn reach(&mut self, node: usize, until: Until) {
        if !self.reached[node].insert(until) {
            return;
        }
        for (waiting, wanted) in self.waiting[node].clone() {
            if wanted == until {
                self.unmet[waiting] -= 1;
                if self.unmet[waiting] == 0 {
                    self.admit(waiting);
                }
            }
        }
    }

    /// What won't come of a step is not waited for.
    fn give_up(&mut self, root: usize) {
        let mut given_up = vec![root];
        while let Some(node) = given_up.pop() {
            for (waiting, until) in self.waiting[node].clone() {
                let is_lost = until != Until::Settled && !self.reached[node].contains(&until);
                if is_lost && self.states[waiting] == State::Waiting {
                    self.states[waiting] = State::Skipped { on: root };
                    given_up.push(waiting);
                }
            }
            self.reach(node, Until::Settled);
        }
    }
}
