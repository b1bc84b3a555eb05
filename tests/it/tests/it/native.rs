//! The sandboxed renderers against the native tools of the same versions; `cargo x diff-native` shows the same as a table.
//!
//! `WINDLASS_ORACLES` names the folder of the native `helm`, `kustomize` and `jsonnet`; `cargo x test` builds them.

use std::{path::PathBuf, sync::LazyLock};

use windlass_tests::native::{
    Case, Folders, Native, SEED, Table, Tool, expressions, golden, helms_own, kustomizations, same_without_snapshot,
};

use crate::sandbox::{WINDLASS, cache, plugins};

/// Both sides, opened once.
pub(crate) static NATIVE: LazyLock<Native> = LazyLock::new(|| Native::open(folders()).expect("both sides"));

fn folders() -> Folders {
    let oracles = std::env::var_os("WINDLASS_ORACLES")
        .expect("WINDLASS_ORACLES names no folder of native tools: run `cargo x test`, which builds them");
    Folders {
        worker: WINDLASS.into(),
        plugins: plugins(),
        cache: cache(),
        oracles: PathBuf::from(oracles),
    }
}

/// The plugins in Go that start up in each call; `cargo x plugins --with-guests` builds them.
fn unsnapshotted() -> Native {
    let guests = std::env::var_os("WINDLASS_GUESTS").map_or_else(|| plugins().join("guests"), PathBuf::from);
    Native::open(Folders {
        plugins: guests.join("unsnapshotted"),
        ..folders()
    })
    .expect("both sides")
}

/// Nothing may differ; `least` cases must be equal in bytes, so that a broken set-up can't pass.
fn check(cases: &[Case], least: usize) -> Table {
    let table = NATIVE.compare(cases);
    assert!(table.differs() == 0 && table.equal() >= least, "{}", table.show(true));
    table
}

#[test]
fn helm_charts_equal_helm_template() {
    check(&golden(Tool::Helm).unwrap(), 15);
}

#[test]
fn helms_own_charts_equal_helm_template() {
    let table = check(&helms_own().unwrap(), 30);
    assert!(table.both_fail() > 10, "{}", table.show(true));
}

#[test]
fn kustomizations_equal_kustomize_build() {
    check(&golden(Tool::Kustomize).unwrap(), 15);
}

#[test]
fn jsonnet_files_equal_jsonnet() {
    check(&golden(Tool::Jsonnet).unwrap(), 10);
}

#[test]
fn every_builtin_of_kustomize_alone_and_in_pairs_equals_kustomize_build() {
    let made = kustomizations(SEED).unwrap();
    check(&made.alone, made.alone.len());
    let refused = NATIVE.compare(&made.refused);
    assert_eq!(refused.both_fail(), made.refused.len(), "{}", refused.show(true));
    assert!(made.pairs.len() >= 300, "{} pairs", made.pairs.len());
    check(&made.pairs, made.pairs.len() * 9 / 10);
}

#[test]
fn expressions_equal_jsonnet() {
    let made = expressions().unwrap();
    check(&made.programs, made.programs.len());
    let failing = NATIVE.compare(&made.failing);
    assert_eq!(failing.both_fail(), made.failing.len(), "{}", failing.show(true));
    // One that has become equal is no exception any more.
    let excepted = NATIVE.compare(&made.excepted);
    assert!(
        excepted.differs() == 0 && excepted.equal() == 0,
        "{}",
        excepted.show(true)
    );
}

/// Of a day in 2026, in seconds since 1970.
const NOON: i64 = 1_781_006_400;

#[test]
fn plugins_without_a_snapshot_render_the_same_whatever_their_seeds() {
    let unsnapshotted = unsnapshotted();
    for (tool, least) in [(Tool::Helm, 15), (Tool::Kustomize, 15)] {
        // At one time: a case that prints the time of day would else differ by the second.
        let cases: Vec<_> = golden(tool).unwrap().into_iter().map(|case| case.at(NOON)).collect();
        let (others, rendered) = same_without_snapshot(&NATIVE, &unsnapshotted, &cases).unwrap();
        assert!(
            others.is_empty() && rendered >= least,
            "{tool:?}: {others:?} differ, {rendered} render"
        );
    }
}
