//! `file://` repositories, through `git upload-pack` in a child process.

use std::sync::Arc;

use gix::bstr::ByteSlice as _;

use super::{
    child::{self, Child, Ended},
    remote::Remote,
};
use crate::{budget::Budget, error::Error};

/// Starts git. It gets no configuration but the repository's own.
pub(super) fn connect(remote: &Remote, budget: &Arc<Budget>) -> Result<Child, Error> {
    let url = || remote.url().to_owned();
    let path = remote.parsed().path.clone();
    let folder = path.to_path().map_err(|_| Error::Url {
        url: url(),
        reason: "no path".to_owned(),
    })?;
    if !folder.exists() {
        return Err(Error::NotFound { url: url() });
    }
    let mut command = child::command("git");
    command
        .arg("upload-pack")
        .arg(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_NO_LAZY_FETCH", "1");
    Child::start(command, path.clone(), explain, budget).map_err(|source| Error::ProgramMissing {
        url: url(),
        program: "git",
        source,
    })
}

fn explain(url: String, ended: &Ended) -> Error {
    if ended.said.contains("does not appear to be a git repository") {
        return Error::NotFound { url };
    }
    let line = ended.said.lines().next().unwrap_or("git ended without a word");
    ended.as_git_tells(url, line)
}
