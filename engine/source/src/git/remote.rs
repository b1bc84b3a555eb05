//! Which repository, as whom, and by which way.

mod url;
mod auth;
mod tls;
mod proxy;

use std::fmt;

use gix::url::Scheme;
use windlass_core::digest::Digest;

pub use auth::Auth;
pub use proxy::Proxy;
pub use tls::{ClientCertificate, Tls};
pub(super) use url::without_userinfo;

use crate::error::Error;

/// A repository, credentials and trust, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    url: gix::Url,
    text: String,
    auth: Auth,
    tls: Tls,
    proxy: Option<Proxy>,
    identity: Option<String>,
    max_size: Option<u64>,
}

impl Remote {
    /// Checks a URL with its credentials. https with any but an ssh key; http without credentials (nothing secret is sent); ssh
    /// with a key and known hosts; file for an absolute path.
    ///
    /// # Errors
    /// A password in the URL, another scheme, a relative path, credentials of another kind than the URL takes, or unusable ones.
    pub fn new(url: &str, auth: Auth, tls: Tls) -> Result<Self, Error> {
        let parsed = url::parse(url)?;
        let text = parsed.to_bstring().to_string();
        if let Some(reason) = mismatch(&parsed, &auth, &tls) {
            return Err(Error::Url {
                url: without_userinfo(&text),
                reason: reason.to_owned(),
            });
        }
        let flaw = auth
            .authorization()
            .err()
            .or_else(|| auth.check_ssh().err())
            .or_else(|| tls.check().err());
        if let Some((what, reason)) = flaw {
            return Err(Error::Credentials {
                url: text,
                what,
                reason,
            });
        }
        Ok(Self {
            url: parsed,
            text,
            auth,
            tls,
            proxy: None,
            identity: None,
            max_size: None,
        })
    }

    /// Names whose credentials these are, e.g. the Secret they come from. Without a name each password or token gets a mirror of
    /// its own, which is right but costly when a token is renewed every hour.
    #[must_use]
    pub fn with_identity(mut self, name: &str) -> Self {
        self.identity = Some(name.to_owned());
        self
    }

    /// Most bytes of its mirror on disk, in place of [`Limits::mirror_bytes`](crate::Limits::mirror_bytes).
    #[must_use]
    pub const fn with_max_size(mut self, bytes: Option<u64>) -> Self {
        self.max_size = bytes;
        self
    }

    pub(super) const fn max_size(&self) -> Option<u64> {
        self.max_size
    }

    /// Goes through a proxy, to the hosts it is for.
    ///
    /// # Errors
    /// The URL is neither https nor http, or the proxy's credentials can't be used.
    pub fn with_proxy(mut self, proxy: Proxy) -> Result<Self, Error> {
        let url = || self.text.clone();
        if !self.takes_proxy() {
            let reason = "a proxy is for https:// and http:// only".to_owned();
            return Err(Error::Url { url: url(), reason });
        }
        proxy.check().map_err(|(what, reason)| Error::Credentials {
            url: url(),
            what,
            reason,
        })?;
        self.proxy = Some(proxy);
        Ok(self)
    }

    /// Whether a proxy can be on the way.
    #[must_use]
    pub fn takes_proxy(&self) -> bool {
        matches!(self.url.scheme, Scheme::Https | Scheme::Http)
    }

    /// The URL. It holds no password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.text
    }

    /// The server by name and, where the URL says one, port, in lower case; none for a repository of this machine's file system.
    /// Two URLs with the same one are answered by the same server.
    #[must_use]
    pub fn server(&self) -> Option<String> {
        server(&self.url)
    }

    pub(super) const fn parsed(&self) -> &gix::Url {
        &self.url
    }

    pub(super) const fn auth(&self) -> &Auth {
        &self.auth
    }

    pub(super) const fn has_client_certificate(&self) -> bool {
        self.tls.client.is_some()
    }

    /// The proxy on the way to the server, if there is one.
    pub(super) fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().filter(|proxy| proxy.applies(&self.text))
    }

    /// Names the mirror: who may read what was fetched is part of it, so that one tenant's mirror is not another's. The way there
    /// is not: it gives the same bytes.
    pub(super) fn key(&self) -> String {
        let anonymous = self.auth == Auth::None && self.tls.client.is_none();
        let [ca, certificate, key] = self.tls.parts();
        let mut parts = vec![self.text.as_bytes(), ca];
        match &self.identity {
            Some(name) if !anonymous => parts.extend([b"identity".as_slice(), name.as_bytes(), b""]),
            _ => parts.extend(self.auth.parts()),
        }
        if self.identity.is_none() && self.tls.client.is_some() {
            parts.extend([certificate, key]);
        }
        Digest::of_parts(parts).hex()
    }

    /// The value of the `Authorization` header, marked as sensitive. It was checked.
    pub(super) fn authorization(&self) -> Option<reqwest::header::HeaderValue> {
        self.auth.authorization().ok().flatten()
    }

    /// The TLS side of a connection.
    pub(super) fn tls_config(&self) -> Result<rustls::ClientConfig, Error> {
        self.tls.config(&self.text)
    }
}

