//! `cargo x diff-native`: the sandboxed renderers against the native tools.

use std::env;
use std::path::Path;

use crate::error::Error;
use crate::run::{Session, Step};
use crate::{engine, oracles, plugins, toolchain};

/// Builds both sides, and runs the comparison (`tests/it/src/native.rs`).
///
/// # Errors
/// When a build fails or something differs.
pub(crate) fn perform(session: &mut Session, arguments: &[String]) -> Result<(), Error> {
    toolchain::everything(session)?;
    engine::build(session)?;
    plugins::build(session, &plugins::first_party(&session.places)?)?;
    oracles::build(session)?;
    let mut command = session.command(session.places.program("diff-native"));
    command
        .args(arguments)
        .envs(plugins::environment(&session.places))
        .envs(oracles::environment(&session.places));
    // A folder is relative to where the person stands, and tasks run in the workspace.
    command.current_dir(env::current_dir().map_err(Error::io("read", Path::new(".")))?);
    session.require(Step::new("diff-native", command).showing_all())?;
    session.ledger.show();
    Ok(())
}
