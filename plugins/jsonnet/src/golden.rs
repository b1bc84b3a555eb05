//! The golden cases of `tests/cases/jsonnet` and the expressions of `tests/cases/jsonnet-std`, evaluated natively. That
//! what they say equals the native command's output is tested through the host; here every case must render, or fail as
//! it says.

use std::path::{Path, PathBuf};

use rsjsonnet_lang::arena::Arena;
use serde::Deserialize;
use windlass_sdk::{Diagnostic, FileAt, Location, Refusal};

use crate::config::Config;
use crate::evaluate::Session;
use crate::files::Files;
use crate::importer::Importer;

struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        std::fs::read(self.0.join(path)).map_err(|_| Refusal::NotFound)
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Facts {
    fails: Option<String>,
    programs: Vec<String>,
}

fn json<T: Default + serde::de::DeserializeOwned>(path: &Path) -> T {
    std::fs::read(path).map_or_else(
        |_| T::default(),
        |bytes| serde_json::from_slice(&bytes).expect("valid JSON"),
    )
}

fn render(case: &Path, programs: &[String]) -> Result<Vec<String>, Box<Diagnostic>> {
    let config: Config = json(&case.join("config.json"));
    let files = Folder(case.to_owned());
    let arena = Arena::new();
    let mut session = Session::new(&arena, Importer::new(&files, "app", &config)?);
    session.set_variables(&config)?;
    let mut manifests = Vec::new();
    for program in programs {
        manifests.extend(session.render(program)?);
    }
    Ok(manifests)
}

/// As the README of the cases writes it.
fn line(diagnostic: &Diagnostic) -> String {
    let place = match &diagnostic.at {
        Location::File(FileAt {
            path, span: Some(span), ..
        }) => format!("{path}:{}:{}", span.line, span.column),
        Location::File(FileAt { path, .. }) => path.clone(),
        other => format!("{other:?}"),
    };
    format!("{place}: error[{}]: {}", diagnostic.code, diagnostic.message)
}

#[test]
fn every_case_renders_or_fails_as_it_says() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/jsonnet");
    let mut seen = 0;
    for case in cases
        .read_dir()
        .expect("cases")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
    {
        let facts: Facts = json(&case.join("facts.json"));
        let main = vec!["app/main.jsonnet".to_owned()];
        let programs = if facts.programs.is_empty() {
            main
        } else {
            facts.programs
        };
        match (render(&case, &programs), facts.fails) {
            (Ok(manifests), None) => assert!(!manifests.is_empty(), "{}", case.display()),
            (Ok(_), Some(fails)) => panic!("{} renders, but must fail: {fails}", case.display()),
            (Err(found), None) => panic!("{}: {}", case.display(), line(&found)),
            (Err(found), Some(fails)) => {
                assert!(
                    line(&found).contains(&fails),
                    "{}:\n{}\n{fails}",
                    case.display(),
                    line(&found)
                );
            }
        }
        seen += 1;
    }
    assert!(seen >= 15, "{seen} cases");
}

/// A program alone in its tree.
struct Alone(String);

impl Files for Alone {
    fn read(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        let there = (path == "app/main.jsonnet").then(|| self.0.clone().into_bytes());
        there.ok_or(Refusal::NotFound)
    }
}

fn evaluates(expression: &str) -> Result<(), Box<Diagnostic>> {
    let program = Alone(format!(
        "{{ apiVersion: 'v1', kind: 'Expression', value: ({expression}\n) }}"
    ));
    let arena = Arena::new();
    let mut session = Session::new(&arena, Importer::new(&program, "app", &Config::default())?);
    session.render("app/main.jsonnet").map(drop)
}

#[test]
fn every_expression_evaluates_or_fails_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases/jsonnet-std");
    let mut seen = 0;
    for path in folder
        .read_dir()
        .expect("expressions")
        .flatten()
        .map(|entry| entry.path())
    {
        // What differs from the native command; its README says how.
        let differs = path.ends_with("evaluator.txt");
        let text = std::fs::read_to_string(&path).expect("a text");
        for line in text
            .lines()
            .filter(|_| !differs && path.extension() == Some("txt".as_ref()))
        {
            // Writes to the host's log, and there is no host here; or is a comment, and no expression.
            if line.contains("std.trace") || line.starts_with('#') {
                continue;
            }
            let (fails, expression) = line.strip_prefix("! ").map_or((false, line), |rest| (true, rest));
            let found = evaluates(expression);
            assert_eq!(found.is_err(), fails, "{}: {line}\n{found:?}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 800, "{seen} expressions");
}
