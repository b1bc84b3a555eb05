//! Several controllers over one cluster: who is there, and who keeps what.
//!
//! ```text
//! renew ─▶ own Lease ─▶ Fence ─ before every write of the process
//! watch ─▶ View ─ decide ─▶ take, leave ─▶ shards' Leases ─▶ Turn ─▶ the controller's loop
//! ```
//!
//! Safe by three things that don't need each other's clocks: a replica counts on its own Lease for less long ([`VALID`]) than others leave it
//! to it ([`DURATION`]), measured from before it asked; a shard changes hands by a write that names the version that was seen; and a replica whose
//! Lease ran out never writes again under its name. It begins anew, as another replica.

mod view;

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use futures_util::future::join_all;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinHandle,
    time::{sleep, timeout},
};
use windlass_cluster::{
    cluster::Cluster as Api,
    connect::{Connection, Guard},
    fence::Fence,
    follow::{Depth, Part, Told},
    refusal::Refusal,
};

use super::leases::{Lease, Leases, ROLE, Role, Wanted, name_of_replica, name_of_shard, resource};
use crate::{replica::Replica, state::Secret, stop::chain};
use view::{Act, View};

/// A Lease that wasn't renewed for so long is over, for everybody else. What a node or a network loses now and then is shorter, and Apps
/// of a replica that is gone are with another one within 15 seconds.
const DURATION: Duration = Duration::from_secs(10);
/// The replica itself counts on it for so long, from before it was renewed.
const VALID: Duration = Duration::from_secs(8);
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(2);
/// When that fails, the next try comes sooner.
const TRY_AGAIN: Duration = Duration::from_millis(500);
/// How often it is looked whether another's Lease is over.
const LOOK: Duration = Duration::from_millis(500);
/// A write of a Lease takes milliseconds. The threat is a server that takes it and doesn't answer.
const WRITE: Duration = Duration::from_secs(4);
/// All of what is to be done when it leaves.
const RESIGN: Duration = Duration::from_secs(2);

/// Name of the file in the folder of state that says what this process is called among replicas.
const NOTE: &str = "replica";

/// What changes for this replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// A shard is its own by now, in that epoch.
    Taken(u16, i64),
    /// A shard is to go to another one: it is left once nothing of it is under way.
    Leave(u16),
    /// It may not go on under this name, for that reason.
    Lapsed(String),
}

/// A replica's place among others. Left when it is dropped, but for others only once its Lease is over: [`Member::resign`].
pub(crate) struct Member {
    pub(crate) replica: Replica,
    leases: Leases,
    renewing: JoinHandle<()>,
    arranging: JoinHandle<()>,
    left: UnboundedSender<u16>,
}

impl Drop for Member {
    fn drop(&mut self) {
        self.replica.fence.close();
        self.renewing.abort();
        self.arranging.abort();
    }
}

impl Member {
    /// Joins. `connection`: of Leases alone. `state`: the folder of this process, which nobody else has. `turns`: gets what changes from now on.
    ///
    /// # Errors
    /// When its Lease can't be written.
    pub(crate) async fn join(
        connection: Connection,
        namespace: &str,
        secret: Secret,
        state: &Path,
        turns: UnboundedSender<Turn>,
    ) -> Result<Self, Refusal> {
        let id = id();
        // A Lease may be written when nothing else may be any more: what counts is which version was seen.
        connection.guard(Guard::new(Fence::open(), &id));
        let leases = Leases {
            api: Api::new(connection),
            namespace: namespace.to_owned(),
        };
        let begun = std::time::Instant::now();
        let lease = leases.write(&own(&id, &name_of_replica(&id)), None).await?;
        // Whoever had this folder before is gone: nobody has to wait until its Lease is over.
        let note = state.join(NOTE);
        let predecessor = fs::read_to_string(&note).ok().map(|id| id.trim().to_owned());
        if let Err(error) = fs::write(&note, format!("{id}\n")) {
            tracing::warn!(path = %note.display(), %error, "should this process end, its Apps are looked at again once its Lease is over");
        }
        let replica = Replica::new(id, Fence::until(begun + VALID), secret);
        let renewing = {
            let (leases, replica, turns) = (leases.clone(), replica.clone(), turns.clone());
            tokio::spawn(async move {
                let why = renew(&leases, lease, &replica).await;
                replica.fence.close();
                // Nobody listens any more: the program is about to end.
                let _ = turns.send(Turn::Lapsed(why));
            })
        };
        let (left, leaving) = unbounded_channel();
        let arranging = tokio::spawn(arrange(leases.clone(), replica.clone(), predecessor, turns, leaving));
        Ok(Self {
            replica,
            leases,
            renewing,
            arranging,
            left,
        })
    }

    /// Nothing of a shard is under way any more.
    pub(crate) fn left(&self, shard: u16) {
        let _ = self.left.send(shard);
    }

