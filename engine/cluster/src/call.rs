//! One request with its tries: time budgets, repetitions with their reasons, and what came of it.

mod error;

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER, USER_AGENT, WARNING},
};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use tokio::time::{Instant, sleep, timeout};

use crate::{connect::Connection, identity::Actor, requests::Verb, status::Status};

pub use error::CallError;

/// How long and how often one request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One try, answer read. An API server ends every request after 60 s itself (`--request-timeout`): what takes longer is
    /// a dead connection.
    pub one: Duration,
    /// All tries and the waits between them. The threat is an overloaded server: a caller has to be told at some time.
    pub all: Duration,
    /// Tries after faults (5xx, a lost connection). Refusals with 429 are bounded by time only: the server is alive.
    pub tries: u32,
    /// Longest wait that a server can ask for (`Retry-After`).
    pub longest_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            one: Duration::from_secs(65),
            all: Duration::from_secs(100),
            tries: 5,
            longest_wait: Duration::from_secs(30),
        }
    }
}

/// First wait after a fault; each further one is twice as long, up to [`BACKOFF_MOST`], and a random part of it is taken,
/// so that many callers don't come back together.
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
/// Longest wait of our own.
const BACKOFF_MOST: Duration = Duration::from_secs(5);

/// A 500 that says this would say it again. A webhook that can't be asked is not there in a tenth of a second either, and each
/// try costs its timeout; the others are of server-side apply, about an object that doesn't fit its schema.
const LASTING: [&str; 5] = [
    "failed calling webhook",
    "conversion webhook for",
    "failed to create typed patch object",
    "failed to convert new object",
    "request is too large",
];

/// Largest answer that is read. An object is at most some 3 MiB (etcd's limit and managedFields), a page of 500 objects'
/// metadata a few more; the threat is a cluster of somebody else's that never stops sending.
pub(crate) const MAX_ANSWER: usize = 64 << 20;

/// Body of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Json,
    /// Server-side apply; JSON is YAML.
    Apply,
    JsonPatch,
}

impl Content {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Apply => "application/apply-patch+yaml",
            Self::JsonPatch => "application/json-patch+json",
        }
    }
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    /// For counting and messages: `deployments.apps`.
    pub(crate) resource: String,
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) uri: String,
    pub(crate) accept: &'static str,
    pub(crate) content: Option<(Content, Bytes)>,
    /// The answer that is known already.
    pub(crate) known: Option<HeaderValue>,
}

/// As audit logs show it.
pub(crate) static AGENT: HeaderValue = HeaderValue::from_static(concat!("windlass/", env!("CARGO_PKG_VERSION")));

/// Plain JSON.
pub(crate) const JSON: &str = "application/json";

impl Call {
    pub(crate) fn get(verb: Verb, resource: &str, uri: String) -> Self {
        Self {
            verb,
            resource: resource.to_owned(),
            method: Method::GET,
            uri,
            accept: JSON,
            content: None,
            known: None,
        }
    }

    /// Whether doing it twice does no harm, when it isn't known whether it was done once. Everything but a POST: an apply is
    /// a statement, a JSON patch tests first, and a delete carries the UID.
    const fn is_repeatable(&self) -> bool {
        !matches!(self.verb, Verb::Create)
    }

    fn request(&self, actor: &HeaderMap, agent: &HeaderValue) -> Result<Request<Body>, http::Error> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(&self.uri)
            .header(ACCEPT, self.accept)
            .header(USER_AGENT, agent);
        if let Some(known) = &self.known {
            request = request.header(IF_NONE_MATCH, known);
        }
        let mut body = Body::empty();
        if let Some((content, bytes)) = &self.content {
            request = request.header(CONTENT_TYPE, content.media_type());
            body = Body::from(bytes.clone());
        }
        let mut request = request.body(body)?;
        for (name, value) in actor {
            request.headers_mut().append(name, value.clone());
        }
        Ok(request)
    }
}

/// An answer below 400.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) body: Bytes,
    /// Texts of the `Warning` headers.
    pub(crate) warnings: Vec<String>,
    pub(crate) etag: Option<HeaderValue>,
}

impl Answer {
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(&self.body).map_err(|source| CallError::NotJson {
            source: Arc::new(source),
        })
    }
}

impl Connection {
    /// Makes a request, as often as its reasons allow.
    pub(crate) async fn call(&self, actor: &Actor, call: &Call) -> Result<Answer, CallError> {
        let headers = self.headers_of(actor)?;
        let limits = self.limits();
        let end = Instant::now() + limits.all;
        let mut tries = 0;
        loop {
            tries += 1;
            let budget = limits.one.min(end.saturating_duration_since(Instant::now()));
            let failure = match self.once(&headers, call, tries, budget).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(wait) = pause(&failure, call, tries, &limits) else {
                return Err(failure);
            };
            if Instant::now() + wait >= end {
                return Err(failure);
            }
            tracing::debug!(verb = %call.verb, resource = %call.resource, tries, ?wait, error = %failure, "request is repeated");
            sleep(wait).await;
        }
    }