/// What does not go together.
fn mismatch(url: &gix::Url, auth: &Auth, tls: &Tls) -> Option<&'static str> {
    let secret = *auth != Auth::None || tls.client.is_some();
    match url.scheme {
        Scheme::Ssh if !auth.is_ssh() => {
            Some("ssh needs a key and known hosts: `auth.sshKeyFile` and `auth.knownHostsFile`")
        }
        Scheme::Ssh => (!tls.is_default()).then_some("certificates need https://"),
        _ if auth.is_ssh() => Some("an ssh key needs an ssh:// URL, or USER@HOST:PATH"),
        Scheme::Https => None,
        Scheme::Http if secret && !url::is_loopback(url.host().unwrap_or_default()) => {
            Some("credentials would travel in clear text: use https://")
        }
        Scheme::Http if secret => Some("credentials need https://, on this machine too"),
        Scheme::File if !url.path.starts_with(b"/") => Some("a file:// URL needs an absolute path"),
        Scheme::File if secret => Some("a file:// repository takes no credentials"),
        _ => tls.ca_pem.is_some().then_some("a CA certificate needs https://"),
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("url", &self.text)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}

/// As [`Remote::server`], of a URL alone; none as well where it is no URL.
#[must_use]
pub fn server_of(url: &str) -> Option<String> {
    server(&url::parse(url).ok()?)
}

fn server(url: &gix::Url) -> Option<String> {
    let host = url.host().filter(|_| url.scheme != Scheme::File)?;
    let host = host.to_ascii_lowercase();
    Some(match url.port {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str) -> Result<Remote, Error> {
        Remote::new(url, Auth::None, Tls::default())
    }

    fn ssh() -> Auth {
        Auth::Ssh {
            private_key: "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n".into(),
            known_hosts: "h ssh-ed25519 AAAA\n".into(),
        }
    }

    #[test]
    fn urls_that_can_be_read() {
        for url in [
            "https://git.example.org/a/b.git",
            "http://127.0.0.1:8080/x",
            "file:///srv/x.git",
        ] {
            assert_eq!(remote(url).unwrap().url(), url);
        }
        for url in ["git@h.example:a/b.git", "ssh://git@h.example:2222/a"] {
            assert_eq!(Remote::new(url, ssh(), Tls::default()).unwrap().url(), url);
        }
    }

    #[test]
    fn servers_are_told_by_their_urls() {
        let server = |url: &str, auth| Remote::new(url, auth, Tls::default()).unwrap().server();
        for (url, expected) in [
            ("https://Git.Example.org/a/b.git", Some("git.example.org")),
            ("http://127.0.0.1:8080/x", Some("127.0.0.1:8080")),
            ("file:///srv/x.git", None),
        ] {
            assert_eq!(server(url, Auth::None).as_deref(), expected, "{url}");
        }
        assert_eq!(server("git@h.example:a/b.git", ssh()).as_deref(), Some("h.example"));
    }

    #[test]
    fn a_secret_in_a_url_is_refused_and_not_repeated() {
        for url in [
            "https://me:s3cret@h/x",
            "https://s3cret@h/x",
            "ssh://me:s3cret@h/x",
            "https://a:s3cret@b@h/x",
        ] {
            let error = remote(url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn credentials_fit_their_url() {
        let token = || Auth::Bearer { token: "t0ken".into() };
        for (url, auth) in [
            ("http://git.example.org/x", token()),
            ("http://127.0.0.1/x", token()),
            ("file:///x", token()),
            ("ssh://h/x", token()),
            ("ssh://h/x", Auth::None),
            ("https://h/x", ssh()),
        ] {
            assert!(Remote::new(url, auth, Tls::default()).is_err(), "{url}");
        }
        let remote = Remote::new("https://h/x", token(), Tls::default()).unwrap();
        assert!(!format!("{remote:?}").contains("t0ken"));
        assert!(!format!("{:?}", remote.authorization()).contains("t0ken"));
        assert!(!format!("{:?}", ssh()).contains("AAAA"));
    }

    #[test]
    fn bad_credentials_are_refused() {
        let basic = Auth::Basic {
            username: "a:b".into(),
            password: String::new(),
        };
        let bearer = |token: &str| Auth::Bearer { token: token.into() };
        for auth in [basic, bearer("x\r\nHost: evil"), bearer("")] {
            let refused = Remote::new("https://h/x", auth, Tls::default());
            assert!(matches!(refused, Err(Error::Credentials { .. })));
        }
        for pem in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let tls = Tls {
                ca_pem: Some(pem.into()),
                client: None,
            };
            let refused = Remote::new("https://h/x", Auth::None, tls);
            assert!(matches!(refused, Err(Error::Credentials { .. })), "{pem}");
        }
    }

    #[test]
    fn mirrors_are_per_credential() {
        let with = |auth| Remote::new("https://h/x", auth, Tls::default()).unwrap().key();
        let basic = |u: &str, p: &str| {
            with(Auth::Basic {
                username: u.into(),
                password: p.into(),
            })
        };
        let keys = [
            with(Auth::None),
            basic("a", "b"),
            basic("ab", ""),
            with(Auth::Bearer { token: "ab".into() }),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }
}
