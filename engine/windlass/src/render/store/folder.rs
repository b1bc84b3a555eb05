//! Runs as files: `FOLDER/v1/BASE/RUN`, names without meaning, contents sealed.
//!
//! ```text
//! length of the trace's part (32 bits, little-endian) | sealed trace | sealed body
//! ```
//! Those that histories need lie in a folder of their own too (hard links, where the file system has them): `KEPT/RUN`.
//!
//! A file is written beside and renamed: it is whole or not there. What is damaged, foreign or of another installation
//! is no entry.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, SystemTime},
};

use windlass_core::{
    digest::{Digest, hex, unhex},
    trace::Trace,
};

use super::{
    run::{Run, parse_trace, trace_bytes},
    seal::Seal,
};
use crate::state::Secret;

/// Bytes on disk. Five hundred apps of 50 kB leave 400 MB behind in sixteen changes each; the threat is a disk filled by
/// what can be made again, so that the inventory can't be written.
const DISK: u64 = 1 << 30;

/// Largest file read back: the largest output that a call may have, and its trace.
const FILE: u64 = 128 << 20;

/// How often a file's age is renewed when it is used: what was used last is deleted last, give or take this.
const RENEW: Duration = Duration::from_secs(3600);

/// Begins the name of files that are being written.
const TEMPORARY: &str = ".tmp-";

const TRACE: &[u8] = b"trace";
const BODY: &[u8] = b"body";

/// A file's name.
pub(super) type Name = [u8; 16];

pub(super) struct Folder {
    path: PathBuf,
    /// Of runs that are not disposable.
    kept: Option<PathBuf>,
    seal: Seal,
    /// Bytes on disk, as far as this process knows; found out before the first write.
    bytes: AtomicU64,
    measured: AtomicBool,
    /// The first failure is told, the others are like it.
    told: AtomicBool,
}

impl Folder {
    pub(super) fn new(path: &Path, secret: &Secret) -> Self {
        Self {
            path: path.join("v1"),
            kept: None,
            seal: Seal::new(secret),
            bytes: AtomicU64::new(0),
            measured: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self, base: &Digest, trace: &Digest) -> Name {
        self.seal.name(&[base.as_bytes(), trace.as_bytes()])
    }

    fn folder(&self, base: &Digest) -> PathBuf {
        self.path.join(hex(&self.seal.name(&[base.as_bytes()])))
    }

    fn file(&self, base: &Digest, name: Name) -> PathBuf {
        self.folder(base).join(hex(&name))
    }

    /// The runs of a call, in no order.
    pub(super) fn names(&self, base: &Digest) -> Vec<Name> {
        let Ok(entries) = fs::read_dir(self.folder(base)) else {
            return Vec::new();
        };
        let name = |entry: fs::DirEntry| unhex(entry.file_name().to_str()?)?.try_into().ok();
        entries.filter_map(|entry| name(entry.ok()?)).collect()
    }

    /// What a run asked; a file that is none is deleted.
    pub(super) fn trace(&self, base: &Digest, name: Name) -> Option<Trace> {
        let read = || {
            let mut file = File::open(self.file(base, name)).ok()?;
            let mut length = [0; 4];
            file.read_exact(&mut length).ok()?;
            let mut sealed = Vec::new();
            file.take(u32::from_le_bytes(length).into())
                .read_to_end(&mut sealed)
                .ok()?;
            parse_trace(&self.seal.open(&[base.as_bytes(), &name], TRACE, &sealed)?)
        };
        self.or_removed(base, name, read())
    }

    pub(super) fn run(&self, base: &Digest, name: Name) -> Option<Run> {
        let cached = self.or_removed(base, name, self.read(&self.file(base, name), base, name));
        cached.or_else(|| self.read(&self.kept_file(name)?, base, name))
    }

    fn read(&self, path: &Path, base: &Digest, name: Name) -> Option<Run> {
        let read = || {
            let mut bytes = Vec::new();
            let file = File::open(path).ok()?;
            file.take(FILE).read_to_end(&mut bytes).ok()?;
            let (length, rest) = bytes.split_first_chunk()?;
            let (trace, body) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
            let file = [base.as_bytes().as_slice(), &name];
            Run::parse(
                &self.seal.open(&file, TRACE, trace)?,
                &self.seal.open(&file, BODY, body)?,
            )
        };
        read()
    }

    fn or_removed<T>(&self, base: &Digest, name: Name, read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.remove(base, name);
        }
        read
    }

    /// Whether it is on disk now.
    pub(super) fn write(&self, base: &Digest, name: Name, run: &Run) -> bool {
        let Some(bytes) = self.sealed(base, name, run) else {
            return false;
        };
        self.measure();
        match self.replace(base, name, &bytes) {
            Ok(()) => {
                let total = self.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
                if total > DISK {
                    self.shrink(DISK / 5 * 4);
                }
                true
            }
            Err(error) => {
                if !self.told.swap(true, Ordering::Relaxed) {
                    let folder = self.path.display();
                    tracing::warn!(%folder, %error, "renders can't be kept on disk; they are kept in memory");
                }
                false
            }
        }
    }

    fn sealed(&self, base: &Digest, name: Name, run: &Run) -> Option<Vec<u8>> {
        let file = [base.as_bytes().as_slice(), &name];
        let trace = self.seal.close(&file, TRACE, trace_bytes(&run.trace)?)?;
        let body = self.seal.close(&file, BODY, run.body()?)?;
        let length = u32::try_from(trace.len()).ok()?.to_le_bytes();
        Some([length.as_slice(), &trace, &body].concat())
    }

    fn replace(&self, base: &Digest, name: Name, bytes: &[u8]) -> io::Result<()> {
        let folder = self.folder(base);
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(&folder)?;
        write(&folder, &folder.join(hex(&name)), bytes)
    }

