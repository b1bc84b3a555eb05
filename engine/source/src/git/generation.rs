//! The folders of a mirror: generations, the pointer to the one in use, and the locks that keep two processes apart.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use gix::{ThreadSafeRepository, odb::store::init::Slots};

use crate::{
    budget::{Budget, Limits, TICK},
    error::Error,
};

/// Version of the layout; a higher one is refused.
const FORMAT: u32 = 1;

/// Packs after which the commit is fetched afresh: each costs an open index, and a fresh depth-1 fetch costs 0.1–0.4 s for
/// 10,000 files. Far below [`SLOTS`].
pub(super) const MAX_PACKS: usize = 64;

/// Indices that one open repository can know; fixed when it is opened, and gix fails at the first pack above it.
const SLOTS: u16 = 512;

/// Memory for delta bases per reader. Reading 10,000 blobs takes a quarter of the time with it.
const DELTA_CACHE: &str = "core.deltaBaseCacheLimit=32m";

/// Where the generations of one mirror lie.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    dir: PathBuf,
}

/// One bare repository, open for reading, safe from deletion as long as it lives.
pub(super) struct Generation {
    pub(super) name: String,
    pub(super) repo: ThreadSafeRepository,
    /// An object could not be read: the next resolve fetches afresh.
    suspect: AtomicBool,
    _reading: File,
}

/// The right to write to a mirror.
pub(super) struct WriteLock {
    _file: File,
}

impl Generation {
    pub(super) fn mark_suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_suspect(&self) -> bool {
        self.suspect.load(Ordering::Relaxed)
    }

    fn pack_dir(&self) -> PathBuf {
        self.repo.refs.git_dir().join("objects/pack")
    }

    /// Packs on disk.
    pub(super) fn packs(&self) -> usize {
        let Ok(entries) = fs::read_dir(self.pack_dir()) else {
            return 0;
        };
        entries
            .flatten()
            .filter(|e| e.path().extension().is_some_and(|x| x == "pack"))
            .count()
    }

    /// Removes what a killed writer left behind: lock files of gix and packs without their index. Call it under the write lock.
    pub(super) fn tidy(&self) {
        let dir = self.repo.refs.git_dir().to_path_buf();
        remove_matching(&dir, |name| name.ends_with(".lock"));
        remove_matching(&dir.join("refs/windlass"), |name| name.ends_with(".lock"));
        let packs = self.pack_dir();
        remove_matching(&packs, |name| {
            let whole = name.rsplit_once('.').is_some_and(|(stem, kind)| match kind {
                "pack" | "idx" => {
                    packs.join(format!("{stem}.pack")).exists() && packs.join(format!("{stem}.idx")).exists()
                }
                _ => false,
            });
            !whole
        });
    }
}

