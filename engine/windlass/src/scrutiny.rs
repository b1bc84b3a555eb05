//! The second look, before something is deleted or refused as another app's: does it move, and what would go with it?
//!
//! Costs nothing in a cycle that deletes nothing and finds nothing of others'.

use std::collections::BTreeMap;

use windlass_core::{
    config::App,
    diff::{Action, Live, Moving, Plan, SkipReason},
    model::ObjectId,
};

use crate::{
    claims::{Wanted, Whereabouts},
    departures,
    engine::Engine,
    target::Target,
};

/// Finds out what a plan doesn't know yet. True: something was found, and the plan is to be made again.
pub(crate) async fn look(
    engine: &Engine,
    app: &App,
    target: &dyn Target,
    place: Whereabouts<'_>,
    plan: &Plan,
    live: &mut Live,
) -> bool {
    if !target.is_cluster() {
        return false; // every app has files of its own: nothing moves, and nothing lies in another object
    }
    let leaving: Vec<ObjectId> = of(plan, |action| *action == Action::Delete);
    let moves = to_others(engine, app, place, &leaving).await;
    let mut found = !moves.is_empty();
    for id in leaving {
        let Some(object) = live.get_mut(&id) else { continue };
        match moves.get(&id) {
            Some(app) => object.moving = Moving::To(app.clone()),
            None => {
                object.holds = target.holds(&id).await;
                found |= object.holds.is_some();
            }
        }
    }
    for (app, ids) in others(plan) {
        for id in released(engine, place, &app, &ids).await {
            if let Some(object) = live.get_mut(&id) {
                object.moving = Moving::Released;
                found = true;
            }
        }
    }
    found
}

fn of(plan: &Plan, is_it: impl Fn(&Action) -> bool) -> Vec<ObjectId> {
    let steps = plan.steps.iter().filter(|step| is_it(&step.action));
    steps.map(|step| step.id.clone()).collect()
}

/// What is wanted and another app's, by that app's name.
fn others(plan: &Plan) -> BTreeMap<String, Vec<ObjectId>> {
    let mut others: BTreeMap<String, Vec<ObjectId>> = BTreeMap::new();
    for step in &plan.steps {
        if let Action::Skip(SkipReason::OwnedBy(app)) = &step.action {
            others.entry(app.clone()).or_default().push(step.id.clone());
        }
    }
    others
}

/// Which of these objects other apps want, and which app. What an app can't say now it is taken to want if it did before.
async fn to_others(engine: &Engine, app: &App, place: Whereabouts<'_>, ids: &[ObjectId]) -> BTreeMap<ObjectId, String> {
    let mut moves = BTreeMap::new();
    if ids.is_empty() {
        return moves;
    }
    let config = engine.config();
    let neighbours = config.apps.values().chain(config.aside.apps.values());
    for other in neighbours.filter(|other| other.id() != app.id() && engine.share_a_place(app, other)) {
        let wanted = engine.claims().of(engine, other, place, ids).await;
        for (id, wanted) in ids.iter().zip(wanted) {
            if matches!(wanted, Wanted::Yes | Wanted::Unknown { before: true }) {
                moves.insert(id.clone(), other.full_name());
            }
        }
    }
    moves
}

/// Which of these objects, which are an app's, it doesn't want any more. What can't be told is not released.
async fn released(engine: &Engine, place: Whereabouts<'_>, app: &str, ids: &[ObjectId]) -> Vec<ObjectId> {
    let config = engine.config();
    let mut all = config.apps.values().chain(config.aside.apps.values());
    let Some(other) = all.find(|other| departures::is_called(other, app)) else {
        // An App that left this configuration lets go of everything, one of another configuration of nothing.
        return if engine.is_elsewhere(app, place.identity).await {
            Vec::new()
        } else {
            ids.to_vec()
        };
    };
    if other.spec.suspend.is_some() {
        return Vec::new();
    }
    let wanted = engine.claims().of(engine, other, place, ids).await;
    let free = ids.iter().zip(wanted).filter(|(_, wanted)| *wanted == Wanted::No);
    free.map(|(id, _)| id.clone()).collect()
}