    pub(super) fn keep_in(&mut self, folder: &Path) {
        self.kept = Some(folder.to_owned());
    }

    fn kept_file(&self, name: Name) -> Option<PathBuf> {
        Some(self.kept.as_ref()?.join(hex(&name)))
    }

    /// Whether a run that is on disk is kept from now on.
    pub(super) fn keep(&self, base: &Digest, name: Name) -> bool {
        let Some(kept) = self.kept_file(name) else { return false };
        let link = || fs::hard_link(self.file(base, name), &kept);
        match link() {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => true,
            Err(_) => self.make_kept().is_ok() && link().is_ok(),
        }
    }

    /// The same of a run that isn't, or where there are no links.
    pub(super) fn keep_run(&self, base: &Digest, name: Name, run: &Run) -> bool {
        let (Some(kept), Some(bytes)) = (self.kept_file(name), self.sealed(base, name, run)) else {
            return false;
        };
        let written = self.make_kept().and_then(|folder| write(folder, &kept, &bytes));
        if let Err(error) = &written {
            tracing::warn!(file = %kept.display(), %error, "the documents of a history's entry can't be kept");
        }
        written.is_ok()
    }

    fn make_kept(&self) -> io::Result<&Path> {
        let folder = self.kept.as_deref().ok_or(io::ErrorKind::NotFound)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(folder)
    }

    pub(super) fn release(&self, file: &str) {
        if let Some(folder) = &self.kept {
            // It may never have been there.
            let _ = fs::remove_file(folder.join(file));
        }
    }

    /// Names of the files that are kept.
    pub(super) fn kept(&self) -> Vec<String> {
        let entries = self.kept.as_ref().and_then(|folder| fs::read_dir(folder).ok());
        let names = entries.into_iter().flatten().flatten();
        names.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    pub(super) fn remove(&self, base: &Digest, name: Name) {
        // Another process may have been quicker.
        let _ = fs::remove_file(self.file(base, name));
    }

    /// Makes a file young again.
    pub(super) fn touch(&self, base: &Digest, name: Name) {
        let now = SystemTime::now();
        let path = self.file(base, name);
        let aged = fs::metadata(&path)
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|modified| now.duration_since(modified).is_ok_and(|age| age > RENEW));
        if aged {
            // A file that was deleted meanwhile needs no age.
            let _ = File::options()
                .write(true)
                .open(path)
                .and_then(|file| file.set_modified(now));
        }
    }

    fn measure(&self) {
        if !self.measured.swap(true, Ordering::Relaxed) {
            let bytes = self.files().iter().map(|(_, bytes, _)| bytes).sum();
            self.bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// Deletes the files used longest ago until `limit` bytes are left.
    fn shrink(&self, limit: u64) {
        let mut files = self.files();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, path) in &files {
            if bytes <= limit {
                break;
            }
            if fs::remove_file(path).is_ok() {
                bytes -= size;
            }
            // Fails where other runs are left.
            let _ = path.parent().map(fs::remove_dir);
        }
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Age, size and path of every file, half-written ones of killed processes included.
    fn files(&self) -> Vec<(SystemTime, u64, PathBuf)> {
        let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
        let mut files = Vec::new();
        for base in entries(&self.path) {
            for file in entries(&base.path()) {
                if let Ok(metadata) = file.metadata() {
                    files.push((
                        metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                        metadata.len(),
                        file.path(),
                    ));
                }
            }
        }
        files
    }
}

fn write(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{render::Kept, state::State};

    #[test]
    fn over_the_quota_the_oldest_files_go() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let folder = Folder::new(&state.renders(), state.secret());
        let run = Run {
            trace: Arc::default(),
            kept: Kept::Output(Arc::default()),
        };
        let bases: Vec<Digest> = (0..10_u8).map(|n| Digest::of(&[n])).collect();
        let name = [0; 16];
        for (at, base) in bases.iter().enumerate() {
            assert!(folder.write(base, name, &run));
            let age = SystemTime::now() - RENEW * 2 * u32::try_from(10 - at).unwrap();
            let file = File::options().write(true).open(folder.file(base, name)).unwrap();
            file.set_modified(age).unwrap();
        }
        folder.touch(&bases[0], name);
        let size = fs::metadata(folder.file(&bases[0], name)).unwrap().len();
        folder.shrink(size * 3);
        let left: Vec<usize> = (0..10).filter(|at| folder.run(&bases[*at], name).is_some()).collect();
        assert_eq!(left, [0, 8, 9]);
        assert_eq!(folder.bytes.load(Ordering::Relaxed), size * 3);
        assert_eq!(fs::read_dir(&folder.path).unwrap().count(), 3);
    }

    #[test]
    fn what_a_history_needs_outlives_the_cache() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        let mut folder = Folder::new(&state.renders(), state.secret());
        let run = Run {
            trace: Arc::default(),
            kept: Kept::Output(Arc::default()),
        };
        let (base, name) = (Digest::of(b"b"), [7; 16]);
        assert!(!folder.keep(&base, name), "there is nowhere to keep it");
        folder.keep_in(&dir.path().join("history"));
        assert!(!folder.keep(&base, name), "there is nothing to keep");
        assert!(folder.write(&base, name, &run));
        assert!(folder.keep(&base, name) && folder.keep(&base, name));
        fs::remove_dir_all(state.renders()).unwrap();
        assert_eq!(folder.run(&base, name), Some(run.clone()));
        assert_eq!(folder.kept(), [hex(&name)]);
        folder.release(&hex(&name));
        assert_eq!(folder.run(&base, name), None);
        assert!(folder.keep_run(&base, name, &run));
        assert_eq!(folder.run(&base, name), Some(run));
    }
}
