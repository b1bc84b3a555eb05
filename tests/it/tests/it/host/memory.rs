//! Trees from literal paths.

use std::{collections::BTreeMap, sync::Arc};

use windlass_core::{
    digest::Digest,
    oid::Oid,
    tree::{EntryKind, ObjectStore, StoreError, StoredEntry, Tree},
};

/// Blobs and trees by id. Ids are digests of the content, as git's are.
#[derive(Clone, Default)]
pub(super) struct Memory {
    root: Option<Oid>,
    blobs: BTreeMap<Oid, Arc<[u8]>>,
    trees: BTreeMap<Oid, Arc<[StoredEntry]>>,
}

fn id(bytes: &[u8]) -> Oid {
    Oid::from_bytes(Digest::of(bytes).as_bytes()).unwrap()
}

impl Memory {
    /// A content of `→ target` is a link, of `⊂` a submodule.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let mut memory = Self::default();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        memory.root = Some(memory.folder(&files));
        memory
    }

    fn folder(&mut self, files: &[(&str, &[u8])]) -> Oid {
        let mut names: BTreeMap<&str, Vec<(&str, &[u8])>> = BTreeMap::new();
        for (path, content) in files {
            let (name, rest) = path.split_once('/').unwrap_or((path, ""));
            names.entry(name).or_default().push((rest, content));
        }
        let mut entries: Vec<StoredEntry> = Vec::new();
        for (name, below) in names {
            let (kind, oid) = match below.as_slice() {
                [("", content)] => self.leaf(content),
                below => (EntryKind::Directory, self.folder(below)),
            };
            entries.push(StoredEntry {
                name: name.as_bytes().to_vec(),
                kind,
                oid,
            });
        }
        let oid = id(format!("{entries:?}").as_bytes());
        self.trees.insert(oid, entries.into());
        oid
    }

    fn leaf(&mut self, content: &[u8]) -> (EntryKind, Oid) {
        let text = std::str::from_utf8(content).unwrap_or_default();
        let (kind, content) = match text.strip_prefix("→ ") {
            Some(target) => (EntryKind::Symlink, target.as_bytes()),
            None if text == "⊂" => (EntryKind::Submodule, content),
            None => (EntryKind::File, content),
        };
        let oid = id(content);
        self.blobs.insert(oid, content.into());
        (kind, oid)
    }

    /// Root and store, for a store around it.
    pub(super) fn into_parts(self) -> (Oid, Arc<dyn ObjectStore>) {
        (self.root.unwrap(), Arc::new(self))
    }

    pub(super) fn tree(self, label: &str) -> Tree {
        Tree::new(label, self.root.unwrap(), Arc::new(self))
    }
}

fn absent(oid: &Oid) -> StoreError {
    StoreError {
        oid: *oid,
        source: "absent".into(),
    }
}

impl ObjectStore for Memory {
    fn tree(&self, oid: &Oid) -> Result<Arc<[StoredEntry]>, StoreError> {
        self.trees.get(oid).cloned().ok_or_else(|| absent(oid))
    }

    fn size(&self, oid: &Oid) -> Result<u64, StoreError> {
        Ok(self.blob(oid)?.len() as u64)
    }

    fn blob(&self, oid: &Oid) -> Result<Arc<[u8]>, StoreError> {
        self.blobs.get(oid).cloned().ok_or_else(|| absent(oid))
    }
}
