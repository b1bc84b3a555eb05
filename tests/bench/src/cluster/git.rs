//! A repository over HTTP on the loopback, by git's own CGI program: Flux reads no `file://`.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Serves until it is dropped.
pub(super) struct GitServer {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
}

/// What a client asked for.
struct Request {
    method: String,
    target: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
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

fn converse(mut stream: &TcpStream, root: &PathBuf) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        stream.write_all(&answer(&request, root)?)?;
    }
    Ok(())
}

/// The next request of a connection; git's clients send no bodies in chunks as long as they are this small.
fn read(from: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    if headers.contains_key("transfer-encoding") {
        return Err(io::Error::other("a body in chunks"));
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    from.read_exact(&mut body)?;
    Ok(Some(Request {
        method,
        target,
        headers,
        body,
    }))
}

fn answer(request: &Request, root: &PathBuf) -> io::Result<Vec<u8>> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
    let mut child = Command::new("git")
        .arg("http-backend")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&request.body)?;
    }
    let output = child.wait_with_output()?.stdout;
    let end = output
        .windows(4)
        .position(|bytes| bytes == b"\r\n\r\n")
        .ok_or_else(|| io::Error::other("no headers of a CGI program"))?;
    let (headers, body) = output.split_at(end + 4);
    let headers = String::from_utf8_lossy(headers);
    let (mut status, mut head) = ("200 OK", String::new());
    for line in headers.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("Status: ") {
            Some(told) => status = told,
            None => head.push_str(&format!("{line}\r\n")),
        }
    }
    let head = format!("HTTP/1.1 {status}\r\n{head}Content-Length: {}\r\n\r\n", body.len());
    Ok([head.as_bytes(), body].concat())
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
