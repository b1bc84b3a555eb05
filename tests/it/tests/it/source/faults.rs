//! Servers that stall, trickle, truncate and lie, and callers that lose patience.

use std::thread;

use super::*;
use crate::git_server::{FETCH, Fault, HANDSHAKE, LS_REFS};

/// A repository whose pack does not fit a few buffers, served over TLS.
fn large() -> (Bed, GitServer) {
    let bed = Bed::new();
    bed.repository.commit_file("noise", noise(2 << 20));
    let server = bed.serve_tls(None);
    (bed, server)
}

/// Bytes that don't compress.
fn noise(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u8
    };
    (0..size).map(|_| next()).collect()
}

/// After a failure: nothing half is left, and the next resolve works.
fn assert_recovers(bed: &Bed, server: &GitServer) {
    server.set_faults(Vec::new());
    let revision = main_of(&bed.mirror_of(remote(server, Auth::None), Limits::default()));
    assert_eq!(revision.tree("").file("noise").unwrap().len(), 2 << 20);
    let odd = |path: &PathBuf| path.extension().is_none_or(|x| x != "pack" && x != "idx");
    let left: Vec<_> = files_ending(&bed.mirror_dir().join("gen-1/objects"), "")
        .into_iter()
        .filter(odd)
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn silence_ends_a_fetch_wherever_it_begins() {
    let (bed, server) = large();
    for (part, fault) in [
        (HANDSHAKE, Fault::StallBeforeHeaders),
        (HANDSHAKE, Fault::StallAfter(20)),
        (LS_REFS, Fault::StallBeforeHeaders),
        (LS_REFS, Fault::StallAfter(10)),
        (FETCH, Fault::StallBeforeHeaders),
        (FETCH, Fault::StallAfter(20)),
        (FETCH, Fault::StallAfter(1 << 20)),
    ] {
        server.set_faults(vec![(part, fault.clone())]);
        let mirror = bed.mirror_of(remote(&server, Auth::None), short());
        let (result, took) = timed(|| resolve(&mirror, main()));
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Timeout { after, .. } if after == short().idle),
            "{fault:?}: {}",
            chain(&error)
        );
        assert!(error.retryable());
        assert!(took < Duration::from_secs(3), "{fault:?} took {took:?}");
    }
    assert_recovers(&bed, &server);
}

#[test]
fn a_trickle_ends_at_the_deadline() {
    let (bed, server) = large();
    let pause = Duration::from_millis(20);
    let limits = Limits {
        poll: Duration::from_millis(700),
        fetch: Duration::from_millis(1500),
        ..Limits::default()
    };
    for (part, skip, budget) in [
        (HANDSHAKE, 10, limits.poll),
        (LS_REFS, 10, limits.poll),
        (FETCH, 5000, limits.fetch),
    ] {
        server.set_faults(vec![(part, Fault::TrickleAfter(skip, pause))]);
        let mirror = bed.mirror_of(remote(&server, Auth::None), limits);
        let (result, took) = timed(|| resolve(&mirror, main()));
        let error = result.unwrap_err();
        assert!(
            matches!(error, Error::Timeout { after, .. } if after == budget),
            "{part}: {}",
            chain(&error)
        );
        assert!(took < budget + Duration::from_millis(1500), "{part} took {took:?}");
    }
    assert_recovers(&bed, &server);
}

#[test]
fn a_transfer_that_breaks_off_is_told() {
    let (bed, server) = large();
    for (part, after) in [(HANDSHAKE, 20), (LS_REFS, 10), (FETCH, 20), (FETCH, 1 << 20)] {
        server.set_faults(vec![(part, Fault::TruncateAfter(after))]);
        let error = resolve(&bed.mirror_of(remote(&server, Auth::None), Limits::default()), main()).unwrap_err();
        assert!(
            matches!(error, Error::Broken { .. }),
            "{part} {after}: {}",
            chain(&error)
        );
        assert!(error.retryable());
    }
    assert_recovers(&bed, &server);
}

#[test]
fn a_damaged_pack_is_refused() {
    let (bed, server) = large();
    for back in [100, 1 << 20] {
        server.set_faults(vec![(FETCH, Fault::FlipFromEnd(back))]);
        let error = resolve(&bed.mirror_of(remote(&server, Auth::None), Limits::default()), main()).unwrap_err();
        assert!(
            matches!(error, Error::Broken { .. } | Error::Protocol { .. }),
            "{back}: {}",
            chain(&error)
        );
    }
    assert_recovers(&bed, &server);
}

#[test]
fn what_is_no_git_server_is_told() {
    let (bed, server) = large();
    for part in [HANDSHAKE, LS_REFS, FETCH] {
        server.set_faults(vec![(part, Fault::Html)]);
        let error = resolve(&bed.mirror_of(remote(&server, Auth::None), Limits::default()), main()).unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{part}: {}", chain(&error));
    }
    assert_recovers(&bed, &server);
}

