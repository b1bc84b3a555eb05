//! A conversation with a `git upload-pack` through the pipes of a child process: git itself, or ssh.
//!
//! Its output is read by a thread of its own, so that a silent child can be left at any time; whoever leaves kills it.

use std::{
    any::Any,
    borrow::Cow,
    fs::File,
    io::{self, Read, Write},
    process::{self, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Instant,
};

use gix::bstr::{BStr, BString};
use gix_transport::{
    Protocol, Service,
    client::{
        self, MessageKind, TransportWithoutIO, WriteMode,
        blocking_io::{RequestWriter, SetServiceResponse, Transport},
        git::{ConnectMode, blocking_io::Connection},
    },
};

use crate::{
    budget::{Budget, TICK, lock},
    error::Error,
};

/// Bytes read from the child at once.
const CHUNK: usize = 64 << 10;

/// Chunks that wait for the reader: bounds memory when the disk is slower than the child.
const CHUNKS: usize = 16;

/// Kept of what the child says when it fails.
const MESSAGE: u64 = 4 << 10;

/// A running child.
pub(super) struct Child {
    connection: Connection<Output, Input>,
    process: Arc<Mutex<process::Child>>,
    held: Vec<File>,
}

/// How a child ended that should not have.
pub(super) struct Ended {
    /// What it said on standard error, its beginning.
    pub(super) said: String,
    /// Its exit code; none after a signal.
    pub(super) code: Option<i32>,
    /// It had said something before, so the other side was there.
    pub(super) midway: bool,
}

impl Ended {
    /// The end of a program that git's words tell of: before the first byte it refused, after it the conversation broke.
    pub(super) fn as_git_tells(&self, url: String, line: &str) -> Error {
        let message = line.trim_start_matches("fatal: ").to_owned();
        if self.midway {
            let source = io::Error::new(io::ErrorKind::UnexpectedEof, message);
            return Error::Broken {
                url,
                source: source.into(),
            };
        }
        Error::Refused {
            url,
            message,
            transient: false,
        }
    }
}

/// What such an end means.
pub(super) type Explain = fn(url: String, ended: &Ended) -> Error;

impl Child {
    /// Starts it. `path` is for gix's messages.
    pub(super) fn start(
        mut command: Command,
        path: BString,
        explain: Explain,
        budget: &Arc<Budget>,
    ) -> io::Result<Self> {
        command
            .env("GIT_PROTOCOL", "version=2")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn()?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(io::Error::other("no pipes to the child"));
        };
        let process = Arc::new(Mutex::new(process));
        let output = Output {
            chunks: chunks(output),
            errors: Some(said(errors)),
            process: Arc::clone(&process),
            budget: Arc::clone(budget),
            explain,
            chunk: io::Cursor::default(),
            seen: false,
        };
        let none = None::<(String, Option<u16>)>;
        let connection = Connection::new(
            output,
            Input(input),
            Protocol::V2,
            path,
            none,
            ConnectMode::Process,
            false,
        );
        Ok(Self {
            connection,
            process,
            held: Vec::new(),
        })
    }

    /// Keeps files open as long as the child runs.
    pub(super) fn holding(mut self, files: impl IntoIterator<Item = File>) -> Self {
        self.held.extend(files);
        self
    }
}

/// A command without environment but `PATH`.
pub(super) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

impl Drop for Child {
    fn drop(&mut self) {
        let mut process = lock(&self.process);
        // It may have ended by itself; either way it is reaped here.
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// What the child reads. A child that refuses closes it at once, maybe before we have sent all; its reason waits in what it
/// wrote. So a closed pipe is no failure here: the rest is dropped, and reading tells.
struct Input(ChildStdin);

impl Input {
    fn unless_closed<T>(result: io::Result<T>, dropped: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(dropped),
            other => other,
        }
    }
}

impl Write for Input {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::unless_closed(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::unless_closed(self.0.flush(), ())
    }
}

fn chunks(mut output: ChildStdout) -> mpsc::Receiver<io::Result<Vec<u8>>> {
    let (sender, chunks) = mpsc::sync_channel(CHUNKS);
    thread::spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK];
            let read = output.read(&mut chunk);
            chunk.truncate(*read.as_ref().unwrap_or(&0));
            let last = chunk.is_empty();
            if sender.send(read.map(|_| chunk)).is_err() || last {
                return;
            }
        }
    });
    chunks
}

