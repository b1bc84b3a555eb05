//! Who signed a commit or a tag, and whether that counts: keys of ssh and OpenPGP, verified in process.
//!
//! Everything fails closed: what is not signed, not understood, or signed by a key that did not count when it signed, is an error that
//! names the key. When a signature was made is what it says itself (OpenPGP), or what the signed commit or tag says (ssh): a stolen
//! key can lie about that, so a key that was lost has to leave the list.

mod keys;
mod object;
mod openpgp;
mod ssh;

use std::{fmt, sync::Arc};

use windlass_core::{moment, render::Instant};

pub use self::keys::{KeyFile, Keys, KeysError};
pub(crate) use self::object::{SignedObject, commit, tag};

/// Longest signature, in bytes as it stands in the object. RSA with 16,384 bits has 3 KB; the largest of the coming kinds has 70.
/// Threat: a commit of megabytes that keeps the parser busy in every poll.
pub(crate) const MAX_SIGNATURE: usize = 128 << 10;

/// What has to be signed, and by whom.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Any of them.
    pub keys: Arc<Keys>,
    /// What.
    pub objects: Objects,
}

/// What has to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objects {
    /// The commit.
    Commit,
    /// The annotated tag that was asked for.
    Tag,
    /// Both.
    TagAndCommit,
}

impl Objects {
    pub(crate) const fn has_commit(self) -> bool {
        matches!(self, Self::Commit | Self::TagAndCommit)
    }

    pub(crate) const fn has_tag(self) -> bool {
        matches!(self, Self::Tag | Self::TagAndCommit)
    }
}

/// A key that signed, and counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// `commit` or `tag`.
    pub what: &'static str,
    /// `SHA256:…`, or the long key id of OpenPGP in 16 hexadecimal digits.
    pub key: String,
    /// Whose it is, as the list of keys says; may be empty.
    pub name: String,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signed by {}", self.what, self.key)?;
        if self.name.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.name)
    }
}

/// What is wrong with a signature. Said after what it is of: "commit 0123… of `https://…` is not signed".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// There is none.
    #[error("is not signed")]
    Missing,
    /// The reference is to the commit itself: there is no object that could be signed.
    #[error("is not signed: it is no annotated tag")]
    Lightweight,
    /// It can't be read, or is of a kind that is not known.
    #[error("has a signature that can't be read: {reason}")]
    Malformed {
        /// Why.
        reason: String,
    },
    /// By a key that is not on the list.
    #[error("is signed by {key}, which is none of the {known} keys that count")]
    UnknownKey {
        /// Its id.
        key: String,
        /// How many are on the list.
        known: usize,
    },
    /// By a known key, but not of these bytes.
    #[error("has a signature of {key} that is not of this content")]
    Mismatch {
        /// Its id.
        key: String,
    },
    /// Made for something else than git.
    #[error("has a signature of {key} for `{namespace}`, not for `git`")]
    Namespace {
        /// Its id.
        key: String,
        /// What for.
        namespace: String,
    },
    /// By a known key at a time when it did not count.
    #[error("is signed by {key} at {}, and that key {}", moment::text(*.at), .validity)]
    Expired {
        /// Its id.
        key: String,
        /// When the signature was made.
        at: Instant,
        /// `expired at …`.
        validity: String,
    },
    /// By a key that its owner has revoked.
    #[error("is signed by {key}, which its owner has revoked")]
    Revoked {
        /// Its id.
        key: String,
    },
    /// By a known key that may not sign data, or with a method that can be forged.
    #[error("is signed by {key} with {method}, which does not count")]
    Weak {
        /// Its id.
        key: String,
        /// What.
        method: String,
    },
    /// A signed tag that stands under another name than it was signed for: an old version given out as a new one.
    #[error("is a signed tag of another name: `{found}`")]
    TagName {
        /// What the signed tag calls itself.
        found: String,
    },
    /// A signed tag that the server gives another commit than it was signed for.
    #[error("is a signed tag of {found}, and the server says it is one of another commit")]
    TagTarget {
        /// What is behind it.
        found: String,
    },
}

impl Flaw {
    /// Code of the finding.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing | Self::Lightweight => "signature-missing",
            Self::Malformed { .. } => "signature-malformed",
            Self::UnknownKey { .. } => "signature-unknown-key",
            Self::Mismatch { .. } => "signature-invalid",
            Self::Namespace { .. } => "signature-namespace",
            Self::Expired { .. } => "signature-expired",
            Self::Revoked { .. } => "signature-revoked",
            Self::Weak { .. } => "signature-weak",
            Self::TagName { .. } => "signature-tag-name",
            Self::TagTarget { .. } => "signature-tag-target",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Missing => {
                "sign it (`git commit -S`, `git tag -s`); merges made on a forge are signed by the forge's own key, if at all"
            }
            Self::Lightweight => "make the tag with `git tag -s`",
            Self::Malformed { .. } => {
                "sign it anew with an ssh key or an OpenPGP key: `git commit --amend -S`, `git tag -f -s`"
            }
            Self::UnknownKey { .. } => {
                "if the key's owner may say what is deployed, add their public key to `spec.verify`; else find out who pushed this"
            }
            Self::Mismatch { .. } => {
                "it was changed after it was signed, or the signature belongs to something else: find out who pushed this"
            }
            Self::Namespace { .. } => {
                "sign it by git itself (`gpg.format=ssh`): a signature for something else is no consent to deploy this"
            }
            Self::Expired { .. } => {
                "extend the key and renew its file in `spec.verify`, or sign it anew with a key that is valid"
            }
            Self::Revoked { .. } => "sign it anew with another key, and take the revoked one out of `spec.verify`",
            Self::Weak { .. } => {
                "sign it anew with a newer key: Ed25519, ECDSA, or RSA of 2048 bits with SHA-256 or SHA-512"
            }
            Self::TagName { .. } | Self::TagTarget { .. } => {
                "find out who did it: a signed tag was given for something else"
            }
        }
    }
}

/// Checks a signed object.
///
/// # Errors
/// When its signature does not count.
pub(crate) fn verify(object: &SignedObject, what: &'static str, keys: &Keys) -> Result<Signer, Flaw> {
    let text = object.signature.trim_start();
    if object.signature.len() > MAX_SIGNATURE {
        return Err(malformed(format!("it is longer than {MAX_SIGNATURE} bytes")));
    }
    let verified = if text.starts_with("-----BEGIN SSH SIGNATURE-----") {
        ssh::verify(object, keys)
    } else if text.starts_with("-----BEGIN PGP SIGNATURE-----") || text.starts_with("-----BEGIN PGP MESSAGE-----") {
        openpgp::verify(object, keys)
    } else {
        Err(malformed("it is neither of ssh nor of OpenPGP"))
    };
    verified.map(|(key, name)| Signer { what, key, name })
}

fn malformed(reason: impl fmt::Display) -> Flaw {
    Flaw::Malformed {
        reason: reason.to_string(),
    }
}

fn at(seconds: i64) -> Instant {
    Instant {
        seconds,
        nanoseconds: 0,
    }
}
