//! What RBAC denies, with what to grant.

use std::fmt;

use windlass_core::lock;

use super::About;

/// A permission that is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Who asked, as the API server knows it.
    pub user: String,
    /// `patch`, `create`, `delete`, `get`, `impersonate`, …
    pub verb: String,
    /// `deployments`, with its group: `deployments.apps`.
    pub resource: String,
    /// "" when it is needed in the whole cluster.
    pub namespace: String,
}

impl Denied {
    /// Out of `… is forbidden: User "U" cannot VERB resource "R" in API group "G" in the namespace "N"` (or `at the cluster
    /// scope`). `None` when it is no word of RBAC.
    pub(super) fn read(message: &str, about: &About<'_>) -> Option<Self> {
        let (_, rest) = message.split_once("User \"")?;
        let (user, rest) = rest.split_once("\" cannot ")?;
        let (verb, rest) = rest.split_once(" resource \"")?;
        let (resource, rest) = rest.split_once('"')?;
        let within = |phrase: &str| rest.split_once(phrase).and_then(|(_, rest)| rest.split_once('"'));
        let group = within("in API group \"").map_or("", |(group, _)| group);
        let namespace = within("in the namespace \"").map_or("", |(namespace, _)| namespace);
        // Newer API servers ask for finer rights first (`impersonate-on:serviceaccount:patch`), and name those; this one holds everywhere.
        let (verb, resource, group) = if verb.starts_with("impersonate-on:") || verb.starts_with("impersonate:") {
            ("impersonate", "serviceaccounts", "")
        } else {
            (verb, resource, group)
        };
        Some(Self {
            user: if user.is_empty() {
                about.actor.to_string()
            } else {
                user.to_owned()
            },
            verb: verb.to_owned(),
            resource: if group.is_empty() {
                resource.to_owned()
            } else {
                format!("{resource}.{group}")
            },
            namespace: namespace.to_owned(),
        })
    }

    /// Whether it is the engine that may not act in another's name.
    #[must_use]
    pub fn is_of_impersonation(&self) -> bool {
        self.verb == "impersonate"
    }

    /// Whether it is the key of lock mode that the engine may not show.
    #[must_use]
    pub fn is_of_the_key(&self) -> bool {
        let key = format!("{}/{}", lock::KEY_RESOURCE, lock::KEY);
        self.is_of_impersonation() && self.resource.starts_with(&key)
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_of_the_key() {
            return write!(
                f,
                "`{}` may not show that it is Windlass who acts, which lock mode needs: add the rule {} to its ClusterRole, or set \
                 `spec.lock.mode: Off` in the Cluster",
                self.user,
                lock::right()
            );
        }
        let place = if self.namespace.is_empty() {
            "in the whole cluster".to_owned()
        } else {
            format!("in namespace `{}`", self.namespace)
        };
        let role = if self.namespace.is_empty() {
            "ClusterRole"
        } else {
            "Role"
        };
        let Self {
            user, verb, resource, ..
        } = self;
        write!(
            f,
            "`{user}` may not {verb} `{resource}` {place}: bind a {role} with verb `{verb}` on `{resource}` to it"
        )?;
        // An apply of an object that isn't there needs both, and the API server names one at a time.
        if verb == "patch" || verb == "create" {
            f.write_str(" (applying needs `get`, `create` and `patch`)")?;
        }
        Ok(())
    }
}
