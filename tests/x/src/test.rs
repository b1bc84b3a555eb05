//! `cargo x test`: every check and every test.

use std::fs;
use std::process::Command;

use crate::error::Error;
use crate::plugins::Plugin;
use crate::run::{Session, Step};
use crate::summary::Tally;
use crate::{cluster, engine, go, image, lint, oracles, plugins, say, toolchain};

/// Runs everything, goes on after failures where that tells more, and prints ledger and sum.
///
/// # Errors
/// [`Error::Failed`] when a check or a test failed; others when something can't be run at all.
pub(crate) fn perform(session: &mut Session) -> Result<(), Error> {
    toolchain::everything(session)?;
    let mut tally = Tally::default();
    let result = checks(session, &mut tally);
    if let Err(error) = &result {
        error.show();
        tally.failed += 1;
    }
    session.ledger.show();
    say::line(&format!("\n{tally}"));
    if tally.failed == 0 { Ok(()) } else { Err(Error::Failed) }
}

/// What is quick and fails often comes first. Without the engine's build nothing else makes sense; without a plugin, an
/// oracle or an API server, the tests that need it fail, and the others still tell something.
fn checks(session: &mut Session, tally: &mut Tally) -> Result<(), Error> {
    run_all(session, tally, lint::formatting(session)?)?;
    engine::build(session)?;
    let first_party = plugins::first_party(&session.places)?;
    let mut all = first_party.clone();
    all.extend(plugins::guests(&session.places)?);
    all.extend(plugins::unsnapshotted(&session.places)?);
    let plugins = plugins::build(session, &all);
    run_all(session, tally, lint::code(session)?)?;
    let oracles = oracles::build(session);
    let servers = cluster::build(session);
    let image = plugins.as_ref().ok().map_or(Ok(()), |()| image::build(session));
    run_all(session, tally, go::vet(session)?)?;
    run_all(session, tally, go::tests(session)?)?;
    run_all(session, tally, cargo_tests(session)?)?;
    // Last: it is slow when a plugin changed, and fails seldom.
    run_twice(session, tally, &first_party, plugins.is_ok())?;
    plugins.and(oracles).and(servers).and(image)
}

/// The check that plugins come out the same wherever they are built; without a first build there is nothing to compare.
fn run_twice(session: &mut Session, tally: &mut Tally, plugins: &[Plugin], built: bool) -> Result<(), Error> {
    if !built {
        return Ok(());
    }
    match plugins::build_twice(session, plugins) {
        Ok(()) => tally.passed += 1,
        Err(Error::Failed) => tally.failed += 1,
        Err(error) => return Err(error),
    }
    Ok(())
}

fn run_all(session: &mut Session, tally: &mut Tally, steps: Vec<Step>) -> Result<(), Error> {
    for step in steps {
        let outcome = session.run(step)?;
        let output = fs::read(&outcome.log).map_err(Error::io("read", &outcome.log))?;
        *tally += Tally::of(&String::from_utf8_lossy(&output), outcome.success);
    }
    Ok(())
}

/// The engine with the integration tests, then the guests' native unit tests.
fn cargo_tests(session: &Session) -> Result<Vec<Step>, Error> {
    let command = |selection: Vec<String>| -> Command {
        let mut command = engine::cargo(session, &["test", "--no-fail-fast"]);
        command.args(selection).envs(plugins::environment(&session.places));
        command.envs(oracles::environment(&session.places));
        command.envs(cluster::environment(&session.places));
        command.envs(image::environment(&session.places));
        command
    };
    let engine = Step::new("test engine", command(Vec::new()));
    let guests = Step::new("test guests", command(engine::other_members(session)?));
    Ok([engine, guests].map(|step| step.showing(|_| true)).into())
}
