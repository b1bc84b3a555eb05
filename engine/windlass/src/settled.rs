//! Nothing to do, told without loading a document: what an idle app costs is a lookup and a look at the target.

use windlass_core::{
    config::App,
    diff::{Action, Plan, intend},
    digest::Digest,
    manifest::Desired,
    render::Diagnostic,
};

use crate::{
    engine::Engine,
    holds,
    reconcile::Seen,
    render::RunId,
    report::{Health, Report},
    stop::Stop,
};

/// What is remembered of an app that was found as git wants it, for as long as the process lives.
#[derive(Debug, Clone)]
pub(crate) struct Settled {
    run: RunId,
    target: String,
    desired: Digest,
    findings: Vec<Diagnostic>,
    /// Whoever changes its objects wakes it.
    is_followed: bool,
}

/// Whether everything is as it was when the app was last in sync: the same run, the same inventory, and on the target what
/// the inventory says. Then no document is needed to know that nothing is to be done.
///
/// # Errors
/// When the target can't be observed.
pub(crate) async fn holds(engine: &Engine, app: &App, seen: &Seen, report: &mut Report) -> Result<bool, Stop> {
    let (inventory, target) = (&seen.inventory, seen.target.as_ref());
    let settled = match engine.settled(app) {
        Some(settled) if settled.fits(seen) && !engine.explains() && engine.foreign().is_quiet(app) => settled,
        _ => return Ok(false),
    };
    let live = target.observe(&Desired::default(), inventory).await?;
    let holds = intend::is_at_rest(inventory, &live, app.spec.drift.scope);
    if holds {
        report.at_rest(inventory.entries.len(), settled.desired, &settled.findings);
    }
    Ok(holds)
}

/// Remembers how a cycle ended.
pub(crate) fn note(
    engine: &Engine,
    app: &App,
    seen: &Seen,
    plan: &Plan,
    report: &Report,
    outcome: &Result<Health, Stop>,
) {
    let clean = plan.steps.iter().all(|step| !matches!(step.action, Action::Skip(_)));
    let is = (matches!(outcome, Ok(Health::Healthy)) && clean).then(|| Settled {
        run: seen.render.run(),
        target: seen.target.identity(),
        desired: plan.desired,
        findings: {
            let findings = report.diagnostics.iter();
            findings
                .filter(|finding| !holds::is_told_anew(finding))
                .cloned()
                .collect()
        },
        is_followed: seen.target.is_cluster(),
    });
    engine.set_settled(app, is);
}

impl Settled {
    /// Whether nothing is to be done for it until it is woken, or a new commit is there.
    pub(crate) const fn is_followed(&self) -> bool {
        self.is_followed
    }

    fn fits(&self, seen: &Seen) -> bool {
        self.run == seen.render.run()
            && self.target == seen.target.identity()
            && seen.inventory.desired == Some(self.desired)
            && seen.inventory.clock == seen.render.clock()
    }
}
