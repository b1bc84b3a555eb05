//! The only page that changes a target: the steps of a plan, each as soon as what it waits for is there.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::{Instant, sleep, timeout};
use windlass_core::{
    dag::{Dag, Run, State, Until, Wait},
    diff::{Action, Cause, Counts, Plan, Step, intend::Outcome},
    inventory::Inventory,
    model::ObjectId,
};

use crate::{
    drift, fault,
    report::Drifted,
    target::{Target, TargetError, Written},
};

/// How long a cycle waits for something to come as far as a step needs it, while nothing else of the plan can be done. A
/// definition is established within tens of milliseconds; what takes longer (pods) must not hold a cycle, which ends then and
/// is begun again when something happens.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at what is waited for come this often, then less often.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LAST_LOOK: Duration = Duration::from_millis(500);

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Changes<'a> {
    /// Every step with its outcome, in the order of execution.
    pub steps: Vec<(&'a Step, Outcome)>,
    /// What is known of the objects that were written.
    pub written: BTreeMap<ObjectId, Written>,
    /// What went wrong, object by object.
    pub failures: Vec<(&'a Step, Failure)>,
    /// Steps that were not tried yet, each with what it waits for.
    pub waiting: Vec<(&'a Step, Waiting<'a>)>,
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was tried.
    #[error(transparent)]
    Refused(#[from] TargetError),
    /// It was not tried.
    #[error("not tried, because {on} failed")]
    After {
        /// What it needs, or what was to be there before.
        on: ObjectId,
    },
}

/// What a step waits for.
#[derive(Debug, Clone, Copy)]
pub enum Waiting<'a> {
    /// Another step.
    For(&'a Step, Wait),
    /// Nothing more: a newer revision is there, and its plan comes first.
    Superseded,
}

/// Makes a plan true. What fails holds up only what needs it; nothing is deleted after a failure, for what was to replace it
/// may not be there. Once `is_superseded`, no further step is begun.
pub async fn run<'a>(
    target: &dyn Target,
    plan: &'a Plan,
    dag: Dag,
    is_superseded: &(dyn Fn() -> bool + Sync),
) -> Changes<'a> {
    let mut applying = Applying::new(target, plan, dag);
    while !applying.run.is_over() {
        if is_superseded() {
            applying.drain().await;
            return applying.changes(Some(Waiting::Superseded));
        }
        applying.begin();
        if !applying.progress().await {
            break;
        }
    }
    applying.drain().await;
    applying.changes(None)
}

/// Takes the mark off an object that an app lets go, and leaves the rest as it is.
///
/// # Errors
/// When it could not be done; the mark is still there then.
pub async fn release(target: &dyn Target, step: &Step) -> Result<(), TargetError> {
    target.release(step).await?;
    fault::point("apply: after a release");
    Ok(())
}

/// Does one step that is no part of a plan: of a hook.
///
/// # Errors
/// When it could not be done.
pub(crate) async fn one(target: &dyn Target, step: &Step) -> Result<Written, TargetError> {
    let written = target.apply(step).await?;
    fault::point("apply: after a hook's step");
    Ok(written)
}

/// What a future of a step came to.
enum Event {
    /// The step was tried.
    Tried(usize, Result<Written, TargetError>),
    /// It was looked for how far a step has come.
    Looked(usize, Until, Result<(), TargetError>),
}

/// A plan under way.
struct Applying<'p, 't> {
    target: &'t dyn Target,
    plan: &'p Plan,
    dag: Dag,
    run: Run,
    /// Ready, but as many are under way as the target takes.
    queue: std::collections::VecDeque<usize>,
    tries: FuturesUnordered<BoxFuture<'t, Event>>,
    looks: FuturesUnordered<BoxFuture<'t, Event>>,
    order: Vec<usize>,
    written: BTreeMap<ObjectId, Written>,
    refused: BTreeMap<usize, TargetError>,
}

