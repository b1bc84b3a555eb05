//! The configuration file, while the loop runs over it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::JoinSet,
    time::sleep,
};
use windlass_core::digest::Digest;

use crate::{
    cli::{configuration, failure::Failure},
    engine::{Engine, blocking},
};

/// Between two looks at the file. A ConfigMap that is mounted comes by another link, which no watch on the file itself would see.
const LOOK: Duration = Duration::from_secs(1);

/// Follows a file until it is dropped.
pub(super) struct Follower {
    refused: UnboundedReceiver<Failure>,
    _following: JoinSet<()>,
}

impl Follower {
    /// From what the engine has read of it.
    pub(super) fn start(engine: &Arc<Engine>, path: &Path) -> Self {
        let (sender, refused) = unbounded_channel();
        let mut following = JoinSet::new();
        following.spawn(follow(Arc::clone(engine), path.to_owned(), sender));
        Self {
            refused,
            _following: following,
        }
    }

    /// Waits until the file says what can't be taken. Safe to cancel.
    pub(super) async fn refused(&mut self) -> Failure {
        match self.refused.recv().await {
            Some(failure) => failure,
            // Whoever followed it was aborted: the program ends.
            None => std::future::pending().await,
        }
    }
}

/// Takes what the file says once it has said it for two looks in a row: an editor may be in the middle of it. What was refused is told once.
async fn follow(engine: Arc<Engine>, path: PathBuf, refused: UnboundedSender<Failure>) {
    // It may be another one already than the engine has read; to take the same again changes nothing.
    let (mut taken, mut last) = (None, None);
    loop {
        sleep(LOOK).await;
        let now = look(&path).await;
        let is_still = now == last;
        last = now;
        // A file that is not there says nothing: it is being replaced, or was taken away by mistake.
        if !is_still || now == taken || now.is_none() {
            continue;
        }
        taken = now;
        if let Err(failure) = configuration::retake(&engine, &path).await
            && refused.send(failure).is_err()
        {
            return;
        }
    }
}

async fn look(path: &Path) -> Option<Digest> {
    let path = path.to_owned();
    let read = blocking(move || fs::read(path).ok()).await;
    read.ok().flatten().map(|bytes| Digest::of(&bytes))
}
