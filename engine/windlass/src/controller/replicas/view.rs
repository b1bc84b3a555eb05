//! What is known of the replicas and shards of an installation, and what follows of it for one of them: pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use windlass_core::shards::{SHARDS, assign};

use super::super::leases::{Lease, Role};

/// See the module.
pub(super) struct View {
    /// Whose view.
    pub(super) me: String,
    /// All Leases that are there were told of.
    pub(super) is_complete: bool,
    duration: Duration,
    /// A replica that is known to be gone, whatever its Lease says.
    predecessor: Option<String>,
    /// By the name of its Lease.
    replicas: BTreeMap<String, Seen>,
    shards: BTreeMap<u16, Lease>,
    /// Since when replicas have no Lease that shards are still held by.
    without: BTreeMap<String, Instant>,
}

struct Seen {
    lease: Lease,
    /// Since when it says that it was renewed then.
    since: Instant,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// It is nobody's, or this replica's already; `None`: it was never taken.
    Take(u16, Option<Lease>),
    /// Its replica seems to be gone.
    TakeFrom(u16, Lease),
    /// It is to be another's.
    Leave(u16),
    /// The Lease of a replica that seems to be gone, and holds nothing.
    Remove(Lease),
}

impl View {
    pub(super) fn new(me: &str, duration: Duration, predecessor: Option<String>) -> Self {
        Self {
            me: me.to_owned(),
            is_complete: false,
            duration,
            predecessor,
            replicas: BTreeMap::new(),
            shards: BTreeMap::new(),
            without: BTreeMap::new(),
        }
    }

    pub(super) fn see(&mut self, lease: Lease, now: Instant) {
        match lease.role {
            Role::Shard => {
                if let Some(shard) = lease.shard() {
                    self.shards.insert(shard, lease);
                }
            }
            Role::Replica => {
                let known = self.replicas.get(&lease.name);
                let since = known.filter(|known| known.lease.renewed == lease.renewed);
                let since = since.map_or(now, |known| known.since);
                self.replicas.insert(lease.name.clone(), Seen { lease, since });
            }
        }
    }

    pub(super) fn lose(&mut self, name: &str) {
        self.replicas.remove(name);
        self.shards.retain(|_, lease| lease.name != name);
    }

    pub(super) fn shard(&self, shard: u16) -> Option<&Lease> {
        self.shards.get(&shard)
    }

    /// Whether a Lease of that name, or none, is what is known of it.
    pub(super) fn is_as_seen(&self, name: &str, live: Option<&Lease>) -> bool {
        let known = self.replicas.get(name).map(|seen| seen.lease.renewed.as_str());
        known == live.map(|live| live.renewed.as_str())
    }

    /// `mine`: shards that were taken.
    pub(super) fn decide(&mut self, now: Instant, mine: &BTreeSet<u16>) -> Vec<Act> {
        if !self.is_complete {
            return Vec::new();
        }
        let is_predecessor = |holder: &str| self.predecessor.as_deref() == Some(holder);
        let is_over = |seen: &Seen| {
            is_predecessor(&seen.lease.holder) || now.saturating_duration_since(seen.since) >= self.duration
        };
        let others = self.replicas.values().filter(|seen| seen.lease.holder != self.me);
        let (over, alive): (Vec<&Seen>, Vec<&Seen>) = others.partition(|seen| is_over(seen));
        let mut replicas: BTreeSet<String> = alive.iter().map(|seen| seen.lease.holder.clone()).collect();
        replicas.insert(self.me.clone());
        let over: BTreeMap<&str, &Lease> = over
            .iter()
            .map(|seen| (seen.lease.holder.as_str(), &seen.lease))
            .collect();
        let holders: BTreeSet<String> = self.shards.values().map(|lease| lease.holder.clone()).collect();
        let is_without =
            |holder: &&String| !holder.is_empty() && !replicas.contains(*holder) && !over.contains_key(holder.as_str());
        let without: BTreeSet<String> = holders.iter().filter(is_without).cloned().collect();
        self.without.retain(|holder, _| without.contains(holder));
        for holder in without {
            self.without.entry(holder).or_insert(now);
        }
        let is_gone = |holder: &str| {
            let since = self.without.get(holder);
            over.contains_key(holder)
                || is_predecessor(holder)
                || since.is_some_and(|since| now.saturating_duration_since(*since) >= self.duration)
        };
        let assigned = assign(&replicas);
        let mut acts = Vec::new();
        for shard in 0..SHARDS {
            let is_for_me = assigned.get(&shard) == Some(&self.me);
            let lease = self.shards.get(&shard);
            let holder = lease.map_or("", |lease| lease.holder.as_str());
            match (is_for_me, mine.contains(&shard)) {
                (true, false) if holder.is_empty() || holder == self.me => acts.push(Act::Take(shard, lease.cloned())),
                (true, false) if is_gone(holder) => {
                    acts.extend(lease.cloned().map(|lease| Act::TakeFrom(shard, lease)))
                }
                (false, true) => acts.push(Act::Leave(shard)),
                (true | false, _) => {}
            }
        }
        let is_idle = |lease: &&&Lease| !holders.contains(&lease.holder);
        acts.extend(over.values().filter(is_idle).map(|lease| Act::Remove((*lease).clone())));
        acts
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::super::leases::{name_of_replica, name_of_shard},
        *,
    };

