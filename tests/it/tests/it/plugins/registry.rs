//! A registry of this machine, the CNCF's own program, behind a door that sees every request and may be hostile.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustls::{ServerConnection, StreamOwned};
use tempfile::TempDir;
use windlass_tests::git_http::{Request, read_request, respond};

use crate::git_server::Authority;

/// The user that a registry with a login knows, and their password.
pub(crate) const LOGIN: [&str; 2] = ["bot", "s3cret-password"];

/// The same, as registries keep it.
const HASH: &str = "bot:$2a$04$8UdQbvxjruN6FkexQR69oOfQpLq4f.YbIr5ql1oCOmsMKRgY4TCxe\n";

/// What the door does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Door {
    /// Lets all through.
    #[default]
    Open,
    /// Wants a token, which is to be had at a URL, or here.
    Token(Option<String>),
    /// Sends whoever wants a blob to this URL, with the blob's path after it.
    Blobs(String),
    /// Answers all with this status.
    Status(&'static str),
    /// Blobs are longer than anybody wants, and never end.
    Endless,
}

struct Shared {
    socket: PathBuf,
    tls: Option<Arc<rustls::ServerConfig>>,
    door: Mutex<Door>,
    log: Mutex<Vec<Asked>>,
    port: u16,
    over: AtomicBool,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
}

/// Runs until it is dropped.
pub(crate) struct Registry {
    child: Child,
    shared: Arc<Shared>,
    ca_pem: Option<String>,
    dir: TempDir,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self::start(false, None)
    }

    /// That wants to know who asks.
    pub(crate) fn with_login() -> Self {
        Self::start(true, None)
    }

    /// Over TLS, by an authority of its own.
    pub(crate) fn with_tls() -> Self {
        Self::start(false, Some(Authority::new()))
    }

    fn start(login: bool, authority: Option<Authority>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("registry.sock");
        let auth = if login {
            let file = dir.path().join("htpasswd");
            fs::write(&file, HASH).unwrap();
            format!("auth: {{htpasswd: {{realm: test, path: '{}'}}}}\n", file.display())
        } else {
            String::new()
        };
        let config = dir.path().join("config.yaml");
        let text = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{inmemory: {{}}}}\n\
             http: {{net: unix, addr: '{}', secret: test}}\n{auth}",
            socket.display()
        );
        fs::write(&config, text).unwrap();
        let mut child = Command::new(program())
            .arg("serve")
            .arg(&config)
            .env_clear()
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "the registry ended");
            assert!(begun.elapsed() < Duration::from_secs(60), "the registry doesn't listen");
            thread::sleep(Duration::from_millis(5));
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            socket,
            tls: authority.as_ref().map(Authority::config),
            door: Mutex::default(),
            log: Mutex::default(),
            port: listener.local_addr().unwrap().port(),
            over: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.over.load(Ordering::Relaxed) {
                    return;
                }
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(stream));
            }
        });
        Self {
            child,
            shared,
            ca_pem: authority.map(|authority| authority.ca_pem),
            dir,
        }
    }

    /// `HOST:PORT/NAME`.
    pub(crate) fn name(&self, repository: &str) -> String {
        format!("localhost:{}/{repository}", self.shared.port)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.shared.port)
    }

    /// A file with the authority of [`Registry::with_tls`].
    pub(crate) fn ca_file(&self) -> PathBuf {
        let path = self.dir.path().join("ca.pem");
        fs::write(&path, self.ca_pem.as_deref().unwrap()).unwrap();
        path
    }

    pub(crate) fn set(&self, door: Door) {
        *self.shared.door.lock().unwrap() = door;
    }

    /// Requests since it was asked last.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.log.lock().unwrap())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.shared.port));
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `tests/oracles/registry`, as `cargo x test` builds it.
fn program() -> PathBuf {
    let folder = std::env::var_os("WINDLASS_ORACLES").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache/windlass/oracles"),
        PathBuf::from,
    );
    let program = folder.join("registry");
    assert!(
        program.is_file(),
        "no registry in {}: run `cargo x test` first",
        folder.display()
    );
    program
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
        let socket = stream.try_clone();
        let mut stream: Box<dyn Stream> = match &self.tls {
            Some(config) => Box::new(StreamOwned::new(
                ServerConnection::new(Arc::clone(config)).unwrap(),
                stream,
            )),
            None => Box::new(stream),
        };
        let _ = self.answer(&mut stream);
        if let Ok(socket) = socket {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn answer(&self, stream: &mut dyn Stream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        let Some(mut request) = read_request(&mut reader)? else {
            return Ok(());
        };
        let mut stream = reader.into_inner();
        let authorization = request.headers.get("authorization").cloned();
        self.log.lock().unwrap().push(Asked {
            method: request.method.clone(),
            target: request.target.clone(),
            authorization: authorization.clone(),
        });
        let door = self.door.lock().unwrap().clone();
        let is_blob = request.method == "GET" && request.target.contains("/blobs/");
        match door {
            Door::Token(None) if request.target.starts_with("/token") => {
                return respond(&mut stream, "200 OK", "", b"{\"token\": \"t0ken\"}");
            }
            Door::Token(at) if authorization.as_deref() != Some("Bearer t0ken") => {
                let realm = at.unwrap_or_else(|| format!("http://localhost:{}/token", self.port));
                let header = format!("WWW-Authenticate: Bearer realm=\"{realm}\",service=\"test\"\r\n");
                return respond(&mut stream, "401 Unauthorized", &header, b"");
            }
            Door::Token(_) => {
                request.headers.remove("authorization");
            }
            Door::Blobs(to) if is_blob => {
                let header = format!("Location: {to}{}\r\n", request.target);
                return respond(&mut stream, "307 Temporary Redirect", &header, b"");
            }
            Door::Status(status) => return respond(&mut stream, status, "", b""),
            Door::Endless if is_blob => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                while !self.over.load(Ordering::Relaxed) {
                    stream.write_all(&[0; 64 << 10])?;
                }
                return Ok(());
            }
            Door::Open | Door::Blobs(_) | Door::Endless => {}
        }
        self.pass(request, &mut stream)
    }

    /// To the registry, and back what it says.
    fn pass(&self, request: Request, stream: &mut dyn Stream) -> io::Result<()> {
        let mut to = UnixStream::connect(&self.socket)?;
        let mut head = format!(
            "{} {} HTTP/1.1\r\nConnection: close\r\n",
            request.method, request.target
        );
        let headers: BTreeMap<&String, &String> = request.headers.iter().collect();
        for (name, value) in headers {
            if !["connection", "transfer-encoding", "content-length"].contains(&name.as_str()) {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        if self.tls.is_some() {
            head.push_str("X-Forwarded-Proto: https\r\n");
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", request.body.len()));
        to.write_all(head.as_bytes())?;
        to.write_all(&request.body)?;
        io::copy(&mut to, stream)?;
        stream.flush()
    }
}
