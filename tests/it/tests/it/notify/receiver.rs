//! A receiver on the loopback, over TLS or not, with the faults that receivers have.

use std::{
    io::{self, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustls::{ServerConnection, StreamOwned};
use windlass_tests::git_http::{Request, read_request, respond};

use crate::git_server::Authority;

/// What a receiver does.
#[derive(Debug, Clone)]
pub(crate) enum Manner {
    /// Answers so: status, header lines and body.
    Answer(&'static str, String, Vec<u8>),
    /// Sends back what it got, headers and body, as its body and as a header each.
    Echo,
    /// Redirects `/start` to this, and answers anything else.
    Redirect(&'static str, String),
    /// Never answers.
    Stall,
    /// Sends its headers a byte at a time, for ever.
    Trickle,
    /// Sends a body without end.
    Endless,
    /// Says nothing and closes.
    Close,
    /// Sends more headers than anybody reads.
    Headers,
}

struct Shared {
    manner: Manner,
    tls: Option<Arc<rustls::ServerConfig>>,
    log: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    over: AtomicBool,
}

/// Runs until it is dropped.
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    port: u16,
    ca_pem: Option<String>,
}

impl Receiver {
    /// Over TLS.
    pub(crate) fn new(manner: Manner) -> Self {
        Self::start(manner, Some(Authority::new()))
    }

    /// Over plain http.
    pub(crate) fn plain(manner: Manner) -> Self {
        Self::start(manner, None)
    }

    fn start(manner: Manner, authority: Option<Authority>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            manner,
            tls: authority.as_ref().map(Authority::config),
            log: Mutex::default(),
            connections: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.over.load(Ordering::Relaxed) {
                    return;
                }
                serving.connections.fetch_add(1, Ordering::Relaxed);
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(stream));
            }
        });
        Self {
            shared,
            port,
            ca_pem: authority.map(|authority| authority.ca_pem),
        }
    }

    pub(crate) fn ca_pem(&self) -> Option<String> {
        self.ca_pem.clone()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// By the machine's name.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.shared.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.port)
    }

    /// Requests so far.
    pub(crate) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.shared.log.lock().unwrap())
    }

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
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
        let Some(request) = read_request(&mut reader)? else {
            return Ok(());
        };
        let mut stream = reader.into_inner();
        let target = request.target.clone();
        let echo = echo(&request);
        self.log.lock().unwrap().push(request);
        match &self.manner {
            Manner::Answer(status, headers, body) => respond(&mut stream, status, headers, body),
            Manner::Echo => {
                let line: String = echo.chars().filter(|c| !c.is_control()).take(2000).collect();
                respond(&mut stream, "200 OK", &format!("X-Echo: {line}\r\n"), echo.as_bytes())
            }
            Manner::Redirect(status, to) if target == "/start" => {
                respond(&mut stream, status, &format!("Location: {to}\r\n"), b"")
            }
            Manner::Redirect(..) => respond(&mut stream, "200 OK", "", target.as_bytes()),
            Manner::Stall => {
                self.wait();
                Ok(())
            }
            Manner::Trickle => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ")?;
                while !self.over.load(Ordering::Relaxed) {
                    stream.write_all(b"x")?;
                    stream.flush()?;
                    thread::sleep(Duration::from_millis(50));
                }
                Ok(())
            }
            Manner::Endless => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
                while !self.over.load(Ordering::Relaxed) {
                    stream.write_all(&[b'x'; 16 << 10])?;
                }
                Ok(())
            }
            Manner::Close => Ok(()),
            Manner::Headers => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
                for number in 0..100_000 {
                    write!(stream, "X-{number}: {}\r\n", "x".repeat(100))?;
                }
                stream.write_all(b"\r\n")
            }
        }
    }

    fn wait(&self) {
        while !self.over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Everything of a request.
fn echo(request: &Request) -> String {
    let mut headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    headers.sort();
    let body = String::from_utf8_lossy(&request.body);
    format!(
        "{} {}\n{}\n\n{body}",
        request.method,
        request.target,
        headers.join("\n")
    )
}
