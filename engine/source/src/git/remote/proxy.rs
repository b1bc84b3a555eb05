//! The way to the server when it is not direct.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;

use super::auth::Flaw;

/// A proxy for https and http, itself `http://` or `https://`: asked by `CONNECT` for https. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: reqwest::Url,
    credentials: Option<(String, String)>,
    no_proxy: String,
}

impl Proxy {
    /// Checks a URL. `no_proxy`: names (with everything below them), addresses and networks (`10.0.0.0/8`) to reach directly;
    /// `*` for all.
    ///
    /// # Errors
    /// A reason: no URL, another scheme, a path, or a user in the URL.
    pub fn new(url: &str, credentials: Option<(String, String)>, no_proxy: &[String]) -> Result<Self, &'static str> {
        let url = parse(url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it holds credentials: give `username` and `passwordFile`");
        }
        let no_proxy = no_proxy.join(",");
        Ok(Self {
            url,
            credentials,
            no_proxy,
        })
    }

    /// As the environment says it: a user may stand in the URL, and this machine is reached directly whatever it says.
    ///
    /// # Errors
    /// A reason: no URL or another scheme.
    pub fn from_environment(url: &str, no_proxy: &str) -> Result<Self, &'static str> {
        let with_scheme = if url.contains("://") {
            url.to_owned()
        } else {
            format!("http://{url}")
        };
        Ok(Self {
            url: parse(&with_scheme)?,
            credentials: None,
            no_proxy: format!("localhost,127.0.0.0/8,::1,{no_proxy}"),
        })
    }

    /// Whether a URL is to be reached through it.
    pub(crate) fn applies(&self, url: &str) -> bool {
        let matcher = Matcher::builder()
            .all(self.url.as_str())
            .no(self.no_proxy.as_str())
            .build();
        url.parse::<http::Uri>()
            .is_ok_and(|uri| matcher.intercept(&uri).is_some())
    }

    /// Without user and password.
    pub(in crate::git) fn shown(&self) -> String {
        super::url::without_userinfo(self.url.as_str())
    }

    /// For reqwest. [`Proxy::applies`] has decided already.
    pub(crate) fn for_client(&self) -> Result<reqwest::Proxy, reqwest::Error> {
        let proxy = reqwest::Proxy::all(self.url.clone())?;
        Ok(match &self.credentials {
            Some((username, password)) => proxy.basic_auth(username, password),
            None => proxy,
        })
    }

    pub(super) fn check(&self) -> Result<(), Flaw> {
        match &self.credentials {
            Some((username, _)) if username.contains(':') => Err(("proxy's user name", "it contains a colon")),
            _ => Ok(()),
        }
    }
}

fn parse(url: &str) -> Result<reqwest::Url, &'static str> {
    let parsed = reqwest::Url::parse(url).map_err(|_| "it is no URL: write http://HOST:PORT")?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return Err("expected http://HOST:PORT or https://HOST:PORT; SOCKS is not supported");
    }
    if !matches!(parsed.path(), "" | "/") || parsed.query().is_some() {
        return Err("a proxy has no path");
    }
    Ok(parsed)
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.shown()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_hosts_are_reached_directly() {
        let no = ["example.org".to_owned(), "10.0.0.0/8".to_owned()];
        let proxy = Proxy::new("http://proxy:3128", None, &no).unwrap();
        for (url, applies) in [
            ("https://git.example.org/x", false),
            ("https://example.org/x", false),
            ("https://notexample.org/x", true),
            ("https://10.1.2.3/x", false),
            ("https://127.0.0.1/x", true),
        ] {
            assert_eq!(proxy.applies(url), applies, "{url}");
        }
        assert!(
            !Proxy::new("http://proxy", None, &["*".to_owned()])
                .unwrap()
                .applies("https://h/x")
        );
    }

    #[test]
    fn the_environment_never_leads_away_from_this_machine() {
        let proxy = Proxy::from_environment("me:s3cret@proxy:3128", "").unwrap();
        assert!(proxy.applies("https://git.example.org/x"));
        for url in ["https://127.0.0.1:8443/x", "https://localhost/x", "http://[::1]:80/x"] {
            assert!(!proxy.applies(url), "{url}");
        }
        assert!(!format!("{proxy:?}").contains("s3cret"));
    }

    #[test]
    fn what_is_no_proxy_is_told() {
        for url in [
            "ftp://h",
            "socks5://h:1",
            "h:1",
            "http://a:b@h",
            "http://h/path",
            "nonsense",
        ] {
            assert!(Proxy::new(url, None, &[]).is_err(), "{url}");
        }
    }
}
