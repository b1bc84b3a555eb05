//! Where living objects stand: by their health checker where one is installed for their kind, else by what is built in.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{task::JoinSet, time::sleep};
use windlass_cluster::store::{Store, Unassessed};
use windlass_core::{
    config::Config,
    health::{self, State, Verdict},
    model::Object,
    plugin::{CheckedKind, World},
    render::{Diagnostic, Location},
};
use windlass_host::{AssessRequest, InputObject, Tenant};

use crate::{
    current::Current,
    engine,
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

/// Groups and kinds that have a health checker.
pub(crate) fn kinds(plugins: &Plugins) -> Vec<(String, String)> {
    let kinds = checkers(plugins).into_keys();
    kinds.map(|CheckedKind { group, kind }| (group, kind)).collect()
}

/// Pause before a health checker that could not be asked is asked again; as often as it takes.
const AGAIN: Duration = Duration::from_secs(10);

/// Asks health checkers for the loop, in batches, about what came to say something else of itself.
#[derive(Clone)]
pub(crate) struct Assessor {
    plugins: Arc<Current<Plugins>>,
    config: Arc<Current<Config>>,
}

impl Assessor {
    pub(crate) const fn new(plugins: Arc<Current<Plugins>>, config: Arc<Current<Config>>) -> Self {
        Self { plugins, config }
    }

    /// Attends to a cluster's objects until the answer is dropped.
    pub(crate) fn attend(&self, store: Store) -> JoinSet<()> {
        let (this, mut attending) = (self.clone(), JoinSet::new());
        attending.spawn(async move {
            let mut asking = JoinSet::new();
            loop {
                let objects = store.unassessed().await;
                for (tenant, objects) in this.by_tenant(objects) {
                    let (plugins, store) = (this.plugins.get(), store.clone());
                    asking.spawn(async move { settle(&plugins, &tenant, &store, objects).await });
                }
                while asking.try_join_next().is_some() {}
            }
        });
        attending
    }

    fn by_tenant(&self, objects: Vec<Unassessed>) -> Vec<(Tenant, Vec<Unassessed>)> {
        let config = self.config.get();
        let mut batches: Vec<(Tenant, Vec<Unassessed>)> = Vec::new();
        for object in objects {
            let known = config.apps.get(&object.owner.id()).map(engine::tenant);
            let tenant = known.unwrap_or_else(|| Tenant::new(""));
            match batches.iter_mut().find(|(known, _)| *known == tenant) {
                Some((_, batch)) => batch.push(object),
                None => batches.push((tenant, vec![object])),
            }
        }
        batches
    }
}

async fn settle(plugins: &Plugins, tenant: &Tenant, store: &Store, asked: Vec<Unassessed>) {
    let bodies: Vec<Object> = asked
        .iter()
        .filter_map(|object| Object::from_value(object.body.clone()).ok())
        .collect();
    if bodies.len() != asked.len() {
        tracing::warn!("objects without an identity can't be assessed");
        return;
    }
    let verdicts = assess(plugins, tenant, &bodies).await;
    let mut unasked = Vec::new();
    for (object, verdict) in asked.into_iter().zip(verdicts) {
        if verdict.reason == NOT_ASKED {
            // What nobody can tell is not healthy: the deadline counts.
            store.assessed(&object, Verdict::new(State::Progressing, NOT_ASKED, verdict.message));
            unasked.push(object);
        } else {
            store.assessed(&object, verdict);
        }
    }
    if !unasked.is_empty() {
        sleep(AGAIN).await;
        unasked.into_iter().for_each(|object| store.ask_again(object));
    }
}
