//! Source to core module, by the language's own compiler.

mod go;
mod rust;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::manifest::{Language, PluginFile};

/// What compilers are told beside the source.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where compilers keep their intermediates; absent = `guest` in Cargo's target folder, and Go's own cache.
    pub cache: Option<PathBuf>,
    /// Refuse to change the lock file.
    pub locked: bool,
}

/// A core module.
#[derive(Debug)]
pub struct Compiled {
    /// The module.
    pub module: Vec<u8>,
    /// Which toolchain made it, in words.
    pub how: String,
}

/// Why there is no module.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A tool isn't installed or can't run.
    #[error("can't run `{tool}`: {help}")]
    Tool {
        /// The program.
        tool: String,
        /// What to install.
        help: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The compiler says no.
    #[error("the plugin doesn't compile: `{command}` ended with {status}\n{output}")]
    Compiler {
        /// The command line.
        command: String,
        /// Exit status.
        status: std::process::ExitStatus,
        /// What it printed.
        output: String,
    },
    /// No Rust toolchain on this machine can build for WebAssembly.
    #[error(
        "no Rust toolchain here builds for wasm32-unknown-unknown; either run `rustup target add wasm32-unknown-unknown`, \
         or on Debian `apt-get install --no-install-recommends rustc-web cargo-web rust-web-src`{detail}"
    )]
    NoTarget {
        /// What the Debian way lacks, when some of it is there.
        detail: String,
    },
    /// The Cargo package builds no module.
    #[error("`{}` builds no module: give it `[lib] crate-type = [\"cdylib\", \"rlib\"]`", manifest.display())]
    NoModule {
        /// The package's `Cargo.toml`.
        manifest: PathBuf,
    },
    /// A tool's answer can't be read.
    #[error("`{tool}` answered with something unexpected")]
    Answer {
        /// The program.
        tool: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file of the build can't be read or written.
    #[error("can't use `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Compiles the plugin in `folder`.
///
/// # Errors
/// A missing toolchain, or source that doesn't compile.
pub fn compile(folder: &Path, plugin: &PluginFile, options: &Options) -> Result<Compiled, Error> {
    let folder = folder.canonicalize().map_err(|source| Error::File {
        path: folder.to_owned(),
        source,
    })?;
    match plugin.language {
        Language::Go => go::compile(&folder, &plugin.ldflags, options),
        Language::Rust => rust::compile(&folder, options),
    }
}

/// Runs `command` to its end; its output is kept, for it is shown only when it fails.
fn run(command: &mut Command, help: &'static str) -> Result<Output, Error> {
    let tool = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Tool { tool, help, source })?;
    if output.status.success() {
        return Ok(output);
    }
    Err(Error::Compiler {
        command: line(command),
        status: output.status,
        output: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
    })
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// Standard output of a tool that answers one line.
fn answer(command: &mut Command, help: &'static str) -> Result<String, Error> {
    let output = run(command, help)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}
