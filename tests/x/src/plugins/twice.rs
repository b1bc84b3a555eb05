//! First-party plugins are pinned by digest, so anyone must be able to make the same bytes: each is built a second time
//! from another folder, with empty caches, and compared.
//!
//! What differs between machines and stays the same here (the home folder, and in it the packages of Go and Cargo) is
//! looked for in the component itself.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Plugin, holds, recipe, write_stamp};
use crate::error::Error;
use crate::inputs::SKIPPED_FOLDERS;
use crate::ledger::Verdict;
use crate::run::{Session, Step};

/// Builds those of `plugins` a second time whose inputs changed since that was last done, and compares.
///
/// # Errors
/// When one doesn't build, or comes out differently; the others are compared all the same.
pub(crate) fn build_twice(session: &mut Session, plugins: &[Plugin]) -> Result<(), Error> {
    let mut elsewhere = Elsewhere::new(session.places.elsewhere());
    let mut failure = None;
    for plugin in plugins {
        if let Err(error) = one_twice(session, plugin, &mut elsewhere) {
            error.show();
            failure.get_or_insert(Error::Failed);
        }
    }
    elsewhere.remove()?;
    failure.map_or(Ok(()), Err)
}

fn one_twice(session: &mut Session, plugin: &Plugin, elsewhere: &mut Elsewhere) -> Result<(), Error> {
    let start = Instant::now();
    let stamp = plugin.output.with_extension("twice");
    let inputs = recipe::inputs(&session.places, plugin)?;
    if holds(&stamp, &inputs) {
        let step = format!("plugin {} twice", plugin.name);
        session.ledger.note(&step, start.elapsed(), Verdict::Unchanged);
        return Ok(());
    }
    let again = elsewhere.build(session, plugin)?;
    let (first, second) = (read(&plugin.output)?, read(&again)?);
    if let Some(problem) = difference(&first, &second).or_else(|| path_inside(&first)) {
        let kept = plugin.output.with_extension("again.wasm");
        fs::copy(&again, &kept).map_err(Error::io("write", &kept))?;
        return Err(Error::Invalid {
            place: session.places.shown(&plugin.output),
            problem: format!("{problem}; the second build is `{}`", session.places.shown(&kept)),
        });
    }
    write_stamp(&stamp, &inputs)
}

/// A copy of the workspace, made when it is first needed, and caches of its own.
struct Elsewhere {
    folder: PathBuf,
    made: bool,
}

impl Elsewhere {
    const fn new(folder: PathBuf) -> Self {
        Self { folder, made: false }
    }

    /// The component that `plugin` becomes here.
    fn build(&mut self, session: &mut Session, plugin: &Plugin) -> Result<PathBuf, Error> {
        let workspace = self.folder.join("workspace");
        if !self.made {
            // Of a run that was interrupted: a build from its caches would prove less.
            self.remove()?;
            copy(&session.places.root, &workspace, &session.places.target)?;
            self.made = true;
        }
        let out = self.folder.join(format!("{}.wasm", plugin.name));
        let mut command = session.command(session.places.program("windlass-build"));
        command
            .current_dir(&workspace)
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .arg(workspace.join(&plugin.folder))
            .arg("--out")
            .arg(&out)
            .arg("--cache")
            .arg(self.folder.join("cache"))
            .arg("--locked");
        session.require(Step::new(format!("plugin {} twice", plugin.name), command))?;
        Ok(out)
    }

    fn remove(&self) -> Result<(), Error> {
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder).map_err(Error::io("remove", &self.folder))?;
        }
        Ok(())
    }
}

/// Copies a folder without what builds made in it, `built` above all; links stay links.
fn copy(from: &Path, to: &Path, built: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::io("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::io("list", from))? {
        let entry = entry.map_err(Error::io("list", from))?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(Error::io("look at", &path))?;
        if kind.is_symlink() {
            let link = fs::read_link(&path).map_err(Error::io("read", &path))?;
            symlink(link, &target).map_err(Error::io("link", &target))?;
        } else if kind.is_file() {
            fs::copy(&path, &target).map_err(Error::io("write", &target))?;
        } else if path != built && !SKIPPED_FOLDERS.iter().any(|skipped| entry.file_name() == *skipped) {
            copy(&path, &target, built)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(Error::io("read", path))
}

/// In words how two components differ.
fn difference(first: &[u8], second: &[u8]) -> Option<String> {
    if first == second {
        return None;
    }
    let same = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    Some(format!(
        "another folder and empty caches give other bytes: {} and {} bytes long, different from offset {same} on",
        first.len(),
        second.len()
    ))
}

/// A path of this machine in a component: two builds in one home folder would both hold it.
fn path_inside(component: &[u8]) -> Option<String> {
    let home = std::env::home_dir()?;
    // A home such as `/` or `/root` may stand in a program's own texts; the packages' folders don't.
    let folders = [".cargo/", ".rustup/", "go/pkg/mod/", ".cache/"];
    let paths = folders.map(|folder| home.join(folder).display().to_string());
    let found = paths.iter().find(|path| contains(component, path.as_bytes()))?;
    Some(format!("the component holds the path `{found}…` of this machine"))
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    #[test]
    fn a_difference_is_told_with_its_place() {
        assert_eq!(difference(b"abc", b"abc"), None);
        let told = difference(b"abcd", b"abX").unwrap();
        assert!(told.contains("4 and 3 bytes long, different from offset 2"), "{told}");
        assert!(difference(b"ab", b"abc").unwrap().contains("offset 2"));
    }

    #[test]
    fn a_path_of_this_machine_is_found() {
        let home = std::env::home_dir().unwrap();
        let inside = format!("panicked at {}/.cargo/registry/x.rs", home.display());
        assert!(path_inside(inside.as_bytes()).unwrap().contains("/.cargo/"));
        assert_eq!(path_inside(b"panicked at /cargo/registry/x.rs"), None);
    }

    #[test]
    fn a_copy_has_links_and_no_builds() {
        let scratch = Scratch::new("twice");
        scratch.file("from/.cargo/config.toml", "a");
        scratch.file("from/plugins/helm/main.go", "b");
        scratch.file("from/target/debug/x", "built");
        scratch.file("from/out/debug/x", "built");
        let (from, to) = (scratch.places().root.join("from"), scratch.places().root.join("to"));
        symlink("plugins", from.join("linked")).unwrap();
        copy(&from, &to, &from.join("out")).unwrap();
        assert_eq!(fs::read_to_string(to.join("plugins/helm/main.go")).unwrap(), "b");
        assert_eq!(fs::read_to_string(to.join(".cargo/config.toml")).unwrap(), "a");
        assert_eq!(fs::read_link(to.join("linked")).unwrap(), Path::new("plugins"));
        assert!(!to.join("target").exists() && !to.join("out").exists());
    }
}
