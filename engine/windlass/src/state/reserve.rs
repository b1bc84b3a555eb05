//! Disk space set aside: a disk that others filled must not keep the engine from writing down what it did, nor from telling of it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// Bytes of the reserve. An inventory of a thousand objects has some 300 kB, an event 4 kB, and a store that is written anew at most
/// doubles: enough for hours, until somebody made room.
const SIZE: u64 = 16 << 20;

/// With less than this left beside it, the reserve is given up; with four times as much, it is set aside again.
const LOW: u64 = 8 << 20;

/// A file that holds space.
#[derive(Debug)]
pub(super) struct Reserve {
    file: PathBuf,
    folder: PathBuf,
}

impl Reserve {
    pub(super) fn new(folder: &Path) -> Self {
        let reserve = Self {
            file: folder.join("reserve"),
            folder: folder.to_owned(),
        };
        reserve.look();
        reserve
    }

    /// Gives the space up, or sets it aside again. Costs a system call or two.
    pub(super) fn look(&self) {
        let Ok(disk) = statvfs(&self.folder) else { return };
        let left = disk.f_bavail.saturating_mul(disk.f_frsize);
        let is_there = self.file.exists();
        if left < LOW && is_there {
            tracing::warn!(folder = %self.folder.display(), left, "the disk is full: its reserve is used");
            if let Err(error) = fs::remove_file(&self.file) {
                tracing::warn!(%error, "the reserve can't be given up");
            }
        } else if left > LOW * 4 + SIZE
            && !is_there
            && let Err(error) = self.set_aside()
        {
            tracing::debug!(%error, "no disk space is set aside");
            let _ = fs::remove_file(&self.file);
        }
    }

    fn set_aside(&self) -> io::Result<()> {
        let file = File::create(&self.file)?;
        Ok(fallocate(&file, FallocateFlags::empty(), 0, SIZE)?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn the_space_is_really_taken() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = Reserve::new(dir.path());
        let held = fs::metadata(&reserve.file).unwrap();
        assert_eq!((held.len(), held.blocks() * 512 >= SIZE), (SIZE, true));
        reserve.look();
        assert!(reserve.file.exists());
    }
}
