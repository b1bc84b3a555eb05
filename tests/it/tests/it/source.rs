//! `windlass-source` against real git: over `file://`, over HTTP and TLS, with servers that misbehave, and with processes that die.

mod contents;
mod faults;
mod figures;
mod https;
mod packs;
mod quotas;
mod references;
mod ssh;
mod versions;
mod ways;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use windlass_core::oid::Oid;
use windlass_source::{
    Cancel, Error, Limits, Reference, Revision,
    git::{Auth, ClientCertificate, Mirror, Mirrors, Remote, Tls},
};

use crate::git_server::{Authority, GitServer, Options, Repository};

/// A repository, and a place for mirrors.
struct Bed {
    dir: TempDir,
    repository: Repository,
}

impl Bed {
    /// With one commit that has the file `a`.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let repository = Repository::init(&dir.path().join("served/repo"));
        repository.commit_file("a", "one\n");
        Self { dir, repository }
    }

    fn served(&self) -> PathBuf {
        self.dir.path().join("served")
    }

    fn mirrors(&self) -> PathBuf {
        self.dir.path().join("state/mirrors")
    }

    /// A new handle, as another process would have it.
    fn mirror_of(&self, remote: Remote, limits: Limits) -> Arc<Mirror> {
        Mirrors::new(self.mirrors(), limits).open(remote).unwrap()
    }

    /// The repository over `file://`.
    fn mirror(&self) -> Arc<Mirror> {
        let remote = Remote::new(&self.repository.url(), Auth::None, Tls::default()).unwrap();
        self.mirror_of(remote, Limits::default())
    }

    /// A plain HTTP server.
    fn serve(&self) -> GitServer {
        GitServer::start(&self.served(), Options::default())
    }

    /// A TLS server that wants `authorization`.
    fn serve_tls(&self, authorization: Option<&'static str>) -> GitServer {
        let options = Options {
            authority: Some(Authority::new()),
            authorization,
            ..Options::default()
        };
        GitServer::start(&self.served(), options)
    }

    /// The folder of the only mirror.
    fn mirror_dir(&self) -> PathBuf {
        let mut dirs = std::fs::read_dir(self.mirrors()).unwrap();
        let dir = dirs.next().unwrap().unwrap().path();
        assert!(dirs.next().is_none(), "more than one mirror");
        dir
    }
}

fn remote(server: &GitServer, auth: Auth) -> Remote {
    Remote::new(
        &server.url("repo"),
        auth,
        Tls {
            ca_pem: server.ca_pem(),
            client: None,
        },
    )
    .unwrap()
}

fn resolve(mirror: &Mirror, reference: Reference) -> Result<Revision, Error> {
    mirror.resolve(&reference, &Cancel::new())
}

fn main_of(mirror: &Mirror) -> Revision {
    resolve(mirror, main()).unwrap()
}

fn main() -> Reference {
    Reference::Branch("main".to_owned())
}

fn text(revision: &Revision, path: &str) -> String {
    String::from_utf8(revision.tree("").file(path).unwrap().to_vec()).unwrap()
}

fn id(hex: &str) -> Oid {
    Oid::from_hex(hex).unwrap()
}

/// Limits that let a test end soon.
fn short() -> Limits {
    Limits {
        idle: Duration::from_millis(600),
        ..Limits::default()
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}

/// Files below a folder whose names end so.
fn files_ending(dir: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_ending(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |e| (*e).source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
