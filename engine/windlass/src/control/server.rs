//! The socket of the process that holds the state: one line of JSON is asked, one is answered.
//!
//! Nobody but the user that the process runs as, and root, is answered: the socket is theirs alone, and the kernel says who asks.

use std::{
    fs::{self, File},
    io,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::JoinHandle,
    time::timeout,
};

use super::{Apps, Request, Response, perform};
use crate::{
    desk::Desk,
    engine::{Engine, blocking},
};

/// Name of the socket in the state folder.
pub(super) const SOCKET: &str = "control.sock";

/// Most bytes of a question: a reason is some sentences.
const QUESTION: u64 = 64 << 10;

/// Questions answered at a time; others wait. Each may read all inventories.
const WIDTH: usize = 4;

/// How long a question may take to come, and an answer to be taken. The threat is a client that was stopped and keeps a place.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens until it is dropped.
pub(crate) struct Serving {
    path: PathBuf,
    task: JoinHandle<()>,
}

/// Answers questions from now on. Nobody depends on it: where no socket can be made, that is told, and the loop goes on.
pub(crate) fn serve(engine: &Arc<Engine>) -> Option<Serving> {
    let dir = &engine.options().state;
    match bind(dir) {
        Ok(listener) => Some(Serving {
            path: dir.join(SOCKET),
            task: tokio::spawn(listen(listener, Arc::clone(engine))),
        }),
        Err(error) => {
            tracing::warn!(dir = %dir.display(), %error, "no socket for `windlass suspend` and others can be made");
            None
        }
    }
}

/// Made under another name and moved into place: it is never there with other permissions. What a killed process left is replaced,
/// for the state is ours alone.
fn bind(dir: &Path) -> io::Result<UnixListener> {
    let folder = File::open(dir)?;
    let here = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
    let new = here.join(format!(".{SOCKET}-{}", std::process::id()));
    let _ = fs::remove_file(&new);
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    fs::rename(&new, here.join(SOCKET))?;
    Ok(listener)
}

async fn listen(listener: UnixListener, engine: Arc<Engine>) {
    let places = Arc::new(Semaphore::new(WIDTH));
    loop {
        // Never closed, so there is always a place to wait for.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let apps = Apps::of(engine.config().apps.values());
                let desk = Arc::clone(engine.desk());
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, desk, apps).await {
                        tracing::debug!(%error, "a question could not be answered");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no question can be taken");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn converse(mut stream: UnixStream, desk: Arc<Desk>, apps: Apps) -> io::Result<()> {
    let (asks, own) = (stream.peer_cred()?.uid(), rustix::process::geteuid().as_raw());
    if asks != own && asks != 0 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let (reader, mut writer) = stream.split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(QUESTION));
    timeout(PATIENCE, reader.read_until(b'\n', &mut line)).await??;
    let response = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => {
            let answered = blocking(move || perform(&desk, &apps, &request)).await;
            answered.unwrap_or_else(|_| refused("it was interrupted".to_owned()))
        }
        Err(error) => refused(format!(
            "the question can't be read: is `windlass` another version than what runs? {error}"
        )),
    };
    let mut answer = serde_json::to_vec(&response)?;
    answer.push(b'\n');
    timeout(PATIENCE, writer.write_all(&answer)).await??;
    writer.shutdown().await
}

const fn refused(message: String) -> Response {
    Response::Refused { message, help: None }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
        // The state is still held, so that it is nobody else's.
        let _ = fs::remove_file(&self.path);
    }
}