fn remove_matching(dir: &Path, matches: impl Fn(&str) -> bool) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|t| t.is_file());
        if is_file && entry.file_name().to_str().is_some_and(&matches) {
            // A leftover that stays is in nobody's way but costs space; the next writer tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Layout {
    /// Makes the folder if needed and checks its format.
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        let layout = Self { dir: dir.to_owned() };
        layout.ensure()?;
        Ok(layout)
    }

    /// As [`Layout::open`], for a folder that somebody may have deleted meanwhile.
    pub(super) fn ensure(&self) -> Result<(), Error> {
        let dir = &self.dir;
        fs::create_dir_all(dir).map_err(|e| Error::disk(dir, e))?;
        let format = dir.join("format");
        match fs::read_to_string(&format) {
            Ok(text) if text.trim() == FORMAT.to_string() => {}
            Ok(text) => {
                let found: String = text.trim().chars().take(20).collect();
                return Err(Error::Format {
                    path: dir.to_owned(),
                    found,
                    known: FORMAT,
                });
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => self.write_format()?,
            Err(e) => return Err(Error::disk(format, e)),
        }
        Ok(())
    }

    /// Where it lies.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// In a new mirror. Nobody fetches before this is done, so the lock is held for a moment at most.
    fn write_format(&self) -> Result<(), Error> {
        let path = self.dir.join("lock");
        let file = lock_file(&path)?;
        file.lock().map_err(|e| Error::disk(path, e))?;
        if self.dir.join("format").exists() {
            Ok(())
        } else {
            self.write("format", &format!("{FORMAT}\n"))
        }
    }

    /// Waits for the right to write, within the budget.
    pub(super) fn lock(&self, budget: &Budget) -> Result<WriteLock, Error> {
        let path = self.dir.join("lock");
        let file = lock_file(&path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(WriteLock { _file: file }),
                Err(TryLockError::WouldBlock) => {
                    budget.check()?;
                    thread::sleep(TICK);
                }
                Err(TryLockError::Error(e)) => return Err(Error::disk(path, e)),
            }
        }
    }

    /// Name of the generation in use; none in a new mirror.
    pub(super) fn current(&self) -> Result<Option<String>, Error> {
        let path = self.dir.join("current");
        match fs::read_to_string(&path) {
            Ok(name) => Ok(Some(name.trim().to_owned()).filter(|n| number(n).is_some())),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::disk(path, e)),
        }
    }

    /// Opens the generation in use. None in a new mirror, and when what is there can't be opened.
    pub(super) fn open_current(&self, limits: &Limits) -> Result<Option<Generation>, Error> {
        while let Some(name) = self.current()? {
            let reading = lock_file(&self.lock_path(&name))?;
            reading
                .lock_shared()
                .map_err(|e| Error::disk(self.lock_path(&name), e))?;
            // Deleted between reading the name and holding the lock? Then there is another by now.
            if self.current()?.as_ref() != Some(&name) {
                continue;
            }
            return Ok(match options(limits).open(self.dir.join(&name)) {
                Ok(repo) => Some(Generation {
                    name,
                    repo,
                    suspect: AtomicBool::new(false),
                    _reading: reading,
                }),
                Err(error) => {
                    tracing::warn!(mirror = %self.dir.display(), generation = name, %error, "a damaged mirror is fetched afresh");
                    None
                }
            });
        }
        Ok(None)
    }

    /// An empty repository for the next generation, invisible until [`Layout::publish`]. Needs the write lock.
    pub(super) fn begin(&self, _lock: &WriteLock, limits: &Limits) -> Result<(String, ThreadSafeRepository), Error> {
        self.sweep();
        let last = self
            .generations()
            .into_iter()
            .filter_map(|name| number(&name))
            .max()
            .unwrap_or(0);
        let name = format!("gen-{}", last + 1);
        let dir = self.partial(&name);
        let create = gix::create::Options {
            destination_must_be_empty: Some(true),
            ..Default::default()
        };
        let repo = ThreadSafeRepository::init_opts(&dir, gix::create::Kind::Bare, create, options(limits));
        Ok((name, repo.map_err(|e| Error::disk(dir, e))?))
    }

    /// Makes a filled generation the one in use. Needs the write lock.
    pub(super) fn publish(&self, _lock: &WriteLock, name: &str) -> Result<(), Error> {
        let dir = self.dir.join(name);
        fs::rename(self.partial(name), &dir).map_err(|e| Error::disk(dir, e))?;
        self.write("current", &format!("{name}\n"))?;
        self.sweep();
        Ok(())
    }

    /// Removes half generations and old ones that nobody reads. Needs the write lock; failures wait for the next sweep.
    pub(super) fn sweep(&self) {
        remove_matching(&self.dir, |name| name.contains(".tmp-"));
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name
                .to_str()
                .is_some_and(|n| n.ends_with(".partial") || n.ends_with(".dead"))
            {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let Ok(Some(current)) = self.current() else { return };
        for name in self.generations().into_iter().filter(|n| *n != current) {
            self.delete_if_unread(&name);
        }
    }

    /// Deletes the whole mirror unless somebody writes or reads it.
    pub(super) fn delete_if_unused(dir: &Path) -> bool {
        let layout = Self { dir: dir.to_owned() };
        let mut held = Vec::new();
        let locks = layout.generations().into_iter().map(|name| layout.lock_path(&name));
        for path in std::iter::once(dir.join("lock")).chain(locks) {
            match lock_file(&path) {
                Ok(file) if file.try_lock().is_ok() => held.push(file),
                _ => return false,
            }
        }
        let name = dir.file_name().unwrap_or_default().to_string_lossy();
        let dead = dir.with_file_name(format!("{name}.dead"));
        let _ = fs::remove_dir_all(&dead);
        fs::rename(dir, &dead).is_ok() && fs::remove_dir_all(dead).is_ok()
    }

    fn delete_if_unread(&self, name: &str) {
        let path = self.lock_path(name);
        let Ok(file) = lock_file(&path) else { return };
        if file.try_lock().is_err() {
            return;
        }
        let dead = self.dir.join(format!("{name}.dead"));
        if fs::rename(self.dir.join(name), &dead).is_ok() {
            let _ = fs::remove_dir_all(dead);
        }
        let _ = fs::remove_file(path);
    }

    /// Whole generations, in no order.
    pub(super) fn generations(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|e| e.file_name().into_string().ok());
        names.filter(|name| number(name).is_some()).collect()
    }

    pub(super) fn partial(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.partial"))
    }

    fn lock_path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.lock"))
    }

    /// Writes a small file whole or not at all. Needs the write lock.
    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.dir.join(name);
        let temporary = self.dir.join(format!("{name}.tmp-{}", std::process::id()));
        let written = File::create(&temporary).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&temporary, &path)
        });
        written.map_err(|e| Error::disk(path, e))
    }
}

fn number(generation: &str) -> Option<u64> {
    generation.strip_prefix("gen-")?.parse().ok()
}

fn lock_file(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    file.map_err(|e| Error::disk(path, e))
}

/// How every mirror is opened: nobody's git configuration and no environment; the folder is ours, whoever owns the volume;
/// objects are what their ids say (no `refs/replace`).
pub(super) fn options(limits: &Limits) -> gix::open::Options {
    gix::open::Options::isolated()
        .with(gix::sec::Trust::Full)
        .open_path_as_is(true)
        .object_store_slots(Slots::Given(SLOTS))
        .config_overrides([
            DELTA_CACHE.to_owned(),
            "gitoxide.objects.noReplace=true".to_owned(),
            format!("gitoxide.objects.allocLimit={}", limits.object_bytes),
        ])
}

#[cfg(test)]
mod tests;
