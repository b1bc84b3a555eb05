//! One walk over a folder.

use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io::{self, Read as _},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::Path,
    sync::Arc,
    time::{Instant, SystemTime},
};

use cap_std::fs::Dir;
use gix::{
    bstr::{BStr, ByteSlice as _},
    index::entry::{Flags, Mode},
    objs::Kind,
};
use windlass_core::{
    oid::Oid,
    render,
    tree::{EntryKind, StoredEntry},
};

use super::{
    Error, MAX_CONVERTED_BYTES, MAX_DEPTH, MAX_FILE_BYTES, MAX_FILES, MAX_TOTAL_BYTES, Scan, Warning, WarningReason,
    clean::{Cleaner, Handling, LfsPointer, Refusal},
    folder::{Folder, is_repository},
    shown,
    store::{Content, Objects, Stamp, Store, open},
};
use crate::{
    budget::{Cancel, lock},
    error::Cause,
    revision::Revision,
};

/// Times that a changing file is read again before the scan gives up.
const ATTEMPTS: usize = 3;

/// A file changed this recently may change again without its stamp showing it: file systems keep times as coarse as 2 s.
const RACY_SECONDS: i64 = 3;

/// Bytes hashed between two looks at the cancel.
const CHUNK: usize = 256 << 10;

/// Warnings kept: more say nothing new.
const MAX_WARNINGS: usize = 100;

/// What a former scan found out about a file.
#[derive(Debug, Clone)]
pub(super) struct Known {
    stamp: Stamp,
    handling: Handling,
    oid: Oid,
    content: Content,
}

struct Scanner<'f> {
    folder: &'f Folder,
    cleaner: Option<Cleaner<'f>>,
    prefix: &'f [u8],
    trusts_mode: bool,
    cancel: &'f Cancel,
    started: Instant,
    now: i64,
    objects: Objects,
    /// For the next scan.
    known: HashMap<Vec<u8>, Known>,
    warnings: Vec<Warning>,
    files: usize,
    bytes: u64,
    converted: u64,
    newest: (i64, i64),
}

/// One name in a folder that is walked.
struct Item<'d> {
    dir: &'d Dir,
    name: OsString,
    /// From the root.
    path: Vec<u8>,
    depth: usize,
    /// The folder around it is ignored: only what is tracked counts.
    only_tracked: bool,
}

pub(super) fn run(folder: &Folder, cancel: &Cancel) -> Result<Scan, Error> {
    let repo = folder.git.as_ref().map(|git| git.repo.to_thread_local());
    let mut scanner = Scanner::new(folder, repo.as_ref(), cancel)?;
    let root = scanner
        .folder(&folder.dir, b"", 0, false)?
        .map_or_else(|| scanner.tree(Vec::new()), Ok)?;
    scanner.warn_sparse();
    *lock(&folder.known) = std::mem::take(&mut scanner.known);
    let time = repo
        .as_ref()
        .and_then(head_time)
        .unwrap_or_else(|| instant(scanner.newest));
    let store = Store {
        dir: Arc::clone(&folder.dir),
        objects: scanner.objects,
    };
    let revision = Revision {
        commit: None,
        parents: Vec::new(),
        root,
        store: Arc::new(store),
        time,
        author: String::new(),
        subject: String::new(),
        reference: folder.root.display().to_string(),
        moved: None,
        signers: Vec::new(),
    };
    Ok(Scan {
        revision,
        warnings: scanner.warnings,
        files: scanner.files,
        bytes: scanner.bytes,
    })
}

fn head_time(repo: &gix::Repository) -> Option<render::Instant> {
    let seconds = repo.head_commit().ok()?.time().ok()?.seconds;
    Some(render::Instant {
        seconds,
        nanoseconds: 0,
    })
}

fn instant((seconds, nanoseconds): (i64, i64)) -> render::Instant {
    render::Instant {
        seconds,
        nanoseconds: u32::try_from(nanoseconds).unwrap_or(0),
    }
}

