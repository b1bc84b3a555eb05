//! The capability `http`: requests of notifiers, made by the engine and never by a worker.
//!
//! ```text
//! guest: url, headers, body with placeholders ─▶ shape ─▶ substitute ─▶ sign ─▶ ┌ target ─▶ resolve ─▶ reach ─▶ exchange ┐ ─▶ cut ─▶ guest
//!                                                                              └──────────── redirect (same origin) ◀──┘
//! ```
//!
//! - A guest names secrets and holds none. It can name those only that were granted to its binding ([`Egress`]).
//! - Where a connection goes is decided on the addresses that it then goes to: names are resolved once, and never again.
//! - A redirect is followed within the origin that already has what was sent, and nowhere else.
//! - What comes back has every secret of the binding cut out, as it is and in the usual encodings. A receiver that works with us
//!   against ourselves (that sends a secret back reversed, say) has it already, and may tell whomever it likes.
//!
//! The network itself is [`Sender`], the engine's.

mod cut;
mod redirect;
mod secrets;
mod shape;
mod sign;
mod substitute;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use url::{Host, Url};
use windlass_core::{reach::Reach, tree::Refusal};

pub use secrets::{BadSecret, Secrets};

use crate::{
    limits,
    protocol::{HttpError, HttpHead, HttpRequest},
};

/// What the requests of one binding of a notifier may hold, and where they may go.
#[derive(Debug, Clone)]
pub struct Egress {
    /// Those that it may name.
    pub secrets: Arc<Secrets>,
    /// Where to.
    pub reach: Arc<Reach>,
    /// The way.
    pub sender: Arc<dyn Sender>,
}

/// The network. Implementations obey no environment, follow no redirect and keep no cookie.
pub trait Sender: fmt::Debug + Send + Sync {
    /// The addresses of a name.
    ///
    /// # Errors
    /// [`Unsent::Dns`] when there are none, [`Unsent::Timeout`] at the deadline.
    fn resolve(&self, host: &str, deadline: Instant) -> Result<Vec<IpAddr>, Unsent>;

    /// Sends one request, connecting to one of `to` and to nothing else, whatever the URL's name may mean by now.
    ///
    /// # Errors
    /// When there is no whole answer by the deadline.
    fn exchange(&self, request: &Outgoing, to: &[SocketAddr], deadline: Instant) -> Result<Incoming, Unsent>;
}

/// A request with its secrets in it. `Debug` shows none.
pub struct Outgoing {
    /// `POST`, …
    pub method: String,
    /// `https` or `http`, with a host, without user and password.
    pub url: Url,
    /// Names are valid and in lower case, values hold no control characters.
    pub headers: Vec<(String, String)>,
    /// As it is sent and signed.
    pub body: Vec<u8>,
    /// Bytes of the answer's body to read.
    pub most: usize,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} …, {} bytes)", self.method, self.body.len())
    }
}

/// An answer as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Incoming {
    /// E.g. 200.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As many bytes as were wanted.
    pub body: Vec<u8>,
    /// There was more.
    pub truncated: bool,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// The name can't be resolved.
    Dns,
    /// No connection.
    Connect,
    /// No TLS, or nobody vouches for the server.
    Tls,
    /// The deadline.
    Timeout,
    /// In words, without URL and address.
    Other(String),
}

impl From<Unsent> for HttpError {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Dns => Self::Dns,
            Unsent::Connect => Self::Connect,
            Unsent::Tls => Self::Tls,
            Unsent::Timeout => Self::Timeout,
            Unsent::Other(what) => Self::Other(what),
        }
    }
}

/// Sends what a guest asked for and hands back what it may see.
pub(crate) fn send(egress: &Egress, request: HttpRequest, call: Instant) -> Result<(HttpHead, Vec<u8>), HttpError> {
    shape::check(&request)?;
    let deadline = deadline(request.timeout_ms, call);
    let wanted = (request.max_response as usize).min(limits::RESPONSE_BYTES);
    let secrets = &*egress.secrets;
    let mut outgoing = substitute::outgoing(secrets, request.substitute, request.url, request.headers, request.body)?;
    outgoing.method = request.method;
    let signature = request
        .sign
        .map(|signing| sign::sign(secrets, &signing, &outgoing.body))
        .transpose()?;
    let cut = cut::Cut::new(secrets.values(), signature.as_ref().map(|(_, value)| value.as_str()));
    if let Some((name, value)) = signature {
        outgoing.headers.retain(|(other, _)| *other != name);
        outgoing.headers.push((name, value));
    }
    outgoing.most = wanted + cut.longest();
    let answer = follow(egress, &mut outgoing, deadline).map_err(|error| match error {
        HttpError::Other(what) => HttpError::Other(cut.text(&what)),
        error => error,
    })?;
    Ok(cut.answer(answer, wanted))
}

fn deadline(timeout_ms: u32, call: Instant) -> Instant {
    let wanted = match timeout_ms {
        0 => limits::REQUEST_TIME,
        ms => Duration::from_millis(ms.into()).min(limits::REQUEST_TIME),
    };
    call.min(Instant::now() + wanted)
}

/// Sends, and follows redirects as far as they are harmless.
fn follow(egress: &Egress, outgoing: &mut Outgoing, deadline: Instant) -> Result<Incoming, HttpError> {
    for _ in 0..=limits::REDIRECTS {
        let to = addresses(egress, &outgoing.url, deadline)?;
        let answer = egress.sender.exchange(outgoing, &to, deadline)?;
        match redirect::target(outgoing, &answer)? {
            None => return Ok(answer),
            Some(url) => outgoing.url = url,
        }
    }
    Err(HttpError::Other(format!(
        "it answers with more than {} redirects",
        limits::REDIRECTS
    )))
}

/// Where a connection for `url` may go: at least one address.
fn addresses(egress: &Egress, url: &Url, deadline: Instant) -> Result<Vec<SocketAddr>, HttpError> {
    let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
        return Err(denied("the URL has no host"));
    };
    let name = url.host_str().unwrap_or_default();
    let found = match host {
        Host::Ipv4(address) => vec![address.into()],
        Host::Ipv6(address) => vec![address.into()],
        Host::Domain(name) => egress.sender.resolve(name, deadline)?,
    };
    if found.is_empty() {
        return Err(HttpError::Dns);
    }
    let reach = &*egress.reach;
    let refused = found.iter().find_map(|address| reach.refusal(name, *address));
    let mut open: Vec<IpAddr> = found;
    open.retain(|address| reach.refusal(name, *address).is_none());
    if let (true, Some(class)) = (open.is_empty(), refused) {
        let what = format!(
            "its host has {}: the operator opens one with `http.private` of the Plugin document",
            class.name()
        );
        return Err(denied(what));
    }
    if url.scheme() == "http" {
        open.retain(|address| reach.may_be_plain(name, *address));
        if open.is_empty() {
            return Err(denied(
                "its URL is http, without TLS: use https, or let the operator list the host in `http.plain` of the Plugin document",
            ));
        }
    }
    Ok(open.into_iter().map(|address| SocketAddr::new(address, port)).collect())
}

/// What the host does not do for a guest, as a sentence.
fn denied(why: impl Into<String>) -> HttpError {
    HttpError::Refused(Refusal::Denied(why.into()))
}
