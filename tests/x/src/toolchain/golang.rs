//! The Go toolchain, for plugins in Go and for the test oracles.

use std::fs;

use super::debian;
use crate::error::Error;
use crate::go::modules;
use crate::run::{Session, answer};

/// From this version on, `go` fetches the version that a module asks for by itself.
const SELF_UPDATING: Version = (1, 21);

/// Major and minor.
type Version = (u32, u32);

/// Sees to it that our Go modules can be built.
///
/// # Errors
/// When there is no `go` that can, and the system's package is too old as well.
pub(super) fn require(session: &mut Session) -> Result<(), Error> {
    let Some(wanted) = wanted(session)? else { return Ok(()) };
    if serves(session, wanted) {
        return Ok(());
    }
    let package = debian::candidate(session, "golang-go").and_then(|candidate| {
        // `2:1.24~1`: what stands before the colon is Debian's.
        version(
            candidate
                .split_once(':')
                .map_or(candidate.as_str(), |(_, version)| version),
        )
    });
    let new_enough = package.is_some_and(|version| version >= wanted.min(SELF_UPDATING));
    if new_enough && debian::install(session, &["golang-go"], "plugins in Go need it")? && serves(session, wanted) {
        return Ok(());
    }
    Err(Error::Missing {
        what: format!(
            "`go` is missing or older than the {}.{} that our Go modules ask for",
            wanted.0, wanted.1
        ),
        remedy: "install Go from the Go project's download page, and put its `bin` folder into `PATH`".to_owned(),
    })
}

fn serves(session: &Session, wanted: Version) -> bool {
    let installed = answer(
        session
            .command("go")
            .args(["env", "GOVERSION"])
            .env("GOTOOLCHAIN", "local"),
    );
    let Some(installed) = installed.as_deref().and_then(|text| version(text.strip_prefix("go")?)) else {
        return false;
    };
    let fetches = || answer(session.command("go").args(["env", "GOTOOLCHAIN"])).is_some_and(|mode| mode != "local");
    installed >= wanted || (installed >= SELF_UPDATING && fetches())
}

/// The newest version that a `go.mod` of ours asks for; `None` when there is no Go module.
fn wanted(session: &Session) -> Result<Option<Version>, Error> {
    let mut newest = None;
    for folder in modules(&session.places)? {
        let path = session.places.root.join(folder).join("go.mod");
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        newest = newest.max(text.lines().find_map(|line| version(line.strip_prefix("go ")?)));
    }
    Ok(newest)
}

/// The first two numbers of `1.26.8`, `1.26rc1` or `1.26`.
fn version(text: &str) -> Option<Version> {
    let (major, rest) = text.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("1.26.8"), Some((1, 26)));
        assert_eq!(version("1.9rc1"), Some((1, 9)));
        assert!(version("1.9") < version("1.26"));
        assert_eq!(version("devel"), None);
    }

    #[test]
    fn the_newest_go_mod_decides() {
        let scratch = Scratch::new("golang");
        assert_eq!(wanted(&Session::new(scratch.places())).unwrap(), None);
        scratch.file("sdk/go/go.mod", "module a\n\ngo 1.9\n");
        scratch.file("plugins/helm/go.mod", "module b\n\ngo 1.26.0\n");
        assert_eq!(wanted(&Session::new(scratch.places())).unwrap(), Some((1, 26)));
    }
}