impl<'f> Scanner<'f> {
    fn new(folder: &'f Folder, repo: Option<&'f gix::Repository>, cancel: &'f Cancel) -> Result<Self, Error> {
        let git_error = |source: gix::Error| Error::Git {
            path: folder.root.clone(),
            source: source.into(),
        };
        let cleaner = match repo {
            Some(repo) => Some(Cleaner::new(repo, repo.index_or_empty().map_err(git_error)?).map_err(git_error)?),
            None => None,
        };
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        Ok(Self {
            folder,
            cleaner,
            prefix: folder.git.as_ref().map_or(b"", |git| &git.prefix),
            trusts_mode: repo
                .and_then(|r| r.config_snapshot().boolean("core.fileMode"))
                .unwrap_or(true),
            cancel,
            started: Instant::now(),
            now: i64::try_from(now).unwrap_or(i64::MAX),
            objects: Objects::default(),
            known: HashMap::new(),
            warnings: Vec::new(),
            files: 0,
            bytes: 0,
            converted: 0,
            newest: (0, 0),
        })
    }

    /// The id of a folder; none when nothing in it counts, since git stores no empty folders.
    fn folder(&mut self, dir: &Dir, path: &[u8], depth: usize, only_tracked: bool) -> Result<Option<Oid>, Error> {
        if depth > MAX_DEPTH {
            return Err(self.too_much(MAX_DEPTH as u64, "folders inside each other"));
        }
        let read = |source: io::Error| read_error(path, source);
        let mut entries = Vec::new();
        for entry in dir.entries().map_err(read)? {
            let name = entry.map_err(read)?.file_name();
            if name == ".git" {
                continue;
            }
            let path = join(path, name.as_bytes());
            let item = Item {
                dir,
                name,
                path,
                depth,
                only_tracked,
            };
            if let Some(entry) = self.item(&item)? {
                entries.push(entry);
            }
        }
        if entries.is_empty() {
            Ok(None)
        } else {
            self.tree(entries).map(Some)
        }
    }

    fn item(&mut self, item: &Item<'_>) -> Result<Option<StoredEntry>, Error> {
        self.check()?;
        let read = |source: io::Error| read_error(&item.path, source);
        let metadata = match item.dir.symlink_metadata(&item.name) {
            Ok(metadata) => metadata,
            // Gone since the folder was listed.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(read(e)),
        };
        let kind = metadata.file_type();
        let found = if kind.is_dir() {
            self.directory(item)?
        } else if !self.counts(item)? {
            None
        } else if kind.is_symlink() {
            let target = item.dir.read_link_contents(&item.name).map_err(read)?;
            let target: Arc<[u8]> = target.into_os_string().into_vec().into();
            Some((
                EntryKind::Symlink,
                self.keep(hash(Kind::Blob, &target, &item.path)?, Content::Inline(target))?,
            ))
        } else if kind.is_file() {
            Some(self.file(item)?)
        } else {
            self.warn(&item.path, WarningReason::SpecialFile);
            None
        };
        Ok(found.map(|(kind, oid)| StoredEntry {
            name: item.name.as_bytes().to_vec(),
            kind,
            oid,
        }))
    }

    fn directory(&mut self, item: &Item<'_>) -> Result<Option<(EntryKind, Oid)>, Error> {
        let read = |source: io::Error| read_error(&item.path, source);
        let on_disk = self.folder.root.join(OsStr::from_bytes(&item.path));
        let repository = is_repository(&on_disk);
        let in_index = self
            .index_entry(&item.path)
            .filter(|(mode, _)| *mode == Mode::COMMIT)
            .and_then(|(_, id)| oid(&id));
        if !repository && let Some(commit) = in_index {
            return Ok(Some((EntryKind::Submodule, commit)));
        }
        let tracked = in_index.is_some() || self.tracks_below(&item.path);
        let ignored = item.only_tracked || self.is_ignored(&item.path, Mode::DIR)?;
        if ignored && !tracked {
            return Ok(None);
        }
        if repository {
            return Ok(self.submodule(item, &on_disk));
        }
        let dir = item.dir.open_dir(&item.name).map_err(read)?;
        let found = self.folder(&dir, &item.path, item.depth + 1, ignored)?;
        Ok(found.map(|oid| (EntryKind::Directory, oid)))
    }

