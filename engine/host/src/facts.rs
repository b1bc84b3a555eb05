//! The digest of the answer to a query: recorded by a call, computed again to see whether a render is still valid.

use serde::Serialize;
use windlass_core::{
    digest::Digest,
    model::canonical,
    trace::Query,
    tree::{Refusal, TreeError},
};

use crate::{limits::CallLimits, plugin::Plugin, request::RenderRequest};

/// Meaning of queries and answers as this host has them. Part of every cache key: raised when an answer to the same
/// question about the same tree changes.
pub const HOST_SEMANTICS: u32 = 1;

/// Identity of everything that decides a call beside the answers it gets: plugin, grants, limits, names of the trees, this
/// host. Config and path are answers too; they stand here because nearly every call asks them first.
#[must_use]
pub fn base_key(plugin: &Plugin, request: &RenderRequest, limits: &CallLimits) -> Digest {
    let grants = serde_json::to_vec(plugin.grants()).unwrap_or_default();
    let limits = serde_json::to_vec(limits).unwrap_or_default();
    let labels: Vec<&str> = request.sources.keys().map(String::as_str).collect();
    Digest::of_parts([
        HOST_SEMANTICS.to_le_bytes().as_slice(),
        plugin.digest().as_bytes(),
        &grants,
        &limits,
        labels.join("/").as_bytes(),
        request.config.as_bytes(),
        request.path.as_bytes(),
    ])
}

/// The digest of the answer that `request` gives to `query`. A refusal is an answer. The content of a file counts by
/// its object id, so that nothing is read to find that it is unchanged.
///
/// # Errors
/// What would end a call: an LFS pointer is not among it, since nothing is read.
pub fn answer_digest(query: &Query, request: &RenderRequest) -> Result<Digest, TreeError> {
    Ok(match query {
        Query::Stat { tree, path } => of(&in_tree(request, tree, |t| t.stat(path))?),
        Query::Canonical { tree, path } => of(&in_tree(request, tree, |t| t.canonical(path))?),
        Query::Read { tree, path } => of(&in_tree(request, tree, |t| t.digest(path))?.and_then(file_id)),
        Query::List { tree, path } => of(&in_tree(request, tree, |t| t.entries(path))?),
        Query::Glob { tree, base, pattern } => of(&in_tree(request, tree, |t| t.matches(base, pattern))?),
        Query::Digest { tree, path } => of(&in_tree(request, tree, |t| t.digest(path))?),
        Query::Source { name } => of(&request.sources.contains_key(name)),
        Query::Path => of(&request.path),
        Query::Config => of(&request.config),
        Query::App => of(&request.app),
        Query::Now => of(&request.now),
        Query::KubeVersion => of(&request.kube_version),
        Query::HasApi { name } => of(&request.apis.contains(name)),
        Query::Apis => of(&request.apis.as_ref()),
        Query::Input => of(&request
            .input
            .as_ref()
            .map(|all| Digest::of_parts(all.iter().map(|object| object.json.as_bytes())))),
        Query::Entropy => request.entropy.fact(),
    })
}

/// Splits what is an answer from what ends a call.
fn in_tree<T>(
    request: &RenderRequest,
    label: &str,
    ask: impl FnOnce(&windlass_core::tree::Tree) -> Result<T, TreeError>,
) -> Result<Result<T, Refusal>, TreeError> {
    let Some(tree) = request.tree(label) else {
        return Ok(Err(Refusal::NotFound));
    };
    match ask(tree) {
        Ok(answer) => Ok(Ok(answer)),
        Err(TreeError::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error),
    }
}

/// `kind:id` of a file without its kind: the executable bit is no part of the content.
fn file_id(identity: String) -> Result<String, Refusal> {
    match identity.split_once(':') {
        Some(("file" | "executable", id)) => Ok(id.to_owned()),
        _ => Err(Refusal::WrongKind),
    }
}

fn of(answer: &impl Serialize) -> Digest {
    Digest::of(canonical(&serde_json::to_value(answer).unwrap_or_default()).as_bytes())
}
