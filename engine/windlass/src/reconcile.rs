//! THE page: one cycle of one app.
//!
//! Nothing here waits for health and nothing here decides: every line is a stage with a page of its own.

use std::sync::Arc;

use crate::{
    added::Added,
    apply,
    claims::Whereabouts,
    depends, drift,
    engine::Engine,
    fault, foreign,
    holds::{self, Course},
    hooks::{self, Hooks},
    preview::{self, Foreseen},
    record,
    render::{self, Wanted},
    report::{Health, Report},
    rest,
    rooms::Seat,
    run::Stage,
    scrutiny, settled,
    stop::Stop,
    target::Target,
    tenants, validate,
};
use windlass_cluster::facts::Facts;
use windlass_core::{
    config::App,
    dag::Dag,
    diff::{self, Plan, Policy},
    digest::Digest,
    guard,
    history::Origin,
    inventory::Inventory,
    manifest::Desired,
    oid::Oid,
    tree::Tree,
};

/// Makes the target as git wants it, and tells what came of it.
pub async fn sync(engine: &Engine, app: &App) -> Report {
    let mut report = Report::new(app.id());
    let outcome = match engine.desk().suspended(app) {
        Some(suspension) => Ok(rest::observe(engine, app, suspension, &mut report).await),
        None => cycle(engine, app, &mut report).await,
    };
    if outcome.is_err() {
        engine.set_settled(app, None); // so that the next poll tries again
    }
    report.close(outcome);
    if !report.was_applied() || engine.still_says(app).is_err() {
        engine.healths().forget(app);
    }
    record::note(engine, app, &mut report).await; // how does it do?
    report
}

/// Tells what [`sync`] would do. Changes nothing.
pub async fn diff(engine: &Engine, app: &App) -> (Report, Option<Foreseen>) {
    let mut report = Report::new(app.id());
    match foresee(engine, app, &mut report).await {
        Ok((foreseen, verdict)) => {
            report.close(verdict);
            (report, Some(foreseen))
        }
        Err(stop) => {
            report.close(Err(stop));
            (report, None)
        }
    }
}

async fn foresee(engine: &Engine, app: &App, report: &mut Report) -> Result<(Foreseen, Result<Health, Stop>), Stop> {
    let mut seen = look(engine, app, report).await?;
    seen.acts = false;
    holds::choose_to_show(engine, &mut seen, report).await?;
    let Planned {
        plan,
        wanted,
        held,
        _room,
        ..
    } = plan(engine, app, &seen, report).await?;
    holds::foresee(engine, app, &mut seen, &plan, report).await?;
    report
        .notes
        .extend(hooks::foreseen(seen.target.as_ref(), &wanted, &plan, &seen.inventory));
    let foreseen = preview::of(seen.target.as_ref(), plan, report).await; // what would come of it?
    report.planned(&foreseen.plan);
    let verdict = held.map(|()| report.foreseen(&foreseen.plan));
    Ok((foreseen, verdict))
}

/// Tells what keeps an app from being applied, whatever its target holds.
pub async fn check(engine: &Engine, app: &App) -> Report {
    let mut report = Report::new(app.id());
    let outcome = checked(engine, app, &mut report).await;
    report.close(outcome);
    report
}

async fn checked(engine: &Engine, app: &App, report: &mut Report) -> Result<Health, Stop> {
    engine.stage(app, Stage::Rendering);
    tenants::permit(engine, app)?;
    let revision = engine.resolve(app, report).await?;
    let _room = engine.room(app).await;
    let render = render::run(engine, app, &revision, engine.facts(), None, report).await?;
    let rendering = render.documents(engine, report).await?;
    engine.stage(app, Stage::Validating);
    validate::run(engine, app, &rendering, report).await?;
    Ok(Health::Pending)
}

async fn cycle(engine: &Engine, app: &App, report: &mut Report) -> Result<Health, Stop> {
    let _alone = engine.alone(app).await;
    engine.still_says(app)?; // whoever let it go in between is not undone
    let mut seen = look(engine, app, report).await?;
    engine.remember(app, &seen).await?;
    holds::choose(engine, app, &mut seen, report).await?; // what git says, or what was applied before?
    if settled::holds(engine, app, &seen, report).await? {
        let desired = seen.inventory.desired; // everything is as it was when the app was last in sync
        let known = seen.inventory.hooks.as_ref();
        return Ok(engine
            .healths()
            .look(app, seen.target.as_ref(), desired, (None, known), report));
    }
    let mut planned = plan(engine, app, &seen, report).await?;
    if holds::waits(engine, app, &mut seen, &planned.plan, report).await? {
        drop(planned); // and its room
        planned = plan(engine, app, &seen, report).await?; // git's change waits: what was applied is kept as it is
    }
    let Planned {
        mut plan,
        wanted,
        held,
        without_restarts,
        _room,
    } = planned;
    held?; // empty render, mass delete
    holds::heal_or_not(&seen, &mut plan);
    engine.fights().restrain(&seen.key, &mut plan); // who undoes everything is let be for a while
    let target = seen.target.as_ref();
    report.drifted = drift::look(engine.drifts(), &seen.key, target, &mut plan).await; // where drift is only told

    let order = Dag::new(&plan.steps).map_err(|error| Stop::of("order", &error))?;
    if !depends::are_met(engine, app, &seen, without_restarts, report).await? {
        return Ok(Health::Progressing); // of another app, or of an object
    }
    let undone = drift::undone(&plan, &seen.inventory).cloned().collect();
    engine.outbox().undoes(app, undone).await?; // told of, whatever happens next
    holds::begin(engine, app, &seen, &plan).await?;
    let hooks = Hooks::of(engine, &seen.key, target, &wanted, seen.course.occasion());
    if !hooks.before(&plan, &mut seen.inventory, report).await? {
        engine.set_settled(app, None);
        return Ok(Health::Progressing); // a hook runs: its watch wakes the app
    }
    let intended = engine.intend(app, &seen, &plan).await?; // written BEFORE the first change
    engine.stage(app, Stage::Applying);
    engine.healths().pause(app);
    target.prepare().await?;
    let is_superseded =
        || engine.is_superseded(app, &seen.revision) || engine.desk().suspended(app).is_some() || engine.is_aside(app);
    let changes = apply::run(target, &plan, order, &is_superseded).await; // the only writes
    engine.fights().made(&seen.key, &changes);
    let of = (wanted.hash, &plan);
    let mut settled = engine.settle(app, &seen, &intended, of, &changes, report).await?;
    let outcome = report.changed(&plan, &changes, &seen.inventory);
    let outcome = hooks.after(app, &plan, outcome, &mut settled, report).await;
    settled::note(engine, app, &seen, &plan, report, &outcome);
    match outcome? {
        Health::Healthy => Ok(engine.healths().look(
            app,
            target,
            Some(plan.desired),
            (Some(&plan), settled.hooks.as_ref()),
            report,
        )),
        other => Ok(other),
    }
}

