//! One conversation with a server: what does the reference point to, and then its commit.

use std::sync::Arc;

use gix::{
    bstr::ByteSlice as _,
    progress::Discard,
    protocol::handshake::Ref,
    remote::{
        Connection, Direction,
        fetch::{Prepare, Shallow, Status, Tags},
    },
};
use gix_transport::client::blocking_io::Transport;
use windlass_core::oid::Oid;

use super::{file, http, remote::Remote, ssh};
use crate::{
    budget::Budget,
    error::{Cause, Error},
    revision::Reference,
};

/// Names of references shown when one is missing.
const SUGGESTIONS: usize = 5;

/// A prefix that no server has references under: keeps a server from listing all it has when a commit is asked for by id.
const NO_REFERENCES: &str = "refs/windlass-asks-for-no-reference/x";

/// Any transport.
pub(super) type Boxed = Box<dyn Transport + Send>;

/// What the server says a reference points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Advertised {
    /// Of the commit, tags peeled as far as the server says.
    pub(super) id: gix::ObjectId,
    /// Of the annotated tag before it, if the server says so.
    pub(super) tag: Option<gix::ObjectId>,
    /// Full name: of the branch when `HEAD` was asked for.
    pub(super) name: String,
}

/// After the question, before the fetch.
pub(super) struct Session<'repo> {
    prepared: Prepare<'static, 'repo, Boxed>,
    repo: &'repo gix::Repository,
    pub(super) advertised: Advertised,
}

impl<'repo> Session<'repo> {
    /// Asks. Nothing is fetched and nothing is written.
    pub(super) fn ask(
        remote: &Remote,
        reference: &Reference,
        repo: &'repo gix::Repository,
        budget: &Arc<Budget>,
    ) -> Result<Self, Error> {
        let mut specs = vec![reference.full_name()];
        if let Reference::Commit(_) = reference {
            specs.push(NO_REFERENCES.to_owned());
        }
        let git_remote = git_remote(remote, &specs, repo)?;
        let connection = connect(remote, &git_remote, budget)?;
        let prepared = connection.prepare_fetch(Discard, gix::remote::ref_map::Options::default());
        let prepared = prepared.map_err(|e| failure(e, budget))?;
        match advertised(&prepared.ref_map().remote_refs, reference) {
            Some(advertised) => Ok(Self {
                prepared,
                repo,
                advertised,
            }),
            None => {
                drop(prepared);
                Err(missing(remote, reference, repo, budget))
            }
        }
    }

    /// Fetches that commit without its history. The objects are in the repository afterwards; no reference is.
    pub(super) fn fetch(self, reference: &Reference, budget: &Arc<Budget>) -> Result<(), Error> {
        budget.extend_to_fetch();
        let watch = budget.watch();
        let depth = Shallow::DepthAtRemote(std::num::NonZeroU32::MIN);
        let outcome = self.prepared.with_shallow(depth).receive(Discard, watch.stop());
        let outcome = outcome.map_err(|e| refused_commit(failure(e, budget).at(self.repo.git_dir()), reference))?;
        if let Status::Change { write_pack_bundle, .. } = outcome.status
            && let Some(keep) = write_pack_bundle.keep_path
        {
            std::fs::remove_file(&keep).map_err(|e| Error::disk(keep, e))?;
        }
        Ok(())
    }
}

fn git_remote<'repo>(
    remote: &Remote,
    specs: &[String],
    repo: &'repo gix::Repository,
) -> Result<gix::Remote<'repo>, Error> {
    let bad = |e: gix::Error| Error::Url {
        url: remote.url().to_owned(),
        reason: e.to_string(),
    };
    let git_remote = repo
        .remote_at_without_url_rewrite(remote.parsed().clone())
        .map_err(bad)?;
    let git_remote = git_remote.with_fetch_tags(Tags::None);
    git_remote
        .with_refspecs(specs.iter().map(|s| s.as_bytes().as_bstr()), Direction::Fetch)
        .map_err(bad)
}

