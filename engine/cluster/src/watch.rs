//! One watch: a list of what is there, then every change, for as long as it is wanted.
//!
//! It starts as a stream where the server has that (WatchList: `sendInitialEvents`), else as a paged list followed by a watch.
//! A connection that is lost is resumed at the last version seen; a version that is too old (410) begins anew. Between the
//! tries it waits, longer each time, and tells its [`Sink`] since when it sees nothing.

mod events;

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use kube::client::Body;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    call::{self, Call, CallError, jittered},
    connect::Connection,
    delete::text,
    identity::Actor,
    requests::Verb,
    resource::{Resource, with_query},
};

use events::{Event, Events};

/// What is watched. Always by the connection's own credential: watching is observing.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) resource: Arc<Resource>,
    /// "" = all of them.
    pub(crate) namespace: String,
    /// Label selector; "" = everything.
    pub(crate) selector: String,
    /// Field selector; "" = everything.
    pub(crate) field: String,
    /// `PartialObjectMetadata` only.
    pub(crate) metadata: bool,
}

/// Who is told. Called in order, from one task.
pub(crate) trait Sink: Send {
    /// A list begins: what is not seen until [`Sink::listed`] is gone.
    fn listing(&mut self);
    /// An object is there, in that form.
    fn seen(&mut self, object: &Value);
    /// An object is gone, or no longer selected: which of them, the server doesn't tell.
    fn gone(&mut self, object: &Value);
    /// The list is through.
    fn listed(&mut self);
    /// From now on changes are seen as they happen.
    fn following(&mut self);
    /// Nothing is seen any more, for that reason. It is tried again.
    fn lost(&mut self, error: &CallError);
}

/// How long the server keeps a watch open. It is opened anew then, at no cost but a request.
const OPEN: Duration = Duration::from_secs(480);
/// What a watch may take longer than that before it is ended from here. (Over HTTP/2 a ping finds out sooner that it is dead.)
const GRACE: Duration = Duration::from_secs(15);
/// A watch is never so long without a bookmark, which comes every minute. Opening another one costs a request.
const IDLE: Duration = Duration::from_secs(150);
/// First wait after a failure; each further one is twice as long.
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// Longest wait.
const BACKOFF_MOST: Duration = Duration::from_secs(30);
/// A watch that lasted so long was a good one: the next failure is a first.
const GOOD: Duration = Duration::from_secs(10);
/// A watch that ends sooner is not opened anew at once: the threat is a proxy that ends them all.
const SHORT: Duration = Duration::from_secs(1);
/// Objects a page.
const PAGE: &str = "500";

const OBJECTS: &str = "application/json";
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// Watches until it is dropped.
pub(crate) async fn run(connection: Connection, spec: Spec, mut sink: impl Sink) {
    let mut watch = Watch {
        connection,
        spec,
        version: None,
        streams: true,
    };
    let mut failures = 0;
    loop {
        let started = Instant::now();
        let end = match watch.once(&mut sink).await {
            // The server ends watches now and then; what it would have sent meanwhile comes with the next.
            Ok(Ended::InOrder) => {
                failures = 0;
                if started.elapsed() < SHORT {
                    sleep(jittered(SHORT)).await;
                }
                continue;
            }
            Ok(Ended::Otherwise) => continue,
            Err(end) => end,
        };
        if let End::Expired = end {
            tracing::debug!(resource = %watch.spec.resource.label(), "watch begins anew");
            watch.version = None;
        }
        let lost = match end {
            // The list may be as fast as ever, so the first time nothing is lost.
            End::Expired if failures == 0 => None,
            End::Expired => Some(CallError::Refused {
                status: Box::new(crate::status::Status::read(410, b"the list expires while it is read")),
                retry_after: None,
            }),
            End::Failed(error) => Some(error),
        };
        failures = if started.elapsed() > GOOD { 1 } else { failures + 1 };
        if let Some(error) = lost {
            sink.lost(&error);
            sleep(pause(&error, failures)).await;
        }
    }
}

