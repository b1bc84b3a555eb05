//! May what was rendered exist? Rules that hold for every Kubernetes object, and the validators.
//!
//! ```text
//! objects ─┬─ rules ─────────────────┐
//!          └─ ask (each validator) ──┴─ findings at (object, pointer) ─ place ─▶ findings at file and line
//!              ▲ verdicts: what is known of unchanged objects
//! ```

mod ask;
mod place;
mod verdicts;

use std::sync::Arc;

use windlass_core::{
    config::{App, DEFAULT_VALIDATOR, PluginChoice, ValidatorSpec, checked_by},
    manifest::{Desired, MAX_ERRORS, Manifest},
    plugin::World,
    render::{Diagnostic, Location, Output, Severity},
    rules,
    tree::Tree,
};
use windlass_host::Tenant;

use crate::{
    engine::{self, Engine},
    plugins::Plugins,
    render::Rendering,
    report::Report,
    stop::Stop,
    tenants::Bounds,
};

pub use verdicts::Verdicts;
use verdicts::{Found, Verdict};

/// Checks every object of a rendering. What is no error goes into the report.
///
/// # Errors
/// With all errors at once: nothing of the app is applied then.
pub async fn run(engine: &Engine, app: &App, rendering: &Rendering, report: &mut Report) -> Result<(), Stop> {
    report.diagnostics.extend(rendering.desired.warnings.iter().cloned());
    let subject = Subject {
        desired: &rendering.desired,
        output: &rendering.output,
        tree: &rendering.tree,
    };
    let checked = check(&Checkers::of(engine, app), &subject).await;
    report.validator_calls += checked.calls;
    let is_error = |finding: &Diagnostic| finding.severity == Severity::Error;
    let (errors, others) = checked.findings.into_iter().partition(is_error);
    report.diagnostics.extend::<Vec<_>>(others);
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Stop::failed(errors))
    }
}

/// What is checked.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// As objects.
    pub desired: &'a Desired,
    /// As the renderer emitted it.
    pub output: &'a Output,
    /// What it was rendered from.
    pub tree: &'a Tree,
}

/// What it is checked by, beside the rules.
pub struct Checkers<'a> {
    /// Where the validators come from.
    pub plugins: Arc<Plugins>,
    /// What is known already.
    pub verdicts: &'a Verdicts,
    /// Which validators, in this order.
    pub validators: Vec<ValidatorSpec>,
    /// `v1.37.0`.
    pub kube_version: &'a str,
    /// Whose calls they are.
    pub tenant: Tenant,
    /// What its Tenants say about it.
    pub bounds: Bounds,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Checked {
    /// By place.
    pub findings: Vec<Diagnostic>,
    /// Validator calls made.
    pub calls: u32,
}

impl<'a> Checkers<'a> {
    /// Those of an app: what the command line says, else its repository, else the default.
    #[must_use]
    pub(crate) fn of(engine: &'a Engine, app: &App) -> Self {
        let plugins = engine.plugins();
        let (bounds, config) = (Bounds::of(engine, app), engine.config());
        let repository = config.repositories.get(app.repository());
        let said = repository.and_then(|repository| repository.plugins.validators.as_deref());
        let own = || said.map_or_else(|| by_default(&plugins), <[_]>::to_vec);
        let validators = engine.validators().map(<[_]>::to_vec);
        let validators = validators.unwrap_or_else(|| checked_by(bounds.specs(), own()));
        Self {
            plugins,
            verdicts: engine.verdicts(),
            validators,
            kube_version: &engine.facts().kube_version,
            tenant: engine::tenant(app),
            bounds,
        }
    }
}

/// The validators where nobody named any.
#[must_use]
pub fn by_default(plugins: &Plugins) -> Vec<ValidatorSpec> {
    let is_it = |name: &str, world: World| name == DEFAULT_VALIDATOR && world == World::Validator;
    let installed = plugins
        .all()
        .any(|plugin| is_it(&plugin.manifest().name, plugin.manifest().world));
    let choice = installed.then(|| PluginChoice::of(DEFAULT_VALIDATOR).into());
    choice.into_iter().collect()
}

/// Checks everything, hooks and tests included. A validator that can't be asked is an error among the findings: what was
/// to be checked and was not must not pass.
pub async fn check(checkers: &Checkers<'_>, subject: &Subject<'_>) -> Checked {
    let desired = subject.desired;
    let objects: Vec<&Manifest> = desired.objects.values().chain(&desired.hooks).collect();
    let mut checked = Checked::default();
    let mut found = by_rules(&objects);
    found.extend(by_tenants(&checkers.bounds, &objects));
    for validator in &checkers.validators {
        let answer = ask::ask(checkers, validator, &objects).await;
        checked.calls += answer.calls;
        checked.findings.extend(answer.elsewhere);
        found.retain(|finding| !answer.found.iter().any(|said| said.covers(finding)));
        found.extend(answer.found);
    }
    checked.findings.extend(place::all(found, &objects, subject));
    checked.findings.sort_by_cached_key(order);
    checked
}

fn by_rules(objects: &[&Manifest]) -> Vec<Found> {
    let of = |(index, manifest): (usize, &&Manifest)| {
        let findings = rules::check(&manifest.object).into_iter();
        findings
            .map(|finding| Found {
                object: index,
                verdict: Verdict::of_rule(finding).into(),
            })
            .collect::<Vec<_>>()
    };
    // A hostile object breaks a rule a hundred thousand times.
    objects.iter().enumerate().flat_map(of).take(MAX_ERRORS).collect()
}

fn by_tenants<'a>(bounds: &'a Bounds, objects: &'a [&Manifest]) -> impl Iterator<Item = Found> + 'a {
    let refused = |(index, manifest): (usize, &&Manifest)| {
        let diagnostic = bounds.refuse(&manifest.object.id)?;
        Some(Found {
            object: index,
            verdict: Verdict::of_object(diagnostic).into(),
        })
    };
    objects.iter().enumerate().filter_map(refused).take(MAX_ERRORS)
}

/// By file and line, as compilers tell; what has no place comes first.
pub(crate) fn order(finding: &Diagnostic) -> (Location, Severity, String, String) {
    let Diagnostic {
        at,
        severity,
        code,
        message,
        ..
    } = finding;
    (at.clone(), *severity, code.clone(), message.clone())
}
