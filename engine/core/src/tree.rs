//! A content-addressed, lazy, read-only tree of files: what a revision holds.
//!
//! Symbolic links are resolved here, inside the tree only, whatever the store behind it is. Every answer depends on the
//! root's id alone, so an answer's digest identifies it for good.

mod glob;
mod resolve;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::oid::Oid;

/// What git keeps at a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A regular file with the executable bit.
    Executable,
    /// A folder.
    Directory,
    /// A symbolic link; the blob is its target.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// One entry of a folder, as git stores it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Bytes, not necessarily UTF-8; never empty, never with `/`.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Id of its content.
    pub oid: Oid,
}

/// Where a tree's objects lie: a mirror's object database, or a scanned folder.
pub trait ObjectStore: Send + Sync {
    /// The entries of a folder, sorted by the bytes of their names.
    ///
    /// # Errors
    /// When the object is absent, damaged or no tree.
    fn tree(&self, oid: &Oid) -> Result<Arc<[StoredEntry]>, StoreError>;

    /// The size of a blob in bytes, without reading it.
    ///
    /// # Errors
    /// When the object is absent or damaged.
    fn size(&self, oid: &Oid) -> Result<u64, StoreError>;

    /// The bytes of a blob.
    ///
    /// # Errors
    /// When the object is absent, damaged or no blob.
    fn blob(&self, oid: &Oid) -> Result<Arc<[u8]>, StoreError>;
}

/// An object that can't be had although the tree names it.
#[derive(Debug, thiserror::Error)]
#[error("object {oid} can't be read")]
pub struct StoreError {
    /// Its id.
    pub oid: Oid,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A tree under a label.
#[derive(Clone)]
pub struct Tree {
    label: Arc<str>,
    root: Oid,
    store: Arc<dyn ObjectStore>,
}

/// What [`Tree::stat`] answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What is there after following links.
    pub kind: Kind,
    /// Bytes; 0 unless a file.
    pub size: u64,
    /// The executable bit.
    pub executable: bool,
}

/// What a plugin sees at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing.
    Missing,
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// In a listing: a link. In an answer to `stat`: a link that dangles or leaves the tree.
    Symlink,
    /// A commit of another repository; its content is not in this tree.
    Submodule,
    /// A name that is not UTF-8.
    Other,
}

/// One name of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// UTF-8; other bytes as `\xNN`, and then `kind` is [`Kind::Other`].
    pub name: String,
    /// Not following links.
    pub kind: Kind,
}

/// A page of a listing or of matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// Sorted by bytes.
    pub items: Vec<T>,
    /// There are more after the last.
    pub more: bool,
}

/// What the host may refuse; part of the trace. Mirrors `types.refusal` of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// Nothing at that path.
    #[error("not found")]
    NotFound,
    /// A folder where a file is needed, or the reverse.
    #[error("wrong kind")]
    WrongKind,
    /// Absolute, with an empty, `.` or `..` segment, or with a NUL.
    #[error("invalid path")]
    InvalidPath,
    /// Not allowed; says what and why.
    #[error("denied: {0}")]
    Denied(String),
    /// More bytes than a limit; carries the limit.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// Not to be had.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

