//! What a request must be before anything is put into it.

use windlass_core::tree::Refusal;

use super::denied;
use crate::{
    limits,
    protocol::{HttpError, HttpRequest},
};

/// Methods that receivers take.
const METHODS: [&str; 6] = ["POST", "PUT", "PATCH", "GET", "HEAD", "DELETE"];

/// Headers that are the host's. The last three would make an answer come in a form, or in parts, in which secrets can't be
/// found.
const OURS: [&str; 12] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "accept-encoding",
    "range",
    "if-range",
];

/// Holds a request to its bounds.
pub(super) fn check(request: &HttpRequest) -> Result<(), HttpError> {
    if !METHODS.contains(&request.method.as_str()) {
        return Err(denied(format!("the method is none of {}", METHODS.join(", "))));
    }
    let head: usize = request
        .headers
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    let too_large = |limit: usize| Err(HttpError::Refused(Refusal::TooLarge(limit as u64)));
    if request.url.len() > limits::REQUEST_HEAD_BYTES || head > limits::REQUEST_HEAD_BYTES {
        return too_large(limits::REQUEST_HEAD_BYTES);
    }
    if request.body.len() > limits::REQUEST_BYTES {
        return too_large(limits::REQUEST_BYTES);
    }
    if request.headers.len() > limits::REQUEST_HEADERS {
        return Err(denied(format!("it has more than {} headers", limits::REQUEST_HEADERS)));
    }
    if request.substitute.len() > limits::SECRETS {
        return Err(denied(format!("it names more than {} secrets", limits::SECRETS)));
    }
    let signed = request.sign.iter().map(|sign| sign.header.as_str());
    let names = request.headers.iter().map(|(name, _)| name.as_str());
    names.chain(signed).try_for_each(header_name)
}

fn header_name(name: &str) -> Result<(), HttpError> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(denied("a header's name is none"));
    }
    let name = name.to_ascii_lowercase();
    if OURS.contains(&name.as_str()) || name.starts_with("proxy-") {
        return Err(denied(format!("the header `{name}` is the host's to set")));
    }
    Ok(())
}
