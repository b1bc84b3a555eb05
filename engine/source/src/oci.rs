//! Components of plugins in OCI registries: fetched by digest, pushed as artifacts that `wkg` and `oras` read too.
//!
//! ```text
//! REGISTRY/REPOSITORY:TAG ─▶ manifest ─▶ which layer? ─┐
//! REGISTRY/REPOSITORY ──────────────────────────────────┴─▶ blob of the admitted digest ─▶ hashed while it is read
//! ```
//!
//! Unlike the rest of this crate it is asynchronous: a fetch is a handful of requests and holds no thread. The client is ours, over
//! reqwest: whom credentials go to, how much is read of an answer and which redirects are followed is decided here, request by request.

mod credentials;
mod error;
mod manifest;
mod token;

use std::{io::Write, net::IpAddr, sync::Mutex, sync::PoisonError, time::Duration};

use reqwest::{
    Method, RequestBuilder, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, WWW_AUTHENTICATE},
};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;
use windlass_core::{
    digest::Digest,
    oci::{Reference, host},
};

pub use credentials::Credentials;
pub use error::RegistryError;

use crate::git::{Proxy, Tls};

/// Name resolution, TCP and TLS together: another try comes later, and who starts waits for the first.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest time without a byte. Threat: a registry that stops in the middle keeps a fetch for good.
const IDLE: Duration = Duration::from_secs(30);

/// Longest fetch or push of a component. The largest that is admitted, 128 MiB, takes it at 220 kB/s. Threat: one that trickles.
const TOTAL: Duration = Duration::from_secs(600);

/// Bytes of a manifest, as registries bound it themselves.
const MANIFEST_BYTES: usize = 4 << 20;

/// Bytes read of an answer that says why not, and of one with a token.
const WORDS_BYTES: usize = 64 << 10;

/// Redirects of one request. Registries send to their storage by one.
const REDIRECTS: usize = 4;

/// How registries are talked to.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// By registry.
    pub credentials: Credentials,
    /// Whom to trust.
    pub tls: Tls,
    /// Without TLS, wherever the registry is.
    pub insecure: bool,
    /// The way there, for what it applies to.
    pub proxy: Option<Proxy>,
}

/// A repository of artifacts in a registry.
pub struct Registry {
    http: reqwest::Client,
    reference: Reference,
    /// `https://ghcr.io/`.
    root: Url,
    credentials: Credentials,
    insecure: bool,
    authorization: Mutex<Option<HeaderValue>>,
}

impl Registry {
    /// Nothing is asked yet. Without TLS where `insecure` says so, and on this machine unless `tls` names authorities.
    ///
    /// # Errors
    /// When the authorities or the proxy can't be used.
    pub fn new(reference: &Reference, options: &Options) -> Result<Self, RegistryError> {
        let (registry, repository) = token::endpoint(reference);
        let is_plain = options.insecure || is_loopback(host(&registry)) && options.tls.ca_pem.is_none();
        let scheme = if is_plain { "http" } else { "https" };
        let bad = |reason: String| RegistryError::Url {
            registry: reference.registry.clone(),
            reason,
        };
        let root = Url::parse(&format!("{scheme}://{registry}/")).map_err(|e| bad(e.to_string()))?;
        let tls = options
            .tls
            .config(root.as_str())
            .map_err(|source| RegistryError::Trust(Box::new(source)))?;
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .read_timeout(IDLE)
            .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
            // A registry may close a connection that waits, just when it is used again: each request has its own.
            .pool_max_idle_per_host(0)
            .http1_only()
            .no_proxy();
        let proxy = options.proxy.as_ref().filter(|proxy| proxy.applies(root.as_str()));
        let builder = match proxy {
            Some(proxy) => builder.proxy(proxy.for_client().map_err(|e| bad(e.to_string()))?),
            None => builder,
        };
        Ok(Self {
            http: builder.build().map_err(|e| bad(e.to_string()))?,
            reference: Reference {
                repository,
                ..reference.clone()
            },
            root,
            credentials: options.credentials.clone(),
            insecure: options.insecure,
            authorization: Mutex::default(),
        })
    }

    /// Fetches the component with a digest into `into`, hashed while it is read. `most`: bytes that it may have. What was written
    /// before an error counts for nothing.
    ///
    /// # Errors
    /// When the registry doesn't give it, gives something else, or takes too long.
    pub async fn pull(&self, digest: Digest, most: u64, into: &mut (dyn Write + Send)) -> Result<(), RegistryError> {
        let pulled = timeout(TOTAL, self.pull_all(digest, most, into)).await;
        pulled.map_err(|_| self.late("the fetch", TOTAL))?
    }

