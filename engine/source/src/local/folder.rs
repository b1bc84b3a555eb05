//! Opening a folder: which root, which repository.

use std::{
    collections::HashMap,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex},
};

use cap_std::{ambient_authority, fs::Dir};

use super::{Error, GitConfig, Options, Root, Scan, scan};
use crate::{budget::Cancel, error::Cause};

/// A folder that can be scanned again and again.
pub struct Folder {
    pub(super) root: PathBuf,
    pub(super) dir: Arc<Dir>,
    pub(super) git: Option<WorkTree>,
    pub(super) known: Mutex<HashMap<Vec<u8>, scan::Known>>,
}

/// The git work tree around the root.
pub(super) struct WorkTree {
    pub(super) repo: gix::ThreadSafeRepository,
    /// From the work tree's top to the root: "" or with a trailing `/`.
    pub(super) prefix: Vec<u8>,
}

impl Folder {
    /// Opens the folder for a path (a folder or a file) and says where in the tree the path is: "" is the root.
    ///
    /// # Errors
    /// Nothing at the path, a root that does not hold it, or a git repository that can't be read.
    pub fn open(path: &Path, options: &Options) -> Result<(Self, String), Error> {
        let open_error = |source| Error::Open {
            path: path.to_owned(),
            source: Cause::from(source),
        };
        let path = resolve(path).map_err(open_error)?;
        let folder = if path.is_dir() {
            path.as_path()
        } else {
            path.parent().unwrap_or(&path)
        };
        let git = enclosing(folder, options.config)?;
        let root = match (&options.root, &git) {
            (Root::At(root), _) => {
                let open_error = |source| Error::Open {
                    path: root.clone(),
                    source: Cause::from(source),
                };
                root.canonicalize().map_err(open_error)?
            }
            (Root::WorkTree, Some((top, _))) => top.clone(),
            (Root::WorkTree | Root::Path, _) => folder.to_owned(),
        };
        let Ok(relative) = path.strip_prefix(&root) else {
            return Err(Error::Outside { path, root });
        };
        let relative = relative
            .to_str()
            .ok_or_else(|| Error::NotUtf8 { path: path.clone() })?
            .to_owned();
        let dir = Dir::open_ambient_dir(&root, ambient_authority());
        let dir = dir.map_err(|source| Error::Open {
            path: root.clone(),
            source: source.into(),
        })?;
        // The repository that rules the root, which an explicit root may put above the path's own.
        let git = if root == folder {
            git
        } else {
            enclosing(&root, options.config)?
        };
        let git = git.and_then(|(top, repo)| {
            let prefix = root.strip_prefix(&top).ok()?;
            Some(WorkTree {
                repo,
                prefix: prefix_bytes(prefix),
            })
        });
        Ok((
            Self {
                root,
                dir: Arc::new(dir),
                git,
                known: Mutex::default(),
            },
            relative,
        ))
    }

    /// The root's absolute path.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a git work tree rules what is ignored and converted.
    #[must_use]
    pub const fn is_in_git(&self) -> bool {
        self.git.is_some()
    }

    /// Reads the present state. What did not change since the last scan is not read again.
    ///
    /// # Errors
    /// As [`Error`] tells. A file that changes afterwards is noticed when it is read through the revision.
    pub fn scan(&self, cancel: &Cancel) -> Result<Scan, Error> {
        scan::run(self, cancel)
    }
}

/// Makes a path absolute without following a link in its last segment: a link is what the user named.
fn resolve(path: &Path) -> std::io::Result<PathBuf> {
    std::fs::metadata(path)?;
    match path.components().next_back() {
        Some(Component::Normal(name)) if path.is_symlink() && !path.is_dir() => {
            let parent = path
                .parent()
                .filter(|p| !p.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            Ok(parent.canonicalize()?.join(name))
        }
        _ => path.canonicalize(),
    }
}

/// The nearest git work tree at or above a folder: its top and its repository.
fn enclosing(folder: &Path, config: GitConfig) -> Result<Option<(PathBuf, gix::ThreadSafeRepository)>, Error> {
    let Some(top) = folder.ancestors().find(|dir| is_repository(dir)) else {
        return Ok(None);
    };
    let permissions = match config {
        GitConfig::Repository => gix::open::Permissions::isolated(),
        GitConfig::User => {
            let mut permissions = gix::open::Permissions::secure();
            // `GIT_DIR` and friends are for git's own children, not for the folder that the user named.
            permissions.config.env = false;
            permissions
        }
    };
    let git_error = |source: gix::Error| Error::Git {
        path: top.to_owned(),
        source: source.into(),
    };
    let repo = gix::open::Options::default()
        .permissions(permissions)
        .open(top)
        .map_err(git_error)?;
    Ok(repo.work_dir().is_some().then(|| (top.to_owned(), repo)))
}

/// A `.git` folder or, in linked work trees and submodules, a `.git` file.
pub(super) fn is_repository(dir: &Path) -> bool {
    let git = dir.join(".git");
    git.join("HEAD").exists() || git.is_file()
}

fn prefix_bytes(prefix: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    let mut bytes = prefix.as_os_str().as_bytes().to_vec();
    if !bytes.is_empty() {
        bytes.push(b'/');
    }
    bytes
}
