//! How much mirrors may take, who has to go, and a disk that is full.

use std::process::{Command, Stdio};

use super::packs::{CHILD_DIR, CHILD_URL};
use super::*;

fn noise(seed: u32, bytes: usize) -> Vec<u8> {
    let words = (0..bytes as u32 / 4).map(|n| (n ^ seed).wrapping_mul(2_654_435_761).rotate_left(n % 31));
    words.flat_map(u32::to_le_bytes).collect()
}

fn file_remote(repository: &Repository) -> Remote {
    Remote::new(&repository.url(), Auth::None, Tls::default()).unwrap()
}

fn size(dir: &Path) -> u64 {
    files_ending(dir, "")
        .iter()
        .map(|path| path.metadata().map_or(0, |m| m.len()))
        .sum()
}

#[test]
fn a_mirror_stays_within_its_bounds() {
    let bed = Bed::new();
    let remote = || file_remote(&bed.repository).with_max_size(Some(1 << 20));
    let mirror = bed.mirror_of(remote(), Limits::default());
    for n in 0..12 {
        bed.repository.commit_file("noise", noise(n, 150 << 10));
        assert_eq!(main_of(&mirror).tree("").file("noise").unwrap().len(), 150 << 10);
        let size = size(&bed.mirrors());
        assert!(size <= 1 << 20, "{n}: {size}");
    }
    bed.repository.commit_file("noise", noise(99, 2 << 20));
    let error = resolve(&mirror, main()).unwrap_err();
    assert!(
        matches!(error, Error::Quota { of: "its mirror", quota, .. } if quota == 1 << 20),
        "{}",
        chain(&error)
    );
    let head = bed.repository.git(["rev-parse", "HEAD~1"]);
    let last = resolve(&mirror, Reference::Commit(id(&head))).unwrap();
    assert_eq!(
        last.tree("").file("noise").unwrap().len(),
        150 << 10,
        "the last good one stays"
    );
}

#[test]
fn unused_mirrors_go_first() {
    let bed = Bed::new();
    let limits = Limits {
        bytes: 600 << 10,
        all_mirrors_bytes: 1300 << 10,
        ..Limits::default()
    };
    let repositories: Vec<_> = (0..4)
        .map(|n| Repository::init(&bed.served().join(format!("r{n}"))))
        .collect();
    for (n, repository) in repositories.iter().enumerate() {
        repository.commit_file("noise", noise(n as u32, 300 << 10));
    }
    let exists = |n: usize| {
        let all: Vec<_> = files_ending(&bed.mirrors(), ".pack");
        let size = |path: &PathBuf| path.metadata().map_or(0, |m| m.len());
        all.iter().filter(|path| size(path) > 100 << 10).count() == n
    };
    // Two processes before: each has its mirrors and is gone.
    for repository in &repositories[..2] {
        main_of(&bed.mirror_of(file_remote(repository), limits));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(exists(2));
    let mirrors = Mirrors::new(bed.mirrors(), limits);
    let third = mirrors.open(file_remote(&repositories[2])).unwrap();
    main_of(&third);
    assert!(exists(3), "there was room");
    let fourth = mirrors.open(file_remote(&repositories[3])).unwrap();
    main_of(&fourth);
    assert!(exists(3), "one had to go");
    let server_less = |repository: &Repository| {
        let hidden = repository.path.with_extension("hidden");
        std::fs::rename(&repository.path, &hidden).unwrap();
        let id = id(&crate::git_server::Repository::head_of(&hidden));
        let found = resolve(&bed.mirror_of(file_remote(repository), limits), Reference::Commit(id)).is_ok();
        std::fs::rename(&hidden, &repository.path).unwrap();
        found
    };
    assert!(!server_less(&repositories[0]), "the longest unused");
    assert!(server_less(&repositories[1]));
    for repository in &repositories[2..] {
        repository.commit_file("noise", noise(77, 500 << 10));
    }
    main_of(&third);
    let error = resolve(&fourth, main()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Quota {
                of: "all mirrors together",
                ..
            }
        ),
        "{}",
        chain(&error)
    );
    assert!(
        !server_less(&repositories[1]),
        "unused ones go before anything is refused"
    );
}

#[test]
fn a_full_disk_leaves_the_last_good_mirror() {
    let bed = Bed::new();
    main_of(&bed.mirror());
    bed.repository.commit_file("noise", noise(1, 1 << 20));
    // What a full disk does, without one: no file of the child grows above 100 blocks.
    let child = Command::new("/bin/sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 100; exec \"$0\" --exact source::packs::child_that_fetches --nocapture")
        .arg(std::env::current_exe().unwrap())
        .envs([
            (CHILD_URL, bed.repository.url().into()),
            (CHILD_DIR, bed.mirrors().into_os_string()),
        ])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(said.contains("the disk is full at") && said.contains("gen-1"), "{said}");
    let first = bed.repository.git(["rev-parse", "HEAD~1"]);
    let mirror = bed.mirror();
    assert_eq!(
        text(&resolve(&mirror, Reference::Commit(id(&first))).unwrap(), "a"),
        "one\n"
    );
    assert_eq!(
        main_of(&mirror).tree("").file("noise").unwrap().len(),
        1 << 20,
        "and goes on where there is space"
    );
}
