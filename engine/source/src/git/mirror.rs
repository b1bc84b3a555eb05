//! From a reference to a revision.

mod listing;
mod moves;
mod signed;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

pub use listing::Listing;

use gix::objs::Kind;
use windlass_core::{oid::Oid, render::Instant, version};

use super::{
    generation::{Layout, MAX_PACKS, WriteLock},
    objects::Objects,
    remote::Remote,
    session::{self, Advertised, Session, oid},
    space::{self, Space},
};
use crate::{
    budget::{Budget, Cancel, Limits, lock},
    error::{Cause, Error},
    revision::{Demands, Moved, OnForcedPush, Reference, Revision},
    signature::Signer,
};

/// Attempts when a reference moves between the question and the fetch, or another process swaps generations under us.
const ATTEMPTS: usize = 6;

/// Versions shown when none is in the range.
const SUGGESTIONS: usize = 5;

/// Longest author and subject kept: they are shown in tables, and a hostile commit has megabytes of them.
const MAX_TEXT: usize = 200;

/// A bare mirror of one repository as one reader. Cheap to ask again: what is there is not fetched again.
pub struct Mirror {
    layout: Layout,
    remote: Remote,
    limits: Limits,
    space: Arc<Space>,
    current: Mutex<Option<Arc<Objects>>>,
}

/// Where a resolve stands.
struct Attempt<'a> {
    mirror: &'a Mirror,
    reference: &'a Reference,
    budget: &'a Arc<Budget>,
    cancel: &'a Cancel,
    demands: Demands<'a>,
}

/// A commit that is here, with what is demanded of it.
struct Found<'r> {
    commit: gix::Commit<'r>,
    signers: Vec<Signer>,
}

impl Mirror {
    pub(super) fn open(dir: &Path, remote: Remote, limits: Limits, space: &Arc<Space>) -> Result<Self, Error> {
        Ok(Self {
            layout: Layout::open(dir)?,
            limits: Limits {
                mirror_bytes: remote.max_size().unwrap_or(limits.mirror_bytes),
                ..limits
            },
            remote,
            space: Arc::clone(space),
            current: Mutex::new(None),
        })
    }

    /// The repository.
    #[must_use]
    pub const fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Asks the server what `reference` points to and fetches that commit if it is not here yet. A commit by id that is
    /// here is answered without the server.
    ///
    /// Several threads and several processes may do so at once: those that fetch wait for each other, the others don't.
    ///
    /// # Errors
    /// As [`Error`] tells; none leaves the mirror unusable, and revisions got before stay readable.
    pub fn resolve(&self, reference: &Reference, cancel: &Cancel) -> Result<Revision, Error> {
        self.resolve_guarded(reference, OnForcedPush::Follow, cancel)
    }

