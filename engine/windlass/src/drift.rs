//! Drift that an App only tells of (`drift.mode: Report`): what it is, and whose doing.
//!
//! A plan knows by hashes that somebody changed something. Which fields, and who, the API server says when it is asked to undo it
//! without doing it. It is asked once for each state that an object comes to, not at every poll.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use futures_util::{StreamExt as _, stream};
use windlass_core::{
    diff::{Action, Cause, LiveObject, Plan, SkipReason, Step},
    digest::Digest,
    inventory::Inventory,
    model::ObjectId,
};

use crate::{
    report::Drifted,
    target::{Edit, Target},
};

/// What is known of the drift of all Apps that only tell of it, by the key of their inventories.
#[derive(Default)]
pub(crate) struct Drifts(Mutex<BTreeMap<String, BTreeMap<ObjectId, Known>>>);

/// Of one object.
#[derive(Clone)]
struct Known {
    /// As it lived when it was asked for.
    live: LiveObject,
    /// What git wanted then.
    wanted: Digest,
    edits: Vec<Edit>,
}

impl Known {
    fn fits(&self, step: &Step) -> bool {
        step.live.as_ref() == Some(&self.live) && wanted(step) == Some(self.wanted)
    }
}

fn wanted(step: &Step) -> Option<Digest> {
    step.desired.as_ref().map(|manifest| manifest.object.hash)
}

/// Objects that somebody edited or took away, and that are about to be as git wants them again.
pub(crate) fn undone<'a>(plan: &'a Plan, inventory: &'a Inventory) -> impl Iterator<Item = &'a ObjectId> {
    let is_undone = |step: &&Step| match step.action {
        Action::Configure(Cause::Drifted) => true,
        Action::Create => is_taken_away(&step.id, inventory),
        _ => false,
    };
    plan.steps.iter().filter(is_undone).map(|step| &step.id)
}

/// Whether an object that isn't there was there.
pub(crate) fn is_taken_away(id: &ObjectId, inventory: &Inventory) -> bool {
    let owned = inventory.entries.get(id);
    owned.is_some_and(|owned| owned.applied.is_some() && owned.intended.is_none() && !owned.deleting)
}

/// Finds out about the steps that are left alone because of drift. Where all is as git wants it after all, and only nobody is
/// known to have written it, the step is taken up again: it changes nothing, and without it a later edit of the same field
/// would not show.
pub(crate) async fn look(drifts: &Drifts, key: &str, target: &dyn Target, plan: &mut Plan) -> Vec<Drifted> {
    let before = drifts
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .remove(key)
        .unwrap_or_default();
    let left: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| step.action == Action::Skip(SkipReason::DriftReported))
        .collect();
    let asked: Vec<_> = left
        .iter()
        .map(|step| ask(target, step, before.get(&step.id)))
        .collect();
    let answers: Vec<(ObjectId, Answer)> = stream::iter(asked).buffer_unordered(target.width()).collect().await;
    let mut answers: BTreeMap<ObjectId, Answer> = answers.into_iter().collect();
    let mut drifted = Vec::new();
    let mut now = BTreeMap::new();
    for step in &mut plan.steps {
        match answers.remove(&step.id) {
            Some(Answer::Drifted(known)) => {
                drifted.extend(Drifted::of(&step.id, &known.edits, false));
                now.insert(step.id.clone(), *known);
            }
            Some(Answer::Untold) => drifted.extend(Drifted::of(&step.id, &[], false)),
            Some(Answer::Equal) => step.action = Action::Configure(Cause::Reconsidered),
            None => {}
        }
    }
    if !now.is_empty() {
        let mut drifts = drifts.0.lock().unwrap_or_else(PoisonError::into_inner);
        drifts.insert(key.to_owned(), now);
    }
    drifted
}

enum Answer {
    Drifted(Box<Known>),
    /// Nothing differs.
    Equal,
    /// It can't be told now.
    Untold,
}

async fn ask(target: &dyn Target, step: &Step, before: Option<&Known>) -> (ObjectId, Answer) {
    (step.id.clone(), answer(target, step, before).await)
}

async fn answer(target: &dyn Target, step: &Step, before: Option<&Known>) -> Answer {
    if let Some(known) = before.filter(|known| known.fits(step)) {
        return Answer::Drifted(Box::new(known.clone()));
    }
    let (Some(live), Some(wanted), true) = (&step.live, wanted(step), target.is_cluster()) else {
        return Answer::Untold;
    };
    match target.preview(step).await {
        Ok(preview) if preview.is_equal => Answer::Equal,
        Ok(preview) => Answer::Drifted(Box::new(Known {
            live: live.clone(),
            wanted,
            edits: preview.edits,
        })),
        Err(error) => {
            tracing::debug!(id = %step.id, %error, "whose doing a drift is can't be told");
            Answer::Untold
        }
    }
}
