//! The cluster that a verb asks, as kubectl finds it, with the user's own credential and rights.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::mpsc::unbounded_channel,
    time::{Instant, timeout_at},
};
use windlass_cluster::{
    call::Limits,
    cluster::Cluster as Api,
    connect::{Access, Connection},
    discovery::KindError,
    follow::Told,
    identity::Actor,
    refusal::Refusal,
    resource::Resource,
};
use windlass_core::{
    crds::{GROUP, KINDS, Scope, VERSION},
    ledger::{Kept, Ledger},
    status::{RequestOutcome, RequestStatus},
};

use super::{failure::Failure, global::Global, sync::span};
use crate::{
    control::{ANNOTATION, Asked, Sent},
    stop::chain,
};

/// Field manager of requests.
const MANAGER: &str = "windlass-cli";

/// A person waits: they are told sooner than a loop.
const LIMITS: Limits = Limits {
    one: Duration::from_secs(20),
    all: Duration::from_secs(30),
    tries: 3,
    longest_wait: Duration::from_secs(10),
};

/// Whether `kubectl` started this program, as its plugin.
pub(super) fn is_kubectl() -> bool {
    let program = env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_stem().unwrap_or_default().to_string_lossy();
    name == "kubectl-windlass"
}

/// Which cluster.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Context {
    /// Ask the cluster of this kubeconfig [default: what `kubectl` takes]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Ask the cluster of this context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// Which cluster, and where there.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Place {
    #[command(flatten)]
    context: Context,

    /// Ask a cluster; the namespace of APP there [default: the context's]
    #[arg(short, long, value_name = "NS")]
    namespace: Option<String>,
}

/// Which cluster, and for how long its engine may take.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Patient {
    #[command(flatten)]
    place: Place,

    /// How long to wait for the engine of a cluster
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "30s")]
    timeout: Duration,
}

/// A cluster that is asked instead of a state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remote<'a> {
    pub(super) context: &'a Context,
    pub(super) namespace: Option<&'a str>,
    pub(super) timeout: Duration,
}

impl Context {
    fn is_given(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some() || is_kubectl()
    }

    /// A cluster, if one is to be asked.
    pub(super) fn remote(&self) -> Option<Remote<'_>> {
        self.is_given().then_some(Remote {
            context: self,
            namespace: None,
            timeout: LIMITS.all,
        })
    }

    /// # Errors
    /// When there is no kubeconfig, or it can't be used.
    pub(super) async fn connect(&self) -> Result<Site, Failure> {
        let paths = self
            .kubeconfig
            .as_ref()
            .map_or_else(|| Global::kubeconfigs().0, |file| vec![file.clone()]);
        let is_pod = env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        let access = if is_pod && !self.is_given() && !paths.iter().any(|path| path.exists()) {
            Access::InCluster
        } else {
            Access::Files {
                paths,
                context: self.context.clone(),
            }
        };
        let connection = Connection::open(&access, LIMITS).await;
        let connection = connection.map_err(|error| Failure::of_error(&error))?;
        Ok(Site {
            namespace: connection.default_namespace().to_owned(),
            api: Api::new(connection),
            said: Mutex::default(),
        })
    }
}

impl Place {
    /// A cluster, if one is to be asked.
    pub(super) fn remote(&self) -> Option<Remote<'_>> {
        let is_given = self.context.is_given() || self.namespace.is_some();
        is_given.then_some(Remote {
            context: &self.context,
            namespace: self.namespace.as_deref(),
            timeout: LIMITS.all,
        })
    }

    /// # Errors
    /// As [`Context::connect`].
    pub(super) async fn connect(&self) -> Result<Site, Failure> {
        let site = self.context.connect().await?;
        Ok(site.within(self.namespace.as_deref()))
    }
}

impl Patient {
    /// A cluster, if one is to be asked.
    pub(super) fn remote(&self) -> Option<Remote<'_>> {
        self.place.remote().map(|remote| Remote {
            timeout: self.timeout,
            ..remote
        })
    }

    /// # Errors
    /// As [`Context::connect`].
    pub(super) async fn connect(&self) -> Result<Site, Failure> {
        self.place.connect().await
    }

    pub(super) const fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// A cluster, and the namespace that is meant where none is named.
pub(super) struct Site {
    pub(super) api: Api,
    pub(super) namespace: String,
    /// Refusals that were told: each once.
    said: Mutex<Vec<String>>,
}

/// One of Windlass' kinds.
pub(super) fn resource(kind: &str) -> Resource {
    let known = KINDS.iter().find(|known| known.kind == kind);
    Resource {
        group: GROUP.to_owned(),
        version: VERSION.to_owned(),
        kind: kind.to_owned(),
        plural: known.map_or("", |known| known.plural).to_owned(),
        namespaced: known.is_none_or(|known| known.scope == Scope::Namespaced),
    }
}

/// A kind of the core group, or of `apps` and the like.
pub(super) fn foreign(group: &str, kind: &str, plural: &str) -> Resource {
    Resource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
        namespaced: true,
    }
}

