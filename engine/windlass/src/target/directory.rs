//! A folder with one file an object: the embedded default, no cluster needed.
//!
//! Guarantees: a file is replaced whole or not at all; only files that carry this app's mark, or whose content the
//! inventory knows, are replaced or removed; nothing is read or written outside the folder, symbolic links included.

mod file;
mod memory;

use std::{
    collections::BTreeMap,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata},
};
use windlass_cluster::store::Store;
use windlass_core::{
    dag::Until,
    diff::{Action, Content, Live, LiveObject, Mark, Step},
    digest::Digest,
    inventory::Inventory,
    manifest::Desired,
    model::ObjectId,
    owner::Owner,
};

use super::{Pending, Preview, Target, TargetError, Written};
use crate::fault;
pub use memory::Memory;
use memory::Stat;

/// A folder as the target of one app.
#[derive(Clone)]
pub struct Directory {
    path: PathBuf,
    owner: Arc<Owner>,
    memory: Arc<Memory>,
}

/// Why a folder refuses.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file system says no.
    #[error("`{}`: {action} failed", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The blocking task died.
    #[error("the write was interrupted")]
    Interrupted,
}

/// Begins the name of files that are being written; a killed process leaves at most one behind, swept up by the next.
const TEMPORARY: &str = ".windlass-tmp-";

/// Largest file read back: twice the largest object a cluster takes (etcd's 1.5 MiB request limit), with room for comments.
/// A larger one was not written by us and counts as unreadable.
const MAX_FILE: u64 = 4 << 20;

impl Directory {
    /// The folder need not exist yet. `memory`: shared by all targets of a process.
    #[must_use]
    pub fn new(path: &Path, owner: Owner, memory: Arc<Memory>) -> Self {
        Self {
            path: path.to_owned(),
            owner: Arc::new(owner),
            memory,
        }
    }

    /// Where an object's file lies, relative to the folder.
    #[must_use]
    pub fn file_of(&self, id: &ObjectId) -> PathBuf {
        file::path(&self.owner.id(), id)
    }

    fn open(&self, create: bool) -> Result<Option<Dir>, DirectoryError> {
        if create {
            std::fs::create_dir_all(&self.path).map_err(|e| self.error(Path::new(""), "creating the folder", e))?;
        }
        match Dir::open_ambient_dir(&self.path, ambient_authority()) {
            Ok(dir) => Ok(Some(dir)),
            Err(error) if !create && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(Path::new(""), "opening the folder", error)),
        }
    }

    /// `expected`: the hash with which there is nothing to do; content is read where it differs.
    fn observe_now(&self, expected: Vec<(ObjectId, Option<Digest>)>) -> Result<Live, DirectoryError> {
        let Some(dir) = self.open(false)? else {
            return Ok(Live::new());
        };
        let mut live = Live::new();
        for (id, expected) in expected {
            let path = self.file_of(&id);
            let seen = self.look(&dir, &path, &id, expected);
            if let Some(object) = seen.map_err(|error| self.error(&path, "reading", error))? {
                live.insert(id, object);
            }
        }
        Ok(live)
    }

    /// `None` where there is nothing; a folder or another special file in the way is an unreadable object.
    fn look(&self, dir: &Dir, path: &Path, id: &ObjectId, expected: Option<Digest>) -> io::Result<Option<LiveObject>> {
        let Some(before) = metadata(dir, path)? else {
            return Ok(None);
        };
        if !before.is_file() || before.len() > MAX_FILE {
            return Ok(Some(file::read(&[], &self.owner, id)));
        }
        let (stat, whole) = (Stat::of(&before), self.path.join(path));
        if let Some(hash) = self.memory.recall(&whole, &stat).filter(|hash| Some(*hash) == expected) {
            return Ok(Some(LiveObject::whole(Some(hash), None, Mark::Ours)));
        }
        let object = file::read(&dir.read(path)?, &self.owner, id);
        if let Some(after) = metadata(dir, path)? {
            let ours = match object.content {
                Content::Whole(hash) if object.marked == Mark::Ours => hash,
                _ => None,
            };
            self.memory.note(whole, &stat, &Stat::of(&after), ours);
        }
        Ok(Some(object))
    }

    fn write(&self, id: &ObjectId, text: &str) -> Result<(), DirectoryError> {
        let path = self.file_of(id);
        let Some(dir) = self.open(true)? else { return Ok(()) };
        let folder = path.parent().unwrap_or(Path::new(""));
        dir.create_dir_all(folder)
            .map_err(|e| self.error(folder, "creating the folder", e))?;
        let temporary = folder.join(format!("{TEMPORARY}{}", std::process::id()));
        let written = write_whole(&dir, &temporary, text.as_bytes())
            .inspect(|()| fault::point("directory: written beside"))
            .and_then(|()| dir.rename(&temporary, &dir, &path));
        if let Err(error) = written {
            // The first error is the one to tell; what is left is swept up before the next plan.
            let _ = dir.remove_file(&temporary);
            return Err(self.error(&path, "writing", error));
        }
        fault::point("directory: renamed");
        Ok(())
    }

    fn delete(&self, id: &ObjectId) -> Result<(), DirectoryError> {
        let path = self.file_of(id);
        let Some(dir) = self.open(false)? else { return Ok(()) };
        match dir.remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.error(&path, "deleting", error)),
        }
        fault::point("directory: deleted");
        for folder in path.ancestors().skip(1).filter(|f| !f.as_os_str().is_empty()) {
            // Fails where something else is left in it, which is the point.
            if dir.remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Removes temporary files below the app's folder.
    fn sweep(&self) -> Result<(), DirectoryError> {
        let Some(dir) = self.open(false)? else { return Ok(()) };
        let app = file::folder(&self.owner.id());
        match dir.open_dir(&app) {
            Ok(folder) => sweep(&folder).map_err(|e| self.error(&app, "sweeping up temporary files", e)),
            Err(_) => Ok(()),
        }
    }

    fn error(&self, relative: &Path, action: &'static str, source: io::Error) -> DirectoryError {
        DirectoryError::Io {
            path: self.path.join(relative),
            action,
            source,
        }
    }
}

