//! A connection to an API server: who may say where it is, how it is spoken to, and how many requests it takes at a time.
//!
//! One connection serves all actors: in whose name a request is made is a matter of some headers ([`crate::identity`]), so
//! that a thousand service accounts share one TLS session and one credential.
//!
//! There is no limit on requests per second: the API server's own fairness (429 with `Retry-After`) is obeyed instead. What
//! is bounded is how many are under way at once.

mod kubeconfig;
mod transport;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use http::{HeaderMap, HeaderValue};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    call::{AGENT, Limits},
    fence::Fence,
    identity::{Actor, Key},
    requests::Requests,
};

pub use kubeconfig::{Hostile, MAX_KUBECONFIG};

/// Requests under way at once, watches aside. More bring nothing: 32 fill an API server on two cores. It stays below the
/// hundred streams that an API server allows one HTTP/2 connection, where a further request would wait unseen.
const IN_FLIGHT: usize = 64;

/// Watches on one HTTP/2 connection, for the same reason. They have connections of their own, so that they never keep a
/// request from being made.
const WATCHES_PER_LANE: usize = 64;

/// Where an API server is and how to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// From inside a pod: the service account's token and the cluster's own address.
    InCluster,
    /// Kubeconfig files of the operator or of the person at the command line, merged as kubectl merges `$KUBECONFIG`. They
    /// are trusted: they may run programs, name files and proxies.
    Files {
        /// At least one; those that don't exist are passed over, as kubectl does.
        paths: Vec<PathBuf>,
        /// Instead of `current-context`.
        context: Option<String>,
    },
    /// The text of a kubeconfig that somebody put into a Secret. It is hostile, see [`Hostile`].
    Text {
        /// The whole file.
        text: String,
        /// Instead of `current-context`.
        context: Option<String>,
    },
}

