//! The steps in order, from a plugin's folder to its component.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::contract::Contract;
use crate::{compile, component, contract, data_segments, manifest, section, snapshot};

/// What to build and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The plugin's folder.
    pub plugin: PathBuf,
    /// The component to write; replaced atomically.
    pub out: PathBuf,
    /// The contract; absent = that of this build.
    pub wit: Option<PathBuf>,
    /// What compilers are told.
    pub compile: compile::Options,
    /// Whether to run start-up work at build time.
    pub snapshot: bool,
    /// Seed of the random numbers that start-up work draws.
    pub seed: u64,
}

/// A step that is over.
#[derive(Debug)]
pub struct Step {
    /// One word.
    pub name: &'static str,
    /// What happened, in words.
    pub detail: String,
    /// How long it took.
    pub took: Duration,
    /// Bytes that came out.
    pub bytes: usize,
}

/// What was built.
#[derive(Debug)]
pub struct Outcome {
    /// The component's bytes, as written.
    pub component: Vec<u8>,
    /// Interfaces it imports.
    pub imports: Vec<String>,
}

/// Why nothing was built.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// See [`manifest::Error`].
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// See [`contract::Error`].
    #[error(transparent)]
    Contract(#[from] contract::Error),
    /// See [`compile::Error`].
    #[error(transparent)]
    Compile(#[from] compile::Error),
    /// See [`data_segments::Error`].
    #[error(transparent)]
    DataSegments(#[from] data_segments::Error),
    /// See [`component::Error`].
    #[error(transparent)]
    Component(#[from] component::Error),
    /// See [`snapshot::Error`].
    #[error(transparent)]
    Snapshot(#[from] snapshot::Error),
    /// The manifest is no JSON.
    #[error("can't write the manifest as JSON")]
    Section(#[from] serde_json::Error),
    /// The component can't be written.
    #[error("can't write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Builds a plugin; `done` hears of each step when it is over.
///
/// # Errors
/// See [`Error`]; `options.out` is then as it was.
pub fn build(options: &Options, done: &mut dyn FnMut(&Step)) -> Result<Outcome, Error> {
    let mut steps = Steps {
        done,
        last: Instant::now(),
    };
    let plugin = manifest::read(&options.plugin)?;
    let mut contract = Contract::read(options.wit.as_deref())?;

    let compiled = compile::compile(&options.plugin, &plugin, &options.compile)?;
    steps.end("compile", &compiled.module, compiled.how);

    let merged = data_segments::merge(&compiled.module)?;
    steps.end(
        "merge",
        &merged.module,
        format!("{} data segments, were {}", merged.after, merged.before),
    );

    let encoded = component::encode(&merged.module, &plugin.manifest, &mut contract)?;
    steps.end("encode", &encoded.bytes, describe(&encoded));

    let mut bytes = encoded.bytes;
    if encoded.warm && options.snapshot {
        bytes = snapshot::take(&bytes, options.seed)?;
        steps.end("snapshot", &bytes, format!("start-up work done, seed {}", options.seed));
    }
    section::append(&mut bytes, &plugin.manifest)?;
    write(&options.out, &bytes)?;
    steps.end("write", &bytes, options.out.display().to_string());
    Ok(Outcome {
        component: bytes,
        imports: encoded.imports,
    })
}

struct Steps<'a> {
    done: &'a mut dyn FnMut(&Step),
    last: Instant,
}

impl Steps<'_> {
    fn end(&mut self, name: &'static str, bytes: &[u8], detail: String) {
        let took = self.last.elapsed();
        self.last = Instant::now();
        (self.done)(&Step {
            name,
            detail,
            took,
            bytes: bytes.len(),
        });
    }
}

fn describe(component: &component::Component) -> String {
    let names = component
        .imports
        .iter()
        .filter_map(|name| name.strip_prefix(contract::PACKAGE)?.split('@').next());
    let mut text = format!("imports {}", names.collect::<Vec<_>>().join(", "));
    for grant in &component.unused_grants {
        text.push_str("; note: `plugin.yaml` asks for the grant `");
        text.push_str(grant.name());
        text.push_str("`, which nothing uses");
    }
    text
}

/// Writes beside `path`, then renames: a reader sees the old component or the new one.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let error = |source| Error::Write {
        path: path.to_owned(),
        source,
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(error)?;
    let mut file = tempfile::Builder::new()
        .prefix(".windlass-build-")
        .tempfile_in(folder)
        .map_err(error)?;
    file.write_all(bytes).map_err(error)?;
    make_readable(file.path()).map_err(error)?;
    file.persist(path).map_err(|failed| error(failed.error))?;
    Ok(())
}

/// A temporary file is private; a component is no secret and is often mounted for another user.
#[cfg(unix)]
fn make_readable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &Path) -> std::io::Result<()> {
    Ok(())
}