impl Target for Directory {
    fn identity(&self) -> String {
        format!("dir:{}", self.path.display())
    }

    fn hooking(&self) -> Option<&super::Cluster> {
        None
    }

    fn living(&self) -> Option<(Store, Owner)> {
        None
    }

    fn is_cluster(&self) -> bool {
        false
    }

    /// A disk gains nothing by more, and the temporary file of a process has one name.
    fn width(&self) -> usize {
        1
    }

    fn observe<'a>(&'a self, desired: &'a Desired, inventory: &'a Inventory) -> Pending<'a, Result<Live, TargetError>> {
        let mut expected: BTreeMap<ObjectId, Option<Digest>> = BTreeMap::new();
        expected.extend(inventory.entries.iter().map(|(id, owned)| (id.clone(), owned.applied)));
        expected.extend(desired.objects.iter().map(|(id, m)| (id.clone(), Some(m.object.hash))));
        self.blocking(move |this| this.observe_now(expected.into_iter().collect()))
    }

    fn prepare(&self) -> Pending<'_, Result<(), TargetError>> {
        self.blocking(Self::sweep_owned)
    }

    fn apply<'a>(&'a self, step: &'a Step) -> Pending<'a, Result<Written, TargetError>> {
        let id = step.id.clone();
        match (&step.action, &step.desired) {
            (Action::Create | Action::Configure(_), Some(manifest)) => {
                let text = file::write(&self.owner, &id, &manifest.object.body);
                self.blocking(move |this| this.write(&id, &text).map(|()| Written::default()))
            }
            (Action::Delete, _) => self.blocking(move |this| this.delete(&id).map(|()| Written::default())),
            _ => Box::pin(async { Ok(Written::default()) }),
        }
    }

    fn preview<'a>(&'a self, step: &'a Step) -> Pending<'a, Result<Preview, TargetError>> {
        let preview = Preview {
            live: step.live.as_ref().and_then(|live| live.body.clone()),
            wanted: step.desired.as_ref().map(|manifest| manifest.object.body.clone()),
            ..Preview::default()
        };
        Box::pin(async { Ok(preview) })
    }

    /// A file is there or not; nothing becomes of it.
    fn reached<'a>(&'a self, _step: &'a Step, _until: Until) -> Pending<'a, Result<bool, TargetError>> {
        Box::pin(async { Ok(true) })
    }

    /// Files hold nothing.
    fn holds<'a>(&'a self, _id: &'a ObjectId) -> Pending<'a, Option<String>> {
        Box::pin(async { None })
    }

    /// A file's mark is a comment in it, and makes no claim on anything that runs: it stays.
    fn release<'a>(&'a self, _step: &'a Step) -> Pending<'a, Result<(), TargetError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Directory {
    fn sweep_owned(self) -> Result<(), DirectoryError> {
        self.sweep()
    }

    fn blocking<'a, T: Send + 'static>(
        &self,
        work: impl FnOnce(Self) -> Result<T, DirectoryError> + Send + 'static,
    ) -> Pending<'a, Result<T, TargetError>> {
        let this = self.clone();
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || work(this)).await;
            Ok(done.map_err(|_| DirectoryError::Interrupted)??)
        })
    }
}

/// `None` where there is nothing.
fn metadata(dir: &Dir, path: &Path) -> io::Result<Option<Metadata>> {
    match dir.metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// On disk before the rename: after a power cut the file is the old one or the new one, never an empty one.
fn write_whole(dir: &Dir, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = dir.create(path)?;
    file.write_all(bytes)?;
    file.sync_data()
}

fn sweep(folder: &Dir) -> io::Result<()> {
    for entry in folder.entries()? {
        let entry = entry?;
        let name = entry.file_name();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            sweep(&folder.open_dir(&name)?)?;
        } else if kind.is_file() && name.to_string_lossy().starts_with(TEMPORARY) {
            folder.remove_file(&name)?;
        }
    }
    Ok(())
}