fn said(mut errors: ChildStderr) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = errors.by_ref().take(MESSAGE).read_to_end(&mut text);
        let _ = io::copy(&mut errors, &mut io::sink());
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// What the child writes.
struct Output {
    chunks: mpsc::Receiver<io::Result<Vec<u8>>>,
    errors: Option<thread::JoinHandle<String>>,
    process: Arc<Mutex<process::Child>>,
    budget: Arc<Budget>,
    explain: Explain,
    chunk: io::Cursor<Vec<u8>>,
    seen: bool,
}

impl Output {
    fn next(&mut self) -> Result<Vec<u8>, Error> {
        let idle = self.budget.limits().idle;
        let silent_since = Instant::now();
        loop {
            self.budget.check()?;
            match self.chunks.recv_timeout(TICK) {
                Ok(Ok(chunk)) if chunk.is_empty() => return self.end(),
                Ok(Ok(chunk)) => return self.budget.receive(chunk.len()).map(|()| chunk),
                Ok(Err(source)) => {
                    return Err(Error::Broken {
                        url: self.budget.url().to_owned(),
                        source: source.into(),
                    });
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(mpsc::RecvTimeoutError::Timeout) if silent_since.elapsed() >= idle => {
                    return Err(self.budget.timeout("silence from the server", idle));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// An end that nobody asked for: what the child said on its way out is the reason.
    fn end(&mut self) -> Result<Vec<u8>, Error> {
        let Some(errors) = self.errors.take() else {
            return Ok(Vec::new());
        };
        let status = self.wait_for(|| lock(&self.process).try_wait().transpose())?;
        let code = status.ok().and_then(|status| status.code());
        if self.seen && code == Some(0) {
            return Ok(Vec::new());
        }
        self.wait_for(|| errors.is_finished().then_some(()))?;
        let ended = Ended {
            said: errors.join().unwrap_or_default(),
            code,
            midway: self.seen,
        };
        Err((self.explain)(self.budget.url().to_owned(), &ended))
    }

    /// Asks until there is an answer, within the budget: a process whose output is closed is about to end.
    fn wait_for<T>(&self, ask: impl Fn() -> Option<T>) -> Result<T, Error> {
        loop {
            if let Some(answer) = ask() {
                return Ok(answer);
            }
            self.budget.check()?;
            thread::sleep(TICK);
        }
    }
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.position() == self.chunk.get_ref().len() as u64 {
            let chunk = self.next().map_err(|e| self.budget.fail(e))?;
            self.seen |= !chunk.is_empty();
            self.chunk = io::Cursor::new(chunk);
        }
        self.chunk.read(buffer)
    }
}

impl TransportWithoutIO for Child {
    fn to_url(&self) -> Cow<'_, BStr> {
        self.connection.to_url()
    }

    fn connection_persists_across_multiple_requests(&self) -> bool {
        true
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }
}

impl Transport for Child {
    fn handshake<'a>(
        &mut self,
        service: Service,
        extra_parameters: &'a [(&'a str, Option<&'a str>)],
    ) -> Result<SetServiceResponse<'_>, client::Error> {
        self.connection.handshake(service, extra_parameters)
    }

    fn request(
        &mut self,
        write_mode: WriteMode,
        on_into_read: MessageKind,
        trace: bool,
    ) -> Result<RequestWriter<'_>, client::Error> {
        self.connection.request(write_mode, on_into_read, trace)
    }
}
