//! `cargo x lint`: what can be judged without running anything.

use crate::engine::{cargo, other_members};
use crate::error::Error;
use crate::run::{Session, Step};
use crate::{go, toolchain};

/// Runs all checks, also after one has failed.
///
/// # Errors
/// [`Error::Failed`] when a check fails; others when a check can't be run.
pub(crate) fn perform(session: &mut Session) -> Result<(), Error> {
    toolchain::lint(session)?;
    let mut steps = formatting(session)?;
    steps.extend(code(session)?);
    steps.extend(go::vet(session)?);
    let mut success = true;
    for step in steps {
        success &= session.run(step)?.success;
    }
    session.ledger.show();
    if success { Ok(()) } else { Err(Error::Failed) }
}

/// The formatters, as checks.
///
/// # Errors
/// When the Go modules can't be listed.
pub(crate) fn formatting(session: &Session) -> Result<Vec<Step>, Error> {
    let rust = Step::new("rustfmt", cargo(session, &["fmt", "--all", "--check"]));
    Ok([rust].into_iter().chain(go::formatting(session)?).collect())
}

/// Clippy over everything, tests included, and the documentation.
///
/// # Errors
/// When the workspace's members can't be listed.
pub(crate) fn code(session: &Session) -> Result<Vec<Step>, Error> {
    let others = other_members(session)?;
    let mut steps = Vec::new();
    for (title, selection) in [("engine", &[][..]), ("guests", &others[..])] {
        let mut clippy = cargo(session, &["clippy", "--all-targets"]);
        clippy.args(selection).args(["--", "-D", "warnings"]);
        steps.push(Step::new(format!("clippy {title}"), clippy));
    }
    // After Clippy: it has left the metadata of all dependencies, which is most of the work here.
    for (title, selection) in [("engine", &[][..]), ("guests", &others[..])] {
        let mut doc = cargo(session, &["doc", "--no-deps"]);
        doc.args(selection).env("RUSTDOCFLAGS", "-D warnings");
        steps.push(Step::new(format!("doc {title}"), doc));
    }
    Ok(steps)
}
