//! Which files are manifests to take.

use serde::Deserialize;
use windlass_sdk::{Diagnostic, Location};

use crate::glob::Glob;

/// The plugin's config, as in `plugin.yaml`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Config {
    include: Vec<String>,
    exclude: Vec<String>,
    recurse: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            exclude: Vec::new(),
            recurse: true,
        }
    }
}

/// The config, ready to be asked.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Empty takes all.
    include: Vec<Glob>,
    exclude: Vec<Glob>,
    /// Whether to go into folders.
    pub(crate) recurse: bool,
}

impl Selection {
    /// Compiles the globs of `config`.
    pub(crate) fn new(config: &Config) -> Result<Self, Box<Diagnostic>> {
        let include = compile("include", &config.include)?;
        Ok(Self {
            include,
            exclude: compile("exclude", &config.exclude)?,
            recurse: config.recurse,
        })
    }

    /// Whether the file at `relative`, seen from the app's path, is to be taken.
    pub(crate) fn takes_file(&self, relative: &str) -> bool {
        is_manifest(relative)
            && (self.include.is_empty() || any(&self.include, relative))
            && !any(&self.exclude, relative)
    }

    /// Whether to look into the folder at `relative`.
    pub(crate) fn enters_folder(&self, relative: &str) -> bool {
        self.recurse && !any(&self.exclude, relative)
    }
}

/// Whether a name is hidden: `.github`, `.yamllint.yaml`.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}

/// Whether the path's ending is that of JSON.
pub(crate) fn is_json(path: &str) -> bool {
    has_ending(path, &["json"])
}

fn is_manifest(path: &str) -> bool {
    has_ending(path, &["yaml", "yml", "json"])
}

fn has_ending(path: &str, endings: &[&str]) -> bool {
    path.rsplit_once('.')
        .is_some_and(|(_, ending)| endings.contains(&ending))
}

fn any(globs: &[Glob], path: &str) -> bool {
    globs.iter().any(|glob| glob.matches(path))
}

fn compile(key: &str, globs: &[String]) -> Result<Vec<Glob>, Box<Diagnostic>> {
    let one = |(index, text): (usize, &String)| {
        Glob::new(text).map_err(|problem| {
            let message = format!("`{text}` is no glob: there is {problem} in it");
            Box::new(Diagnostic::error("bad-glob", message).at(Location::Config(format!("/{key}/{index}"))))
        })
    };
    globs.iter().enumerate().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(include: &[&str], exclude: &[&str]) -> Selection {
        let strings = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let config = Config {
            include: strings(include),
            exclude: strings(exclude),
            recurse: true,
        };
        Selection::new(&config).unwrap()
    }

    #[test]
    fn endings_decide_without_globs() {
        let all = selection(&[], &[]);
        for taken in ["a.yaml", "a.yml", "b/a.json", "x.y.yaml"] {
            assert!(all.takes_file(taken), "{taken}");
        }
        for left in ["a.txt", "yaml", "a.yaml.bak", "a.YAML", "Makefile"] {
            assert!(!all.takes_file(left), "{left}");
        }
    }

    #[test]
    fn include_narrows_and_exclude_wins() {
        let some = selection(&["*.yaml", "prod/**"], &["prod/secret.yaml", "prod/old"]);
        for (path, taken) in [
            ("a.yaml", true),
            ("b/a.yaml", false),
            ("prod/a.yaml", true),
            ("prod/x/a.json", true),
            ("prod/readme.md", false),
            ("prod/secret.yaml", false),
        ] {
            assert_eq!(some.takes_file(path), taken, "{path}");
        }
        assert!(some.enters_folder("prod") && !some.enters_folder("prod/old"));
    }

    #[test]
    fn a_bad_glob_is_told_at_its_place() {
        let config = Config {
            exclude: vec!["ok".to_owned(), "a[".to_owned()],
            ..Config::default()
        };
        let diagnostic = Selection::new(&config).unwrap_err();
        assert_eq!(diagnostic.at, Location::Config("/exclude/1".to_owned()));
    }
}
