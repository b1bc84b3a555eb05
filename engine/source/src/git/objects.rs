//! Reading objects of a generation.

use std::sync::{Arc, Mutex};

use gix::objs::{Kind, tree::EntryKind as GitKind};
use windlass_core::{
    oid::Oid,
    tree::{EntryKind, ObjectStore, StoreError, StoredEntry},
};

use super::generation::Generation;
use crate::{
    budget::{Limits, lock},
    cache::Cache,
    error::Cause,
};

/// Decoded folders kept per generation: a render resolves the same few hundred again and again.
const TREE_CACHE: usize = 8 << 20;

/// File contents kept per generation: plugins read a file in pieces, and each piece asks for the whole blob.
const BLOB_CACHE: usize = 32 << 20;

/// Readers kept open between questions; each has a delta cache.
const MAX_READERS: usize = 4;

/// The objects of a generation, which stays on disk as long as this lives.
pub(super) struct Objects {
    pub(super) generation: Arc<Generation>,
    readers: Mutex<Vec<gix::Repository>>,
    trees: Cache<Arc<[StoredEntry]>>,
    blobs: Cache<Arc<[u8]>>,
    object_bytes: u64,
}

#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("it is a {found}, not a {wanted}")]
    Kind { found: Kind, wanted: Kind },
    #[error("it has {size} bytes; the limit is {limit}")]
    TooLarge { size: u64, limit: u64 },
    #[error("it is damaged")]
    Damaged,
    #[error("its id is not of this repository's kind")]
    Id,
    #[error(transparent)]
    Git(#[from] gix::Error),
}

impl Objects {
    pub(super) fn new(generation: Generation, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            generation: Arc::new(generation),
            readers: Mutex::new(Vec::new()),
            trees: Cache::new(TREE_CACHE),
            blobs: Cache::new(BLOB_CACHE),
            object_bytes: limits.object_bytes,
        })
    }

    /// Runs `read` with a reader of this thread's own.
    fn with<T>(&self, oid: &Oid, read: impl FnOnce(&gix::Repository) -> Result<T, ReadError>) -> Result<T, StoreError> {
        let reader = lock(&self.readers)
            .pop()
            .unwrap_or_else(|| self.generation.repo.to_thread_local());
        let result = read(&reader);
        let mut readers = lock(&self.readers);
        if readers.len() < MAX_READERS {
            readers.push(reader);
        }
        drop(readers);
        result.map_err(|error| {
            if matches!(error, ReadError::Git(_) | ReadError::Damaged) {
                self.generation.mark_suspect();
            }
            StoreError {
                oid: *oid,
                source: Cause::from(error),
            }
        })
    }

    fn read(&self, reader: &gix::Repository, oid: &Oid, wanted: Kind) -> Result<Vec<u8>, ReadError> {
        self.header(reader, oid, wanted)?;
        Ok(reader.find_object(git_id(oid)?)?.detach().data)
    }

    /// Size and kind come first, so that nothing large is inflated only to be refused.
    fn header(&self, reader: &gix::Repository, oid: &Oid, wanted: Kind) -> Result<u64, ReadError> {
        let header = reader.find_header(git_id(oid)?)?;
        let (found, size, limit) = (header.kind(), header.size(), self.object_bytes);
        if found != wanted {
            return Err(ReadError::Kind { found, wanted });
        }
        if size > limit {
            return Err(ReadError::TooLarge { size, limit });
        }
        Ok(size)
    }
}

impl ObjectStore for Objects {
    fn tree(&self, oid: &Oid) -> Result<Arc<[StoredEntry]>, StoreError> {
        if let Some(entries) = self.trees.get(oid) {
            return Ok(entries);
        }
        let data = self.with(oid, |reader| self.read(reader, oid, Kind::Tree))?;
        let entries: Arc<[StoredEntry]> = self.with(oid, |_| decode(&data))?.into();
        let weight = data.len() + entries.len() * size_of::<StoredEntry>();
        self.trees.put(*oid, Arc::clone(&entries), weight);
        Ok(entries)
    }

    fn size(&self, oid: &Oid) -> Result<u64, StoreError> {
        self.with(oid, |reader| Ok(reader.find_header(git_id(oid)?)?.size()))
    }

    fn blob(&self, oid: &Oid) -> Result<Arc<[u8]>, StoreError> {
        if let Some(bytes) = self.blobs.get(oid) {
            return Ok(bytes);
        }
        let bytes: Arc<[u8]> = self.with(oid, |reader| self.read(reader, oid, Kind::Blob))?.into();
        self.blobs.put(*oid, Arc::clone(&bytes), bytes.len());
        Ok(bytes)
    }
}

/// As [`decode`]; for fuzzing.
pub(crate) fn tree_object(data: &[u8]) -> Option<Vec<StoredEntry>> {
    decode(data).ok()
}

/// The entries of a tree object, sorted by their names' bytes (git sorts folders as if their names ended in `/`). Names that a
/// checkout would refuse are kept: nothing here is ever written to a disk under them.
fn decode(data: &[u8]) -> Result<Vec<StoredEntry>, ReadError> {
    let mut entries = Vec::new();
    for entry in gix::objs::TreeRefIter::from_bytes(data, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|_| ReadError::Damaged)?;
        let kind = match entry.mode.kind() {
            GitKind::Tree => EntryKind::Directory,
            GitKind::Blob => EntryKind::File,
            GitKind::BlobExecutable => EntryKind::Executable,
            GitKind::Link => EntryKind::Symlink,
            GitKind::Commit => EntryKind::Submodule,
        };
        let oid = Oid::from_bytes(entry.oid.as_bytes()).ok_or(ReadError::Id)?;
        entries.push(StoredEntry {
            name: entry.filename.to_vec(),
            kind,
            oid,
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    if entries.windows(2).any(|pair| pair[0].name == pair[1].name) || entries.iter().any(|e| !is_name(&e.name)) {
        return Err(ReadError::Damaged);
    }
    Ok(entries)
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && !name.contains(&b'/') && !name.contains(&0)
}

fn git_id(oid: &Oid) -> Result<gix::ObjectId, ReadError> {
    gix::ObjectId::try_from(oid.as_bytes()).map_err(|_| ReadError::Id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let entry = |(mode, name): &(&str, &[u8])| [mode.as_bytes(), b" ", name, b"\0", &[7; 20]].concat();
        entries.iter().flat_map(entry).collect()
    }

    #[test]
    fn names_are_sorted_by_their_bytes() {
        let data = raw(&[
            ("100644", b"a-b"),
            ("100755", b"a.b"),
            ("40000", b"a"),
            ("120000", b"\xff"),
            ("160000", b"z"),
        ]);
        let entries = decode(&data).unwrap();
        let names: Vec<&[u8]> = entries.iter().map(|e| e.name.as_slice()).collect();
        assert_eq!(names, [b"a".as_slice(), b"a-b", b"a.b", b"z", b"\xff"]);
        assert_eq!(entries[0].kind, EntryKind::Directory);
        assert_eq!(entries[2].kind, EntryKind::Executable);
        assert_eq!(entries[3].kind, EntryKind::Submodule);
    }

    #[test]
    fn damaged_trees_are_refused() {
        assert!(decode(b"100644 a\0short").is_err());
        assert!(decode(&raw(&[("100644", b"a"), ("40000", b"a")])).is_err());
        assert!(decode(&raw(&[("100644", b"a/b")])).is_err());
    }
}
