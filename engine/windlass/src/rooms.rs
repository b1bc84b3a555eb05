//! Room for the documents of Apps, by the cluster that they go to: they are in memory until they are applied, and a cluster that says nothing
//! keeps its own Apps waiting and no others.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use windlass_host::{Place, Room, Tenant};

/// Apps of one cluster whose documents are in memory at a time: each holds them as text and as objects until they are applied. Some per
/// core keep the disk busy; the threat is a commit that changes a thousand apps of a megabyte.
const OF_A_CLUSTER: usize = 16;

/// Of all together. Several clusters may hang at once, and leave room for the others; the threat is the same commit to a hundred clusters.
const OF_ALL: usize = 64;

/// All of it.
pub(crate) struct Rooms {
    all: Room,
    clusters: Mutex<BTreeMap<Option<String>, Room>>,
}

/// Room for one App, free again when dropped.
#[must_use = "the room is given back when this is dropped"]
pub(crate) struct Seat {
    _of_a_cluster: Place,
    _of_all: Place,
}

impl Rooms {
    pub(crate) fn new() -> Self {
        Self {
            all: Room::new(OF_ALL),
            clusters: Mutex::default(),
        }
    }

    /// Waits for room; the tenants take turns. `cluster`: by name; `None` = folders.
    pub(crate) async fn enter(&self, cluster: Option<&str>, tenant: &Tenant) -> Seat {
        let room = {
            let mut clusters = self.clusters.lock().unwrap_or_else(PoisonError::into_inner);
            let room = clusters.entry(cluster.map(str::to_owned));
            room.or_insert_with(|| Room::new(OF_A_CLUSTER)).clone()
        };
        Seat {
            _of_a_cluster: room.enter(tenant).await,
            _of_all: self.all.enter(tenant).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_keeps_its_room_leaves_others_theirs() {
        let (rooms, tenant) = (Rooms::new(), Tenant::new("a"));
        let enter = async |cluster| {
            timeout(Duration::from_secs(60), rooms.enter(Some(cluster), &tenant))
                .await
                .ok()
        };
        let mut held = Vec::new();
        for _ in 0..OF_A_CLUSTER {
            held.push(enter("hangs").await.unwrap());
        }
        assert!(enter("hangs").await.is_none());
        let other = enter("other").await;
        assert!(other.is_some());
        held.clear();
        assert!(enter("hangs").await.is_some());
    }
}
