//! False alarms are the worst fault of a validator: manifests that are known to be good must stay without findings.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::Config;
use crate::testing::{VERSION, check, head};

/// All files with manifests below `folder`, sorted.
fn manifests(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The objects of a file; none when it is a template or something else altogether.
fn objects(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let documents = windlass_core::yaml::parse(&text).unwrap_or_default();
    let documents = documents.into_iter().map(|document| document.value);
    documents
        .flat_map(|body| match body.pointer("/items") {
            Some(Value::Array(items)) if head(&body).kind == "List" => items.clone(),
            _ => vec![body],
        })
        .filter(|body| !head(body).kind.is_empty() && !head(body).version.is_empty())
        .collect()
}

/// What is found below `folder`, as `file: finding`.
fn found(folder: &Path, config: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    for file in manifests(folder) {
        let name = file.strip_prefix(folder).unwrap_or(&file).display().to_string();
        lines.extend(
            check(config, VERSION, &objects(&file))
                .into_iter()
                .map(|line| format!("{name}: {line}")),
        );
    }
    lines
}

/// With `WINDLASS_CORPUS=FOLDER:FOLDER`, all that is found in those is listed, to look for false alarms.
#[test]
fn good_manifests_stay_without_findings() {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/cases/schema/good/app");
    let folders = std::env::var("WINDLASS_CORPUS").unwrap_or_else(|_| ours.to_owned());
    let mut lines = Vec::new();
    for folder in folders.split(':').map(Path::new) {
        assert!(!manifests(folder).is_empty(), "{}", folder.display());
        lines.extend(found(folder, &Config::default()));
    }
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
