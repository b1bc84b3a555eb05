//! A verb that asks: the process that holds the state, or the state itself.

use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::{fd::AsRawFd as _, unix::net::UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Apps, Request, Response, perform, server::SOCKET};
use crate::{
    desk::Desk,
    render::Store,
    state::{State, StateError},
};

/// Most bytes of an answer: a hundred entries of fifty objects take one.
const ANSWER: u64 = 16 << 20;

/// How long an answer may take. The threat is a process that was stopped, and holds the socket.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that has taken hold of the state listens within a moment.
const TRIES: u32 = 10;
const BETWEEN: Duration = Duration::from_millis(200);

/// Why nobody answers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// There is nothing to ask.
    #[error("there is no state at `{}`: nothing was applied from it yet", .0.display())]
    NoState(PathBuf),
    /// The state can't be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The process that holds it doesn't answer.
    #[error("the process that holds the state does not answer")]
    Mute(#[source] io::Error),
    /// It answers something else.
    #[error("the process that holds the state answers what this version does not know: is it another one?")]
    Strange(#[source] serde_json::Error),
}

/// Asks whoever holds the state.
pub(crate) fn ask(dir: &Path, request: &Request) -> Result<Response, AskError> {
    let mut tries = 0;
    loop {
        if let Some(answer) = over_the_socket(dir, request)? {
            return Ok(answer);
        }
        if !dir.join("state.redb").exists() {
            return Err(AskError::NoState(dir.to_owned()));
        }
        match by_itself(dir, request) {
            // It has begun, or is about to end.
            Err(AskError::State(StateError::InUse { .. })) if tries < TRIES => {
                tries += 1;
                std::thread::sleep(BETWEEN);
            }
            other => return other,
        }
    }
}

fn by_itself(dir: &Path, request: &Request) -> Result<Response, AskError> {
    let state = State::open(dir)?;
    let inventories = Arc::new(state.inventories()?);
    let renders = Store::new(&state.renders(), state.secret()).keeping(&state.history());
    let desk = Desk::open(inventories, Arc::new(renders), 0)?;
    Ok(perform(&desk, &Apps::default(), request))
}

/// `None`: nobody listens.
fn over_the_socket(dir: &Path, request: &Request) -> Result<Option<Response>, AskError> {
    let Ok(folder) = File::open(dir) else { return Ok(None) };
    // A socket's path may have 107 bytes; that of the state may have more.
    let path = format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd());
    let mut stream = match UnixStream::connect(path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(AskError::Mute(error)),
    };
    let mut line = serde_json::to_vec(request).map_err(AskError::Strange)?;
    line.push(b'\n');
    let mut answer = Vec::new();
    let exchange = (|| {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(&line)?;
        BufReader::new(stream.take(ANSWER)).read_until(b'\n', &mut answer)
    })();
    exchange.map_err(AskError::Mute)?;
    if answer.is_empty() {
        return Err(AskError::Mute(io::ErrorKind::UnexpectedEof.into()));
    }
    serde_json::from_slice(&answer).map(Some).map_err(AskError::Strange)
}
