//! Who of several replicas keeps which Apps.
//!
//! Apps are divided by their namespace, so that what belongs together stays together: what an App depends on, what moves from App to App
//! and what is told of one commit is mostly one process's. A namespace is in one of a fixed number of shards, and a shard goes to the
//! replica that it has the highest score with (rendezvous hashing), of those that have less than their share already.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;

/// How many there are. It never changes: labels of inventories name them. More replicas than that are of no use; fewer shards would be
/// divided unevenly, and each costs one write when it goes to another replica.
pub const SHARDS: u16 = 32;

/// The shard of a namespace; that of "" keeps what has none.
#[must_use]
pub fn shard_of(namespace: &str) -> u16 {
    score(&["windlass shard", namespace]) % SHARDS
}

/// Which replica is to have each shard. The same for everybody who knows the same replicas.
#[must_use]
pub fn assign(replicas: &BTreeSet<String>) -> BTreeMap<u16, String> {
    let share = usize::from(SHARDS).div_ceil(replicas.len().max(1));
    let all = replicas.iter().flat_map(|replica| {
        (0..SHARDS).map(move |shard| {
            (
                score(&["windlass replica", replica, &shard.to_string()]),
                shard,
                replica,
            )
        })
    });
    let mut scores: Vec<_> = all.collect();
    scores.sort_unstable_by(|a, b| b.cmp(a));
    let (mut assigned, mut counts) = (BTreeMap::new(), BTreeMap::<&str, usize>::new());
    for (_, shard, replica) in scores {
        let count = counts.entry(replica).or_default();
        if *count < share && !assigned.contains_key(&shard) {
            *count += 1;
            assigned.insert(shard, replica.clone());
        }
    }
    assigned
}

fn score(parts: &[&str]) -> u16 {
    let digest = Digest::of_parts(parts.iter().map(|part| part.as_bytes()));
    let [first, second, ..] = *digest.as_bytes();
    u16::from_be_bytes([first, second])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicas(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_shard_is_somebodys_and_nobody_has_much_more_than_others() {
        assert!(assign(&BTreeSet::new()).is_empty());
        for count in 1..=40_usize {
            let names: Vec<String> = (0..count).map(|number| format!("replica-{number}")).collect();
            let all: BTreeSet<String> = names.into_iter().collect();
            let assigned = assign(&all);
            assert_eq!(assigned.len(), usize::from(SHARDS), "{count}");
            for replica in &all {
                let has = assigned.values().filter(|owner| *owner == replica).count();
                assert!(
                    has <= usize::from(SHARDS).div_ceil(count),
                    "{replica} of {count} has {has}"
                );
            }
        }
    }

    #[test]
    fn few_shards_move_when_a_replica_comes_or_goes() {
        let three = assign(&replicas(&["a", "b", "c"]));
        let two = assign(&replicas(&["a", "b"]));
        let moved = three
            .iter()
            .filter(|(shard, owner)| *owner != "c" && two.get(shard) != Some(owner));
        // Those of the one that went have to; of the others only what the shares take.
        assert!(moved.count() <= 6);
    }

    #[test]
    fn the_shard_of_a_namespace_is_for_ever() {
        // Written into labels: another number here loses what lies in a cluster.
        let shards: Vec<u16> = ["", "default", "shop", "infra"]
            .iter()
            .map(|name| shard_of(name))
            .collect();
        assert!(shards.iter().all(|shard| *shard < SHARDS));
        assert_eq!(shards, [30, 10, 11, 12]);
    }
}
