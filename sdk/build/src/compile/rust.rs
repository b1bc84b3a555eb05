//! Rust: a `cdylib` for `wasm32-unknown-unknown`, which imports nothing but its world.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::{Compiled, Error, Options, answer, read, run};

const TARGET: &str = "wasm32-unknown-unknown";
const HELP: &str = "install Rust by https://rustup.rs";

/// The profile `guest`, given on the command line so that a plugin outside of our workspace is built alike.
const PROFILE: [&str; 6] = [
    "profile.guest.inherits='release'",
    "profile.guest.opt-level=3",
    "profile.guest.lto=true",
    "profile.guest.codegen-units=1",
    "profile.guest.panic='abort'",
    "profile.guest.strip=true",
];

/// Debian's own toolchain, which comes with the source of the standard library.
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Which compiler builds for [`TARGET`].
enum Toolchain {
    /// The standard library is installed.
    Installed,
    /// The standard library is built from source by Debian's cargo, linked with `linker`.
    Debian { linker: PathBuf },
}

#[derive(Deserialize)]
struct Metadata {
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

/// One line of Cargo's JSON messages.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

pub(super) fn compile(folder: &Path, options: &Options) -> Result<Compiled, Error> {
    let manifest = folder.join("Cargo.toml");
    let metadata = metadata(folder, &manifest)?;
    let target_dir = match &options.cache {
        Some(cache) => cache.join("guest"),
        // A folder of its own: a plugin is often built while Cargo holds the lock of the workspace's.
        None => metadata.target_directory.join("guest"),
    };
    let toolchain = choose(folder)?;
    let mut build = toolchain.cargo(folder)?;
    build.args(["build", "--quiet", "--lib", "--profile", "guest", "--target", TARGET]);
    build
        .args(["--message-format", "json-render-diagnostics", "--manifest-path"])
        .arg(&manifest);
    build.arg("--target-dir").arg(&target_dir);
    for setting in PROFILE {
        build.args(["--config", setting]);
    }
    if options.locked {
        build.arg("--locked");
    }
    build.env(
        "CARGO_ENCODED_RUSTFLAGS",
        flags(folder, &metadata, &target_dir, &toolchain)?,
    );
    let output = run(&mut build, HELP)?;
    let module = module_of(&output.stdout, &manifest).ok_or(Error::NoModule { manifest })?;
    Ok(Compiled {
        module: read(&module)?,
        how: toolchain.describe(folder)?,
    })
}

/// The module among the artefacts that Cargo names.
fn module_of(messages: &[u8], manifest: &Path) -> Option<PathBuf> {
    let lines = messages.split(|byte| *byte == b'\n');
    let artefacts = lines.filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    artefacts
        .filter(|message| message.reason == "compiler-artifact" && message.manifest_path == manifest)
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"))
}

fn metadata(folder: &Path, manifest: &Path) -> Result<Metadata, Error> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(folder)
        .args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"])
        .arg(manifest);
    let output = run(&mut cargo, HELP)?;
    serde_json::from_slice(&output.stdout).map_err(|source| Error::Answer {
        tool: "cargo metadata".to_owned(),
        source: source.into(),
    })
}

/// The ordinary way when the target is installed, else Debian's.
fn choose(folder: &Path) -> Result<Toolchain, Error> {
    let libdir = rustc(folder, &["--print", "target-libdir", "--target", TARGET])?;
    if holds_std(Path::new(&libdir)) {
        return Ok(Toolchain::Installed);
    }
    if !Path::new(DEBIAN_CARGO).exists() || !Path::new(DEBIAN_RUSTC).exists() {
        return Err(Error::NoTarget { detail: String::new() });
    }
    let sysroot = answer(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]), HELP)?;
    if !Path::new(&sysroot).join("lib/rustlib/src/rust/library/std").exists() {
        return Err(Error::NoTarget {
            detail: format!(" (there is no source of the standard library in `{sysroot}`)"),
        });
    }
    match linker(folder, &sysroot)? {
        Some(linker) => Ok(Toolchain::Debian { linker }),
        None => Err(Error::NoTarget {
            detail: " (there is no `rust-lld` or `wasm-ld`: also install `lld`)".to_owned(),
        }),
    }
}

