//! The worker process: compiles or runs plugins behind its walls. Started by the engine with its socket as standard input.

mod artefact;
mod call;
mod compile;
mod guest;
mod link;
mod runtime;
mod state;
mod watch;

use std::{
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    process::ExitCode,
};

use windlass_core::{digest::Digest, plugin::World};

pub(crate) use runtime::compatibility;

use crate::{
    frame::{self, FROM_ENGINE, FrameError},
    limits,
    protocol::{Ready, Start},
    sandbox::{self, Duty},
};
use artefact::Loaded;

/// The argument with which the engine starts its own executable as a worker.
pub const ARGUMENT: &str = "worker";

/// Why a worker ends early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkerError {
    #[error("standard input is no socket of an engine: this command is started by windlass itself")]
    NoSocket {
        #[source]
        source: std::io::Error,
    },
    #[error("the connection to the engine failed: {source}")]
    Frame {
        #[from]
        source: FrameError,
    },
    #[error("the wasm runtime can't start: {message}")]
    Runtime { message: String },
    #[error("a thread can't be started: {source}")]
    Thread {
        #[source]
        source: std::io::Error,
    },
}

/// Runs a worker until its engine closes the connection. Errors go to standard error, which the engine keeps.
#[must_use]
pub fn main() -> ExitCode {
    main_with(|_| {})
}

/// [`main`] with code of the caller's behind the walls, once they stand and before the first call: where a test puts what
/// native code of an attacker would do.
#[must_use]
pub fn main_with(inside: fn(Duty)) -> ExitCode {
    match socket().and_then(|socket| serve(&socket, inside)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(WorkerError::Frame {
            source: FrameError::Closed,
        }) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "windlass worker: {error}");
            ExitCode::FAILURE
        }
    }
}

fn socket() -> Result<UnixStream, WorkerError> {
    let no_socket = |source| WorkerError::NoSocket { source };
    let descriptor = std::io::stdin().as_fd().try_clone_to_owned().map_err(no_socket)?;
    rustix::net::sockopt::socket_type(&descriptor).map_err(|e| no_socket(e.into()))?;
    Ok(UnixStream::from(descriptor))
}

fn serve(socket: &UnixStream, inside: fn(Duty)) -> Result<(), WorkerError> {
    let (start, component) = frame::read::<Start>(&mut &*socket, FROM_ENGINE)?;
    match start {
        Start::Compile {
            memory,
            processor_seconds,
            artefact_bytes,
        } => {
            let limits = compile::Limits {
                memory,
                processor_seconds,
                artefact_bytes,
            };
            compile::serve(socket, &component, limits, inside)
        }
        Start::Run { artefacts, memory } => run(socket, &artefacts, memory, inside),
    }
}

/// Plugins are mapped first, while files can still be opened; no byte of them has run then.
fn run(socket: &UnixStream, components: &[(Digest, World)], memory: u64, inside: fn(Duty)) -> Result<(), WorkerError> {
    let engine = runtime::engine()?;
    let linkers = guest::linkers(&engine)?;
    let mut loaded = Vec::new();
    let mut refused = Vec::new();
    for (digest, world) in components {
        let file = frame::receive_descriptor(socket.as_fd())?;
        match Loaded::map(&linkers, &file, *world) {
            Ok(plugin) => {
                loaded.push((*digest, plugin));
                refused.push(None);
            }
            Err(message) => refused.push(Some(message)),
        }
    }
    let walls = sandbox::enter(memory + limits::WORKER_OVERHEAD);
    watch::parent(socket)?;
    let watchdog = watch::Watchdog::start(&engine)?;
    let link = link::Link::new(socket)?;
    on_call_thread(|| {
        let walls = sandbox::close(walls, Duty::Run);
        frame::write(&mut &*socket, &Ready { walls, refused }, &[])?;
        inside(Duty::Run);
        call::serve(link, &loaded, &watchdog)
    })?
}

/// Guests run on a stack of known size, whatever the shell's limit is.
fn on_call_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, WorkerError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("call".to_owned())
            .stack_size(limits::CALL_THREAD_STACK)
            .spawn_scoped(scope, work)
            .map_err(|source| WorkerError::Thread { source })?;
        thread.join().map_err(|panic| WorkerError::Runtime {
            message: panic_text(panic.as_ref()),
        })
    })
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panicked".to_owned())
}

/// A descriptor as a path that can be opened again.
fn descriptor_path(descriptor: &OwnedFd) -> String {
    use std::os::fd::AsRawFd as _;
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}
