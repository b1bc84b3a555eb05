//! The engine's end of a worker process.

use std::{
    io::{self, BufReader, Read as _},
    os::{
        fd::{AsFd as _, BorrowedFd},
        unix::{net::UnixStream, process::ExitStatusExt as _},
    },
    path::PathBuf,
    process::{Child, ChildStderr, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    cancel::Cancel,
    error::HostFailure,
    frame::{self, FROM_WORKER, FrameError},
    limits,
    protocol::{Ready, Start},
};

/// How a worker is started. By default the engine's own executable with [`crate::worker::ARGUMENT`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
}

impl WorkerCommand {
    /// This process's own executable.
    ///
    /// # Errors
    /// When the system doesn't say where it is.
    pub fn own() -> io::Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            arguments: vec![crate::worker::ARGUMENT.to_owned()],
        })
    }
}

/// How often a waiting engine looks whether the caller gave up.
const CANCEL_INTERVAL: Duration = Duration::from_millis(50);

/// How long a dead worker's standard error is waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A running worker. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Worker {
    child: Arc<Mutex<Child>>,
    to: UnixStream,
    from: BufReader<Timed>,
    stderr: Arc<Mutex<Vec<u8>>>,
    /// Reads standard error; through when the pipe is closed.
    reader: Option<JoinHandle<()>>,
}

/// Ends a worker from another thread than the one that waits for it.
#[derive(Debug)]
pub(crate) struct Killer(Arc<Mutex<Child>>);

impl Killer {
    pub(crate) fn kill(&self) {
        let _ = self.0.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }
}

impl Worker {
    /// Starts a process without environment; its standard input is the socket, what it says is kept, bounded.
    pub(crate) fn spawn(command: &WorkerCommand) -> Result<Self, HostFailure> {
        let fail = |what: &str| {
            let what = what.to_owned();
            move |source| HostFailure::Spawn { what, source }
        };
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(|e| fail("socketpair")(e.into()))?;
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(fail(&command.program.display().to_string()))?;
        let to = UnixStream::from(ours);
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let kept = child.stderr.take().map(|pipe| (pipe, stderr.clone()));
        // From here on a failure kills the child.
        let from = Timed::new(to.try_clone().map_err(fail("socket"))?);
        let mut worker = Self {
            child: Arc::new(Mutex::new(child)),
            to,
            from: BufReader::new(from),
            stderr,
            reader: None,
        };
        worker
            .to
            .set_write_timeout(Some(limits::WRITE_TIME))
            .map_err(fail("socket"))?;
        worker
            .to
            .set_read_timeout(Some(CANCEL_INTERVAL))
            .map_err(fail("socket"))?;
        if let Some((pipe, kept)) = kept {
            let name = "worker-stderr".to_owned();
            let reader = std::thread::Builder::new()
                .name(name)
                .spawn(move || keep(pipe, &kept))
                .map_err(fail("thread"))?;
            worker.reader = Some(reader);
        }
        Ok(worker)
    }

