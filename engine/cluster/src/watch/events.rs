//! Lines of a watch → events.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;

use crate::{call::CallError, status::Status};

/// Longest line: one object. An object is at most some 3 MiB; the threat is a cluster of somebody else's that never ends one.
const MAX_LINE: usize = 16 << 20;

/// What a line says.
#[derive(Debug)]
pub(super) enum Event {
    /// ADDED or MODIFIED.
    Seen(Value),
    /// DELETED, or no longer selected.
    Gone(Value),
    /// A version that was reached.
    Bookmark(Value),
    Error(Status),
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

/// A body read line by line.
pub(super) struct Events<'a> {
    body: Body,
    buffer: BytesMut,
    /// Bytes of the buffer that hold no line feed.
    searched: usize,
    server: &'a str,
}

impl<'a> Events<'a> {
    pub(super) fn new(body: Body, server: &'a str) -> Self {
        Self {
            body,
            buffer: BytesMut::new(),
            searched: 0,
            server,
        }
    }

    /// The next event; `None` at an end in order. What is left of a line then was cut, and comes again with the next watch.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, CallError> {
        loop {
            while let Some(line) = self.line() {
                if let Some(event) = read(&line)? {
                    return Ok(Some(event));
                }
            }
            if self.buffer.len() > MAX_LINE {
                return Err(CallError::TooLarge {
                    server: self.server.to_owned(),
                    limit: MAX_LINE,
                });
            }
            let Some(frame) = self.body.frame().await else {
                return Ok(None);
            };
            let frame = frame.map_err(|error| CallError::Unreachable {
                server: self.server.to_owned(),
                tries: 1,
                source: Arc::new(error),
            })?;
            if let Ok(data) = frame.into_data() {
                self.buffer.extend_from_slice(&data);
            }
        }
    }

    fn line(&mut self) -> Option<BytesMut> {
        let Some(end) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(self.searched + end);
        self.buffer.advance(1);
        self.searched = 0;
        Some(line)
    }
}

fn read(line: &[u8]) -> Result<Option<Event>, CallError> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let line: Line = serde_json::from_slice(line).map_err(|source| CallError::NotJson {
        source: Arc::new(source),
    })?;
    Ok(match line.kind.as_str() {
        "ADDED" | "MODIFIED" => Some(Event::Seen(line.object)),
        "DELETED" => Some(Event::Gone(line.object)),
        "BOOKMARK" => Some(Event::Bookmark(line.object)),
        "ERROR" => Some(Event::Error(serde_json::from_value(line.object).unwrap_or_default())),
        // A later server may say more.
        _ => None,
    })
}
