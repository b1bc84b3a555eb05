//! A repository over HTTP on the loopback, by git's own CGI program: Flux reads no `file://`.

use std::{
    io::{self, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use windlass_tests::git_http::{Answer, backend, read_request, respond};

/// Serves until it is dropped.
pub(super) struct GitServer {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

impl GitServer {
    /// Of the repositories in a folder.
    pub(super) fn start(root: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let ended = Arc::new(AtomicBool::new(false));
        let (root, over) = (root.to_owned(), Arc::clone(&ended));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let root = root.clone();
                // A client that goes away in the middle tries again, or says so itself.
                thread::spawn(move || converse(&stream, &root).ok());
            }
        });
        Self { address, ended }
    }

    pub(super) fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.address)
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts; if that fails, it has ended.
        let _ = TcpStream::connect(self.address);
    }
}

fn converse(mut stream: &TcpStream, root: &Path) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let Answer { status, headers, body } = backend(git(), root, &request)?;
        respond(&mut stream, &status, &headers, &body)?;
    }
    Ok(())
}

/// Sees nobody's configuration.
fn git() -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::git;

    #[test]
    fn git_clones_from_it() {
        let work = tempfile::tempdir().expect("a folder");
        let repo = work.path().join("repo");
        std::fs::create_dir(&repo).expect("a folder");
        git(&repo, &["init", "--quiet", "--initial-branch", "main"]);
        std::fs::write(repo.join("a.yaml"), "a: 1\n").expect("a file");
        git(&repo, &["add", "--all"]);
        git(&repo, &["commit", "--quiet", "--message", "all"]);
        let server = GitServer::start(work.path());
        git(
            work.path(),
            &["clone", "--quiet", "--depth", "1", &server.url("repo/.git"), "clone"],
        );
        let text = std::fs::read_to_string(work.path().join("clone/a.yaml")).expect("a file");
        assert_eq!(text, "a: 1\n");
    }
}
