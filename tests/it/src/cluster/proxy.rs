//! A proxy before an API server that spoils what it is told to: what networks, load balancers and overloaded servers do.
//!
//! It ends TLS with the server's own certificate, speaks HTTP/1.1, and hands on everything that no rule names. Each connection of a
//! client has one of its own to the server, so that an identity is never another's.

mod rule;
mod exchange;
mod socket;

use std::{
    io,
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use rustls::{
    ClientConfig, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use super::Problem;
pub use rule::{Fault, Rule};

/// A running proxy; with it end all connections through it.
pub struct Proxy {
    shared: Arc<Shared>,
    url: String,
}

/// A request that came to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Whether a rule spoiled it.
    pub spoiled: bool,
}

struct Shared {
    /// `HOST:PORT` of the server.
    server: String,
    upstream: Arc<ClientConfig>,
    tls: Arc<ServerConfig>,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<Vec<(u64, TcpStream)>>,
    numbers: AtomicU64,
    /// New connections are reset.
    down: AtomicBool,
    stopped: AtomicBool,
}

impl Proxy {
    pub(super) fn start(
        server: &str,
        upstream: Arc<ClientConfig>,
        certificate: &[u8],
        key: &[u8],
    ) -> Result<Self, Problem> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate)?],
                PrivateKeyDer::from_pem_slice(key)?,
            )?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("https://{}", listener.local_addr()?);
        let shared = Arc::new(Shared {
            server: server.trim_start_matches("https://").to_owned(),
            upstream,
            tls: Arc::new(tls),
            rules: Mutex::default(),
            seen: Mutex::default(),
            connections: Mutex::default(),
            numbers: AtomicU64::new(0),
            down: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accepting.accept(&listener));
        Ok(Self { shared, url })
    }

    /// To be put into a kubeconfig in the server's place.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on this as well. The first rule that fits and has rounds left decides.
    pub fn spoil(&self, rule: Rule) {
        lock(&self.shared.rules).push(rule);
    }

    /// Spoils nothing any more. What hangs goes on hanging: [`Proxy::cut`] ends it.
    pub fn heal(&self) {
        lock(&self.shared.rules).clear();
    }

    /// Resets every connection, idle ones and watches included.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Resets every connection, and each new one until [`Proxy::up`]: the server can't be reached.
    pub fn down(&self) {
        self.shared.down.store(true, Ordering::SeqCst);
        self.shared.cut();
    }

    /// The server can be reached again.
    pub fn up(&self) {
        self.shared.down.store(false, Ordering::SeqCst);
    }

    /// How many clients' connections are open.
    pub fn connections(&self) -> usize {
        lock(&self.shared.connections).len()
    }

    /// The requests since the last call, in the order in which they came.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.shared.seen))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.cut();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.url.trim_start_matches("https://"));
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().flatten() {
            if self.stopped.load(Ordering::SeqCst) {
                return;
            }
            if self.down.load(Ordering::SeqCst) {
                socket::reset(&client);
                continue;
            }
            let shared = Arc::clone(self);
            thread::spawn(move || {
                // An error is one of the connection, and its client has seen it.
                let _ = shared.serve(client);
            });
        }
    }

    fn serve(&self, client: TcpStream) -> io::Result<()> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        lock(&self.connections).push((number, client.try_clone()?));
        let result = exchange::serve(self, client);
        lock(&self.connections).retain(|(other, _)| *other != number);
        result
    }

    fn cut(&self) {
        for (_, connection) in lock(&self.connections).drain(..) {
            socket::reset(&connection);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Notes a request, and tells what is to go wrong with it.
    fn judge(&self, method: &str, target: &str) -> Option<Fault> {
        let text = format!("{method} {target}");
        let fault = lock(&self.rules).iter_mut().find_map(|rule| rule.judge(&text));
        lock(&self.seen).push(Seen {
            method: method.to_owned(),
            target: target.to_owned(),
            spoiled: fault.is_some(),
        });
        fault
    }
}

/// What a thread that panicked left is still whole: each change of it is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
