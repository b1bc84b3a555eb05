use std::{fs, path::PathBuf};

use windlass_core::{
    render::{Diagnostic, Document, Failure, FileAt, Format, Location, Mapping, Output, Span},
    trace::Trace,
};

use super::*;
use crate::state::State;

/// A store of its own installation.
struct Scratch {
    dir: tempfile::TempDir,
    state: State,
}

impl Scratch {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = State::open(dir.path()).unwrap();
        Self { dir, state }
    }

    /// As another process would open it.
    fn open(&self) -> Store {
        Store::new(&self.state.renders(), self.state.secret())
    }

    fn files(&self) -> Vec<PathBuf> {
        let bases = fs::read_dir(self.state.renders().join("v1"))
            .into_iter()
            .flatten()
            .flatten();
        let mut files: Vec<_> = bases
            .flat_map(|base| fs::read_dir(base.path()).unwrap().map(|file| file.unwrap().path()))
            .collect();
        files.sort();
        files
    }
}

fn read(path: &str) -> Query {
    Query::Read {
        tree: String::new(),
        path: path.into(),
    }
}

/// A call that read `a`.
fn run(content: &str) -> Arc<Run> {
    let mut trace = Trace::default();
    trace.record(read("a"), Digest::of(content.as_bytes()));
    let document = Document {
        format: Format::Yaml,
        content: format!("kind: {content}\n\u{0}").into_bytes(),
        origin: Some(FileAt {
            source: String::new(),
            path: "a".into(),
            span: Some(Span::at(1, 2)),
        }),
        lines: vec![Mapping {
            output: Span::at(1, 1),
            origin: windlass_core::render::file_at("a"),
        }],
        attributes: vec![("k".into(), "v".into())],
    };
    let output = Output {
        documents: vec![document.clone(), document],
        diagnostics: vec![Diagnostic::error("c", "m", Location::None).with_help("h")],
    };
    Arc::new(Run {
        trace: Arc::new(trace),
        kept: Kept::Output(Arc::new(output)),
    })
}

fn base() -> Digest {
    Digest::of(b"base")
}

fn find(store: &Store, content: &str) -> Lookup {
    store.find(base(), |_| Some(Digest::of(content.as_bytes())))
}

fn hit(store: &Store, content: &str) -> Option<Arc<Run>> {
    match find(store, content) {
        Lookup::Hit { id, .. } => store.load(id),
        Lookup::Miss { .. } => None,
    }
}

#[test]
fn what_one_process_keeps_another_finds_even_while_it_runs() {
    let scratch = Scratch::new();
    let (one, two) = (scratch.open(), scratch.open());
    assert_eq!(find(&two, "1"), Lookup::Miss { differs: None });
    one.put(base(), "p", &run("1"));
    assert_eq!(*hit(&one, "1").unwrap(), *run("1"));
    assert_eq!(*hit(&two, "1").unwrap(), *run("1"));
    two.put(base(), "p", &run("2"));
    assert_eq!(*hit(&one, "2").unwrap(), *run("2"));
    let differs = Some(read("a"));
    assert_eq!(find(&one, "3"), Lookup::Miss { differs });
}

#[test]
fn a_refusal_of_the_plugin_is_kept_like_an_output() {
    let scratch = Scratch::new();
    let failed = Arc::new(Run {
        trace: Arc::clone(&run("1").trace),
        kept: Kept::Failed(Failure::Invalid(vec![Diagnostic::error("c", "m", Location::None)])),
    });
    scratch.open().put(base(), "p", &failed);
    assert_eq!(*hit(&scratch.open(), "1").unwrap(), *failed);
}

#[test]
fn files_tell_nothing_and_a_changed_one_is_no_entry() {
    let scratch = Scratch::new();
    scratch.open().put(base(), "p", &run("1"));
    let file = scratch.files().remove(0);
    let good = fs::read(&file).unwrap();
    assert!(!good.windows(4).any(|window| window == b"kind"));
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        fs::write(&file, &bytes).unwrap();
        assert!(hit(&scratch.open(), "1").is_none(), "byte {at}");
        fs::write(&file, &good).unwrap();
        assert!(hit(&scratch.open(), "1").is_some());
        fs::write(&file, &good[..at]).unwrap();
        assert!(hit(&scratch.open(), "1").is_none(), "cut at {at}");
        fs::write(&file, &good).unwrap();
    }
}

#[test]
fn an_entry_is_of_one_installation_one_call_and_one_name() {
    let scratch = Scratch::new();
    let store = scratch.open();
    store.put(base(), "p", &run("1"));
    store.put(base(), "p", &run("2"));
    let files = scratch.files();
    fs::copy(&files[0], &files[1]).unwrap();
    let fresh = scratch.open();
    assert_eq!(["1", "2"].iter().filter(|c| hit(&fresh, c).is_some()).count(), 1);
    let other = Scratch::new();
    let stranger = Store::new(&scratch.state.renders(), other.state.secret());
    assert!(hit(&stranger, "1").is_none() && hit(&stranger, "2").is_none());
}

#[test]
fn a_deleted_folder_costs_a_call_and_no_more() {
    let scratch = Scratch::new();
    let store = scratch.open();
    let id = store.put(base(), "p", &run("1"));
    fs::remove_dir_all(scratch.state.renders()).unwrap();
    // The trace is known, the output gone; after that the run is forgotten.
    assert!(store.load(id).is_none());
    assert!(matches!(find(&store, "1"), Lookup::Miss { .. }));
    store.put(base(), "p", &run("1"));
    assert!(hit(&scratch.open(), "1").is_some());
}

#[test]
fn where_nothing_can_be_written_the_process_remembers() {
    let scratch = Scratch::new();
    fs::create_dir_all(scratch.dir.path().join("cache")).unwrap();
    fs::write(scratch.state.renders(), "in the way").unwrap();
    let store = scratch.open();
    store.put(base(), "p", &run("1"));
    assert_eq!(*hit(&store, "1").unwrap(), *run("1"));
}

#[test]
fn of_one_call_the_runs_used_longest_ago_leave() {
    let scratch = Scratch::new();
    let store = scratch.open();
    for number in 0..RUNS {
        store.put(base(), "p", &run(&number.to_string()));
    }
    assert!(hit(&store, "0").is_some());
    store.put(base(), "p", &run("new"));
    assert_eq!(scratch.files().len(), RUNS);
    assert!(hit(&store, "0").is_some() && hit(&store, "new").is_some() && hit(&store, "1").is_none());
}

#[test]
fn a_guest_that_contradicts_itself_loses_its_earlier_runs() {
    let scratch = Scratch::new();
    let store = scratch.open();
    store.put(base(), "p", &run("1"));
    let mut trace = Trace::default();
    trace.record(read("b"), Digest::of(b"1"));
    let other = Arc::new(Run {
        trace: Arc::new(trace),
        kept: run("1").kept.clone(),
    });
    store.put(base(), "p", &other);
    assert_eq!(scratch.files().len(), 1);
    assert_eq!(*hit(&store, "1").unwrap(), *other);
}

#[test]
fn memory_is_bounded_by_forgetting_what_can_be_read_again() {
    let scratch = Scratch::new();
    let store = scratch.open();
    store.put(base(), "p", &run("1"));
    let bases: Vec<Digest> = (0..100_u32).map(|n| Digest::of(&n.to_le_bytes())).collect();
    for other in &bases {
        drop(store.base(*other));
        store.account(*other, MEMORY / 50);
    }
    assert!(lock(&store.memory).bytes <= MEMORY);
    assert!(!lock(&store.memory).bases.contains_key(&base()));
    assert!(hit(&store, "1").is_some());
}
