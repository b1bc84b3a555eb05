//! `windlass-build`: the recipe of the library of the same name, on the command line.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Parser;
use windlass_build::recipe::Step;
use windlass_build::{Options, build, compile};

/// Builds a Windlass plugin: a folder with `plugin.yaml` and Go or Rust source becomes one WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "windlass-build", version)]
#[command(after_help = "Example:\n  windlass-build plugins/jsonnet --out target/plugins/jsonnet.wasm")]
struct Arguments {
    /// The plugin's folder, which holds `plugin.yaml`.
    plugin_dir: PathBuf,
    /// Where the component goes; replaced when it exists.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Folder of the contract (`plugin.wit`) [default: the one this tool was built with].
    #[arg(long, value_name = "DIR")]
    wit: Option<PathBuf>,
    /// Where compilers keep intermediates [default: `guest` in Cargo's target folder, Go's own build cache].
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Leave out the snapshot: the plugin then starts up at each call.
    #[arg(long)]
    no_snapshot: bool,
    /// Seed of the random numbers that are drawn while the snapshot is taken.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Fail when a lock file (`Cargo.lock`, `go.sum`) would have to change.
    #[arg(long)]
    locked: bool,
}

fn main() -> miette::Result<()> {
    let arguments = Arguments::parse();
    // A compiler's output has lines of its own, which must not be broken anew.
    miette::set_hook(Box::new(|_| {
        Box::new(miette::MietteHandlerOpts::new().wrap_lines(false).build())
    }))?;
    let options = Options {
        plugin: arguments.plugin_dir,
        out: arguments.out,
        wit: arguments.wit,
        compile: compile::Options {
            cache: arguments.cache,
            locked: arguments.locked,
        },
        snapshot: !arguments.no_snapshot,
        seed: arguments.seed,
    };
    match build(&options, &mut tell) {
        Ok(_) => Ok(()),
        Err(error) => Err(miette::Report::from_err(error)),
    }
}

/// One line a step. A closed standard error is no reason to stop building.
fn tell(step: &Step) {
    let (seconds, kib) = (step.took.as_secs_f64(), step.bytes.div_ceil(1024));
    let _ = writeln!(
        std::io::stderr(),
        "{:<9}{seconds:>7.1} s {kib:>7} KiB  {}",
        step.name,
        step.detail
    );
}
