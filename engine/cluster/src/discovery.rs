//! Which kinds a cluster serves, under which path, in which versions.
//!
//! Two requests tell all of it (aggregated discovery, Kubernetes 1.26 and later), and a third the version; an older server
//! is asked group by group. Asked again when a kind is missing and when [`Discovery::expire`] says that CRDs changed: with
//! the `ETag` of what is known, so that nothing changed costs next to nothing.
//!
//! A group whose server is down is **unknown**, not empty. What was known of it stays; what was never known of it gives
//! [`KindError::GroupUnavailable`], which nobody may take for "there are none".

mod fetch;
mod snapshot;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::{sync::Mutex, time::Instant};

use crate::{call::CallError, connect::Connection, facts::Facts, resource::Resource};

pub use snapshot::{Snapshot, Unavailable};

use fetch::Known;

/// A kind that is missing is looked for no sooner after the last look. The threat is a thousand apps with a kind that
/// isn't there.
const MISS_PAUSE: Duration = Duration::from_secs(2);

/// Why a kind can't be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KindError {
    /// The server doesn't serve it.
    #[error("{}", no_match(.group, .version, .kind, .served))]
    NoMatch {
        /// "" for the core group.
        group: String,
        /// That was asked for.
        version: String,
        /// That was asked for.
        kind: String,
        /// Versions of that kind which are served.
        served: Vec<String>,
    },
    /// The server behind the group doesn't answer, so it isn't known whether the kind is there.
    #[error(
        "the API group `{group}` is unavailable (its server doesn't answer), so `{kind}` can't be told: see `kubectl get apiservice {version}.{group}`"
    )]
    GroupUnavailable {
        /// Which.
        group: String,
        /// Which of its versions.
        version: String,
        /// That was asked for.
        kind: String,
    },
    /// The server can't be asked.
    #[error("what kinds the cluster serves can't be told")]
    Call(#[from] CallError),
}

impl KindError {
    /// Whether it may go away by itself.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoMatch { .. } => false,
            Self::GroupUnavailable { .. } => true,
            Self::Call(error) => error.is_transient(),
        }
    }
}

/// What a search came to, in words that name what was searched for.
fn told(
    found: Result<Option<Resource>, Unavailable>,
    group: &str,
    version: &str,
    kind: &str,
    served: impl FnOnce() -> Vec<String>,
) -> Result<Resource, KindError> {
    found
        .map_err(|unavailable| KindError::GroupUnavailable {
            group: group.to_owned(),
            version: unavailable.version,
            kind: kind.to_owned(),
        })?
        .ok_or_else(|| KindError::NoMatch {
            group: group.to_owned(),
            version: version.to_owned(),
            kind: kind.to_owned(),
            served: served(),
        })
}

fn no_match(group: &str, version: &str, kind: &str, served: &[String]) -> String {
    let wanted = crate::resource::api_version(group, version);
    if served.is_empty() {
        format!(
            "the cluster has no kind `{kind}` in `{wanted}`: install its CustomResourceDefinition, or put it into the app"
        )
    } else {
        let served: Vec<_> = served.iter().map(|v| crate::resource::api_version(group, v)).collect();
        format!(
            "the cluster does not serve `{kind}` as `{wanted}`; it does as {}",
            quoted(&served)
        )
    }
}

fn quoted(all: &[String]) -> String {
    let quoted: Vec<_> = all.iter().map(|one| format!("`{one}`")).collect();
    quoted.join(", ")
}

/// What a cluster serves, as far as it is known, and kept up to date.
pub struct Discovery {
    connection: Connection,
    snapshot: RwLock<Option<Arc<Snapshot>>>,
    /// Held while asking, so that many who miss a kind ask once.
    asking: Mutex<Asked>,
    expired: std::sync::atomic::AtomicBool,
}

#[derive(Default)]
struct Asked {
    at: Option<Instant>,
    known: Known,
}