impl Site {
    /// With another namespace, if one is named.
    pub(super) fn within(mut self, namespace: Option<&str>) -> Self {
        if let Some(namespace) = namespace {
            namespace.clone_into(&mut self.namespace);
        }
        self
    }

    /// Namespace and name of what somebody calls so.
    pub(super) fn parts<'a>(&'a self, app: &'a str) -> (&'a str, &'a str) {
        app.split_once('/').unwrap_or((&self.namespace, app))
    }

    /// An object of Windlass' own; `None`: it isn't there.
    ///
    /// # Errors
    /// When the user may not, or the kinds aren't installed.
    pub(super) async fn get(&self, kind: &str, namespace: &str, name: &str) -> Result<Option<Value>, Failure> {
        let resource = resource(kind);
        let id = resource.id(if resource.namespaced { namespace } else { "" }, name);
        let found = self.api.get(&Actor::Own, &resource, &id).await;
        match found.map_err(|error| self.failure(&resource, &error))? {
            Some(found) => Ok(Some(found)),
            // Without the kind nothing is there either, and that is another story.
            None if !self.serves(&resource).await => Err(self.not_installed()),
            None => Ok(None),
        }
    }

    async fn serves(&self, resource: &Resource) -> bool {
        let resolved = self
            .api
            .discovery()
            .resolve(&resource.group, &resource.version, &resource.kind)
            .await;
        // Who can't tell is told what they asked.
        resolved.map_or_else(|error| error.is_transient(), |_| true)
    }

    /// All of a kind in a namespace or, with "", everywhere.
    ///
    /// # Errors
    /// As [`Site::get`].
    pub(super) async fn list(&self, kind: &str, namespace: &str) -> Result<Vec<Value>, Failure> {
        let resource = resource(kind);
        let listed = self.api.select(&resource, namespace, "").await;
        listed.map_err(|error| match error {
            Refusal::Gone | Refusal::Kind(_) => self.not_installed(),
            Refusal::Other(status) if status.code == 404 => self.not_installed(),
            error => self.failure(&resource, &error),
        })
    }

    /// An App that must be there.
    ///
    /// # Errors
    /// As [`Site::get`], and when it isn't.
    pub(super) async fn app(&self, app: &str) -> Result<Value, Failure> {
        let (namespace, name) = self.parts(app);
        let found = self.get("App", namespace, name).await?;
        found.ok_or_else(|| {
            Failure::failed(format!(
                "there is no App `{name}` in namespace `{namespace}` of {}",
                self.server()
            ))
            .hint(format!(
                "see `windlass get apps -n {namespace}`, or name another namespace with `-n`"
            ))
        })
    }

    /// What the engine keeps of an App; `None`: nothing was applied yet.
    ///
    /// # Errors
    /// As [`Site::get`], and when it can't be read.
    pub(super) async fn ledger(&self, namespace: &str, name: &str) -> Result<Option<Ledger>, Failure> {
        match self.get("Inventory", namespace, name).await? {
            Some(object) => self.read(namespace, name, &object).await.map(Some),
            None => Ok(None),
        }
    }

    /// Of an `Inventory` object, with its pieces.
    ///
    /// # Errors
    /// As [`Site::ledger`].
    pub(super) async fn read(&self, namespace: &str, name: &str, object: &Value) -> Result<Ledger, Failure> {
        let unreadable = |error: &dyn std::error::Error| {
            Failure::failed(format!(
                "the Inventory `{namespace}/{name}` can't be read: {}",
                chain(error)
            ))
        };
        let spec = object.get("spec").cloned().unwrap_or_default();
        let ledger = Ledger::read(&spec).map_err(|error| unreadable(&error))?;
        let mut pieces = std::collections::BTreeMap::new();
        for piece in &ledger.pieces {
            let found = self.get("Inventory", namespace, piece).await?;
            let text = found.and_then(|found| Some(found.pointer("/spec/piece")?.as_str()?.to_owned()));
            pieces.insert(piece.clone(), text);
        }
        let whole = ledger.whole(|piece| pieces.get(piece).cloned().flatten());
        whole.map_err(|error| unreadable(&error))
    }

    /// URL of the API server.
    pub(super) fn server(&self) -> &str {
        self.api.connection().server()
    }

    /// Whether it is the first time that this is told.
    pub(super) fn is_new(&self, words: &str) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !said.iter().any(|one| one == words);
        if is_new {
            said.push(words.to_owned());
        }
        is_new
    }

    fn not_installed(&self) -> Failure {
        Failure::failed(format!(
            "Windlass isn't installed at {}: its kinds are not there",
            self.server()
        ))
        .hint("install it with `windlass install`, or name another cluster with `--context`")
    }

    fn failure(&self, resource: &Resource, error: &Refusal) -> Failure {
        if matches!(error, Refusal::Kind(KindError::NoMatch { .. })) {
            return self.not_installed();
        }
        let failure = Failure::failed(format!("{} of {}: {}", resource.label(), self.server(), chain(error)));
        match error {
            Refusal::Forbidden(_) => failure.hint(
                "the roles `view` and `edit` of a namespace have these rights where `windlass install` put them; ask who may bind them",
            ),
            _ => failure,
        }
    }

    /// As who the user is known there.
    pub(super) async fn whoami(&self) -> Option<String> {
        self.api.whoami().await.ok().filter(|name| !name.is_empty())
    }

    /// Has the engine do something about an object, and waits for its answer.
    ///
    /// # Errors
    /// When the user may not ask, the object isn't there, nobody answers in time, or it can't be done.
    pub(super) async fn request(
        &self,
        (kind, namespace, name): (&str, &str, &str),
        asked: Asked,
        within: Option<Duration>,
    ) -> Result<RequestOutcome, Failure> {
        let resource = resource(kind);
        let id = resource.id(if resource.namespaced { namespace } else { "" }, name);
        let called = if resource.namespaced {
            format!("{kind} `{namespace}/{name}`")
        } else {
            format!("{kind} `{name}`")
        };
        let Some(object) = self.get(kind, namespace, name).await? else {
            return Err(Failure::failed(format!("there is no {called} at {}", self.server())));
        };
        let deadline = Instant::now() + within.unwrap_or_default();
        let (sender, mut seen) = unbounded_channel();
        let _following = within.map(|_| {
            self.api.follow_one(&resource, &id, move |told| {
                // Nobody waits any more.
                let _ = sender.send(told);
            })
        });
        // Another one's answer is not to be overwritten before they read it.
        if is_pending(&object) {
            while let Ok(Some(told)) = timeout_at(deadline.min(Instant::now() + TURN), seen.recv()).await {
                if matches!(&told, Told::Seen(object) if !is_pending(object)) {
                    break;
                }
            }
        }
        let sent = Sent {
            id: random(),
            at: crate::clock::now(),
            asked,
        };
        let mut metadata = json!({
            "name": name, "uid": object.pointer("/metadata/uid"), "annotations": {ANNOTATION: sent.text()},
        });
        if resource.namespaced {
            metadata["namespace"] = namespace.into();
        }
        let body = json!({"apiVersion": resource.api_version(), "kind": kind, "metadata": metadata});
        let put = self.api.put(&resource, &id, &body, MANAGER).await;
        put.map_err(|error| self.failure(&resource, &error))?;
        if within.is_none() {
            return Ok(RequestOutcome::default());
        }
        let mut lost = None;
        while let Ok(Some(told)) = timeout_at(deadline, seen.recv()).await {
            let object = match told {
                Told::Seen(object) => object,
                Told::Gone { .. } => return Err(Failure::failed(format!("{called} was deleted meanwhile"))),
                Told::Lost(why) => {
                    lost = Some(why);
                    continue;
                }
                Told::Complete => continue,
            };
            if let Some(RequestStatus {
                id,
                outcome: Some(outcome),
                ..
            }) = answer(&object)
                && id == sent.id
            {
                return Ok(outcome);
            }
        }
        let why = lost
            .map(|why| format!(" ({called} can't be watched: {why})"))
            .unwrap_or_default();
        let message = format!(
            "the engine has not answered within {} s{why}: the request stays at {called}, and is done if it comes to it within the hour",
            within.unwrap_or_default().as_secs()
        );
        Err(Failure::late(message)
            .hint("does the controller run, and keep it? See `windlass get`, and the controller's logs"))
    }
}

