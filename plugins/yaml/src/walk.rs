//! Finds the files, in the order of their paths.
//!
//! By listings, not by globs, although a glob's recorded answer would be smaller: a glob names files only, so
//! a submodule that wasn't fetched or a dangling link would be missing without a word, and what it held would be
//! pruned. Listings also leave hidden and excluded folders unread.

use windlass_sdk::{Diagnostic, Failure, Kind, Location, Tree};

use crate::select::{Selection, is_hidden};

/// What stands in a folder.
#[derive(Debug)]
pub(crate) enum Finding {
    /// A file to read, by its path in the tree.
    Manifest(String),
    /// Something that ought to be readable and isn't.
    Problem(Diagnostic),
}

/// All files of the app at `app`, a folder or one file.
pub(crate) fn files(tree: &Tree, app: &str, selection: &Selection) -> Result<Vec<Finding>, Failure> {
    let node = tree.stat(app).map_err(|refusal| refusal.at(app))?;
    let mut findings = Vec::new();
    match node.kind {
        Kind::Directory => folder(tree, app, "", selection, &mut findings),
        // Named by itself: neither its ending nor a glob keeps it out.
        Kind::File => findings.push(Finding::Manifest(app.to_owned())),
        kind => return Err(unusable(app, kind).into()),
    }
    Ok(findings)
}

/// Adds what stands in the folder `relative`, seen from `app`.
fn folder(tree: &Tree, app: &str, relative: &str, selection: &Selection, findings: &mut Vec<Finding>) {
    let here = at(app, relative);
    let entries = match tree.list_all(&here) {
        Ok(entries) => entries,
        Err(refusal) => return findings.push(Finding::Problem(refusal.at(&here))),
    };
    for entry in entries.iter().filter(|entry| !is_hidden(&entry.name)) {
        let relative = at(relative, &entry.name);
        let full = at(app, &relative);
        match entry.kind {
            Kind::Directory if selection.enters_folder(&relative) => folder(tree, app, &relative, selection, findings),
            Kind::File if selection.takes_file(&relative) => findings.push(Finding::Manifest(full)),
            Kind::Symlink if selection.takes_file(&relative) => findings.extend(link(tree, full)),
            Kind::Submodule if selection.enters_folder(&relative) => {
                findings.push(Finding::Problem(unusable(&full, Kind::Submodule)));
            }
            // A name that is not UTF-8 can't be asked for; left out without a word, what it holds would be pruned.
            Kind::Other if selection.takes_file(&relative) => {
                findings.push(Finding::Problem(unusable(&full, Kind::Other)));
            }
            _ => {}
        }
    }
}

/// A link with a manifest's name. One to a folder is left alone, as `kubectl` does: it may lead to a ring.
fn link(tree: &Tree, full: String) -> Option<Finding> {
    match tree.stat(&full) {
        Ok(node) => match node.kind {
            Kind::File => Some(Finding::Manifest(full)),
            Kind::Directory => None,
            kind => Some(Finding::Problem(unusable(&full, kind))),
        },
        Err(refusal) => Some(Finding::Problem(refusal.at(&full))),
    }
}

fn unusable(full: &str, kind: Kind) -> Diagnostic {
    let (code, problem, help) = match kind {
        Kind::Missing => ("missing-path", "doesn't exist", "correct the app's path"),
        Kind::Symlink => (
            "broken-link",
            "is a link that leads nowhere or out of the repository",
            "remove the link, or put the file in its place",
        ),
        Kind::Submodule => (
            "submodule",
            "is a submodule, whose contents aren't here",
            "give its repository to the app as a source of its own, or list the path under `exclude`",
        ),
        _ => (
            "bad-name",
            "has a name that is not UTF-8",
            "rename it, or list it under `exclude`",
        ),
    };
    Diagnostic::error(code, format!("`{full}` {problem}"))
        .at(Location::file(full))
        .help(help)
}

/// `relative` below `base`; both are normal paths.
fn at(base: &str, relative: &str) -> String {
    match (base, relative) {
        ("", path) | (path, "") => path.to_owned(),
        (base, relative) => format!("{base}/{relative}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_sdk::path;

    #[test]
    fn paths_are_joined_without_needless_slashes() {
        for (base, relative, expected) in [("", "", ""), ("", "a", "a"), ("a", "", "a"), ("a/b", "c/d", "a/b/c/d")] {
            assert_eq!(at(base, relative), expected);
            assert_eq!(path::join(base, relative).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn whatever_cannot_be_read_has_a_code_and_a_remedy() {
        for (kind, code) in [
            (Kind::Missing, "missing-path"),
            (Kind::Symlink, "broken-link"),
            (Kind::Submodule, "submodule"),
            (Kind::Other, "bad-name"),
        ] {
            let diagnostic = unusable("a/b", kind);
            assert_eq!(diagnostic.code, code);
            assert!(diagnostic.message.contains("`a/b`") && diagnostic.help.is_some());
        }
    }
}