    async fn once(&self, actor: &HeaderMap, call: &Call, tries: u32, budget: Duration) -> Result<Answer, CallError> {
        // Held for one try only, never across a wait.
        let _slot = self.slot().await;
        // After the wait, which may have been long.
        if call.verb.is_write() && self.guarded().is_some_and(|guard| !guard.fence.admits()) {
            return Err(CallError::Fenced);
        }
        let mut code = 0;
        let outcome = timeout(budget, async {
            let response = self.send_over(self.client(), actor, call, tries).await?;
            code = response.status().as_u16();
            self.read(response, tries).await
        })
        .await;
        self.requests().count(call.verb, &call.resource, code);
        outcome.unwrap_or_else(|_| {
            Err(CallError::Timeout {
                server: self.server().to_owned(),
                after: budget,
            })
        })
    }

    /// Sends, and gives the answer with its body unread.
    pub(crate) async fn send_over(
        &self,
        client: &Client,
        actor: &HeaderMap,
        call: &Call,
        tries: u32,
    ) -> Result<Response<Body>, CallError> {
        let agent = self.guarded().map_or(&AGENT, |guard| &guard.agent);
        let request = call.request(actor, agent).map_err(|e| self.unreachable(e, tries))?;
        client.send(request).await.map_err(|e| match e {
            kube::Error::Auth(source) => CallError::Credential {
                server: self.server().to_owned(),
                source: Arc::new(source),
            },
            kube::Error::Service(source) => self.unreachable(source, tries),
            other => self.unreachable(other, tries),
        })
    }

    async fn read(&self, response: Response<Body>, tries: u32) -> Result<Answer, CallError> {
        let (head, body) = response.into_parts();
        let bytes = collect(body, MAX_ANSWER).await.map_err(|e| match e {
            Unread::Broken(e) => self.unreachable(e, tries),
            Unread::TooLarge => CallError::TooLarge {
                server: self.server().to_owned(),
                limit: MAX_ANSWER,
            },
        })?;
        if head.status.is_client_error() || head.status.is_server_error() {
            return Err(refused(head.status, &head.headers, &bytes));
        }
        Ok(Answer {
            code: head.status,
            body: bytes,
            warnings: warnings(&head.headers),
            etag: head.headers.get(ETAG).cloned(),
        })
    }

    fn unreachable(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>, tries: u32) -> CallError {
        CallError::Unreachable {
            server: self.server().to_owned(),
            tries,
            source: Arc::from(source.into()),
        }
    }
}

/// Why a body was not read to its end.
pub(crate) enum Unread {
    Broken(Box<dyn std::error::Error + Send + Sync>),
    TooLarge,
}

/// A body, up to a number of bytes.
pub(crate) async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Unread> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Unread::Broken(error.into()))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(Unread::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

pub(crate) fn refused(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> CallError {
    let status = Box::new(Status::read(code.as_u16(), body));
    let header = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse().ok());
    let seconds = header.or((status.details.retry_after_seconds > 0).then_some(status.details.retry_after_seconds));
    CallError::Refused {
        status,
        retry_after: seconds.map(Duration::from_secs),
    }
}

/// How long to wait before the same request is made again; `None` = it is not.
fn pause(failure: &CallError, call: &Call, tries: u32, limits: &Limits) -> Option<Duration> {
    let backoff = || jittered(BACKOFF_FIRST.saturating_mul(1 << tries.min(10)).min(BACKOFF_MOST));
    let fault = || (call.is_repeatable() && tries < limits.tries).then(backoff);
    match failure {
        CallError::Refused { status, retry_after } => match status.code {
            // Refused before anything was done, so even a POST may come again.
            429 => Some(retry_after.map_or_else(backoff, |asked| asked.min(limits.longest_wait))),
            500 if LASTING.iter().any(|phrase| status.says(phrase)) => None,
            500 | 502 | 503 | 504 => fault().map(|own| retry_after.map_or(own, |asked| asked.min(limits.longest_wait))),
            _ => None,
        },
        CallError::Unreachable { .. } => fault(),
        // A whole budget is gone: what is left of the other decides.
        CallError::Timeout { .. } => fault(),
        CallError::TooLarge { .. }
        | CallError::Fenced
        | CallError::NotJson { .. }
        | CallError::Credential { .. }
        | CallError::Identity(_) => None,
    }
}

/// Between half of a wait and all of it.
pub(crate) fn jittered(most: Duration) -> Duration {
    let mut byte = [0u8; 2];
    // Without randomness everybody waits the full time: nothing worse.
    let share = getrandom::fill(&mut byte).map_or(u16::MAX, |()| u16::from_le_bytes(byte));
    most / 2 + most.mul_f64(f64::from(share) / f64::from(u16::MAX) / 2.0)
}

/// `299 - "text"`, RFC 9111 § 5.5; the API server escapes quotes and backslashes.
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let text = |value: &HeaderValue| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let quoted = value.strip_prefix("299 - \"")?.strip_suffix('"')?;
        Some(quoted.replace("\\\"", "\"").replace("\\\\", "\\"))
    };
    headers.get_all(WARNING).iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests;