    /// Leaves at once, so that others need not wait until its Lease is over. Nothing may be under way any more.
    pub(crate) async fn resign(self) {
        self.replica.fence.close();
        self.renewing.abort();
        self.arranging.abort();
        if timeout(RESIGN, self.give_up()).await.is_err() {
            tracing::warn!("others can't be told that this replica leaves: they wait until its Lease is over");
        }
    }

    async fn give_up(&self) {
        let id = &self.replica.id;
        let all = match self.leases.shards().await {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "Leases can't be read: others wait until that of this replica is over");
                return;
            }
        };
        let given = all
            .into_iter()
            .filter(|lease| lease.holder == *id)
            .map(|lease| async move { free(&self.leases, &lease).await.map(drop) });
        let mut outcomes = join_all(given).await;
        outcomes.push(match self.leases.look(&name_of_replica(id)).await {
            Ok(Some(lease)) if lease.holder == *id => self.leases.remove(&lease).await,
            other => other.map(drop),
        });
        for error in outcomes.into_iter().filter_map(Result::err) {
            tracing::warn!(error = %chain(&error), "a Lease can't be given up: others wait until it is over");
        }
    }
}

/// A replica's own Lease.
fn own<'a>(id: &'a str, name: &'a str) -> Wanted<'a> {
    Wanted {
        role: Role::Replica,
        name,
        holder: id,
        epoch: 0,
        seconds: Some(DURATION.as_secs()),
    }
}

/// Has a shard be nobody's.
async fn free(leases: &Leases, lease: &Lease) -> Result<Lease, Refusal> {
    let wanted = Wanted {
        role: Role::Shard,
        name: &lease.name,
        holder: "",
        epoch: lease.epoch,
        seconds: None,
    };
    leases.write(&wanted, Some(lease)).await
}

/// Where it runs, and a part that nobody else has: a replica that begins anew is another one.
fn id() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let mut name: String = host.trim().to_lowercase();
    name.retain(|c| c.is_ascii_alphanumeric() || c == '-');
    // Of a pod's name the end tells it from others of its Deployment.
    let start = name.len().saturating_sub(40);
    let name = name.get(start..).unwrap_or_default().trim_matches('-');
    let mut bytes = [0; 4];
    // Without randomness: what tells processes of one host apart at least.
    if getrandom::fill(&mut bytes).is_err() {
        bytes = std::process::id().to_be_bytes();
    }
    let unique = windlass_core::digest::hex(&bytes);
    if name.is_empty() {
        unique
    } else {
        format!("{name}-{unique}")
    }
}

/// Renews its Lease until that fails for too long. Answers why.
async fn renew(leases: &Leases, mut lease: Lease, replica: &Replica) -> String {
    let (id, fence) = (&replica.id, &replica.fence);
    let name = name_of_replica(id);
    let mut pause = RENEW;
    let mut last = String::new();
    loop {
        sleep(pause.min(fence.left().unwrap_or(pause))).await;
        let begun = std::time::Instant::now();
        let renewed = timeout(WRITE, leases.write(&own(id, &name), Some(&lease))).await;
        pause = TRY_AGAIN;
        match renewed {
            Ok(Ok(renewed)) => {
                if !fence.extend(begun + VALID) {
                    return "its renewal came too late".to_owned();
                }
                lease = renewed;
                pause = RENEW;
            }
            // An answer may have been lost: what is there decides.
            Ok(Err(Refusal::Changed { .. } | Refusal::Gone)) => match timeout(WRITE, leases.look(&name)).await {
                Ok(Ok(Some(live))) if live.holder == *id => {
                    lease = live;
                    pause = Duration::ZERO;
                }
                Ok(Ok(_)) => return format!("somebody took away Lease {name}"),
                Ok(Err(error)) => last = chain(&error),
                Err(_) => "the API server does not answer".clone_into(&mut last),
            },
            Ok(Err(error)) => last = chain(&error),
            Err(_) => "the API server does not answer".clone_into(&mut last),
        }
        if !fence.admits() {
            return format!("it could not be renewed for {} s: {last}", VALID.as_secs());
        }
    }
}

/// Takes what is this replica's, and has it leave what is another's.
async fn arrange(
    leases: Leases,
    replica: Replica,
    predecessor: Option<String>,
    turns: UnboundedSender<Turn>,
    mut leaving: UnboundedReceiver<u16>,
) {
    let (sender, mut news) = unbounded_channel();
    let part = Part {
        namespace: &leases.namespace,
        selector: ROLE,
    };
    let _following = leases.api.follow_some(&resource(), part, Depth::Whole, move |told| {
        // Nobody listens any more: the program is about to end.
        let _ = sender.send(told);
    });
    let mut arranging = Arranging {
        view: View::new(&replica.id, DURATION, predecessor),
        leases,
        turns,
        mine: BTreeSet::new(),
        left: BTreeSet::new(),
    };
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            told = news.recv() => {
                let Some(told) = told else { return };
                arranging.hear(told);
                // What came with it.
                while let Ok(told) = news.try_recv() {
                    arranging.hear(told);
                }
            }
            Some(shard) = leaving.recv() => arranging.free(shard).await,
            _ = look.tick() => {}
        }
        arranging.act().await;
    }
}

