//! Where living objects stand: by their health checker where one is installed for their kind, else by what is built in.

use std::{collections::BTreeMap, sync::Arc};

use windlass_core::{
    health::{self, State, Verdict},
    model::Object,
    plugin::{CheckedKind, World},
    render::{Diagnostic, Location},
};
use windlass_host::{AssessRequest, InputObject, Tenant};

use crate::{
    plugins::{Candidate, Plugins},
    stop::chain,
};

/// The reason of a verdict on objects whose health checker could not be asked.
pub const NOT_ASKED: &str = "HealthCheckerFailed";

/// One verdict per object, in their order. A health checker is asked once, about all objects of its kinds; one that can't be asked,
/// or breaks, leaves its objects [`State::Unknown`], with the reason [`NOT_ASKED`] and why.
pub async fn assess(plugins: &Plugins, tenant: &Tenant, objects: &[Object]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = objects.iter().map(|object| health::assess(&object.body)).collect();
    let checkers = checkers(plugins);
    let mut of_checkers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, object) in objects.iter().enumerate() {
        let kind = CheckedKind {
            group: object.id.group.clone(),
            kind: object.id.kind.clone(),
        };
        // What is being deleted is so whatever it says of itself.
        if let Some(checker) = checkers
            .get(&kind)
            .filter(|_| verdicts[index].state != State::Terminating)
        {
            of_checkers.entry(checker.0).or_default().push(index);
        }
    }
    let candidates: BTreeMap<usize, &Arc<Candidate>> = checkers.values().copied().collect();
    for (checker, indexes) in of_checkers {
        let inputs = indexes.iter().map(|index| InputObject::from(&objects[*index]));
        let said = ask(plugins, candidates[&checker], tenant, inputs.collect()).await;
        for (index, verdict) in indexes.into_iter().zip(said) {
            verdicts[index] = verdict;
        }
    }
    verdicts
}

/// The health checker of each kind, with a number of its own. Of several, the first by name; of its versions, the highest.
fn checkers(plugins: &Plugins) -> BTreeMap<CheckedKind, (usize, &Arc<Candidate>)> {
    let mut checkers = BTreeMap::new();
    for (number, candidate) in plugins.newest(World::HealthChecker).enumerate() {
        for kind in &candidate.manifest().kinds {
            checkers.entry(kind.clone()).or_insert((number, candidate));
        }
    }
    checkers
}

async fn ask(
    plugins: &Plugins,
    candidate: &Arc<Candidate>,
    tenant: &Tenant,
    objects: Vec<InputObject>,
) -> Vec<Verdict> {
    let len = objects.len();
    let said = async {
        let plugin = plugins.load(candidate).await?;
        let request = AssessRequest {
            tenant: tenant.clone(),
            objects: Arc::new(objects),
        };
        let outcome = plugins.assess(plugin, request).await;
        let failed = |error| Diagnostic::error("health-checker-failed", chain(&error), Location::None);
        outcome.result.map_err(failed)
    };
    match said.await {
        Ok(assessed) => assessed.into_iter().map(|assessment| assessment.verdict).collect(),
        Err(why) => vec![Verdict::new(State::Unknown, NOT_ASKED, why.message); len],
    }
}