    async fn pull_all(&self, digest: Digest, most: u64, into: &mut (dyn Write + Send)) -> Result<(), RegistryError> {
        if self.reference.tag.is_some() || self.reference.manifest.is_some() {
            self.look_for(digest, most).await?;
        }
        let url = self.url(&format!("blobs/{digest}"))?;
        let mut response = self.get(url, "*/*", "the component").await?;
        let too_large = || RegistryError::TooLarge {
            reference: self.reference.clone(),
            what: "the component",
            limit: most,
        };
        if response.content_length().is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let (mut hasher, mut size) = (Sha256::new(), 0);
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(e))? {
            size += chunk.len() as u64;
            if size > most {
                return Err(too_large());
            }
            hasher.update(&chunk);
            into.write_all(&chunk).map_err(RegistryError::Write)?;
        }
        let found = Digest::from(<[u8; 32]>::from(hasher.finalize()));
        if found == digest {
            return Ok(());
        }
        Err(RegistryError::Digest {
            reference: self.reference.clone(),
            found,
            expected: digest,
        })
    }

    /// Whether the artifact that the reference names has the component.
    async fn look_for(&self, digest: Digest, most: u64) -> Result<(), RegistryError> {
        let name = match (&self.reference.manifest, &self.reference.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, tag) => tag.clone().unwrap_or_default(),
        };
        let url = self.url(&format!("manifests/{name}"))?;
        let response = self.get(url, manifest::ACCEPTED, "the artifact").await?;
        let bytes = self.body(response, MANIFEST_BYTES, "the artifact's manifest").await?;
        if let Some(expected) = self.reference.manifest {
            let found = Digest::of(&bytes);
            if found != expected {
                return Err(RegistryError::Digest {
                    reference: self.reference.clone(),
                    found,
                    expected,
                });
            }
        }
        manifest::find(&bytes, digest, most).map_err(|reason| RegistryError::Artifact {
            reference: self.reference.clone(),
            reason,
        })
    }

    /// Pushes a component as an artifact. `config`: what the artifact says of it, as JSON. Answers the digest of its manifest, by
    /// which it can be named whatever the tag is later.
    ///
    /// # Errors
    /// When the registry doesn't take it.
    pub async fn push(&self, component: Vec<u8>, config: Vec<u8>) -> Result<Digest, RegistryError> {
        let pushed = timeout(TOTAL, self.push_all(component, config)).await;
        pushed.map_err(|_| self.late("the push", TOTAL))?
    }

    async fn push_all(&self, component: Vec<u8>, config: Vec<u8>) -> Result<Digest, RegistryError> {
        let manifest = manifest::of(&component, &config);
        self.push_blob(component).await?;
        self.push_blob(config).await?;
        let digest = Digest::of(&manifest);
        let name = self.reference.tag.clone().unwrap_or_else(|| digest.to_string());
        let url = self.url(&format!("manifests/{name}"))?;
        let response = self
            .send(&Method::PUT, url, |request| {
                request
                    .header(CONTENT_TYPE, manifest::MEDIA_TYPE)
                    .body(manifest.clone())
            })
            .await?;
        self.expect(response, &[StatusCode::CREATED], "the artifact").await?;
        Ok(digest)
    }

    async fn push_blob(&self, blob: Vec<u8>) -> Result<(), RegistryError> {
        let digest = Digest::of(&blob);
        let there = self.url(&format!("blobs/{digest}"))?;
        let known = self.send(&Method::HEAD, there, |request| request).await?;
        if known.status() == StatusCode::OK {
            return Ok(());
        }
        let begun = self
            .send(&Method::POST, self.url("blobs/uploads/")?, |request| request)
            .await?;
        let begun = self.expect(begun, &[StatusCode::ACCEPTED], "an upload").await?;
        let mut to = self.location(begun.url(), &begun)?;
        to.query_pairs_mut().append_pair("digest", &digest.to_string());
        let response = self
            .send(&Method::PUT, to, |request| {
                request
                    .header(CONTENT_TYPE, "application/octet-stream")
                    .body(blob.clone())
            })
            .await?;
        self.expect(response, &[StatusCode::CREATED], "a blob").await?;
        Ok(())
    }

    fn url(&self, tail: &str) -> Result<Url, RegistryError> {
        let path = format!("v2/{}/{tail}", self.reference.repository);
        self.root.join(&path).map_err(|e| RegistryError::Url {
            registry: self.reference.registry.clone(),
            reason: e.to_string(),
        })
    }

    /// Asks, and follows redirects.
    async fn get(&self, url: Url, accept: &'static str, what: &'static str) -> Result<Response, RegistryError> {
        let mut at = url;
        for _ in 0..=REDIRECTS {
            let response = self
                .send(&Method::GET, at.clone(), |request| request.header(ACCEPT, accept))
                .await?;
            if !response.status().is_redirection() {
                return self.expect(response, &[StatusCode::OK], what).await;
            }
            at = self.location(&at, &response)?;
        }
        Err(self.refused(format!("it answers with more than {REDIRECTS} redirects")))
    }

    /// Sends to the registry as whoever we are there, to any other place as nobody.
    async fn send(
        &self,
        method: &Method,
        url: Url,
        more: impl Fn(RequestBuilder) -> RequestBuilder + Send + Sync,
    ) -> Result<Response, RegistryError> {
        let is_home = url.origin() == self.root.origin();
        let known = self.known().filter(|_| is_home);
        let is_known = known.is_some();
        let response = self.send_as(known, method, &url, &more).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !is_home || is_known {
            return Ok(response);
        }
        let scope = if *method == Method::GET { "pull" } else { "pull,push" };
        let challenges = response.headers().get_all(WWW_AUTHENTICATE);
        let challenges: Vec<String> = challenges
            .iter()
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect();
        let Some(authorization) = self.authenticate(&challenges, scope).await? else {
            return Ok(response);
        };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization.clone());
        self.send_as(Some(authorization), method, &url, &more).await
    }

    async fn send_as(
        &self,
        who: Option<HeaderValue>,
        method: &Method,
        url: &Url,
        more: &(impl Fn(RequestBuilder) -> RequestBuilder + Send + Sync),
    ) -> Result<Response, RegistryError> {
        let mut request = more(self.http.request(method.clone(), url.clone()));
        if let Some(value) = who {
            request = request.header(AUTHORIZATION, value);
        }
        request.send().await.map_err(|e| self.failed(e))
    }

    fn known(&self) -> Option<HeaderValue> {
        let known = self.authorization.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Where an answer sends us. Storage is somewhere else as a rule, so any host will do; but none without TLS, unless the operator
    /// says that registries are without, or both are this machine.
    fn location(&self, from: &Url, response: &Response) -> Result<Url, RegistryError> {
        let location = response.headers().get(LOCATION).and_then(|l| l.to_str().ok());
        let to = location.and_then(|location| from.join(location).ok());
        let to = to.ok_or_else(|| self.refused("it redirects to no usable location".to_owned()))?;
        if !to.username().is_empty() || to.password().is_some() {
            return Err(self.refused("it redirects to a URL with a login".to_owned()));
        }
        if self.may_talk_to(&to) {
            return Ok(to);
        }
        let to = to.host_str().unwrap_or_default();
        Err(self.refused(format!("it redirects to `{to}` without TLS")))
    }

    /// Over https anywhere.
    fn may_talk_to(&self, url: &Url) -> bool {
        let here = |url: &Url| url.host_str().is_some_and(is_loopback);
        match url.scheme() {
            "https" => true,
            "http" => self.insecure || here(url) && here(&self.root) && self.root.scheme() == "http",
            _ => false,
        }
    }

    /// The answer, when it is one of those.
    async fn expect(
        &self,
        response: Response,
        good: &[StatusCode],
        what: &'static str,
    ) -> Result<Response, RegistryError> {
        let status = response.status();
        if good.contains(&status) {
            return Ok(response);
        }
        let reference = self.reference.clone();
        Err(match status {
            StatusCode::UNAUTHORIZED => RegistryError::Unauthenticated {
                given: self.login().is_some(),
                reference,
            },
            StatusCode::FORBIDDEN => RegistryError::Forbidden { reference },
            StatusCode::NOT_FOUND => RegistryError::Missing { reference, what },
            _ => {
                let body = self.body(response, WORDS_BYTES, "the answer").await.unwrap_or_default();
                let code = manifest::error_code(&body).map_or_else(String::new, |code| format!(" ({code})"));
                RegistryError::Refused {
                    reference,
                    reason: format!("it answers {status}{code} when asked for {what}"),
                }
            }
        })
    }

    async fn body(&self, mut response: Response, most: usize, what: &'static str) -> Result<Vec<u8>, RegistryError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.failed(e))? {
            if body.len() + chunk.len() > most {
                return Err(RegistryError::TooLarge {
                    reference: self.reference.clone(),
                    what,
                    limit: most as u64,
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn refused(&self, reason: String) -> RegistryError {
        RegistryError::Refused {
            reference: self.reference.clone(),
            reason,
        }
    }

    fn late(&self, what: &'static str, limit: Duration) -> RegistryError {
        RegistryError::Late {
            registry: self.reference.registry.clone(),
            what,
            limit,
        }
    }

    fn failed(&self, error: reqwest::Error) -> RegistryError {
        if error.is_timeout() {
            let (what, limit) = if error.is_connect() {
                ("connecting", CONNECT)
            } else {
                ("an answer", IDLE)
            };
            return self.late(what, limit);
        }
        RegistryError::Unreachable {
            registry: self.reference.registry.clone(),
            source: Box::new(error.without_url()),
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registry({})", self.reference)
    }
}

/// This machine.
fn is_loopback(host: &str) -> bool {
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || plain.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