/// A connection of the kind that the URL asks for.
pub(super) fn transport(remote: &Remote, budget: &Arc<Budget>) -> Result<Boxed, Error> {
    budget.check()?;
    let transport: Boxed = match remote.parsed().scheme {
        gix::url::Scheme::File => Box::new(file::connect(remote, budget)?),
        gix::url::Scheme::Ssh => Box::new(ssh::connect(remote, budget)?),
        _ => Box::new(http::connect(remote, budget)?),
    };
    Ok(transport)
}

fn connect<'a, 'repo>(
    remote: &Remote,
    git_remote: &'a gix::Remote<'repo>,
    budget: &Arc<Budget>,
) -> Result<Connection<'a, 'static, 'repo, Boxed>, Error> {
    let connection = git_remote.to_connection_with_transport(transport(remote, budget)?);
    // Both set, so that gix neither runs credential helpers nor reads options from its configuration.
    Ok(connection
        .with_credentials(|_| Ok(None))
        .with_transport_options(Box::new(())))
}

/// Finds the reference among what the server listed.
pub(super) fn advertised(refs: &[Ref], reference: &Reference) -> Option<Advertised> {
    let name = reference.full_name();
    if let Reference::Commit(id) = reference {
        return Some(Advertised {
            id: gix::ObjectId::try_from(id.as_bytes()).ok()?,
            tag: None,
            name,
        });
    }
    refs.iter().find_map(|found| {
        let (full_name, target, id, tag) = match found {
            Ref::Peeled {
                full_ref_name,
                tag,
                object,
            } => (full_ref_name, None, object, Some(*tag)),
            Ref::Direct { full_ref_name, object } => (full_ref_name, None, object, None),
            Ref::Symbolic {
                full_ref_name,
                target,
                tag,
                object,
            } => (full_ref_name, Some(target), object, *tag),
            Ref::Unborn { .. } => return None,
        };
        let shown = if *reference == Reference::Head {
            target.unwrap_or(full_name)
        } else {
            full_name
        };
        (full_name.as_bytes() == name.as_bytes()).then(|| Advertised {
            id: *id,
            tag,
            name: shown.to_str_lossy().into_owned(),
        })
    })
}

/// The error for a reference that does not exist, with a few that do. Asking for those is a second conversation; when it fails
/// too, there is nothing to suggest.
fn missing(remote: &Remote, reference: &Reference, repo: &gix::Repository, budget: &Arc<Budget>) -> Error {
    let url = remote.url().to_owned();
    let kinds = [("refs/heads/", "heads"), ("refs/tags/", "tags")];
    let specs = kinds.map(|(prefix, kind)| format!("+{prefix}*:refs/listed/{kind}/*"));
    let preferred = if let Reference::Tag(_) = reference {
        kinds[1].0
    } else {
        kinds[0].0
    };
    match list(remote, &specs, repo, budget) {
        Ok(refs) if refs.is_empty() => Error::Empty { url },
        Ok(refs) => Error::ReferenceMissing {
            url,
            reference: reference.clone(),
            exist: suggest(&refs, preferred),
        },
        Err(error @ (Error::Cancelled { .. } | Error::Timeout { .. })) => error,
        Err(_) => Error::ReferenceMissing {
            url,
            reference: reference.clone(),
            exist: Vec::new(),
        },
    }
}

/// All tags, into a place of their own: so that their names are asked for as a pattern.
const ALL_TAGS: &str = "+refs/tags/*:refs/listed/tags/*";

/// What the server says that some references point to, in one conversation.
pub(super) fn listed(
    remote: &Remote,
    references: &[Reference],
    repo: &gix::Repository,
    budget: &Arc<Budget>,
) -> Result<Vec<Ref>, Error> {
    let spec = |reference: &Reference| match reference {
        Reference::Commit(_) => None,
        Reference::Version(_) => Some(ALL_TAGS.to_owned()),
        reference => Some(reference.full_name()),
    };
    let mut specs: Vec<String> = references.iter().filter_map(spec).collect();
    specs.sort();
    specs.dedup();
    if specs.is_empty() {
        return Ok(Vec::new());
    }
    list(remote, &specs, repo, budget)
}

