//! What files held when they were read last: a file that the file system says nothing new about is not read again.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use cap_std::fs::{Metadata, MetadataExt as _};
use windlass_core::digest::Digest;

/// A file changed less than this before it was read may change again without a new time: file systems count in steps, the
/// coarsest (FAT) of two seconds. Git calls such files racily clean.
const RACY: Duration = Duration::from_secs(2);

/// Files that carried their app's mark and could be read as an object. Lives as long as the process.
#[derive(Debug, Default)]
pub struct Memory(Mutex<HashMap<PathBuf, Known>>);

#[derive(Debug, Clone, Copy)]
struct Known {
    stat: Stat,
    hash: Digest,
}

/// What tells that a file was not touched. The time of the inode's change can't be set by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stat {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stat {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a change after `now` would show.
    fn is_old(&self, now: SystemTime) -> bool {
        let Ok(now) = now.duration_since(SystemTime::UNIX_EPOCH) else {
            return false;
        };
        let latest = u64::try_from(self.modified.0.max(self.changed.0)).unwrap_or(0);
        now.as_secs() > latest + RACY.as_secs()
    }
}

impl Memory {
    /// The hash of what a file held, if it was not touched since.
    pub(super) fn recall(&self, path: &Path, stat: &Stat) -> Option<Digest> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(path)
            .filter(|known| known.stat == *stat)
            .map(|known| known.hash)
    }

    /// After a read: `before` and `after` are what the file system said around it.
    pub(super) fn note(&self, path: PathBuf, before: &Stat, after: &Stat, hash: Option<Digest>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match hash.filter(|_| before == after && before.is_old(SystemTime::now())) {
            Some(hash) => known.insert(path, Known { stat: *before, hash }),
            None => known.remove(&path),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(seconds: i64) -> Stat {
        Stat {
            device: 1,
            inode: 2,
            size: 3,
            modified: (1, 0),
            changed: (seconds, 7),
        }
    }

    #[test]
    fn a_file_is_known_until_anything_of_it_changes() {
        let memory = Memory::default();
        let path = Path::new("/a");
        memory.note(path.into(), &stat(5), &stat(5), Some(Digest::of(b"x")));
        assert_eq!(memory.recall(path, &stat(5)), Some(Digest::of(b"x")));
        assert_eq!(memory.recall(path, &stat(6)), None);
        assert_eq!(memory.recall(Path::new("/b"), &stat(5)), None);
    }

    #[test]
    fn a_file_that_may_change_unseen_is_read_again() {
        let memory = Memory::default();
        let path = Path::new("/a");
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let fresh = stat(i64::try_from(now).unwrap());
        memory.note(path.into(), &fresh, &fresh, Some(Digest::of(b"x")));
        assert_eq!(memory.recall(path, &fresh), None);
        memory.note(path.into(), &stat(5), &stat(6), Some(Digest::of(b"x")));
        assert_eq!(memory.recall(path, &stat(6)), None);
    }
}
