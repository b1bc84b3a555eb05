//! Paths to entries, links followed inside the tree only.

use super::{EntryKind, Refusal, Tree, TreeError};
use crate::oid::Oid;

/// Links followed for one path before it counts as a loop; Linux's own bound (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// Longest path and longest link target accepted, as `PATH_MAX`.
pub(super) const MAX_PATH: usize = 4096;

/// An entry with its path free of links.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: String,
    pub(super) kind: EntryKind,
    pub(super) oid: Oid,
}

/// Whether a path is of the contract's form: relative, no empty, `.` or `..` segment, no NUL; "" is the root.
pub(super) fn is_valid(path: &str) -> bool {
    path.is_empty()
        || (path.len() <= MAX_PATH
            && !path.contains('\0')
            && path.split('/').all(|segment| !matches!(segment, "" | "." | "..")))
}

impl Tree {
    pub(super) fn resolve(&self, path: &str) -> Result<Found, TreeError> {
        if !is_valid(path) {
            return Err(Refusal::InvalidPath.into());
        }
        let mut links = 0;
        let mut todo: Vec<String> = segments(path);
        let mut walked: Vec<Found> = Vec::new();
        while let Some(segment) = todo.pop() {
            if segment == ".." {
                if walked.pop().is_none() {
                    return Err(leaves(path).into());
                }
                continue;
            }
            let found = self.step(&walked, &segment, path)?;
            if found.kind != EntryKind::Symlink {
                walked.push(found);
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return Err(Refusal::Denied(format!("`{path}` passes more than {MAX_LINKS} symbolic links")).into());
            }
            todo.extend(self.link_target(&found, path)?);
        }
        Ok(walked.pop().unwrap_or(Found {
            path: String::new(),
            kind: EntryKind::Directory,
            oid: self.root,
        }))
    }

    /// One segment down from the last folder walked.
    fn step(&self, walked: &[Found], segment: &str, path: &str) -> Result<Found, TreeError> {
        let (parent, oid, kind) = walked.last().map_or(("", self.root, EntryKind::Directory), |f| {
            (f.path.as_str(), f.oid, f.kind)
        });
        match kind {
            EntryKind::Directory => {}
            EntryKind::Submodule => {
                return Err(TreeError::Submodule {
                    path: parent.to_owned(),
                });
            }
            _ => return Err(Refusal::NotFound.into()),
        }
        let entries = self.store.tree(&oid).map_err(|e| self.store_error(path, e))?;
        let index = entries.binary_search_by(|e| e.name.as_slice().cmp(segment.as_bytes()));
        let entry = &entries[index.map_err(|_| Refusal::NotFound)?];
        let path = if parent.is_empty() {
            segment.to_owned()
        } else {
            format!("{parent}/{segment}")
        };
        Ok(Found {
            path,
            kind: entry.kind,
            oid: entry.oid,
        })
    }

    /// The segments of a link's target, last first, ready to be walked next.
    fn link_target(&self, link: &Found, path: &str) -> Result<Vec<String>, TreeError> {
        let target = self.store.blob(&link.oid).map_err(|e| self.store_error(path, e))?;
        let Ok(target) = std::str::from_utf8(&target) else {
            return Err(leaves(path).into());
        };
        if target.is_empty() || target.len() > MAX_PATH || target.contains('\0') {
            return Err(Refusal::NotFound.into());
        }
        if target.starts_with('/') {
            return Err(leaves(path).into());
        }
        Ok(segments(target))
    }
}

/// Last first; empty and `.` segments dropped, as the kernel does in a link's target.
fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .rev()
        .filter(|s| !matches!(*s, "" | "."))
        .map(str::to_owned)
        .collect()
}

fn leaves(path: &str) -> Refusal {
    Refusal::Denied(format!("`{path}` is a symbolic link that leaves the tree"))
}
