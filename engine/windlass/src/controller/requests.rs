//! What people ask of an object by its annotation, done once each, and answered in its status.
//!
//! What is taken up is written down first, and then done: a process that is killed meanwhile leaves a request that nobody does twice.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use windlass_cluster::cluster::Cluster as Api;
use windlass_core::{
    config::{full_name, parts_of},
    crds::{GROUP, VERSION},
    render::{Instant, shorten},
    status::{RequestOutcome, RequestStatus},
};

use super::{
    kinds::Kind,
    objects::{Object, Objects},
};
use crate::{
    clock,
    control::{self, Apps, Asked, Request, Response, Sent},
    engine::{Engine, blocking},
    outbox, reconcile,
    run::Event,
    stop::{Stop, chain},
};

/// Field manager of answers. The rest of a status is another's, so that neither takes out what the other wrote.
const MANAGER: &str = "windlass-requests";

/// A request of longer ago, or of so far ahead, is not done: a backup that is restored must not roll anything back.
const OLD: i64 = 3600;

/// Bytes of each sentence of an answer; the threat is an object that grows to what an API server doesn't take.
const SENTENCE: usize = 2_000;

/// An answer that can't be written is tried so often, and so long after.
const TRIES: u32 = 5;
const BETWEEN: Duration = Duration::from_secs(1);

type Key = (Kind, String);

/// Who does what is asked.
pub(super) struct Requests {
    home: Api,
    engine: Arc<Engine>,
    /// By object, what was taken up last: its UID and the id of the request.
    heeded: BTreeMap<Key, (String, String)>,
    /// What is being done: of one object one after the other.
    under_way: BTreeMap<Key, JoinHandle<()>>,
}

impl Requests {
    pub(super) const fn new(home: Api, engine: Arc<Engine>) -> Self {
        Self {
            home,
            engine,
            heeded: BTreeMap::new(),
            under_way: BTreeMap::new(),
        }
    }

    /// Does what any object asks for, once the engine knows it. `is_ours`: whether this replica is who answers.
    pub(super) fn heed_all(&mut self, objects: &Objects, is_ours: impl Fn(Kind, &str) -> bool) {
        for kind in [Kind::App, Kind::Plugin] {
            let asked = objects.of(kind).filter(|(_, object)| object.asked.is_some());
            for (id, object) in asked.filter(|(id, _)| is_ours(kind, id)) {
                self.take(kind, id, object);
            }
        }
    }

    /// The same of one.
    pub(super) fn heed(&mut self, kind: Kind, id: &str, objects: &Objects) {
        if let Some(object) = objects.get(kind, id) {
            self.take(kind, id, object);
        }
    }

    fn take(&mut self, kind: Kind, id: &str, object: &Object) {
        // One that goes, or that can't be read any more, isn't what was decided about.
        let is_whole = object.leaves.is_none() && object.mistake.is_none();
        let Some(text) = object.asked.as_ref().filter(|_| is_whole && self.knows(kind, id)) else {
            return;
        };
        let app = match kind {
            Kind::App => {
                let (namespace, name) = parts_of(id);
                full_name(namespace, name)
            }
            _ => String::new(),
        };
        let Some((request, sent)) = Sent::read(text, &app) else {
            return;
        };
        let key = (kind, id.to_owned());
        let taken = (object.uid.clone(), request.clone());
        if self.heeded.get(&key) == Some(&taken) {
            return;
        }
        self.heeded.insert(key.clone(), taken);
        let sent = match &object.answered {
            Some(answered) if answered.id == request && answered.outcome.is_some() => return,
            Some(answered) if answered.id == request => Err(refused(
                "the engine was stopped while it did this",
                Some("look whether it was done, and ask again if not"),
            )),
            _ => sent
                .map_err(|why| refused(&format!("the request can't be read: {why}"), None))
                .and_then(|sent| timely(sent, clock::now())),
        };
        let task = Task {
            home: self.home.clone(),
            engine: Arc::clone(&self.engine),
            key: key.clone(),
            uid: object.uid.clone(),
            request,
        };
        self.under_way.retain(|_, task| !task.is_finished());
        let before = self.under_way.remove(&key);
        let task = tokio::spawn(async move {
            if let Some(before) = before {
                // It broke off: this one is another.
                let _ = before.await;
            }
            task.perform(sent).await;
        });
        self.under_way.insert(key, task);
    }

    fn knows(&self, kind: Kind, id: &str) -> bool {
        let config = self.engine.config();
        match kind {
            Kind::App => config.apps.contains_key(id),
            Kind::Plugin => config.plugins.contains_key(id),
            _ => false,
        }
    }
}

/// One that is of now.
fn timely(sent: Sent, now: Instant) -> Result<Sent, RequestOutcome> {
    if (now.seconds - sent.at.seconds).abs() <= OLD {
        return Ok(sent);
    }
    Err(refused(
        "it was asked more than an hour ago, or by a clock that is as wrong, and is not done any more",
        Some("ask again"),
    ))
}

fn refused(message: &str, help: Option<&str>) -> RequestOutcome {
    RequestOutcome {
        refusal: Some(message.to_owned()),
        help: help.map(str::to_owned),
        messages: Vec::new(),
    }
}

/// One request.
struct Task {
    home: Api,
    engine: Arc<Engine>,
    key: Key,
    uid: String,
    request: String,
}