    fn submodule(&mut self, item: &Item<'_>, on_disk: &Path) -> Option<(EntryKind, Oid)> {
        let repo = gix::open_opts(on_disk, gix::open::Options::isolated()).ok();
        let head = repo.and_then(|repo| oid(&repo.head_id().ok()?.detach()));
        if head.is_none() {
            self.warn(&item.path, WarningReason::EmptyRepository);
        }
        head.map(|commit| (EntryKind::Submodule, commit))
    }

    /// Whether a file or link is part of the tree.
    fn counts(&mut self, item: &Item<'_>) -> Result<bool, Error> {
        if self.cleaner.is_none() || self.index_entry(&item.path).is_some() {
            return Ok(true);
        }
        Ok(!item.only_tracked && !self.is_ignored(&item.path, Mode::FILE)?)
    }

    fn file(&mut self, item: &Item<'_>) -> Result<(EntryKind, Oid), Error> {
        let handling = self.handling(&item.path)?;
        for _ in 0..ATTEMPTS {
            if let Some((stamp, oid)) = self.attempt(item, &handling)? {
                self.newest = self.newest.max(stamp.modified());
                let kind = if self.is_executable(item, &stamp) {
                    EntryKind::Executable
                } else {
                    EntryKind::File
                };
                return Ok((kind, oid));
            }
        }
        Err(Error::Changing {
            path: shown(&item.path),
        })
    }

    /// Reads a file; none when it changed meanwhile.
    fn attempt(&mut self, item: &Item<'_>, handling: &Handling) -> Result<Option<(Stamp, Oid)>, Error> {
        let read = |source: io::Error| read_error(&item.path, source);
        let before = Stamp::of(&item.dir.symlink_metadata(&item.name).map_err(read)?);
        let known = lock(&self.folder.known).get(&item.path).cloned();
        if let Some(known) = known.filter(|k| k.stamp == before && k.handling == *handling) {
            let oid = self.keep(known.oid, known.content.clone())?;
            self.known.insert(item.path.clone(), known);
            return Ok(Some((before, oid)));
        }
        let mut file = open(item.dir, &item.name).map_err(read)?;
        if Stamp::of(&file.metadata().map_err(read)?) != before {
            return Ok(None);
        }
        let Some((oid, content)) = self.content(item, handling, &mut file, before.size)? else {
            return Ok(None);
        };
        if Stamp::of(&file.metadata().map_err(read)?) != before {
            return Ok(None);
        }
        if before.newest() + RACY_SECONDS < self.now {
            let known = Known {
                stamp: before,
                handling: handling.clone(),
                oid,
                content: content.clone(),
            };
            self.known.insert(item.path.clone(), known);
        }
        self.keep(oid, content)?;
        Ok(Some((before, oid)))
    }

    /// What git would store for an open file; none when it has not the size it had.
    fn content(
        &mut self,
        item: &Item<'_>,
        handling: &Handling,
        file: &mut impl io::Read,
        size: u64,
    ) -> Result<Option<(Oid, Content)>, Error> {
        let path = shown(&item.path);
        if size > MAX_FILE_BYTES {
            return self
                .refused(
                    Refusal::TooLarge {
                        path,
                        size,
                        limit: MAX_FILE_BYTES,
                    },
                    size,
                )
                .map(Some);
        }
        if let Handling::Filter(filter) = handling {
            return self
                .refused(
                    Refusal::Filter {
                        path,
                        filter: filter.clone(),
                    },
                    size,
                )
                .map(Some);
        }
        if *handling == Handling::Lfs {
            let mut pointer = LfsPointer::new();
            self.read_all(item, file, |bytes| pointer.update(bytes))?;
            let bytes = pointer.finish();
            return Ok(Some((hash(Kind::Blob, &bytes, &item.path)?, Content::Inline(bytes))));
        }
        if !self
            .cleaner
            .as_ref()
            .is_some_and(|cleaner| cleaner.may_convert(handling))
        {
            return self.plain(item, file, size);
        }
        let mut bytes = Vec::new();
        self.read_all(item, file, |chunk| bytes.extend_from_slice(chunk))?;
        self.converted(item, handling, &bytes, size).map(Some)
    }

