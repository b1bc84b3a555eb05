//! Where the sources of the pinned releases lie.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// Holds a Go module for each release, in a folder of its name.
pub(crate) const FOLDER: &str = "kubernetes";

/// The sources of a release.
pub(crate) struct Module {
    /// 37 for 1.37.
    pub(crate) minor: u32,
    /// Its folder in Go's cache.
    pub(crate) source: PathBuf,
}

/// One answer of `go mod download -json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Downloaded {
    #[serde(default)]
    dir: PathBuf,
    #[serde(default)]
    error: Option<String>,
}

/// The sources of all releases, oldest first; fetched when they aren't there yet.
pub(crate) fn all() -> Result<Vec<Module>, Box<dyn Error>> {
    let mut modules = Vec::new();
    for entry in fs::read_dir(FOLDER)? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let minor = name.strip_prefix("1.").and_then(|minor| minor.parse().ok());
        let minor = minor.ok_or_else(|| format!("`{FOLDER}/{name}` isn't named by a release such as `1.37`"))?;
        let source = download(&folder)?;
        modules.push(Module { minor, source });
    }
    modules.sort_by_key(|module| module.minor);
    if modules.is_empty() {
        return Err(format!("`{FOLDER}` holds no release").into());
    }
    Ok(modules)
}

/// Runs `go`, which checks what it has or fetches against the `go.sum` beside the `go.mod`.
fn download(folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let output = Command::new("go")
        .args(["mod", "download", "-json"])
        .current_dir(folder)
        // A `go.work` or flags of the user's would fetch something else than what the lock file says.
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .output()
        .map_err(|error| format!("can't run `go`, which fetches Kubernetes' API description: {error}"))?;
    let answer: Downloaded = serde_json::from_slice(&output.stdout).map_err(|_| said(&output.stderr))?;
    match answer.error {
        Some(error) => Err(error.into()),
        None if !output.status.success() => Err(said(&output.stderr).into()),
        None => Ok(answer.dir),
    }
}

fn said(stderr: &[u8]) -> String {
    format!("`go mod download` failed: {}", String::from_utf8_lossy(stderr).trim())
}
