//! An API server in the same process, for tests: what it answers is a function of what it is asked.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, StreamBody};
use kube::{Client, client::Body};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedReceiver;
use tower::{BoxError, service_fn};

use crate::{call::Limits, connect::Connection};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.uri.split('?').next().unwrap()
    }

    /// `PATCH /api/v1/…?…`.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }
}

/// What comes of a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// An answer.
    Json(u16, Value),
    /// An answer with headers.
    With(u16, Vec<(&'static str, String)>, Value),
    /// These chunks one by one, then the end of the stream.
    Chunks(Vec<Chunk>),
    /// These lines, then those that are sent, for as long as anybody may send some.
    Live(Vec<Value>, Arc<tokio::sync::Mutex<UnboundedReceiver<Value>>>),
    /// The connection breaks before there is an answer.
    Lost,
    /// None ever comes.
    Silence,
}

/// A part of an answer's body.
#[derive(Debug, Clone)]
pub(crate) enum Chunk {
    /// Bytes.
    Text(String),
    /// Time passes.
    Wait(Duration),
    /// The connection breaks.
    Reset,
    /// Nothing more, but the stream stays open.
    Open,
}

impl Reply {
    /// A refusal as API servers write them.
    pub(crate) fn status(code: u16, reason: &str, message: &str) -> Self {
        Self::Json(
            code,
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}),
        )
    }

    /// A line of JSON each, then the stream stays open.
    pub(crate) fn events(events: impl IntoIterator<Item = Value>) -> Self {
        let lines = events.into_iter().map(|e| Chunk::Text(format!("{e}\n")));
        Self::Chunks(lines.chain([Chunk::Open]).collect())
    }
}

type Seens = Arc<Mutex<Vec<Seen>>>;

/// The server's book.
#[derive(Clone, Default)]
pub(crate) struct Fake {
    seen: Seens,
}

impl Fake {
    /// A connection to a server that answers so.
    pub(crate) fn new(answer: impl FnMut(&Seen) -> Reply + Send + 'static) -> (Connection, Self) {
        Self::limited(answer, Limits::default())
    }

    /// One answer a request, in this order; then 418.
    pub(crate) fn script(replies: impl IntoIterator<Item = Reply>) -> (Connection, Self) {
        let mut replies = replies.into_iter().collect::<std::collections::VecDeque<_>>();
        Self::new(move |_| {
            replies
                .pop_front()
                .unwrap_or_else(|| Reply::status(418, "", "no further reply"))
        })
    }

    pub(crate) fn limited(answer: impl FnMut(&Seen) -> Reply + Send + 'static, limits: Limits) -> (Connection, Self) {
        let fake = Self::default();
        let (seen, answer) = (Arc::clone(&fake.seen), Arc::new(Mutex::new(answer)));
        let service = service_fn(move |request: Request<Body>| {
            let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
            async move {
                let (head, body) = request.into_parts();
                let bytes = body.collect().await?.to_bytes();
                let saw = Seen {
                    method: head.method,
                    uri: head.uri.to_string(),
                    headers: head.headers,
                    body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
                };
                let reply = (answer.lock().unwrap())(&saw);
                seen.lock().unwrap().push(saw);
                respond(reply).await
            }
        });
        let client = Client::new(service, "default");
        (Connection::over(client, "https://fake:6443", limits), fake)
    }

    /// All requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// All requests so far as `METHOD URI`.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

type Chunks = Pin<Box<dyn stream::Stream<Item = Result<http_body::Frame<Bytes>, BoxError>> + Send>>;

async fn respond(reply: Reply) -> Result<Response<Sync<Chunks>>, BoxError> {
    if let Reply::Live(first, later) = reply {
        let first = stream::iter(first);
        let later = stream::unfold(later, |later| async move {
            let event = later.lock().await.recv().await?;
            Some((event, later))
        });
        let lines = first
            .chain(later)
            .map(|event| Ok(http_body::Frame::data(Bytes::from(format!("{event}\n")))));
        return Ok(Response::new(Sync(StreamBody::new(Box::pin(lines) as Chunks))));
    }
    let (code, headers, chunks) = match reply {
        Reply::Json(code, value) => (code, vec![], vec![Chunk::Text(value.to_string())]),
        Reply::With(code, headers, value) => (code, headers, vec![Chunk::Text(value.to_string())]),
        Reply::Chunks(chunks) => (200, vec![], chunks),
        Reply::Lost => return Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer").into()),
        Reply::Silence | Reply::Live(..) => std::future::pending().await,
    };
    let mut response = Response::builder().status(code);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    let frames = stream::iter(chunks).filter_map(|chunk| async move {
        match chunk {
            Chunk::Text(text) => Some(Ok(http_body::Frame::data(Bytes::from(text)))),
            Chunk::Wait(time) => {
                tokio::time::sleep(time).await;
                None
            }
            Chunk::Reset => Some(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "reset").into())),
            Chunk::Open => std::future::pending().await,
        }
    });
    Ok(response.body(Sync(StreamBody::new(Box::pin(frames) as Chunks)))?)
}

/// Names the body's type.
pub(crate) struct Sync<S>(StreamBody<S>);

impl http_body::Body for Sync<Chunks> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.get_mut().0).poll_frame(cx)
    }
}
