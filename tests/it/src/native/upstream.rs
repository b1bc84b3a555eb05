//! Helm's own test data, from the Go module cache.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    Problem,
    case::{Case, Ground},
    found::Search,
};

/// The charts and archives in the `testdata` folders of the Helm that the oracle is built from. `go` downloads the module if need be.
///
/// # Errors
/// When there is no `go` or no module.
pub fn helm() -> Result<Vec<Case>, Problem> {
    let mut search = Search {
        ground: Ground::at(&module()?)?,
        cases: Vec::new(),
        wanted: is_test_data,
    };
    search.folder(Path::new(""), 0)?;
    for case in &mut search.cases {
        case.name = format!("helm's own/{}", case.name);
    }
    Ok(search.cases)
}

/// Helm can't install charts of its own format v3 yet: they all fail, natively and here.
fn is_test_data(path: &Path) -> bool {
    path.iter().any(|part| part == "testdata") && !path.starts_with("internal/chart/v3")
}

fn module() -> Result<PathBuf, Problem> {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oracles/helm");
    // `list -m` alone would name the folder of a module that is not there yet.
    let output = Command::new("go")
        .args(["mod", "download", "-json", "helm.sh/helm/v4"])
        .current_dir(&oracle)
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .output()
        .map_err(|error| format!("`go` is needed to find Helm's own test data: {error}"))?;
    let module: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    match module["Dir"].as_str() {
        Some(folder) => Ok(folder.into()),
        None => Err(format!("`go mod download` in {}: {}", oracle.display(), module["Error"]).into()),
    }
}
