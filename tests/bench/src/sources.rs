//! A mirror beside the `git` command.

use std::{fs, path::Path, process::Command};

use windlass_source::{
    Cancel, Limits, Reference,
    git::{Auth, Mirrors, Remote, Tls},
};

use crate::figure::{Effort, Figure, Unit, in_turns};

/// Files of the repository: a middling monorepo of manifests.
const FILES: usize = 3_000;

pub(crate) fn measure(effort: Effort) -> Vec<Figure> {
    let files = effort.of(FILES, 30);
    let work = tempfile::tempdir().expect("a folder");
    let repo = work.path().join("repo");
    make(&repo, files);
    let url = format!("file://{}", repo.display());
    let branch = Reference::Branch("main".to_owned());
    let resolve = |state: &Path| {
        let remote = Remote::new(&url, Auth::None, Tls::default()).expect("a remote");
        Mirrors::new(state, Limits::default())
            .open(remote)
            .expect("a mirror")
            .resolve(&branch, &Cancel::new())
            .expect("a revision");
    };
    let state = work.path().join("state");
    resolve(&state);
    // A first fetch needs a folder of its own each time.
    let mut fetches = 0..;
    let first = || resolve(&work.path().join(format!("state-{}", fetches.next().unwrap_or(0))));
    let mut clones = 0..;
    let clone = || {
        let to = work.path().join(format!("clone-{}", clones.next().unwrap_or(0)));
        git(
            &repo,
            &[
                "clone",
                "--quiet",
                "--bare",
                "--depth",
                "1",
                &url,
                &to.to_string_lossy(),
            ],
        );
    };
    let list = || git(&repo, &["ls-remote", "--quiet", &url, "refs/heads/main"]);
    let (first, cloned) = in_turns(effort, 1, first, Some(clone));
    let (poll, listed) = in_turns(effort, 3, || resolve(&state), Some(list));
    vec![
        Figure::new(
            format!("first fetch, {files} files, file://"),
            first,
            Unit::Milliseconds,
        )
        .beside("`git clone --bare --depth 1`", cloned),
        Figure::new("poll without news, file://", poll, Unit::Milliseconds).beside("`git ls-remote`", listed),
    ]
}

/// A repository with one commit on `main`.
fn make(repo: &Path, files: usize) {
    for index in 0..files {
        let path = repo.join(format!("apps/a{}/c{index}.yaml", index / 10));
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(
            path,
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{index}}}\n"),
        )
        .expect("a file");
    }
    git(repo, &["init", "--quiet", "--initial-branch", "main"]);
    git(repo, &["add", "--all"]);
    git(repo, &["commit", "--quiet", "--message", "all"]);
}

pub(crate) fn git(dir: &Path, args: &[&str]) {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .args(args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{who}_NAME"), "Ada")
            .env(format!("GIT_{who}_EMAIL"), "ada@example.test");
        command.env(format!("GIT_{who}_DATE"), "2026-01-01T00:00:00Z");
    }
    command.stdout(std::process::Stdio::null());
    assert!(command.status().expect("git runs").success(), "git {args:?}");
}
