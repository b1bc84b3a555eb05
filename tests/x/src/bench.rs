//! `cargo x bench`: what Windlass costs.

use crate::error::Error;
use crate::run::{Session, Step};
use crate::{cluster, engine, flux, oracles, plugins, toolchain};

/// The guest that asks as many questions as it is told to.
const PROBE: &str = "guest-probe";

/// The argument of the benchmark that wants a peer which takes ten minutes to build.
const WITH_FLUX: &str = "--with-flux";

/// Builds the benchmark with the plugins it measures and the native tools it compares them with, and runs it.
///
/// # Errors
/// When a build or the benchmark fails.
pub(crate) fn perform(session: &mut Session, arguments: &[String]) -> Result<(), Error> {
    toolchain::everything(session)?;
    engine::build(session)?;
    let mut measured = plugins::first_party(&session.places)?;
    measured.extend(
        plugins::guests(&session.places)?
            .into_iter()
            .filter(|guest| guest.name == PROBE),
    );
    plugins::build(session, &measured)?;
    oracles::build(session)?;
    cluster::build(session)?;
    let mut command = session.command(session.places.program("windlass-bench"));
    command
        .args(arguments)
        .envs(plugins::environment(&session.places))
        .envs(oracles::environment(&session.places))
        .envs(cluster::environment(&session.places));
    if arguments.iter().any(|argument| argument == WITH_FLUX) {
        flux::build(session)?;
        command.envs(flux::environment(&session.places));
    }
    session.require(Step::new("bench", command).showing(|_| true))?;
    session.ledger.show();
    Ok(())
}
