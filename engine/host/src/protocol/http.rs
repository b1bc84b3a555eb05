//! Requests of notifiers and their answers.

use serde::{Deserialize, Serialize};
use windlass_core::tree::Refusal;

/// A request as a notifier makes it: secrets stand in it by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpRequest {
    /// `POST`, …
    pub method: String,
    /// May hold placeholders, or be one.
    pub url: String,
    /// Values may hold placeholders.
    pub headers: Vec<(String, String)>,
    /// May hold placeholders.
    pub body: Vec<u8>,
    /// What takes the place of what.
    pub substitute: Vec<Substitution>,
    /// A signature over the final body.
    pub sign: Option<Signing>,
    /// Bytes of the answer's body at most.
    pub max_response: u32,
    /// Milliseconds at most; 0 = as many as the host allows.
    pub timeout_ms: u32,
}

/// A text that a secret takes the place of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Substitution {
    /// The text.
    pub placeholder: String,
    /// Name of the secret.
    pub secret: String,
    /// How its value is written.
    pub encoding: Encoding,
}

/// How the value of a secret is written where it is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// As it is.
    Raw,
    /// Escaped as within a string of JSON.
    JsonString,
    /// Percent-encoded, all but letters, digits, `-`, `.`, `_` and `~`.
    UrlComponent,
}

/// A signature by HMAC over the body as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signing {
    /// Name of the secret that is the key.
    pub secret: String,
    /// `sha256` or `sha512`.
    pub algorithm: String,
    /// The header that it is sent in.
    pub header: String,
    /// What stands before its hexadecimal digits.
    pub prefix: String,
}

/// An answer without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpHead {
    /// E.g. 200.
    pub status: u16,
    /// Names in lower case; no secret of the request stands in the values.
    pub headers: Vec<(String, String)>,
    /// There was more body than is handed over.
    pub truncated: bool,
}

/// Why there is no answer. No text holds a URL or an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpError {
    /// The host does not send it.
    Refused(Refusal),
    /// The name of the host can't be resolved.
    Dns,
    /// No connection.
    Connect,
    /// No TLS, or nobody vouches for the server.
    Tls,
    /// It took too long.
    Timeout,
    /// In words.
    Other(String),
}
