//! A kind as an API server serves it, and the paths under which its objects are.

use std::fmt::Write;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use windlass_core::model::ObjectId;

/// What must not stand in a segment of a path; names with `:` (RBAC) are fine.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What must not stand in a value of a query.
const VALUE: &AsciiSet = &SEGMENT.add(b'&').add(b'+').add(b'=').add(b',');

/// A kind in one version, with its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    /// "" for the core group.
    pub group: String,
    /// `v1`.
    pub version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// Whether its objects have a namespace.
    pub namespaced: bool,
}

impl Resource {
    /// Of one of its objects. `namespace`: "" for cluster-scoped ones.
    #[must_use]
    pub fn id(&self, namespace: &str, name: &str) -> ObjectId {
        ObjectId {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// `apps/v1`, `v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        api_version(&self.group, &self.version)
    }

    /// `deployments.apps`, `services`: as RBAC errors and metrics have it.
    #[must_use]
    pub fn label(&self) -> String {
        if self.group.is_empty() {
            self.plural.clone()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// Whether it is the core group's Secret, whose values are nobody's to see.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }

    /// Path of all its objects, in one namespace or, with "", everywhere.
    pub(crate) fn all(&self, namespace: &str) -> String {
        let mut path = if self.group.is_empty() {
            format!("/api/{}", segment(&self.version))
        } else {
            format!("/apis/{}/{}", segment(&self.group), segment(&self.version))
        };
        if self.namespaced && !namespace.is_empty() {
            let _ = write!(path, "/namespaces/{}", segment(namespace));
        }
        let _ = write!(path, "/{}", segment(&self.plural));
        path
    }

    /// Path of one.
    pub(crate) fn one(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.all(namespace), segment(name))
    }
}

/// `apps/v1`, `v1`.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

fn segment(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}

/// A path with a query; values are escaped.
pub(crate) fn with_query(path: &str, query: &[(&str, &str)]) -> String {
    let mut uri = path.to_owned();
    for (index, (key, value)) in query.iter().enumerate() {
        let sign = if index == 0 { '?' } else { '&' };
        let _ = write!(uri, "{sign}{key}={}", utf8_percent_encode(value, VALUE));
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        let mut resource = Resource {
            group: "apps".into(),
            version: "v1".into(),
            kind: "Deployment".into(),
            plural: "deployments".into(),
            namespaced: true,
        };
        assert_eq!(
            resource.one("shop", "api"),
            "/apis/apps/v1/namespaces/shop/deployments/api"
        );
        assert_eq!(resource.all(""), "/apis/apps/v1/deployments");
        assert_eq!(
            (resource.api_version(), resource.label()),
            ("apps/v1".into(), "deployments.apps".into())
        );
        resource.group.clear();
        resource.namespaced = false;
        assert_eq!(resource.one("shop", "a/../b?c"), "/api/v1/deployments/a%2F..%2Fb%3Fc");
        assert_eq!(resource.one("", "system:node"), "/api/v1/deployments/system:node");
        assert_eq!(
            with_query("/a", &[("labelSelector", "a/b=c&d"), ("limit", "5")]),
            "/a?labelSelector=a%2Fb%3Dc%26d&limit=5"
        );
    }
}
