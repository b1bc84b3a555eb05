//! Redirects: followed where what was sent already is, and nowhere else.

use url::Url;

use super::{Incoming, Outgoing, denied};
use crate::protocol::HttpError;

/// Where to send the same request again; `None` when the answer is the last.
///
/// Only what keeps the method is followed (307, 308; of GET and HEAD all): the others are answers that the guest is told of.
/// Within the same origin, or from http to https of the same host, nobody learns what they have not got already. Another origin
/// is refused, with or without secrets: the receiver is who was named in the configuration, not whom that one names.
pub(super) fn target(outgoing: &Outgoing, answer: &Incoming) -> Result<Option<Url>, HttpError> {
    let keeps = matches!(answer.status, 307 | 308);
    let reads = matches!(answer.status, 301..=303) && matches!(outgoing.method.as_str(), "GET" | "HEAD");
    if !keeps && !reads {
        return Ok(None);
    }
    let from = &outgoing.url;
    let location = answer.headers.iter().find(|(name, _)| name == "location");
    let Some(mut to) = location.and_then(|(_, value)| from.join(value).ok()) else {
        return Ok(None);
    };
    let upgraded = from.scheme() == "http" && to.scheme() == "https" && from.host() == to.host();
    let is_clean = to.username().is_empty() && to.password().is_none();
    if is_clean && (to.origin() == from.origin() || upgraded) {
        to.set_fragment(None);
        return Ok(Some(to));
    }
    Err(denied(
        "it redirects to another host or port, which is not followed: give the final URL",
    ))
}
