//! One connection of a client: request after request, each handed on or spoiled.

use std::{
    io::{self, BufReader, ErrorKind, Write},
    net::TcpStream,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustls::{ClientConnection, ServerConnection, StreamOwned, pki_types::ServerName};
use serde_json::json;

use super::{
    Shared,
    rule::Fault,
    socket::{self, LOOK, Patient},
};
use crate::cluster::http::{Body, Head, LAST_CHUNK};

type Client<'a> = BufReader<StreamOwned<ServerConnection, Patient<'a>>>;
type Upstream<'a> = BufReader<StreamOwned<ClientConnection, Patient<'a>>>;

/// Serves until either side ends, or a fault does.
pub(super) fn serve(shared: &Shared, socket: TcpStream) -> io::Result<()> {
    let tls = ServerConnection::new(Arc::clone(&shared.tls)).map_err(io::Error::other)?;
    let client = Patient::new(socket.try_clone()?, None, &shared.stopped)?;
    let mut exchange = Exchange {
        shared,
        socket,
        client: BufReader::new(StreamOwned::new(tls, client)),
        upstream: None,
    };
    while let Some(head) = Head::read(&mut exchange.client)? {
        exchange.request(head)?;
    }
    Ok(())
}

struct Exchange<'a> {
    shared: &'a Shared,
    socket: TcpStream,
    client: Client<'a>,
    upstream: Option<Upstream<'a>>,
}

impl Exchange<'_> {
    fn request(&mut self, head: Head) -> io::Result<()> {
        let (method, target) = (head.word(0).to_owned(), head.word(1).to_owned());
        let body = Body::of_request(&head)?.rest(&mut self.client)?;
        let fault = self.shared.judge(&method, &target);
        match fault {
            Some(Fault::Status { code, retry_after }) => return self.refuse(code, retry_after),
            Some(Fault::Reset) => return Err(self.reset()),
            Some(Fault::Stall) => return self.hold(None),
            Some(Fault::Delay(time)) => self.hold(Some(time))?,
            _ => {}
        }
        let answer = self.ask(&with_length(head, body.len()), &body)?;
        if fault == Some(Fault::LostAnswer) {
            return Err(self.reset());
        }
        self.hand_back(&answer, &method, fault)
    }

    /// Hands a request on. A connection that the server closed while it was idle is no fault that anybody asked for.
    fn ask(&mut self, head: &Head, body: &[u8]) -> io::Result<Head> {
        if let Some(mut idle) = self.upstream.take()
            && let Some(answer) = ask(&mut idle, head, body)?
        {
            self.upstream = Some(idle);
            return Ok(answer);
        }
        let upstream = self.upstream.insert(connect(self.shared, &self.socket)?);
        ask(upstream, head, body)?.ok_or_else(|| ErrorKind::UnexpectedEof.into())
    }

    fn hand_back(&mut self, answer: &Head, method: &str, fault: Option<Fault>) -> io::Result<()> {
        let Some(mut upstream) = self.upstream.take() else {
            return Err(ErrorKind::NotConnected.into());
        };
        answer.write(self.client.get_mut())?;
        let mut body = Body::of_answer(answer, method)?;
        let form = body;
        let events = fault.and_then(Fault::events);
        let (mut passed, mut sent) = (0, 0);
        while events.is_none_or(|limit| passed < limit) {
            let Some(piece) = body.piece(&mut upstream)? else {
                self.finish(form)?;
                self.upstream = Some(upstream);
                return Ok(());
            };
            match fault {
                Some(Fault::ResetAfter(limit)) if sent + piece.len() >= limit => {
                    self.send(form, &piece[..limit - sent])?;
                    return Err(self.reset());
                }
                Some(Fault::Slow { piece: size, pause }) => {
                    for part in piece.chunks(size.max(1)) {
                        self.hold(Some(pause))?;
                        self.send(form, part)?;
                    }
                }
                _ => {
                    let (bytes, lines) = passing(&piece, events.map(|limit| limit - passed));
                    passed += lines;
                    self.send(form, bytes)?;
                }
            }
            sent += piece.len();
        }
        self.end_watch(form, fault)
    }

    /// A watch whose events are used up.
    fn end_watch(&mut self, form: Body, fault: Option<Fault>) -> io::Result<()> {
        match fault {
            Some(Fault::SilentAfter(_)) => return self.hold(None),
            // Half an event, and no end of the body: nobody can take it for whole.
            Some(Fault::CutAfter(_)) => self.send(form, b"{\"type\":\"MODI")?,
            Some(Fault::ExpireAfter(_)) => {
                let event = json!({"type": "ERROR", "object": status(410)});
                self.send(form, format!("{event}\n").as_bytes())?;
                self.finish(form)?;
            }
            _ => self.finish(form)?,
        }
        // What is left of the server's answer is nobody's: neither connection is of use any more.
        Err(ErrorKind::ConnectionAborted.into())
    }

    fn send(&mut self, form: Body, bytes: &[u8]) -> io::Result<()> {
        // An empty chunk would be the last one.
        if bytes.is_empty() {
            return Ok(());
        }
        form.send(bytes, self.client.get_mut())
    }

    fn finish(&mut self, form: Body) -> io::Result<()> {
        match form {
            Body::Chunked(_) => self.client.get_mut().write_all(LAST_CHUNK)?,
            // Nothing but the end of the connection tells that this body is whole.
            Body::Rest => return Err(ErrorKind::ConnectionAborted.into()),
            Body::Length(_) => {}
        }
        self.client.get_mut().flush()
    }

    /// An answer of the proxy's own.
    fn refuse(&mut self, code: u16, retry_after: Option<u32>) -> io::Result<()> {
        let body = status(code).to_string();
        let mut head = Head {
            first: format!("HTTP/1.1 {code} {}", reason(code)),
            headers: vec![
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("Content-Length".to_owned(), body.len().to_string()),
            ],
        };
        head.headers
            .extend(retry_after.map(|seconds| ("Retry-After".to_owned(), seconds.to_string())));
        let client = self.client.get_mut();
        head.write(client)?;
        client.write_all(body.as_bytes())?;
        client.flush()
    }

    /// Waits for so long, or for ever; ends at once when the client does, or the proxy.
    fn hold(&self, time: Option<Duration>) -> io::Result<()> {
        let end = time.map(|time| Instant::now() + time);
        loop {
            let left = end.map_or(LOOK, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(());
            }
            if left < LOOK {
                thread::sleep(left);
            } else if socket::has_gone(&self.socket) || self.shared.is_stopped() {
                return Err(ErrorKind::ConnectionAborted.into());
            }
        }
    }

    /// What was sent arrives first: a reset takes back what is still on its way.
    fn reset(&self) -> io::Error {
        thread::sleep(LOOK);
        socket::reset(&self.socket);
        ErrorKind::ConnectionReset.into()
    }
}

