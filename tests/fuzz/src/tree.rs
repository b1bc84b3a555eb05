//! Trees of any shape, and what may be asked of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use windlass_core::{
    digest::Digest,
    oid::Oid,
    tree::{EntryKind, Kind, ObjectStore, StoreError, StoredEntry, Tree, TreeError},
};

/// Names that trees are made of, and that links lead to; few, so that paths meet.
const NAMES: [&str; 6] = ["a", "b", "c", "d.yaml", "e", "\u{e9}"];

/// Targets of links.
const TARGETS: [&str; 12] = [
    "a",
    "b",
    ".",
    "..",
    "../a",
    "../../b",
    "/a",
    "a/b",
    "c/../d.yaml",
    "./e/",
    "",
    "\u{e9}/a",
];

/// Most objects of one tree.
const MAX_OBJECTS: usize = 60;

/// Objects of a tree that was made up.
#[derive(Default)]
pub(crate) struct Store {
    blobs: BTreeMap<Oid, Arc<[u8]>>,
    trees: BTreeMap<Oid, Arc<[StoredEntry]>>,
}

impl ObjectStore for Store {
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

fn absent(oid: &Oid) -> StoreError {
    StoreError {
        oid: *oid,
        source: "absent".into(),
    }
}

fn id(bytes: &[u8]) -> Oid {
    Oid::from_bytes(&Digest::of(bytes).as_bytes()[..20]).expect("twenty bytes")
}

/// Reads bytes as instructions, two at a time: what, and under which name.
struct Maker<'b> {
    bytes: std::slice::Iter<'b, u8>,
    store: Store,
    objects: usize,
}

impl Maker<'_> {
    fn folder(&mut self, depth: usize) -> Oid {
        let mut entries: BTreeMap<&str, (EntryKind, Oid)> = BTreeMap::new();
        while let (true, Some(what)) = (self.objects < MAX_OBJECTS, self.bytes.next()) {
            let number = usize::from(*self.bytes.next().unwrap_or(&0));
            let name = NAMES[number % NAMES.len()];
            self.objects += 1;
            let entry = match what % 8 {
                0 if depth < 6 => (EntryKind::Directory, self.folder(depth + 1)),
                1 => break,
                2 | 3 => (
                    EntryKind::Symlink,
                    self.blob(TARGETS[number % TARGETS.len()].as_bytes()),
                ),
                4 => (EntryKind::Submodule, id(b"commit")),
                5 => (EntryKind::Executable, self.blob(&[*what, b'x'])),
                _ => (EntryKind::File, self.blob(&vec![b'y'; number])),
            };
            entries.insert(name, entry);
        }
        self.keep(&entries)
    }

    fn keep(&mut self, entries: &BTreeMap<&str, (EntryKind, Oid)>) -> Oid {
        let entry = |(name, (kind, oid)): (&&str, &(EntryKind, Oid))| StoredEntry {
            name: name.as_bytes().to_vec(),
            kind: *kind,
            oid: *oid,
        };
        let entries: Vec<StoredEntry> = entries.iter().map(entry).collect();
        let id = id(format!("{entries:?}").as_bytes());
        self.store.trees.insert(id, entries.into());
        id
    }

    fn blob(&mut self, bytes: &[u8]) -> Oid {
        let id = id(bytes);
        self.store.blobs.insert(id, bytes.into());
        id
    }
}

/// A tree made of bytes.
pub(crate) fn make(bytes: &[u8]) -> Tree {
    let mut maker = Maker {
        bytes: bytes.iter(),
        store: Store::default(),
        objects: 0,
    };
    let root = maker.folder(0);
    Tree::new("", root, Arc::new(maker.store))
}

/// Links lead to places inside, pages add up to the whole, and every answer fits the others.
pub(crate) fn questions(bytes: &[u8]) {
    let tree = make(bytes);
    let mut paths: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    for _ in 0..2 {
        let longer = paths
            .iter()
            .flat_map(|path| NAMES[..3].iter().map(move |name| format!("{path}/{name}")));
        paths = longer.chain(paths.iter().cloned()).collect();
    }
    paths.extend(["", "/a", "a/", "a//b", "../a", "./a", "a\0"].map(str::to_owned));
    for path in &paths {
        path_keeps_its_promises(&tree, path);
    }
    for pattern in ["**", "*", "**/*.yaml", "a/**", "[ab]/?", "{a,b}/*"] {
        matches_are_files(&tree, pattern);
    }
}

fn path_keeps_its_promises(tree: &Tree, path: &str) {
    let canonical = match tree.canonical(path) {
        Ok(canonical) => canonical,
        Err(TreeError::Store { source, .. }) => panic!("{source:?}"),
        Err(_) => return assert!(tree.read(path, 0, 1).is_err(), "{path}"),
    };
    assert!(
        canonical.split('/').all(|segment| segment != ".." && segment != "."),
        "{canonical}"
    );
    assert_eq!(tree.canonical(&canonical).ok().as_deref(), Some(canonical.as_str()));
    assert!(free_of_links(tree, &canonical), "{path} -> {canonical}");
    assert_eq!(tree.stat(path).ok(), tree.stat(&canonical).ok());
    assert_eq!(tree.digest(path).ok(), tree.digest(&canonical).ok());
    assert_eq!(tree.read(path, 0, 1 << 20).ok(), tree.read(&canonical, 0, 1 << 20).ok());
    match tree.stat(path) {
        Ok(node) if node.kind == Kind::Directory => pages_add_up(tree, path),
        Ok(node) if node.kind == Kind::File => {
            let whole = tree.file(path).expect("a file is read");
            assert_eq!(whole.len() as u64, node.size);
            assert_eq!(
                tree.read(path, 1, 3).expect("a part"),
                whole
                    .get(1..)
                    .unwrap_or_default()
                    .iter()
                    .copied()
                    .take(3)
                    .collect::<Vec<_>>()
            );
        }
        _ => {}
    }
}

fn free_of_links(tree: &Tree, path: &str) -> bool {
    let mut folder = String::new();
    path.split('/').filter(|name| !name.is_empty()).all(|name| {
        let entries = tree.entries(&folder).unwrap_or_default();
        folder = if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        };
        entries
            .iter()
            .any(|entry| entry.name == name && entry.kind != Kind::Symlink)
    })
}

fn pages_add_up(tree: &Tree, path: &str) {
    let whole = tree.entries(path).expect("a folder is listed");
    let mut names: Vec<String> = Vec::new();
    loop {
        let after = names.last().cloned().unwrap_or_default();
        let page = tree.list(path, &after, 2).expect("a page");
        names.extend(page.items.into_iter().map(|entry| entry.name));
        if !page.more {
            break;
        }
    }
    assert_eq!(names, whole.into_iter().map(|entry| entry.name).collect::<Vec<_>>());
}

fn matches_are_files(tree: &Tree, pattern: &str) {
    let found = tree.matches("", pattern).expect("a good pattern");
    assert!(found.windows(2).all(|pair| pair[0] < pair[1]), "{found:?}");
    for path in &found {
        assert_eq!(tree.stat(path).expect("a match is there").kind, Kind::File, "{path}");
        assert!(free_of_links(tree, path), "{path}");
    }
}
