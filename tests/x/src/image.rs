//! `cargo x image`: the engine, its plugins and what they need of a system, as an OCI image layout or as a tree of files. No container
//! engine takes part.
//!
//! The program is linked to glibc: a static build would need another target with C libraries of its own (aws-lc), and all of the engine
//! built a second time. So the loader and the libraries of this machine go along, and with them its `ssh`, which ssh sources need.
//! The same inputs give the same bytes: names in order, no times, everything root's, so that what runs as nobody can't change itself.

mod layout;
mod tar;
mod tree;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::places::Places;
use crate::run::{Session, Step};
use crate::{engine, plugins, say, toolchain};
use tree::Tree;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Image {
    /// Where to; `target/image` unless said.
    pub(crate) out: Option<String>,
    /// Files instead of a layout: for a Containerfile.
    pub(crate) tree: bool,
}

/// Builds the engine and its plugins, and the image of them.
///
/// # Errors
/// When something doesn't build, is missing on this machine, or can't be written.
pub(crate) fn perform(session: &mut Session, asked: &Image) -> Result<(), Error> {
    toolchain::build(session)?;
    engine::build(session)?;
    let first_party = plugins::first_party(&session.places)?;
    plugins::build(session, &first_party)?;
    let out = asked
        .out
        .as_ref()
        .map_or_else(|| session.places.image(), |out| session.places.root.join(out));
    write(session, &out, asked.tree)?;
    session.ledger.show();
    Ok(())
}

/// The layout of what is built already, in its usual place: for tests.
///
/// # Errors
/// As [`perform`].
pub(crate) fn build(session: &mut Session) -> Result<(), Error> {
    let out = session.places.image();
    write(session, &out, false)
}

/// How tests find it.
pub(crate) fn environment(places: &Places) -> [(&'static str, PathBuf); 1] {
    [("WINDLASS_IMAGE", places.image())]
}

fn write(session: &mut Session, out: &Path, as_tree: bool) -> Result<(), Error> {
    let program = stripped(session)?;
    let plugins = plugins::first_party(&session.places)?;
    let layers = tree::layers(&program, &plugins)?;
    if out.exists() {
        // What is neither empty nor one of ours isn't deleted.
        let is_ours = out.join(layout::MARK).is_file() || out.join(tree::PROGRAM).is_file();
        let is_empty = fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_none());
        if !is_ours && !is_empty {
            return Err(Error::Invalid {
                place: format!("`{}`", out.display()),
                problem: "is there and holds something else than an image: give another folder with `--out`".to_owned(),
            });
        }
        fs::remove_dir_all(out).map_err(Error::io("remove", out))?;
    }
    if as_tree {
        for tree in &layers {
            tree.write(out)?;
        }
        say::line(&format!("files of the image: {}", session.places.shown(out)));
        return Ok(());
    }
    let digest = layout::write(out, &layers)?;
    let bytes: u64 = layers.iter().map(Tree::bytes).sum();
    say::line(&format!(
        "image: {} ({} MB), manifest {digest}",
        session.places.shown(out),
        bytes / 1_000_000
    ));
    Ok(())
}

/// The program without the tables of its debugger; names of functions stay, for the words of a panic.
fn stripped(session: &mut Session) -> Result<PathBuf, Error> {
    let folder = session.places.own().join("image");
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let to = folder.join("windlass");
    let mut command = session.command("strip");
    command
        .args(["--strip-debug", "-o"])
        .arg(&to)
        .arg(session.places.program("windlass"));
    session.require(Step::new("strip windlass", command))?;
    Ok(to)
}
