//! `cargo x diff-native`: the sandboxed renderers against the native tools, over any folder. Builds nothing.

use std::{
    env,
    ffi::OsString,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use windlass_host::worker;
use windlass_tests::native::{Case, Folders, Native, Problem, Tool, found, golden, helms_own, is_golden};

/// Everything is equal, fails on both sides, or differs as a named exception says.
const SAME: u8 = 0;
/// Something differs.
const DIFFERS: u8 = 1;
/// The comparison could not be made.
const PROBLEM: u8 = 2;

fn main() -> ExitCode {
    // The host starts this very program as its worker.
    if env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == worker::ARGUMENT)
    {
        return windlass::main();
    }
    let code = compare().unwrap_or_else(|problem| {
        let _ = writeln!(std::io::stderr(), "error: {problem}");
        PROBLEM
    });
    ExitCode::from(code)
}

fn compare() -> Result<u8, Problem> {
    let (verbose, folders): (Vec<OsString>, Vec<OsString>) = env::args_os().skip(1).partition(|a| a == "--verbose");
    let cases = match folders.as_slice() {
        [] => own()?,
        [folder] => of(Path::new(folder))?,
        _ => return Err("more than one folder".into()),
    };
    if cases.is_empty() {
        return Err("no chart, no kustomization and no Jsonnet file there".into());
    }
    let table = Native::open(folders_of_the_environment()?)?.compare(&cases);
    std::io::stdout().write_all(table.show(!verbose.is_empty()).as_bytes())?;
    Ok(if table.differs() == 0 { SAME } else { DIFFERS })
}

/// The repository's own sets.
fn own() -> Result<Vec<Case>, Problem> {
    let mut cases = Vec::new();
    for tool in Tool::ALL {
        cases.extend(golden(tool)?);
    }
    cases.extend(helms_own()?);
    Ok(cases)
}

fn of(folder: &Path) -> Result<Vec<Case>, Problem> {
    match is_golden(folder)? {
        Some(cases) => Ok(cases),
        None => found(folder),
    }
}

/// As `cargo x` sets them.
fn folders_of_the_environment() -> Result<Folders, Problem> {
    let folder = |name: &str| -> Result<PathBuf, Problem> {
        let value = env::var_os(name).ok_or_else(|| format!("`{name}` is not set: run `cargo x diff-native`"))?;
        Ok(value.into())
    };
    Ok(Folders {
        worker: env::current_exe()?,
        plugins: folder("WINDLASS_PLUGINS")?,
        cache: folder("WINDLASS_CACHE_DIR")?,
        oracles: folder("WINDLASS_ORACLES")?,
    })
}
