//! Turns the API descriptions of Kubernetes releases into static tables of Rust, so that a call pays for no parsing.
//!
//! A release is a folder of `kubernetes/`: a Go module that pins `k8s.io/kubernetes` and its checksum, which `go` fetches
//! once into its own cache. Nothing of it is committed. From each are read:
//! - `api/openapi-spec/swagger.json`: types, required fields, list keys, kinds;
//! - `pkg/generated/openapi/zz_generated.openapi.go`: the closed sets of words, which the former leaves out.

#![allow(clippy::print_stdout, reason = "that is how a build script talks to cargo")]

#[path = "build/enums.rs"]
mod enums;
#[path = "build/modules.rs"]
mod modules;
#[path = "build/nodes.rs"]
mod nodes;
#[path = "build/swagger.rs"]
mod swagger;
#[path = "build/tables.rs"]
mod tables;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

/// Where the API is described, within the module.
const DESCRIPTION: &str = "api/openapi-spec/swagger.json";
/// Where the closed sets of words stand, within the module.
const GENERATED: &str = "pkg/generated/openapi/zz_generated.openapi.go";

fn main() -> Result<(), Box<dyn Error>> {
    for input in ["build.rs", "build", modules::FOLDER] {
        println!("cargo::rerun-if-changed={input}");
    }
    let mut releases = Vec::new();
    for module in modules::all()? {
        let description = read(&module.source.join(DESCRIPTION))?;
        let words = enums::of(&read(&module.source.join(GENERATED))?);
        releases.push(swagger::release(module.minor, &description, &words)?);
    }
    let out = env::var_os("OUT_DIR").ok_or("cargo gives OUT_DIR to build scripts")?;
    fs::write(Path::new(&out).join("tables.rs"), tables::source(&releases))?;
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("can't read `{}`: {error}", path.display()))
}