/// What the server has that some specs match.
fn list(remote: &Remote, specs: &[String], repo: &gix::Repository, budget: &Arc<Budget>) -> Result<Vec<Ref>, Error> {
    let git_remote = git_remote(remote, specs, repo)?;
    let connection = connect(remote, &git_remote, budget)?;
    let listed = connection.ref_map(Discard, gix::remote::ref_map::Options::default());
    listed.map(|(map, _)| map.remote_refs).map_err(|e| failure(e, budget))
}

/// Short names of all tags. Those that are no UTF-8 are no versions either, and nothing else is asked of them.
pub(super) fn tags(remote: &Remote, repo: &gix::Repository, budget: &Arc<Budget>) -> Result<Vec<String>, Error> {
    let listed = list(remote, &[ALL_TAGS.to_owned()], repo, budget)?;
    Ok(tags_of(&listed).map(str::to_owned).collect())
}

/// Short names of the tags among what was listed.
pub(super) fn tags_of(refs: &[Ref]) -> impl Iterator<Item = &str> {
    let names = refs.iter().filter_map(|r| r.unpack().0.to_str().ok());
    names.filter_map(|name| name.strip_prefix("refs/tags/"))
}

fn suggest(refs: &[Ref], preferred: &str) -> Vec<String> {
    let mut names: Vec<String> = refs
        .iter()
        .map(|r| r.unpack().0.to_str_lossy().escape_debug().to_string())
        .collect();
    names.sort_by_key(|name| !name.starts_with(preferred));
    names.truncate(SUGGESTIONS);
    names
}

/// What a failure of gix means: the transport's own word if it has one, else by kind.
pub(super) fn failure(error: gix::Error, budget: &Budget) -> Error {
    if let Some(kept) = budget.take_failure() {
        return kept;
    }
    if let Err(ended) = budget.check() {
        return ended;
    }
    let url = budget.url().to_owned();
    let chain = chain(&error);
    if let Some(message) = server_message(&chain) {
        return Error::Refused {
            url,
            message,
            transient: false,
        };
    }
    let io = error.downcast_any_ref::<std::io::Error>().map(std::io::Error::kind);
    match io {
        Some(
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::BrokenPipe | std::io::ErrorKind::ConnectionReset,
        ) => Error::Broken {
            url,
            source: Cause::from(error),
        },
        Some(
            std::io::ErrorKind::StorageFull
            | std::io::ErrorKind::QuotaExceeded
            | std::io::ErrorKind::FileTooLarge
            | std::io::ErrorKind::ReadOnlyFilesystem,
        ) => Error::disk("mirror", Cause::from(error)),
        _ if chain.iter().any(|text| is_truncation(text)) => Error::Broken {
            url,
            source: Cause::from(error),
        },
        _ => Error::Protocol {
            url,
            source: Cause::from(error),
        },
    }
}

fn chain(error: &gix::Error) -> Vec<String> {
    error.iter_errors().map(ToString::to_string).collect()
}

/// Packs that end early or do not add up: the next attempt gets a whole one.
fn is_truncation(text: &str) -> bool {
    [
        "unexpected end",
        "Unexpected end",
        "failed to fill whole buffer",
        "expected hash",
        "Hash",
    ]
    .iter()
    .any(|t| text.contains(t))
}

/// Git servers explain themselves in an `ERR` line.
fn server_message(chain: &[String]) -> Option<String> {
    let said = chain.iter().find_map(|text| {
        let at = text
            .find("upload-pack:")
            .or_else(|| text.strip_prefix("ERR ").map(|_| 0))?;
        text.get(at..)
    })?;
    Some(
        said.lines()
            .next()
            .unwrap_or_default()
            .escape_debug()
            .take(300)
            .collect(),
    )
}

fn refused_commit(error: Error, reference: &Reference) -> Error {
    let Reference::Commit(commit) = reference else {
        return error;
    };
    match error {
        Error::Refused {
            ref url,
            transient: false,
            ..
        }
        | Error::Protocol { ref url, .. } => Error::CommitMissing {
            url: url.clone(),
            commit: *commit,
            source: Some(Cause::from(error)),
        },
        other => other,
    }
}

/// An id of ours from one of gix's.
pub(super) fn oid(id: &gix::oid) -> Option<Oid> {
    Oid::from_bytes(id.as_bytes())
}