fn connect<'a>(shared: &'a Shared, client: &TcpStream) -> io::Result<Upstream<'a>> {
    let name = ServerName::try_from("127.0.0.1").map_err(io::Error::other)?;
    let tls = ClientConnection::new(Arc::clone(&shared.upstream), name).map_err(io::Error::other)?;
    let socket = TcpStream::connect(&shared.server)?;
    let socket = Patient::new(socket, Some(client.try_clone()?), &shared.stopped)?;
    Ok(BufReader::new(StreamOwned::new(tls, socket)))
}

fn ask(upstream: &mut Upstream<'_>, head: &Head, body: &[u8]) -> io::Result<Option<Head>> {
    head.write(upstream.get_mut())?;
    upstream.get_mut().write_all(body)?;
    upstream.get_mut().flush()?;
    Head::read(upstream)
}

/// With a length in place of chunks: the body is known by now.
fn with_length(mut head: Head, length: usize) -> Head {
    head.headers.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        name != "transfer-encoding" && name != "content-length"
    });
    head.headers.push(("Content-Length".to_owned(), length.to_string()));
    head
}

/// What of a watch's bytes passes before so many events have, and how many do: events are lines.
fn passing(piece: &[u8], limit: Option<usize>) -> (&[u8], usize) {
    let Some(limit) = limit else { return (piece, 0) };
    let ends = piece
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1);
    let ends: Vec<usize> = ends.take(limit).collect();
    match ends.last() {
        Some(&end) if ends.len() == limit => (&piece[..end], limit),
        _ => (piece, ends.len()),
    }
}

/// As Kubernetes answers.
fn status(code: u16) -> serde_json::Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "reason": reason(code), "code": code, "message": "spoiled by a test",
    })
}

/// Kubernetes' word for a status (metav1.StatusReason).
fn reason(code: u16) -> &'static str {
    match code {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        422 => "Invalid",
        429 => "TooManyRequests",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "InternalError",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_wherever_pieces_end() {
        assert_eq!(passing(b"{1}\n{2", Some(2)), (&b"{1}\n{2"[..], 1));
        assert_eq!(passing(b"}\n{3}\n", Some(1)), (&b"}\n"[..], 1));
        assert_eq!(passing(b"{1}\n{2}\n{3}\n", Some(2)), (&b"{1}\n{2}\n"[..], 2));
        assert_eq!(passing(b"any\nthing", None), (&b"any\nthing"[..], 0));
    }
}
