//! What supervisors and Prometheus ask: `/healthz`, `/readyz`, `/metrics`. Nothing is changed here and nothing of a team is shown.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, task::AbortHandle};

use super::metrics::Metrics;
use crate::engine::Engine;

/// A controller whose loop did nothing for so long hangs: it beats every few seconds when there is nothing to do. Longer than the longest
/// comparison of configurations by far.
const HANGS: Duration = Duration::from_secs(60);

/// What Prometheus asks for first.
const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How the controller does.
pub(crate) struct Pulse {
    began: Instant,
    /// Milliseconds after that.
    beat: AtomicU64,
    /// There once every object was told of, and the engine goes by them.
    engine: Mutex<Option<Arc<Engine>>>,
    pub(crate) metrics: Metrics,
}

impl Pulse {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            beat: AtomicU64::new(0),
            engine: Mutex::default(),
            metrics: Metrics::new(),
        })
    }

    /// The loop goes on.
    pub(crate) fn beat(&self) {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat.store(passed, Ordering::Relaxed);
    }

    /// The engine goes by what is in the cluster.
    pub(crate) fn serves(&self, engine: Arc<Engine>) {
        *self.engine() = Some(engine);
    }

    /// Nobody goes by it now: this process begins anew.
    pub(crate) fn rests(&self) {
        *self.engine() = None;
    }

    fn engine(&self) -> MutexGuard<'_, Option<Arc<Engine>>> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hangs(&self) -> bool {
        let beat = Duration::from_millis(self.beat.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(beat) > HANGS
    }
}

/// Answers until it is dropped.
pub(crate) struct Listening {
    /// Where; the port that was given for 0.
    pub(crate) address: SocketAddr,
    task: AbortHandle,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins to answer.
///
/// # Errors
/// When the address can't be had.
pub(crate) async fn listen(address: SocketAddr, pulse: Arc<Pulse>) -> io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(pulse);
    let serving = async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "nobody who asks is answered any more");
        }
    };
    Ok(Listening {
        address,
        task: tokio::spawn(serving).abort_handle(),
    })
}

async fn healthz(State(pulse): State<Arc<Pulse>>) -> impl IntoResponse {
    if pulse.hangs() {
        (StatusCode::SERVICE_UNAVAILABLE, "the loop hangs\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn readyz(State(pulse): State<Arc<Pulse>>) -> impl IntoResponse {
    match pulse.engine().as_ref() {
        Some(_) => (StatusCode::OK, "ok\n"),
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            "not every kind can be watched yet: are they installed, and may they be watched?\n",
        ),
    }
}

async fn metrics(State(pulse): State<Arc<Pulse>>) -> impl IntoResponse {
    // It looks into the configuration and formats: a thread of its own keeps the loop's free.
    let text = tokio::task::spawn_blocking(move || {
        let engine = pulse.engine().clone();
        pulse.metrics.text(engine.as_deref())
    });
    match text.await {
        Ok(text) => ([(CONTENT_TYPE, FORM)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
