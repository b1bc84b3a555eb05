//! An App that is told to rest: what differs is looked at and told, and left as it is.

use windlass_core::{config::App, holds::Suspension, render::Severity};

use crate::{
    alarms::Purpose,
    drift,
    engine::Engine,
    holds,
    reconcile::{self, Planned},
    report::{Health, Report},
    settled,
    stop::Stop,
};

/// Looks at an App, and at nothing else: it stays suspended whatever is found, and ends by itself when it is time.
pub(crate) async fn observe(engine: &Engine, app: &App, suspension: Suspension, report: &mut Report) -> Health {
    engine.desk().alarms().set(app.id(), Purpose::Gate, suspension.until);
    report.rests(suspension);
    if let Err(stop) = look(engine, app, report).await {
        let warnings = stop.diagnostics.into_iter().map(|mut finding| {
            finding.severity = finding.severity.max(Severity::Warning);
            finding
        });
        report.diagnostics.extend(warnings);
    }
    Health::Suspended
}

async fn look(engine: &Engine, app: &App, report: &mut Report) -> Result<(), Stop> {
    let _alone = engine.alone(app).await;
    let mut seen = reconcile::look(engine, app, report).await?;
    holds::choose(engine, app, &mut seen, report).await?;
    holds::rest(engine, &mut seen).await?;
    seen.acts = false;
    if settled::holds(engine, app, &seen, report).await? {
        return Ok(());
    }
    let Planned { mut plan, _room, .. } = reconcile::plan(engine, app, &seen, report).await?;
    holds::leave_drift(&mut plan, &seen.inventory);
    report.drifted = drift::look(engine.drifts(), &seen.key, seen.target.as_ref(), &mut plan).await;
    report.planned(&plan);
    if report.drifted.is_empty() && !plan.is_pending() {
        settled::note(engine, app, &seen, &plan, report, &Ok(Health::Healthy));
    }
    Ok(())
}
