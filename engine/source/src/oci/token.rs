//! Letting a registry know who asks: HTTP basic, or a token of its token server.
//!
//! Credentials for a registry go to the registry. To a token server that it names they go where that is the same host, a domain above
//! it (`gitlab.com` of `registry.gitlab.com`) or Docker's; any other gets its own of the file, or none.

use reqwest::{Method, Url, header::HeaderValue};
use serde::Deserialize;
use windlass_core::oci::Reference;

use super::{Registry, RegistryError, WORDS_BYTES, credentials::Login};

/// Docker's registry, and where it hands out tokens.
const DOCKER: [&str; 2] = ["registry-1.docker.io", "auth.docker.io"];

/// Host and repository as requests have them.
pub(super) fn endpoint(reference: &Reference) -> (String, String) {
    let Reference {
        registry, repository, ..
    } = reference;
    if !matches!(registry.as_str(), "docker.io" | "index.docker.io") {
        return (registry.clone(), repository.clone());
    }
    let repository = match repository.contains('/') {
        true => repository.clone(),
        false => format!("library/{repository}"),
    };
    (DOCKER[0].to_owned(), repository)
}

/// What a token server answers.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
}

/// What a registry wants.
enum Wanted {
    Basic,
    Token { realm: String, service: Option<String> },
}

impl Registry {
    /// The header that a registry wants; `None`: it wants what we don't have.
    pub(super) async fn authenticate(
        &self,
        challenges: &[String],
        access: &str,
    ) -> Result<Option<HeaderValue>, RegistryError> {
        match wanted(challenges) {
            None => Ok(None),
            Some(Wanted::Basic) => match self.usable(self.login())? {
                Some(login) => Ok(Some(self.basic(login)?)),
                None => Ok(None),
            },
            Some(Wanted::Token { realm, service }) => self.token(&realm, service.as_deref(), access).await.map(Some),
        }
    }

    pub(super) fn login(&self) -> Option<&Login> {
        self.credentials.of(&self.reference)
    }

    async fn token(&self, realm: &str, service: Option<&str>, access: &str) -> Result<HeaderValue, RegistryError> {
        let bad = || self.refused("it names no usable token server".to_owned());
        let mut url = Url::parse(realm).map_err(|_| bad())?;
        if !url.username().is_empty() || url.password().is_some() || url.host_str().is_none() {
            return Err(bad());
        }
        if !self.may_talk_to(&url) {
            return Err(self.refused("its token server is without TLS".to_owned()));
        }
        let scope = format!("repository:{}:{access}", self.reference.repository);
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        let login = self.usable(self.login_at(&url))?;
        let mut request = self.http.request(Method::GET, url);
        if let Some((username, password)) = login {
            request = request.basic_auth(username, Some(password));
        }
        let response = request.send().await.map_err(|e| self.failed(e))?;
        let response = self.expect(response, &[reqwest::StatusCode::OK], "a token").await?;
        let body = self.body(response, WORDS_BYTES, "a token").await?;
        let token: Option<Token> = serde_json::from_slice(&body).ok();
        let token = token.and_then(|answer| answer.token.or(answer.access_token));
        let token = token.ok_or_else(|| self.refused("its token server gives no token".to_owned()))?;
        self.secret(&format!("Bearer {token}"))
    }

    /// The login that may go to a token server.
    fn login_at(&self, url: &Url) -> Option<&Login> {
        let (ours, theirs) = (self.root.host_str()?, url.host_str()?);
        let same_port = url.port_or_known_default() == self.root.port_or_known_default();
        if is_theirs(ours, theirs) && (same_port || ours != theirs) {
            return self.login();
        }
        let host = match url.port() {
            Some(port) => format!("{theirs}:{port}"),
            None => theirs.to_owned(),
        };
        self.credentials.of_host(&host)
    }

    fn usable<'l>(&self, login: Option<&'l Login>) -> Result<Option<(&'l str, &'l str)>, RegistryError> {
        match login {
            None => Ok(None),
            Some(Login::Basic { username, password }) => Ok(Some((username, password))),
            Some(Login::Unusable(why)) => Err(RegistryError::Credentials {
                registry: self.reference.registry.clone(),
                reason: (*why).to_owned(),
            }),
        }
    }

    fn basic(&self, (username, password): (&str, &str)) -> Result<HeaderValue, RegistryError> {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        self.secret(&format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
    }

    fn secret(&self, text: &str) -> Result<HeaderValue, RegistryError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| RegistryError::Credentials {
            registry: self.reference.registry.clone(),
            reason: "they have characters that no header may have".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Whether what is for a registry may go to a token server.
fn is_theirs(registry: &str, server: &str) -> bool {
    let is_above = server.contains('.') && registry.strip_suffix(server).is_some_and(|rest| rest.ends_with('.'));
    registry == server || is_above && registry.parse::<std::net::IpAddr>().is_err() || [registry, server] == DOCKER
}

/// Of several, a token.
fn wanted(challenges: &[String]) -> Option<Wanted> {
    let all = challenges
        .iter()
        .filter_map(|text| http_auth::parse_challenges(text).ok())
        .flatten();
    let all: Vec<_> = all.collect();
    let is = |scheme: &'static str| {
        move |challenge: &&http_auth::ChallengeRef<'_>| challenge.scheme.eq_ignore_ascii_case(scheme)
    };
    if let Some(bearer) = all.iter().find(is("Bearer")) {
        let parameter = |name: &str| {
            let found = bearer.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped())
        };
        return Some(Wanted::Token {
            realm: parameter("realm")?,
            service: parameter("service"),
        });
    }
    all.iter().find(is("Basic")).map(|_| Wanted::Basic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_with_their_registry() {
        for (registry, server, may) in [
            ("ghcr.io", "ghcr.io", true),
            ("registry.gitlab.com", "gitlab.com", true),
            ("registry-1.docker.io", "auth.docker.io", true),
            ("ghcr.io", "evil.example.org", false),
            ("ghcr.io", "auth.docker.io", false),
            ("ghcr.io", "io", false),
            ("gitlab.com", "registry.gitlab.com", false),
            ("xgitlab.com", "gitlab.com", false),
            ("10.0.0.1", "0.0.1", false),
        ] {
            assert_eq!(is_theirs(registry, server), may, "{registry} {server}");
        }
    }

    #[test]
    fn challenges_as_registries_write_them() {
        let of = |text: &str| match wanted(&[text.to_owned()]) {
            None => String::new(),
            Some(Wanted::Basic) => "basic".to_owned(),
            Some(Wanted::Token { realm, service }) => format!("{realm} {service:?}"),
        };
        assert_eq!(
            of(r#"Bearer realm="https://a/token",service="r",scope="repository:x:pull""#),
            r#"https://a/token Some("r")"#
        );
        assert_eq!(of(r#"Basic realm="x", Bearer realm="https://a""#), "https://a None");
        assert_eq!(of(r#"Basic realm="x""#), "basic");
        assert_eq!(of("Negotiate"), "");
        assert_eq!(of("Bearer service=x"), "");
    }

    #[test]
    fn dockers_own_registry_has_another_host_than_name() {
        let of = |text: &str| endpoint(&text.parse().unwrap());
        assert_eq!(
            of("docker.io/helm"),
            ("registry-1.docker.io".into(), "library/helm".into())
        );
        assert_eq!(
            of("docker.io/acme/helm"),
            ("registry-1.docker.io".into(), "acme/helm".into())
        );
        assert_eq!(of("ghcr.io/helm"), ("ghcr.io".into(), "helm".into()));
    }
}
