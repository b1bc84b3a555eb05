//! The sandboxed plugins against the native tools of the same versions, case by case.
//!
//! ```text
//! golden ─┐
//! made ───┤  (kustomizations, expressions)
//! found ──┼─▶ Case ─┬─▶ tools (native command) ──▶ Printed ───┐
//! upstream┘         └─▶ sandboxed (plugin) ─────▶ documents ──┴─▶ verdict ─▶ exceptions ─▶ Table
//! ```
//!
//! The integration test `it::native` and the tool `cargo x diff-native` both go through [`Native::compare`].

mod case;
mod golden;
mod found;
mod upstream;
mod kustomizations;
mod expressions;
mod tools;
mod sandboxed;
mod verdict;
mod numbers;
mod exceptions;
mod table;
mod unsnapshotted;

use std::{
    num::NonZero,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use windlass_core::render::Document;
use windlass_host::{Host, HostOptions, WorkerCommand, worker};

pub use case::{Case, Tool};
pub use exceptions::{Exception, MAX_EXCEPTIONS};
pub use expressions::{Expressions, expressions};
pub use found::found;
pub use golden::{golden, is_golden};
pub use kustomizations::{Kustomizations, SEED, kustomizations};
pub use table::Table;
pub use unsnapshotted::same_without_snapshot;
pub use upstream::helm as helms_own;
pub use verdict::{Row, Verdict};

use exceptions::Exceptions;

/// What keeps a comparison from being made; a difference is none.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;

/// Where things lie.
#[derive(Debug, Clone)]
pub struct Folders {
    /// A program that becomes a worker when its first argument says so.
    pub worker: PathBuf,
    /// `helm.wasm`, `kustomize.wasm`, `jsonnet.wasm`.
    pub plugins: PathBuf,
    /// Compiled plugins.
    pub cache: PathBuf,
    /// The native `helm`, `kustomize` and `jsonnet`.
    pub oracles: PathBuf,
}

/// Both sides, ready to run.
#[derive(Debug)]
pub struct Native {
    host: Host,
    plugins: PathBuf,
    oracles: PathBuf,
    exceptions: Exceptions,
}

impl Native {
    /// Opens the plugin host.
    ///
    /// # Errors
    /// When there is no host, or the table of exceptions is broken.
    pub fn open(folders: Folders) -> Result<Self, Problem> {
        let worker = WorkerCommand {
            program: folders.worker,
            arguments: vec![worker::ARGUMENT.to_owned()],
        };
        let host = Host::new(HostOptions {
            cache_dir: folders.cache,
            worker,
            workers: 0,
        })?;
        Ok(Self {
            host,
            plugins: folders.plugins,
            oracles: folders.oracles,
            exceptions: Exceptions::read()?,
        })
    }

    /// Renders a case through the plugin alone: documents, or findings as `PATH:LINE:COLUMN: error[CODE]: MESSAGE`.
    ///
    /// # Errors
    /// When there is no plugin, or the case's facts are broken.
    pub fn render(&self, case: &Case) -> Result<Result<Vec<Document>, Vec<String>>, Problem> {
        sandboxed::render(self, case)
    }

    /// Compares every case, as many at a time as there are cores; the rows are in the order of the cases.
    #[must_use]
    pub fn compare(&self, cases: &[Case]) -> Table {
        let rows = in_parallel(cases, |case| verdict::row(self, case));
        Table::new(rows, &self.exceptions)
    }
}

/// What `work` makes of every case, as many at a time as there are cores, in the order of the cases.
fn in_parallel<T: Send>(cases: &[Case], work: impl Fn(&Case) -> T + Sync) -> Vec<T> {
    let results = Mutex::new(Vec::with_capacity(cases.len()));
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some((index, case)) = take(&next, cases) {
            let result = work(case);
            results
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((index, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(worker);
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take<'a>(next: &AtomicUsize, cases: &'a [Case]) -> Option<(usize, &'a Case)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    cases.get(index).map(|case| (index, case))
}
