//! Which app wants which object, so that one that moves from app to app is handed over: never deleted and made again,
//! whichever of the two comes first.
//!
//! Asked only when something is about to be deleted, or is another app's. What an app wants is what its render at its
//! repository's newest revision has; it is looked up once a revision, and kept as digests of identities.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use windlass_cluster::facts::Facts;
use windlass_core::{config::App, digest::Digest, model::ObjectId, oid::Oid};
use windlass_source::Revision;

use crate::{
    engine::{self, Engine},
    render::{self, RunId},
    report::Report,
    stop::Stop,
};

/// What the apps of a configuration want.
#[derive(Default)]
pub(crate) struct Claims {
    /// A turn for each app: who asks while somebody looks it up finds it done.
    apps: Mutex<BTreeMap<String, Arc<Turn>>>,
}

type Turn = tokio::sync::Mutex<Option<Claim>>;

/// What one app wants.
#[derive(Clone)]
struct Claim {
    /// Of its repository.
    root: Oid,
    run: RunId,
    ids: Arc<HashSet<Digest>>,
}

/// Where the asking app's objects live.
#[derive(Clone, Copy)]
pub(crate) struct Whereabouts<'a> {
    /// As in the keys of inventories.
    pub(crate) identity: &'a str,
    /// What renders may ask about it.
    pub(crate) facts: &'a Facts,
}

/// Whether an app wants an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Its render has it.
    Yes,
    /// Its render hasn't.
    No,
    /// Its render can't be told now.
    Unknown {
        /// It has it as far as was known before.
        before: bool,
    },
}

impl Claims {
    /// Whether an app, whose objects live in that place too, wants each of these objects.
    pub(crate) async fn of(&self, engine: &Engine, app: &App, place: Whereabouts<'_>, ids: &[ObjectId]) -> Vec<Wanted> {
        let turn = {
            let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(apps.entry(app.id().to_owned()).or_default())
        };
        let mut known = turn.lock().await;
        match look(engine, app, place, known.as_ref()).await {
            Ok(claim) => {
                let wants = |id| {
                    if claim.ids.contains(&key(id)) {
                        Wanted::Yes
                    } else {
                        Wanted::No
                    }
                };
                let all = ids.iter().map(wants).collect();
                *known = Some(claim);
                all
            }
            Err(stop) => {
                tracing::debug!(app = %app.id(), ?stop, "what it wants can't be told");
                let before = known.as_ref().map(|claim| Arc::clone(&claim.ids));
                let owned = engine.inventory(&engine::key(app, place.identity)).await;
                let had = |id: &ObjectId| match (&before, &owned) {
                    (Some(before), _) => before.contains(&key(id)),
                    (None, Ok(owned)) => owned.entries.contains_key(id),
                    (None, Err(_)) => false,
                };
                ids.iter().map(|id| Wanted::Unknown { before: had(id) }).collect()
            }
        }
    }
}

async fn look(engine: &Engine, app: &App, place: Whereabouts<'_>, known: Option<&Claim>) -> Result<Claim, Stop> {
    let revision = newest(engine, app.repository()).await?;
    if let Some(known) = known.filter(|known| known.root == revision.root) {
        return Ok(known.clone());
    }
    let inventory = engine.inventory(&engine::key(app, place.identity)).await?;
    // Its own cycle tells what there is to tell.
    let mut unheard = Report::new(app.id());
    let clock = inventory.clock.as_ref();
    let render = render::run(engine, app, &revision, place.facts, clock, &mut unheard).await?;
    let (root, run) = (revision.root, render.run());
    if let Some(known) = known.filter(|known| known.run == run) {
        return Ok(Claim { root, ..known.clone() });
    }
    let rendering = render.documents(engine, &mut unheard).await?;
    let ids = rendering.desired.objects.keys().map(key).collect();
    Ok(Claim {
        root,
        run,
        ids: Arc::new(ids),
    })
}

/// A repository that other replicas poll is asked now: what is known of it may be of long ago.
async fn newest(engine: &Engine, repository: &str) -> Result<Revision, Stop> {
    let sources = engine.sources();
    if engine.config().aside.repositories.contains(repository) {
        let listing = sources.list(&[repository.to_owned()]).await?;
        return Ok(sources.refresh(repository, &listing).await?);
    }
    sources.resolve(repository).await
}

fn key(id: &ObjectId) -> Digest {
    Digest::of(id.to_string().as_bytes())
}
