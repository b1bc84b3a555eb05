//! Packages of Debian and its children.

use std::process::Command;

use super::program;
use crate::error::Error;
use crate::run::{Session, Step, answer};
use crate::say;

/// Installs `packages`, saying so and why. `false` when this is no such system, or there is no right to install.
///
/// # Errors
/// When `apt-get` can't be started.
pub(super) fn install(session: &mut Session, packages: &[&str], reason: &str) -> Result<bool, Error> {
    if program("apt-get").is_none() {
        return Ok(false);
    }
    let Some(prefix) = privilege(session) else {
        say::line(&format!(
            "not installed, for lack of root rights: {}",
            packages.join(", ")
        ));
        return Ok(false);
    };
    say::line(&format!(
        "installing by apt-get, because {reason}: {}",
        packages.join(", ")
    ));
    let update = apt_get(session, prefix, &["update"]);
    // A failed update is no verdict yet: some other source may be broken, and the packages known already.
    session.run(Step::new("apt-get update", update))?;
    let mut install = apt_get(session, prefix, &["install", "--yes", "--no-install-recommends"]);
    install.args(packages);
    Ok(session.run(Step::new("apt-get install", install))?.success)
}

/// The version that would be installed now.
pub(super) fn candidate(session: &Session, package: &str) -> Option<String> {
    let mut command = session.command("apt-cache");
    let text = answer(command.args(["policy", package]).env("LC_ALL", "C"))?;
    text.lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))
        .map(str::to_owned)
}

fn apt_get(session: &Session, prefix: &[&str], arguments: &[&str]) -> Command {
    let words: Vec<&str> = prefix.iter().chain(&["apt-get"]).chain(arguments).copied().collect();
    let mut command = session.command(words[0]);
    command.args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

/// What to put before a command that needs root; `None` when nothing helps without a password.
fn privilege(session: &Session) -> Option<&'static [&'static str]> {
    if answer(session.command("id").arg("-u"))? == "0" {
        return Some(&[]);
    }
    answer(session.command("sudo").args(["-n", "true"])).map(|_| &["sudo", "-n"][..])
}
