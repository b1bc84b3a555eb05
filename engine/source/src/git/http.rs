//! HTTP for gix's smart protocol, driven on the caller's thread.
//!
//! gix's own client can't be stopped while a server stalls, so requests run on a private single-threaded runtime, and each wait
//! is a race between the bytes, the budget and the cancel. Dropping the loser closes the connection: nothing is left behind.

mod exchange;
mod failure;
mod retry;

use std::{any::Any, io::Cursor, pin::pin, sync::Arc, time::SystemTime};

use gix_transport::client::blocking_io::http::{GetResponse, Http, PostBodyDataKind, PostResponse, Transport};
use reqwest::{
    Method, StatusCode, Url,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
};
use tokio::{runtime::Runtime, time};

pub use self::failure::tls_failure;
use self::{
    exchange::{Exchange, Part, PostBody, State},
    failure::{failed_proxy, is_about_client},
};
use super::remote::{Proxy, Remote, without_userinfo};
use crate::{
    budget::{Budget, TICK},
    error::Error,
};

/// Redirects followed for one repository; forges need one.
const MAX_REDIRECTS: usize = 4;

/// A connection to the server of `remote`.
pub(super) fn connect(remote: &Remote, budget: &Arc<Budget>) -> Result<Transport<Client>, Error> {
    let client = Client::new(remote, budget)?;
    let version = gix_transport::Protocol::V2;
    Ok(Transport::new_http(client, remote.parsed().clone(), version, false))
}

/// The HTTP side of one resolve.
pub(super) struct Client {
    connection: Arc<Connection>,
    redirected: Option<String>,
}

struct Connection {
    runtime: Option<Runtime>,
    http: reqwest::Client,
    authorization: Option<HeaderValue>,
    client_certificate: bool,
    proxy: Option<String>,
    budget: Arc<Budget>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Name resolution blocks a thread of its own for as long as the system's resolver likes: don't wait for it.
            runtime.shutdown_background();
        }
    }
}

impl Client {
    fn new(remote: &Remote, budget: &Arc<Budget>) -> Result<Self, Error> {
        let url = || remote.url().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| Error::Unreachable {
            url: url(),
            source: source.into(),
        })?;
        let http = http_client(remote, budget)?
            .build()
            .map_err(|source| Error::Unreachable {
                url: url(),
                source: source.into(),
            })?;
        let connection = Connection {
            runtime: Some(runtime),
            http,
            authorization: remote.authorization(),
            client_certificate: remote.has_client_certificate(),
            proxy: remote.proxy().map(Proxy::shown),
            budget: Arc::clone(budget),
        };
        Ok(Self {
            connection: Arc::new(connection),
            redirected: None,
        })
    }

    /// Sends a GET and follows redirects as far as they are harmless.
    fn get_following(&mut self, url: &str, base: &str, headers: HeaderMap) -> Result<reqwest::Response, Error> {
        let connection = Arc::clone(&self.connection);
        let tail = url.strip_prefix(base).unwrap_or(url).to_owned();
        let mut at = connection.parse(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let response = connection.send(Method::GET, at.clone(), headers.clone(), Vec::new())?;
            if !response.status().is_redirection() {
                connection.check_status(&response)?;
                return Ok(response);
            }
            at = connection.redirect_target(&at, &response)?;
            let Some(base) = at.as_str().strip_suffix(&tail).filter(|base| !base.contains('?')) else {
                return Err(connection.redirected(&at));
            };
            self.redirected = Some(base.to_owned());
        }
        Err(connection.refused("more redirects than are followed", false))
    }
}

/// Nothing of the environment: which proxy there is, was decided by whoever made the remote.
fn http_client(remote: &Remote, budget: &Budget) -> Result<reqwest::ClientBuilder, Error> {
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(remote.tls_config()?)
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(budget.limits().connect)
        .http1_only()
        .no_proxy();
    let Some(proxy) = remote.proxy() else {
        return Ok(builder);
    };
    let proxy = proxy.for_client().map_err(|source| Error::Unreachable {
        url: remote.url().to_owned(),
        source: source.into(),
    })?;
    Ok(builder.proxy(proxy))
}

impl Connection {
    fn url(&self) -> String {
        self.budget.url().to_owned()
    }

    fn parse(&self, url: &str) -> Result<Url, Error> {
        Url::parse(url).map_err(|e| Error::Url {
            url: self.url(),
            reason: e.to_string(),
        })
    }

    fn refused(&self, message: &str, transient: bool) -> Error {
        Error::Refused {
            url: self.url(),
            message: message.to_owned(),
            transient,
        }
    }

    fn redirected(&self, to: &Url) -> Error {
        Error::Redirected {
            url: self.url(),
            to: without_userinfo(to.as_str()),
        }
    }

    fn send(&self, method: Method, url: Url, headers: HeaderMap, body: Vec<u8>) -> Result<reqwest::Response, Error> {
        let mut request = self.http.request(method, url).headers(headers);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if !body.is_empty() {
            request = request.body(body);
        }
        self.race(request.send())?.map_err(|e| self.failure(e))
    }

