//! The cases of `tests/cases/TOOL/`: each a folder with `app/`, and beside it `config.json` and `facts.json`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use serde::de::DeserializeOwned;

use super::{
    Problem,
    case::{Case, CaseFacts, Ground, Tool, scan},
};

/// Where they lie.
fn folder(tool: Tool) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases").join(tool.name())
}

/// The cases of a tool, in order.
///
/// # Errors
/// When a case can't be read or prepared.
pub fn golden(tool: Tool) -> Result<Vec<Case>, Problem> {
    let mut folders: Vec<PathBuf> = fs::read_dir(folder(tool))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders.iter().map(|folder| open(tool, folder)).collect()
}

/// The golden cases at or below a folder; `None` when it is none of `tests/cases`.
///
/// # Errors
/// As [`golden`].
pub fn is_golden(at: &Path) -> Result<Option<Vec<Case>>, Problem> {
    let at = at.canonicalize()?;
    let mut cases = Vec::new();
    let mut inside = false;
    for tool in Tool::ALL {
        let folder = folder(tool).canonicalize()?;
        if folder.starts_with(&at) {
            inside = true;
            cases.extend(golden(tool)?);
        } else if let Some(case) = at.strip_prefix(&folder).ok().and_then(|path| path.iter().next()) {
            inside = true;
            cases.push(open(tool, &folder.join(case))?);
        }
    }
    Ok(inside.then_some(cases))
}

fn open(tool: Tool, original: &Path) -> Result<Case, Problem> {
    let copy = tempfile::tempdir()?;
    // `cp -a` keeps links as links, which some cases are about.
    run(Command::new("cp").arg("-a").arg(original.join(".")).arg(copy.path()))?;
    let facts: CaseFacts = read(&original.join("facts.json"))?;
    pack(copy.path(), &facts)?;
    let ground = Ground {
        root: copy.path().to_owned(),
        revision: scan(copy.path())?,
        _copy: Some(copy),
    };
    let name = original.file_name().unwrap_or_default().to_string_lossy();
    Ok(Case {
        name: format!("{}/{name}", tool.name()),
        tool,
        config: read(&original.join("config.json"))?,
        facts,
        ground: Arc::new(ground),
        scratch: tempfile::tempdir()?,
        now: None,
    })
}

/// A JSON file; what is not there says nothing.
fn read<T: Default + DeserializeOwned>(path: &Path) -> Result<T, Problem> {
    let Ok(bytes) = fs::read(path) else {
        return Ok(T::default());
    };
    serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Archives are made, not kept in git.
fn pack(root: &Path, facts: &CaseFacts) -> Result<(), Problem> {
    for (archive, folder) in &facts.archives {
        let (folder, archive) = (root.join(folder), root.join(archive));
        let (Some(parent), Some(name), Some(place)) = (folder.parent(), folder.file_name(), archive.parent()) else {
            return Err(format!("`archives` of {} names no folder", root.display()).into());
        };
        fs::create_dir_all(place)?;
        run(Command::new("tar")
            .arg("-czf")
            .arg(&archive)
            .arg("-C")
            .arg(parent)
            .arg(name))?;
    }
    Ok(())
}

fn run(command: &mut Command) -> Result<(), Problem> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{} failed: {said}", command.get_program().display()).into())
}