fn pause(error: &CallError, failures: u32) -> Duration {
    let own = BACKOFF_FIRST.saturating_mul(1 << failures.min(12)).min(BACKOFF_MOST);
    match error {
        CallError::Refused {
            retry_after: Some(asked),
            ..
        } => (*asked).clamp(BACKOFF_FIRST, BACKOFF_MOST),
        _ => jittered(own),
    }
}

/// How a watch ended well.
enum Ended {
    InOrder,
    /// It is to be opened in another way.
    Otherwise,
}

/// Why a watch ended otherwise than in order.
#[derive(Debug)]
enum End {
    /// The version is too old for the server.
    Expired,
    Failed(CallError),
}

impl From<CallError> for End {
    fn from(error: CallError) -> Self {
        let is_expired = error.status().is_some_and(|s| s.code == 410 || s.reason == "Expired");
        if is_expired { Self::Expired } else { Self::Failed(error) }
    }
}

struct Watch {
    connection: Connection,
    spec: Spec,
    /// The last one that was seen; `None` = a list is needed.
    version: Option<String>,
    /// The server has WatchList, as far as is known.
    streams: bool,
}

impl Watch {
    /// Up to the end of one connection. `Ok` when the server ended it in order.
    async fn once(&mut self, sink: &mut impl Sink) -> Result<Ended, End> {
        let lists = self.version.is_none();
        if lists && !self.streams {
            self.list(sink).await?;
        }
        let initial = lists && self.streams;
        let deadline = Instant::now() + OPEN + GRACE;
        let lane = self.connection.lane().await.map_err(|error| {
            End::Failed(CallError::Unreachable {
                server: self.connection.server().to_owned(),
                tries: 1,
                source: Arc::new(error),
            })
        })?;
        let body = match self.open(&lane.client, initial).await {
            Err(End::Failed(error)) if initial && matches!(error.code(), Some(400 | 422)) => {
                // An older server, or one with the feature switched off.
                self.streams = false;
                return Ok(Ended::Otherwise);
            }
            body => body?,
        };
        if initial {
            sink.listing();
        } else {
            sink.following();
        }
        let connection = self.connection.clone();
        let mut events = Events::new(body, connection.server());
        loop {
            // Silence may be a dead connection; nothing is lost by a new one.
            let silent = deadline.min(Instant::now() + IDLE);
            let Ok(event) = timeout_at(silent, events.next()).await else {
                return self
                    .version
                    .as_ref()
                    .map(|_| Ended::InOrder)
                    .ok_or_else(|| self.silent());
            };
            let Some(event) = event? else {
                return self.version.as_ref().map(|_| Ended::InOrder).ok_or_else(|| self.cut());
            };
            self.take(event, initial, sink)?;
        }
    }

    fn take(&mut self, event: Event, initial: bool, sink: &mut impl Sink) -> Result<(), End> {
        let is_listing = initial && self.version.is_none();
        match event {
            Event::Seen(object) => {
                sink.seen(&object);
                self.reached(&object, is_listing);
            }
            Event::Gone(object) => {
                sink.gone(&object);
                self.reached(&object, is_listing);
            }
            Event::Bookmark(object) => {
                let ends_list = object
                    .pointer("/metadata/annotations/k8s.io~1initial-events-end")
                    .is_some();
                if is_listing && ends_list {
                    self.reached(&object, false);
                    sink.listed();
                    sink.following();
                } else {
                    self.reached(&object, is_listing);
                }
            }
            Event::Error(status) => {
                let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Err(End::from(CallError::Refused {
                    status: Box::new(crate::status::Status {
                        code: code.as_u16(),
                        ..status
                    }),
                    retry_after: None,
                }));
            }
        }
        Ok(())
    }

    /// Within a list, versions are those of the objects, and nothing to resume at.
    fn reached(&mut self, object: &Value, is_listing: bool) {
        let version = text(object, "/metadata/resourceVersion");
        if !is_listing && !version.is_empty() {
            self.version = Some(version.to_owned());
        }
    }

