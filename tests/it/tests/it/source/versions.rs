//! Ranges of versions, tags that move, and pushes with force.

use windlass_core::version::Range;
use windlass_source::{Moved, OnForcedPush};

use super::*;

fn range(text: &str) -> Reference {
    Reference::Version(Range::new(text).unwrap())
}

#[test]
fn the_newest_tag_in_a_range() {
    let bed = Bed::new();
    let server = bed.serve();
    let mirror = bed.mirror_of(remote(&server, Auth::None), Limits::default());
    for tag in ["v1.1.0", "v1.2.0", "v2.0.0-rc.1", "latest"] {
        bed.repository.commit_file("a", format!("{tag}\n"));
        bed.repository.git(["tag", "-a", tag, "-m", tag]);
    }
    let of = |text: &str| {
        let revision = resolve(&mirror, range(text)).unwrap();
        (revision.reference.clone(), super::text(&revision, "a"), revision.moved)
    };
    assert_eq!(of(">=1.1 <2"), ("refs/tags/v1.2.0".into(), "v1.2.0\n".into(), None));
    bed.repository.commit_file("a", "v1.10.0\n");
    bed.repository.git(["tag", "v1.10.0"]);
    assert_eq!(
        of(">=1.1 <2"),
        ("refs/tags/v1.10.0".into(), "v1.10.0\n".into(), None),
        "newer, nothing moved"
    );
    let first = bed.repository.git(["rev-parse", "v1.10.0"]);
    bed.repository.commit_file("a", "moved\n");
    bed.repository.git(["tag", "-f", "v1.10.0"]);
    let (name, content, moved) = of(">=1.1 <2");
    assert_eq!((name.as_str(), content.as_str()), ("refs/tags/v1.10.0", "moved\n"));
    let moved = moved.unwrap();
    assert_eq!(
        (moved.from, moved.descends),
        (id(&first), None),
        "a tag that moves is an event, whereto does not matter"
    );
    let error = resolve(&mirror, range(">=3")).unwrap_err();
    assert!(
        error.to_string().contains("in `>=3`; it has v2.0.0-rc.1, v1.10.0"),
        "{error}"
    );
}

/// Resolves, pushes something, resolves again.
fn moved_by(bed: &Bed, mirror: &Mirror, push: impl FnOnce(&Repository)) -> Moved {
    main_of(mirror);
    push(&bed.repository);
    main_of(mirror).moved.unwrap()
}

#[test]
fn a_push_with_force_is_told_from_an_ordinary_one() {
    let bed = Bed::new();
    let server = bed.serve();
    let over_file = || bed.mirror();
    let over_http = || bed.mirror_of(remote(&server, Auth::None), Limits::default());
    let mirrors: [&dyn Fn() -> Arc<Mirror>; 2] = [&over_file, &over_http];
    for (filter, mirror) in [
        ("false", mirrors[0]),
        ("true", mirrors[0]),
        ("true", mirrors[1]),
        ("false", mirrors[1]),
    ] {
        bed.repository.git(["config", "uploadpack.allowFilter", filter]);
        let mirror = mirror();
        let ordinary = moved_by(&bed, &mirror, |repository| {
            for n in 0..3 {
                repository.commit_file("a", format!("{filter} {n}\n"));
            }
        });
        assert_eq!(ordinary.descends, Some(true));
        let merged = moved_by(&bed, &mirror, |repository| {
            repository.git(["checkout", "-q", "-b", "side", "HEAD~1"]);
            repository.commit_file("side", format!("{filter}\n"));
            repository.git(["checkout", "-q", "main"]);
            repository.git(["merge", "-q", "--no-ff", "-m", "merge", "side"]);
            repository.git(["branch", "-q", "-D", "side"]);
            repository.commit_file("b", format!("{filter}\n"));
        });
        assert_eq!(merged.descends, Some(true), "through a merge");
        // Amended within the same second, as a script does: parent, old and new are equally old.
        let amended = moved_by(&bed, &mirror, |repository| {
            repository.git(["commit", "-q", "--amend", "-m", "another"]);
        });
        assert_eq!(amended.descends, Some(false), "the old one is still on the server");
        let back = moved_by(&bed, &mirror, |repository| {
            repository.git(["reset", "-q", "--hard", "HEAD~2"]);
        });
        assert_eq!(back.descends, Some(false));
    }
}

#[test]
fn a_commit_that_the_server_forgot_was_pushed_away() {
    let bed = Bed::new();
    let mirror = bed.mirror();
    bed.repository.commit_file("a", "to be forgotten\n");
    let moved = moved_by(&bed, &mirror, |repository| {
        repository.git(["reset", "-q", "--hard", "HEAD~1"]);
        repository.commit_file("a", "x\n");
        repository.commit_file("a", "y\n");
        repository.git(["reflog", "expire", "--expire=now", "--all"]);
        repository.git(["gc", "-q", "--prune=now"]);
    });
    assert_eq!(moved.descends, Some(false));
    let partial: Vec<_> = files_ending(&bed.mirrors(), "")
        .into_iter()
        .filter(|p| p.to_string_lossy().contains(".partial"))
        .collect();
    assert!(partial.is_empty(), "{partial:?}");
}

#[test]
fn a_forced_push_is_held_until_it_is_followed() {
    let bed = Bed::new();
    let mirror = bed.mirror();
    bed.repository.commit_file("a", "two\n");
    let before = main_of(&mirror).commit.unwrap();
    bed.repository.git(["reset", "-q", "--hard", "HEAD~1"]);
    bed.repository.commit_file("a", "forced\n");
    let hold = || mirror.resolve_guarded(&main(), OnForcedPush::Hold, &Cancel::new());
    for _ in 0..2 {
        let error = hold().unwrap_err();
        assert!(
            matches!(error, Error::ForcedPush { from, certain: true, .. } if from == before),
            "{}",
            chain(&error)
        );
    }
    let followed = main_of(&mirror);
    assert_eq!(
        followed.moved.map(|m| (m.from, m.descends)),
        Some((before, Some(false)))
    );
    bed.repository.commit_file("a", "next\n");
    assert_eq!(text(&hold().unwrap(), "a"), "next\n", "an ordinary push goes on");
}
