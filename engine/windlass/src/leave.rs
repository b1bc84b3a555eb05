//! Apps that left the configuration: what they own follows the `deletionPolicy` that they had.
//!
//! Only the configuration file that an App stood in can let it go, and only by having been read without it: neither one
//! that can't be read, nor another file, nor a repository that fails deletes anything. What can't be done now is tried
//! again; an App whose cluster is gone for good is let go by force ([`Engine::forget_app`]).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::time::timeout;
use windlass_core::{
    config::{App, DeletionPolicy, PruneMode},
    dag::Dag,
    diff::{self, Action, Mark, Plan, Policy, SkipReason},
    guard,
    hooks::Log,
    inventory::Inventory,
    manifest::Desired,
    render::{Diagnostic, Location},
};

use crate::{
    apply,
    claims::Whereabouts,
    engine::Engine,
    fault, hooks,
    report::{Health, Report},
    scrutiny,
    state::Deployed,
    stop::Stop,
    target::Target,
};

/// How long one try may take. The threat is a cluster that answers so slowly that nobody is told.
const LIMIT: Duration = Duration::from_secs(120);

/// What helps when nothing else does.
const BY_FORCE: &str =
    "it is tried again; to let it go without its cluster, `windlass sync CONFIG --forget-app APP`: its objects stay";

/// An App that left, under the key of its inventory.
#[derive(Debug, Clone, PartialEq)]
pub struct Departed {
    /// Of its inventory.
    pub key: String,
    /// As it was.
    pub app: Deployed,
}

/// A cluster by its name; `None`: folders.
pub(crate) type Way = Option<String>;

/// Where Apps that left have objects. Where that can't be told, [`from`] tells why, of any of them.
pub(crate) async fn ways(engine: &Engine) -> BTreeSet<Way> {
    match engine.departed().await {
        Ok(departed) => departed.into_iter().map(|one| one.app.target.cluster).collect(),
        Err(_) => BTreeSet::from([None]),
    }
}

/// Lets go of every App that left, and tells what came of each. When many leave at once, nothing happens without consent: a
/// configuration that lost its end looks like this.
pub async fn all(engine: &Arc<Engine>) -> Vec<Report> {
    let ways = ways(engine).await;
    let left = ways.iter().map(|way| from(engine, way));
    join_all(left).await.into_iter().flatten().collect()
}

/// The same for those that have objects there, one after another.
pub(crate) async fn from(engine: &Arc<Engine>, way: &Way) -> Vec<Report> {
    let departed = match engine.departed().await {
        Ok(departed) => departed,
        Err(stop) => {
            let mut report = Report::new("-");
            report.close(Err(stop));
            return vec![report];
        }
    };
    let (leaving, known) = (departed.len(), departed.len() + engine.config().apps.len());
    let mut reports = Vec::new();
    for one in departed.iter().filter(|one| one.app.target.cluster == *way) {
        let mut report = Report::new(&one.app.id());
        // Where each is told by itself, somebody who may asked for each.
        let consented = match engine.config().leaving {
            Some(_) => Ok(()),
            None => consent(engine, one, leaving, known),
        };
        let outcome = match consented {
            Ok(()) => timeout(LIMIT, leave(engine, one, &mut report)).await,
            Err(held) => Ok(Err(held)),
        };
        let outcome = outcome.unwrap_or_else(|_| Err(too_slow()));
        report.close(outcome.map_err(|stop| told(stop, &one.app)));
        reports.push(report);
    }
    reports
}

fn consent(engine: &Engine, departed: &Departed, leaving: usize, known: usize) -> Result<(), Stop> {
    let most = usize::from(departed.app.prune.max_percent);
    let is_many = leaving > guard::FREE_DELETES && leaving * 100 > known * most;
    if !is_many || engine.consents(&departed.app.id()) {
        return Ok(());
    }
    let message = format!("{leaving} of {known} Apps left the configuration at once, more than {most} %");
    let help = "if it is meant, consent once with `windlass sync --allow-deletes APP`, App by App";
    let diagnostic = Diagnostic::error("mass-delete", message, Location::None).with_help(help);
    Err(Stop {
        health: Health::Held,
        diagnostics: vec![diagnostic],
    })
}

fn too_slow() -> Stop {
    let message = format!("not done within {} s", LIMIT.as_secs());
    Stop::failed(vec![Diagnostic::error("timeout", message, Location::None)])
}

fn told(mut stop: Stop, app: &Deployed) -> Stop {
    let force = BY_FORCE.replace("APP", &app.id());
    for diagnostic in &mut stop.diagnostics {
        diagnostic.message = format!("the App left the configuration: {}", diagnostic.message);
        diagnostic.help.get_or_insert_with(|| force.clone());
    }
    stop
}