    /// Hashes a file as it is, without holding it in memory.
    fn plain(&mut self, item: &Item<'_>, file: &mut impl io::Read, size: u64) -> Result<Option<(Oid, Content)>, Error> {
        let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
        hasher.update(format!("blob {size}\0").as_bytes());
        let read = self.read_all(item, file, |bytes| hasher.update(bytes))?;
        if read != size {
            return Ok(None);
        }
        let id = hasher.try_finalize().map_err(|e| read_error(&item.path, e))?;
        let path = Path::new(OsStr::from_bytes(&item.path)).to_owned();
        Ok(oid(&id).map(|oid| (oid, Content::File { path, size })))
    }

    fn converted(
        &mut self,
        item: &Item<'_>,
        handling: &Handling,
        bytes: &[u8],
        size: u64,
    ) -> Result<(Oid, Content), Error> {
        let full = join_prefix(self.prefix, &item.path);
        let converted = self
            .cleaner
            .as_mut()
            .map_or(Ok(None), |cleaner| cleaner.convert(full.as_bstr(), bytes));
        let path = shown(&item.path);
        match converted {
            Ok(None) => {
                let path = Path::new(OsStr::from_bytes(&item.path)).to_owned();
                Ok((hash(Kind::Blob, bytes, &item.path)?, Content::File { path, size }))
            }
            Ok(Some(bytes)) => {
                self.converted += bytes.len() as u64;
                if self.converted > MAX_CONVERTED_BYTES {
                    return self.refused(
                        Refusal::TooManyConverted {
                            path,
                            limit: MAX_CONVERTED_BYTES,
                        },
                        size,
                    );
                }
                Ok((hash(Kind::Blob, &bytes, &item.path)?, Content::Inline(bytes)))
            }
            Err(error) => match handling {
                Handling::Attributes(encoding) if encoding.contains("working-tree-encoding") => {
                    let (encoding, reason) = (encoding.clone(), error.to_string());
                    self.refused(Refusal::Encoding { path, encoding, reason }, size)
                }
                _ => Err(read_error(&item.path, error)),
            },
        }
    }

    /// An id that no object has, so that the refusal is met whoever reads it, and only there.
    fn refused(&self, refusal: Refusal, size: u64) -> Result<(Oid, Content), Error> {
        let text = format!("windlass can't store this: {refusal}");
        let oid = hash(Kind::Blob, text.as_bytes(), b"")?;
        Ok((oid, Content::Refused { refusal, size }))
    }

    fn read_all(
        &mut self,
        item: &Item<'_>,
        file: &mut impl io::Read,
        mut take: impl FnMut(&[u8]),
    ) -> Result<u64, Error> {
        let mut buffer = vec![0; CHUNK];
        let mut total = 0;
        let mut file = file.take(MAX_FILE_BYTES + 1);
        loop {
            self.check()?;
            let read = file.read(&mut buffer).map_err(|e| read_error(&item.path, e))?;
            if read == 0 {
                return Ok(total);
            }
            total += read as u64;
            self.bytes += read as u64;
            if self.bytes > MAX_TOTAL_BYTES {
                return Err(self.too_much(MAX_TOTAL_BYTES, "bytes"));
            }
            take(&buffer[..read]);
        }
    }

    /// Keeps a tree and gives its id. Git's order is not ours: it sorts folders as if their names ended in `/`.
    fn tree(&mut self, mut entries: Vec<StoredEntry>) -> Result<Oid, Error> {
        let key = |e: &StoredEntry| {
            let slash: &[u8] = if e.kind == EntryKind::Directory { b"/" } else { b"" };
            [e.name.as_slice(), slash].concat()
        };
        entries.sort_by_cached_key(key);
        let data: Vec<u8> = entries.iter().flat_map(encode).collect();
        let oid = hash(Kind::Tree, &data, b"")?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        self.objects.trees.insert(oid, entries.into());
        Ok(oid)
    }

