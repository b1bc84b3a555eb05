//! Who we are at registries, as `docker login` and Secrets of type `kubernetes.io/dockerconfigjson` say it.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use windlass_core::oci::Reference;

/// Docker's own registry goes by several names.
const DOCKER: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];

/// Logins by registry. `Debug` shows none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(BTreeMap<String, Login>);

/// A user and a password, or why they can't be had.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Basic { username: String, password: String },
    Unusable(&'static str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Entry>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
}

const HELPER: &str = "they are kept by a program (`credsStore`), which isn't run: write `auth` into the file";
const IDENTITY: &str = "an `identitytoken` is not exchanged: write a user and a password or token as `auth`";
const MALFORMED: &str = "`auth` is not `USER:PASSWORD` in base64";

impl Credentials {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// A sentence that quotes nothing, when it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file: File = serde_json::from_slice(bytes).map_err(|e| {
            format!(
                "it is no `config.json` of docker, at line {} column {}",
                e.line(),
                e.column()
            )
        })?;
        let mut logins: BTreeMap<String, Login> = file
            .cred_helpers
            .into_keys()
            .map(|key| (key, Login::Unusable(HELPER)))
            .collect();
        logins.extend(file.auths.into_iter().filter_map(|(key, entry)| {
            let login = login(entry).or_else(|| file.creds_store.as_ref().map(|_| Login::Unusable(HELPER)))?;
            Some((key, login))
        }));
        Ok(Self(
            logins.into_iter().map(|(key, login)| (normal(&key), login)).collect(),
        ))
    }

    /// For a repository: those of the longest beginning of `HOST/PATH`.
    pub(super) fn of(&self, reference: &Reference) -> Option<&Login> {
        let mut name = format!("{}/{}", normal(&reference.registry), reference.repository);
        loop {
            if let Some(login) = self.0.get(&name) {
                return Some(login);
            }
            name.truncate(name.rfind('/')?);
        }
    }

    /// For a host and nothing below it.
    pub(super) fn of_host(&self, host: &str) -> Option<&Login> {
        self.0.get(&normal(host))
    }
}

fn login(entry: Entry) -> Option<Login> {
    if let (Some(username), Some(password)) = (entry.username, entry.password)
        && entry.auth.is_none()
    {
        return Some(Login::Basic { username, password });
    }
    match entry.auth.filter(|auth| !auth.is_empty()) {
        Some(auth) => {
            let text = STANDARD
                .decode(auth.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = text.as_deref().and_then(|text| text.split_once(':'));
            Some(
                pair.map_or(Login::Unusable(MALFORMED), |(username, password)| Login::Basic {
                    username: username.to_owned(),
                    password: password.trim_end_matches('\0').to_owned(),
                }),
            )
        }
        None => entry.identitytoken.map(|_| Login::Unusable(IDENTITY)),
    }
}

/// `https://index.docker.io/v1/` is `docker.io`.
fn normal(key: &str) -> String {
    let key = key.trim_start_matches("https://").trim_start_matches("http://");
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let host = if DOCKER.contains(&host) { DOCKER[0] } else { host };
    match path.trim_matches('/') {
        "" | "v1" | "v2" => host.to_ascii_lowercase(),
        path => format!("{}/{path}", host.to_ascii_lowercase()),
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(file: &str, reference: &str) -> Option<Result<String, &'static str>> {
        let credentials = Credentials::parse(file.as_bytes()).unwrap();
        assert!(!format!("{credentials:?}").contains("s3cret"));
        Some(match credentials.of(&reference.parse().unwrap())? {
            Login::Basic { username, password } => Ok(format!("{username} {password}")),
            Login::Unusable(why) => Err(*why),
        })
    }

    #[test]
    fn logins_are_found_by_host_and_by_path() {
        // me:s3cret and you:s3cret2
        let file = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "bWU6czNjcmV0"},
            "h:5000": {"username": "a", "password": "s3cret:x"},
            "h:5000/team": {"auth": "eW91OnMzY3JldDI="},
            "t": {}, "i.example.org": {"identitytoken": "s3cret"}, "bad.example.org": {"auth": "s3cret"}
        }, "credHelpers": {"gcr.io": "gcloud"}}"#;
        assert_eq!(of(file, "docker.io/acme/helm"), Some(Ok("me s3cret".into())));
        assert_eq!(of(file, "h:5000/other/helm"), Some(Ok("a s3cret:x".into())));
        assert_eq!(of(file, "h:5000/team/helm"), Some(Ok("you s3cret2".into())));
        assert_eq!(of(file, "h:5000/teams/helm"), Some(Ok("a s3cret:x".into())));
        assert_eq!(of(file, "h:5001/team/helm"), None);
        assert_eq!(of(file, "i.example.org/a"), Some(Err(IDENTITY)));
        assert_eq!(of(file, "bad.example.org/a"), Some(Err(MALFORMED)));
        assert_eq!(of(file, "gcr.io/a"), Some(Err(HELPER)));
        assert_eq!(
            of(
                r#"{"auths": {"g.example.org": {}}, "credsStore": "desktop"}"#,
                "g.example.org/a"
            ),
            Some(Err(HELPER))
        );
    }

    #[test]
    fn what_is_no_file_of_dockers_is_told_without_quoting_it() {
        let error = Credentials::parse(b"{\"auths\": {\"h\": s3cret}}").unwrap_err();
        assert!(error.contains("line 1") && !error.contains("s3cret"), "{error}");
    }
}
