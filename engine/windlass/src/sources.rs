//! Which commit? One poll per repository and cycle, however many apps look at it; and one for all repositories that ask the same of
//! the same server, whatever references they follow.

mod groups;
mod hosts;
mod logins;
mod moves;
mod proxies;
mod signatures;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use windlass_core::{
    config::{Config, ForcedPushMode, RefSpec},
    oid::Oid,
    version::Range,
};
use windlass_source::{
    Cancel, Demands, Error, Limits, Listing, OnForcedPush, Reference, Revision,
    git::{Mirrors, server_of},
    signature::Policy,
};

pub use groups::Asked;
pub use moves::notice;
pub use proxies::ProxyEnvironment;

use self::{
    groups::{Group, Slot, Slots},
    hosts::{Host, Hosts},
};
use crate::{current::Current, secrets::Home, stop::Stop};

/// Repositories by name, each with the revision its apps look at.
pub struct Sources {
    mirrors: Arc<Mirrors>,
    base: PathBuf,
    slots: Current<Slots>,
    hosts: Hosts,
    proxies: ProxyEnvironment,
    /// Where Secrets are that Repositories name.
    home: Option<Home>,
    cancel: Cancel,
}

/// What a Repository wants of its server.
#[derive(Debug, Clone)]
struct Wanted {
    reference: Reference,
    on_forced_push: OnForcedPush,
    signed: Option<Policy>,
}

impl Wanted {
    const fn demands(&self) -> Demands<'_> {
        Demands {
            on_forced_push: self.on_forced_push,
            signed: self.signed.as_ref(),
        }
    }
}

/// Longest that what a server listed counts for Repositories of its group that were not asked about yet: a `sync` of a hundred of them
/// asks once.
const LISTED: Duration = Duration::from_secs(30);

/// What a server listed, and when.
type Listed = (Instant, Result<Arc<Listing>, Refusal>);

/// What the command line and its environment say of sources.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// For repositories that name no proxy.
    pub proxies: ProxyEnvironment,
    /// Most bytes of all mirrors together.
    pub max_mirrors: Option<u64>,
}

/// Why a repository gave no revision.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// For whoever wanted it.
    pub stop: Stop,
    /// The server asks to be left alone until then.
    pub not_before: Option<Instant>,
}

impl From<Stop> for Refusal {
    fn from(stop: Stop) -> Self {
        Self { stop, not_before: None }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        refusal.stop
    }
}

impl Sources {
    /// Nothing is fetched yet. `base`: the folder that relative paths of the configuration start from.
    #[must_use]
    pub fn new(config: &Config, base: &Path, mirrors: PathBuf, settings: Settings) -> Self {
        let mut limits = Limits::default();
        limits.all_mirrors_bytes = settings.max_mirrors.unwrap_or(limits.all_mirrors_bytes);
        Self {
            mirrors: Arc::new(Mirrors::new(mirrors, limits)),
            proxies: settings.proxies,
            base: base.to_owned(),
            slots: Current::new(groups::slots(config, &BTreeMap::new())),
            hosts: Hosts::default(),
            home: None,
            cancel: Cancel::new(),
        }
    }

    /// The same; Secrets that Repositories name are there.
    #[must_use]
    pub fn at_home(self, home: Option<&Home>) -> Self {
        Self {
            home: home.cloned(),
            ..self
        }
    }

    /// Takes other repositories. Those that are asked as before keep the revision that their apps look at.
    pub fn reconfigure(&self, config: &Config) {
        let slots = groups::slots(config, &self.slots.get());
        let servers = slots
            .values()
            .filter_map(|slot| server_of(&self.url(&slot.spec.git.url)));
        self.hosts.keep(&servers.collect());
        self.slots.set(slots);
    }

    /// The revision that the apps of a repository look at; polled when nobody has yet.
    ///
    /// # Errors
    /// When the repository gives none.
    pub async fn resolve(&self, repository: &str) -> Result<Revision, Stop> {
        let slot = self.slot(repository)?;
        let mut current = slot.current.lock().await;
        if let Some(revision) = current.as_ref() {
            return Ok(revision.clone());
        }
        let listing = self.listing_of(&slot.group).await?;
        let revision = self.poll(&slot, &listing).await?;
        *current = Some(revision.clone());
        Ok(revision)
    }