impl Task {
    async fn perform(self, sent: Result<Sent, RequestOutcome>) {
        let outcome = match sent {
            Err(refusal) => refusal,
            Ok(sent) => {
                if !self.write(None).await {
                    return;
                }
                tracing::info!(kind = self.key.0.name(), id = %self.key.1, request = %self.request, asked = ?sent.asked, "asked");
                match sent.asked {
                    Asked::Decide(request) => self.decide(request).await,
                    Asked::Reconcile { with_source } => {
                        let looked = self.reconcile(with_source).await;
                        looked.unwrap_or_else(|stop| of_stop(&stop))
                    }
                }
            }
        };
        self.write(Some(shortened(outcome))).await;
    }

    async fn decide(&self, request: Request) -> RequestOutcome {
        if let Request::ApprovePlugin { plugin, .. } = &request {
            let name = plugin.split('@').next().unwrap_or_default();
            if name != self.key.1 {
                return refused("it is about another Plugin", None);
            }
        }
        let apps = Apps::of(self.engine.config().apps.values());
        let desk = Arc::clone(self.engine.desk());
        match blocking(move || control::perform(&desk, &apps, &request)).await {
            Ok(Response::Decided { messages, .. }) => RequestOutcome {
                messages,
                ..RequestOutcome::default()
            },
            Ok(Response::Refused { message, help }) => refused(&message, help.as_deref()),
            Ok(_) => refused("it decides nothing", None),
            Err(stop) => of_stop(&stop),
        }
    }

    /// Looks at an App, and says how it is.
    async fn reconcile(&self, with_source: bool) -> Result<RequestOutcome, Stop> {
        let config = self.engine.config();
        let Some(app) = config.apps.get(&self.key.1) else {
            return Ok(refused("the App is gone", None));
        };
        if with_source {
            let repository = app.repository().to_owned();
            let sources = self.engine.sources();
            let listing = sources.list(std::slice::from_ref(&repository)).await;
            let listing = listing.map_err(|refusal| refusal.stop)?;
            sources
                .refresh(&repository, &listing)
                .await
                .map_err(|refusal| refusal.stop)?;
        }
        let report = reconcile::sync(&self.engine, app).await;
        if report.wants_another_look() {
            self.engine.desk().wake(app.id());
        }
        let event = outbox::event(app, &report);
        let commit: String = report.revision.as_deref().unwrap_or("-").chars().take(12).collect();
        let message = format!("{} at {commit}: {}", report.health.word(), event.message);
        self.engine.tell(Event::Report(report));
        Ok(RequestOutcome {
            messages: vec![message],
            ..RequestOutcome::default()
        })
    }

    /// Whether it could be written; an object that is gone, or another one by now, needs no answer.
    async fn write(&self, outcome: Option<RequestOutcome>) -> bool {
        let (kind, id) = &self.key;
        let (resource, object) = (kind.resource(), kind.object(id));
        let status = RequestStatus {
            id: self.request.clone(),
            at: clock::now(),
            outcome,
        };
        let mut metadata = json!({"name": object.name, "uid": self.uid});
        if !object.namespace.is_empty() {
            metadata["namespace"] = Value::from(object.namespace.clone());
        }
        let body = json!({
            "apiVersion": format!("{GROUP}/{VERSION}"), "kind": kind.name(), "metadata": metadata, "status": {"request": status},
        });
        for tries in 1..=TRIES {
            let written = self.home.put_status(&resource, &object, &body, MANAGER).await;
            let Err(error) = written else { return true };
            tracing::warn!(kind = kind.name(), %id, request = %self.request, error = chain(&error), "a request can't be answered");
            if !error.is_transient() || tries == TRIES {
                break;
            }
            tokio::time::sleep(BETWEEN).await;
        }
        false
    }
}

fn of_stop(stop: &Stop) -> RequestOutcome {
    let first = stop.diagnostics.first();
    let message = first.map_or("it was interrupted", |finding| finding.message.as_str());
    refused(message, first.and_then(|finding| finding.help.as_deref()))
}

fn shortened(mut outcome: RequestOutcome) -> RequestOutcome {
    let texts = outcome
        .messages
        .iter_mut()
        .chain(&mut outcome.refusal)
        .chain(&mut outcome.help);
    for text in texts {
        let mut left = SENTENCE;
        shorten(text, &mut left);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use windlass_core::moment;

    use super::*;

    #[test]
    fn what_is_old_is_not_done() {
        let sent = |at: &str| Sent {
            id: "1".into(),
            at: moment::parse(at).unwrap(),
            asked: Asked::Reconcile { with_source: false },
        };
        let now = moment::parse("2026-01-01T12:00:00Z").unwrap();
        for (at, is_done) in [
            ("2026-01-01T11:00:00Z", true),
            ("2026-01-01T10:59:59Z", false),
            ("2026-01-01T12:05:00Z", true),
            ("2026-01-01T13:00:01Z", false),
        ] {
            assert_eq!(timely(sent(at), now).is_ok(), is_done, "{at}");
        }
    }

    #[test]
    fn an_answer_is_bounded() {
        let outcome = shortened(refused(&"x".repeat(10_000), Some(&"y".repeat(10_000))));
        assert!(outcome.refusal.unwrap().len() <= SENTENCE + 8 && outcome.help.unwrap().len() <= SENTENCE + 8);
    }
}
