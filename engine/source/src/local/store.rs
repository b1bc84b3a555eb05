//! The objects of a scanned folder: trees in memory, files where they lie.

use std::{
    collections::HashMap,
    io::{self, Read as _},
    path::PathBuf,
    sync::Arc,
};

use cap_std::fs::{Dir, File, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use windlass_core::{
    oid::Oid,
    tree::{ObjectStore, StoreError, StoredEntry},
};

use super::clean::Refusal;

/// Trees and contents by id.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) trees: HashMap<Oid, Arc<[StoredEntry]>>,
    pub(super) blobs: HashMap<Oid, Content>,
}

/// Where a blob's bytes are.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// Here: a link's target, a pointer, a converted text.
    Inline(Arc<[u8]>),
    /// In a file, as they are.
    File {
        /// From the root.
        path: PathBuf,
        /// Bytes.
        size: u64,
    },
    /// Nowhere: git would store something that only a program can make.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Bytes of the file.
        size: u64,
    },
}

/// A scanned folder's objects.
pub(super) struct Store {
    pub(super) dir: Arc<Dir>,
    pub(super) objects: Objects,
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("there is no such object in the folder")]
    Unknown,
    #[error("`{}` changed after the folder was read: run again", .path.display())]
    Changed { path: PathBuf },
    #[error("`{}` can't be read", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// What tells that a file is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    pub(super) executable: bool,
    inode: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size(),
            executable: metadata.mode() & 0o100 != 0,
            inode: (metadata.dev(), metadata.ino()),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The later of the times of content and of metadata, in seconds.
    pub(super) fn newest(&self) -> i64 {
        self.modified.0.max(self.changed.0)
    }

    /// Seconds and nanoseconds of the last change of content.
    pub(super) const fn modified(&self) -> (i64, i64) {
        self.modified
    }
}

/// Opens a regular file for reading. A pipe put in its place does not block, and a link in its place does not match the stamp
/// that the caller compares.
pub(super) fn open(dir: &Dir, path: impl AsRef<std::path::Path>) -> io::Result<File> {
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).map_err(io::Error::other)?;
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(nonblock);
    dir.open_with(path, &options)
}

impl Store {
    fn content(&self, oid: &Oid) -> Result<&Content, StoreError> {
        self.objects.blobs.get(oid).ok_or_else(|| fail(oid, ReadError::Unknown))
    }

    fn read(&self, oid: &Oid, path: &PathBuf, size: u64) -> Result<Vec<u8>, ReadError> {
        let io_error = |source| ReadError::Io {
            path: path.clone(),
            source,
        };
        let file = open(&self.dir, path).map_err(io_error)?;
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        file.take(size + 1).read_to_end(&mut bytes).map_err(io_error)?;
        let is = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, &bytes);
        let same = is.is_ok_and(|id| id.as_bytes() == oid.as_bytes());
        if same {
            Ok(bytes)
        } else {
            Err(ReadError::Changed { path: path.clone() })
        }
    }
}

fn fail(oid: &Oid, error: ReadError) -> StoreError {
    StoreError {
        oid: *oid,
        source: error.into(),
    }
}

impl ObjectStore for Store {
    fn tree(&self, oid: &Oid) -> Result<Arc<[StoredEntry]>, StoreError> {
        self.objects
            .trees
            .get(oid)
            .cloned()
            .ok_or_else(|| fail(oid, ReadError::Unknown))
    }

    fn size(&self, oid: &Oid) -> Result<u64, StoreError> {
        Ok(match self.content(oid)? {
            Content::Inline(bytes) => bytes.len() as u64,
            Content::File { size, .. } | Content::Refused { size, .. } => *size,
        })
    }

    fn blob(&self, oid: &Oid) -> Result<Arc<[u8]>, StoreError> {
        match self.content(oid)? {
            Content::Inline(bytes) => Ok(Arc::clone(bytes)),
            Content::File { path, size } => Ok(self.read(oid, path, *size).map_err(|e| fail(oid, e))?.into()),
            Content::Refused { refusal, .. } => Err(fail(oid, refusal.clone().into())),
        }
    }
}