fn holds_std(libdir: &Path) -> bool {
    let Ok(entries) = libdir.read_dir() else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// A linker for WebAssembly: that of rustup's toolchain, of Debian's, or of LLVM.
fn linker(folder: &Path, debian: &str) -> Result<Option<PathBuf>, Error> {
    let rustup = rustc(folder, &["--print", "sysroot"])?;
    let version = rustc(folder, &["-vV"])?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default();
    let bundled = |sysroot: &str| Path::new(sysroot).join("lib/rustlib").join(host).join("bin/rust-lld");
    let candidates = [
        bundled(&rustup),
        bundled(debian),
        PathBuf::from("/usr/bin/rust-lld"),
        PathBuf::from("/usr/bin/wasm-ld"),
    ];
    Ok(candidates.into_iter().find(|candidate| candidate.exists()))
}

fn rustc(folder: &Path, arguments: &[&str]) -> Result<String, Error> {
    answer(Command::new("rustc").current_dir(folder).args(arguments), HELP)
}

impl Toolchain {
    /// `cargo` with an environment that doesn't depend on the user's settings.
    fn cargo(&self, folder: &Path) -> Result<Command, Error> {
        let mut command = match self {
            Self::Installed => Command::new("cargo"),
            Self::Debian { linker } => {
                let mut command = Command::new(DEBIAN_CARGO);
                command.env("RUSTC", DEBIAN_RUSTC);
                // Building the standard library is an unstable option of a stable compiler.
                command.env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                command
            }
        };
        command
            .current_dir(folder)
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_BUILD_TARGET");
        Ok(command)
    }

    fn describe(&self, folder: &Path) -> Result<String, Error> {
        match self {
            Self::Installed => Ok(format!(
                "{}, target {TARGET} is installed",
                rustc(folder, &["--version"])?
            )),
            Self::Debian { .. } => {
                let version = answer(Command::new(DEBIAN_RUSTC).arg("--version"), HELP)?;
                Ok(format!(
                    "Debian's {version} with its own build of std, as rustup's toolchain has no {TARGET}"
                ))
            }
        }
    }

    fn sysroot(&self, folder: &Path) -> Result<String, Error> {
        match self {
            Self::Installed => rustc(folder, &["--print", "sysroot"]),
            Self::Debian { .. } => answer(Command::new(DEBIAN_RUSTC).args(["--print", "sysroot"]), HELP),
        }
    }
}

/// Flags that make panic messages, hence bytes, independent of where things lie on this machine.
fn flags(folder: &Path, metadata: &Metadata, target_dir: &Path, toolchain: &Toolchain) -> Result<String, Error> {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let mut prefixes = vec![(PathBuf::from(toolchain.sysroot(folder)?), "/rust")];
    prefixes.extend(home.map(|home| (home, "/cargo")));
    prefixes.push((metadata.workspace_root.clone(), "/plugin"));
    prefixes.push((folder.to_owned(), "/plugin"));
    prefixes.push((target_dir.to_owned(), "/target"));
    let flags = prefixes
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    // The unit separator is what Cargo splits this variable by.
    Ok(flags.collect::<Vec<_>>().join("\u{1f}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_found_among_cargos_messages() {
        let messages =
            br#"{"reason":"compiler-artifact","manifest_path":"/x/dep/Cargo.toml","filenames":["/t/dep.wasm"]}
{"reason":"build-finished","success":true}
{"reason":"compiler-artifact","manifest_path":"/x/p/Cargo.toml","filenames":["/t/libp.rlib","/t/p.wasm"]}
"#;
        assert_eq!(
            module_of(messages, Path::new("/x/p/Cargo.toml")),
            Some(PathBuf::from("/t/p.wasm"))
        );
        assert_eq!(module_of(messages, Path::new("/x/q/Cargo.toml")), None);
    }

    #[test]
    fn a_target_folder_without_std_is_not_installed() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!holds_std(folder.path()));
        std::fs::write(folder.path().join("libstd-0123.rlib"), "").unwrap();
        assert!(holds_std(folder.path()));
    }
}
