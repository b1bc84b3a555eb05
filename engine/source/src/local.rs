//! A local folder as a source, read as git would store it: uncommitted work, before anybody commits it.
//!
//! [`Folder::scan`] gives what `git add -A && git write-tree` would give in a git work tree, without touching the work tree, its
//! index or its object database: ignored files are left out unless tracked, line endings are converted as attributes and
//! configuration say, files under `filter=lfs` become their pointers. No filter program is ever run: a file that needs one
//! can't be read, and says why when somebody tries. Outside of a git work tree every file counts as it lies there.
//!
//! Symbolic links are kept as links and never followed here; names need not be UTF-8; `.git` is not part of any tree; a folder
//! that is a git repository of its own is a submodule; sockets, pipes and devices are left out with a [`Warning`].
//!
//! Scans are eager, since a tree's id depends on every file in it, but a [`Folder`] remembers what it hashed.

mod folder;
mod scan;
mod clean;
mod store;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, time::Duration};

use crate::{error::Cause, revision::Revision};

pub use folder::Folder;

/// Most files of one scan: the largest public monorepos have fewer. Threat: `render` started in a home folder, or in `/`.
const MAX_FILES: usize = 300_000;

/// Folders inside folders; the limit of the system's paths is near. Bounds stack and open files.
const MAX_DEPTH: usize = 200;

/// Largest file that is hashed. Larger ones are in the tree but can't be read, as forges refuse files above 100 MB.
/// Threat: a disk image left in a work tree makes each render wait.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Most bytes hashed by one scan; some ten seconds.
const MAX_TOTAL_BYTES: u64 = 4 << 30;

/// Most bytes of converted text kept in memory by one scan.
const MAX_CONVERTED_BYTES: u64 = 64 << 20;

/// How to read a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Where the tree starts.
    pub root: Root,
    /// Which git configuration decides on ignored files and line endings.
    pub config: GitConfig,
}

/// Where the tree of a path starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Root {
    /// At the top of the git work tree around it, so that `../base` is inside; without one as [`Root::Path`].
    #[default]
    WorkTree,
    /// At the path itself; at its folder if it is a file.
    Path,
    /// At this folder, which must hold the path.
    At(PathBuf),
}

/// Which git configuration takes part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GitConfig {
    /// The system's, the user's and the repository's: exactly what `git add` would do here.
    #[default]
    User,
    /// The repository's only: the same on every machine.
    Repository,
}

/// What a scan found.
#[derive(Debug, Clone)]
pub struct Scan {
    /// Without commit, author and subject.
    pub revision: Revision,
    /// What is in the folder but not in the tree.
    pub warnings: Vec<Warning>,
    /// Files and links in the tree.
    pub files: usize,
    /// Bytes read for it; less when a former scan knew the files.
    pub bytes: u64,
}

/// Something in the folder that is not in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// From the root; bytes that are not UTF-8 as `\xNN`.
    pub path: String,
    /// Why.
    pub reason: WarningReason,
}

/// Why something is not in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningReason {
    /// A socket, pipe or device: git stores none.
    SpecialFile,
    /// A git repository of its own that has no commit yet.
    EmptyRepository,
    /// The index has it, the sparse checkout does not.
    Sparse,
}

/// Why a folder can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The path or the root can't be opened.
    #[error("`{}` can't be read", .path.display())]
    Open {
        /// As given.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The explicit root does not hold the path.
    #[error("`{}` is not inside of the root `{}`", .path.display(), .root.display())]
    Outside {
        /// The path.
        path: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// The path from the root to the path is not UTF-8, as paths in trees have to be.
    #[error("`{}` has a name that is not UTF-8", .path.display())]
    NotUtf8 {
        /// The path.
        path: PathBuf,
    },
    /// The repository around the folder can't be read.
    #[error("the git repository of `{}` can't be read", .path.display())]
    Git {
        /// The work tree.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A file or folder inside can't be read.
    #[error("`{path}` can't be read")]
    Read {
        /// From the root.
        path: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A file changed each time it was read.
    #[error("`{path}` keeps changing while it is read: try again when nobody writes to it")]
    Changing {
        /// From the root.
        path: String,
    },
    /// More than one scan may read.
    #[error("`{}` has more than {limit} {what}: choose a smaller root, or ignore what does not belong to it", .path.display())]
    TooMuch {
        /// The root.
        path: PathBuf,
        /// The limit.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
    /// The caller stopped it.
    #[error("reading `{}` was cancelled after {after:?}", .path.display())]
    Cancelled {
        /// The root.
        path: PathBuf,
        /// How long it ran.
        after: Duration,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            WarningReason::SpecialFile => "is a socket, a pipe or a device: git stores none, left out",
            WarningReason::EmptyRepository => "is a git repository without a commit: left out",
            WarningReason::Sparse => "is not checked out here (sparse checkout): left out",
        };
        write!(f, "`{}` {reason}", self.path)
    }
}

/// Bytes of a path for people.
fn shown(path: &[u8]) -> String {
    match std::str::from_utf8(path) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => path.escape_ascii().to_string(),
    }
}