struct Arranging {
    view: View,
    leases: Leases,
    turns: UnboundedSender<Turn>,
    /// Shards that were taken and not freed.
    mine: BTreeSet<u16>,
    /// Of these, those that are to be left.
    left: BTreeSet<u16>,
}

impl Arranging {
    fn hear(&mut self, told: Told) {
        let now = std::time::Instant::now();
        match told {
            Told::Seen(object) => {
                if let Some(lease) = Lease::read(&object) {
                    self.view.see(lease, now);
                }
            }
            Told::Gone { name, .. } => self.view.lose(&name),
            Told::Complete => self.view.is_complete = true,
            Told::Lost(why) => tracing::warn!(%why, "Leases can't be watched: no shard changes hands meanwhile"),
        }
    }

    async fn act(&mut self) {
        let acts = self.view.decide(std::time::Instant::now(), &self.mine);
        let mut dead: BTreeSet<String> = BTreeSet::new();
        let mut takes = Vec::new();
        for act in acts {
            match act {
                Act::Leave(shard) => {
                    if self.left.insert(shard) {
                        let _ = self.turns.send(Turn::Leave(shard));
                    }
                }
                Act::Take(shard, seen) => takes.push((shard, seen)),
                Act::TakeFrom(shard, seen) => {
                    if dead.contains(&seen.holder) || self.is_dead(&seen.holder).await {
                        dead.insert(seen.holder.clone());
                        takes.push((shard, Some(seen)));
                    }
                }
                Act::Remove(lease) => {
                    if self.is_dead(&lease.holder).await
                        && let Err(error) = self.leases.remove(&lease).await
                    {
                        tracing::debug!(%error, "the Lease of a replica that is gone can't be deleted");
                    }
                }
            }
        }
        let written = takes.into_iter().map(|(shard, seen)| self.take(shard, seen));
        for (shard, lease) in join_all(written).await.into_iter().flatten() {
            let epoch = lease.epoch;
            self.view.see(lease, std::time::Instant::now());
            self.mine.insert(shard);
            let _ = self.turns.send(Turn::Taken(shard, epoch));
        }
    }

    /// Whether a replica is not heard of any more, asked of the API server: a watch may be late.
    async fn is_dead(&self, holder: &str) -> bool {
        let name = name_of_replica(holder);
        match timeout(WRITE, self.leases.look(&name)).await {
            Ok(Ok(live)) => self.view.is_as_seen(&name, live.as_ref()),
            Ok(Err(_)) | Err(_) => false,
        }
    }

    async fn take(&self, shard: u16, seen: Option<Lease>) -> Option<(u16, Lease)> {
        let name = name_of_shard(shard);
        // It was written, and the answer was lost.
        if let Some(seen) = seen.as_ref().filter(|seen| seen.holder == self.view.me) {
            return Some((shard, seen.clone()));
        }
        let wanted = Wanted {
            role: Role::Shard,
            name: &name,
            holder: &self.view.me,
            epoch: seen.as_ref().map_or(0, |seen| seen.epoch) + 1,
            seconds: None,
        };
        match timeout(WRITE, self.leases.write(&wanted, seen.as_ref())).await {
            Ok(Ok(lease)) => Some((shard, lease)),
            // Another one was faster: the watch tells.
            Ok(Err(Refusal::Changed { .. } | Refusal::Gone)) => None,
            Ok(Err(error)) => {
                tracing::warn!(%shard, error = %chain(&error), "a shard can't be taken");
                None
            }
            Err(_) => None,
        }
    }

    /// Whoever is to have it may take it.
    async fn free(&mut self, shard: u16) {
        let name = name_of_shard(shard);
        for _ in 0..3 {
            let freed = match timeout(WRITE, self.leases.look(&name)).await {
                Ok(Ok(Some(lease))) if lease.holder == self.view.me => free(&self.leases, &lease).await.map(Some),
                Ok(Ok(other)) => Ok(other),
                Ok(Err(error)) => Err(error),
                Err(_) => continue,
            };
            match freed {
                Ok(lease) => {
                    if let Some(lease) = lease {
                        self.view.see(lease, std::time::Instant::now());
                    }
                    self.mine.remove(&shard);
                    self.left.remove(&shard);
                    return;
                }
                Err(error) => tracing::warn!(%shard, error = %chain(&error), "a shard can't be left"),
            }
        }
        // It stays this replica's, and is taken in again.
        self.left.remove(&shard);
        if let Some(lease) = self.view.shard(shard) {
            let _ = self.turns.send(Turn::Taken(shard, lease.epoch));
        }
    }
}
