//! `cargo x plugins`: every plugin whose inputs changed, built by `windlass-build`.

mod list;
mod recipe;
mod twice;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::args::Selection;
use crate::error::Error;
use crate::ledger::Verdict;
use crate::places::Places;
use crate::run::{Session, Step};
use crate::{engine, toolchain};
use list::Start;
pub(crate) use list::{Plugin, first_party, guests, subfolders, unsnapshotted};
pub(crate) use twice::build_twice;

/// Builds what was selected.
///
/// # Errors
/// When a name is unknown or a plugin doesn't build.
pub(crate) fn perform(session: &mut Session, selection: &Selection) -> Result<(), Error> {
    let chosen = list::choose(&session.places, selection)?;
    toolchain::build(session)?;
    engine::build(session)?;
    let built = build(session, &chosen);
    session.ledger.show();
    built
}

/// How programs find what was built.
pub(crate) fn environment(places: &Places) -> [(&'static str, PathBuf); 3] {
    [
        ("WINDLASS_PLUGINS", places.plugins()),
        ("WINDLASS_GUESTS", places.guests()),
        ("WINDLASS_CACHE_DIR", places.compiled()),
    ]
}

/// Builds those of `plugins` whose inputs changed. One at a time: most of a build uses all cores already.
///
/// # Errors
/// When one doesn't build; the others are built all the same.
pub(crate) fn build(session: &mut Session, plugins: &[Plugin]) -> Result<(), Error> {
    let mut failure = None;
    for plugin in plugins {
        if let Err(error) = build_one(session, plugin) {
            failure.get_or_insert(error);
        }
    }
    failure.map_or(Ok(()), Err)
}

fn build_one(session: &mut Session, plugin: &Plugin) -> Result<(), Error> {
    let start = Instant::now();
    let stamp = plugin.output.with_extension("inputs");
    let inputs = recipe::inputs(&session.places, plugin)?;
    if plugin.output.is_file() && holds(&stamp, &inputs) {
        session.ledger.note(&plugin.step(), start.elapsed(), Verdict::Unchanged);
        return Ok(());
    }
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    // First of all: a build that is interrupted must not leave a component that looks up to date.
    if stamp.exists() {
        fs::remove_file(&stamp).map_err(Error::io("remove", &stamp))?;
    }
    let mut command = session.command(session.places.program("windlass-build"));
    command
        .arg(&plugin.folder)
        .arg("--out")
        .arg(&plugin.output)
        .arg("--locked");
    if plugin.start == Start::Call {
        command.arg("--no-snapshot");
    }
    session.require(Step::new(plugin.step(), command))?;
    write_stamp(&stamp, &inputs)
}

/// Whether `stamp` says that something was made from these inputs.
fn holds(stamp: &Path, inputs: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|before| before.trim_end() == inputs)
}

fn write_stamp(stamp: &Path, inputs: &str) -> Result<(), Error> {
    fs::write(stamp, format!("{inputs}\n")).map_err(Error::io("write", stamp))
}

impl Plugin {
    fn step(&self) -> String {
        match self.start {
            Start::Snapshot => format!("plugin {}", self.name),
            Start::Call => format!("plugin {} without snapshot", self.name),
        }
    }
}
