//! Which plugins there are: folders with a `plugin.yaml`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::args::Selection;
use crate::error::Error;
use crate::places::Places;

/// A folder with a `plugin.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plugin {
    /// As its `plugin.yaml` says; the component is `NAME.wasm`.
    pub(crate) name: String,
    /// What it is written in.
    pub(crate) language: Language,
    /// From the workspace.
    pub(super) folder: String,
    /// Where its component goes.
    pub(crate) output: PathBuf,
    /// Whether its start-up work is done at build time.
    pub(super) start: Start,
}

/// When a component does its start-up work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At build time: what everyone runs.
    Snapshot,
    /// At each call, with a runtime seeded by the call: only tests run it, to see what a snapshot would hide.
    Call,
}

/// What `windlass-build` understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// The standard Go toolchain.
    Go,
    /// `wasm32-unknown-unknown`.
    Rust,
}

/// The plugins of `plugins/`, those in Rust first: what is quick to build fails first.
///
/// # Errors
/// When a `plugin.yaml` can't be read.
pub(crate) fn first_party(places: &Places) -> Result<Vec<Plugin>, Error> {
    find(places, "plugins", &places.plugins())
}

/// The plugins that only tests use.
///
/// # Errors
/// When a `plugin.yaml` can't be read.
pub(crate) fn guests(places: &Places) -> Result<Vec<Plugin>, Error> {
    find(places, "tests/guests", &places.guests())
}

/// The first-party plugins in Go once more, without a snapshot. Go's maps have a seed drawn at start: a snapshot freezes
/// it, and with it an order that the next build may change.
///
/// # Errors
/// When a `plugin.yaml` can't be read.
pub(crate) fn unsnapshotted(places: &Places) -> Result<Vec<Plugin>, Error> {
    let mut plugins = find(places, "plugins", &places.unsnapshotted())?;
    plugins.retain(|plugin| plugin.language == Language::Go);
    for plugin in &mut plugins {
        plugin.start = Start::Call;
    }
    Ok(plugins)
}

/// Those of all plugins that a command line names.
///
/// # Errors
/// When there is no such plugin.
pub(super) fn choose(places: &Places, selection: &Selection) -> Result<Vec<Plugin>, Error> {
    let mut candidates = first_party(places)?;
    if selection.with_guests || !selection.only.is_empty() {
        candidates.extend(guests(places)?);
    }
    if selection.with_guests {
        candidates.extend(unsnapshotted(places)?);
    }
    let names: Vec<&str> = candidates.iter().map(|plugin| plugin.name.as_str()).collect();
    if let Some(unknown) = selection.only.iter().find(|name| !names.contains(&name.as_str())) {
        let problem = format!("there is no plugin `{unknown}`; there are: {}", names.join(", "));
        return Err(Error::Invalid {
            place: "--only".to_owned(),
            problem,
        });
    }
    candidates.retain(|plugin| selection.only.is_empty() || selection.only.contains(&plugin.name));
    Ok(candidates)
}

fn find(places: &Places, parent: &str, output: &Path) -> Result<Vec<Plugin>, Error> {
    let folder = places.root.join(parent);
    let mut plugins = Vec::new();
    for name in subfolders(&folder)? {
        let manifest = folder.join(&name).join("plugin.yaml");
        if manifest.is_file() {
            plugins.push(describe(&format!("{parent}/{name}"), &manifest, output)?);
        }
    }
    plugins.sort_by_key(|plugin| plugin.language == Language::Go);
    Ok(plugins)
}

/// The names of the folders in `folder`, sorted; none when it doesn't exist.
///
/// # Errors
/// When it can't be listed.
pub(crate) fn subfolders(folder: &Path) -> Result<Vec<String>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let entry = entry.map_err(Error::io("list", folder))?;
        if entry.path().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Reads the two fields that matter here. `windlass-build` reads the file in full, and complains better.
fn describe(folder: &str, manifest: &Path, output: &Path) -> Result<Plugin, Error> {
    let text = read(manifest)?;
    let invalid = |problem: &str| Error::Invalid {
        place: format!("{folder}/plugin.yaml"),
        problem: problem.to_owned(),
    };
    let name = scalar(&text, "name", ":")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| invalid("has no `name`"))?;
    let language = match scalar(&text, "language", ":").as_deref() {
        Some("go") => Language::Go,
        Some("rust") => Language::Rust,
        _ => return Err(invalid("`language` is neither `go` nor `rust`")),
    };
    Ok(Plugin {
        output: output.join(format!("{name}.wasm")),
        name,
        language,
        folder: folder.to_owned(),
        start: Start::Snapshot,
    })
}

/// The value of a top-level key, in YAML (`: `) or TOML (` = `), without quotes and comment.
pub(super) fn scalar(text: &str, key: &str, separator: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(separator))?;
    let value = value.split(" #").next().unwrap_or_default();
    Some(value.trim().trim_matches(['"', '\'']).to_owned())
}

/// A file's text.
///
/// # Errors
/// When it can't be read.
pub(super) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::io("read", path))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    /// Two plugins, a guest, and a folder that is neither.
    pub(crate) fn workspace(name: &str) -> Scratch {
        let scratch = Scratch::new(name);
        scratch.file("Cargo.toml", "[workspace]\n\n[profile.guest]\nlto = true\n\n[other]\n");
        scratch.file("Cargo.lock", "[[package]]\nname = \"p\"\nversion = \"1.0.0\"\n");
        scratch.file("plugins/helm/plugin.yaml", "name: helm  # upstream\nlanguage: go\n");
        scratch.file("plugins/yaml/plugin.yaml", "name: \"yaml\"\nlanguage: 'rust'\n");
        scratch.file("plugins/yaml/Cargo.toml", "[package]\nname = \"p\"\n");
        scratch.file("plugins/notes/README", "no plugin");
        scratch.file("tests/guests/odd/plugin.yaml", "name: odd\nlanguage: rust\n");
        scratch
    }

    fn names(plugins: &[Plugin]) -> Vec<&str> {
        plugins.iter().map(|plugin| plugin.name.as_str()).collect()
    }

    #[test]
    fn finds_plugins_and_guests() {
        let scratch = workspace("find");
        let places = scratch.places();
        assert_eq!(names(&first_party(&places).unwrap()), ["yaml", "helm"]);
        let only = |only: &[&str], with_guests| {
            let only = only.iter().map(|name| (*name).to_owned()).collect();
            choose(&places, &Selection { only, with_guests })
        };
        assert_eq!(names(&only(&[], true).unwrap()), ["yaml", "helm", "odd", "helm"]);
        let twice = only(&["helm"], true).unwrap();
        assert_eq!(
            twice.iter().map(|plugin| plugin.start).collect::<Vec<_>>(),
            [Start::Snapshot, Start::Call]
        );
        assert_ne!(twice[0].output, twice[1].output);
        assert_eq!(names(&only(&["odd", "helm"], false).unwrap()), ["helm", "odd"]);
        let message = only(&["helmm"], false).unwrap_err().to_string();
        assert!(
            message.contains("no plugin `helmm`; there are: yaml, helm, odd"),
            "{message}"
        );
        scratch.file("plugins/yaml/plugin.yaml", "name: yaml\nlanguage: cobol\n");
        assert!(
            first_party(&places)
                .unwrap_err()
                .to_string()
                .starts_with("plugins/yaml/plugin.yaml: `language`")
        );
    }
}
