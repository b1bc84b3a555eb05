//! Jsonnet expressions, a line each, of `tests/cases/jsonnet-std/*.txt`: what the standard library and the language say.
//!
//! A line that starts with `! ` fails in the native command. The other lines of a file make one program, so that a
//! thousand of them take seconds.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Problem,
    case::{Case, Ground, Tool},
};

/// The file whose lines differ as the exception of the same name says, each a case of its own.
const EXCEPTED: &str = "evaluator";

/// All lines.
#[derive(Debug)]
pub struct Expressions {
    /// A program for each file.
    pub programs: Vec<Case>,
    /// Lines that fail.
    pub failing: Vec<Case>,
    /// Lines that differ, and may.
    pub excepted: Vec<Case>,
}

/// Reads all files.
///
/// # Errors
/// When one can't be read, or nothing can be written.
pub fn expressions() -> Result<Expressions, Problem> {
    let copy = tempfile::tempdir()?;
    let (mut programs, mut failing, mut excepted) = (Vec::new(), Vec::new(), Vec::new());
    for path in files()? {
        let text = fs::read_to_string(&path)?;
        let topic = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let lines = || text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        if topic == EXCEPTED {
            let one = |(index, line): (usize, &str)| write(copy.path(), &format!("{topic} {index}"), &[line]);
            excepted = lines().enumerate().map(one).collect::<Result<_, Problem>>()?;
            continue;
        }
        let good: Vec<&str> = lines().filter(|line| !line.starts_with("! ")).collect();
        programs.push(write(copy.path(), &topic, &good)?);
        for (index, line) in lines().filter_map(|line| line.strip_prefix("! ")).enumerate() {
            failing.push(write(copy.path(), &format!("{topic} {index}"), &[line])?);
        }
    }
    let ground = Ground::of(copy)?;
    let cases = |names: Vec<String>| {
        names
            .into_iter()
            .map(|name| case(&ground, name))
            .collect::<Result<_, _>>()
    };
    Ok(Expressions {
        programs: cases(programs)?,
        failing: cases(failing)?,
        excepted: cases(excepted)?,
    })
}

fn files() -> Result<Vec<PathBuf>, Problem> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cases/jsonnet-std");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    Ok(paths)
}

fn case(ground: &Arc<Ground>, name: String) -> Result<Case, Problem> {
    let folder = name
        .split_once(": ")
        .map_or(name.as_str(), |(folder, _)| folder)
        .to_owned();
    Case::new(name, Tool::Jsonnet, ground, folder)
}

/// Writes a program whose fields are the lines by themselves; its name says the line when there is but one.
fn write(root: &Path, folder: &str, lines: &[&str]) -> Result<String, Problem> {
    let mut program = String::from("{\n  apiVersion: 'v1',\n  kind: 'Expressions',\n");
    for line in lines {
        // A line may end with a comment.
        writeln!(program, "  {}: ({line}\n  ),", serde_json::to_string(line)?)?;
    }
    program.push_str("}\n");
    fs::create_dir(root.join(folder))?;
    fs::write(root.join(folder).join("main.jsonnet"), program)?;
    Ok(match lines {
        [line] => format!("{folder}: {line}"),
        _ => folder.to_owned(),
    })
}
