//! The way out for requests of notifiers: one connection, to an address that was checked, for one request.
//!
//! Nothing of the environment takes part (no proxy, no cookies), and nothing is followed. What may be sent, and where to, was decided
//! before: see [`windlass_host::http`].

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use reqwest::{
    Method,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT_ENCODING, HeaderName, HeaderValue, USER_AGENT},
};
use tokio::{net, runtime, time};
use windlass_host::http::{Incoming, Outgoing, Sender, Unsent};
use windlass_source::{
    Error,
    git::{Tls, tls_failure},
};

/// A connection that is not there by then is not coming: the threat is an address that swallows packets. Beyond it another
/// attempt, minutes later, is the outbox's.
const CONNECT: Duration = Duration::from_secs(5);

/// How the engine calls itself, unless a notifier says otherwise.
const AGENT: &str = concat!("windlass/", env!("CARGO_PKG_VERSION"));

/// The network of this machine. Blocks; call it on plain threads, as the plugin host does.
pub struct Wire {
    tls: rustls::ClientConfig,
}

impl Wire {
    /// Trusts the system's authorities, or those of `tls` instead.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn new(tls: &Tls) -> Result<Self, Error> {
        let tls = tls.config("of a notifier's receiver")?;
        Ok(Self { tls })
    }

    fn client(&self, to: &[SocketAddr]) -> Result<reqwest::Client, Unsent> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .dns_resolver(Arc::new(Pinned(to.to_vec())))
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(0)
            .http1_only()
            .no_proxy()
            .build()
            .map_err(|error| Unsent::Other(said(error)))
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// Whatever name is asked for: these addresses. So no second question decides where a connection goes.
struct Pinned(Vec<SocketAddr>);

impl Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        // The port of the URL takes the place of each.
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

impl Sender for Wire {
    fn resolve(&self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, Unsent> {
        let found = by(deadline, net::lookup_host((host, 0)))?;
        let mut addresses: Vec<IpAddr> = found.map_err(|_| Unsent::Dns)?.map(|address| address.ip()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        Ok(addresses)
    }

    fn exchange(&self, request: &Outgoing, to: &[SocketAddr], deadline: Instant) -> Result<Incoming, Unsent> {
        let client = self.client(to)?;
        by(deadline, exchange(client, request))?
    }
}

/// On a runtime of its own, which is left behind at the deadline: the system's resolver holds a thread for as long as it likes.
fn by<F: Future>(deadline: Instant, work: F) -> Result<F::Output, Unsent> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Unsent::Other(error.to_string()))?;
    let done = runtime.block_on(async { time::timeout_at(deadline.into(), work).await });
    runtime.shutdown_background();
    done.map_err(|_| Unsent::Timeout)
}

async fn exchange(client: reqwest::Client, request: &Outgoing) -> Result<Incoming, Unsent> {
    let mut response = client.execute(written(request)?).await.map_err(unsent)?;
    let status = response.status().as_u16();
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let header = |(name, value): (&HeaderName, &HeaderValue)| (name.as_str().to_owned(), text(value));
    let headers = response.headers().iter().map(header).collect();
    let mut body = Vec::new();
    while body.len() <= request.most {
        match response.chunk().await.map_err(unsent)? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => break,
        }
    }
    let truncated = body.len() > request.most;
    body.truncate(request.most);
    Ok(Incoming {
        status,
        headers,
        body,
        truncated,
    })
}

fn written(request: &Outgoing) -> Result<reqwest::Request, Unsent> {
    let bad = |_| Unsent::Other("the request can't be written".to_owned());
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|error| bad(error.to_string()))?;
    let mut written = reqwest::Request::new(method, request.url.clone());
    let headers = written.headers_mut();
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| bad(error.to_string()))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| bad(error.to_string()))?;
        if name == USER_AGENT {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    *written.body_mut() = Some(request.body.clone().into());
    Ok(written)
}

/// Its kind; in words only where there is none.
fn unsent(error: reqwest::Error) -> Unsent {
    match () {
        () if tls_failure(&error).is_some() => Unsent::Tls,
        () if error.is_timeout() => Unsent::Timeout,
        () if error.is_connect() => Unsent::Connect,
        () => Unsent::Other(said(error)),
    }
}

/// The innermost cause, without the URL.
fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let causes = std::iter::successors(Some(&error as &dyn StdError), |error| (*error).source());
    causes.last().map_or_else(String::new, ToString::to_string)
}
