//! The validator `schema` as a user meets it: the golden cases of `tests/cases/schema`.

use std::{fs, path::Path};

use serde_json::Value;

use crate::sandbox::Sandbox;

/// The golden cases.
const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../cases/schema");

#[test]
fn every_case_finds_what_is_expected_of_it() {
    let mut cases: Vec<_> = fs::read_dir(CASES)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.retain(|case| case.is_dir());
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        check(&case);
    }
}

fn check(case: &Path) {
    let found = findings(&case.join("app"));
    let expected = case.join("expected.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&expected, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(&expected).unwrap(), "{}", case.display());
}

/// What `windlass validate` says of a folder, a line per finding.
fn findings(folder: &Path) -> String {
    let sandbox = Sandbox::new();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("app/{}", entry.file_name().to_string_lossy());
        files.push((name, fs::read_to_string(entry.path()).unwrap()));
    }
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), Some(text.as_str())))
        .collect();
    sandbox.commit(&files);
    let output = sandbox.windlass(&["validate", "repo/app", "--validator", "schema", "-o", "json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
    let lines = found["findings"].as_array().unwrap().iter().map(line);
    lines.collect()
}

fn line(finding: &Value) -> String {
    let text = |field: &str| finding[field].as_str().unwrap_or_default();
    let at = &finding["at"]["file"];
    let place = format!(
        "{}:{}:{}",
        at["path"].as_str().unwrap_or_default(),
        at["span"]["line"],
        at["span"]["column"]
    );
    format!(
        "{place}: {}[{}]: {} ({})\n",
        text("severity"),
        text("code"),
        text("message"),
        text("help")
    )
}
