//! Who acts. The engine's own credential observes; what is done in an App's name is done as its service account.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// Alone: API servers put a service account into its groups themselves where no group is named. Who names them needs the right to
/// impersonate groups, and RBAC knows none that ends at `system:serviceaccounts:*`: it would be `system:masters` as well.
const USER: HeaderName = HeaderName::from_static("impersonate-user");
/// [`windlass_core::lock::KEY`], escaped as an API server reads it.
const INSTALLATION: HeaderName = HeaderName::from_static("impersonate-extra-windlass.dev%2finstallation");

/// Longest name of a namespace (RFC 1123 label).
const MAX_LABEL: usize = 63;
/// Longest name of a service account (RFC 1123 subdomain).
const MAX_SUBDOMAIN: usize = 253;

/// In whose name a request is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// The credential of the connection: the engine's, which only observes, or that of a person at the command line.
    Own,
    /// A service account of the target cluster, by impersonation.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// What a cluster says of Apps that name no service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unnamed {
    /// They are refused. The rule wherever an engine serves more than the person who started it.
    Refused,
    /// They act as the connection itself: for a person with a kubeconfig of their own.
    ActAsOwn,
}

/// Why nobody may act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// Fail closed: never the engine's own credential.
    #[error(
        "no service account is named to apply as: set `spec.target.serviceAccountName` to one in namespace `{namespace}`"
    )]
    Unnamed {
        /// Where it would be looked for.
        namespace: String,
    },
    /// Impersonation within impersonation: API servers know one user a request.
    #[error("the kubeconfig acts `as` another user already, so nobody can be impersonated through it")]
    ActsAsAnother,
    /// A name that no service account can have.
    #[error("`{text}` can't be the {what} of a service account: lower-case letters, digits, `-` and `.`")]
    Name {
        /// `name` or `namespace`.
        what: &'static str,
        /// What was given.
        text: String,
    },
    /// A name that no installation has.
    #[error("`{text}` names no installation: hexadecimal digits were expected")]
    Installation {
        /// What was given.
        text: String,
    },
}

impl Actor {
    /// Who acts for an App that names, or doesn't name, a service account in `namespace`.
    ///
    /// # Errors
    /// When none is named where one must be, and when the name is impossible.
    pub fn of(namespace: &str, account: Option<&str>, unnamed: Unnamed) -> Result<Self, IdentityError> {
        match (account, unnamed) {
            (Some(name), _) => Self::service_account(namespace, name),
            (None, Unnamed::ActAsOwn) => Ok(Self::Own),
            (None, Unnamed::Refused) => Err(IdentityError::Unnamed {
                namespace: namespace.to_owned(),
            }),
        }
    }

    /// A service account.
    ///
    /// # Errors
    /// When one of the names is impossible: a `:` in a name would make another user of it.
    pub fn service_account(namespace: &str, name: &str) -> Result<Self, IdentityError> {
        let wrong = |what, text: &str| IdentityError::Name {
            what,
            text: text.to_owned(),
        };
        if !is_name(namespace, MAX_LABEL) || namespace.contains('.') {
            return Err(wrong("namespace", namespace));
        }
        if !is_name(name, MAX_SUBDOMAIN) {
            return Err(wrong("name", name));
        }
        Ok(Self::ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }

    /// The headers that make a request this actor's; none for [`Actor::Own`]. `key`: shows that it is the engine who acts as the service
    /// account, see [`Key`].
    ///
    /// # Errors
    /// When the names could not stand in a header: they were not made by [`Actor::service_account`].
    pub(crate) fn headers(&self, key: Option<&Key>) -> Result<HeaderMap, IdentityError> {
        let mut headers = HeaderMap::new();
        let Self::ServiceAccount { namespace, name } = self else {
            return Ok(headers);
        };
        // Checked again: the variant's fields are public.
        let user = Self::service_account(namespace, name)?.to_string();
        let value = HeaderValue::from_str(&user).map_err(|_| IdentityError::Name {
            what: "name",
            text: user.clone(),
        })?;
        headers.insert(USER, value);
        if let Some(Key(installation)) = key {
            headers.insert(INSTALLATION, installation.clone());
        }
        Ok(headers)
    }
}

/// What a locked cluster tells the engine from a tenant by, who may act as the same service account: an extra of the user, which only
/// who has the right [`windlass_core::lock::right`] can show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(HeaderValue);

impl Key {
    /// That of an installation.
    ///
    /// # Errors
    /// When its name is none that [`windlass_core::owner::Owner`] could have.
    pub fn of(installation: &str) -> Result<Self, IdentityError> {
        let is_one = !installation.is_empty() && installation.bytes().all(|b| b.is_ascii_hexdigit());
        let value = is_one.then(|| HeaderValue::from_str(installation).ok()).flatten();
        value.map(Self).ok_or_else(|| IdentityError::Installation {
            text: installation.to_owned(),
        })
    }
}

/// As the API server names the user: `system:serviceaccount:NAMESPACE:NAME`.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("the connection's own user"),
            Self::ServiceAccount { namespace, name } => write!(f, "system:serviceaccount:{namespace}:{name}"),
        }
    }
}

fn is_name(text: &str, most: usize) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= most && edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| inner(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_acts_where_a_name_is_demanded() {
        let error = Actor::of("shop", None, Unnamed::Refused).unwrap_err();
        assert!(
            error.to_string().contains("`spec.target.serviceAccountName`"),
            "{error}"
        );
        assert_eq!(Actor::of("shop", None, Unnamed::ActAsOwn), Ok(Actor::Own));
        let named = Actor::of("shop", Some("deployer"), Unnamed::ActAsOwn).unwrap();
        assert_eq!(named.to_string(), "system:serviceaccount:shop:deployer");
    }

    #[test]
    fn a_service_account_is_named_and_none_of_its_groups() {
        let headers = Actor::service_account("shop", "deployer")
            .unwrap()
            .headers(None)
            .unwrap();
        assert_eq!(headers[USER], "system:serviceaccount:shop:deployer");
        assert_eq!(headers.len(), 1);
        assert!(Actor::Own.headers(None).unwrap().is_empty());
    }

    #[test]
    fn only_who_is_impersonated_shows_the_key() {
        let key = Key::of("0123456789ab").unwrap();
        let account = Actor::service_account("shop", "deployer").unwrap();
        let name = "impersonate-extra-windlass.dev%2finstallation";
        assert_eq!(account.headers(Some(&key)).unwrap()[name], "0123456789ab");
        assert!(account.headers(None).unwrap().get(name).is_none());
        assert!(Actor::Own.headers(Some(&key)).unwrap().is_empty());
        for wrong in ["", "a b", "0123\r\nImpersonate-Group: system:masters"] {
            assert!(Key::of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_header_is_the_key() {
        let key = windlass_core::lock::KEY.replace('/', "%2f");
        assert_eq!(INSTALLATION.as_str(), format!("impersonate-extra-{key}"));
    }

    #[test]
    fn no_name_makes_another_user() {
        for (namespace, name) in [
            ("shop", "a:b"),
            ("kube-system:x", "a"),
            ("shop", ""),
            ("", "a"),
            ("shop", "a\r\nImpersonate-Group: system:masters"),
            ("shop", "A"),
            ("a.b", "a"),
            ("shop", "-a"),
        ] {
            assert!(Actor::service_account(namespace, name).is_err(), "{namespace} {name}");
            let forged = Actor::ServiceAccount {
                namespace: namespace.into(),
                name: name.into(),
            };
            assert!(forged.headers(None).is_err(), "{namespace} {name}");
        }
    }
}
