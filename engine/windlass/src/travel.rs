//! Two revisions of one app, rendered and compared: what a range of commits means for the objects. No target takes part.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use windlass_core::{
    config::App,
    diff::{Action, Cause, LiveObject, Mark, Plan, Step},
    manifest::{Desired, Manifest},
    model::ObjectId,
};

use crate::{
    engine::Engine,
    preview::Foreseen,
    render,
    report::{Health, Report},
    stop::Stop,
    target::Preview,
};

/// The way from one revision to another.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Travel {
    /// The commit that is compared from, in full.
    pub from: Option<String>,
    /// What changes on the way.
    pub foreseen: Foreseen,
}

/// Renders an app at two revisions of its repository, each a branch, a tag or a commit in full, and compares. The report is of
/// the second.
pub async fn between(engine: &Engine, app: &App, from: &str, to: &str) -> (Report, Travel) {
    let mut report = Report::new(app.id());
    let mut travel = Travel::default();
    let outcome = go(engine, app, [from, to], &mut report, &mut travel).await;
    report.close(outcome);
    (report, travel)
}

async fn go(
    engine: &Engine,
    app: &App,
    [from, to]: [&str; 2],
    report: &mut Report,
    travel: &mut Travel,
) -> Result<Health, Stop> {
    let mut earlier = Report::new(app.id());
    let before = at(engine, app, from, &mut earlier).await;
    travel.from = earlier.revision;
    report.calls = earlier.calls;
    let (before, after) = (before?, at(engine, app, to, report).await?);
    travel.foreseen = compare(&before, &after);
    report.planned(&travel.foreseen.plan);
    Ok(report.foreseen(&travel.foreseen.plan))
}

/// What should exist at a revision.
async fn at(engine: &Engine, app: &App, name: &str, report: &mut Report) -> Result<Arc<Desired>, Stop> {
    let desired = async {
        let revision = engine.sources().look(app.repository(), name).await?;
        report.revision = revision.commit.map(|id| id.to_string());
        let _room = engine.room(app).await;
        let render = render::run(engine, app, &revision, engine.facts(), None, report).await?;
        Ok(render.documents(engine, report).await?.desired)
    };
    let desired: Arc<Desired> = desired
        .await
        .map_err(|stop: Stop| stop.context(&format!("at {name}")))?;
    report.diagnostics.extend(desired.warnings.iter().cloned());
    Ok(desired)
}

/// As a plan whose living side is the earlier revision.
pub(crate) fn compare(before: &Desired, after: &Desired) -> Foreseen {
    let (before, after) = (all(before), all(after));
    let ids: BTreeSet<&ObjectId> = before.keys().chain(after.keys()).copied().collect();
    let (mut steps, mut previews) = (Vec::new(), BTreeMap::new());
    for id in ids {
        let (was, is) = (before.get(id).copied(), after.get(id).copied());
        let body = |manifest: &Manifest| manifest.object.body.clone();
        let action = match (was, is) {
            (Some(was), Some(is)) if was.object.hash == is.object.hash => Action::Keep,
            (Some(_), Some(_)) => Action::Configure(Cause::Changed),
            (Some(_), None) => Action::Delete,
            (None, _) => Action::Create,
        };
        if action != Action::Keep {
            let preview = Preview {
                live: was.map(body),
                wanted: is.map(body),
                ..Preview::default()
            };
            previews.insert(id.clone(), preview);
        }
        steps.push(Step {
            id: id.clone(),
            action,
            desired: is.cloned(),
            live: was.map(|was| LiveObject::whole(Some(was.object.hash), None, Mark::Ours)),
        });
    }
    let plan = Plan {
        steps,
        owned: before.len(),
        ..Plan::default()
    };
    Foreseen { plan, previews }
}

/// Objects and hooks: both are what git says.
fn all(desired: &Desired) -> BTreeMap<&ObjectId, &Manifest> {
    let objects = desired.objects.iter();
    let hooks = desired.hooks.iter().map(|hook| (&hook.object.id, hook));
    objects.chain(hooks).collect()
}
