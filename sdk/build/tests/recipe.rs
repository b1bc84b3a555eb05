//! Real builds: a plugin without dependencies, written to a folder outside of the workspace.
//!
//! Needs a Rust toolchain that builds for wasm32-unknown-unknown, as every build of the repository does. Compilers'
//! intermediates stay in one folder of Cargo's, so that only the first run pays for a standard library; hence each
//! test's package has a name of its own.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use windlass_build::recipe::Step;
use windlass_build::{Error, Options, Outcome, build, compile};
use windlass_core::plugin::{MANIFEST_SECTION, Manifest};

const CARGO: &str = r#"
[package]
name = "NAME"
version = "0.1.0"
edition = "2024"
[lib]
crate-type = ["cdylib"]
[workspace]
"#;

const PLUGIN: &str = "name: tiny\nversion: 0.1.0\nworld: renderer\nlanguage: rust\n";

/// A renderer that answers ok. `warm` keeps a random number and the place of a panic, in which a path stands.
const SOURCE: &str = r#"
#[link(wasm_import_module = "windlass:plugin/entropy@0.1.0")]
unsafe extern "C" { #[link_name = "next"] safe fn next() -> u64; }
static mut DRAWN: u64 = 0;
#[unsafe(export_name = "warm")]
extern "C" fn warm() { unsafe { DRAWN = next() } }
#[unsafe(export_name = "cabi_realloc")]
extern "C" fn realloc(_: i32, _: i32, _: i32, size: i32) -> i32 {
    Vec::<u8>::with_capacity(size as usize).leak().as_ptr() as i32
}
#[unsafe(export_name = "windlass:plugin/render@0.1.0#render")]
extern "C" fn render(request: i32, out: i32) -> *const u64 {
    assert!(request != out || unsafe { DRAWN } != 0, "no state");
    unsafe { DRAWN = 0 }
    &raw const DRAWN
}
"#;

fn plugin(folder: &Path, name: &str, yaml: &str, source: &str) {
    std::fs::create_dir_all(folder.join("src")).unwrap();
    std::fs::write(folder.join("Cargo.toml"), CARGO.replace("NAME", name)).unwrap();
    std::fs::write(folder.join("plugin.yaml"), yaml).unwrap();
    std::fs::write(folder.join("src/lib.rs"), source).unwrap();
}

fn options(folder: &Path, out: &Path) -> Options {
    Options {
        plugin: folder.to_owned(),
        out: out.to_owned(),
        wit: None,
        compile: compile::Options {
            cache: Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("recipe")),
            locked: false,
        },
        snapshot: true,
        seed: 7,
    }
}

fn built(options: &Options) -> (Outcome, Vec<&'static str>) {
    let mut steps = Vec::new();
    let outcome = build(options, &mut |step: &Step| steps.push(step.name)).unwrap();
    assert_eq!(std::fs::read(&options.out).unwrap(), outcome.component);
    (outcome, steps)
}

fn failure(folder: &Path) -> Error {
    let out = folder.join("out.wasm");
    let error = build(&options(folder, &out), &mut |_| {}).unwrap_err();
    assert!(!out.exists());
    error
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn two_folders_give_the_same_bytes_and_hold_no_path() {
    let temp = tempfile::tempdir().unwrap();
    let (one, two) = (temp.path().join("one"), temp.path().join("elsewhere/two"));
    plugin(&one, "tiny", PLUGIN, SOURCE);
    plugin(&two, "tiny", PLUGIN, SOURCE);
    let (first, steps) = built(&options(&one, &one.join("out/tiny.wasm")));
    let (second, _) = built(&options(&two, &two.join("tiny.wasm")));
    assert_eq!(steps, ["compile", "merge", "encode", "snapshot", "write"]);
    assert_eq!(first.component, second.component);
    let interfaces = ["entropy", "types", "rendering"].map(|name| format!("windlass:plugin/{name}@0.1.0"));
    assert_eq!(first.imports, interfaces);
    for path in [temp.path(), Path::new(env!("CARGO_TARGET_TMPDIR"))] {
        assert!(!contains(&first.component, &path.display().to_string()));
    }
}

#[test]
fn the_seed_decides_what_a_snapshot_draws() {
    let temp = tempfile::tempdir().unwrap();
    plugin(temp.path(), "seeded", PLUGIN, SOURCE);
    let mut options = options(temp.path(), &temp.path().join("seeded.wasm"));
    let seven = built(&options).0.component;
    options.seed = 8;
    assert_ne!(built(&options).0.component, seven);
    options.snapshot = false;
    let (plain, steps) = built(&options);
    assert_eq!(steps, ["compile", "merge", "encode", "write"]);
    assert_ne!(plain.component, seven);
}

#[test]
fn the_manifest_stands_in_the_component() {
    let temp = tempfile::tempdir().unwrap();
    plugin(temp.path(), "described", PLUGIN, SOURCE);
    let (outcome, _) = built(&options(temp.path(), &temp.path().join("described.wasm")));
    let sections = wasmparser::Parser::new(0)
        .parse_all(&outcome.component)
        .map(Result::unwrap);
    let manifests: Vec<Manifest> = sections
        .filter_map(|payload| match payload {
            wasmparser::Payload::CustomSection(section) if section.name() == MANIFEST_SECTION => {
                Some(serde_json::from_slice(section.data()).unwrap())
            }
            _ => None,
        })
        .collect();
    assert_eq!(manifests.len(), 1);
    assert_eq!(
        (manifests[0].name.as_str(), manifests[0].contract.as_str()),
        ("tiny", "0.1.0")
    );
}

#[test]
fn a_failed_build_shows_the_compilers_words_and_leaves_the_old_component() {
    let temp = tempfile::tempdir().unwrap();
    plugin(temp.path(), "broken", PLUGIN, "fn broken( {");
    let message = failure(temp.path()).to_string();
    assert!(
        message.contains("the plugin doesn't compile") && message.contains("src/lib.rs:1"),
        "{message}"
    );
    let out = temp.path().join("kept.wasm");
    std::fs::write(&out, "old").unwrap();
    build(&options(temp.path(), &out), &mut |_| {}).unwrap_err();
    assert_eq!(std::fs::read(&out).unwrap(), b"old");
}

#[test]
fn a_plugin_that_exports_another_world_is_told_which_export_lacks() {
    let temp = tempfile::tempdir().unwrap();
    plugin(temp.path(), "other", &PLUGIN.replace("renderer", "validator"), SOURCE);
    let message = failure(temp.path()).to_string();
    assert!(
        message.contains("exports no `windlass:plugin/validate@0.1.0`"),
        "{message}"
    );
}

#[test]
fn a_crate_without_a_module_is_told() {
    let temp = tempfile::tempdir().unwrap();
    plugin(temp.path(), "library", PLUGIN, "");
    let manifest = CARGO
        .replace("NAME", "library")
        .replace("[lib]\ncrate-type = [\"cdylib\"]\n", "");
    std::fs::write(temp.path().join("Cargo.toml"), manifest).unwrap();
    let message = failure(temp.path()).to_string();
    assert!(message.contains("crate-type = [\"cdylib\""), "{message}");
}

#[test]
fn a_folder_that_is_no_plugin_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let message = failure(temp.path()).to_string();
    assert!(message.contains("plugin.yaml"), "{message}");
}
