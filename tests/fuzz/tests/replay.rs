//! Every target over its seeds, and for a moment beyond them: the same inputs each time.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    path::Path,
    time::{Duration, Instant},
};

use windlass_fuzz::{
    TARGETS, Target,
    mutate::{Numbers, mutate},
};

/// Time for what each target is fed beyond its seeds: together some seconds, enough to notice a target that is broken.
const MOMENT: Duration = Duration::from_millis(250);

/// Inputs beyond the seeds on a fast machine.
const MOST: usize = 4_000;

fn replay(target: &Target) {
    let root = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("../..");
    let seeds = target.seeds(&root);
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    for seed in &seeds {
        (target.run)(seed);
    }
    let mut numbers = Numbers::new(7);
    let started = Instant::now();
    for _ in 0..MOST {
        let (seed, other) = (numbers.below(seeds.len()), numbers.below(seeds.len()));
        (target.run)(&mutate(&seeds[seed], &seeds[other], &mut numbers));
        if started.elapsed() > MOMENT {
            break;
        }
    }
}

#[test]
fn every_target_keeps_its_promises() {
    for target in TARGETS {
        replay(target);
    }
}

#[test]
fn names_are_one_of_a_kind_and_every_found_seed_has_a_target() {
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TARGETS.len());
    let folder = Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join("seeds");
    // There is no folder before the first find.
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name.as_str()), "seeds/{name} is nobody's");
    }
}