    /// As [`Mirror::resolve`], with demands: what happens when a branch was pushed with force, and whose signature is wanted.
    ///
    /// # Errors
    /// As [`Mirror::resolve`]; [`Error::ForcedPush`] when that is to be held, and [`Error::Signature`] when it is not signed as demanded:
    /// what the reference pointed to before stays remembered until it is followed.
    pub fn resolve_guarded<'d>(
        &self,
        reference: &Reference,
        demands: impl Into<Demands<'d>>,
        cancel: &Cancel,
    ) -> Result<Revision, Error> {
        let demands = demands.into();
        reference.check()?;
        self.layout.ensure()?;
        space::stamp(self.layout.dir());
        let budget = Budget::new(self.remote.url(), self.limits, cancel);
        let reference = &self.chosen(reference, &budget)?;
        let attempt = Attempt {
            mirror: self,
            reference,
            budget: &budget,
            cancel,
            demands,
        };
        for _ in 0..ATTEMPTS {
            budget.check()?;
            if let Some(revision) = attempt.run()? {
                return Ok(revision);
            }
        }
        Err(Error::Moving {
            url: self.remote.url().to_owned(),
            reference: reference.clone(),
        })
    }

    /// A range of versions becomes the newest tag in it, which is what is remembered and may move.
    fn chosen(&self, reference: &Reference, budget: &Arc<Budget>) -> Result<Reference, Error> {
        let Reference::Version(range) = reference else {
            return Ok(reference.clone());
        };
        let objects = self.objects(budget)?;
        let tags = session::tags(&self.remote, &objects.generation.repo.to_thread_local(), budget)?;
        let newest = range.newest(tags.iter().map(String::as_str));
        newest
            .map(|tag| Reference::Tag(tag.to_owned()))
            .ok_or_else(|| Error::NoVersion {
                url: self.remote.url().to_owned(),
                range: range.to_string(),
                exist: version::newest_of(&tags, SUGGESTIONS),
            })
    }

    /// The generation in use, opened again when another process swapped it; a new one when there is none that works.
    fn objects(&self, budget: &Budget) -> Result<Arc<Objects>, Error> {
        let mut current = lock(&self.current);
        let in_use = self.layout.current()?;
        if let Some(objects) = current.as_ref()
            && Some(&objects.generation.name) == in_use.as_ref()
        {
            return Ok(Arc::clone(objects));
        }
        let generation = match self.layout.open_current(&self.limits)? {
            Some(generation) => generation,
            None => self.create(budget)?,
        };
        let objects = Objects::new(generation, &self.limits);
        *current = Some(Arc::clone(&objects));
        Ok(objects)
    }

    fn create(&self, budget: &Budget) -> Result<super::generation::Generation, Error> {
        let lock = self.layout.lock(budget)?;
        if let Some(generation) = self.layout.open_current(&self.limits)? {
            return Ok(generation);
        }
        let (name, repo) = self.layout.begin(&lock, &self.limits)?;
        drop(repo);
        self.layout.publish(&lock, &name)?;
        let opened = self.layout.open_current(&self.limits)?;
        opened.ok_or_else(|| Error::disk(name, std::io::Error::other("the new generation can't be opened")))
    }

    /// Full in packs or bytes, or known to be damaged.
    fn needs_swap(&self, objects: &Objects) -> bool {
        objects.generation.is_suspect()
            || objects.generation.packs() >= MAX_PACKS
            || space::bytes(self.layout.dir()) >= self.limits.mirror_bytes / 2
    }

    /// Bounds what a fetch may bring by what may still be on the disk.
    fn ration(&self, budget: &Budget) {
        self.space.make_room(self.limits.bytes);
        let own = self.limits.mirror_bytes.saturating_sub(space::bytes(self.layout.dir()));
        let (all, quota) = (self.space.left(), self.space.quota());
        if all < own {
            budget.ration(all, "all mirrors together", quota);
        } else {
            budget.ration(own, "its mirror", self.limits.mirror_bytes);
        }
    }
}

