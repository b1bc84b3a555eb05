//! References that moved as they should not: what is said, and when a repository is held for it.

use windlass_core::render::{Diagnostic, Location, Severity};
use windlass_source::{Error, Moved, Revision};

use crate::stop::Stop;

/// What an app's report says of how its revision came to be; nothing for an ordinary push.
#[must_use]
pub fn notice(repository: &str, revision: &Revision) -> Option<Diagnostic> {
    let Moved { from, descends } = revision.moved?;
    let to = revision.commit?;
    let name = &revision.reference;
    let (code, severity, message, help) = match descends {
        _ if name.starts_with("refs/tags/") => (
            "tag-moved",
            Severity::Warning,
            format!("Repository `{repository}`: `{name}` moved from {from} to {to}"),
            "a tag is meant to stay what it was: ask who moved it, or follow a branch",
        ),
        Some(false) => (
            "forced-push",
            Severity::Warning,
            format!(
                "Repository `{repository}`: `{name}` was pushed with force from {from} to {to}, which does not descend from it"
            ),
            "commits that were deployed are not in the branch any more; `git.onForcedPush: Hold` stays at what was before",
        ),
        None => (
            "history-unknown",
            Severity::Info,
            format!(
                "Repository `{repository}`: `{name}` moved from {from} to {to}; whether that descends from it can't be told"
            ),
            "the server speaks an older protocol, did not answer in time, or too much lies between the two",
        ),
        Some(true) => return None,
    };
    let mut diagnostic = Diagnostic::error(code, message, Location::None).with_help(help);
    diagnostic.severity = severity;
    Some(diagnostic)
}

/// Why a repository gives no revision.
pub(super) fn stop(error: &Error) -> Stop {
    match error {
        Error::ForcedPush { .. } => Stop::of("forced-push", error)
            .help("compare the two; to go along, set `git.onForcedPush: Follow` for one sync, then `Hold` again"),
        Error::Signature { flaw, .. } => Stop::of(flaw.code(), error).help(flaw.help()),
        _ => Stop::of("source", error),
    }
}
