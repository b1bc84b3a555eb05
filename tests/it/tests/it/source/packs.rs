//! Many fetches, several processes, and processes that die.

use std::{
    fs,
    process::{Command, Stdio},
    thread,
};

use super::*;
use crate::git_server::{FETCH, Fault};

/// Set for the child of [`a_killed_fetch_leaves_a_usable_mirror`]: the URL, and the folder for mirrors.
pub(super) const CHILD_URL: &str = "WINDLASS_TEST_FETCH_URL";
pub(super) const CHILD_DIR: &str = "WINDLASS_TEST_FETCH_DIR";

/// Makes commits on top of `main` in one go, each with its number in the file `a`; `main` stays where it is.
fn line_of_commits(bed: &Bed, count: usize) -> Vec<String> {
    let mut script = String::new();
    for n in 0..count {
        let from = if n == 0 {
            "refs/heads/main^0".to_owned()
        } else {
            format!(":{n}")
        };
        let text = format!("{n}\n");
        script += &format!(
            "commit refs/heads/line\nmark :{}\ncommitter A <a@example.org> {} +0000\n",
            n + 1,
            1_700_001_000 + n
        );
        script += &format!(
            "data 1\nx\nfrom {from}\nM 100644 inline a\ndata {}\n{text}\n",
            text.len()
        );
    }
    let path = bed.dir.path().join("commits");
    fs::write(&path, script).unwrap();
    let input = fs::File::open(path).unwrap();
    let mut import = crate::git_server::git_command(&bed.repository.path);
    assert!(
        import
            .args(["fast-import", "--quiet"])
            .stdin(input)
            .status()
            .unwrap()
            .success()
    );
    let listed = bed.repository.git(["rev-list", "--reverse", "main..line"]);
    listed.lines().map(str::to_owned).collect()
}

#[test]
fn packs_do_not_pile_up() {
    let bed = Bed::new();
    let mirror = bed.mirror();
    let first = main_of(&mirror);
    let (mut most, until) = (0, 140);
    let commits = line_of_commits(&bed, until + 66);
    let fetch = |n: usize| {
        bed.repository.git(["update-ref", "refs/heads/main", &commits[n]]);
        assert_eq!(text(&main_of(&mirror), "a"), format!("{n}\n"));
        files_ending(&bed.mirror_dir(), ".pack").len()
    };
    for n in 0..until {
        most = most.max(fetch(n));
    }
    assert!(most <= 2 * 64 + 1, "{most} packs at once");
    assert_eq!(text(&first, "a"), "one\n", "a reader of the first generation keeps it");
    let generations = || {
        fs::read_dir(bed.mirror_dir())
            .unwrap()
            .flatten()
            .filter(|e| e.path().join("HEAD").exists())
            .count()
    };
    assert_eq!(generations(), 2, "that one and the one in use");
    drop(first);
    let left = (until..commits.len()).map(fetch).last();
    assert!(left.is_some_and(|packs| packs <= 64), "{left:?}");
    assert_eq!(generations(), 1, "nobody reads the old ones");
}

#[test]
fn several_processes_share_a_mirror() {
    let bed = Bed::new();
    let server = bed.serve();
    thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                let (bed, server) = (&bed, &server);
                // A handle each, as a process would have: locks of files are per open file.
                scope.spawn(move || {
                    let mirror = bed.mirror_of(remote(server, Auth::None), Limits::default());
                    for _ in 0..25 {
                        let revision = main_of(&mirror);
                        assert!(text(&revision, "a").ends_with('\n'));
                    }
                })
            })
            .collect();
        for n in 0..40 {
            bed.repository.commit_file("a", format!("{n}\n"));
        }
        for reader in readers {
            reader.join().unwrap();
        }
    });
    assert_eq!(
        text(
            &main_of(&bed.mirror_of(remote(&server, Auth::None), Limits::default())),
            "a"
        ),
        "39\n"
    );
}