impl Attempt<'_> {
    /// One attempt; none when the reference moved meanwhile, or another process swapped generations.
    fn run(&self) -> Result<Option<Revision>, Error> {
        let objects = self.mirror.objects(self.budget)?;
        let repo = objects.generation.repo.to_thread_local();
        let usable = !objects.generation.is_suspect();
        if let Reference::Commit(id) = self.reference
            && usable
        {
            let advertised = Advertised {
                id: git_id(id)?,
                tag: None,
                name: self.reference.full_name(),
            };
            if let Some(found) = self.found(Some(&*objects), &repo, &advertised)? {
                return self.revision(&objects, &found, &advertised, None).map(Some);
            }
        }
        let session = Session::ask(&self.mirror.remote, self.reference, &repo, self.budget)?;
        let advertised = session.advertised.clone();
        if usable && let Some(found) = self.found(Some(&*objects), &repo, &advertised)? {
            return self.here(&objects, &repo, &found, &advertised, None).map(Some);
        }
        self.budget.extend_to_fetch();
        let write = self.mirror.layout.lock(self.budget)?;
        if self.mirror.layout.current()?.as_ref() != Some(&objects.generation.name) {
            return Ok(None);
        }
        // Whoever had the lock may have fetched the same.
        if usable && let Some(found) = self.found(Some(&*objects), &repo, &advertised)? {
            return self.here(&objects, &repo, &found, &advertised, Some(&write)).map(Some);
        }
        objects.generation.tidy();
        // A process that was forked by another thread may have held a lock when the old generation was let go.
        self.mirror.layout.sweep();
        self.mirror.ration(self.budget);
        if self.mirror.needs_swap(&objects) {
            let before = self.remembered(&repo);
            drop(session);
            drop((repo, objects));
            return self.swap(&write, before);
        }
        session.fetch(self.reference, self.budget)?;
        let Some(found) = self.found(Some(&*objects), &repo, &advertised)? else {
            return Ok(None);
        };
        self.here(&objects, &repo, &found, &advertised, Some(&write)).map(Some)
    }

    /// The revision of a commit that is in the mirror.
    fn here(
        &self,
        objects: &Arc<Objects>,
        repo: &gix::Repository,
        found: &Found<'_>,
        advertised: &Advertised,
        held: Option<&WriteLock>,
    ) -> Result<Revision, Error> {
        let moved = self.remember(repo, advertised, &found.commit, held)?;
        self.revision(objects, found, advertised, moved)
    }

    /// Fetches into the next generation and makes it the one in use. What the reference pointed to before comes from the old
    /// one. None when the reference moved meanwhile.
    fn swap(&self, write: &WriteLock, before: Option<gix::ObjectId>) -> Result<Option<Revision>, Error> {
        let layout = &self.mirror.layout;
        let (name, repo) = layout.begin(write, &self.mirror.limits)?;
        let repo = repo.to_thread_local();
        let session = Session::ask(&self.mirror.remote, self.reference, &repo, self.budget)?;
        let advertised = session.advertised.clone();
        session.fetch(self.reference, self.budget)?;
        // Judged before it is published: a push that is held leaves the old generation, which knows what was before.
        let Some(found) = self.found(None, &repo, &advertised)? else {
            return Ok(None);
        };
        let moved = self.allowed(self.moved(before, &found.commit, write)?, &found.commit)?;
        drop(found);
        drop(repo);
        layout.publish(write, &name)?;
        tracing::debug!(url = self.mirror.remote.url(), generation = name, "swapped packs");
        let objects = self.mirror.objects(self.budget)?;
        // Our own handle on the old generation is gone only now.
        layout.sweep();
        let repo = objects.generation.repo.to_thread_local();
        let Some(found) = self.found(Some(&*objects), &repo, &advertised)? else {
            return Ok(None);
        };
        self.point(&repo, found.commit.id)?;
        self.revision(&objects, &found, &advertised, moved).map(Some)
    }

    /// The commit behind an id if it and its folder are here. Tags that the server did not peel are peeled.
    fn find<'r>(
        &self,
        objects: Option<&Objects>,
        repo: &'r gix::Repository,
        id: &gix::oid,
    ) -> Result<Option<gix::Commit<'r>>, Error> {
        let corrupt = |source: gix::Error| {
            if let Some(objects) = objects {
                objects.generation.mark_suspect();
            }
            self.corrupt(&id.to_string(), source)
        };
        let Some(object) = repo.try_find_object(id).map_err(corrupt)? else {
            return Ok(None);
        };
        let object = if object.kind == Kind::Tag {
            object.peel_tags_to_end().map_err(corrupt)?
        } else {
            object
        };
        if object.kind != Kind::Commit {
            let (url, kind) = (self.budget.url().to_owned(), object.kind.to_string());
            return Err(Error::NotACommit {
                url,
                reference: self.reference.clone(),
                kind,
            });
        }
        let commit = object.try_into_commit().map_err(corrupt)?;
        let root = commit.tree_id().map_err(corrupt)?;
        Ok(repo.has_object(root).then_some(commit))
    }

    fn corrupt(&self, object: &str, source: impl Into<Cause>) -> Error {
        Error::Corrupt {
            url: self.budget.url().to_owned(),
            object: object.to_owned(),
            source: source.into(),
        }
    }

    fn revision(
        &self,
        objects: &Arc<Objects>,
        Found { commit, signers }: &Found<'_>,
        advertised: &Advertised,
        moved: Option<Moved>,
    ) -> Result<Revision, Error> {
        let corrupt = |source: gix::Error| self.corrupt(&commit.id.to_string(), source);
        let decoded = commit.decode().map_err(|e| self.corrupt(&commit.id.to_string(), e))?;
        let author = decoded.author().map_err(|e| self.corrupt(&commit.id.to_string(), e))?;
        let root = oid(&commit.tree_id().map_err(corrupt)?);
        let id = oid(&commit.id);
        let (Some(root), Some(id)) = (root, id) else {
            return Err(self.corrupt(&commit.id.to_string(), std::io::Error::other("unknown kind of id")));
        };
        Ok(Revision {
            commit: Some(id),
            parents: commit.parent_ids().filter_map(|p| oid(&p)).collect(),
            root,
            store: Arc::clone(objects) as _,
            time: Instant {
                seconds: commit.time().map_err(corrupt)?.seconds,
                nanoseconds: 0,
            },
            author: shorten(&format!("{} <{}>", author.name, author.email)),
            subject: shorten(&decoded.message().summary().to_string()),
            reference: advertised.name.clone(),
            moved,
            signers: signers.clone(),
        })
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn git_id(id: &Oid) -> Result<gix::ObjectId, Error> {
    gix::ObjectId::try_from(id.as_bytes()).map_err(|_| {
        let reason = "repositories with SHA-256 ids are not supported yet";
        Error::Reference(crate::revision::ReferenceError {
            text: id.to_string(),
            reason,
        })
    })
}
