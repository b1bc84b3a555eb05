//! What mirrors take on the disk, and who has to go when it is too much: those that nobody here uses, the longest unused first.

use std::{
    collections::HashSet,
    fs::{self, File, FileTimes},
    path::{Path, PathBuf},
    sync::Mutex,
    time::SystemTime,
};

use super::generation::Layout;
use crate::budget::lock;

/// A file whose time says when a mirror was last used.
const STAMP: &str = "used";

/// The folder of all mirrors.
pub(super) struct Space {
    dir: PathBuf,
    quota: u64,
    in_use: Mutex<HashSet<String>>,
}

impl Space {
    pub(super) fn new(dir: &Path, quota: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            quota,
            in_use: Mutex::default(),
        }
    }

    /// Keeps a mirror from being deleted by this process. Other processes see that it is read.
    pub(super) fn use_by(&self, key: &str) {
        lock(&self.in_use).insert(key.to_owned());
    }

    pub(super) fn release(&self, key: &str) {
        lock(&self.in_use).remove(key);
    }

    pub(super) const fn quota(&self) -> u64 {
        self.quota
    }

    /// Bytes that all mirrors together may still take.
    pub(super) fn left(&self) -> u64 {
        self.quota.saturating_sub(bytes(&self.dir))
    }

    /// Deletes mirrors that no repository of this process uses until so much is left, or none of them is.
    pub(super) fn make_room(&self, wanted: u64) {
        if self.left() >= wanted {
            return;
        }
        for dir in self.unused() {
            if Layout::delete_if_unused(&dir) {
                tracing::info!(mirror = %dir.display(), "no repository uses this mirror: deleted, for lack of space");
            }
            if self.left() >= wanted {
                return;
            }
        }
    }

    /// Mirrors that this process does not use, the longest unused first.
    fn unused(&self) -> Vec<PathBuf> {
        let in_use = lock(&self.in_use);
        let key = |dir: &Path| dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut unused = mirrors(&self.dir);
        unused.retain(|(_, dir)| !in_use.contains(&key(dir)));
        unused.sort();
        unused.into_iter().map(|(_, dir)| dir).collect()
    }
}

/// Mirrors with the time of their last use.
fn mirrors(dir: &Path) -> Vec<(SystemTime, PathBuf)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let dirs = entries
        .map(|entry| entry.path())
        .filter(|path| path.join("format").is_file());
    dirs.map(|dir| (last_used(&dir), dir)).collect()
}

fn last_used(dir: &Path) -> SystemTime {
    let stamped = fs::metadata(dir.join(STAMP)).and_then(|stamp| stamp.modified());
    stamped.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// Says that a mirror is used now. A failure costs no more than its place in the order.
pub(super) fn stamp(dir: &Path) {
    let now = FileTimes::new().set_modified(SystemTime::now());
    let file = File::options().create(true).append(true).open(dir.join(STAMP));
    let _ = file.and_then(|file| file.set_times(now));
}

/// Bytes of all files below a folder. Links are not followed.
pub(super) fn bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