/// Why there is no connection. No variant carries a credential.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Not in a pod, or its service account is not mounted.
    #[error("this is no pod with a service account: give a kubeconfig")]
    InCluster(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// None of the files is there.
    #[error("there is no kubeconfig at {}", list(.paths))]
    NoFile {
        /// Where it was looked for.
        paths: Vec<PathBuf>,
    },
    /// A file that can't be read or understood.
    #[error("the kubeconfig `{}` can't be used", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A kubeconfig out of a Secret asks for what only an operator's may.
    #[error(transparent)]
    Hostile(#[from] Hostile),
    /// The context, or what it names, is not there or not complete.
    #[error("the kubeconfig{} can't be used", context_of(.context.as_deref()))]
    Context {
        /// That was asked for.
        context: Option<String>,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// TLS or the credential can't be set up.
    #[error("no connection to `{server}` can be set up")]
    SetUp {
        /// URL.
        server: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Impersonation within impersonation: API servers know one user a request.
    #[error("the kubeconfig acts `as` another user already, so nobody can be impersonated through it")]
    ActsAsAnother,
}

fn list(paths: &[PathBuf]) -> String {
    let quoted: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    quoted.join(", ")
}

fn context_of(context: Option<&str>) -> String {
    context.map_or_else(String::new, |context| format!("'s context `{context}`"))
}

type Builder = Box<dyn Fn() -> Result<Client, ConnectError> + Send + Sync>;

/// An API server that can be spoken to. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    server: String,
    namespace: String,
    client: Client,
    limits: Limits,
    requests: Requests,
    slots: Semaphore,
    lanes: Mutex<Vec<Lane>>,
    new_lane: Builder,
    acts_as_another: bool,
    key: OnceLock<Key>,
    guard: OnceLock<Guard>,
}

/// Who writes, and until when.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Looked at before every write.
    pub(crate) fence: Fence,
    /// As audit logs show it: `windlass/0.1.0 (REPLICA)`.
    pub(crate) agent: HeaderValue,
}

impl Guard {
    /// `who`: what the process is called. What can't stand in a header is left out.
    #[must_use]
    pub fn new(fence: Fence, who: &str) -> Self {
        let agent = format!("windlass/{} ({who})", env!("CARGO_PKG_VERSION"));
        Self {
            fence,
            agent: HeaderValue::try_from(agent).unwrap_or_else(|_| AGENT.clone()),
        }
    }
}

/// A connection for watches, and a share of it while it is held.
#[derive(Clone)]
pub(crate) struct Lane {
    pub(crate) client: Client,
    shares: Arc<()>,
}

impl Connection {
    /// Reads the access and sets up TLS. Sends nothing yet, but an exec plugin of a trusted file is run.
    ///
    /// # Errors
    /// When the access is incomplete, damaged or, out of a Secret, asks for too much.
    pub async fn open(access: &Access, limits: Limits) -> Result<Self, ConnectError> {
        let config = configuration(access).await?;
        let server = config.cluster_url.to_string();
        let set_up = server.clone();
        // Exec plugins are run while the stack is built, and block.
        tokio::task::spawn_blocking(move || Self::of(config, limits))
            .await
            .map_err(|e| ConnectError::SetUp {
                server: set_up,
                source: Box::new(e),
            })?
    }

    fn of(config: Config, limits: Limits) -> Result<Self, ConnectError> {
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let namespace = config.default_namespace.clone();
        let acts_as_another = config.auth_info.impersonate.is_some();
        let new_lane: Builder = {
            let server = server.clone();
            Box::new(move || {
                transport::client(&config).map_err(|source| ConnectError::SetUp {
                    server: server.clone(),
                    source: Box::new(source),
                })
            })
        };
        let client = new_lane()?;
        Ok(Self::with(server, namespace, client, limits, new_lane, acts_as_another))
    }

    /// Over a client that is there already, watches included: for tests against a service in the same process.
    #[must_use]
    pub fn over(client: Client, server: &str, limits: Limits) -> Self {
        let namespace = client.default_namespace().to_owned();
        let shared = client.clone();
        let new_lane: Builder = Box::new(move || Ok(shared.clone()));
        Self::with(server.to_owned(), namespace, client, limits, new_lane, false)
    }

    fn with(
        server: String,
        namespace: String,
        client: Client,
        limits: Limits,
        new_lane: Builder,
        acts_as_another: bool,
    ) -> Self {
        let inner = Inner {
            server,
            namespace,
            client,
            limits,
            requests: Requests::default(),
            slots: Semaphore::new(IN_FLIGHT),
            lanes: Mutex::default(),
            new_lane,
            acts_as_another,
            key: OnceLock::new(),
            guard: OnceLock::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.inner.server
    }

    /// The namespace that the access names, `default` where it names none.
    #[must_use]
    pub fn default_namespace(&self) -> &str {
        &self.inner.namespace
    }

    /// What was requested so far.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.inner.requests
    }

    /// Whether somebody may act through this connection.
    ///
    /// # Errors
    /// When the kubeconfig acts as another user, and the actor would have to be impersonated.
    pub fn admits(&self, actor: &Actor) -> Result<(), ConnectError> {
        if self.inner.acts_as_another && *actor != Actor::Own {
            return Err(ConnectError::ActsAsAnother);
        }
        Ok(())
    }

    /// From now on whoever is impersonated shows that it is the engine who acts, as a locked cluster asks for. The first key counts.
    pub fn show(&self, key: Key) {
        let _ = self.inner.key.set(key);
    }

    /// From now on nothing is written but what the guard admits. The first one counts.
    pub fn guard(&self, guard: Guard) {
        let _ = self.inner.guard.set(guard);
    }

    pub(crate) fn guarded(&self) -> Option<&Guard> {
        self.inner.guard.get()
    }

    pub(crate) fn headers_of(&self, actor: &Actor) -> Result<HeaderMap, crate::identity::IdentityError> {
        self.admits(actor)
            .map_err(|_| crate::identity::IdentityError::ActsAsAnother)?;
        actor.headers(self.inner.key.get())
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Waits for a turn. The semaphore is never closed, so `None` is never seen.
    pub(crate) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.inner.slots.acquire().await.ok()
    }

    /// A connection with room for one more watch. Held as long as the watch runs.
    pub(crate) async fn lane(&self) -> Result<Lane, ConnectError> {
        if let Some(lane) = self.free_lane() {
            return Ok(lane);
        }
        let inner = Arc::clone(&self.inner);
        let made = tokio::task::spawn_blocking(move || (inner.new_lane)()).await;
        let client = made.map_err(|e| ConnectError::SetUp {
            server: self.server().to_owned(),
            source: Box::new(e),
        })??;
        let lane = Lane {
            client,
            shares: Arc::new(()),
        };
        let mut lanes = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.push(lane.clone());
        Ok(lane)
    }

    fn free_lane(&self) -> Option<Lane> {
        let lanes = self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        // One share is the list's own.
        let has_room = |lane: &&Lane| Arc::strong_count(&lane.shares) <= WATCHES_PER_LANE;
        lanes.iter().find(has_room).cloned()
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.inner.server)
            .finish_non_exhaustive()
    }
}

async fn configuration(access: &Access) -> Result<Config, ConnectError> {
    let (kubeconfig, context) = match access {
        Access::InCluster => return Config::incluster().map_err(|e| ConnectError::InCluster(Box::new(e))),
        Access::Files { paths, context } => (merged(paths)?, context),
        Access::Text { text, context } => (kubeconfig::hostile(text)?, context),
    };
    let options = KubeConfigOptions {
        context: context.clone(),
        ..KubeConfigOptions::default()
    };
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|source| ConnectError::Context {
            context: context.clone(),
            source: Box::new(source),
        })
}

fn merged(paths: &[PathBuf]) -> Result<Kubeconfig, ConnectError> {
    let failed = |path: &Path, source| ConnectError::File {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in paths.iter().filter(|path| path.exists()) {
        let next = Kubeconfig::read_from(path).map_err(|e| failed(path, e))?;
        merged = Some(match merged {
            None => next,
            Some(before) => before.merge(next).map_err(|e| failed(path, e))?,
        });
    }
    merged.ok_or_else(|| ConnectError::NoFile { paths: paths.to_vec() })
}

#[cfg(test)]
mod tests;
