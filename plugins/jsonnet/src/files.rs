//! Which files to evaluate, and how files are read.

use windlass_sdk::{Diagnostic, Failure, Kind, Location, Refusal, Tree, path};

use crate::config::Config;

/// What the evaluator needs of a tree; a folder on disk in the tests.
pub(crate) trait Files {
    /// The contents of the file at `path`.
    fn read(&self, path: &str) -> Result<Vec<u8>, Refusal>;
}

impl Files for Tree {
    fn read(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        self.read_all(path)
    }
}

/// The app: a folder, and files to evaluate in order.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) folder: String,
    pub(crate) files: Vec<String>,
}

impl App {
    /// Looks at `at`, a folder or a file.
    pub(crate) fn find(tree: &Tree, at: &str, config: &Config) -> Result<Self, Failure> {
        let node = tree.stat(at).map_err(|refusal| refusal.at(at))?;
        let folder = match node.kind {
            Kind::Directory => at.to_owned(),
            Kind::File => path::parent(at).to_owned(),
            _ => return Err(Refusal::NotFound.at(at).help("correct the app's path").into()),
        };
        let files = if !config.files.is_empty() {
            named(&folder, &config.files)?
        } else if node.kind == Kind::File {
            vec![at.to_owned()]
        } else {
            all_of(tree, &folder)?
        };
        Ok(Self { folder, files })
    }
}

fn named(folder: &str, files: &[String]) -> Result<Vec<String>, Failure> {
    let resolve = |(index, file): (usize, &String)| {
        path::join(folder, file).map_err(|escapes| {
            Diagnostic::error("bad-path", escapes.to_string())
                .at(Location::Config(format!("/files/{index}")))
                .into()
        })
    };
    files.iter().enumerate().map(resolve).collect()
}

/// Every `.jsonnet` file of the folder itself; libraries (`.libsonnet`) and what lies below are for imports.
fn all_of(tree: &Tree, folder: &str) -> Result<Vec<String>, Failure> {
    let entries = tree.list_all(folder).map_err(|refusal| refusal.at(folder))?;
    let names = entries
        .iter()
        .filter(|entry| matches!(entry.kind, Kind::File | Kind::Symlink))
        .map(|entry| &entry.name);
    let programs = names.filter(|name| name.ends_with(".jsonnet") && !name.starts_with('.'));
    let files: Vec<String> = programs
        .map(|name| {
            if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            }
        })
        .collect();
    if files.is_empty() {
        return Err(
            Diagnostic::error("no-program", format!("`{folder}` holds no `.jsonnet` file"))
                .at(Location::file(folder))
                .help("name the files to evaluate in the config's `files`")
                .into(),
        );
    }
    Ok(files)
}