impl<'p: 't, 't> Applying<'p, 't> {
    fn new(target: &'t dyn Target, plan: &'p Plan, dag: Dag) -> Self {
        let mut applying = Self {
            run: Run::new(dag.clone()),
            target,
            plan,
            dag,
            queue: std::collections::VecDeque::new(),
            tries: FuturesUnordered::new(),
            looks: FuturesUnordered::new(),
            order: Vec::new(),
            written: BTreeMap::new(),
            refused: BTreeMap::new(),
        };
        // What is as it should be may not have come as far as others need it.
        for step in 0..plan.steps.len() {
            if applying.run.state(step) == State::Done {
                applying.look(step);
            }
        }
        applying
    }

    /// Begins what may run.
    fn begin(&mut self) {
        self.queue.extend(self.run.take());
        while self.tries.len() < self.target.width()
            && let Some(index) = self.queue.pop_front()
        {
            let (target, step) = (self.target, &self.plan.steps[index]);
            self.order.push(index);
            self.tries
                .push(Box::pin(async move { Event::Tried(index, target.apply(step).await) }));
        }
    }

    /// Waits for the next thing to happen. False: nothing happens for now.
    async fn progress(&mut self) -> bool {
        if !self.tries.is_empty() {
            let event = tokio::select! {
                Some(event) = self.tries.next() => event,
                Some(event) = self.looks.next() => event,
            };
            self.take_in(event);
            return true;
        }
        match timeout(PATIENCE, self.looks.next()).await {
            Ok(Some(event)) => {
                self.take_in(event);
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Lets what is under way end.
    async fn drain(&mut self) {
        while let Some(event) = self.tries.next().await {
            self.take_in(event);
        }
    }

    fn take_in(&mut self, event: Event) {
        match event {
            Event::Tried(index, Ok(written)) => {
                self.run.done(index);
                self.written.insert(self.plan.steps[index].id.clone(), written);
                self.look(index);
            }
            Event::Tried(index, Err(error)) => {
                self.run.failed(index);
                self.refused.insert(index, error);
            }
            Event::Looked(index, until, Ok(())) => self.run.reached(index, until),
            Event::Looked(index, _, Err(error)) => {
                self.run.failed(index);
                self.refused.insert(index, error);
            }
        }
        fault::point("apply: after a step");
    }

    /// Looks out for what others need of a step.
    fn look(&mut self, index: usize) {
        let (target, step) = (self.target, &self.plan.steps[index]);
        for until in self.dag.awaited(index) {
            self.looks.push(Box::pin(async move {
                Event::Looked(index, until, reached(target, step, until).await)
            }));
        }
    }

    fn changes(mut self, instead: Option<Waiting<'p>>) -> Changes<'p> {
        let steps = &self.plan.steps;
        let mut changes = Changes::default();
        let mut rest: std::collections::BTreeSet<usize> = (0..steps.len()).collect();
        self.order.iter().for_each(|index| {
            rest.remove(index);
        });
        for index in std::mem::take(&mut self.order).into_iter().chain(rest) {
            let step = &steps[index];
            let outcome = match self.run.state(index) {
                State::Done => self.written.get(&step.id).map_or(Outcome::Done, outcome),
                State::Failed => Outcome::Failed,
                State::Skipped { on } => {
                    let on = steps[on].id.clone();
                    changes.failures.push((step, Failure::After { on }));
                    Outcome::Failed
                }
                State::Waiting | State::Running => {
                    let wait = self.run.wait_of(index).map(|wait| Waiting::For(&steps[wait.on], wait));
                    let why = instead.or(wait).unwrap_or(Waiting::Superseded);
                    changes.waiting.push((step, why));
                    Outcome::Waiting
                }
            };
            if let Some(error) = self.refused.remove(&index) {
                changes.failures.push((step, error.into()));
            }
            changes.steps.push((step, outcome));
        }
        changes.written = self.written;
        changes
    }
}

fn outcome(written: &Written) -> Outcome {
    match &written.receipt {
        Some(receipt) => Outcome::Applied(receipt.clone()),
        None if written.lingers => Outcome::Deleting,
        None => Outcome::Done,
    }
}

/// Ends when a step has come that far.
async fn reached(target: &dyn Target, step: &Step, until: Until) -> Result<(), TargetError> {
    let (begun, mut pause) = (Instant::now(), FIRST_LOOK);
    while !target.reached(step, until).await? {
        sleep(pause).await;
        // Later looks are rarer: what has taken long takes longer.
        pause = (begun.elapsed() / 4).clamp(FIRST_LOOK, LAST_LOOK);
    }
    Ok(())
}

impl Changes<'_> {
    /// What people should know of objects that were written.
    pub(crate) fn notes(&self) -> Vec<String> {
        let written = self.written.iter();
        written
            .flat_map(|(id, written)| written.notes.iter().map(move |note| format!("{id}: {note}")))
            .collect()
    }

    /// What the app waits for, in words.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let waiting = self.waiting.iter().map(|(step, waiting)| match waiting {
            Waiting::For(on, wait) => format!("{} waits ({}) until {} is {}", step.id, wait.why, on.id, wait.until),
            Waiting::Superseded => format!("{} was left to a newer revision", step.id),
        });
        let remade = self
            .remade()
            .map(|step| format!("{} is made anew when the old one is gone", step.id));
        waiting.chain(remade).collect()
    }

    /// Whether objects are on their way out to be made anew.
    pub(crate) fn is_remaking(&self) -> bool {
        self.remade().next().is_some()
    }

    fn remade(&self) -> impl Iterator<Item = &Step> {
        let is_one = |(step, outcome): &&(&Step, Outcome)| step.desired.is_some() && *outcome == Outcome::Deleting;
        self.steps.iter().filter(is_one).map(|(step, _)| *step)
    }

    /// Edits of others that were undone.
    pub(crate) fn drifted(&self) -> Vec<Drifted> {
        let mut drifted = Vec::new();
        for (step, outcome) in &self.steps {
            let is_repair = matches!(step.action, Action::Configure(Cause::Drifted | Cause::Reconsidered));
            if !is_repair || !matches!(outcome, Outcome::Applied(_)) {
                continue;
            }
            let edits = self
                .written
                .get(&step.id)
                .map_or(&[][..], |written| written.edits.as_slice());
            // Under other rules nothing need have been undone.
            if step.action == Action::Configure(Cause::Drifted) || !edits.is_empty() {
                drifted.extend(Drifted::of(&step.id, edits, true));
            }
        }
        drifted
    }

    /// Objects that somebody took away, and that are there again.
    pub(crate) fn made_anew(&self, inventory: &Inventory) -> Vec<Drifted> {
        let made = self.steps.iter().filter(|(step, outcome)| {
            step.action == Action::Create
                && matches!(outcome, Outcome::Applied(_))
                && drift::is_taken_away(&step.id, inventory)
        });
        made.flat_map(|(step, _)| Drifted::of(&step.id, &[], true)).collect()
    }

    /// Steps by outcome: what happened, not what was planned.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (step, outcome) in &self.steps {
            match (&step.action, outcome) {
                (_, Outcome::Failed | Outcome::Waiting) | (Action::Skip(_), _) => counts.skipped += 1,
                (Action::Create, _) => counts.created += 1,
                (Action::Configure(_), _) => counts.configured += 1,
                (Action::Keep, _) => counts.unchanged += 1,
                (Action::Delete, _) => counts.deleted += 1,
                (Action::Forget, _) => {}
            }
        }
        counts
    }
}
