//! Git over HTTP as a server speaks it: requests are read, and answered by git's own CGI program.

use std::{
    collections::HashMap,
    io::{self, BufRead, Read as _, Write},
    path::Path,
    process::{Command, Stdio},
};

/// What a client asked for.
#[derive(Debug)]
pub struct Request {
    /// `GET`, `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// By name in lower case.
    pub headers: HashMap<String, String>,
    /// Without its chunks.
    pub body: Vec<u8>,
}

/// What the CGI program answered.
#[derive(Debug)]
pub struct Answer {
    /// Code and reason: `200 OK`.
    pub status: String,
    /// Lines that end in CR LF; without the length.
    pub headers: String,
    /// As it is sent.
    pub body: Vec<u8>,
}

/// The next request of a connection; `None` when the client has closed it.
///
/// # Errors
/// When the connection fails or chunks are malformed.
pub fn read_request(stream: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = Vec::new();
    if headers.get("transfer-encoding").is_some_and(|e| e == "chunked") {
        read_chunks(stream, &mut body)?;
    } else if let Some(length) = headers.get("content-length").and_then(|l| l.parse().ok()) {
        stream.take(length).read_to_end(&mut body)?;
    }
    Ok(Some(Request {
        method,
        target,
        headers,
        body,
    }))
}

fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        stream.take(length).read_to_end(body)?;
        stream.read_line(&mut String::new())?;
        if length == 0 {
            return Ok(());
        }
    }
}

/// Runs `git http-backend` for the repositories in a folder. `git`: the program with the environment it is to have.
///
/// # Errors
/// When it can't be run, or answers no headers.
pub fn backend(mut git: Command, root: &Path, request: &Request) -> io::Result<Answer> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
    let mut child = git
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&request.body)?;
    }
    let output = child.wait_with_output()?.stdout;
    let end = output
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .ok_or_else(|| io::Error::other("no CGI headers"))?;
    let (mut status, mut headers) = ("200 OK".to_owned(), String::new());
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        match line.split_once(": ") {
            Some(("Status", value)) => status = value.to_owned(),
            _ => headers.push_str(&format!("{line}\r\n")),
        }
    }
    Ok(Answer {
        status,
        headers,
        body: output[end + 4..].to_vec(),
    })
}

/// Sends an answer.
///
/// # Errors
/// When the connection fails.
pub fn respond(stream: &mut dyn Write, status: &str, headers: &str, body: &[u8]) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat())?;
    stream.flush()
}
