//! How many workloads of a cluster are restarted at a time for what isn't their apps'.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use windlass_core::{model::ObjectId, restart::APART};

/// Restarts at once: a team's Secret is used by a handful of workloads, and nobody should wait for them.
const BURST: u32 = 10;

/// One more after this. The threat is a shared Secret that rotates: five hundred Apps would make all their pods anew in the same second, and
/// the scheduler, the registry and what they all connect to would have to take it. At this pace it takes eight minutes, while some sixty
/// workloads are on their way at a time; what is wrong with the new content shows before most have it.
const EVERY: Duration = Duration::from_secs(1);

/// The places of all that were asked for.
#[derive(Default)]
pub(super) struct Pace(Mutex<Paced>);

#[derive(Default)]
struct Paced {
    /// By cluster, the place that was given last.
    last: BTreeMap<String, Instant>,
    /// By the key of an inventory and the workload, when it may. A workload keeps its place until it may be restarted again.
    places: BTreeMap<(String, ObjectId), Instant>,
}

impl Pace {
    /// How long a workload of an app has to wait; `None`: it may be restarted. It keeps its place however often it asks.
    pub(super) fn wait(&self, cluster: &str, key: &str, id: &ObjectId) -> Option<Duration> {
        let now = Instant::now();
        let mut paced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        paced.places.retain(|_, at| now < *at + APART);
        let place = (key.to_owned(), id.clone());
        let at = match paced.places.get(&place) {
            Some(at) => *at,
            None => {
                let first = now.checked_sub(EVERY * BURST).unwrap_or(now);
                let last = paced.last.get(cluster).map_or(first, |last| first.max(*last));
                let at = last + EVERY;
                paced.last.insert(cluster.to_owned(), at);
                let at = at.max(now);
                paced.places.insert(place, at);
                at
            }
        };
        (at > now).then(|| at - now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: usize) -> ObjectId {
        ObjectId {
            group: "apps".into(),
            kind: "Deployment".into(),
            namespace: "shop".into(),
            name: name.to_string(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn five_hundred_are_restarted_one_after_the_other() {
        tokio::time::advance(Duration::from_secs(3600)).await;
        let pace = Pace::default();
        let begun = Instant::now();
        let mut left: Vec<usize> = (0..500).collect();
        let mut by_second = Vec::new();
        while !left.is_empty() {
            let before = left.len();
            left.retain(|app| pace.wait("eu", &app.to_string(), &id(0)).is_some());
            by_second.push(before - left.len());
            // Another cluster has its own pace, and what has its place keeps it.
            assert_eq!(pace.wait("us", "a", &id(by_second.len())), None);
            tokio::time::advance(EVERY).await;
        }
        assert_eq!(by_second[0], 10);
        assert!(by_second[1..].iter().all(|count| *count == 1), "{by_second:?}");
        assert_eq!(begun.elapsed(), EVERY * 491);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_fills_it_again_and_a_place_is_used_once() {
        tokio::time::advance(Duration::from_secs(3600)).await;
        let pace = Pace::default();
        let waits = |count: usize| (0..count).filter(|n| pace.wait("eu", "a", &id(*n)).is_some()).count();
        assert_eq!(waits(15), 5);
        assert_eq!(waits(15), 5, "asked again, nothing is used up");
        tokio::time::advance(APART + EVERY * 5).await;
        assert_eq!(pace.0.lock().unwrap().places.len(), 15);
        assert_eq!(waits(11), 1, "all places are new");
        assert_eq!(pace.0.lock().unwrap().places.len(), 11);
    }
}