#[test]
fn the_same_commit_is_fetched_once() {
    let bed = Bed::new();
    let server = bed.serve();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| main_of(&bed.mirror_of(remote(&server, Auth::None), Limits::default())));
        }
    });
    let fetches = server.take_log().iter().filter(|l| l.ends_with("fetch")).count();
    assert_eq!(fetches, 1);
}

/// Not a test by itself: what the killed child of the next one does.
#[test]
fn child_that_fetches() {
    let (Ok(url), Some(dir)) = (std::env::var(CHILD_URL), std::env::var_os(CHILD_DIR)) else {
        return;
    };
    let remote = Remote::new(&url, Auth::None, Tls::default()).unwrap();
    let mirror = Mirrors::new(dir, Limits::default()).open(remote).unwrap();
    if let Err(error) = resolve(&mirror, main()) {
        // Read by `quotas`.
        print_line(&chain(&error));
    }
}

#[expect(clippy::print_stdout, reason = "to the test that started this one")]
fn print_line(text: &str) {
    println!("{text}");
}

#[test]
fn two_processes_fetch_a_commit_once() {
    let bed = Bed::new();
    let server = bed.serve();
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "source::packs::child_that_fetches"])
            .envs([
                (CHILD_URL, server.url("repo").into()),
                (CHILD_DIR, bed.mirrors().into_os_string()),
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    for child in [start(), start(), start()] {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    let fetches = server.take_log().iter().filter(|l| l.ends_with("fetch")).count();
    assert_eq!(fetches, 1);
}

#[test]
fn a_killed_fetch_leaves_a_usable_mirror() {
    let bed = Bed::new();
    let server = bed.serve();
    let ours = bed.mirror_of(remote(&server, Auth::None), Limits::default());
    main_of(&ours);
    let noise: Vec<u8> = (0..400_000_u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    bed.repository.commit_file("noise", noise);
    server.set_faults(vec![(FETCH, Fault::StallAfter(200_000))]);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "source::packs::child_that_fetches"])
        .envs([
            (CHILD_URL, server.url("repo").into()),
            (CHILD_DIR, bed.mirrors().into_os_string()),
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let fetching = || server.take_log().iter().any(|l| l.ends_with("fetch"));
    assert!(
        (0..200).any(|_| fetching() || {
            thread::sleep(Duration::from_millis(25));
            false
        }),
        "the child never fetched"
    );
    thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    server.set_faults(Vec::new());
    let revision = main_of(&ours);
    assert_eq!(revision.tree("").file("noise").unwrap().len(), 1_600_000);
    let left: Vec<_> = files_ending(&bed.mirror_dir().join("gen-1"), "")
        .into_iter()
        .filter(|p| p.extension().is_none_or(|x| x != "pack" && x != "idx") && p.to_string_lossy().contains("/pack/"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_damaged_mirror_is_fetched_afresh() {
    let bed = Bed::new();
    let mirror = bed.mirror();
    main_of(&mirror);
    drop(mirror);
    let pack = &files_ending(&bed.mirror_dir(), ".pack")[0];
    let mut bytes = fs::read(pack).unwrap();
    let len = bytes.len();
    bytes[20..len - 20].fill(0x55);
    fs::remove_file(pack).unwrap();
    fs::write(pack, bytes).unwrap();
    let mirror = bed.mirror();
    let read = || resolve(&mirror, main()).map(|revision| revision.tree("").file("a").map(|b| b.to_vec()));
    let first = read();
    assert!(!matches!(first, Ok(Ok(_))), "the damage is noticed");
    assert!(matches!(read(), Ok(Ok(bytes)) if bytes == b"one\n"), "and mended");
}

#[test]
fn a_mirror_that_lost_its_files_is_made_again() {
    let bed = Bed::new();
    main_of(&bed.mirror());
    fs::remove_dir_all(bed.mirror_dir().join("gen-1")).unwrap();
    assert_eq!(text(&main_of(&bed.mirror()), "a"), "one\n");
    fs::write(bed.mirror_dir().join("current"), "../../etc").unwrap();
    assert_eq!(text(&main_of(&bed.mirror()), "a"), "one\n");
}
