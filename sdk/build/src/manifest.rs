//! `plugin.yaml`: what a plugin says of itself, read and checked before anything is compiled.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use windlass_core::plugin::{CONTRACT, CheckedKind, Grant, Manifest, Marker, Scope, World};

/// The file's name in the plugin's folder.
pub const FILE: &str = "plugin.yaml";

/// What the plugin is written in, hence how it is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    /// Standard Go, `GOOS=wasip1`.
    Go,
    /// Rust, `wasm32-unknown-unknown`.
    Rust,
}

/// A checked `plugin.yaml`.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginFile {
    /// What is written into the component.
    pub manifest: Manifest,
    /// How to compile.
    pub language: Language,
    /// Linker flags for Go, beside those of the recipe.
    pub ldflags: String,
}

/// What is wrong with a `plugin.yaml`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder is no plugin, or the file can't be read.
    #[error("can't read `{}`: a plugin's folder holds a `plugin.yaml`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not YAML, an unknown key, a wrong type.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// 1-based; 0 = unknown.
        line: u64,
        /// 1-based; 0 = unknown.
        column: u64,
        /// The parser's words.
        message: String,
    },
    /// A value that no plugin may have.
    #[error("{}:{line}: `{key}` {problem}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// 1-based line of the top-level key; 0 when it is absent.
        line: usize,
        /// The top-level key.
        key: &'static str,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Raw {
    name: String,
    version: String,
    world: World,
    language: Language,
    #[serde(default)]
    description: String,
    #[serde(default)]
    markers: Vec<Marker>,
    #[serde(default)]
    scope: Option<Scope>,
    #[serde(default)]
    kinds: Vec<CheckedKind>,
    #[serde(default)]
    grants: Vec<Grant>,
    #[serde(default)]
    build: RawBuild,
    #[serde(default)]
    config: serde_json::Value,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawBuild {
    #[serde(default)]
    ldflags: String,
}

/// Reads and checks the `plugin.yaml` of `folder`.
///
/// # Errors
/// [`Error`], with the line where there is one.
pub fn read(folder: &Path) -> Result<PluginFile, Error> {
    let path = folder.join(FILE);
    let text = std::fs::read_to_string(&path).map_err(|source| Error::Read {
        path: path.clone(),
        source,
    })?;
    parse(&path, &text)
}

/// Checks `text`, the contents of `path`.
///
/// # Errors
/// As [`read`], but for reading.
pub fn parse(path: &Path, text: &str) -> Result<PluginFile, Error> {
    let raw: Raw = serde_saphyr::from_str(text).map_err(|error| syntax(path, &error))?;
    check(&raw).map_err(|(key, problem)| Error::Value {
        path: path.to_owned(),
        line: line_of(text, key),
        key,
        problem,
    })?;
    Ok(PluginFile {
        language: raw.language,
        ldflags: raw.build.ldflags,
        manifest: Manifest {
            name: raw.name,
            version: raw.version,
            contract: CONTRACT.to_owned(),
            world: raw.world,
            description: raw.description,
            markers: raw.markers,
            scope: raw.scope.unwrap_or_default(),
            kinds: raw.kinds,
            grants: raw.grants,
            config: raw.config,
        },
    })
}

fn syntax(path: &Path, error: &serde_saphyr::Error) -> Error {
    let location = error.location();
    Error::Syntax {
        path: path.to_owned(),
        line: location.as_ref().map_or(0, serde_saphyr::Location::line),
        column: location.as_ref().map_or(0, serde_saphyr::Location::column),
        message: error.without_snippet().to_string(),
    }
}

