//! Test oracles: the native programs that plugins are compared with, of the same versions (`tests/oracles/`).

use std::path::PathBuf;

use crate::error::Error;
use crate::places::Places;
use crate::programs::Family;
use crate::run::Session;

const ORACLES: Family = Family {
    folder: crate::go::ORACLES,
    word: "oracle",
    cache: "oracles",
};

/// Builds what is missing; `Places::oracles` then holds all by name.
///
/// # Errors
/// When one doesn't build.
pub(crate) fn build(session: &mut Session) -> Result<(), Error> {
    let folder = session.places.oracles();
    ORACLES.build(session, &folder)
}

/// How tests find the oracles.
pub(crate) fn environment(places: &Places) -> [(&'static str, PathBuf); 1] {
    [("WINDLASS_ORACLES", places.oracles())]
}
