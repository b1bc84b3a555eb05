//! Files by pattern.

use globset::{GlobBuilder, GlobMatcher};

use super::{EntryKind, Refusal, Tree, TreeError, resolve::MAX_PATH};
use crate::oid::Oid;

/// Files visited by one glob: the threat is a `**` over a tree of millions, asked again and again.
const MAX_VISITED: usize = 1_000_000;

/// Bytes of all paths that one glob keeps, matches and folders to be visited. The threat is a tree that holds the same folder ten times, ten levels deep: a few
/// kilobytes in git, and ten billion paths.
const MAX_PATHS: usize = 64 << 20;

impl Tree {
    /// Every match of [`Tree::glob`], relative to `base`, sorted by bytes.
    ///
    /// # Errors
    /// As [`Tree::glob`].
    pub fn matches(&self, base: &str, pattern: &str) -> Result<Vec<String>, TreeError> {
        let found = self.resolve(base)?;
        match found.kind {
            EntryKind::Directory => {}
            EntryKind::Submodule => return Err(TreeError::Submodule { path: found.path }),
            _ => return Err(Refusal::WrongKind.into()),
        }
        let mut walk = Walk {
            tree: self,
            matcher: matcher(pattern)?,
            folders: vec![(found.oid, String::new())],
            matches: Vec::new(),
            visited: 0,
            bytes: 0,
        };
        // Not by recursion: how deep a tree is, its author decides.
        while let Some((folder, prefix)) = walk.folders.pop() {
            walk.folder(&folder, &prefix)?;
        }
        walk.matches.sort_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
        Ok(walk.matches)
    }
}

struct Walk<'t> {
    tree: &'t Tree,
    matcher: GlobMatcher,
    /// Still to be looked into, with the path from the base.
    folders: Vec<(Oid, String)>,
    matches: Vec<String>,
    visited: usize,
    bytes: usize,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Oid, prefix: &str) -> Result<(), TreeError> {
        let entries = self
            .tree
            .store
            .tree(folder)
            .map_err(|e| self.tree.store_error(prefix, e))?;
        for entry in entries.iter() {
            self.visited += 1;
            if self.visited > MAX_VISITED {
                return Err(too_wide("visits", MAX_VISITED, "entries").into());
            }
            let Ok(name) = std::str::from_utf8(&entry.name) else {
                continue;
            };
            let path = if prefix.is_empty() {
                name.to_owned()
            } else {
                format!("{prefix}/{name}")
            };
            match entry.kind {
                // What is longer can't be asked for.
                EntryKind::Directory if path.len() < MAX_PATH => {
                    self.keep(&path)?;
                    self.folders.push((entry.oid, path));
                }
                EntryKind::File | EntryKind::Executable if self.matcher.is_match(&path) => {
                    self.keep(&path)?;
                    self.matches.push(path);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn keep(&mut self, path: &str) -> Result<(), Refusal> {
        self.bytes += path.len() + size_of::<String>();
        if self.bytes > MAX_PATHS {
            return Err(too_wide("keeps", MAX_PATHS, "bytes of paths"));
        }
        Ok(())
    }
}

fn too_wide(does: &str, limit: usize, what: &str) -> Refusal {
    Refusal::Denied(format!("the pattern {does} more than {limit} {what}"))
}

/// `*` and `?` don't match `/`; `**` does.
fn matcher(pattern: &str) -> Result<GlobMatcher, Refusal> {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| Refusal::Denied(format!("the pattern `{pattern}` is malformed: {}", error.kind())))
}
