//! A plain client of an API server, one connection a request: what it sends is what was asked for, and what it sees is what came.
//! It retries nothing and hides nothing.

use std::{
    io::{self, BufReader, Write as _},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use serde_json::Value;

use super::{
    Problem,
    http::{Body, Head},
};

/// A server that says nothing for so long is broken, or told to be.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client with one identity.
#[derive(Debug, Clone)]
pub struct Client {
    authority: String,
    tls: Arc<ClientConfig>,
    token: Option<String>,
    /// Beside what every request has.
    headers: Vec<(String, String)>,
    accept: &'static str,
    patience: Duration,
}

/// What came back, in whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// What `Retry-After` says, in seconds.
    pub retry_after: Option<u32>,
    /// What `Warning` says.
    pub warning: Option<String>,
    /// As it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body.
    ///
    /// # Errors
    /// When it isn't JSON.
    pub fn json(&self) -> Result<Value, Problem> {
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A body with its type.
#[derive(Debug, Clone, Copy)]
pub struct Content<'a> {
    /// `Content-Type`.
    pub kind: &'a str,
    /// Sent as JSON.
    pub value: &'a Value,
}

/// An answer that is read as it comes: a watch.
pub struct Stream {
    /// HTTP status.
    pub status: u16,
    connection: Connection,
    body: Body,
    pending: Vec<u8>,
}

pub(super) type Connection = BufReader<StreamOwned<ClientConnection, TcpStream>>;

impl Client {
    /// `server` is a URL with a port.
    pub(super) fn new(server: &str, tls: Arc<ClientConfig>, token: Option<&str>) -> Self {
        Self {
            authority: server.trim_start_matches("https://").to_owned(),
            tls,
            token: token.map(str::to_owned),
            headers: Vec::new(),
            accept: "application/json",
            patience: PATIENCE,
        }
    }

    /// The same, at another server that shows the same certificate: a [`super::Proxy`].
    #[must_use]
    pub fn at(&self, server: &str) -> Self {
        Self {
            authority: server.trim_start_matches("https://").to_owned(),
            ..self.clone()
        }
    }

    /// The same in another's name, if it may impersonate: a person, who is in these groups.
    #[must_use]
    pub fn acting_as(&self, user: &str, groups: &[&str]) -> Self {
        let user = ("Impersonate-User".to_owned(), user.to_owned());
        let groups = groups
            .iter()
            .map(|group| ("Impersonate-Group".to_owned(), (*group).to_owned()));
        Self {
            headers: std::iter::once(user).chain(groups).collect(),
            ..self.clone()
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The same, asking for other forms of answers.
    #[must_use]
    pub fn accepting(&self, forms: &'static str) -> Self {
        Self {
            accept: forms,
            ..self.clone()
        }
    }

    /// The same, waiting for so long when nothing comes; a minute otherwise.
    #[must_use]
    pub fn patient(&self, limit: Duration) -> Self {
        Self {
            patience: limit,
            ..self.clone()
        }
    }

    /// Asks once, and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// When the connection fails or ends before the answer does: its [`io::Error`], unchanged.
    pub fn send(&self, method: &str, target: &str, content: Option<Content<'_>>) -> Result<Answer, Problem> {
        let (head, mut stream) = self.ask(method, target, content)?;
        let retry_after = head.get("retry-after").map(str::parse).transpose()?;
        Ok(Answer {
            status: stream.status,
            retry_after,
            warning: head.get("warning").map(str::to_owned),
            body: stream.body.rest(&mut stream.connection)?,
        })
    }

    /// Asks once, and leaves the answer to be read.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn open(&self, target: &str) -> Result<Stream, Problem> {
        Ok(self.ask("GET", target, None)?.1)
    }

    /// An object or a list.
    ///
    /// # Errors
    /// As [`Client::send`], and when the answer is no success.
    pub fn get(&self, target: &str) -> Result<Value, Problem> {
        self.successful("GET", target, None)
    }

    /// Makes an object; `target` is that of its list.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn create(&self, target: &str, value: &Value) -> Result<Value, Problem> {
        let kind = "application/json";
        self.successful("POST", target, Some(Content { kind, value }))
    }

    /// Applies fields on the server's side; `target` is that of the object.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn apply(&self, target: &str, manager: &str, value: &Value) -> Result<Value, Problem> {
        let kind = "application/apply-patch+yaml";
        let target = format!("{target}?fieldManager={manager}");
        self.successful("PATCH", &target, Some(Content { kind, value }))
    }

    /// Changes fields by a JSON merge patch (RFC 7396).
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn merge(&self, target: &str, value: &Value) -> Result<Value, Problem> {
        let kind = "application/merge-patch+json";
        self.successful("PATCH", target, Some(Content { kind, value }))
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn delete(&self, target: &str) -> Result<Value, Problem> {
        self.successful("DELETE", target, None)
    }

    fn successful(&self, method: &str, target: &str, content: Option<Content<'_>>) -> Result<Value, Problem> {
        let answer = self.send(method, target, content)?;
        if answer.status / 100 == 2 {
            return answer.json();
        }
        let said = String::from_utf8_lossy(&answer.body);
        Err(format!("{method} {target}: status {}: {said}", answer.status).into())
    }

    fn ask(&self, method: &str, target: &str, content: Option<Content<'_>>) -> Result<(Head, Stream), Problem> {
        let mut connection = self.connect()?;
        let head = self.exchange(&mut connection, method, target, content)?;
        let stream = Stream {
            status: head.status()?,
            body: Body::of_answer(&head, method)?,
            connection,
            pending: Vec::new(),
        };
        Ok((head, stream))
    }

    /// Asks, and reads the head of the answer; its body is still to be read.
    pub(super) fn exchange(
        &self,
        connection: &mut Connection,
        method: &str,
        target: &str,
        content: Option<Content<'_>>,
    ) -> Result<Head, Problem> {
        let body = content.map(|content| content.value.to_string()).unwrap_or_default();
        let mut headers = vec![
            ("Host".to_owned(), self.authority.clone()),
            ("Accept".to_owned(), self.accept.to_owned()),
            ("User-Agent".to_owned(), "windlass-test".to_owned()),
            ("Content-Length".to_owned(), body.len().to_string()),
        ];
        headers.extend(content.map(|content| ("Content-Type".to_owned(), content.kind.to_owned())));
        headers.extend(
            self.token
                .iter()
                .map(|token| ("Authorization".to_owned(), format!("Bearer {token}"))),
        );
        headers.extend(self.headers.iter().cloned());
        let request = Head {
            first: format!("{method} {target} HTTP/1.1"),
            headers,
        };
        request.write(connection.get_mut())?;
        connection.get_mut().write_all(body.as_bytes())?;
        connection.get_mut().flush()?;
        Ok(Head::read(connection)?.ok_or(io::Error::from(io::ErrorKind::UnexpectedEof))?)
    }

    pub(super) fn connect(&self) -> Result<Connection, Problem> {
        let name = self
            .authority
            .rsplit_once(':')
            .map_or(self.authority.as_str(), |(name, _)| name);
        let tls = ClientConnection::new(Arc::clone(&self.tls), ServerName::try_from(name.to_owned())?)?;
        let socket = TcpStream::connect(&self.authority)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(self.patience))?;
        Ok(BufReader::new(StreamOwned::new(tls, socket)))
    }
}

/// Events of a watch.
impl Stream {
    /// The next line, as JSON; `None` at an orderly end.
    ///
    /// # Errors
    /// When the connection breaks off, or nothing comes for longer than the client waits.
    pub fn event(&mut self) -> Result<Option<Value>, Problem> {
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            match self.body.piece(&mut self.connection)? {
                Some(piece) => self.pending.extend(piece),
                None => return Ok(None),
            }
        }
    }
}

/// Trusts that authority, in PEM, and no other.
pub(super) fn trusting(authority: &str) -> Result<Arc<ClientConfig>, Problem> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
