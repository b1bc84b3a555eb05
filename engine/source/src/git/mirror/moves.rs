//! What a reference pointed to when this mirror last looked, and what its move means.

use gix::refs::transaction::PreviousValue;
use windlass_core::digest::Digest;

use super::{
    super::{
        generation::WriteLock,
        history::{self, Scratch},
        session::{Advertised, oid},
    },
    Attempt,
};
use crate::{
    error::Error,
    revision::{Moved, OnForcedPush, Reference},
};

impl Attempt<'_> {
    /// Our own name for what the reference points to. Hashed, since `a` and `a/b` may both have been branches.
    fn local_name(&self) -> String {
        format!(
            "refs/windlass/{}",
            &Digest::of(self.reference.full_name().as_bytes()).hex()[..32]
        )
    }

    pub(super) fn remembered(&self, repo: &gix::Repository) -> Option<gix::ObjectId> {
        let found = repo.try_find_reference(self.local_name().as_str()).ok()??;
        found.try_id().map(gix::Id::detach)
    }

    /// Points our reference at the commit, so that the next fetch can build on it, and says where it pointed before.
    pub(super) fn remember(
        &self,
        repo: &gix::Repository,
        advertised: &Advertised,
        commit: &gix::Commit<'_>,
        held: Option<&WriteLock>,
    ) -> Result<Option<Moved>, Error> {
        let before = self.remembered(repo);
        if before == Some(commit.id) {
            return Ok(None);
        }
        tracing::debug!(url = self.budget.url(), reference = advertised.name, commit = %commit.id, "moved");
        let taken = match held {
            Some(_) => None,
            None => Some(self.mirror.layout.lock(self.budget)?),
        };
        let moved = match held.or(taken.as_ref()) {
            Some(lock) => self.moved(before, commit, lock)?,
            None => None,
        };
        let moved = self.allowed(moved, commit)?;
        self.point(repo, commit.id)?;
        Ok(moved)
    }

    /// Where the reference pointed before, if elsewhere, and whether the new commit descends from that.
    pub(super) fn moved(
        &self,
        before: Option<gix::ObjectId>,
        commit: &gix::Commit<'_>,
        lock: &WriteLock,
    ) -> Result<Option<Moved>, Error> {
        let Some((before, from)) = before.filter(|b| *b != commit.id).and_then(|b| Some((b, oid(&b)?))) else {
            return Ok(None);
        };
        let mut parents = commit.parent_ids().peekable();
        let descends = match self.reference {
            Reference::Tag(_) => None,
            _ if parents.peek().is_none() => Some(false),
            _ if parents.any(|parent| parent == before) => Some(true),
            _ => {
                let (mirror, ids) = (self.mirror, [before, commit.id]);
                let scratch = Scratch::new(&mirror.layout, lock, &mirror.limits)?;
                history::descends(&mirror.remote, mirror.limits, self.cancel, &scratch, ids)
            }
        };
        self.budget.check()?;
        Ok(Some(Moved { from, descends }))
    }

    /// Refuses a forced push that is to be held.
    pub(super) fn allowed(&self, moved: Option<Moved>, commit: &gix::Commit<'_>) -> Result<Option<Moved>, Error> {
        let is_branch = matches!(self.reference, Reference::Branch(_) | Reference::Head);
        match (moved, oid(&commit.id)) {
            (Some(Moved { from, descends }), Some(to))
                if is_branch && self.demands.on_forced_push == OnForcedPush::Hold && descends != Some(true) =>
            {
                Err(Error::ForcedPush {
                    url: self.budget.url().to_owned(),
                    reference: self.reference.clone(),
                    from,
                    to,
                    certain: descends == Some(false),
                })
            }
            _ => Ok(moved),
        }
    }

    pub(super) fn point(&self, repo: &gix::Repository, id: gix::ObjectId) -> Result<(), Error> {
        let edited = repo.reference(self.local_name().as_str(), id, PreviousValue::Any, "fetch");
        edited.map(drop).map_err(|e| Error::disk(repo.git_dir(), e))
    }
}
