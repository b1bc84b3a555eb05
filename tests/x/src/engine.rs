//! The Cargo side: always the same two sets of packages, so that features, and with them wasmtime, are built once.

use std::collections::BTreeSet;
use std::process::Command;

use crate::error::Error;
use crate::json::Json;
use crate::run::{Session, Step, answer};

/// `cargo SUBCOMMAND`, by the toolchain that runs this program.
pub(crate) fn cargo(session: &Session, subcommand: &[&str]) -> Command {
    let mut command = session.command("cargo");
    command.args(subcommand);
    command
}

/// Builds the default members: the engine, the plugin builder, the tools of the tests.
///
/// # Errors
/// When the build fails.
pub(crate) fn build(session: &mut Session) -> Result<(), Error> {
    let command = cargo(session, &["build"]);
    session.require(Step::new("build", command)).map(drop)
}

/// `-p NAME` for each workspace member that is not a default member: guests, their SDK, and this program. They are
/// checked and tested on their own, because together with the engine they would change its features.
///
/// # Errors
/// When Cargo doesn't understand the workspace.
pub(crate) fn other_members(session: &Session) -> Result<Vec<String>, Error> {
    let mut command = cargo(session, &["metadata", "--no-deps", "--format-version=1", "--offline"]);
    let invalid = |problem: &str| Error::Invalid {
        place: "cargo metadata".to_owned(),
        problem: problem.to_owned(),
    };
    let text = answer(&mut command).ok_or_else(|| invalid("fails; `cargo metadata --no-deps` tells why"))?;
    let metadata = Json::parse(&text).map_err(|problem| invalid(&problem))?;
    Ok(others(&metadata)
        .ok_or_else(|| invalid("has no packages"))?
        .into_iter()
        .flat_map(|name| ["-p".to_owned(), name])
        .collect())
}

fn others(metadata: &Json) -> Option<BTreeSet<String>> {
    let default = metadata.get("workspace_default_members")?.items()?;
    let mut names = BTreeSet::new();
    for package in metadata.get("packages")?.items()? {
        if !default.contains(package.get("id")?) {
            names.insert(package.get("name")?.text()?.to_owned());
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_members_are_those_not_built_by_default() {
        let text = r#"{"packages":[{"id":"b#1","name":"b"},{"id":"a#1","name":"a"},{"id":"c#1","name":"c"}],"workspace_default_members":["b#1"]}"#;
        let names = others(&Json::parse(text).unwrap()).unwrap();
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["a", "c"]);
    }
}