    fn selected(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let selectors = [
            ("labelSelector", &self.spec.selector),
            ("fieldSelector", &self.spec.field),
        ];
        let selectors = selectors.into_iter().filter(|(_, selector)| !selector.is_empty());
        selectors.map(|(name, selector)| (name, selector.as_str()))
    }

    async fn open(&self, client: &kube::Client, initial: bool) -> Result<Body, End> {
        let seconds = jittered(OPEN).as_secs().to_string();
        let mut query = vec![
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", seconds.as_str()),
        ];
        query.extend(self.selected());
        if initial {
            query.extend([("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]);
        } else if let Some(version) = &self.version {
            query.push(("resourceVersion", version));
        }
        let mut call = self.call(Verb::Watch, &query);
        call.accept = if self.spec.metadata { METADATA } else { OBJECTS };
        Ok(self.connection.stream(client, &call).await?)
    }

    async fn list(&mut self, sink: &mut impl Sink) -> Result<(), End> {
        sink.listing();
        let mut next = String::new();
        loop {
            let mut query = vec![("limit", PAGE)];
            query.extend(self.selected());
            if !next.is_empty() {
                query.push(("continue", &next));
            }
            let mut call = self.call(Verb::List, &query);
            call.accept = if self.spec.metadata { METADATA_LIST } else { OBJECTS };
            let answer = self.connection.call(&Actor::Own, &call).await?;
            let mut page: Value = answer.json()?;
            let items = page.get_mut("items").and_then(Value::as_array_mut).map(std::mem::take);
            for mut item in items.unwrap_or_default() {
                // Items of a list don't say what they are.
                if let Some(map) = item.as_object_mut() {
                    map.insert("apiVersion".to_owned(), self.spec.resource.api_version().into());
                    map.insert("kind".to_owned(), self.spec.resource.kind.as_str().into());
                }
                sink.seen(&item);
            }
            text(&page, "/metadata/continue").clone_into(&mut next);
            if next.is_empty() {
                self.version = Some(text(&page, "/metadata/resourceVersion").to_owned());
                sink.listed();
                return Ok(());
            }
        }
    }

    fn call(&self, verb: Verb, query: &[(&str, &str)]) -> Call {
        let path = self.spec.resource.all(&self.spec.namespace);
        Call::get(verb, &self.spec.resource.label(), with_query(&path, query))
    }

    fn silent(&self) -> End {
        End::Failed(CallError::Timeout {
            server: self.connection.server().to_owned(),
            after: IDLE,
        })
    }

    fn cut(&self) -> End {
        let source = std::io::Error::new(
            std::io::ErrorKind::UnexpectedEof,
            "the list ended before it was through",
        );
        End::Failed(CallError::Unreachable {
            server: self.connection.server().to_owned(),
            tries: 1,
            source: Arc::new(source),
        })
    }
}

impl Connection {
    /// Opens a stream on a connection of its own. The answer is counted when it begins.
    async fn stream(&self, client: &kube::Client, call: &Call) -> Result<Body, CallError> {
        let limits = self.limits();
        let headers = self.headers_of(&Actor::Own)?;
        let opened = tokio::time::timeout(limits.one, self.send_over(client, &headers, call, 1)).await;
        let response = match opened {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                self.requests().count(call.verb, &call.resource, 0);
                return Err(error);
            }
            Err(_) => {
                self.requests().count(call.verb, &call.resource, 0);
                return Err(CallError::Timeout {
                    server: self.server().to_owned(),
                    after: limits.one,
                });
            }
        };
        self.requests()
            .count(call.verb, &call.resource, response.status().as_u16());
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let (head, body) = response.into_parts();
        let bytes = tokio::time::timeout(limits.one, call::collect(body, MAX_REFUSAL)).await;
        let bytes = bytes.ok().and_then(Result::ok).unwrap_or_default();
        Err(call::refused(head.status, &head.headers, &bytes))
    }
}

/// Bytes that are read of a refusal.
const MAX_REFUSAL: usize = 1 << 20;

#[cfg(test)]
mod tests;
