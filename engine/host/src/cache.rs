//! Compiled plugins on disk.
//!
//! Machine code is loaded unchecked, so a file counts only with the right MAC: its key is in the folder, owner-only, and
//! never reaches a worker. The MAC is part of the file's name: one rename publishes both, and content stays as compiled.

use std::{
    fs::{self, File, FileTimes, Permissions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use windlass_core::digest::{Digest, hex, unhex};

use crate::{entropy::keyed, error::LoadError, limits};

/// Name of the file that holds the key.
const KEY_FILE: &str = "key";

/// What file names end with. The number is the format's: names of another format are left alone.
const SUFFIX: &str = ".v1.cwasm";

/// What file names of any format end with.
const ANY_SUFFIX: &str = ".cwasm";

/// What names of unfinished files start with.
const UNFINISHED: &str = ".compiling-";

/// After so long an unfinished file is a killed process's: compilations are bounded far below.
const ABANDONED: Duration = Duration::from_secs(3600);

/// The folder of compiled plugins.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
    key: [u8; 32],
    /// What decides compiled code beside the component.
    compatibility: Digest,
    /// Most bytes of all artefacts.
    quota: u64,
}

impl Cache {
    /// Opens or creates the folder and its key.
    pub(crate) fn open(dir: &Path, compatibility: Digest) -> Result<Self, LoadError> {
        let fail = |what, source| LoadError::Cache {
            dir: dir.to_owned(),
            what,
            source,
        };
        fs::create_dir_all(dir).map_err(|e| fail("it can't be created", e))?;
        let owner = fs::metadata(dir).map_err(|e| fail("it can't be read", e))?.uid();
        if owner != rustix::process::geteuid().as_raw() {
            return Err(fail(
                "it belongs to another user",
                io::ErrorKind::PermissionDenied.into(),
            ));
        }
        fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(|e| fail("it can't be made private", e))?;
        let key = key(dir).map_err(|e| fail("its key can't be read or created", e))?;
        Ok(Self {
            dir: dir.to_owned(),
            key,
            compatibility,
            quota: limits::CACHE_BYTES,
        })
    }

    /// Most bytes of all artefacts together.
    pub(crate) const fn set_quota(&mut self, bytes: u64) {
        self.quota = bytes;
    }

    /// The artefact of a component, authenticated; whatever claims to be it and is not, is deleted.
    pub(crate) fn find(&self, component: &Digest) -> Option<File> {
        let prefix = self.prefix(component);
        let entries = fs::read_dir(&self.dir).ok()?;
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names
            .filter(|name| name.starts_with(&prefix) && name.ends_with(SUFFIX))
            .collect();
        names.sort();
        names.iter().find_map(|name| {
            let path = self.dir.join(name);
            let mac = unhex(&name[prefix.len()..name.len() - SUFFIX.len()]);
            match mac.map(|mac| self.verify(component, &path, &mac)) {
                Some(Ok(file)) => return Some(file),
                Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => return None,
                _ => {}
            }
            tracing::warn!(file = %path.display(), "a compiled plugin was changed or damaged: it is deleted and compiled again");
            let _ = fs::remove_file(&path);
            None
        })
    }

    /// The file is opened once: what is checked is what is mapped.
    fn verify(&self, component: &Digest, path: &Path, mac: &[u8]) -> io::Result<File> {
        let mut file = rustix::fs::open(
            path,
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .map(File::from)?;
        self.mac(component, &mut file)?
            .verify_slice(mac)
            .map_err(|_| io::ErrorKind::InvalidData)?;
        // When it was used decides who has to go; a failure costs no more than its place in that order.
        let _ = file.set_times(FileTimes::new().set_modified(SystemTime::now()));
        Ok(file)
    }

    /// A file to compile into; it has no name that [`Cache::find`] would take.
    pub(crate) fn create(&self) -> io::Result<tempfile::NamedTempFile> {
        tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.dir)
    }

    /// Publishes what was compiled. The bytes are read from the file that the worker wrote.
    pub(crate) fn publish(&self, component: &Digest, mut compiled: tempfile::NamedTempFile) -> io::Result<File> {
        compiled.as_file().set_permissions(Permissions::from_mode(0o400))?;
        compiled.as_file().sync_data()?;
        let mac = self.mac(component, compiled.as_file_mut())?.finalize().into_bytes();
        let path = self
            .dir
            .join(format!("{}{}{SUFFIX}", self.prefix(component), hex(&mac)));
        compiled.persist(&path).map_err(|error| error.error)?;
        self.evict(&path);
        self.verify(component, &path, &mac)
    }

    /// Deletes artefacts, the longest unused first, until all together are within the quota; `kept` stays whatever it takes.
    /// Who has one mapped keeps it: the name goes, the file stays until nobody has it open.
    fn evict(&self, kept: &Path) {
        let mut files: Vec<(SystemTime, u64, PathBuf)> = fs::read_dir(&self.dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        files.sort();
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for (modified, _, path) in files.iter().filter(|(.., path)| name(path).starts_with(UNFINISHED)) {
            if modified.elapsed().is_ok_and(|age| age > ABANDONED) {
                let _ = fs::remove_file(path);
            }
        }
        files.retain(|(.., path)| name(path).ends_with(ANY_SUFFIX));
        let mut total: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, bytes, path) in files.iter().filter(|(.., path)| path != kept) {
            if total <= self.quota {
                return;
            }
            if fs::remove_file(path).is_ok() {
                tracing::info!(file = %path.display(), "a compiled plugin was not used for long: deleted, for lack of space");
                total -= bytes;
            }
        }
    }

    fn prefix(&self, component: &Digest) -> String {
        format!("{}-{}-", component.hex(), &self.compatibility.hex()[..32])
    }

    /// Over what the code was made of and the code.
    fn mac(&self, component: &Digest, file: &mut File) -> io::Result<Hmac<Sha256>> {
        let mut mac = keyed(&self.key);
        mac.update(b"windlass.dev/artefact/v1");
        mac.update(component.as_bytes());
        mac.update(self.compatibility.as_bytes());
        file.seek(SeekFrom::Start(0))?;
        let mut content = file.take(limits::ARTEFACT_BYTES + 1);
        let mut buffer = vec![0; 256 << 10];
        loop {
            match content.read(&mut buffer)? {
                0 => return Ok(mac),
                n => mac.update(&buffer[..n]),
            }
        }
    }
}

/// Reads the key, or creates it. Of two processes that create it at once, one wins and both read the winner's.
fn key(dir: &Path) -> io::Result<[u8; 32]> {
    let path = dir.join(KEY_FILE);
    if !path.try_exists()? {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other)?;
        let mut file = tempfile::Builder::new().prefix(".key-").tempfile_in(dir)?;
        file.write_all(&key)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&path) {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.error),
        }
    }
    let file = File::open(&path)?;
    let metadata = file.metadata()?;
    if metadata.mode() & 0o077 != 0 || metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others may read the key: delete the folder",
        ));
    }
    let mut key = Vec::new();
    file.take(33).read_to_end(&mut key)?;
    key.try_into().map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the key has not 32 bytes: delete the folder",
        )
    })
}

#[cfg(test)]
mod tests;
