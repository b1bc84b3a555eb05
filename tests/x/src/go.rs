//! The Go side: our modules, how they are formatted, vetted and tested.

use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::places::Places;
use crate::plugins::subfolders;
use crate::run::{Session, Step};
use crate::{oracles, programs};

/// Folders that are Go modules, and folders whose subfolders may be.
const MODULES: [&str; 1] = ["sdk/go"];
const PARENTS: [&str; 4] = ["plugins", "tests/guests", ORACLES, CLUSTER];
/// The native tools that plugins are compared with.
pub(crate) const ORACLES: &str = "tests/oracles";
/// A Kubernetes control plane.
pub(crate) const CLUSTER: &str = "tests/cluster";

/// Our Go modules, from the workspace.
///
/// # Errors
/// When a folder can't be listed.
pub(crate) fn modules(places: &Places) -> Result<Vec<String>, Error> {
    let mut folders: Vec<String> = MODULES.map(str::to_owned).to_vec();
    for parent in PARENTS {
        folders.extend(
            subfolders(&places.root.join(parent))?
                .iter()
                .map(|name| format!("{parent}/{name}")),
        );
    }
    folders.retain(|folder| places.root.join(folder).join("go.mod").is_file());
    Ok(folders)
}

/// `gofmt` over all modules; no step when there is none.
///
/// # Errors
/// When the modules can't be listed.
pub(crate) fn formatting(session: &Session) -> Result<Option<Step>, Error> {
    let modules = modules(&session.places)?;
    if modules.is_empty() {
        return Ok(None);
    }
    let mut command = session.command("sh");
    // `gofmt -l` lists what is not formatted, and succeeds.
    let script = r#"list=$(gofmt -l "$@") || exit; [ -z "$list" ] || { echo "not formatted: $list"; exit 1; }"#;
    command.args(["-c", script, "gofmt"]).args(modules);
    Ok(Some(Step::new("gofmt", command)))
}

/// `go vet` in each module of ours that holds code.
///
/// # Errors
/// When the modules can't be listed.
pub(crate) fn vet(session: &Session) -> Result<Vec<Step>, Error> {
    steps(session, "go vet", &["vet", "./..."])
}

/// `go test` in each module of ours that holds code.
///
/// # Errors
/// When the modules can't be listed.
pub(crate) fn tests(session: &Session) -> Result<Vec<Step>, Error> {
    let steps = steps(session, "go test", &["test", "-v", "./..."])?;
    Ok(steps.into_iter().map(|step| step.showing(is_summary)).collect())
}

/// `go ARGUMENTS` in the folder of a module.
pub(crate) fn go(session: &Session, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = session.command("go");
    command.current_dir(folder).args(arguments);
    // A `go.work` or flags of the user's would build something else than what the lock files say.
    command.env("GOWORK", "off").env("GOFLAGS", "-mod=readonly");
    command.envs(oracles::environment(&session.places));
    command
}

fn steps(session: &Session, title: &str, arguments: &[&str]) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for name in modules(&session.places)? {
        let folder = session.places.root.join(&name);
        // A module that only names upstream programs and their versions has no code of ours.
        if programs::upstream(&folder)?.is_empty() {
            steps.push(Step::new(format!("{title} {name}"), go(session, &folder, arguments)));
        }
    }
    Ok(steps)
}

/// The lines of `go test -v` that stand for a package, a failure, or a test that wasn't run.
fn is_summary(line: &str) -> bool {
    ["ok ", "FAIL", "--- FAIL", "--- SKIP", "panic:"]
        .iter()
        .any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    #[test]
    fn modules_are_folders_with_a_go_mod() {
        let scratch = Scratch::new("go");
        for file in [
            "sdk/go/go.mod",
            "plugins/helm/go.mod",
            "plugins/yaml/Cargo.toml",
            "tests/cluster/control-plane/go.mod",
        ] {
            scratch.file(file, "");
        }
        scratch.file("tests/oracles/helm/go.mod", "tool helm.sh/helm/v4/cmd/helm\n");
        assert_eq!(
            modules(&scratch.places()).unwrap(),
            [
                "sdk/go",
                "plugins/helm",
                "tests/oracles/helm",
                "tests/cluster/control-plane"
            ]
        );
        let session = Session::new(scratch.places());
        assert_eq!(vet(&session).unwrap().len(), 3);
    }
}