    /// Sends the first frame and its descriptors, and waits until the walls stand.
    pub(crate) fn start(
        &mut self,
        start: &Start,
        body: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<Ready, HostFailure> {
        self.start_within(limits::START_TIME, start, body, descriptors)
    }

    fn start_within(
        &mut self,
        time: Duration,
        start: &Start,
        body: &[u8],
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<Ready, HostFailure> {
        self.send(start, body)?;
        for descriptor in descriptors {
            frame::send_descriptor(self.to.as_fd(), *descriptor).map_err(|e| self.failure(e))?;
        }
        self.limit(Instant::now() + time, &Cancel::default());
        let ready: Ready = self.receive()?.0;
        if !ready.walls.complete() {
            tracing::warn!(walls = %ready.walls, "a worker runs with walls missing: the kernel does not offer them");
        }
        Ok(ready)
    }

    pub(crate) fn send(&mut self, message: &impl Serialize, body: &[u8]) -> Result<(), HostFailure> {
        frame::write(&mut self.to, message, body).map_err(|e| self.failure(e))
    }

    /// From now on, what is received must have arrived at `deadline`, and nothing is waited for once `cancel` is set.
    pub(crate) fn limit(&mut self, deadline: Instant, cancel: &Cancel) {
        let from = self.from.get_mut();
        from.begun = Instant::now();
        from.deadline = deadline;
        from.cancel = cancel.clone();
    }

    /// The next frame.
    pub(crate) fn receive<T: DeserializeOwned>(&mut self) -> Result<(T, Vec<u8>), HostFailure> {
        frame::read(&mut self.from, FROM_WORKER).map_err(|e| self.failure(e))
    }

    /// In words of the engine. A worker that broke the protocol or its pipe is of no use: the caller drops it.
    fn failure(&self, error: FrameError) -> HostFailure {
        match error {
            FrameError::Closed => self.death(),
            FrameError::Io { source } if source.kind() == io::ErrorKind::TimedOut => HostFailure::Unresponsive {
                after: self.from.get_ref().begun.elapsed(),
            },
            FrameError::Io { .. } if self.from.get_ref().cancel.is_cancelled() => HostFailure::Cancelled,
            FrameError::Io { source } if self.exited() => {
                tracing::debug!(%source, "worker socket");
                self.death()
            }
            FrameError::Io { source } => HostFailure::Protocol {
                what: format!("its socket failed: {source}"),
            },
            error => {
                use std::error::Error as _;
                let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
                HostFailure::Protocol {
                    what: format!("{error}{cause}"),
                }
            }
        }
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn killer(&self) -> Killer {
        Killer(self.child.clone())
    }

    fn exited(&self) -> bool {
        matches!(self.child().try_wait(), Ok(Some(_)))
    }

    fn death(&self) -> HostFailure {
        let _ = self.child().kill();
        let ended = self.child().wait();
        let (how, signal) = match ended {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => (format!("exit code {code}"), None),
                (None, Some(signal)) => (format!("signal {signal}"), Some(signal)),
                (None, None) => ("unknown status".to_owned(), None),
            },
            Err(error) => (error.to_string(), None),
        };
        self.read_all();
        let stderr = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        HostFailure::WorkerDied {
            how,
            signal,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        }
    }

    /// The pipe is closed now, its reader about to be through. It may not be when somebody else holds the pipe open.
    fn read_all(&self) {
        let end = Instant::now() + LAST_WORDS;
        while self.reader.as_ref().is_some_and(|reader| !reader.is_finished()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child().id()
    }

    /// Resident bytes, by the kernel's word; 0 when it doesn't say.
    pub(crate) fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.id())).unwrap_or_default();
        let pages: u64 = statm
            .split(' ')
            .nth(1)
            .and_then(|pages| pages.parse().ok())
            .unwrap_or(0);
        pages * rustix::param::page_size() as u64
    }
}

/// Reads with a deadline and a way to give up: a worker may trickle bytes.
#[derive(Debug)]
struct Timed {
    socket: UnixStream,
    begun: Instant,
    deadline: Instant,
    cancel: Cancel,
}

impl Timed {
    fn new(socket: UnixStream) -> Self {
        let now = Instant::now();
        Self {
            socket,
            begun: now,
            deadline: now,
            cancel: Cancel::default(),
        }
    }
}

impl io::Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.cancel.is_cancelled() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if Instant::now() >= self.deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.socket.read(buffer) {
                // The socket's own timeout, one interval.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Keeps the last bytes of what a worker says.
fn keep(mut pipe: ChildStderr, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 1024];
    while let Ok(n @ 1..) = pipe.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..n]);
        let over = kept.len().saturating_sub(limits::STDERR_BYTES);
        kept.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A worker that is a shell.
    fn shell(script: &str) -> Worker {
        let command = WorkerCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
        };
        Worker::spawn(&command).unwrap()
    }

    #[test]
    fn a_worker_that_is_never_ready_is_given_up() {
        let start = Start::Run {
            artefacts: Vec::new(),
            memory: 0,
        };
        let begin = Instant::now();
        let failure = shell("exec sleep 60").start_within(Duration::from_millis(200), &start, &[], &[]);
        assert!(matches!(failure, Err(HostFailure::Unresponsive { .. })), "{failure:?}");
        assert!(begin.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_worker_that_reads_nothing_is_given_up() {
        let mut worker = shell("exec sleep 60");
        assert_eq!(worker.to.write_timeout().unwrap(), Some(limits::WRITE_TIME));
        worker.to.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let failure = worker.send(&(), &vec![0; 64 << 20]);
        assert!(matches!(failure, Err(HostFailure::Protocol { .. })), "{failure:?}");
    }

    #[test]
    fn the_end_of_what_a_worker_says_is_kept() {
        let mut worker = shell("yes windlass | head -c 200000 >&2; echo the end >&2; exit 3");
        worker.limit(Instant::now() + Duration::from_secs(20), &Cancel::default());
        let Err(HostFailure::WorkerDied { how, signal, stderr }) = worker.receive::<u8>() else {
            panic!("it lives")
        };
        assert_eq!((how.as_str(), signal), ("exit code 3", None));
        assert!(stderr.ends_with("the end\n"), "{stderr}");
        assert_eq!(stderr.len(), limits::STDERR_BYTES);
    }
}