    /// Asks the server what the references of some repositories point to, which all have the same [`Asked`]: one question. Where there is
    /// but one reference to ask about, nobody is asked, since [`Sources::refresh`] does so and fetches in the same breath.
    ///
    /// # Errors
    /// When the server doesn't answer.
    pub async fn list(&self, repositories: &[String]) -> Result<Arc<Listing>, Refusal> {
        let slots = self.slots.get();
        let slots: Vec<&Arc<Slot>> = repositories.iter().filter_map(|name| slots.get(name)).collect();
        let Some(first) = slots.first() else {
            return Ok(Arc::default());
        };
        let mut kept = first.group.listing.lock().await;
        self.ask(&mut kept, &slots).await
    }

    /// As [`Sources::list`], for all repositories of a group; what was answered a moment ago counts.
    async fn listing_of(&self, group: &Arc<Group>) -> Result<Arc<Listing>, Refusal> {
        let mut kept = group.listing.lock().await;
        if let Some((at, listed)) = &*kept
            && at.elapsed() < LISTED
        {
            return listed.clone();
        }
        let slots = self.slots.get();
        let members = slots.values().filter(|slot| Arc::ptr_eq(&slot.group, group));
        self.ask(&mut kept, &members.collect::<Vec<_>>()).await
    }

    async fn ask(&self, kept: &mut Option<Listed>, slots: &[&Arc<Slot>]) -> Result<Arc<Listing>, Refusal> {
        let references = slots.iter().filter_map(|slot| reference(&slot.spec.git.reference).ok());
        let mut references: Vec<Reference> = references.filter(|r| !matches!(r, Reference::Commit(_))).collect();
        let Some(first) = slots.first().filter(|_| references.len() > 1) else {
            return Ok(Arc::default());
        };
        references.sort_unstable();
        references.dedup();
        let remote = self.remote(first).await?;
        let (mirrors, cancel) = (Arc::clone(&self.mirrors), self.cancel.clone());
        let work = move || mirrors.open(remote)?.list(&references, &cancel);
        let listed = self.at_the_server(first, work).await.map(Arc::new);
        *kept = Some((Instant::now(), listed.clone()));
        listed
    }

    /// Asks the server again, unless `listing` says what it would answer. The apps look at what it answers from here on; after a
    /// failure, at what they did before.
    ///
    /// # Errors
    /// When the repository gives no revision.
    pub async fn refresh(&self, repository: &str, listing: &Arc<Listing>) -> Result<Revision, Refusal> {
        let slot = self.slot(repository)?;
        let revision = self.poll(&slot, listing).await?;
        *slot.current.lock().await = Some(revision.clone());
        Ok(revision)
    }

    /// A commit by its full id, or else a branch of that name, or else a tag, whatever the apps of the repository look at; they
    /// go on looking at theirs.
    ///
    /// # Errors
    /// When the repository has none of them, or can't be asked.
    pub async fn look(&self, repository: &str, name: &str) -> Result<Revision, Stop> {
        let slot = self.slot(repository)?;
        // Whoever compares two revisions sees them, signed or not; neither is applied.
        let get = |reference| {
            let wanted = Wanted {
                reference,
                on_forced_push: OnForcedPush::Follow,
                signed: None,
            };
            self.get(&slot, wanted)
        };
        let got = match Oid::from_hex(name) {
            Some(id) => get(Reference::Commit(id)).await?,
            None => match get(Reference::Branch(name.to_owned())).await? {
                Err(missing @ Error::ReferenceMissing { .. }) => match get(Reference::Tag(name.to_owned())).await? {
                    Err(Error::ReferenceMissing { .. }) => {
                        let help = "a revision is a branch, a tag, or a commit by all of its 40 digits";
                        return Err(moves::stop(&missing).help(help));
                    }
                    got => got,
                },
                got => got,
            },
        };
        got.map_err(|error| moves::stop(&error))
    }

    /// Whether the apps of a repository look at another tree by now.
    #[must_use]
    pub fn has_moved_on(&self, repository: &str, root: &Oid) -> bool {
        // While it is being asked, nothing newer is known.
        let slots = self.slots.get();
        let current = slots.get(repository).and_then(|slot| slot.current.try_lock().ok());
        current.is_some_and(|current| current.as_ref().is_some_and(|revision| revision.root != *root))
    }

