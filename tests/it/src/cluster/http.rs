//! As much of HTTP/1.1 (RFC 9112) as a test's client and a proxy need: heads, and bodies piece by piece.

use std::io::{self, BufRead, Write};

/// A head larger than this is nobody's who is tested here.
const MAX_HEAD: usize = 1 << 20;

/// Bytes of a body that are read at once.
const PIECE: usize = 16 << 10;

/// A request or status line with its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// `GET /api HTTP/1.1`, or `HTTP/1.1 200 OK`.
    pub(super) first: String,
    pub(super) headers: Vec<(String, String)>,
}

impl Head {
    /// `None` when the other side has closed in between.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(from)? else { return Ok(None) };
        let mut head = Self {
            first,
            headers: Vec::new(),
        };
        let mut size = head.first.len();
        loop {
            let line = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if line.is_empty() {
                return Ok(Some(head));
            }
            size += line.len();
            if size > MAX_HEAD {
                return Err(invalid("a head without end"));
            }
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| invalid("a header without a colon"))?;
            head.headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The `index`th word of the first line.
    pub(super) fn word(&self, index: usize) -> &str {
        self.first.split(' ').nth(index).unwrap_or_default()
    }

    /// Of an answer.
    pub(super) fn status(&self) -> io::Result<u16> {
        self.word(1).parse().map_err(|_| invalid("a status that is no number"))
    }

    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        to.write_all(text.as_bytes())?;
        to.flush()
    }
}

/// How the end of a body is known, and how much is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes.
    Length(u64),
    /// So many bytes of the current chunk.
    Chunked(u64),
    /// Up to the end of the connection.
    Rest,
}

impl Body {
    pub(super) fn of_request(head: &Head) -> io::Result<Self> {
        Ok(Self::declared(head)?.unwrap_or(Self::Length(0)))
    }

    /// `method` is that of the request.
    pub(super) fn of_answer(head: &Head, method: &str) -> io::Result<Self> {
        if method == "HEAD" || matches!(head.status()?, 100..=199 | 204 | 304) {
            return Ok(Self::Length(0));
        }
        Ok(Self::declared(head)?.unwrap_or(Self::Rest))
    }

    fn declared(head: &Head) -> io::Result<Option<Self>> {
        if head
            .get("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            return Ok(Some(Self::Chunked(0)));
        }
        let length = head.get("content-length").map(str::parse).transpose();
        Ok(length
            .map_err(|_| invalid("a length that is no number"))?
            .map(Self::Length))
    }

    /// The next bytes, as soon as there are some; `None` at the end.
    pub(super) fn piece(&mut self, from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
        let left = match self {
            Self::Length(0) => return Ok(None),
            Self::Length(left) => *left,
            Self::Rest => u64::MAX,
            Self::Chunked(left) => {
                if *left == 0 {
                    *left = chunk_size(from)?;
                }
                if *left == 0 {
                    // Trailers, if any, and the last line.
                    while !line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?.is_empty() {}
                    *self = Self::Length(0);
                    return Ok(None);
                }
                *left
            }
        };
        let available = from.fill_buf()?;
        let taken = available
            .len()
            .min(PIECE)
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let bytes = available[..taken].to_vec();
        from.consume(taken);
        match self {
            Self::Rest if bytes.is_empty() => return Ok(None),
            _ if bytes.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            Self::Rest => {}
            Self::Length(left) => *left -= taken as u64,
            Self::Chunked(left) => {
                *left -= taken as u64;
                if *left == 0 {
                    line(from)?;
                }
            }
        }
        Ok(Some(bytes))
    }

    /// All that is left.
    pub(super) fn rest(&mut self, from: &mut impl BufRead) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece(from)? {
            all.extend(piece);
        }
        Ok(all)
    }

    /// Sends bytes in the form that was announced.
    pub(super) fn send(self, bytes: &[u8], to: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Chunked(_) => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend_from_slice(bytes);
                chunk.extend_from_slice(b"\r\n");
                to.write_all(&chunk)?;
            }
            Self::Length(_) | Self::Rest => to.write_all(bytes)?,
        }
        to.flush()
    }
}

/// What ends a chunked body.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn chunk_size(from: &mut impl BufRead) -> io::Result<u64> {
    let line = line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let digits = line.split(';').next().unwrap_or_default().trim();
    u64::from_str_radix(digits, 16).map_err(|_| invalid("a chunk without a size"))
}

/// A line without its end; `None` at the end of the connection.
fn line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    io::Read::take(&mut *from, MAX_HEAD as u64).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    let text = bytes
        .strip_suffix(b"\r\n")
        .ok_or_else(|| invalid("a line without end"))?;
    Ok(Some(String::from_utf8_lossy(text).into_owned()))
}

fn invalid(problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_comes_piece_by_piece() {
        let mut text: &[u8] =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\nnext";
        let head = Head::read(&mut text).unwrap().unwrap();
        let mut body = Body::of_answer(&head, "GET").unwrap();
        assert_eq!(body.piece(&mut text).unwrap().unwrap(), b"abc");
        assert_eq!(body.piece(&mut text).unwrap().unwrap(), b"de");
        assert_eq!(body.piece(&mut text).unwrap(), None);
        assert_eq!(text, b"next");
    }

    #[test]
    fn a_body_that_breaks_off_is_an_error() {
        for text in [
            "Content-Length: 5\r\n\r\nabc",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
        ] {
            let text = format!("HTTP/1.1 200 OK\r\n{text}");
            let mut bytes = text.as_bytes();
            let head = Head::read(&mut bytes).unwrap().unwrap();
            let mut body = Body::of_answer(&head, "GET").unwrap();
            assert_eq!(body.rest(&mut bytes).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn what_has_no_body_is_not_waited_for() {
        for (first, method, body) in [
            ("HTTP/1.1 204 No Content", "GET", Body::Length(0)),
            ("HTTP/1.1 200 OK", "HEAD", Body::Length(0)),
            ("HTTP/1.1 200 OK", "GET", Body::Rest),
        ] {
            let head = Head {
                first: first.to_owned(),
                headers: Vec::new(),
            };
            assert_eq!(Body::of_answer(&head, method).unwrap(), body);
        }
    }

    #[test]
    fn chunks_are_written_as_they_are_read() {
        let mut wire = Vec::new();
        Body::Chunked(0).send(b"hello", &mut wire).unwrap();
        wire.extend_from_slice(LAST_CHUNK);
        assert_eq!(Body::Chunked(0).rest(&mut wire.as_slice()).unwrap(), b"hello");
    }
}
