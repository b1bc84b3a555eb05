//! The Rust standard library for `wasm32-unknown-unknown`, for plugins in Rust.
//!
//! By rustup, or, where its host can't be reached, by Debian's toolchain, which brings the library's source.
//! `windlass-build` finds which of the two there is, and says which it takes.

use std::fs;
use std::path::{Path, PathBuf};

use super::{SILENCE, debian, program};
use crate::error::Error;
use crate::run::{Session, Step, answer};
use crate::say;

const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];

/// Sees to it that Rust plugins can be built.
///
/// # Errors
/// When neither way works.
pub(super) fn require(session: &mut Session) -> Result<(), Error> {
    if by_rustup(session) || by_debian() {
        return Ok(());
    }
    if add_target(session)? {
        return Ok(());
    }
    if debian::install(
        session,
        &DEBIAN_PACKAGES,
        "plugins in Rust need its standard library for wasm",
    )? && by_debian()
    {
        return Ok(());
    }
    Err(Error::Missing {
        what: format!("the Rust standard library for `{TARGET}` is missing"),
        remedy: format!(
            "run `rustup target add {TARGET}`, or on Debian `apt-get install {}`; then remove `{}` if it exists",
            DEBIAN_PACKAGES.join(" "),
            session.places.shown(&failure_note(session)),
        ),
    })
}

/// The toolchain has the target's library.
fn by_rustup(session: &Session) -> bool {
    let mut command = session.command("rustc");
    let folder = answer(command.args(["--print", "target-libdir", "--target", TARGET]));
    folder.is_some_and(|folder| holds(Path::new(&folder), "libcore-"))
}

/// Debian's compiler, its Cargo and the library's source are there.
fn by_debian() -> bool {
    let source = holds(Path::new("/usr/src"), "rustc-");
    source
        && ["/usr/bin/cargo", "/usr/bin/rustc"]
            .iter()
            .all(|program| Path::new(program).exists())
}

fn holds(folder: &Path, start: &str) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with(start))
}

/// `rustup target add`, unless it is known to fail here: waiting for the time limit in every run helps nobody.
fn add_target(session: &mut Session) -> Result<bool, Error> {
    let note = failure_note(session);
    if program("rustup").is_none() || note.exists() {
        return Ok(false);
    }
    say::line(&format!(
        "plugins in Rust need the target `{TARGET}`: installing it by rustup"
    ));
    let mut command = session.command("rustup");
    command.args(["target", "add", TARGET]);
    let outcome = session.run(Step::new("rustup target add", command).silent_at_most(SILENCE))?;
    if outcome.success && by_rustup(session) {
        return Ok(true);
    }
    let text = format!("`rustup target add {TARGET}` failed. Remove this file to have it tried again.\n");
    fs::write(&note, text).map_err(Error::io("write", &note))?;
    Ok(false)
}

fn failure_note(session: &Session) -> PathBuf {
    session.places.own().join("rustup-failed")
}