#[test]
fn a_pack_above_the_limit_is_refused() {
    let (bed, server) = large();
    let limits = Limits {
        bytes: 1 << 20,
        ..Limits::default()
    };
    let over_file = Remote::new(&bed.repository.url(), Auth::None, Tls::default()).unwrap();
    for remote in [remote(&server, Auth::None), over_file] {
        let error = resolve(&bed.mirror_of(remote, limits), main()).unwrap_err();
        assert!(
            matches!(error, Error::TooLarge { limit, .. } if limit == 1 << 20),
            "{}",
            chain(&error)
        );
        assert!(!error.retryable());
    }
}

#[test]
fn an_object_above_the_limit_is_refused() {
    let bed = Bed::new();
    bed.repository.commit_file("zeros", vec![0; 8 << 20]);
    let remote = Remote::new(&bed.repository.url(), Auth::None, Tls::default()).unwrap();
    let limits = Limits {
        object_bytes: 1 << 20,
        ..Limits::default()
    };
    let result = resolve(&bed.mirror_of(remote, limits), main());
    // gix refuses while it unpacks; should it not, reading does.
    match result {
        Err(error) => assert!(
            matches!(error, Error::Protocol { .. } | Error::TooLarge { .. }),
            "{}",
            chain(&error)
        ),
        Ok(revision) => assert!(chain(&revision.tree("").file("zeros").unwrap_err()).contains("the limit is 1048576")),
    }
}

#[test]
fn cancel_works_at_any_time() {
    let (bed, server) = large();
    for (part, fault) in [
        (HANDSHAKE, Fault::StallBeforeHeaders),
        (LS_REFS, Fault::StallAfter(10)),
        (FETCH, Fault::StallAfter(1 << 20)),
        (FETCH, Fault::TrickleAfter(1 << 20, Duration::from_millis(5))),
    ] {
        server.set_faults(vec![(part, fault)]);
        let mirror = bed.mirror_of(remote(&server, Auth::None), Limits::default());
        let cancel = Cancel::new();
        let canceller = cancel.clone();
        let patience = thread::spawn(move || {
            thread::sleep(Duration::from_millis(400));
            canceller.cancel();
        });
        let (result, took) = timed(|| mirror.resolve(&main(), &cancel));
        assert!(matches!(result, Err(Error::Cancelled { .. })), "{part}");
        assert!(took < Duration::from_millis(1500), "{part} took {took:?}");
        patience.join().unwrap();
    }
    assert_recovers(&bed, &server);
}

#[test]
fn what_was_cancelled_before_does_nothing() {
    let (bed, server) = large();
    let cancel = Cancel::new();
    cancel.cancel();
    let mirror = bed.mirror_of(remote(&server, Auth::None), Limits::default());
    assert!(matches!(mirror.resolve(&main(), &cancel), Err(Error::Cancelled { .. })));
    assert!(server.take_log().is_empty());
}

#[test]
fn nobody_there_is_told() {
    let bed = Bed::new();
    let url = bed.serve().url("repo");
    thread::sleep(Duration::from_millis(50));
    let remote = Remote::new(&url, Auth::None, Tls::default()).unwrap();
    let error = resolve(&bed.mirror_of(remote, Limits::default()), main()).unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{}", chain(&error));
    assert!(error.retryable());
}

#[test]
fn a_stuck_fetch_holds_up_nobody_who_does_not_need_it() {
    let (bed, server) = large();
    let first = main_of(&bed.mirror_of(remote(&server, Auth::None), Limits::default()));
    bed.repository.commit_file("a", "two\n");
    server.set_faults(vec![(FETCH, Fault::StallAfter(100))]);
    let stuck = bed.mirror_of(
        remote(&server, Auth::None),
        Limits {
            idle: Duration::from_secs(3),
            ..Limits::default()
        },
    );
    let fetching = thread::spawn(move || resolve(&stuck, main()).is_err());
    thread::sleep(Duration::from_millis(300));
    let other = bed.mirror_of(remote(&server, Auth::None), Limits::default());
    let (revision, took) = timed(|| resolve(&other, Reference::Commit(first.commit.unwrap())));
    assert!(revision.is_ok() && took < Duration::from_millis(500), "{took:?}");
    let impatient = bed.mirror_of(
        remote(&server, Auth::None),
        Limits {
            fetch: Duration::from_millis(500),
            ..Limits::default()
        },
    );
    let error = resolve(&impatient, main()).unwrap_err();
    assert!(
        matches!(error, Error::Timeout { budget: "fetching", .. }),
        "waits for the lock in its budget: {}",
        chain(&error)
    );
    assert!(fetching.join().unwrap());
    server.set_faults(Vec::new());
    assert_eq!(text(&main_of(&other), "a"), "two\n");
}

