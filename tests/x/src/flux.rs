//! Flux's controllers, the peer that `cargo x bench -- --with-flux` measures (`tests/bench/flux/`). No other task builds them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::go::go;
use crate::places::Places;
use crate::programs::{Family, link, upstream};
use crate::run::{Session, Step, answer};

const CONTROLLERS: Family = Family {
    folder: "tests/bench/flux",
    word: "flux",
    cache: "flux",
};

/// Where each controller's module keeps the definitions of its kinds.
const DEFINITIONS: &str = "config/crd/bases";

/// Builds what is missing; `Places::flux` then holds the programs by name, and the definitions of their kinds as `NAME.crds`.
///
/// # Errors
/// When one doesn't build, or its module isn't to be had.
pub(crate) fn build(session: &mut Session) -> Result<(), Error> {
    let at = session.places.flux();
    CONTROLLERS.build(session, &at)?;
    let folder = session.places.root.join(CONTROLLERS.folder);
    for name in crate::plugins::subfolders(&folder)? {
        let module = folder.join(&name);
        for tool in upstream(&module)? {
            // The program may be older than what is left of Go's own cache.
            let fetch = go(session, &module, &["mod", "download", &tool]);
            session.require(Step::new(format!("flux {name} definitions"), fetch))?;
            let definitions = source_of(session, &module, &tool)?.join(DEFINITIONS);
            link(&definitions, &at.join(format!("{name}.crds")))?;
        }
    }
    Ok(())
}

/// How the benchmark finds them.
pub(crate) fn environment(places: &Places) -> [(&'static str, PathBuf); 1] {
    [("WINDLASS_FLUX", places.flux())]
}

/// The folder of a module that a module of ours requires.
fn source_of(session: &Session, ours: &Path, required: &str) -> Result<PathBuf, Error> {
    let told = answer(&mut go(session, ours, &["list", "-m", "-f", "{{.Dir}}", required]));
    let folder = told.filter(|folder| !folder.is_empty()).map(PathBuf::from);
    folder
        .filter(|folder| fs::metadata(folder.join(DEFINITIONS)).is_ok_and(|kind| kind.is_dir()))
        .ok_or_else(|| Error::Invalid {
            place: format!("module {required}"),
            problem: format!("Go knows no folder of it with `{DEFINITIONS}`"),
        })
}