    const DURATION: Duration = Duration::from_secs(10);

    fn replica(id: &str, renewed: &str) -> Lease {
        Lease {
            role: Role::Replica,
            name: name_of_replica(id),
            uid: "u".into(),
            version: renewed.into(),
            holder: id.into(),
            renewed: renewed.into(),
            epoch: 0,
        }
    }

    fn shard(number: u16, holder: &str) -> Lease {
        Lease {
            role: Role::Shard,
            name: name_of_shard(number),
            uid: "u".into(),
            version: "1".into(),
            holder: holder.into(),
            renewed: String::new(),
            epoch: 3,
        }
    }

    fn taken(acts: &[Act]) -> usize {
        acts.iter().filter(|act| matches!(act, Act::Take(..))).count()
    }

    #[test]
    fn who_is_alone_takes_all_that_is_free_once_everything_was_told() {
        let now = Instant::now();
        let mut view = View::new("a", DURATION, None);
        assert!(view.decide(now, &BTreeSet::new()).is_empty());
        view.is_complete = true;
        assert_eq!(taken(&view.decide(now, &BTreeSet::new())), usize::from(SHARDS));
        let all: BTreeSet<u16> = (0..SHARDS).collect();
        assert!(view.decide(now, &all).is_empty());
    }

    #[test]
    fn who_comes_gets_its_share_only_when_it_was_left() {
        let now = Instant::now();
        let all: BTreeSet<u16> = (0..SHARDS).collect();
        let mut a = View::new("a", DURATION, None);
        let mut b = View::new("b", DURATION, None);
        for view in [&mut a, &mut b] {
            view.is_complete = true;
            view.see(replica("a", "1"), now);
            view.see(replica("b", "1"), now);
            (0..SHARDS).for_each(|number| view.see(shard(number, "a"), now));
        }
        assert!(b.decide(now, &BTreeSet::new()).is_empty());
        let leaves = a.decide(now, &all);
        assert_eq!(leaves.len(), usize::from(SHARDS) / 2);
        for act in leaves {
            let Act::Leave(number) = act else { panic!("{act:?}") };
            b.see(shard(number, ""), now);
        }
        assert_eq!(taken(&b.decide(now, &BTreeSet::new())), usize::from(SHARDS) / 2);
    }

    #[test]
    fn who_is_not_renewed_is_gone_after_its_time_by_one_s_own_clock() {
        let now = Instant::now();
        let mut view = View::new("a", DURATION, None);
        view.is_complete = true;
        view.see(replica("b", "1"), now);
        (0..SHARDS).for_each(|number| view.see(shard(number, "b"), now));
        view.see(replica("b", "2"), now + Duration::from_secs(9));
        // The same again is no renewal.
        view.see(replica("b", "2"), now + Duration::from_secs(15));
        assert!(view.decide(now + Duration::from_secs(18), &BTreeSet::new()).is_empty());
        let acts = view.decide(now + Duration::from_secs(19), &BTreeSet::new());
        assert!(acts.iter().all(|act| matches!(act, Act::TakeFrom(..))) && acts.len() == usize::from(SHARDS));
        assert!(view.is_as_seen(&name_of_replica("b"), Some(&replica("b", "2"))));
        assert!(!view.is_as_seen(&name_of_replica("b"), Some(&replica("b", "3"))));
        // Once nothing is held by it, its Lease goes too.
        (0..SHARDS).for_each(|number| view.see(shard(number, "a"), now));
        let all: BTreeSet<u16> = (0..SHARDS).collect();
        let acts = view.decide(now + Duration::from_secs(19), &all);
        assert!(matches!(acts.as_slice(), [Act::Remove(lease)] if lease.holder == "b"));
    }

    #[test]
    fn who_was_this_process_before_is_gone_at_once() {
        let now = Instant::now();
        let mut view = View::new("b", DURATION, Some("a".into()));
        view.is_complete = true;
        (0..SHARDS).for_each(|number| view.see(shard(number, "a"), now));
        assert_eq!(view.decide(now, &BTreeSet::new()).len(), usize::from(SHARDS));
        view.see(replica("a", "1"), now);
        let acts = view.decide(now, &BTreeSet::new());
        assert!(acts.iter().all(|act| matches!(act, Act::TakeFrom(..))) && acts.len() == usize::from(SHARDS));
    }

    #[test]
    fn a_lease_that_somebody_deleted_leaves_its_replica_as_much_time() {
        let now = Instant::now();
        let mut view = View::new("a", DURATION, None);
        view.is_complete = true;
        view.see(replica("b", "1"), now);
        (0..SHARDS).for_each(|number| view.see(shard(number, "b"), now));
        view.lose(&name_of_replica("b"));
        assert!(view.decide(now, &BTreeSet::new()).is_empty());
        assert!(view.decide(now + Duration::from_secs(9), &BTreeSet::new()).is_empty());
        assert_eq!(
            view.decide(now + Duration::from_secs(10), &BTreeSet::new()).len(),
            usize::from(SHARDS)
        );
    }
}
