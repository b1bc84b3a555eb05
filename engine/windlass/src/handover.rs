//! Apps that come from another replica, and go to one: whatever is known of them goes with them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::sync::watch;
use windlass_core::{
    config::{App, id_of, parts_of},
    shards::{SHARDS, shard_of},
};

use crate::{
    engine::{Engine, blocking},
    state::StateError,
    stop::{Stop, chain},
};

/// How often it is looked for what others are to know soon.
const EVERY: Duration = Duration::from_millis(250);

/// Apps written down at a time, when many are due.
const WIDTH: usize = 8;

impl Engine {
    /// Goes by what lies in the cluster of the Apps of a shard, which nobody else writes by now.
    ///
    /// # Errors
    /// When it can't be read; then the shard is not kept.
    pub(crate) async fn take_shard(&self, shard: u16, epoch: i64) -> Result<(), Stop> {
        let Some(replica) = &self.options().replica else {
            return Ok(());
        };
        let found = self
            .inventories()
            .found(shard)
            .await
            .map_err(|error| Stop::of("inventories", &error))?;
        let desk = Arc::clone(self.desk());
        let apps = blocking(move || {
            let apps = desk.inventories().take_over(found)?;
            desk.take_over(&apps)?;
            Ok::<_, StateError>(apps)
        })
        .await??;
        self.outbox().take_over(&apps)?;
        tracing::info!(%shard, %epoch, apps = apps.len(), "a shard is taken");
        replica.held.take(shard, epoch);
        if replica.held.count() == usize::from(SHARDS) {
            // Only now is it known what nobody needs.
            let desk = Arc::clone(self.desk());
            blocking(move || desk.renders().sweep(|file| desk.inventories().keeps(file))).await?;
        }
        Ok(())
    }

    /// Leaves the Apps of a shard to another replica. The configuration has set them aside already; when this returns, nothing of them is under way.
    ///
    /// # Errors
    /// When what is known of them can't be written down.
    pub(crate) async fn leave_shard(&self, shard: u16) -> Result<(), Stop> {
        let Some(replica) = &self.options().replica else {
            return Ok(());
        };
        let config = self.config();
        let aside = config.aside.apps.values().map(App::full_name);
        // Those that are let go are in no configuration, and of those that are new nothing is known.
        let all: BTreeSet<String> = aside.chain(self.inventories().apps_of(shard)).collect();
        for app in all.iter().filter(|app| shard_of(parts_of(app).0) == shard) {
            let (namespace, name) = parts_of(app);
            drop(self.alone_of(&id_of(namespace, name)).await);
        }
        self.write_down(true, |app| shard_of(parts_of(app).0) == shard).await;
        let desk = Arc::clone(self.desk());
        let left = blocking(move || {
            let left = desk.inventories().leave_to_others(shard)?;
            desk.leave(&left);
            Ok::<_, StateError>(left)
        })
        .await??;
        self.outbox().leave(&left);
        replica.held.leave(shard);
        tracing::info!(%shard, apps = left.len(), "a shard is left");
        Ok(())
    }

    /// Writes down what others are to know of Apps by now; `all`: or soon.
    pub(crate) async fn write_down(&self, all: bool, is_meant: impl Fn(&str) -> bool) {
        let mut due = self.inventories().due(all);
        due.retain(|app| is_meant(app));
        for some in due.chunks(WIDTH) {
            let written = some.iter().map(|app| {
                let (inventories, app) = (Arc::clone(self.inventories()), app.clone());
                async move {
                    let of = app.clone();
                    if let Ok(Err(error)) = blocking(move || inventories.publish_due(&of)).await {
                        tracing::warn!(%app, error = %chain(&error), "its Inventory can't be written: it is tried again");
                    }
                }
            });
            futures_util::future::join_all(written).await;
        }
    }
}

/// Has others know soon what they are to know soon, until `stop` says true; then everything.
pub(crate) async fn write_down(engine: Arc<Engine>, mut stop: watch::Receiver<bool>) {
    if !engine.inventories().are_shared() {
        return;
    }
    while !*stop.borrow() {
        // An error means that whoever could say stop is gone.
        let _ = tokio::time::timeout(EVERY, stop.wait_for(|stop| *stop)).await;
        engine.write_down(false, |_| true).await;
    }
}