/// Why a question to a tree has no answer.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// An answer too: given to the plugin and recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The file's content is in Git LFS, not in the repository. Ends the call.
    #[error(
        "`{path}` is a Git LFS pointer: its content is not in the repository, and Windlass does not fetch LFS objects"
    )]
    LfsPointer {
        /// Where.
        path: String,
    },
    /// The path lies in a submodule. Ends the call.
    #[error(
        "`{path}` is a git submodule: its content is in another repository, and Windlass does not fetch submodules"
    )]
    Submodule {
        /// The submodule's path.
        path: String,
    },
    /// The store failed. Ends the call.
    #[error("the tree can't be read at `{path}`")]
    Store {
        /// Where.
        path: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

/// Bytes of a page as lowered for the guest: it reserves its buffer before it asks, so a page is bounded in bytes too.
pub const PAGE_BYTES: usize = 256 << 10;

/// The most that one read may ask for: bounds what the host copies per call. Larger files are read in chunks.
pub const READ_BYTES: u32 = 8 << 20;

/// A pointer file of Git LFS starts so (specification v1); it is at most 1,024 bytes long.
const LFS_PREFIX: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree")
            .field("label", &self.label)
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

impl Tree {
    /// A tree from its root's id. `label`: "" for the app's own, else the name of the source.
    #[must_use]
    pub fn new(label: &str, root: Oid, store: Arc<dyn ObjectStore>) -> Self {
        Self {
            label: label.into(),
            root,
            store,
        }
    }

    /// "" for the app's own tree, else the name of the source.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Id of the root folder: equal ids, equal trees.
    #[must_use]
    pub const fn root(&self) -> Oid {
        self.root
    }

    /// What is at a path, links followed. Missing is an answer; so is a link that leads nowhere ([`Kind::Symlink`]).
    ///
    /// # Errors
    /// An invalid path is refused; what lies in a submodule, or can't be read, ends the call.
    pub fn stat(&self, path: &str) -> Result<Node, TreeError> {
        let found = match self.resolve(path) {
            Ok(found) => found,
            Err(TreeError::Refused(Refusal::NotFound)) => return self.stat_unresolved(path),
            Err(TreeError::Refused(Refusal::Denied(_))) => return Ok(Node::of(Kind::Symlink)),
            Err(error) => return Err(error),
        };
        Ok(match found.kind {
            EntryKind::Directory => Node::of(Kind::Directory),
            EntryKind::Submodule => Node::of(Kind::Submodule),
            EntryKind::Symlink => Node::of(Kind::Symlink),
            EntryKind::File | EntryKind::Executable => Node {
                kind: Kind::File,
                size: self.store.size(&found.oid).map_err(|e| self.store_error(path, e))?,
                executable: found.kind == EntryKind::Executable,
            },
        })
    }

    /// A path that leads nowhere: a dangling link in its last segment is told apart from nothing at all.
    fn stat_unresolved(&self, path: &str) -> Result<Node, TreeError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Ok(parent) = self.resolve(parent) else {
            return Ok(Node::of(Kind::Missing));
        };
        if parent.kind != EntryKind::Directory {
            return Ok(Node::of(Kind::Missing));
        }
        let entries = self.store.tree(&parent.oid).map_err(|e| self.store_error(path, e))?;
        let link = entries
            .iter()
            .any(|e| e.name == name.as_bytes() && e.kind == EntryKind::Symlink);
        Ok(Node::of(if link { Kind::Symlink } else { Kind::Missing }))
    }

    /// The path with every link resolved.
    ///
    /// # Errors
    /// Refused when it leads nowhere, leaves the tree or is invalid.
    pub fn canonical(&self, path: &str) -> Result<String, TreeError> {
        Ok(self.resolve(path)?.path)
    }

    /// At most `max` bytes from `offset`; shorter only at the end.
    ///
    /// # Errors
    /// Refused when there is no such file or `max` is above [`READ_BYTES`]; an LFS pointer or a submodule ends the call.
    pub fn read(&self, path: &str, offset: u64, max: u32) -> Result<Vec<u8>, TreeError> {
        if max > READ_BYTES {
            return Err(Refusal::TooLarge(READ_BYTES.into()).into());
        }
        let bytes = self.file(path)?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(max as usize).min(bytes.len());
        Ok(bytes[start..end].to_vec())
    }

    /// A whole file.
    ///
    /// # Errors
    /// As [`Tree::read`].
    pub fn file(&self, path: &str) -> Result<Arc<[u8]>, TreeError> {
        let found = self.resolve(path)?;
        match found.kind {
            EntryKind::File | EntryKind::Executable => {}
            EntryKind::Submodule => return Err(TreeError::Submodule { path: found.path }),
            EntryKind::Directory | EntryKind::Symlink => return Err(Refusal::WrongKind.into()),
        }
        let bytes = self.store.blob(&found.oid).map_err(|e| self.store_error(path, e))?;
        if bytes.len() <= 1024 && bytes.starts_with(LFS_PREFIX) {
            return Err(TreeError::LfsPointer { path: found.path });
        }
        Ok(bytes)
    }

    /// The names in a folder after `after`, sorted by bytes, at most `max` and [`PAGE_BYTES`].
    ///
    /// # Errors
    /// Refused when there is no such folder; a submodule ends the call.
    pub fn list(&self, path: &str, after: &str, max: u32) -> Result<Page<Entry>, TreeError> {
        let all = self.entries(path)?;
        Ok(page(all, |e| &e.name, after, max))
    }

    /// Every name in a folder, sorted by bytes. The answer's digest is what the trace records of [`Tree::list`].
    ///
    /// # Errors
    /// As [`Tree::list`].
    pub fn entries(&self, path: &str) -> Result<Vec<Entry>, TreeError> {
        let found = self.resolve(path)?;
        match found.kind {
            EntryKind::Directory => {}
            EntryKind::Submodule => return Err(TreeError::Submodule { path: found.path }),
            _ => return Err(Refusal::WrongKind.into()),
        }
        let stored = self.store.tree(&found.oid).map_err(|e| self.store_error(path, e))?;
        let mut entries: Vec<Entry> = stored.iter().map(Entry::of).collect();
        entries.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
        Ok(entries)
    }

    /// Files below `base` whose path relative to it matches `pattern`, after `after`, sorted by bytes. Links are not followed.
    ///
    /// # Errors
    /// Refused when there is no such folder or the pattern is malformed.
    pub fn glob(&self, base: &str, pattern: &str, after: &str, max: u32) -> Result<Page<String>, TreeError> {
        Ok(page(self.matches(base, pattern)?, |p| p, after, max))
    }

    /// Identity of a file or of a whole subtree: kind and git id.
    ///
    /// # Errors
    /// Refused when there is nothing; a submodule ends the call.
    pub fn digest(&self, path: &str) -> Result<String, TreeError> {
        let found = self.resolve(path)?;
        let kind = match found.kind {
            EntryKind::Directory => "tree",
            EntryKind::File => "file",
            EntryKind::Executable => "executable",
            EntryKind::Symlink => "symlink",
            EntryKind::Submodule => return Err(TreeError::Submodule { path: found.path }),
        };
        Ok(format!("{kind}:{}", found.oid))
    }

    fn store_error(&self, path: &str, source: StoreError) -> TreeError {
        TreeError::Store {
            path: path.to_owned(),
            source,
        }
    }
}

