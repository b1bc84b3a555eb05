//! What references lead to.

use windlass_source::Moved;

use super::*;

#[test]
fn branches_tags_commits_and_head() {
    let bed = Bed::new();
    let first = bed.repository.git(["rev-parse", "HEAD"]);
    bed.repository.git(["tag", "light"]);
    bed.repository.git(["tag", "-a", "annotated", "-m", "a tag"]);
    bed.repository
        .git(["tag", "-a", "twice", "-m", "a tag of a tag", "annotated"]);
    let second = bed.repository.commit_file("a", "two\n");
    let mirror = bed.mirror();
    for (reference, commit, name) in [
        (Reference::Head, &second, "refs/heads/main"),
        (main(), &second, "refs/heads/main"),
        (Reference::Tag("light".into()), &first, "refs/tags/light"),
        (Reference::Tag("annotated".into()), &first, "refs/tags/annotated"),
        (Reference::Tag("twice".into()), &first, "refs/tags/twice"),
        (Reference::Commit(id(&first)), &first, first.as_str()),
    ] {
        let revision = resolve(&mirror, reference.clone()).unwrap();
        assert_eq!(revision.commit, Some(id(commit)), "{reference}");
        assert_eq!(revision.reference, name);
        assert_eq!(text(&revision, "a"), if *commit == first { "one\n" } else { "two\n" });
    }
}

#[test]
fn a_revision_says_who_when_and_what() {
    let bed = Bed::new();
    let first = bed.repository.git(["rev-parse", "HEAD"]);
    let second = bed.repository.commit("subject line\n\nand a body");
    let revision = main_of(&bed.mirror());
    assert_eq!(revision.author, "Ada <ada@example.org>");
    assert_eq!(revision.subject, "subject line");
    assert_eq!(revision.time.seconds, 1_700_000_120);
    assert_eq!(revision.commit, Some(id(&second)));
    assert_eq!(revision.parents, [id(&first)]);
    assert_eq!(
        revision.root.to_string(),
        bed.repository.git(["rev-parse", "HEAD^{tree}"])
    );
}

#[test]
fn history_is_not_fetched() {
    let bed = Bed::new();
    let first = bed.repository.git(["rev-parse", "HEAD"]);
    for n in 0..5 {
        bed.repository.commit_file("a", format!("{n}\n"));
    }
    let mirror = bed.mirror();
    main_of(&mirror);
    let shallow = files_ending(&bed.mirror_dir(), "/shallow");
    assert_eq!(shallow.len(), 1);
    let index = files_ending(&bed.mirror_dir(), ".idx");
    let index = std::fs::File::open(&index[0]).unwrap();
    let listed = crate::git_server::git_command(bed.dir.path())
        .arg("show-index")
        .stdin(index)
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 3, "a commit, its folder and its file");
    assert!(!listed.contains(&first));
}

#[test]
fn what_is_here_is_not_fetched_again() {
    let bed = Bed::new();
    let first = bed.repository.git(["rev-parse", "HEAD"]);
    let server = bed.serve();
    let mirror = bed.mirror_of(remote(&server, Auth::None), Limits::default());
    main_of(&mirror);
    let fetched = server.take_log();
    assert_eq!(
        fetched.iter().filter(|l| l.ends_with("fetch")).count(),
        1,
        "{fetched:?}"
    );
    main_of(&mirror);
    assert_eq!(
        server.take_log(),
        [
            "GET /repo/info/refs?service=git-upload-pack",
            "POST /repo/git-upload-pack ls-refs"
        ]
    );
    resolve(&mirror, Reference::Commit(id(&first))).unwrap();
    assert!(server.take_log().is_empty(), "a commit by id does not change");
    main_of(&bed.mirror_of(remote(&server, Auth::None), Limits::default()));
    assert!(
        !server.take_log().iter().any(|l| l.ends_with("fetch")),
        "another handle finds it too"
    );
}

#[test]
fn a_poll_lists_only_what_is_asked_for() {
    let bed = Bed::new();
    let packed: String = (0..5000)
        .map(|n| format!("create refs/heads/many/{n} HEAD\n"))
        .collect();
    std::fs::write(bed.repository.path.join("refs"), packed).unwrap();
    let script = format!(
        "git update-ref --stdin < {}",
        bed.repository.path.join("refs").display()
    );
    bed.repository.git(["-c", &format!("alias.many=!{script}"), "many"]);
    let server = bed.serve();
    // 5,000 references are 300 kB: far above this limit.
    let limits = Limits {
        bytes: 20_000,
        ..Limits::default()
    };
    let mirror = bed.mirror_of(remote(&server, Auth::None), limits);
    let revision = main_of(&mirror);
    let other = resolve(&mirror, Reference::Commit(revision.commit.unwrap()));
    assert!(other.is_ok());
    bed.repository.git(["checkout", "-q", "-b", "other"]);
    let commit = bed.repository.commit_file("b", "b");
    assert!(resolve(&mirror, Reference::Commit(id(&commit))).is_ok());
}

