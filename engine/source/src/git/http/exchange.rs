//! One request and its answer, as gix reads them.

use std::{
    io::{self, BufRead, Cursor, Read, Write},
    sync::{Arc, Mutex},
};

use reqwest::{Method, Url, header::HeaderMap};

use super::{Connection, header_lines};
use crate::{budget::lock, error::Error};

/// Bytes that we may send in one request: wants and haves of a depth-1 fetch are some kilobytes.
const MAX_REQUEST: usize = 1 << 20;

/// One request and its answer. A POST is sent when its answer is first read: what gix wrote until then is its body.
pub(super) struct Exchange {
    connection: Arc<Connection>,
    state: Mutex<State>,
}

pub(super) enum State {
    Collecting {
        url: Url,
        headers: HeaderMap,
        body: Vec<u8>,
    },
    Answered(reqwest::Response),
    Ended,
}

impl Exchange {
    pub(super) fn new(connection: &Arc<Connection>, state: State) -> Arc<Self> {
        Arc::new(Self {
            connection: Arc::clone(connection),
            state: Mutex::new(state),
        })
    }

    fn send_if_collecting(&self, state: &mut State) -> Result<(), Error> {
        let State::Collecting { url, headers, body } = state else {
            return Ok(());
        };
        let (url, headers, body) = (url.clone(), std::mem::take(headers), std::mem::take(body));
        let response = self.connection.send(Method::POST, url, headers, body)?;
        if response.status().is_redirection() {
            return Err(self.connection.refused("a redirect in the middle of a fetch", false));
        }
        self.connection.check_status(&response)?;
        *state = State::Answered(response);
        Ok(())
    }

    fn headers(&self) -> Result<Cursor<Vec<u8>>, Error> {
        let mut state = lock(&self.state);
        self.send_if_collecting(&mut state)?;
        Ok(if let State::Answered(response) = &*state {
            header_lines(response)
        } else {
            Cursor::default()
        })
    }

    /// The next bytes; empty at the end.
    fn chunk(&self) -> Result<Cursor<Vec<u8>>, Error> {
        let mut state = lock(&self.state);
        self.send_if_collecting(&mut state)?;
        let State::Answered(response) = &mut *state else {
            return Ok(Cursor::default());
        };
        let chunk = self
            .connection
            .race(response.chunk())?
            .map_err(|e| self.connection.failure(e))?;
        let Some(chunk) = chunk else {
            *state = State::Ended;
            return Ok(Cursor::default());
        };
        self.connection.budget.receive(chunk.len())?;
        Ok(Cursor::new(chunk.to_vec()))
    }
}

/// The headers or the body of an answer.
pub(in crate::git) struct Part {
    exchange: Arc<Exchange>,
    is_body: bool,
    ended: bool,
    bytes: Cursor<Vec<u8>>,
}

impl Part {
    pub(super) fn headers(exchange: &Arc<Exchange>) -> Self {
        Self {
            exchange: Arc::clone(exchange),
            is_body: false,
            ended: false,
            bytes: Cursor::default(),
        }
    }

    pub(super) fn body(exchange: &Arc<Exchange>) -> Self {
        Self {
            is_body: true,
            ..Self::headers(exchange)
        }
    }
}

impl BufRead for Part {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.bytes.fill_buf()?.is_empty() && !self.ended {
            let next = if self.is_body {
                self.exchange.chunk()
            } else {
                self.exchange.headers()
            };
            self.bytes = next.map_err(|e| self.exchange.connection.budget.fail(e))?;
            self.ended = !self.is_body || self.bytes.get_ref().is_empty();
        }
        self.bytes.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Read for Part {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill_buf()?;
        self.bytes.read(buffer)
    }
}

/// Collects the body of a POST.
pub(in crate::git) struct PostBody(pub(super) Arc<Exchange>);

impl Write for PostBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *lock(&self.0.state) {
            State::Collecting { body, .. } if body.len() + bytes.len() <= MAX_REQUEST => {
                body.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            _ => Err(io::Error::other("the request is too long or already sent")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
