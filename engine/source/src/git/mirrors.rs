//! All mirrors below one folder.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use super::{Mirror, Remote, space::Space};
use crate::{
    budget::{Limits, lock},
    error::Error,
};

/// Hands out one [`Mirror`] per repository and reader, however many apps use it.
pub struct Mirrors {
    dir: PathBuf,
    limits: Limits,
    space: Arc<Space>,
    open: Mutex<HashMap<String, Arc<Mirror>>>,
}

impl Mirrors {
    /// Mirrors below `dir`, which is made when the first one is opened.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, limits: Limits) -> Self {
        let dir = dir.into();
        Self {
            space: Arc::new(Space::new(&dir, limits.all_mirrors_bytes)),
            dir,
            limits,
            open: Mutex::new(HashMap::new()),
        }
    }

    /// The mirror of a repository. Opening one does not talk to the server. When the credentials behind an
    /// [identity](Remote::with_identity) changed, the new ones are used from here on.
    ///
    /// # Errors
    /// The folder can't be made, or was written by a newer Windlass.
    pub fn open(&self, remote: Remote) -> Result<Arc<Mirror>, Error> {
        let key = remote.key();
        let mut open = lock(&self.open);
        if let Some(mirror) = open.get(&key).filter(|mirror| *mirror.remote() == remote) {
            return Ok(Arc::clone(mirror));
        }
        self.space.use_by(&key);
        let mirror = Arc::new(Mirror::open(&self.dir.join(&key), remote, self.limits, &self.space)?);
        open.insert(key, Arc::clone(&mirror));
        Ok(mirror)
    }

    /// Forgets a mirror that nobody uses any more; what is on disk stays until the space is needed.
    pub fn close(&self, remote: &Remote) {
        lock(&self.open).remove(&remote.key());
        self.space.release(&remote.key());
    }
}
