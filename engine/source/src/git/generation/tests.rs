//! Generations, swept, read and locked.

use super::*;
use crate::budget::Cancel;

fn mirror() -> (tempfile::TempDir, Layout) {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::open(&dir.path().join("m")).unwrap();
    (dir, layout)
}

fn publish(layout: &Layout) -> String {
    let budget = Budget::new("x", Limits::default(), &Cancel::new());
    let lock = layout.lock(&budget).unwrap();
    let (name, repo) = layout.begin(&lock, &Limits::default()).unwrap();
    drop(repo);
    layout.publish(&lock, &name).unwrap();
    name
}

#[test]
fn a_half_generation_is_swept() {
    let (_dir, layout) = mirror();
    let first = publish(&layout);
    let half = layout.partial("gen-2");
    fs::create_dir_all(half.join("objects/pack")).unwrap();
    fs::write(half.join("objects/pack/tmp"), "half").unwrap();
    assert_eq!(layout.current().unwrap(), Some(first));
    assert_eq!(publish(&layout), "gen-2");
    assert!(!half.exists());
}

#[test]
fn a_generation_outlives_its_readers_only() {
    let (_dir, layout) = mirror();
    publish(&layout);
    let reader = layout.open_current(&Limits::default()).unwrap().unwrap();
    assert_eq!(publish(&layout), "gen-2");
    assert!(layout.dir.join("gen-1").exists(), "it is being read");
    drop(reader);
    assert_eq!(publish(&layout), "gen-3");
    assert_eq!(layout.generations(), ["gen-3"]);
    assert!(!layout.lock_path("gen-1").exists());
}

#[test]
fn a_newer_format_is_refused() {
    let (_dir, layout) = mirror();
    fs::write(layout.dir.join("format"), "2\n").unwrap();
    let error = Layout::open(&layout.dir).unwrap_err();
    assert!(error.to_string().contains("format 2"), "{error}");
}

#[test]
fn a_damaged_generation_is_none() {
    let (_dir, layout) = mirror();
    let name = publish(&layout);
    fs::remove_file(layout.dir.join(&name).join("HEAD")).unwrap();
    assert!(layout.open_current(&Limits::default()).unwrap().is_none());
    assert_eq!(publish(&layout), "gen-2");
    assert!(layout.open_current(&Limits::default()).unwrap().is_some());
}

#[test]
fn a_lock_held_by_another_is_waited_for_within_the_budget() {
    let (_dir, layout) = mirror();
    let limits = Limits {
        poll: std::time::Duration::from_millis(120),
        ..Limits::default()
    };
    let held = layout.lock(&Budget::new("x", limits, &Cancel::new())).unwrap();
    let waiting = layout.lock(&Budget::new("x", limits, &Cancel::new()));
    assert!(matches!(waiting, Err(Error::Timeout { .. })));
    drop(held);
    assert!(layout.lock(&Budget::new("x", limits, &Cancel::new())).is_ok());
}

#[test]
fn leftovers_of_a_killed_fetch_are_tidied() {
    let (_dir, layout) = mirror();
    publish(&layout);
    let generation = layout.open_current(&Limits::default()).unwrap().unwrap();
    let packs = generation.pack_dir();
    for name in [
        "pack-1.pack",
        "pack-1.idx",
        "pack-2.pack",
        "pack-3.idx",
        ".tmpXYZ",
        "pack-1.keep",
    ] {
        fs::write(packs.join(name), "").unwrap();
    }
    fs::write(generation.repo.refs.git_dir().join("shallow.lock"), "").unwrap();
    generation.tidy();
    let mut left: Vec<_> = fs::read_dir(packs)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["pack-1.idx", "pack-1.pack"]);
    assert!(!generation.repo.refs.git_dir().join("shallow.lock").exists());
}