#[test]
fn a_server_that_asks_to_be_left_alone_says_for_how_long() {
    let (bed, server) = large();
    let date = "Fri, 27 Nov 2099 10:00:00 GMT";
    for part in [HANDSHAKE, LS_REFS, FETCH] {
        for (code, says, expected) in [
            (429, Some("7"), Some(7)),
            (503, Some("60"), Some(60)),
            (403, Some("60"), Some(60)),
            (429, None, None),
        ] {
            let fault = says.map_or(Fault::Status(code), |says| Fault::RetryAfter(code, says.to_owned()));
            server.set_faults(vec![(part, fault)]);
            let error = resolve(&bed.mirror_of(remote(&server, Auth::None), Limits::default()), main()).unwrap_err();
            assert!(error.retryable(), "{error}");
            assert!(
                matches!(error, Error::Throttled { status, wait, .. }
                    if status == code && wait == expected.map(Duration::from_secs)),
                "{part} {code}: {}",
                chain(&error)
            );
        }
        server.set_faults(vec![(part, Fault::RetryAfter(429, date.to_owned()))]);
        let error = resolve(&bed.mirror_of(remote(&server, Auth::None), Limits::default()), main()).unwrap_err();
        let years = Duration::from_secs(365 * 24 * 3600);
        assert!(
            matches!(error, Error::Throttled { wait: Some(wait), .. } if wait > years),
            "{}",
            chain(&error)
        );
    }
    // Without the header these mean what they always mean.
    for (code, is_trouble) in [(503, true), (403, false)] {
        server.set_faults(vec![(HANDSHAKE, Fault::Status(code))]);
        let error = resolve(&bed.mirror_of(remote(&server, Auth::None), Limits::default()), main()).unwrap_err();
        assert!(
            matches!(error, Error::Refused { .. } | Error::Forbidden { .. }) && error.retryable() == is_trouble,
            "{}",
            chain(&error)
        );
    }
    assert_recovers(&bed, &server);
}

#[test]
fn many_references_are_one_question_and_what_is_here_is_none() {
    let bed = Bed::new();
    let server = bed.serve();
    let mirror = bed.mirror_of(remote(&server, Auth::None), Limits::default());
    for (tag, name) in [("v1.2.0", "one"), ("v1.4.0", "two")] {
        bed.repository.commit_file("a", name);
        bed.repository.git(["branch", name]);
        bed.repository.git(["tag", "-a", tag, "-m", name]);
    }
    bed.repository.git(["tag", "v1.9.0"]);
    let branch = |name: &str| Reference::Branch(name.to_owned());
    let range = Reference::Version(windlass_core::version::Range::new("1").unwrap());
    let missing = branch("three");
    let asked = [
        branch("one"),
        branch("two"),
        range.clone(),
        Reference::Head,
        missing.clone(),
    ];
    // One that can't be is nobody else's failure.
    let all = [asked.as_slice(), &[branch("a b")]].concat();
    let cancel = Cancel::new();
    let recall = |reference: &Reference, listing: &windlass_source::Listing| {
        mirror.recall(reference, listing, windlass_source::OnForcedPush::Follow, &cancel)
    };
    let listing = mirror.list(&all, &cancel).unwrap();
    assert_eq!(
        server
            .take_log()
            .iter()
            .filter(|line| line.contains(LS_REFS_LINE))
            .count(),
        1
    );
    for reference in &asked {
        assert!(
            recall(reference, &listing).unwrap().is_none(),
            "nothing is here yet: {reference}"
        );
    }
    for reference in &asked[..4] {
        resolve(&mirror, reference.clone()).unwrap();
    }
    server.take_log();
    for (reference, content, name) in [
        (&asked[0], "one", "refs/heads/one"),
        (&asked[1], "two", "refs/heads/two"),
        (&range, "two", "refs/tags/v1.9.0"),
        (&Reference::Head, "two", "refs/heads/main"),
    ] {
        let revision = recall(reference, &listing).unwrap().unwrap();
        assert_eq!(
            (text(&revision, "a").as_str(), revision.reference.as_str()),
            (content, name)
        );
        let id = Reference::Commit(revision.commit.unwrap());
        assert!(
            recall(&id, &windlass_source::Listing::default()).unwrap().is_some(),
            "a commit needs no listing"
        );
    }
    assert!(recall(&missing, &listing).unwrap().is_none(), "who asks finds out why");
    assert!(
        recall(&branch("other"), &listing).unwrap().is_none(),
        "it was not asked for"
    );
    let none = Reference::Version(windlass_core::version::Range::new("7").unwrap());
    assert!(matches!(recall(&none, &listing), Err(Error::NoVersion { .. })));
    assert_eq!(server.take_log(), Vec::<String>::new());
    // What moved is asked about again: whether it was forced is the server's to tell.
    bed.repository.commit_file("a", "newer");
    bed.repository.git(["branch", "-f", "one"]);
    let listing = mirror.list(&asked, &cancel).unwrap();
    assert!(recall(&asked[0], &listing).unwrap().is_none());
    assert!(recall(&asked[1], &listing).unwrap().is_some());
}

/// How the question for references stands in a server's log.
const LS_REFS_LINE: &str = "ls-refs";