/// 1-based line on which the top-level `key` stands; 0 when it doesn't.
fn line_of(text: &str, key: &str) -> usize {
    text.lines()
        .position(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
        .map_or(0, |index| index + 1)
}

type Finding = (&'static str, String);

fn check(raw: &Raw) -> Result<(), Finding> {
    check_identity(raw)?;
    check_markers(raw)?;
    check_scope(raw)?;
    check_kinds(raw)?;
    check_grants(raw)?;
    if raw.language == Language::Rust && !raw.build.ldflags.is_empty() {
        return Err(("build", "has `ldflags`, which only Go knows: remove it".to_owned()));
    }
    check_config(&raw.config)
}

fn check_identity(raw: &Raw) -> Result<(), Finding> {
    if !is_kebab(&raw.name) {
        let problem = format!(
            "is `{}`, but must be kebab-case: a-z, 0-9 and single `-`, a letter first",
            raw.name
        );
        return Err(("name", problem));
    }
    if let Err(error) = semver::Version::parse(&raw.version) {
        let problem = format!(
            "is `{}`, but must be a semantic version such as 1.2.3 ({error})",
            raw.version
        );
        return Err(("version", problem));
    }
    Ok(())
}

fn is_kebab(name: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.split('-').all(word)
}

fn check_markers(raw: &Raw) -> Result<(), Finding> {
    if !raw.markers.is_empty() && raw.world != World::Renderer {
        return Err((
            "markers",
            "stand for folders that a renderer recognises: remove them".to_owned(),
        ));
    }
    for marker in &raw.markers {
        if marker.file.is_empty() || marker.file.contains('/') {
            let problem = format!("has `{}`, but a marker is the name of a file, without `/`", marker.file);
            return Err(("markers", problem));
        }
    }
    Ok(())
}

fn check_scope(raw: &Raw) -> Result<(), Finding> {
    match raw.scope {
        Some(scope) if raw.world != World::Validator => {
            let problem = format!("is `{}`, but only a validator has a scope: remove it", scope.name());
            Err(("scope", problem))
        }
        _ => Ok(()),
    }
}

fn check_kinds(raw: &Raw) -> Result<(), Finding> {
    let problem = |problem: String| Err(("kinds", problem));
    match (raw.world, raw.kinds.is_empty()) {
        (World::HealthChecker, true) => {
            return problem("are missing: a health checker is asked about the kinds that it names".to_owned());
        }
        (World::HealthChecker, false) | (_, true) => {}
        (_, false) => return problem("are what a health checker is asked about: remove them".to_owned()),
    }
    for (index, checked) in raw.kinds.iter().enumerate() {
        let CheckedKind { group, kind } = checked;
        let is_group = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        let is_kind =
            kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(|b| b.is_ascii_alphanumeric());
        if !is_kind || !group.bytes().all(is_group) {
            return problem(format!(
                "has `{kind}` of `{group}`, but a kind is such as `Certificate` of `cert-manager.io`"
            ));
        }
        if raw.kinds[..index].contains(checked) {
            return problem(format!("names `{kind}` of `{group}` twice"));
        }
    }
    Ok(())
}

/// Which grants a world can make use of: those whose interface it imports.
const fn grants_of(world: World) -> &'static [Grant] {
    match world {
        World::Renderer => &[Grant::Sources, Grant::Compose, Grant::Cluster],
        World::Notifier => &[Grant::Http],
        World::Validator | World::HealthChecker => &[],
    }
}

fn check_grants(raw: &Raw) -> Result<(), Finding> {
    for (index, grant) in raw.grants.iter().enumerate() {
        if raw.grants[..index].contains(grant) {
            return Err(("grants", format!("names `{}` twice", grant.name())));
        }
        if !grants_of(raw.world).contains(grant) {
            let problem = format!(
                "asks for `{}`, which world `{}` doesn't have",
                grant.name(),
                raw.world.name()
            );
            return Err(("grants", problem));
        }
    }
    Ok(())
}

fn check_config(config: &serde_json::Value) -> Result<(), Finding> {
    if config.is_null() {
        return Ok(());
    }
    if !config.is_object() {
        return Err((
            "config",
            "must be a JSON Schema object, or absent when the plugin takes no config".to_owned(),
        ));
    }
    if let Err(error) = jsonschema::draft202012::meta::validate(config) {
        let problem = format!("is no JSON Schema (2020-12): at `{}`: {error}", error.instance_path());
        return Err(("config", problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
