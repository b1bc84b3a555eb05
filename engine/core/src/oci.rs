//! Artifacts of OCI registries: how they are named.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// What a reference is made of, for people.
pub const WORDS: &str = "write `REGISTRY/REPOSITORY`, with the registry's host and port, then `:TAG` or `@sha256:…` where wanted, \
                         such as `ghcr.io/acme/helm:4.3.1`";

/// As a rule in CEL: what the API server refuses, [`Reference::try_from`] refuses too.
pub(crate) const PATTERN_RULE: &str = concat!(
    "self.matches('^(localhost|[A-Za-z0-9-]+([.][A-Za-z0-9-]+)+|[A-Za-z0-9-]+([.][A-Za-z0-9-]+)*:[0-9]{1,5}",
    r"|\\[[0-9a-f:]+\\](:[0-9]{1,5})?)/[a-z0-9]+([._-]+[a-z0-9]+)*(/[a-z0-9]+([._-]+[a-z0-9]+)*)*",
    "(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$')",
);

/// Most characters of a repository's name, by the distribution specification's advice (with the host 255).
const REPOSITORY: usize = 255;

/// An artifact in a registry: `ghcr.io/acme/helm:4.3.1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference {
    /// Host, with its port where it isn't the usual one.
    pub registry: String,
    /// Path within the registry, in lower case.
    pub repository: String,
    /// A name that may be another artifact's tomorrow.
    pub tag: Option<String>,
    /// Of the artifact's manifest.
    pub manifest: Option<Digest>,
}

/// A text that is no [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no artifact of a registry ({reason}): {WORDS}")]
pub struct NoReference {
    text: String,
    reason: &'static str,
}

impl Reference {
    /// The host alone, as URLs have it.
    #[must_use]
    pub fn host(&self) -> &str {
        host(&self.registry)
    }
}

/// A host and port without the port. IPv6 addresses stand in brackets.
#[must_use]
pub fn host(registry: &str) -> &str {
    match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => registry,
    }
}

impl TryFrom<String> for Reference {
    type Error = NoReference;

    fn try_from(text: String) -> Result<Self, NoReference> {
        match parse(&text) {
            Ok(reference) => Ok(reference),
            Err(reason) => Err(NoReference { text, reason }),
        }
    }
}

fn parse(text: &str) -> Result<Reference, &'static str> {
    let (registry, rest) = text.split_once('/').ok_or("it has no `/`")?;
    let is_host = registry == "localhost" || registry.contains(['.', ':']);
    if !is_host || !is_registry(registry) {
        return Err("it doesn't begin with a registry's host");
    }
    let (rest, manifest) = match rest.split_once('@') {
        None => (rest, None),
        Some((rest, digest)) => {
            let parsed: Option<Digest> = digest
                .parse()
                .ok()
                .filter(|parsed: &Digest| parsed.to_string() == digest);
            (rest, Some(parsed.ok_or("its digest is none of SHA-256 in lower case")?))
        }
    };
    let (repository, tag) = match rest.split_once(':') {
        None => (rest, None),
        Some((repository, tag)) => (repository, Some(tag)),
    };
    if repository.len() > REPOSITORY || !repository.split('/').all(is_component) {
        return Err("its repository is no path in lower case");
    }
    if tag.is_some_and(|tag| !is_tag(tag)) {
        return Err("its tag has other characters than tags have");
    }
    Ok(Reference {
        registry: registry.to_owned(),
        repository: repository.to_owned(),
        tag: tag.map(str::to_owned),
        manifest,
    })
}

fn is_registry(text: &str) -> bool {
    let name = host(text);
    let port = text.len() - name.len();
    let is_v6 = name
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok());
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_plain);
    // A colon with up to five digits.
    port != 1 && port <= 6 && (is_v6 || name.split('.').all(is_label))
}

/// `[a-z0-9]+`, with `.`, `_` and `-` between.
fn is_component(text: &str) -> bool {
    let is_word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    is_word(bytes.first()) && is_word(bytes.last()) && bytes.iter().all(|b| is_word(Some(b)) || b"._-".contains(b))
}

fn is_tag(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(is_word)
        && text.bytes().all(|b| is_word(b) || b".-".contains(&b))
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.manifest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Reference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Self, NoReference> {
        text.to_owned().try_into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn references_are_read_and_written_alike() {
        for (text, registry, repository, tag, pinned) in [
            ("ghcr.io/acme/helm:4.3.1", "ghcr.io", "acme/helm", Some("4.3.1"), false),
            ("localhost:5000/a", "localhost:5000", "a", None, false),
            (
                "127.0.0.1:5000/a/b.c-d__e:v_1",
                "127.0.0.1:5000",
                "a/b.c-d__e",
                Some("v_1"),
                false,
            ),
            ("[::1]:5000/a", "[::1]:5000", "a", None, false),
            (
                &format!("h.example.org/a:t@{DIGEST}"),
                "h.example.org",
                "a",
                Some("t"),
                true,
            ),
            (&format!("h:1/a@{DIGEST}"), "h:1", "a", None, true),
        ] {
            let reference: Reference = text.parse().unwrap();
            assert_eq!(
                (&*reference.registry, &*reference.repository, reference.tag.as_deref()),
                (registry, repository, tag),
                "{text}"
            );
            assert_eq!(reference.manifest.is_some(), pinned, "{text}");
            assert_eq!(reference.to_string(), text);
        }
        assert_eq!("[::1]:5000/a".parse::<Reference>().unwrap().host(), "[::1]");
    }

    #[test]
    fn what_is_no_reference_is_refused_with_a_reason() {
        for text in [
            "helm",
            "acme/helm",
            "https://ghcr.io/acme/helm",
            "ghcr.io/Acme/helm",
            "ghcr.io/acme/",
            "ghcr.io/acme/helm:",
            "ghcr.io/acme/helm:a b",
            "ghcr.io/acme/helm@sha256:12",
            "me:pw@ghcr.io/acme/helm",
            "gh_cr.io/a",
            "h:/a",
            "h:123456/a",
            "ghcr.io/../a",
            "ghcr.io/a?x",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
