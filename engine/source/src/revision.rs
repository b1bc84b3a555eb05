//! What a source is asked for, and what it answers.

use std::{fmt, str::FromStr, sync::Arc};

use windlass_core::{
    oid::Oid,
    render::Instant,
    tree::{ObjectStore, Tree},
    version::Range,
};

use crate::signature::{Policy, Signer};

/// What to resolve in a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Reference {
    /// What the server's `HEAD` points to: the default branch.
    #[default]
    Head,
    /// `refs/heads/NAME`.
    Branch(String),
    /// `refs/tags/NAME`, peeled to its commit.
    Tag(String),
    /// A commit by its full id.
    Commit(Oid),
    /// The newest tag whose version is in the range.
    Version(Range),
}

/// A text that names no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no reference: {reason}")]
pub struct ReferenceError {
    /// As given.
    pub text: String,
    /// What is wrong, and what to write instead.
    pub reason: &'static str,
}

/// A commit of a repository, or the present state of a folder.
#[derive(Clone)]
pub struct Revision {
    /// The commit; none for a local folder.
    pub commit: Option<Oid>,
    /// The commit's parents as it names them; their objects are not fetched.
    pub parents: Vec<Oid>,
    /// Id of the root folder.
    pub root: Oid,
    /// Where the objects lie.
    pub store: Arc<dyn ObjectStore>,
    /// When it was committed (committer's clock). For a folder: of the commit it is based on, else its newest file's change.
    pub time: Instant,
    /// `Name <email>` as the commit says; empty for a folder. Made by strangers: strip control characters before a terminal.
    pub author: String,
    /// First line of the message; empty for a folder. Made by strangers too.
    pub subject: String,
    /// Full name of what was resolved: `refs/heads/main`, `refs/tags/v1`, a commit id; a path for a folder.
    pub reference: String,
    /// The reference pointed elsewhere when this mirror last looked.
    pub moved: Option<Moved>,
    /// By whom it is signed; empty where nobody demanded it.
    pub signers: Vec<Signer>,
}

/// A reference that points to another commit than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The commit it pointed to.
    pub from: Oid,
    /// Whether the new commit descends from it. None when it can't be told: a server that speaks no protocol 2, too much between
    /// the two, or a connection that failed. Never asked for tags, which are not meant to move at all.
    pub descends: Option<bool>,
}

/// What is demanded of a revision before anybody gets it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Demands<'p> {
    /// Of a branch that moved.
    pub on_forced_push: OnForcedPush,
    /// Whose signature it must have; none = nobody's.
    pub signed: Option<&'p Policy>,
}

impl From<OnForcedPush> for Demands<'_> {
    fn from(on_forced_push: OnForcedPush) -> Self {
        Self {
            on_forced_push,
            signed: None,
        }
    }
}

/// What to do when a branch moves to a commit that does not descend from the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnForcedPush {
    /// Go along; [`Revision::moved`] tells.
    #[default]
    Follow,
    /// Stay: [`Error::ForcedPush`](crate::Error::ForcedPush), until somebody says [`OnForcedPush::Follow`]. Also when it can't be
    /// told whether it descends.
    Hold,
}

impl Revision {
    /// The tree under a label: "" for an app's own, else the name of the source.
    #[must_use]
    pub fn tree(&self, label: &str) -> Tree {
        Tree::new(label, self.root, Arc::clone(&self.store))
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revision")
            .field("reference", &self.reference)
            .field("commit", &self.commit)
            .field("root", &self.root)
            .field("moved", &self.moved)
            .field("signers", &self.signers)
            .finish_non_exhaustive()
    }
}

impl Reference {
    /// The full name on the server; the id of a commit.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self {
            Self::Head => "HEAD".to_owned(),
            Self::Branch(name) => format!("refs/heads/{name}"),
            Self::Tag(name) => format!("refs/tags/{name}"),
            Self::Commit(id) => id.to_string(),
            Self::Version(range) => format!("semver:{range}"),
        }
    }

    /// Refuses names that git would not accept, so that none is taken for a pattern or an option further down.
    pub(crate) fn check(&self) -> Result<(), ReferenceError> {
        let refuse = |reason| {
            Err(ReferenceError {
                text: self.full_name(),
                reason,
            })
        };
        match self {
            Self::Head | Self::Version(_) => Ok(()),
            Self::Commit(id) if id.as_bytes().len() != 20 => {
                refuse("repositories with SHA-256 ids are not supported yet: expected 40 hexadecimal digits")
            }
            Self::Commit(_) => Ok(()),
            Self::Branch(name) | Self::Tag(name) if name.is_empty() => refuse("the name is empty"),
            Self::Branch(_) | Self::Tag(_) => {
                let name = self.full_name();
                if gix::validate::reference::name(gix::bstr::BStr::new(&name)).is_err() {
                    return refuse("git does not allow such a name");
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("HEAD"),
            Self::Branch(name) => write!(f, "branch {name}"),
            Self::Tag(name) => write!(f, "tag {name}"),
            Self::Commit(id) => write!(f, "commit {id}"),
            Self::Version(range) => write!(f, "tag with a version in `{range}`"),
        }
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// `HEAD` (or nothing), `refs/heads/NAME`, `refs/tags/NAME`, 40 hexadecimal digits; any other text is a branch.
    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference = if matches!(text, "" | "HEAD") {
            Self::Head
        } else if let Some(name) = text.strip_prefix("refs/heads/") {
            Self::Branch(name.to_owned())
        } else if let Some(name) = text.strip_prefix("refs/tags/") {
            Self::Tag(name.to_owned())
        } else if text.starts_with("refs/") {
            let reason = "only `refs/heads/` and `refs/tags/` are supported; give other commits by their id";
            return Err(ReferenceError {
                text: text.to_owned(),
                reason,
            });
        } else if let Some(id) = Oid::from_hex(text) {
            Self::Commit(id)
        } else {
            Self::Branch(text.to_owned())
        };
        reference.check()?;
        Ok(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_apart() {
        let id = "0123456789012345678901234567890123456789";
        assert_eq!("".parse::<Reference>().unwrap(), Reference::Head);
        assert_eq!("main".parse::<Reference>().unwrap(), Reference::Branch("main".into()));
        assert_eq!(
            "refs/heads/a/b".parse::<Reference>().unwrap(),
            Reference::Branch("a/b".into())
        );
        assert_eq!(
            "refs/tags/v1".parse::<Reference>().unwrap(),
            Reference::Tag("v1".into())
        );
        assert_eq!(
            id.parse::<Reference>().unwrap(),
            Reference::Commit(Oid::from_hex(id).unwrap())
        );
    }

    #[test]
    fn names_that_git_refuses_are_refused() {
        for text in [
            "a b",
            "a*",
            "a..b",
            "refs/heads/",
            "refs/notes/x",
            "a:b",
            "x.lock",
            "^main",
            "a\nb",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
    }
}
