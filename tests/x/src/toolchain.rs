//! What a fresh machine lacks, and how it comes there. What is there already is left alone.

mod debian;
mod wasm;
mod golang;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::engine::cargo;
use crate::error::Error;
use crate::run::{Session, Step, answer};
use crate::say;

/// A download that brings nothing for so long won't come: some networks swallow connections instead of refusing them.
const SILENCE: Duration = Duration::from_secs(60);

/// What builds need.
///
/// # Errors
/// When something is missing that can't be installed from here; the error says what to do.
pub(crate) fn build(session: &mut Session) -> Result<(), Error> {
    programs(session)?;
    wasm::require(session)?;
    golang::require(session)
}

/// What `cargo x lint` needs.
///
/// # Errors
/// As [`build`].
pub(crate) fn lint(session: &mut Session) -> Result<(), Error> {
    component(session, "rustfmt", "fmt")?;
    component(session, "clippy", "clippy")?;
    golang::require(session)
}

/// What the servers of a cluster are built with.
///
/// # Errors
/// As [`build`].
pub(crate) fn servers(session: &mut Session) -> Result<(), Error> {
    golang::require(session)
}

/// What fuzzing needs: libFuzzer is C++.
///
/// # Errors
/// As [`build`].
pub(crate) fn fuzz(session: &mut Session) -> Result<(), Error> {
    if program("c++").is_some() || debian::install(session, &["g++"], "libFuzzer is C++")? {
        return Ok(());
    }
    Err(Error::Missing {
        what: "there is no C++ compiler `c++`, and libFuzzer needs one".to_owned(),
        remedy: "install one with the system's package manager".to_owned(),
    })
}

/// What all tests need.
///
/// # Errors
/// As [`build`].
pub(crate) fn everything(session: &mut Session) -> Result<(), Error> {
    lint(session)?;
    build(session)?;
    signing(session)?;
    ssh_server(session)
}

/// What commits are signed with in tests; `ssh-keygen` comes with the ssh client.
fn signing(session: &mut Session) -> Result<(), Error> {
    if program("gpg").is_some() || debian::install(session, &["gnupg"], "signatures of commits are tested with it")? {
        return Ok(());
    }
    Err(Error::Missing {
        what: "missing on this machine: gpg, which signatures of commits are tested with".to_owned(),
        remedy: "install it (Debian: gnupg)".to_owned(),
    })
}

/// A real `sshd` to test against; started by tests, on 127.0.0.1. Where a service manager runs, installing the package would open
/// a port to the network: there its owner decides.
fn ssh_server(session: &mut Session) -> Result<(), Error> {
    let sbin = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"];
    if program("sshd").is_some() || sbin.iter().any(|file| Path::new(file).is_file()) {
        return Ok(());
    }
    let is_served = Path::new("/run/systemd/system").exists();
    if !is_served && debian::install(session, &["openssh-server"], "ssh sources are tested against it")? {
        return Ok(());
    }
    Err(Error::Missing {
        what: "missing on this machine: sshd, which ssh sources are tested against".to_owned(),
        remedy: "install it (Debian: openssh-server) and, unless you want it, disable its service".to_owned(),
    })
}

/// Tools of the system: Git for sources and their tests, its SSH transport, and the certificates that downloads trust.
fn programs(session: &mut Session) -> Result<(), Error> {
    let mut missing = Vec::new();
    for (name, package) in [("git", "git"), ("ssh", "openssh-client")] {
        if program(name).is_none() {
            missing.push(package);
        }
    }
    if !Path::new("/etc/ssl/certs/ca-certificates.crt").exists() && !Path::new("/etc/pki").exists() {
        missing.push("ca-certificates");
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !debian::install(session, &missing, "the engine and its tests need them")? {
        return Err(Error::Missing {
            what: format!("missing on this machine: {}", missing.join(", ")),
            remedy: "install them with the system's package manager".to_owned(),
        });
    }
    Ok(())
}

/// A part of the Rust toolchain, `cargo SUBCOMMAND`, that minimal installations leave out.
fn component(session: &mut Session, name: &str, subcommand: &str) -> Result<(), Error> {
    if answer(&mut cargo(session, &[subcommand, "--version"])).is_some() {
        return Ok(());
    }
    say::line(&format!("`cargo {subcommand}` is missing: installing it by rustup"));
    let mut command = session.command("rustup");
    command.args(["component", "add", name]);
    let step = Step::new(format!("rustup component {name}"), command).silent_at_most(SILENCE);
    if program("rustup").is_some() && session.run(step)?.success {
        return Ok(());
    }
    Err(Error::Missing {
        what: format!("`cargo {subcommand}` is missing"),
        remedy: format!("install it, for example by `rustup component add {name}`"),
    })
}

/// Where a program of that name is, by `PATH`.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
