//! The proxies of the environment, as curl, Go and git know them. Only the command line reads them: a library that looked at its
//! environment would reach other servers in a test or a service than its caller said.

use windlass_source::git::{Proxy, Remote};

use crate::stop::Stop;

/// `https_proxy`, `HTTPS_PROXY` and their like, as they were when the program started. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyEnvironment {
    /// For https.
    https: Option<String>,
    /// For http. Only in lower case: `HTTP_PROXY` is a request's header `Proxy` to programs behind a web server.
    http: Option<String>,
    /// What is reached directly.
    no_proxy: String,
}

impl ProxyEnvironment {
    /// Reads variables; lower case wins, `ALL_PROXY` stands in for what is not there, and an empty one counts as absent.
    #[must_use]
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| variable(name).filter(|value| !value.is_empty()))
        };
        Self {
            https: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            http: first(&["http_proxy", "all_proxy", "ALL_PROXY"]),
            no_proxy: first(&["no_proxy", "NO_PROXY"]).unwrap_or_default(),
        }
    }

    /// The way to registries.
    ///
    /// # Errors
    /// A sentence, when the proxy can't be used.
    pub(crate) fn for_registries(&self, insecure: bool) -> Result<Option<Proxy>, String> {
        let url = if insecure { &self.http } else { &self.https };
        let Some(url) = url else { return Ok(None) };
        let proxy = Proxy::from_environment(url, &self.no_proxy);
        let proxy = proxy
            .map_err(|why| format!("the proxy of the environment (`https_proxy` and the like) can't be used: {why}"))?;
        Ok(Some(proxy))
    }

    /// A remote by way of its proxy, if it has one.
    pub(super) fn on_the_way(&self, remote: Remote) -> Result<Remote, Stop> {
        let proxy = if remote.url().starts_with("https:") {
            &self.https
        } else {
            &self.http
        };
        let Some(url) = proxy.as_ref().filter(|_| remote.takes_proxy()) else {
            return Ok(remote);
        };
        let proxy = Proxy::from_environment(url, &self.no_proxy).map_err(|reason| {
            let text = format!("the proxy of the environment (`https_proxy` and the like) can't be used: {reason}");
            Stop::of("source", &std::io::Error::other(text))
        })?;
        remote.with_proxy(proxy).map_err(|e| Stop::of("source", &e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> ProxyEnvironment {
        ProxyEnvironment::read(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn variables_as_other_programs_read_them() {
        let read = environment(&[
            ("HTTPS_PROXY", "http://a:1"),
            ("https_proxy", "http://b:1"),
            ("HTTP_PROXY", "http://c:1"),
        ]);
        assert_eq!((read.https.as_deref(), read.http), (Some("http://b:1"), None));
        let read = environment(&[("ALL_PROXY", "http://d:1"), ("https_proxy", ""), ("NO_PROXY", "x")]);
        assert_eq!(
            (read.https.as_deref(), read.no_proxy.as_str()),
            (Some("http://d:1"), "x")
        );
        assert_eq!(environment(&[]), ProxyEnvironment::default());
    }
}
