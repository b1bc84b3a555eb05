//! Git repositories for tests, and a server for them on the loopback: `git http-backend` behind TLS and authentication, with
//! the faults that servers have. Hermetic: no configuration of the user's, fixed names and dates.

mod authority;
pub(crate) mod proxy;
pub(crate) mod ssh;

use std::{
    ffi::OsStr,
    fs,
    io::{self, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use rustls::{ServerConnection, StreamOwned};
use windlass_tests::git_http::{Answer, Request, backend, read_request, respond};

pub(crate) use authority::Authority;

/// A git repository with a work tree, in a folder of its own.
pub(crate) struct Repository {
    /// Top of the work tree.
    pub(crate) path: PathBuf,
    clock: AtomicU64,
}

impl Repository {
    /// An empty repository whose branch is `main`.
    pub(crate) fn init(path: &Path) -> Self {
        fs::create_dir_all(path).unwrap();
        let repository = Self {
            path: path.to_owned(),
            clock: AtomicU64::new(1_700_000_000),
        };
        repository.git(["init", "-q", "-b", "main"]);
        // No upkeep in the background: it outlives the test, and its folder.
        repository.git(["config", "gc.auto", "0"]);
        repository.git(["config", "maintenance.auto", "false"]);
        repository
    }

    /// `file://` URL.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path.display())
    }

    /// Runs git and gives what it prints.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> String {
        let date = format!("{} +0000", self.clock.load(Ordering::Relaxed));
        let output = git_command(&self.path)
            .args(args)
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .output();
        let output = output.unwrap();
        assert!(
            output.status.success(),
            "git: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The commit checked out in a folder.
    pub(crate) fn head_of(path: &Path) -> String {
        let output = git_command(path).args(["rev-parse", "HEAD"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Writes a file of the work tree.
    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Commits everything, a minute after the last commit, and gives the commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.clock.fetch_add(60, Ordering::Relaxed);
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
        self.git(["rev-parse", "HEAD"])
    }

    /// Writes one file and commits.
    pub(crate) fn commit_file(&self, path: &str, bytes: impl AsRef<[u8]>) -> String {
        self.write(path, bytes);
        self.commit(&format!("change {path}"))
    }
}

/// A `git` that sees no configuration and no environment but `PATH`.
pub(crate) fn git_command(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs([("GIT_AUTHOR_NAME", "Ada"), ("GIT_AUTHOR_EMAIL", "ada@example.org")])
        .envs([
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.org"),
        ])
        .stdin(Stdio::null());
    command
}

/// What a server does wrong, for requests whose `METHOD target body` contains some text.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Accepts the request and never answers.
    StallBeforeHeaders,
    /// Sends so many bytes of the body and then nothing, the connection open.
    StallAfter(usize),
    /// Sends so many bytes of the body, then one byte at a time with this pause.
    TrickleAfter(usize, Duration),
    /// Sends so many bytes of the body and closes.
    TruncateAfter(usize),
    /// Sends the whole body but with a byte flipped, so many bytes before its end.
    FlipFromEnd(usize),
    /// A status and nothing else.
    Status(u16),
    /// A status with `Retry-After`.
    RetryAfter(u16, String),
    /// A redirect to this base URL, path and query kept.
    Redirect(String),
    /// Sends the body with one text, all of its occurrences, in place of another as long.
    Replace(String, String),
    /// A page of HTML with status 200.
    Html,
}

/// The fault for a request: a text that `METHOD target body` contains, and the fault.
pub(crate) type Faults = Vec<(&'static str, Fault)>;

/// Matches the request for a pack.
pub(crate) const FETCH: &str = "command=fetch";

/// Matches the question for references.
pub(crate) const LS_REFS: &str = "command=ls-refs";

/// Matches the first request.
pub(crate) const HANDSHAKE: &str = "GET ";

/// How to serve.
#[derive(Default)]
pub(crate) struct Options {
    /// TLS with this authority's certificate; none for plain HTTP.
    pub(crate) authority: Option<Authority>,
    /// Wanted in the `Authorization` header, else 401.
    pub(crate) authorization: Option<&'static str>,
    /// What goes wrong.
    pub(crate) faults: Faults,
}

/// A running server; it stops when dropped.
pub(crate) struct GitServer {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    options: Options,
    faults: Mutex<Faults>,
    log: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

impl GitServer {
    /// Serves the repositories below `root`.
    pub(crate) fn start(root: &Path, mut options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let faults = Mutex::new(std::mem::take(&mut options.faults));
        let (log, stopped) = (Mutex::default(), AtomicBool::new(false));
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            options,
            faults,
            log,
            stopped,
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), shared) = (stream, Arc::clone(&accepting)) else {
                    continue;
                };
                thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    /// The URL of a repository below the root.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.shared.options.authority.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}/{path}", self.address)
    }

    /// Who vouches for it.
    pub(crate) fn authority(&self) -> Option<&Authority> {
        self.shared.options.authority.as_ref()
    }

    /// What clients have to trust.
    pub(crate) fn ca_pem(&self) -> Option<String> {
        self.shared.options.authority.as_ref().map(|a| a.ca_pem.clone())
    }

    /// From now on this goes wrong, and nothing else.
    pub(crate) fn set_faults(&self, faults: Faults) {
        *self.shared.faults.lock().unwrap() = faults;
    }

    /// `METHOD target` of each request so far, and `command=…` of git's.
    pub(crate) fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.shared.log.lock().unwrap())
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(&self.address);
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let Ok(raw) = stream.try_clone() else { return };
        self.converse(stream);
        // What was sent last, an alert maybe, must not be lost to a reset for what was not read.
        let _ = raw.shutdown(Shutdown::Write);
        let _ = raw.set_read_timeout(Some(Duration::from_secs(1)));
        let _ = io::copy(&mut (&raw).take(1 << 20), &mut io::sink());
    }

    fn converse(&self, stream: TcpStream) {
        let stream: Box<dyn Stream> = match &self.options.authority {
            Some(authority) => {
                let connection = ServerConnection::new(authority.config()).unwrap();
                Box::new(StreamOwned::new(connection, stream))
            }
            None => Box::new(stream),
        };
        let mut stream = BufReader::new(stream);
        while let Ok(Some(request)) = read_request(&mut stream) {
            if self.answer(&request, stream.get_mut()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &Request, stream: &mut dyn Write) -> io::Result<()> {
        let text = format!(
            "{} {} {}",
            request.method,
            request.target,
            String::from_utf8_lossy(&request.body)
        );
        let command = text
            .split_once("command=")
            .map_or("", |(_, c)| c.lines().next().unwrap_or_default());
        let line = format!("{} {} {command}", request.method, request.target)
            .trim()
            .to_owned();
        self.log.lock().unwrap().push(line);
        if let Some(wanted) = self.options.authorization
            && request.headers.get("authorization").map(String::as_str) != Some(wanted)
        {
            let challenge = "WWW-Authenticate: Basic realm=\"test\"\r\n";
            return respond(stream, "401 Unauthorized", challenge, b"");
        }
        let faults = self.faults.lock().unwrap().clone();
        match faults.into_iter().find(|(part, _)| text.contains(part)) {
            Some((_, fault)) => self.misbehave(request, fault, stream),
            None => {
                let Answer { status, headers, body } = backend(git_command(&self.root), &self.root, request)?;
                respond(stream, &status, &headers, &body)
            }
        }
    }

    fn misbehave(&self, request: &Request, fault: Fault, stream: &mut dyn Write) -> io::Result<()> {
        match &fault {
            Fault::Status(code) => return respond(stream, &format!("{code} As Asked"), "", b""),
            Fault::RetryAfter(code, when) => {
                let header = format!("Retry-After: {when}\r\n");
                return respond(stream, &format!("{code} As Asked"), &header, b"");
            }
            Fault::Html => return respond(stream, "200 OK", "Content-Type: text/html\r\n", b"<html>hello</html>"),
            Fault::Redirect(base) => {
                let location = format!("Location: {base}{}\r\n", request.target);
                return respond(stream, "302 Found", &location, b"");
            }
            Fault::StallBeforeHeaders => return self.stall(),
            _ => {}
        }
        let Answer {
            status,
            headers,
            mut body,
        } = backend(git_command(&self.root), &self.root, request)?;
        if let Fault::Replace(from, to) = &fault {
            while let Some(at) = body.windows(from.len()).position(|window| window == from.as_bytes()) {
                body[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
            return respond(stream, &status, &headers, &body);
        }
        if let Fault::FlipFromEnd(back) = fault {
            let at = body.len() - back;
            body[at] ^= 0xff;
            return respond(stream, &status, &headers, &body);
        }
        let cut = match fault {
            Fault::StallAfter(n) | Fault::TruncateAfter(n) | Fault::TrickleAfter(n, _) => n.min(body.len()),
            _ => body.len(),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        )?;
        stream.write_all(&body[..cut])?;
        stream.flush()?;
        if let Fault::TrickleAfter(_, pause) = fault {
            for byte in &body[cut..] {
                stream.write_all(&[*byte])?;
                stream.flush()?;
                thread::sleep(pause);
            }
            return Ok(());
        }
        if let Fault::StallAfter(_) = fault {
            self.stall()?;
        }
        Err(io::Error::other("closed on purpose"))
    }

    /// Holds the connection open until the server stops.
    fn stall(&self) -> io::Result<()> {
        while !self.stopped.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
        Err(io::Error::other("stopped"))
    }
}
