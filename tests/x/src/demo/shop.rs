//! The demo's git repository: a bare one that is polled, and a clone in which the script works.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::stages::Stage;
use crate::error::Error;
use crate::run::{Session, answer};

/// The repository's contents at the start, from the workspace.
const CONTENTS: &str = "tests/demo/shop";
/// The commits that follow, as `git format-patch` writes them.
const COMMITS: &str = "tests/demo/commits";
/// The file that the second commit breaks.
pub(super) const BROKEN_FILE: &str = "apps/platform/rbac.yaml";

/// The repository.
pub(super) struct Shop {
    /// The clone.
    pub(super) work: PathBuf,
    bare: PathBuf,
}

/// A commit that was pushed.
pub(super) struct Commit {
    /// In full.
    pub(super) id: String,
    /// First line of its message.
    pub(super) subject: String,
}

/// A file and the lines of it that are wrong.
#[derive(Debug)]
pub(super) struct Place {
    /// From the repository's root.
    pub(super) file: &'static str,
    /// First and last, from 1.
    pub(super) lines: (u64, u64),
}

impl Shop {
    /// Makes both repositories in `folder`, still without a commit.
    pub(super) fn create(session: &Session, folder: &Path) -> Result<Self, Error> {
        let shop = Self {
            work: folder.join("shop"),
            bare: folder.join("shop.git"),
        };
        copy(&session.places.root.join(CONTENTS), &shop.work)?;
        git(
            session,
            folder,
            &["init", "--quiet", "--bare", "--initial-branch=main", "shop.git"],
        )?;
        shop.git(session, &["init", "--quiet", "--initial-branch=main"])?;
        shop.git(session, &["remote", "add", "origin", &shop.url()])?;
        // For those who push by hand afterwards.
        shop.git(session, &["config", "push.autoSetupRemote", "true"])?;
        Ok(shop)
    }

    /// Where the engine fetches from.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.bare.display())
    }

    /// Makes the commit of a stage and pushes it.
    pub(super) fn perform(&self, session: &Session, stage: Stage) -> Result<Commit, Error> {
        match stage {
            Stage::First => {
                self.git(session, &["add", "--all"])?;
                self.git(session, &["commit", "--quiet", "--message=shop: four apps"])?;
            }
            Stage::Good => self.apply(session, "1-good-change.patch")?,
            Stage::Broken => self.apply(session, "2-broken-yaml.patch")?,
            Stage::Rollback => drop(self.git(session, &["revert", "--no-edit", "HEAD"])?),
        }
        self.git(session, &["push", "--quiet", "--set-upstream", "origin", "main"])?;
        let id = self.git(session, &["rev-parse", "HEAD"])?;
        Ok(Commit {
            id,
            subject: self.git(session, &["log", "-1", "--format=%s"])?,
        })
    }

    /// What the last commit broke.
    pub(super) fn broken_place(&self, session: &Session) -> Result<Place, Error> {
        let diff = self.git(session, &["diff", "--unified=0", "HEAD~1", "HEAD", "--", BROKEN_FILE])?;
        let lines = changed_lines(&diff).ok_or_else(|| Error::Invalid {
            place: BROKEN_FILE.to_owned(),
            problem: "the last commit added no line to it".to_owned(),
        })?;
        Ok(Place {
            file: BROKEN_FILE,
            lines,
        })
    }

    fn apply(&self, session: &Session, patch: &str) -> Result<(), Error> {
        let patch = session.places.root.join(COMMITS).join(patch);
        self.git(session, &["am", "--quiet", &patch.to_string_lossy()])
            .map(drop)
    }

    fn git(&self, session: &Session, arguments: &[&str]) -> Result<String, Error> {
        git(session, &self.work, arguments)
    }
}

/// Runs git without the user's configuration and returns what it prints.
fn git(session: &Session, folder: &Path, arguments: &[&str]) -> Result<String, Error> {
    let mut command = session.command("git");
    command.current_dir(folder).args(arguments);
    answer(hermetic(&mut command)).ok_or_else(|| Error::Invalid {
        place: format!("git {}", arguments.join(" ")),
        problem: format!("fails in `{}`", folder.display()),
    })
}

/// Keeps hooks, signing and identities of the user's out, and an outer `git` from redirecting this one.
fn hermetic(command: &mut Command) -> &mut Command {
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Ada")
            .env(format!("GIT_{role}_EMAIL"), "ada@shop.example");
    }
    command
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::io("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::io("list", from))? {
        let entry = entry.map_err(Error::io("list", from))?;
        let (source, copied) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &copied)?;
        } else {
            fs::copy(&source, &copied).map_err(Error::io("copy", &source))?;
        }
    }
    Ok(())
}

/// From the first hunk's head, `@@ -9,0 +10,3 @@`.
fn changed_lines(diff: &str) -> Option<(u64, u64)> {
    let head = diff.lines().find(|line| line.starts_with("@@ "))?;
    let added = head.split(' ').find_map(|word| word.strip_prefix('+'))?;
    let (first, count) = added.split_once(',').unwrap_or((added, "1"));
    let (first, count): (u64, u64) = (first.parse().ok()?, count.parse().ok()?);
    (count > 0).then(|| (first, first + count - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    #[test]
    fn a_hunk_tells_which_lines_changed() {
        assert_eq!(changed_lines("diff\n@@ -9,0 +10,3 @@ rules:\n+a\n"), Some((10, 12)));
        assert_eq!(changed_lines("@@ -9 +9 @@"), Some((9, 9)));
        assert_eq!(changed_lines("@@ -9,2 +8,0 @@"), None);
        assert_eq!(changed_lines(""), None);
    }

    /// The script's patches fit the repository's contents, and the rollback brings them back.
    #[test]
    fn the_script_can_be_played() {
        let scratch = Scratch::new("shop");
        let mut places = scratch.places();
        places.root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let session = Session::new(places);
        let folder = scratch.places().root;
        let shop = Shop::create(&session, &folder).unwrap();
        let ids: Vec<String> = Stage::ALL
            .iter()
            .map(|stage| shop.perform(&session, *stage).unwrap().id)
            .collect();
        let tree = |id: &str| shop.git(&session, &["rev-parse", &format!("{id}^{{tree}}")]).unwrap();
        assert_ne!(tree(&ids[0]), tree(&ids[1]));
        assert_eq!(tree(&ids[1]), tree(&ids[3]));
        let pushed = git(&session, &folder.join("shop.git"), &["rev-parse", "main"]).unwrap();
        assert_eq!(pushed, ids[3]);
        shop.git(&session, &["reset", "--quiet", "--hard", &ids[2]]).unwrap();
        assert_eq!(shop.broken_place(&session).unwrap().lines, (10, 12));
    }
}