/// Which output is wanted, and what is owned. Loads no document.
pub(crate) async fn look(engine: &Engine, app: &App, report: &mut Report) -> Result<Seen, Stop> {
    engine.stage(app, Stage::Rendering);
    tenants::permit(engine, app)?; // may it be what it is?
    let revision = engine.resolve(app, report).await?; // which commit?
    fault::point("reconcile: resolved");
    let (target, facts) = engine.target(app).await?;
    let key = engine.key(app, target.as_ref());
    let inventory = engine.inventory(&key).await?;
    engine.arrive(app, &key, report).await?;
    let tree = revision.tree("");
    let held = holds::held(engine, &key, &inventory, &tree, report).await?;
    let (render, course) = match held {
        Some(held) => held,
        None => {
            let clock = inventory.clock.as_ref();
            let render = render::run(engine, app, &revision, &facts, clock, report).await?; // what should exist?
            (Wanted::Rendered(Box::new(render)), Course::Git)
        }
    };
    let origin = render.origin().unwrap_or_else(|| holds::origin(app, &revision));
    Ok(Seen {
        revision: revision.root,
        tree,
        origin,
        target,
        key,
        inventory,
        render,
        course,
        heals: true,
        acts: true,
        facts,
    })
}

pub(crate) async fn plan(engine: &Engine, app: &App, seen: &Seen, report: &mut Report) -> Result<Planned, Stop> {
    let room = engine.room(app).await;
    let rendering = seen.render.documents(engine, report).await?;
    engine.stage(app, Stage::Validating);
    validate::run(engine, app, &rendering, report).await?; // may it?
    let foreign = foreign::look(engine, app, seen, &rendering.desired, report).await?; // what do others' objects hold?
    let desired = &Added::of(engine, app).to(&rendering.desired, &seen.inventory, foreign.as_ref(), report);
    foreign.into_iter().for_each(|foreign| foreign.rest(desired));

    engine.stage(app, Stage::Observing);
    let target = seen.target.as_ref();
    let mut live = target.observe(desired, &seen.inventory).await?; // what does exist?
    let policy = engine.policy(app, target);
    let mut plan = diff::plan(desired, &live, &seen.inventory, &policy); // pure
    if scrutiny::look(engine, app, target, seen.place(), &plan, &mut live).await {
        plan = diff::plan(desired, &live, &seen.inventory, &policy); // something moves, or is not alone
    }
    let held = guard::check(&plan, desired, &policy).map_err(Stop::from);
    report.planned(&plan);
    Ok(Planned {
        plan,
        wanted: rendering.desired,
        held,
        without_restarts: desired.without_restarts(),
        _room: room,
    })
}

/// What a cycle starts from.
pub(crate) struct Seen {
    /// Of the tree that was rendered.
    pub(crate) revision: Oid,
    /// The tree.
    pub(crate) tree: Tree,
    /// Where the documents come from.
    pub(crate) origin: Origin,
    pub(crate) target: Box<dyn Target>,
    /// Of the inventory.
    pub(crate) key: String,
    pub(crate) inventory: Inventory,
    pub(crate) render: Wanted,
    /// Why it is that.
    pub(crate) course: Course,
    /// Whether what somebody else changed is repaired.
    pub(crate) heals: bool,
    /// Whether what is planned is to be done, and not only shown.
    pub(crate) acts: bool,
    /// What renders may ask about the target.
    pub(crate) facts: Facts,
}

impl Seen {
    fn place(&self) -> Whereabouts<'_> {
        // A key begins with the place.
        let identity = self.key.rsplit_once('|').map_or("", |(identity, _)| identity);
        Whereabouts {
            identity,
            facts: &self.facts,
        }
    }
}

/// A plan, and whether it may run. Holds its room while the documents are in memory.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    /// As git says it, hooks included.
    pub(crate) wanted: Arc<Desired>,
    pub(crate) held: Result<(), Stop>,
    /// The desired hash without restarts that git is no cause of.
    pub(crate) without_restarts: Digest,
    pub(crate) _room: Seat,
}

/// What an App says about plans, with the consent of the command line.
#[must_use]
pub fn policy(app: &App, on_cluster: bool, consent: bool) -> Policy {
    Policy {
        prune: app.spec.prune.clone(),
        drift: app.spec.drift.mode,
        scope: app.spec.drift.scope,
        on_cluster,
        consent,
    }
}
