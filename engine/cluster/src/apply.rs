//! Writing one object: server-side apply in an App's name.
//!
//! One request, mostly. A conflict (409) is read cause by cause ([`windlass_core::conflict`]), and one more request follows:
//! forced where a person's edit is undone, without the contested fields where somebody else keeps them. An object that is to
//! be taken over is read first, and its managers are handed over with one patch ([`windlass_core::adopt`]). A dry run goes
//! the same way with `dryRun=All`. Nothing can be handed over in it: contests with those who would hand over are taken for settled, and
//! what they have and git doesn't name is taken out of the answer.

mod writing;

use serde_json::Value;
use windlass_core::{
    adopt::Adoption,
    conflict::Contest,
    fields::{FieldPath, FieldSet},
    live::Reduced,
    model::ObjectId,
    options::Write,
    owner::Owner,
};

use crate::{cluster::Cluster, identity::Actor, refusal::Refusal, resource::Resource};

use writing::Writing;

/// Which of some contested fields were in what the app applied last. Asked only when there are any: the document of the last
/// time may lie on disk.
pub type LastApplied<'a> = dyn Fn(&[Contest]) -> FieldSet + Send + Sync + 'a;

/// An object to write.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// Which.
    pub id: &'a ObjectId,
    /// Its kind, in the version that the document is written in.
    pub resource: &'a Resource,
    /// As git wants it; [`windlass_core::payload`] makes what is sent.
    pub body: &'a Value,
    /// Whose it is.
    pub owner: &'a Owner,
}

/// From whom an object may be taken.
#[derive(Debug, Clone, Copy)]
pub struct Takeover<'a> {
    /// From nobody, and from other tools.
    pub policy: Adoption,
    /// From this app of the installation, which releases it: the object moved from there.
    pub predecessor: Option<&'a Owner>,
}

/// How to write.
#[derive(Clone, Copy)]
pub struct How<'a> {
    /// Which request.
    pub write: Write,
    /// It may be there without this app's mark: it is read first, and taken over when that is permitted. `None` = it is
    /// known to be this app's, or not to be there.
    pub takeover: Option<Takeover<'a>>,
    /// See [`LastApplied`].
    pub last_applied: &'a LastApplied<'a>,
    /// Managers whose fields are taken.
    pub take_from: &'a [String],
    /// Only ask what would come of it.
    pub dry_run: bool,
}

/// What came of a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// It was not there before. Not told when the first answer was lost.
    pub created: bool,
    /// What is kept of it.
    pub reduced: Reduced,
    /// What the server has now, defaults and all. For a look (dry run, readiness) and to be dropped.
    pub live: Value,
    /// Contests in which it was given way: these fields are somebody else's.
    pub yielded: Vec<Contest>,
    /// Whose fields were taken by force: edits that were undone.
    pub forced: Vec<Contest>,
    /// Managers that were handed over.
    pub adopted_from: Vec<String>,
    /// Of a dry run: what goes because it was theirs and git doesn't name it.
    pub removed: Vec<FieldPath>,
    /// `Warning` headers, for people to read.
    pub warnings: Vec<String>,
}

/// Rounds of looking and writing before it is given up: each ended with "it changed meanwhile".
const ROUNDS: u32 = 4;

impl Cluster {
    /// Writes one object. Doing it twice does no harm.
    ///
    /// # Errors
    /// See [`Refusal`]; nothing was written then, but managers may have been handed over.
    pub async fn apply(&self, actor: &Actor, wanted: Wanted<'_>, how: How<'_>) -> Result<Applied, Refusal> {
        let writing = Writing::new(self, actor, wanted, how);
        let mut round = 1;
        loop {
            match writing.round().await {
                Err(Refusal::Changed { .. } | Refusal::Gone) if round < ROUNDS => round += 1,
                outcome => return outcome,
            }
        }
    }
}

#[cfg(test)]
mod tests;
