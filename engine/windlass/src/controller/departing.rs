//! Apps whose objects are to go: what they own is let go first, and then the object itself, whatever happens.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{sync::Notify, sync::mpsc::UnboundedSender, task::AbortHandle, time::timeout};
use windlass_core::render::Instant;

use super::{Tell, kinds::Kind, objects::Objects};
use crate::{clock, engine::Engine};

/// So long it is tried to let go of what an App owns: a service account that is missing, or a cluster that can't be reached, must not keep a
/// namespace from being deleted for good. Then it is left where it is, mark and all. Longer than an API server takes to be upgraded.
const AT_MOST: Duration = Duration::from_secs(15 * 60);

/// A cycle under way is waited for so long; then it is looked at the next time.
const MOMENT: Duration = Duration::from_secs(1);

/// How often that is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Those that leave, and since when.
pub(super) struct Departing {
    apps: Arc<Mutex<BTreeMap<String, Instant>>>,
    asked: Arc<Notify>,
    task: AbortHandle,
}

impl Drop for Departing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Departing {
    pub(super) fn new(engine: Arc<Engine>, told: UnboundedSender<Tell>) -> Self {
        let (apps, asked) = (Arc::default(), Arc::new(Notify::new()));
        let watching = watch(engine, Arc::clone(&apps), Arc::clone(&asked), told);
        Self {
            apps,
            asked,
            task: tokio::spawn(watching).abort_handle(),
        }
    }

    /// Those that leave by now.
    pub(super) fn are(&self, leaving: BTreeSet<String>, objects: &Objects) {
        let since = |id: String| {
            let leaves = objects.get(Kind::App, &id).and_then(|object| object.leaves)?;
            Some((id, leaves))
        };
        let now: BTreeMap<String, Instant> = leaving.into_iter().filter_map(since).collect();
        let any = !now.is_empty();
        *self.apps.lock().unwrap_or_else(PoisonError::into_inner) = now;
        if any {
            self.look();
        }
    }

    /// Something was let go, or couldn't be.
    pub(super) fn look(&self) {
        self.asked.notify_one();
    }
}

async fn watch(
    engine: Arc<Engine>,
    apps: Arc<Mutex<BTreeMap<String, Instant>>>,
    asked: Arc<Notify>,
    told: UnboundedSender<Tell>,
) {
    loop {
        let leaving = apps.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if leaving.is_empty() {
            asked.notified().await;
            continue;
        }
        let gone = gone(&engine, &leaving).await;
        if !gone.is_empty() && told.send(Tell::LetGo(gone)).is_err() {
            return;
        }
        tokio::select! {
            () = asked.notified() => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Those that own nothing any more, or have waited for long enough.
async fn gone(engine: &Engine, leaving: &BTreeMap<String, Instant>) -> Vec<String> {
    // A cycle that began before they left may still write. On a cluster that says nothing it takes its time, which is no other's.
    let ended = leaving.keys().map(|id| async move {
        let alone = timeout(MOMENT, engine.alone_of(id)).await;
        alone.is_ok().then_some(id)
    });
    let ended: BTreeSet<&String> = join_all(ended).await.into_iter().flatten().collect();
    let departed = match engine.departed().await {
        Ok(departed) => departed,
        Err(stop) => {
            tracing::error!(?stop, "what Apps own can't be read, so none is let go");
            return Vec::new();
        }
    };
    let owners: BTreeSet<String> = departed.iter().map(|one| one.app.id()).collect();
    let mut gone = Vec::new();
    for (id, since) in leaving {
        let is_over = clock::now().seconds - since.seconds > AT_MOST.as_secs() as i64;
        if (owners.contains(id) || !ended.contains(id)) && !is_over {
            continue;
        }
        if owners.contains(id) {
            tracing::warn!(app = %id, after = ?AT_MOST, "can't be let go: what it owns stays where it is");
            if let Err(stop) = engine.forget_app(id).await {
                tracing::error!(app = %id, ?stop, "can't be forgotten");
                continue;
            }
        }
        gone.push(id.clone());
    }
    gone
}