#[test]
fn a_missing_reference_names_those_that_exist() {
    let bed = Bed::new();
    bed.repository.git(["branch", "stable"]);
    bed.repository.git(["tag", "v1"]);
    let mirror = bed.mirror();
    let error = resolve(&mirror, Reference::Branch("maim".into())).unwrap_err();
    let said = error.to_string();
    assert!(
        said.contains("no branch maim; it has refs/heads/main, refs/heads/stable, refs/tags/v1"),
        "{said}"
    );
    assert!(!error.retryable());
    let said = resolve(&mirror, Reference::Tag("v2".into())).unwrap_err().to_string();
    assert!(said.contains("no tag v2; it has refs/tags/v1"), "{said}");
    assert!(
        resolve(&mirror, Reference::Branch("mai".into())).is_err(),
        "a prefix is not a match"
    );
}

#[test]
fn an_empty_repository_says_so() {
    let bed = Bed::new();
    let empty = Repository::init(&bed.served().join("empty"));
    let remote = Remote::new(&empty.url(), Auth::None, Tls::default()).unwrap();
    let mirror = bed.mirror_of(remote, Limits::default());
    for reference in [Reference::Head, main()] {
        let error = resolve(&mirror, reference).unwrap_err();
        assert!(matches!(error, Error::Empty { .. }), "{}", chain(&error));
    }
    empty.commit("first");
    assert!(
        resolve(&mirror, Reference::Head).is_ok(),
        "and can be used once it is not"
    );
}

#[test]
fn a_commit_that_is_not_there_is_told() {
    let bed = Bed::new();
    let server = bed.serve();
    let absent = Reference::Commit(id("0123456789012345678901234567890123456789"));
    for mirror in [
        bed.mirror(),
        bed.mirror_of(remote(&server, Auth::None), Limits::default()),
    ] {
        let error = resolve(&mirror, absent.clone()).unwrap_err();
        assert!(matches!(error, Error::CommitMissing { .. }), "{}", chain(&error));
        assert!(resolve(&mirror, main()).is_ok());
    }
}

#[test]
fn a_tag_of_no_commit_is_told() {
    let bed = Bed::new();
    bed.repository.git(["tag", "folder", "HEAD^{tree}"]);
    let error = resolve(&bed.mirror(), Reference::Tag("folder".into())).unwrap_err();
    assert!(
        matches!(&error, Error::NotACommit { kind, .. } if kind == "tree"),
        "{}",
        chain(&error)
    );
}

#[test]
fn moves_are_told() {
    let bed = Bed::new();
    let first = bed.repository.git(["rev-parse", "HEAD"]);
    let mirror = bed.mirror();
    assert_eq!(main_of(&mirror).moved, None, "nothing was known before");
    let second = bed.repository.commit_file("a", "two\n");
    assert_eq!(
        main_of(&mirror).moved,
        Some(Moved {
            from: id(&first),
            descends: Some(true)
        })
    );
    assert_eq!(main_of(&mirror).moved, None);
    bed.repository.commit_file("a", "three\n");
    let fourth = bed.repository.commit_file("a", "four\n");
    assert_eq!(
        main_of(&mirror).moved,
        Some(Moved {
            from: id(&second),
            descends: Some(true)
        })
    );
    // Somebody pushes with force, back to what is here already.
    bed.repository.git(["reset", "-q", "--hard", &first]);
    assert_eq!(
        main_of(&mirror).moved,
        Some(Moved {
            from: id(&fourth),
            descends: Some(false)
        })
    );
}

#[test]
fn a_branch_may_become_a_folder_of_branches() {
    let bed = Bed::new();
    let mirror = bed.mirror();
    bed.repository.git(["checkout", "-q", "-b", "a"]);
    bed.repository.commit_file("a", "on a\n");
    assert_eq!(
        text(&resolve(&mirror, Reference::Branch("a".into())).unwrap(), "a"),
        "on a\n"
    );
    bed.repository.git(["checkout", "-q", "-b", "tmp"]);
    bed.repository.git(["branch", "-q", "-D", "a"]);
    bed.repository.git(["checkout", "-q", "-b", "a/b"]);
    bed.repository.commit_file("a", "on a/b\n");
    assert_eq!(
        text(&resolve(&mirror, Reference::Branch("a/b".into())).unwrap(), "a"),
        "on a/b\n"
    );
    assert!(matches!(
        resolve(&mirror, Reference::Branch("a".into())),
        Err(Error::ReferenceMissing { .. })
    ));
}

#[test]
fn no_repository_is_told() {
    let bed = Bed::new();
    let server = bed.serve();
    std::fs::create_dir_all(bed.served().join("no")).unwrap();
    for url in [
        server.url("nothing"),
        format!("file://{}/none", bed.served().display()),
        format!("file://{}/no", bed.served().display()),
    ] {
        let remote = Remote::new(&url, Auth::None, Tls::default()).unwrap();
        let error = resolve(&bed.mirror_of(remote, Limits::default()), main()).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{}", chain(&error));
    }
}
