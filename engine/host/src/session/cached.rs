//! Cached equals fresh: for random trees, guests and edits, a run that holds has the output that a call would have.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngSeed, TestRunner},
};
use windlass_core::{
    digest::Digest,
    oid::Oid,
    render::{AppNames, Instant},
    trace::{Found, Runs},
    tree::{EntryKind, ObjectStore, StoreError, StoredEntry},
};

use super::*;
use crate::entropy::EntropyKey;

/// Names few enough that guests, edits and links meet.
const NAMES: [&str; 4] = ["a", "b", "c.yaml", "d"];

/// Where links lead: inside, up and down again, nowhere, out, in a ring.
const TARGETS: [&str; 9] = [
    "a",
    "../a",
    "b/c.yaml",
    "./d",
    "..",
    "../../x",
    "/etc/passwd",
    "nowhere",
    "d/../a",
];

/// What guests ask for beside names of the tree: also what no path may be.
const ODD: [&str; 6] = ["", "..", "/a", "a//b", "a/.", "nowhere/at/all"];

const PATTERNS: [&str; 5] = ["*", "**", "**/*.yaml", "a/*", "[a-c]*"];

const LFS: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";

#[derive(Debug, Clone)]
enum Node {
    File(u8),
    Executable(u8),
    Lfs,
    Link(usize),
    Submodule,
    Folder(BTreeMap<&'static str, Self>),
}

/// One change between two revisions.
#[derive(Debug, Clone)]
enum Edit {
    /// Puts something at a path, in the way of what is there.
    Put(Vec<usize>, Node),
    Remove(Vec<usize>),
    /// Facts of the cluster and the clock.
    Cluster(bool),
    Clock(i64),
    /// Another app asks the same.
    App(u8),
}

fn leaf() -> impl Strategy<Value = Node> {
    prop_oneof![
        6 => (0..4_u8).prop_map(Node::File),
        1 => (0..2_u8).prop_map(Node::Executable),
        1 => Just(Node::Lfs),
        4 => (0..TARGETS.len()).prop_map(Node::Link),
        1 => Just(Node::Submodule),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    leaf().prop_recursive(3, 24, 4, |inner| {
        vec((0..NAMES.len(), inner), 0..4)
            .prop_map(|children| Node::Folder(children.into_iter().map(|(name, node)| (NAMES[name], node)).collect()))
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let path = || vec(0..NAMES.len(), 1..4);
    prop_oneof![
        6 => (path(), node()).prop_map(|(path, node)| Edit::Put(path, node)),
        2 => path().prop_map(Edit::Remove),
        1 => any::<bool>().prop_map(Edit::Cluster),
        1 => (0..3_i64).prop_map(Edit::Clock),
        1 => (0..2_u8).prop_map(Edit::App),
    ]
}

fn put(folder: &mut BTreeMap<&'static str, Node>, path: &[usize], node: Option<Node>) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    let name = NAMES[*first];
    if rest.is_empty() {
        match node {
            Some(node) => folder.insert(name, node),
            None => folder.remove(name),
        };
        return;
    }
    let inner = folder.entry(name).or_insert_with(|| Node::Folder(BTreeMap::new()));
    if !matches!(inner, Node::Folder(_)) {
        *inner = Node::Folder(BTreeMap::new());
    }
    if let Node::Folder(inner) = inner {
        put(inner, rest, node);
    }
}

#[derive(Default)]
struct Objects {
    blobs: BTreeMap<Oid, Arc<[u8]>>,
    trees: BTreeMap<Oid, Arc<[StoredEntry]>>,
}

fn id(bytes: &[u8]) -> Oid {
    Oid::from_bytes(Digest::of(bytes).as_bytes()).unwrap()
}

impl Objects {
    fn tree(root: &BTreeMap<&'static str, Node>) -> Tree {
        let mut objects = Self::default();
        let root = objects.folder(root);
        Tree::new("", root, Arc::new(objects))
    }

    fn folder(&mut self, children: &BTreeMap<&'static str, Node>) -> Oid {
        let entries: Vec<StoredEntry> = children
            .iter()
            .map(|(name, node)| {
                let (kind, oid) = self.add(node);
                StoredEntry {
                    name: name.as_bytes().to_vec(),
                    kind,
                    oid,
                }
            })
            .collect();
        let oid = id(format!("{entries:?}").as_bytes());
        self.trees.insert(oid, entries.into());
        oid
    }

    fn add(&mut self, node: &Node) -> (EntryKind, Oid) {
        match node {
            // Lengths differ too: `stat` tells sizes.
            Node::File(content) => (EntryKind::File, self.blob(&"x".repeat(usize::from(*content)))),
            Node::Executable(content) => (EntryKind::Executable, self.blob(&"x".repeat(usize::from(*content)))),
            Node::Lfs => (EntryKind::File, self.blob(LFS)),
            Node::Link(target) => (EntryKind::Symlink, self.blob(TARGETS[*target])),
            Node::Submodule => (EntryKind::Submodule, id(b"commit")),
            Node::Folder(children) => (EntryKind::Directory, self.folder(children)),
        }
    }

    fn blob(&mut self, text: &str) -> Oid {
        let oid = id(text.as_bytes());
        self.blobs.insert(oid, text.as_bytes().into());
        oid
    }
}

fn absent(oid: &Oid) -> StoreError {
    StoreError {
        oid: *oid,
        source: "absent".into(),
    }
}

impl ObjectStore for Objects {
    fn tree(&self, oid: &Oid) -> Result<Arc<[StoredEntry]>, StoreError> {
        self.trees.get(oid).cloned().ok_or_else(|| absent(oid))
    }

    fn size(&self, oid: &Oid) -> Result<u64, StoreError> {
        Ok(ObjectStore::blob(self, oid)?.len() as u64)
    }

    fn blob(&self, oid: &Oid) -> Result<Arc<[u8]>, StoreError> {
        self.blobs.get(oid).cloned().ok_or_else(|| absent(oid))
    }
}

/// A guest: what it asks next depends on all it was answered, and so does what it emits.
struct Guest {
    seed: u64,
    asks: usize,
    learnt: Digest,
    /// Paths it heard of.
    paths: Vec<String>,
}

impl Guest {
    fn new(seed: u64, asks: usize) -> Self {
        let mut paths: Vec<String> = NAMES.iter().chain(&ODD).map(|path| (*path).to_owned()).collect();
        paths.extend(NAMES.iter().flat_map(|a| NAMES.iter().map(move |b| format!("{a}/{b}"))));
        Self {
            seed,
            asks,
            learnt: Digest::of(&seed.to_le_bytes()),
            paths,
        }
    }

    /// What it would emit, and what it asked; `None` where the host ends the call.
    fn run(mut self, request: &RenderRequest) -> Option<(Digest, Trace)> {
        let mut session = Session::new(request, CallLimits::default());
        for step in 0..self.asks {
            let ask = self.next(step);
            let (answer, bytes) = session.answer(ask).ok()?;
            self.hear(&answer);
            self.learnt = Digest::of_parts([
                self.learnt.as_bytes().as_slice(),
                format!("{answer:?}").as_bytes(),
                &bytes,
            ]);
        }
        Some((self.learnt, session.finish().trace))
    }

    fn next(&self, step: usize) -> Ask {
        let draw = Digest::of_parts([
            self.learnt.as_bytes().as_slice(),
            &self.seed.to_le_bytes(),
            &step.to_le_bytes(),
        ]);
        let byte = |at: usize| usize::from(draw.as_bytes()[at]);
        let tree = String::new();
        let path = self.paths[byte(1) % self.paths.len()].clone();
        match byte(0) % 16 {
            0..=4 => Ask::Read {
                tree,
                path,
                offset: (byte(2) % 2) as u64,
                max: 2,
            },
            5..=6 => Ask::Stat { tree, path },
            7..=8 => Ask::List {
                tree,
                path,
                after: String::new(),
                max: 2,
            },
            9 => Ask::Canonical { tree, path },
            10..=11 => Ask::Glob {
                tree,
                base: path,
                pattern: PATTERNS[byte(2) % PATTERNS.len()].to_owned(),
                after: String::new(),
                max: 2,
            },
            12 => Ask::Digest { tree, path },
            13 => Ask::HasApi {
                name: ["v1", "apps/v1"][byte(2) % 2].to_owned(),
            },
            14 => [Ask::Now, Ask::KubeVersion, Ask::Apis][byte(2) % 3].clone(),
            _ => [Ask::App, Ask::Path, Ask::Config, Ask::Entropy { fork: None }][byte(2) % 4].clone(),
        }
    }

    /// A listing is followed down.
    fn hear(&mut self, answer: &Answer) {
        match answer {
            Answer::Entries(page) => self.paths.extend(page.items.iter().map(|entry| entry.name.clone())),
            Answer::Paths(page) => self.paths.extend(page.items.iter().cloned()),
            _ => {}
        }
    }
}

fn request(tree: Tree) -> RenderRequest {
    RenderRequest {
        tenant: crate::Tenant::new("shop"),
        tree,
        path: String::new(),
        config: "{}".into(),
        app: AppNames::default(),
        now: Instant::default(),
        kube_version: "v1.37.0".into(),
        apis: Arc::new(BTreeSet::from(["v1".to_owned()])),
        input: None,
        sources: BTreeMap::new(),
        entropy: EntropyKey::new([7; 32]),
    }
}

fn change(root: &mut BTreeMap<&'static str, Node>, request: &mut RenderRequest, edit: &Edit) {
    match edit {
        Edit::Put(path, node) => put(root, path, Some(node.clone())),
        Edit::Remove(path) => put(root, path, None),
        Edit::Cluster(with_apps) => {
            let apis = ["v1", "apps/v1"].iter().take(1 + usize::from(*with_apps));
            request.apis = Arc::new(apis.map(|api| (*api).to_owned()).collect());
        }
        Edit::Clock(seconds) => request.now.seconds = *seconds,
        Edit::App(number) => {
            request.app.name = format!("app-{number}");
            request.entropy = EntropyKey::new([*number; 32]);
        }
    }
    request.tree = Objects::tree(root);
}

/// What a case came to: hits and misses.
type Tally = (u32, u32);

fn case(root: &[(usize, Node)], edits: &[Edit], seed: u64, asks: usize) -> Result<Tally, TestCaseError> {
    let mut root: BTreeMap<_, _> = root.iter().map(|(name, node)| (NAMES[*name], node.clone())).collect();
    let mut request = request(Objects::tree(&root));
    let mut runs: Runs<(Digest, Digest)> = Runs::default();
    let mut tally = (0, 0);
    for edit in edits {
        change(&mut root, &mut request, edit);
        let fresh = Guest::new(seed, asks).run(&request);
        let mut asked = 0;
        let found = runs.find(|query| {
            asked += 1;
            facts::answer_digest(query, &request).ok()
        });
        match (fresh, found) {
            // Sound: what is kept is what a call would emit.
            (Some((output, trace)), Found::Run(kept)) => {
                tally.0 += 1;
                prop_assert_eq!((output, trace.digest()), *kept);
            }
            // Whole: a run that was made is found again.
            (Some((output, trace)), Found::Nothing { .. }) => {
                tally.1 += 1;
                let known = runs.entries().any(|(_, digest)| *digest == trace.digest());
                prop_assert!(!known, "a known run was missed");
                let inserted = runs.insert(&trace, (output, trace.digest()));
                prop_assert!(
                    inserted.contradicted.is_empty(),
                    "a deterministic guest was called nondeterministic"
                );
            }
            // What the host can't serve has no run.
            (None, found) => prop_assert!(matches!(found, Found::Nothing { .. }), "a call that ends was served"),
        }
        prop_assert!(asked <= asks, "a lookup asks no more than a call");
    }
    Ok(tally)
}

#[test]
fn cached_equals_fresh() {
    let config = Config {
        cases: 1000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(4),
        ..Config::default()
    };
    let input = (
        vec((0..NAMES.len(), node()), 0..4),
        vec(edit(), 1..12),
        0..8_u64,
        1..14_usize,
    );
    let (hits, misses) = (Cell::new(0), Cell::new(0));
    TestRunner::new(config)
        .run(&input, |(root, edits, seed, asks)| {
            let (hit, missed) = case(&root, &edits, seed, asks)?;
            hits.set(hits.get() + hit);
            misses.set(misses.get() + missed);
            Ok(())
        })
        .unwrap();
    // A test in which nothing is ever found, or always, would hold for a store that is broken.
    assert!(hits.get() > 500 && misses.get() > 500, "{hits:?} {misses:?}");
}
