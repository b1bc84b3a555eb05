//! Standard Go: a reactor module for `wasip1`, whose WASI the generated adapter answers.

use std::path::Path;
use std::process::Command;

use super::{Compiled, Error, Options, answer, read, run};

const HELP: &str = "install Go 1.26 or newer (https://go.dev/doc/install)";

pub(super) fn compile(folder: &Path, ldflags: &str, options: &Options) -> Result<Compiled, Error> {
    let out = tempfile::Builder::new()
        .prefix("windlass-build-")
        .suffix(".wasm")
        .tempfile()
        .map_err(|source| Error::File {
            path: std::env::temp_dir(),
            source,
        })?;
    let mut build = go(folder, options);
    // No symbols, no paths, no version control stamp: the bytes depend on the source alone.
    build.args(["build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false"]);
    build.arg(if options.locked { "-mod=readonly" } else { "-mod=mod" });
    build
        .arg(format!("-ldflags=-s -w {ldflags}").trim_end())
        .arg("-o")
        .arg(out.path())
        .arg(".");
    run(&mut build, HELP)?;
    let version = answer(go(folder, options).args(["env", "GOVERSION"]), HELP)?;
    Ok(Compiled {
        module: read(out.path())?,
        how: format!("{version}, GOOS=wasip1"),
    })
}

/// `go` with an environment that doesn't depend on the user's settings.
fn go(folder: &Path, options: &Options) -> Command {
    let mut command = Command::new("go");
    command.current_dir(folder);
    for (key, value) in [
        ("GOOS", "wasip1"),
        ("GOARCH", "wasm"),
        ("CGO_ENABLED", "0"),
        ("GOWORK", "off"),
        ("GOFLAGS", ""),
        ("GOWASM", ""),
    ] {
        command.env(key, value);
    }
    if let Some(cache) = &options.cache {
        command.env(
            "GOCACHE",
            std::path::absolute(cache.join("go")).unwrap_or_else(|_| cache.join("go")),
        );
    }
    command
}