async fn leave(engine: &Arc<Engine>, departed: &Departed, report: &mut Report) -> Result<Health, Stop> {
    let app = departed.app.app();
    let _alone = engine.alone(&app).await;
    engine.still_lets_go(&departed.app)?; // it may be another replica's by now
    let inventory = engine.inventory(&departed.key).await?;
    if inventory.entries.is_empty() && !inventory.hooks.as_ref().is_some_and(Log::is_leaving) {
        return gone(engine, departed, report, 0).await;
    }
    let (target, facts) = engine.target_of_departed(&departed.app).await?;
    let identity = target.identity();
    if engine.key(&app, target.as_ref()) != departed.key {
        let message = format!("its objects are elsewhere than in {identity}");
        return Err(Stop::failed(vec![Diagnostic::error("target", message, Location::None)]));
    }
    let place = Whereabouts {
        identity: &identity,
        facts: &facts,
    };
    let leaving = Leaving {
        engine,
        app: &app,
        target: target.as_ref(),
        place,
    };
    let mut inventory = inventory;
    let hooks = match departed.app.deletion_policy {
        DeletionPolicy::Delete => {
            let namespace = &departed.app.target.namespace;
            Some(hooks::Leaving::of(engine, &inventory, namespace, report).await)
        }
        DeletionPolicy::Orphan => None,
    };
    if let Some(hooks) = &hooks
        && !hooks
            .before(engine, &departed.key, leaving.target, &mut inventory, report)
            .await?
    {
        return Ok(Health::Progressing);
    }
    let (plan, inventory) = leaving.delete(departed, inventory, report).await?;
    let (stays, waits): (Vec<_>, Vec<_>) = plan
        .steps
        .iter()
        .filter(|step| inventory.entries.contains_key(&step.id))
        .partition(|step| may_stay(&step.action));
    let mut kept = 0;
    let mut inventory = inventory;
    for step in stays {
        if step.live.as_ref().is_some_and(|live| live.marked == Mark::Ours) {
            apply::release(leaving.target, step).await?;
            kept += 1;
        }
        inventory.entries.remove(&step.id);
    }
    if !waits.is_empty() {
        engine.store(&departed.key, inventory).await?;
        let rest: Vec<String> = waits.iter().map(|step| step.id.to_string()).collect();
        let note = format!("the App left the configuration, and waits for {}", rest.join(", "));
        report.notes.push(note);
        return Ok(Health::Progressing);
    }
    if let Some(hooks) = &hooks
        && !hooks
            .after(engine, &departed.key, leaving.target, &mut inventory, report)
            .await?
    {
        return Ok(Health::Progressing);
    }
    gone(engine, departed, report, kept).await
}

/// Whether an object is left behind for good.
const fn may_stay(action: &Action) -> bool {
    matches!(
        action,
        Action::Skip(SkipReason::PruneOff | SkipReason::Protected | SkipReason::PruneDisabled)
    )
}

async fn gone(engine: &Engine, departed: &Departed, report: &mut Report, kept: usize) -> Result<Health, Stop> {
    fault::point("leave: before it is forgotten");
    engine.forget(&departed.key).await?;
    fault::point("leave: forgotten");
    let deleted = report.changes.deleted;
    let what = format!("the App left the configuration: {deleted} objects deleted, {kept} left to nobody");
    report.notes.push(what);
    Ok(Health::Healthy)
}

struct Leaving<'a> {
    engine: &'a Engine,
    app: &'a App,
    target: &'a dyn Target,
    place: Whereabouts<'a>,
}

impl Leaving<'_> {
    /// Deletes what may be deleted: nothing, where everything stays.
    async fn delete(
        &self,
        departed: &Departed,
        inventory: Inventory,
        report: &mut Report,
    ) -> Result<(Plan, Inventory), Stop> {
        let nothing = Desired::default();
        let mut live = self.target.observe(&nothing, &inventory).await?;
        let mut policy = Policy {
            prune: departed.app.prune.clone(),
            on_cluster: self.target.is_cluster(),
            ..Policy::default()
        };
        if departed.app.deletion_policy == DeletionPolicy::Orphan {
            policy.prune.mode = PruneMode::Off;
        }
        let mut plan = diff::plan(&nothing, &live, &inventory, &policy);
        if scrutiny::look(self.engine, self.app, self.target, self.place, &plan, &mut live).await {
            plan = diff::plan(&nothing, &live, &inventory, &policy);
        }
        let order = Dag::new(&plan.steps).map_err(|error| Stop::of("order", &error))?;
        let intended = match inventory.intend(&plan) {
            Some(intended) => {
                self.engine.store(&departed.key, intended.clone()).await?;
                fault::point("leave: intended");
                intended
            }
            None => inventory,
        };
        let changes = apply::run(self.target, &plan, order, &|| false).await;
        let settled = intended.settle(changes.steps.iter().cloned());
        if settled != intended {
            self.engine.store(&departed.key, settled.clone()).await?;
        }
        fault::point("leave: settled");
        report.changed(&plan, &changes, &settled)?;
        Ok((plan, settled))
    }
}