/// What somebody else asked is waited for so long.
const TURN: Duration = Duration::from_secs(5);

fn answer(object: &Value) -> Option<RequestStatus> {
    serde_json::from_value(object.pointer("/status/request")?.clone()).ok()
}

/// Whether something was asked that has no answer yet.
fn is_pending(object: &Value) -> bool {
    let annotations = object.pointer("/metadata/annotations");
    let Some(text) = annotations.and_then(|all| all.get(ANNOTATION)?.as_str()) else {
        return false;
    };
    let Some((id, _)) = Sent::read(text, "") else {
        return false;
    };
    !answer(object).is_some_and(|answer| answer.id == id && answer.outcome.is_some())
}

/// Nobody draws it twice.
fn random() -> String {
    let mut bytes = [0_u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        let now = crate::clock::now();
        return format!("{}-{}-{}", now.seconds, now.nanoseconds, std::process::id());
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of the places that an App went to, the one to which it went last.
pub(super) fn newest(ledger: &Ledger) -> Option<&Kept> {
    let at = |kept: &&Kept| kept.history.first().map(|entry| entry.at);
    ledger.targets.iter().max_by_key(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_pending_until_its_own_answer_is_there() {
        let object =
            |status: Value| json!({"metadata": {"annotations": {ANNOTATION: r#"{"id":"1"}"#}}, "status": status});
        let at = "2026-01-01T00:00:00Z";
        for (status, expected) in [
            (json!({}), true),
            (json!({"request": {"id": "0", "at": at, "outcome": {}}}), true),
            (json!({"request": {"id": "1", "at": at}}), true),
            (json!({"request": {"id": "1", "at": at, "outcome": {}}}), false),
        ] {
            assert_eq!(is_pending(&object(status.clone())), expected, "{status}");
        }
        assert!(!is_pending(&json!({"metadata": {}})));
    }

    #[test]
    fn ids_are_drawn() {
        assert!(random().len() == 32 && random() != random());
    }
}