    /// Ends every fetch under way.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    fn slot(&self, repository: &str) -> Result<Arc<Slot>, Stop> {
        let missing = || {
            Stop::of(
                "source",
                &std::io::Error::other(format!("there is no Repository `{repository}`")),
            )
        };
        self.slots.get().get(repository).cloned().ok_or_else(missing)
    }

    async fn poll(&self, slot: &Arc<Slot>, listing: &Arc<Listing>) -> Result<Revision, Refusal> {
        let reference = reference(&slot.spec.git.reference)?;
        let on_forced_push = match slot.spec.git.on_forced_push {
            ForcedPushMode::Follow => OnForcedPush::Follow,
            ForcedPushMode::Hold => OnForcedPush::Hold,
        };
        let wanted = Wanted {
            reference,
            on_forced_push,
            signed: self.policy(slot).await?,
        };
        if let Some(revision) = self.recall(slot, &wanted, listing).await? {
            return Ok(revision);
        }
        // Those that wait here need what somebody fetches who asks the same: it is in the same mirror, whose writers wait for each other.
        let _turn = slot.group.fetching.lock().await;
        if let Some(revision) = self.recall(slot, &wanted, listing).await? {
            return Ok(revision);
        }
        let got = self.get(slot, wanted).await?;
        got.map_err(|error| moves::stop(&error).into())
    }

    /// What is here already, by what the server said before.
    async fn recall(&self, slot: &Slot, wanted: &Wanted, listing: &Arc<Listing>) -> Result<Option<Revision>, Refusal> {
        let remote = self.remote(slot).await?;
        // Never closed, so there is always a place to wait for.
        let _place = slot.group.recalls.acquire().await;
        let (mirrors, cancel) = (Arc::clone(&self.mirrors), self.cancel.clone());
        let (wanted, listing) = (wanted.clone(), Arc::clone(listing));
        let work = move || {
            mirrors
                .open(remote)?
                .recall(&wanted.reference, &listing, wanted.demands(), &cancel)
        };
        let got = tokio::task::spawn_blocking(work).await;
        let got = got.map_err(|e| Stop::of("source", &e))?;
        got.map_err(|error| moves::stop(&error).into())
    }

    /// The inner error is about the reference, or whatever is wrong with the repository; the outer one ends every attempt.
    async fn get(&self, slot: &Arc<Slot>, wanted: Wanted) -> Result<Result<Revision, Error>, Refusal> {
        let remote = self.remote(slot).await?;
        let (mirrors, cancel) = (Arc::clone(&self.mirrors), self.cancel.clone());
        let work = move || {
            let mirror = mirrors.open(remote)?;
            Ok(
                match mirror.resolve_guarded(&wanted.reference, wanted.demands(), &cancel) {
                    Err(throttled @ Error::Throttled { .. }) => return Err(throttled),
                    got => got,
                },
            )
        };
        self.at_the_server(slot, work).await
    }

    /// Does something that asks the server, in its turn.
    async fn at_the_server<T: Send + 'static>(
        &self,
        slot: &Slot,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Refusal> {
        let server = server_of(&self.url(&slot.spec.git.url));
        let host: Option<Arc<Host>> = server.map(|name| self.hosts.of(&name));
        let place = match &host {
            Some(host) => Some(host.enter().await?),
            None => None,
        };
        let got = tokio::task::spawn_blocking(work).await;
        drop(place);
        let got = got.map_err(|e| Stop::of("source", &e))?;
        match (got, host) {
            (Err(Error::Throttled { wait, .. }), Some(host)) => Err(host.refused(wait)),
            (got, host) => {
                if let (Ok(_), Some(host)) = (&got, host) {
                    host.answered();
                }
                got.map_err(|error| moves::stop(&error).into())
            }
        }
    }

    /// A path without a scheme is one of this machine, relative to the configuration.
    fn url(&self, url: &str) -> String {
        // `host:path` is scp's form; a path of this machine with a colon starts with `./`, as git has it.
        let scp = url.split_once(':').is_some_and(|(host, _)| !host.contains('/'));
        if url.contains("://") || scp {
            return url.to_owned();
        }
        let path = self.base.join(url);
        format!("file://{}", std::path::absolute(&path).unwrap_or(path).display())
    }
}

fn reference(spec: &RefSpec) -> Result<Reference, Stop> {
    let stop = |error: &dyn std::error::Error| Stop::of("source", error);
    if let Some(range) = &spec.semver {
        return Range::new(range).map(Reference::Version).map_err(|e| stop(&e));
    }
    match (&spec.branch, &spec.tag, &spec.commit) {
        (Some(name), ..) => Ok(Reference::Branch(name.clone())),
        (None, Some(name), _) => Ok(Reference::Tag(name.clone())),
        (None, None, Some(id)) => Oid::from_hex(id).map(Reference::Commit).ok_or_else(|| {
            let text = format!("`{id}` is no commit id: expected 40 hexadecimal digits");
            stop(&std::io::Error::other(text))
        }),
        (None, None, None) => Ok(Reference::Head),
    }
}
