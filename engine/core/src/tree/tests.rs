use std::collections::BTreeMap;

use super::*;

/// Trees from literal paths, for tests of what stands on [`Tree`].
#[derive(Default)]
struct Memory {
    blobs: BTreeMap<Oid, Arc<[u8]>>,
    trees: BTreeMap<Oid, Arc<[StoredEntry]>>,
}

enum Spec {
    File(&'static str),
    Link(&'static str),
    Submodule,
    Folder(BTreeMap<&'static str, Self>),
}

impl Memory {
    fn add(&mut self, spec: &Spec) -> (EntryKind, Oid) {
        match spec {
            Spec::File(text) => (EntryKind::File, self.blob(text)),
            Spec::Link(to) => (EntryKind::Symlink, self.blob(to)),
            Spec::Submodule => (EntryKind::Submodule, oid("commit")),
            Spec::Folder(children) => {
                let mut entries = Vec::new();
                for (name, child) in children {
                    let (kind, oid) = self.add(child);
                    entries.push(StoredEntry {
                        name: name.as_bytes().to_vec(),
                        kind,
                        oid,
                    });
                }
                let id = oid(&format!("{entries:?}"));
                self.trees.insert(id, entries.into());
                (EntryKind::Directory, id)
            }
        }
    }

    fn blob(&mut self, text: &str) -> Oid {
        let id = oid(text);
        self.blobs.insert(id, text.as_bytes().into());
        id
    }
}

fn oid(text: &str) -> Oid {
    Oid::from_bytes(crate::digest::Digest::of(text.as_bytes()).as_bytes()).unwrap()
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

fn folder<const N: usize>(children: [(&'static str, Spec); N]) -> Spec {
    Spec::Folder(children.into())
}

fn tree() -> Tree {
    let spec = folder([
        ("a.yaml", Spec::File("a: 1\n")),
        ("abs", Spec::Link("/etc/passwd")),
        ("dangling", Spec::Link("nowhere")),
        (
            "dir",
            folder([("b.yaml", Spec::File("b: 2\n")), ("up", Spec::Link("../a.yaml"))]),
        ),
        (
            "lfs.bin",
            Spec::File("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
        ),
        ("link", Spec::Link("./dir/")),
        ("loop", Spec::Link("loop")),
        ("mod", Spec::Submodule),
        ("out", Spec::Link("../../etc")),
    ]);
    let mut store = Memory::default();
    let (_, root) = store.add(&spec);
    Tree::new("", root, Arc::new(store))
}

fn refusal<T: fmt::Debug>(result: Result<T, TreeError>) -> Refusal {
    match result {
        Err(TreeError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn links_lead_inside_the_tree() {
    let tree = tree();
    assert_eq!(tree.read("link/up", 0, 100).unwrap(), b"a: 1\n");
    assert_eq!(tree.canonical("link/up").unwrap(), "a.yaml");
    assert_eq!(tree.stat("link").unwrap().kind, Kind::Directory);
    assert_eq!(
        tree.stat("dir/b.yaml").unwrap(),
        Node {
            kind: Kind::File,
            size: 5,
            executable: false
        }
    );
}

#[test]
fn links_never_lead_outside() {
    let tree = tree();
    for path in ["abs", "out", "out/passwd", "loop"] {
        assert!(matches!(refusal(tree.read(path, 0, 1)), Refusal::Denied(_)), "{path}");
        assert_eq!(tree.stat(path).unwrap().kind, Kind::Symlink, "{path}");
    }
    assert_eq!(refusal(tree.read("dangling", 0, 1)), Refusal::NotFound);
    assert_eq!(tree.stat("dangling").unwrap().kind, Kind::Symlink);
}

#[test]
fn a_miss_is_an_answer_and_an_invalid_path_is_refused() {
    let tree = tree();
    assert_eq!(tree.stat("nope/deep").unwrap().kind, Kind::Missing);
    assert_eq!(tree.stat("a.yaml/x").unwrap().kind, Kind::Missing);
    for path in ["/a.yaml", "dir/", "../a.yaml", "./a.yaml", "dir//b.yaml", "a\0b"] {
        assert_eq!(refusal(tree.stat(path)), Refusal::InvalidPath, "{path:?}");
    }
}

#[test]
fn what_is_elsewhere_ends_the_call() {
    let tree = tree();
    assert!(matches!(tree.read("lfs.bin", 0, 1), Err(TreeError::LfsPointer { path }) if path == "lfs.bin"));
    assert!(matches!(tree.list("mod", "", 9), Err(TreeError::Submodule { path }) if path == "mod"));
    assert!(matches!(tree.stat("mod/x"), Err(TreeError::Submodule { .. })));
    assert_eq!(tree.stat("mod").unwrap().kind, Kind::Submodule);
}

#[test]
fn listings_and_matches_are_paged() {
    let tree = tree();
    let first = tree.list("", "", 2).unwrap();
    assert_eq!(
        first.items.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(),
        ["a.yaml", "abs"]
    );
    assert!(first.more);
    let rest = tree.list("", "abs", 100).unwrap();
    assert_eq!(rest.items.len(), 7);
    assert!(!rest.more);
    assert_eq!(
        tree.glob("", "**/*.yaml", "", 9).unwrap().items,
        ["a.yaml", "dir/b.yaml"]
    );
    assert_eq!(tree.glob("", "*.yaml", "", 9).unwrap().items, ["a.yaml"]);
    assert!(matches!(refusal(tree.glob("", "[", "", 9)), Refusal::Denied(_)));
}

#[test]
fn reads_come_in_chunks() {
    let tree = tree();
    assert_eq!(tree.read("a.yaml", 3, 1).unwrap(), b"1");
    assert_eq!(tree.read("a.yaml", 99, 1).unwrap(), b"");
    assert_eq!(
        refusal(tree.read("a.yaml", 0, READ_BYTES + 1)),
        Refusal::TooLarge(READ_BYTES.into())
    );
    assert_eq!(refusal(tree.read("dir", 0, 1)), Refusal::WrongKind);
}

/// A folder that holds the next one, `width` times, `depth` deep; the last holds a file.
fn bomb(width: usize, depth: usize) -> Tree {
    let mut store = Memory::default();
    let file = Memory::blob(&mut store, "x");
    let entry = |name: String, kind, oid| StoredEntry {
        name: name.into_bytes(),
        kind,
        oid,
    };
    let mut entries = vec![entry("a.yaml".to_owned(), EntryKind::File, file)];
    let mut root = oid("leaf");
    for level in 0..=depth {
        root = oid(&format!("level {level}"));
        store.trees.insert(root, std::mem::take(&mut entries).into());
        entries = (0..width)
            .map(|n| entry(n.to_string(), EntryKind::Directory, root))
            .collect();
    }
    Tree::new("", root, Arc::new(store))
}

#[test]
fn a_glob_ends_in_trees_without_end() {
    let deep = bomb(1, 100_000);
    assert!(
        deep.matches("", "**/*.yaml").unwrap().is_empty(),
        "what is that deep has no path"
    );
    assert_eq!(bomb(1, 1_000).matches("", "**/*.yaml").unwrap().len(), 1);
    let Refusal::Denied(why) = refusal(bomb(10, 10).matches("", "**/*.yaml")) else {
        panic!("not refused")
    };
    assert!(why.contains("more than 1000000 entries"), "{why}");
}
