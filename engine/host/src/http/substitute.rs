//! Placeholders and what takes their place. One pass over what the guest wrote: what was put in is not looked at again, so no
//! secret names another.

use aho_corasick::{AhoCorasick, MatchKind};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::{Outgoing, denied, secrets::Secrets};
use crate::{
    limits,
    protocol::{Encoding, HttpError, Substitution},
};

/// All but RFC 3986's unreserved characters.
pub(super) const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Bytes of a placeholder, at least: one of a character or two stands where nobody meant it.
const LEAST: usize = 4;

/// The request with its secrets in it, as far as it is valid.
pub(super) fn outgoing(
    secrets: &Secrets,
    substitute: Vec<Substitution>,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
) -> Result<Outgoing, HttpError> {
    let mut pen = Pen::new(secrets, substitute)?;
    let url = pen.text(url)?;
    let headers = headers.into_iter().map(|(name, value)| {
        let value = pen.text(value)?;
        // A secret with a line feed would end the header, and what follows it be another.
        if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
            return Err(denied(format!("the header `{name}` holds a control character")));
        }
        Ok((name.to_ascii_lowercase(), value))
    });
    let headers = headers.collect::<Result<Vec<_>, _>>()?;
    Ok(Outgoing {
        method: String::new(),
        url: parse(&url)?,
        headers,
        body: pen.bytes(body)?,
        most: 0,
    })
}

/// The URL, or why it is none; no message holds any of it.
fn parse(text: &str) -> Result<Url, HttpError> {
    let mut url = Url::parse(text).map_err(|error| denied(format!("its URL is none: {error}")))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(denied("its URL is neither https nor http"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(denied(
            "its URL holds a user or a password: put them into the header `authorization`",
        ));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Puts secrets in, and counts.
struct Pen {
    find: Option<AhoCorasick>,
    values: Vec<String>,
    left: usize,
}

impl Pen {
    fn new(secrets: &Secrets, substitute: Vec<Substitution>) -> Result<Self, HttpError> {
        let mut values = Vec::new();
        for Substitution {
            placeholder,
            secret,
            encoding,
        } in &substitute
        {
            if placeholder.len() < LEAST {
                return Err(denied(format!("a placeholder has less than {LEAST} bytes")));
            }
            values.push(encoded(secrets.get(secret)?, *encoding));
        }
        let texts = substitute.iter().map(|one| one.placeholder.as_bytes());
        let find = (!values.is_empty()).then(|| finder(texts)).transpose()?;
        Ok(Self {
            find,
            values,
            left: limits::SUBSTITUTED_BYTES,
        })
    }

    fn bytes(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, HttpError> {
        let Some(find) = &self.find else { return Ok(bytes) };
        let mut written = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for found in find.find_iter(&bytes) {
            let value = &self.values[found.pattern().as_usize()];
            self.left = self.left.checked_sub(value.len()).ok_or_else(|| {
                denied(format!(
                    "the secrets in it have more than {} bytes",
                    limits::SUBSTITUTED_BYTES
                ))
            })?;
            written.extend_from_slice(&bytes[from..found.start()]);
            written.extend_from_slice(value.as_bytes());
            from = found.end();
        }
        written.extend_from_slice(&bytes[from..]);
        Ok(written)
    }

    /// Placeholders and values are whole characters, so what comes out is text again.
    fn text(&mut self, text: String) -> Result<String, HttpError> {
        let bytes = self.bytes(text.into_bytes())?;
        String::from_utf8(bytes).map_err(|_| denied("a placeholder is no text"))
    }
}

/// Of several that begin at one place, the longest is meant.
pub(super) fn finder<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Result<AhoCorasick, HttpError> {
    let built = AhoCorasick::builder()
        .match_kind(MatchKind::LeftmostLongest)
        .build(texts);
    built.map_err(|error| HttpError::Other(error.to_string()))
}

/// A value as it is written.
pub(super) fn encoded(value: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Raw => value.to_owned(),
        Encoding::JsonString => {
            let quoted = serde_json::Value::from(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Encoding::UrlComponent => utf8_percent_encode(value, COMPONENT).to_string(),
    }
}
