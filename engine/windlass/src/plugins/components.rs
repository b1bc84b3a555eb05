//! Components by their digest: what came from registries, and what serves. A folder beside the compiled ones.

use std::{
    collections::BTreeSet,
    fs::{self, File, FileTimes},
    io::{self, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use windlass_core::digest::Digest;
use windlass_host::limits;
use windlass_source::oci::{Registry, RegistryError};

/// Name of the folder in the cache.
const FOLDER: &str = "components";

/// What names of components end with.
const SUFFIX: &str = ".wasm";

/// Most bytes of all components. Those in Go have 30 MB, so that some sixty versions stay. Threat: versions that come and go for
/// years fill the disk.
const BYTES: u64 = 2 << 30;

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Components(PathBuf);

impl Components {
    /// Made when something is put into it.
    pub(crate) fn new(cache: &Path) -> Self {
        Self(cache.join(FOLDER))
    }

    /// Where a component is, when it is there.
    pub(crate) fn path(&self, digest: &Digest) -> PathBuf {
        self.0.join(format!("{}{SUFFIX}", digest.hex()))
    }

    /// Reads one; what is something else by now is deleted.
    pub(crate) fn read(&self, digest: &Digest) -> Option<Vec<u8>> {
        let path = self.path(digest);
        let bytes = windlass_host::read_component(&path).ok()?;
        if Digest::of(&bytes) == *digest {
            return Some(bytes);
        }
        tracing::warn!(file = %path.display(), "a component was changed or damaged: it is deleted");
        let _ = fs::remove_file(path);
        None
    }

    /// Keeps a copy of what lies elsewhere, unless it is something else by now.
    pub(crate) fn keep(&self, digest: &Digest, from: &Path) -> io::Result<()> {
        if self.path(digest).exists() {
            return Ok(());
        }
        let bytes = fs::read(from)?;
        if Digest::of(&bytes) != *digest {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it is another component by now",
            ));
        }
        let mut file = self.unfinished()?;
        file.write_all(&bytes)?;
        self.publish(digest, file)
    }

    /// Fetches one. Published only when it is whole and has the digest.
    pub(crate) async fn fetch(&self, registry: &Registry, digest: Digest) -> Result<(), RegistryError> {
        let mut file = self.unfinished().map_err(RegistryError::Write)?;
        registry.pull(digest, limits::COMPONENT_BYTES, &mut file).await?;
        self.publish(&digest, file).map_err(RegistryError::Write)
    }

    /// Under a name that nobody looks for; gone when dropped.
    fn unfinished(&self) -> io::Result<tempfile::NamedTempFile> {
        fs::create_dir_all(&self.0)?;
        tempfile::Builder::new().prefix(".unfinished-").tempfile_in(&self.0)
    }

    fn publish(&self, digest: &Digest, file: tempfile::NamedTempFile) -> io::Result<()> {
        file.as_file().sync_data()?;
        file.persist(self.path(digest)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Deletes components, those that were used longest ago first, until all are within their bound. `used` stay, and count as used now.
    pub(crate) fn tidy(&self, used: &BTreeSet<Digest>) {
        let used: BTreeSet<PathBuf> = used.iter().map(|digest| self.path(digest)).collect();
        let now = FileTimes::new().set_modified(SystemTime::now());
        for path in &used {
            // When it was used decides who has to go; a failure costs no more than its place in that order.
            let _ = File::open(path).and_then(|file| file.set_times(now));
        }
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files.iter().filter(|(.., path)| !used.contains(path)) {
            if total <= BYTES {
                return;
            }
            if fs::remove_file(path).is_ok() {
                tracing::info!(file = %path.display(), "a component was not used for long: deleted, for lack of space");
                total -= bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_its_name_says_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let components = Components::new(dir.path());
        let (from, digest) = (dir.path().join("a.wasm"), Digest::of(b"a"));
        assert_eq!(components.read(&digest), None);
        fs::write(&from, "b").unwrap();
        assert!(components.keep(&digest, &from).is_err());
        fs::write(&from, "a").unwrap();
        components.keep(&digest, &from).unwrap();
        assert_eq!(components.read(&digest), Some(b"a".to_vec()));
        components.tidy(&BTreeSet::from([digest]));
        fs::write(components.path(&digest), "x").unwrap();
        assert_eq!(components.read(&digest), None);
        assert!(!components.path(&digest).exists());
    }
}
