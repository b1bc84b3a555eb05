//! The contract may only grow: each version of `wit/` serves the plugins of the version before it.
//!
//! Versions that semantic versioning calls compatible are compared: 0.1.0 with 0.1.1, not with 0.2.0.

use std::fs;
use std::path::Path;

use semver::{Version, VersionReq};
use wit_parser::Resolve;

const WORLDS: [&str; 4] = ["renderer", "validator", "notifier", "health-checker"];

/// The contract's versions, in order, each with its text.
fn released() -> Vec<(Version, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    let mut versions = Vec::new();
    for entry in fs::read_dir(&folder).expect("wit/ can be listed") {
        let entry = entry.expect("wit/ can be listed");
        let name = entry.file_name().into_string().expect("a version is UTF-8");
        let text = fs::read_to_string(entry.path().join("plugin.wit")).expect("each version has a plugin.wit");
        versions.push((
            Version::parse(&name).expect("a folder of wit/ is named by its version"),
            text,
        ));
    }
    versions.sort();
    versions
}

/// Whether plugins built against `old` run on a host that serves `new`, world by world.
fn check(old: &str, new: &str) -> Result<(), String> {
    for world in WORLDS {
        let mut resolve = Resolve::default();
        let mut select = |name: &str, text: &str| {
            let package = resolve
                .push_source(name, text)
                .map_err(|error| format!("{name}: {error:#}"))?;
            resolve
                .select_world(&[package], Some(world))
                .map_err(|error| format!("{name}: {error:#}"))
        };
        let (old, new) = (select("old.wit", old)?, select("new.wit", new)?);
        wit_component::semver_check(resolve, old, new).map_err(|error| format!("world {world}: {error:#}"))?;
    }
    Ok(())
}

/// 0.1.0 as 0.1.1 with one edit.
fn edited(from: &str, to: &str) -> (String, String) {
    let old = released().remove(0).1;
    assert!(old.contains(from), "the contract has no `{from}` any more");
    let next = old.replacen("package windlass:plugin@0.1.0;", "package windlass:plugin@0.1.1;", 1);
    assert_ne!(old, next, "the oldest contract is 0.1.0");
    let new = next.replacen(from, to, 1);
    (old, new)
}

#[test]
fn each_version_serves_the_plugins_of_the_one_before() {
    let versions = released();
    assert!(!versions.is_empty());
    for pair in versions.windows(2) {
        let [(old, old_text), (new, new_text)] = pair else {
            unreachable!("windows of two")
        };
        let compatible = VersionReq::parse(&format!("^{old}"))
            .expect("a version makes a requirement")
            .matches(new);
        if compatible {
            check(old_text, new_text).unwrap_or_else(|error| panic!("{new} breaks plugins of {old}: {error}"));
        }
    }
}

#[test]
fn a_folder_holds_the_version_that_it_is_named_by() {
    for (version, text) in released() {
        assert!(
            text.contains(&format!("package windlass:plugin@{version};")),
            "wit/{version}"
        );
    }
}

#[test]
fn growth_by_a_function_on_an_imported_resource_is_accepted() {
    let (old, new) = edited("  resource tree {\n", "  resource tree {\n    weight: func() -> u64;\n");
    assert_eq!(check(&old, &new), Ok(()));
}

#[test]
fn a_new_field_of_a_record_is_refused() {
    let (old, new) = edited("record span { line: u32,", "record span { file: u32, line: u32,");
    let error = check(&old, &new).expect_err("a record can't grow");
    assert!(error.contains("not semver-compatible"), "{error}");
}

#[test]
fn a_new_case_of_a_variant_is_refused() {
    let (old, new) = edited("variant failure { ", "variant failure { later, ");
    check(&old, &new).expect_err("a variant can't grow");
}
