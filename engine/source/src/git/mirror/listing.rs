//! Many references asked for at once: what the server listed answers for each that has not moved.

use gix::protocol::handshake::Ref;
use windlass_core::version;

use super::{
    super::{
        session::{self, Advertised},
        space,
    },
    Attempt, Mirror, SUGGESTIONS, git_id,
};
use crate::{
    budget::{Budget, Cancel},
    error::Error,
    revision::{Demands, Reference, Revision},
};

/// What a server said that some references point to. Empty = it was not asked, which answers for commits by id alone.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    refs: Vec<Ref>,
    /// Ranges of versions were asked for, so that all tags are known.
    has_all_tags: bool,
}

impl Mirror {
    /// Asks the server what all of some references point to: one conversation, however many they are. Nothing is fetched. Those that
    /// do not exist, or can't, are not in the answer; a commit by its id needs no server to tell what it is.
    ///
    /// # Errors
    /// As [`Error`] tells; about the server, never about one of the references.
    pub fn list(&self, references: &[Reference], cancel: &Cancel) -> Result<Listing, Error> {
        let possible = references.iter().filter(|reference| reference.check().is_ok());
        let references: Vec<Reference> = possible.cloned().collect();
        self.layout.ensure()?;
        space::stamp(self.layout.dir());
        let budget = Budget::new(self.remote.url(), self.limits, cancel);
        let objects = self.objects(&budget)?;
        let repo = objects.generation.repo.to_thread_local();
        Ok(Listing {
            refs: session::listed(&self.remote, &references, &repo, &budget)?,
            has_all_tags: references.iter().any(|r| matches!(r, Reference::Version(_))),
        })
    }

    /// The revision of a reference by what the server listed, without asking it again. None when it has to be asked: the commit is not here yet,
    /// the reference moved (what that means is asked of the server), or it is not in the listing. Then [`Mirror::resolve_guarded`]
    /// finds out.
    ///
    /// # Errors
    /// As [`Mirror::resolve_guarded`], those of the network excepted.
    pub fn recall<'d>(
        &self,
        reference: &Reference,
        listing: &Listing,
        demands: impl Into<Demands<'d>>,
        cancel: &Cancel,
    ) -> Result<Option<Revision>, Error> {
        reference.check()?;
        let Some(reference) = &self.chosen_from(reference, listing)? else {
            return Ok(None);
        };
        let advertised = match reference {
            Reference::Commit(id) => Some(Advertised {
                id: git_id(id)?,
                tag: None,
                name: reference.full_name(),
            }),
            reference => session::advertised(&listing.refs, reference),
        };
        let Some(advertised) = advertised else {
            return Ok(None);
        };
        self.layout.ensure()?;
        space::stamp(self.layout.dir());
        let budget = &Budget::new(self.remote.url(), self.limits, cancel);
        let attempt = Attempt {
            mirror: self,
            reference,
            budget,
            cancel,
            demands: demands.into(),
        };
        attempt.recall(&advertised)
    }

    /// A range of versions becomes the newest tag in it, where all tags are known.
    fn chosen_from(&self, reference: &Reference, listing: &Listing) -> Result<Option<Reference>, Error> {
        let Reference::Version(range) = reference else {
            return Ok(Some(reference.clone()));
        };
        if !listing.has_all_tags {
            return Ok(None);
        }
        let Some(newest) = range.newest(session::tags_of(&listing.refs)) else {
            let tags: Vec<String> = session::tags_of(&listing.refs).map(str::to_owned).collect();
            return Err(Error::NoVersion {
                url: self.remote.url().to_owned(),
                range: range.to_string(),
                exist: version::newest_of(&tags, SUGGESTIONS),
            });
        };
        Ok(Some(Reference::Tag(newest.to_owned())))
    }
}

impl Attempt<'_> {
    fn recall(&self, advertised: &Advertised) -> Result<Option<Revision>, Error> {
        self.budget.check()?;
        let objects = self.mirror.objects(self.budget)?;
        if objects.generation.is_suspect() {
            return Ok(None);
        }
        let repo = objects.generation.repo.to_thread_local();
        let Some(found) = self.found(Some(&*objects), &repo, advertised)? else {
            return Ok(None);
        };
        if let Reference::Commit(_) = self.reference {
            return self.revision(&objects, &found, advertised, None).map(Some);
        }
        if self.remembered(&repo).is_some_and(|before| before != found.commit.id) {
            return Ok(None);
        }
        self.here(&objects, &repo, &found, advertised, None).map(Some)
    }
}