    /// Waits for `work`, but no longer than the budget and the idle limit allow.
    fn race<F: Future>(&self, work: F) -> Result<F::Output, Error> {
        let idle = self.budget.limits().idle;
        let Some(runtime) = &self.runtime else {
            return Err(Error::Cancelled { url: self.url() });
        };
        runtime.block_on(async {
            let mut work = pin!(work);
            let mut silence = pin!(time::sleep(idle));
            let mut tick = time::interval(TICK);
            loop {
                tokio::select! {
                    biased;
                    _ = tick.tick() => self.budget.check()?,
                    done = &mut work => return Ok(done),
                    () = &mut silence => return Err(self.budget.timeout("silence from the server", idle)),
                }
            }
        })
    }

    /// What a failed request means to a user.
    fn failure(&self, error: reqwest::Error) -> Error {
        let error = error.without_url();
        let (url, tls) = (self.url(), tls_failure(&error));
        let certificate = tls.is_some_and(is_about_client);
        match &self.proxy {
            Some(proxy) if error.is_connect() && tls.is_none() => return failed_proxy(url, proxy.clone(), error),
            _ if error.is_timeout() => return self.budget.timeout("connecting", self.budget.limits().connect),
            _ => {}
        }
        let (given, connecting, is_tls) = (self.client_certificate, error.is_connect(), tls.is_some());
        let source = error.into();
        match () {
            () if certificate => Error::ClientCertificate { url, given, source },
            () if is_tls => Error::Tls { url, source },
            () if connecting => Error::Unreachable { url, source },
            () => Error::Broken { url, source },
        }
    }

    fn check_status(&self, response: &reqwest::Response) -> Result<(), Error> {
        let (url, status) = (self.url(), response.status());
        let wait = retry::retry_after(response.headers(), SystemTime::now());
        // A forge that has had enough says 403 as well, and tells by the header what it means.
        let is_patience = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::FORBIDDEN) && wait.is_some();
        match status {
            StatusCode::OK => Ok(()),
            _ if is_patience || status == StatusCode::TOO_MANY_REQUESTS => Err(Error::Throttled {
                url,
                status: status.as_u16(),
                wait,
            }),
            StatusCode::UNAUTHORIZED => Err(Error::Unauthenticated {
                url,
                given: self.authorization.is_some(),
            }),
            StatusCode::FORBIDDEN => Err(Error::Forbidden { url }),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Error::NotFound { url }),
            _ => Err(self.refused(&format!("HTTP status {status}"), status.is_server_error())),
        }
    }

    /// Where a redirect leads. Another host is refused: credentials must not go there, and a server that the operator
    /// allowed must not choose which other addresses the engine talks to. An upgrade from http to https is fine.
    fn redirect_target(&self, from: &Url, response: &reqwest::Response) -> Result<Url, Error> {
        let location = response
            .headers()
            .get(LOCATION)
            .and_then(|l| l.to_str().ok())
            .and_then(|l| from.join(l).ok());
        let to = location.ok_or_else(|| self.refused("a redirect without a usable location", false))?;
        let upgrade = from.scheme() == "http" && to.scheme() == "https" && from.host() == to.host();
        if (to.origin() == from.origin() || upgrade) && to.username().is_empty() && to.password().is_none() {
            return Ok(to);
        }
        Err(self.redirected(&to))
    }
}

/// gix gives headers as lines.
fn header_map(lines: impl IntoIterator<Item = impl AsRef<str>>) -> HeaderMap {
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((
            name.trim().parse::<HeaderName>().ok()?,
            value.trim().parse::<HeaderValue>().ok()?,
        ))
    };
    lines.into_iter().filter_map(|line| pair(line.as_ref())).collect()
}

/// And reads them as lines; it asks for the content type only.
fn header_lines(response: &reqwest::Response) -> Cursor<Vec<u8>> {
    let kind = response
        .headers()
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    Cursor::new([b"content-type: ", kind, b"\n"].concat())
}

impl Http for Client {
    type Headers = Part;
    type ResponseBody = Part;
    type PostBody = PostBody;

    fn get(
        &mut self,
        url: &str,
        base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> gix::Result<GetResponse<Part, Part>> {
        let response = self.get_following(url, base_url, header_map(headers));
        let response = response.map_err(|e| gix::Error::from_error(self.connection.budget.fail(e)))?;
        let exchange = Exchange::new(&self.connection, State::Answered(response));
        Ok(GetResponse {
            headers: Part::headers(&exchange),
            body: Part::body(&exchange),
        })
    }

    fn post(
        &mut self,
        url: &str,
        _base_url: &str,
        headers: impl IntoIterator<Item = impl AsRef<str>>,
        _body: PostBodyDataKind,
    ) -> gix::Result<PostResponse<Part, Part, PostBody>> {
        let url = self.connection.parse(url).map_err(gix::Error::from_error)?;
        let state = State::Collecting {
            url,
            headers: header_map(headers),
            body: Vec::new(),
        };
        let exchange = Exchange::new(&self.connection, state);
        let post_body = PostBody(Arc::clone(&exchange));
        Ok(PostResponse {
            post_body,
            headers: Part::headers(&exchange),
            body: Part::body(&exchange),
        })
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }

    fn redirected_base_url(&self) -> Option<String> {
        self.redirected.clone()
    }
}
