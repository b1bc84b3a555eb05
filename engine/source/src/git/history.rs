//! Does the new commit descend from the old one? Mirrors hold no history, so the server is asked for what lies between.
//!
//! It is told that we have the old commit. When it does not know that one any more, history was rewritten; otherwise it sends
//! the commits that the new one has and the old one has not, and those are walked: the old commit is a parent of one of them,
//! or it is not behind the new one. What it sends goes into a repository that is deleted afterwards.

use std::{collections::HashSet, fs, io::BufRead, path::PathBuf, sync::Arc, time::Duration};

use gix::{
    ObjectId, ThreadSafeRepository,
    bstr::BString,
    progress::Discard,
    protocol::{
        Command,
        fetch::{Response, response::Acknowledgement},
    },
};
use gix_transport::{
    Protocol, Service,
    client::blocking_io::{ExtendedBufRead as _, TransportV2Ext as _},
};

use super::{
    generation::{Layout, WriteLock, options},
    remote::Remote,
    session,
};
use crate::{
    budget::{Budget, Cancel, Limits},
    error::{Cause, Error},
};

/// Most bytes read for it: some 50,000 commits where the server leaves files out, some hundred ordinary pushes where it does
/// not. Threat: a branch moved to an unrelated history of gigabytes.
const BYTES: u64 = 16 << 20;

/// Longest time for it. The revision itself is here already, and waits.
const TIME: Duration = Duration::from_secs(20);

/// What of a server's offer matters here: that it can leave out trees and files, and its kind of ids.
const FEATURES: [&str; 2] = ["filter", "object-format"];

/// A feature of the protocol, with its value.
type Feature = (&'static str, Option<String>);

/// Whether `new` descends from `old`; none when it can't be told: an older protocol, too much between them, or a failure.
pub(super) fn descends(
    remote: &Remote,
    limits: Limits,
    cancel: &Cancel,
    scratch: &Scratch,
    [old, new]: [ObjectId; 2],
) -> Option<bool> {
    let limits = Limits {
        poll: TIME,
        fetch: TIME,
        bytes: BYTES,
        ..limits
    };
    let budget = Budget::new(remote.url(), limits, cancel);
    let answer = ask(remote, &budget, scratch, old, new);
    answer
        .inspect_err(|error| {
            tracing::debug!(
                url = remote.url(),
                ?error,
                "whether history was rewritten can't be told"
            )
        })
        .ok()
        .flatten()
}

fn ask(
    remote: &Remote,
    budget: &Arc<Budget>,
    scratch: &Scratch,
    old: ObjectId,
    new: ObjectId,
) -> Result<Option<bool>, Error> {
    let failed = |error: gix::Error| session::failure(error, budget);
    let transport_failed = |error| failed(gix::Error::from_error(error));
    let mut transport = session::transport(remote, budget)?;
    let nobody = |_| Ok(None);
    let handshake = gix::protocol::handshake(&mut transport, Service::UploadPack, nobody, Vec::new(), &mut Discard);
    let handshake = handshake.map_err(failed)?;
    if handshake.server_protocol_version != Protocol::V2 {
        return Ok(None);
    }
    let mut features = Command::Fetch.default_features(Protocol::V2, &handshake.capabilities);
    features.retain(|(name, _)| FEATURES.contains(name));
    // First without `done`: a server that does not know the old commit would send everything.
    for done in [false, true] {
        let lines = arguments(&features, old, new, done).into_iter();
        let named = features.iter().filter(|(_, value)| value.is_some());
        let capabilities = named.map(|(name, value)| (*name, value.as_deref()));
        let mut reader = transport
            .invoke("fetch", capabilities, Some(lines), false)
            .map_err(transport_failed)?;
        let response = Response::from_line_reader(Protocol::V2, &mut reader, done, !done).map_err(failed)?;
        if response.has_pack() {
            // Without a handler nothing takes the pack out of the side bands.
            reader.set_progress_handler(Some(Box::new(|_: bool, _: &[u8]| std::ops::ControlFlow::Continue(()))));
            let repo = scratch.keep_pack(&mut reader, budget)?;
            return walk(&repo, old, new).map(Some);
        }
        let known = response
            .acknowledgements()
            .iter()
            .any(|a| matches!(a, Acknowledgement::Common(_)));
        if !known {
            return Ok(Some(false));
        }
    }
    Ok(None)
}

/// What is asked for. Written here because gix always asks for a thin pack, whose bases would be in the mirror.
fn arguments(features: &[Feature], old: ObjectId, new: ObjectId, done: bool) -> Vec<BString> {
    let mut lines = vec![format!("want {new}"), format!("have {old}")];
    lines.extend(["ofs-delta", "no-progress"].map(str::to_owned));
    if features.iter().any(|(name, _)| *name == "filter") {
        lines.push("filter tree:0".to_owned());
    }
    if done {
        lines.push("done".to_owned());
    }
    lines.into_iter().map(BString::from).collect()
}

/// Whether `old` is a parent of any commit from `new` down that was sent.
fn walk(repo: &gix::Repository, old: ObjectId, new: ObjectId) -> Result<bool, Error> {
    let mut seen = HashSet::new();
    let mut next = vec![new];
    while let Some(id) = next.pop() {
        if id == old {
            return Ok(true);
        }
        if !seen.insert(id) {
            continue;
        }
        let failed = |e: gix::Error| Error::disk(repo.git_dir(), Cause::from(e));
        if let Some(object) = repo.try_find_object(id).map_err(failed)? {
            let commit = object.try_into_commit().map_err(failed)?;
            next.extend(commit.parent_ids().map(gix::Id::detach));
        }
    }
    Ok(false)
}

/// A repository that lives as long as a question.
pub(super) struct Scratch {
    dir: PathBuf,
    repo: ThreadSafeRepository,
}

impl Scratch {
    /// A repository for a question, deleted when dropped. Needs the write lock: what a killed process leaves is swept.
    pub(super) fn new(layout: &Layout, _lock: &WriteLock, limits: &Limits) -> Result<Self, Error> {
        let dir = layout.partial("history");
        let _ = fs::remove_dir_all(&dir);
        let create = gix::create::Options::default();
        let repo = ThreadSafeRepository::init_opts(&dir, gix::create::Kind::Bare, create, options(limits));
        let repo = repo.map_err(|e| Error::disk(&dir, e))?;
        Ok(Self { dir, repo })
    }

    /// Takes a pack in, and gives the repository with it.
    fn keep_pack(&self, pack: &mut dyn BufRead, budget: &Arc<Budget>) -> Result<gix::Repository, Error> {
        let watch = budget.watch();
        let options = gix::odb::pack::bundle::write::Options {
            thread_limit: Some(1),
            alloc_limit_bytes: usize::try_from(budget.limits().bytes).ok(),
            ..Default::default()
        };
        let packs = self.dir.join("objects/pack");
        let no_bases = None::<gix::objs::find::Never>;
        let hash = gix::hash::Kind::Sha1;
        let written = gix::odb::pack::Bundle::write_to_directory(
            pack,
            Some(&packs),
            &mut gix::progress::Discard,
            watch.stop(),
            no_bases,
            hash,
            options,
        );
        written.map_err(|e| session::failure(e, budget))?;
        Ok(self.repo.to_thread_local())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // The next sweep finds what can't be deleted now.
        let _ = fs::remove_dir_all(&self.dir);
    }
}