impl Node {
    const fn of(kind: Kind) -> Self {
        Self {
            kind,
            size: 0,
            executable: false,
        }
    }
}

impl Entry {
    fn of(stored: &StoredEntry) -> Self {
        let Ok(name) = std::str::from_utf8(&stored.name) else {
            return Self {
                name: stored.name.escape_ascii().to_string(),
                kind: Kind::Other,
            };
        };
        let kind = match stored.kind {
            EntryKind::File | EntryKind::Executable => Kind::File,
            EntryKind::Directory => Kind::Directory,
            EntryKind::Symlink => Kind::Symlink,
            EntryKind::Submodule => Kind::Submodule,
        };
        Self {
            name: name.to_owned(),
            kind,
        }
    }
}

fn page<T>(all: Vec<T>, name: impl Fn(&T) -> &str, after: &str, max: u32) -> Page<T> {
    let mut items = Vec::new();
    let mut bytes = 0;
    for item in all.into_iter().filter(|i| name(i).as_bytes() > after.as_bytes()) {
        // A lowered entry is pointer, length and kind (12 bytes) beside the name.
        bytes += 12 + name(&item).len();
        if items.len() >= max as usize || (bytes > PAGE_BYTES && !items.is_empty()) {
            return Page { items, more: true };
        }
        items.push(item);
    }
    Page { items, more: false }
}
