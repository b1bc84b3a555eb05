//! Lists targets, writes their seeds, and runs one over files: what `cargo x fuzz` needs before and after libFuzzer.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use windlass_fuzz::{TARGETS, Target};

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => list()?,
        ["seeds", folder] => {
            for target in TARGETS {
                write_seeds(target, &Path::new(folder).join(target.name))?;
            }
        }
        [name, files @ ..] => match Target::find(name) {
            Some(target) => {
                for file in files {
                    (target.run)(&fs::read(file)?);
                }
            }
            None => {
                writeln!(io::stderr(), "there is no target `{name}`")?;
                return Ok(ExitCode::from(2));
            }
        },
    }
    Ok(ExitCode::SUCCESS)
}

fn list() -> io::Result<()> {
    for target in TARGETS {
        writeln!(io::stdout(), "{:<12} {}", target.name, target.what)?;
    }
    Ok(())
}

/// One file a seed, named by its number: libFuzzer reads folders.
fn write_seeds(target: &Target, folder: &PathBuf) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let root = std::env::current_dir()?;
    for (number, seed) in target.seeds(&root).iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:04}")), seed)?;
    }
    Ok(())
}