impl Discovery {
    /// Asks nothing yet.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            snapshot: RwLock::default(),
            asking: Mutex::default(),
            expired: std::sync::atomic::AtomicBool::new(false),
        }
    }

    /// A kind in exactly that version.
    ///
    /// # Errors
    /// When it isn't served, isn't known because its group is down, or can't be asked for.
    pub async fn resolve(&self, group: &str, version: &str, kind: &str) -> Result<Resource, KindError> {
        let found = self.look(|snapshot| snapshot.find(group, version, kind)).await?;
        let served = || {
            self.snapshot()
                .map_or_else(Vec::new, |snapshot| snapshot.versions_of(group, kind))
        };
        told(found, group, version, kind, served)
    }

    /// A kind in the version that the server prefers.
    ///
    /// # Errors
    /// As [`Discovery::resolve`].
    pub async fn preferred(&self, group: &str, kind: &str) -> Result<Resource, KindError> {
        let found = self.look(|snapshot| snapshot.preferred(group, kind)).await?;
        told(found, group, "", kind, Vec::new)
    }

    /// Kubernetes version and APIs, for renders. Costs a request only when nothing is known yet or something changed.
    ///
    /// # Errors
    /// When the server can't be asked and nothing is known.
    pub async fn facts(&self) -> Result<Facts, CallError> {
        if let Some(known) = self.current() {
            return Ok(known.facts());
        }
        let mut asked = self.asking.lock().await;
        // A thousand apps that begin together wait for one question.
        if let Some(known) = self.current() {
            return Ok(known.facts());
        }
        let before = self.snapshot();
        match (self.ask(&mut asked).await, before) {
            (Ok(known), _) | (Err(_), Some(known)) => Ok(known.facts()),
            (Err(error), None) => Err(error),
        }
    }

    /// What is known, unless it is known to have changed.
    fn current(&self) -> Option<Arc<Snapshot>> {
        self.snapshot().filter(|_| !self.is_expired())
    }

    /// What is known; `None` before the first question. Asks nothing.
    #[must_use]
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshot.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something changed (a CRD came, went or got another version): the next question asks the server.
    pub fn expire(&self) {
        self.expired.store(true, std::sync::atomic::Ordering::Release);
    }

    /// Asks the server now.
    ///
    /// # Errors
    /// When it can't be asked; what was known stays.
    pub async fn refresh(&self) -> Result<Arc<Snapshot>, CallError> {
        let mut asked = self.asking.lock().await;
        self.ask(&mut asked).await
    }

    fn is_expired(&self) -> bool {
        self.expired.load(std::sync::atomic::Ordering::Acquire)
    }

    /// Looks in what is known, and asks when that isn't enough.
    async fn look<T>(
        &self,
        find: impl Fn(&Snapshot) -> Result<Option<T>, Unavailable>,
    ) -> Result<Result<Option<T>, Unavailable>, CallError> {
        let before = self.snapshot();
        if let Some(snapshot) = &before
            && let Ok(Some(found)) = find(snapshot)
            && !self.is_expired()
        {
            return Ok(Ok(Some(found)));
        }
        let mut asked = self.asking.lock().await;
        let now = self.snapshot();
        let somebody_asked = match (&before, &now) {
            (Some(before), Some(now)) => !Arc::ptr_eq(before, now),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let recently = asked.at.is_some_and(|at| at.elapsed() < MISS_PAUSE);
        if let Some(snapshot) = now
            && !self.is_expired()
            && (somebody_asked || recently)
        {
            return Ok(find(&snapshot));
        }
        match (self.ask(&mut asked).await, before) {
            (Ok(snapshot), _) => Ok(find(&snapshot)),
            // What was found before is as good as it was.
            (Err(error), Some(known)) => match find(&known) {
                Ok(Some(found)) => Ok(Ok(Some(found))),
                _ => Err(error),
            },
            (Err(error), None) => Err(error),
        }
    }

    async fn ask(&self, asked: &mut Asked) -> Result<Arc<Snapshot>, CallError> {
        // Before the question: what changes while it is under way asks once more.
        let was_expired = self.expired.swap(false, std::sync::atomic::Ordering::AcqRel);
        let fetched = fetch::all(&self.connection, &mut asked.known).await;
        asked.at = Some(Instant::now());
        let before = self.snapshot();
        match fetched {
            Ok(served) => {
                let snapshot = Arc::new(Snapshot::new(served, before.as_deref()));
                *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
                Ok(snapshot)
            }
            Err(error) => {
                if was_expired {
                    self.expire();
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests;