    fn keep(&mut self, oid: Oid, content: Content) -> Result<Oid, Error> {
        self.files += 1;
        if self.files > MAX_FILES {
            return Err(self.too_much(MAX_FILES as u64, "files"));
        }
        self.objects.blobs.insert(oid, content);
        Ok(oid)
    }

    fn handling(&mut self, path: &[u8]) -> Result<Handling, Error> {
        let full = join_prefix(self.prefix, path);
        let Some(cleaner) = &mut self.cleaner else {
            return Ok(Handling::Plain);
        };
        cleaner.handling(full.as_bstr()).map_err(|e| read_error(path, e))
    }

    fn is_ignored(&mut self, path: &[u8], mode: Mode) -> Result<bool, Error> {
        let full = join_prefix(self.prefix, path);
        let Some(cleaner) = &mut self.cleaner else {
            return Ok(false);
        };
        cleaner
            .is_ignored(full.as_bstr(), mode)
            .map_err(|e| read_error(path, e))
    }

    fn index_entry(&self, path: &[u8]) -> Option<(Mode, gix::ObjectId)> {
        let index = self.cleaner.as_ref()?.index();
        let entry = index.entry_by_path(join_prefix(self.prefix, path).as_bstr())?;
        Some((entry.mode, entry.id))
    }

    fn tracks_below(&self, path: &[u8]) -> bool {
        let Some(cleaner) = &self.cleaner else { return false };
        let below = [self.prefix, path, b"/"].concat();
        cleaner
            .index()
            .prefixed_entries_range(below.as_bstr())
            .is_some_and(|range| !range.is_empty())
    }

    fn is_executable(&self, item: &Item<'_>, stamp: &Stamp) -> bool {
        if self.trusts_mode {
            return stamp.executable;
        }
        self.index_entry(&item.path)
            .is_some_and(|(mode, _)| mode == Mode::FILE_EXECUTABLE)
    }

    fn warn_sparse(&mut self) {
        let Some(cleaner) = &self.cleaner else { return };
        let index = cleaner.index().clone();
        let sparse = index
            .entries()
            .iter()
            .filter(|e| e.flags.contains(Flags::SKIP_WORKTREE));
        for entry in sparse {
            let path: &BStr = entry.path(&index);
            let inside = path.strip_prefix(self.prefix);
            if let Some(path) = inside.filter(|p| self.folder.dir.symlink_metadata(OsStr::from_bytes(p)).is_err()) {
                self.warn(path, WarningReason::Sparse);
            }
        }
    }

    fn warn(&mut self, path: &[u8], reason: WarningReason) {
        if self.warnings.len() < MAX_WARNINGS {
            self.warnings.push(Warning {
                path: shown(path),
                reason,
            });
        }
    }

    fn check(&self) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled {
                path: self.folder.root.clone(),
                after: self.started.elapsed(),
            });
        }
        Ok(())
    }

    fn too_much(&self, limit: u64, what: &'static str) -> Error {
        Error::TooMuch {
            path: self.folder.root.clone(),
            limit,
            what,
        }
    }
}

fn encode(entry: &StoredEntry) -> Vec<u8> {
    let mode: &[u8] = match entry.kind {
        EntryKind::File => b"100644 ",
        EntryKind::Executable => b"100755 ",
        EntryKind::Directory => b"40000 ",
        EntryKind::Symlink => b"120000 ",
        EntryKind::Submodule => b"160000 ",
    };
    [mode, &entry.name, b"\0", entry.oid.as_bytes()].concat()
}

fn hash(kind: Kind, data: &[u8], path: &[u8]) -> Result<Oid, Error> {
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, data).map_err(|e| read_error(path, e))?;
    oid(&id).ok_or_else(|| read_error(path, io::Error::other("no id")))
}

fn oid(id: &gix::oid) -> Option<Oid> {
    Oid::from_bytes(id.as_bytes())
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() {
        name.to_vec()
    } else {
        [folder, b"/", name].concat()
    }
}

fn join_prefix(prefix: &[u8], path: &[u8]) -> Vec<u8> {
    [prefix, path].concat()
}

fn read_error(path: &[u8], source: impl Into<Cause>) -> Error {
    Error::Read {
        path: shown(path),
        source: source.into(),
    }
}
