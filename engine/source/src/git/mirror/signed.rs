//! Whether what was found is signed as demanded, by the bytes that the mirror holds.

use gix::objs::Kind;

use super::{
    super::{objects::Objects, session::Advertised},
    Attempt, Found,
};
use crate::{
    error::Error,
    revision::Reference,
    signature::{self, Flaw, Signer},
};

/// The tag object of a reference.
enum Tag {
    Here(gix::ObjectId),
    /// It is still to be fetched.
    Elsewhere,
    /// The reference is to a commit.
    None,
}

impl Attempt<'_> {
    /// The commit behind a reference with those who signed it. None when something of it is not here.
    ///
    /// Before anything else becomes of it: a commit that isn't signed as demanded is not even remembered as the one before the next.
    pub(super) fn found<'r>(
        &self,
        objects: Option<&Objects>,
        repo: &'r gix::Repository,
        advertised: &Advertised,
    ) -> Result<Option<Found<'r>>, Error> {
        let Some(commit) = self.find(objects, repo, &advertised.id)? else {
            return Ok(None);
        };
        let Some(policy) = self.demands.signed else {
            let signers = Vec::new();
            return Ok(Some(Found { commit, signers }));
        };
        let mut signers = Vec::new();
        if policy.objects.has_tag() {
            match self.tag_of(repo, advertised)? {
                Tag::Here(id) => signers.push(self.signer_of_tag(repo, id, commit.id)?),
                Tag::Elsewhere => return Ok(None),
                Tag::None => return Err(self.flawed(self.reference.to_string(), Flaw::Lightweight)),
            }
        }
        if policy.objects.has_commit() {
            let signed = signature::commit(&commit.id, &commit.data);
            let signer = signed.and_then(|object| signature::verify(&object, "commit", &policy.keys));
            signers.push(signer.map_err(|flaw| self.flawed(format!("commit {}", commit.id), flaw))?);
        }
        Ok(Some(Found { commit, signers }))
    }

    /// What is behind a tag is looked up: the server says it too, and may say something else.
    fn signer_of_tag(&self, repo: &gix::Repository, id: gix::ObjectId, commit: gix::ObjectId) -> Result<Signer, Error> {
        let flawed = |flaw| self.flawed(format!("tag object {id}"), flaw);
        let object = repo.find_object(id).map_err(|e| self.corrupt(&id.to_string(), e))?;
        let name = match self.reference {
            Reference::Tag(name) => name.as_str(),
            _ => return Err(flawed(Flaw::Lightweight)),
        };
        let signed = signature::tag(&id, &object.data, name).map_err(flawed)?;
        let behind = object
            .peel_tags_to_end()
            .map_err(|e| self.corrupt(&id.to_string(), e))?;
        if behind.id != commit {
            let found = behind.id.to_string();
            return Err(flawed(Flaw::TagTarget { found }));
        }
        let keys = self
            .demands
            .signed
            .map(|policy| &policy.keys)
            .ok_or_else(|| flawed(Flaw::Missing))?;
        signature::verify(&signed, "tag", keys).map_err(flawed)
    }

    /// Servers that don't tell what is behind a tag tell the tag itself.
    fn tag_of(&self, repo: &gix::Repository, advertised: &Advertised) -> Result<Tag, Error> {
        let id = advertised.tag.unwrap_or(advertised.id);
        let header = repo.try_find_header(id).map_err(|e| self.corrupt(&id.to_string(), e))?;
        Ok(match header.map(|header| header.kind()) {
            Some(Kind::Tag) => Tag::Here(id),
            Some(_) => Tag::None,
            None => Tag::Elsewhere,
        })
    }

    fn flawed(&self, object: String, flaw: Flaw) -> Error {
        let url = self.budget.url().to_owned();
        Error::Signature { url, object, flaw }
    }
}
