//! Native programs that tests need, from Go modules: built once for each content of a module, into the cache outside the
//! clone, because some of them take minutes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::Error;
use crate::go::go;
use crate::inputs::Inputs;
use crate::ledger::Verdict;
use crate::plugins::subfolders;
use crate::run::{Session, Step};

/// Part of the cache key: what is passed to `go build`. `-trimpath` is left out on purpose: without it, the packages
/// compiled here serve `go test` of the plugins as well.
const LINKER_FLAGS: &str = "-s -w";

/// A folder of Go modules, and what becomes of them.
pub(crate) struct Family {
    /// From the workspace; each subfolder may be a module.
    pub(crate) folder: &'static str,
    /// One program of it, in the name of a step.
    pub(crate) word: &'static str,
    /// The folder's name in the cache.
    pub(crate) cache: &'static str,
}

impl Family {
    /// Builds what is missing; the folder `at` then holds all programs by name.
    ///
    /// # Errors
    /// When one doesn't build.
    pub(crate) fn build(&self, session: &mut Session, at: &Path) -> Result<(), Error> {
        fs::create_dir_all(at).map_err(Error::io("create", at))?;
        let folder = session.places.root.join(self.folder);
        for name in subfolders(&folder)? {
            if folder.join(&name).join("go.mod").is_file() {
                for program in self.module(session, &name)? {
                    let link_at = at.join(program.file_name().unwrap_or_default());
                    link(&program, &link_at)?;
                }
            }
        }
        Ok(())
    }

    fn module(&self, session: &mut Session, name: &str) -> Result<Vec<PathBuf>, Error> {
        let start = Instant::now();
        let module = session.places.root.join(self.folder).join(name);
        let flags = linker_flags(&module)?;
        let mut inputs = Inputs::default();
        inputs.add_path(&module, "")?;
        inputs.add("flags", flags.as_str());
        let cache = session.places.cache.join(self.cache);
        let folder = cache.join(format!("{name}-{}", inputs.digest()));
        let upstream = upstream(&module)?;
        let programs: Vec<PathBuf> = names(name, &upstream).iter().map(|name| folder.join(name)).collect();
        let step = format!("{} {name}", self.word);
        if programs.iter().all(|program| program.is_file()) {
            session.ledger.note(&step, start.elapsed(), Verdict::Unchanged);
            return Ok(programs);
        }
        // Renamed when complete: a build that is interrupted must not look like a program.
        let unfinished = folder.join(format!("unfinished-{}", std::process::id()));
        fs::create_dir_all(&unfinished).map_err(Error::io("create", &unfinished))?;
        let mut command = go(session, &module, &["build", "-o"]);
        // One package may have any name; of several, each goes by its own.
        match upstream.len() {
            0 | 1 => command.arg(unfinished.join(name)),
            _ => command.arg(&unfinished),
        };
        command.arg(format!("-ldflags={flags}"));
        match upstream.is_empty() {
            true => command.arg("."),
            false => command.args(&upstream),
        };
        session.require(Step::new(step, command))?;
        for program in &programs {
            let built = unfinished.join(program.file_name().unwrap_or_default());
            fs::rename(&built, program).map_err(Error::io("rename", &built))?;
        }
        fs::remove_dir(&unfinished).map_err(Error::io("remove", &unfinished))?;
        Ok(programs)
    }
}

/// The upstream programs that a module's `go.mod` names as tools; none when the module is a program itself.
///
/// # Errors
/// When it can't be read.
pub(crate) fn upstream(module: &Path) -> Result<Vec<String>, Error> {
    let path = module.join("go.mod");
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let tools = text.lines().filter_map(|line| line.strip_prefix("tool "));
    let listed = text.lines().skip_while(|line| *line != "tool (").skip(1);
    let listed = listed.take_while(|line| *line != ")");
    Ok(tools
        .filter(|tool| *tool != "(")
        .chain(listed)
        .map(|tool| tool.trim().to_owned())
        .collect())
}

/// What programs are called: a single one like its module's folder, several like their packages.
fn names(module: &str, upstream: &[String]) -> Vec<String> {
    if upstream.len() < 2 {
        return vec![module.to_owned()];
    }
    let last = |package: &String| package.rsplit('/').next().map(str::to_owned);
    upstream.iter().filter_map(last).collect()
}

/// What the module's file `ldflags` adds: upstream programs get their version that way.
fn linker_flags(module: &Path) -> Result<String, Error> {
    let path = module.join("ldflags");
    if !path.exists() {
        return Ok(LINKER_FLAGS.to_owned());
    }
    let own = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    Ok(format!("{LINKER_FLAGS} {}", own.trim()))
}

/// Replaces the link that an earlier run left.
///
/// # Errors
/// When the file system refuses.
pub(crate) fn link(program: &Path, at: &Path) -> Result<(), Error> {
    if at.symlink_metadata().is_ok() {
        fs::remove_file(at).map_err(Error::io("remove", at))?;
    }
    symlink(program, at).map_err(Error::io("link", at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    #[test]
    fn a_module_says_what_to_build_and_how() {
        let scratch = Scratch::new("programs");
        let module = scratch.places().root.join("helm");
        scratch.file(
            "helm/go.mod",
            "module oracle\n\ngo 1.26\n\ntool example.org/helm/cmd/helm\n",
        );
        let tools = upstream(&module).unwrap();
        assert_eq!(tools, ["example.org/helm/cmd/helm"]);
        assert_eq!(names("helm4", &tools), ["helm4"]);
        assert_eq!(linker_flags(&module).unwrap(), "-s -w");
        scratch.file("helm/ldflags", "-X a.b=1\n");
        assert_eq!(linker_flags(&module).unwrap(), "-s -w -X a.b=1");
        scratch.file(
            "helm/go.mod",
            "module oracle\n\ntool (\n\ta.org/cmd/one\n\ta.org/cmd/two\n)\n\nrequire (\n\tb.org v1\n)\n",
        );
        let tools = upstream(&module).unwrap();
        assert_eq!(tools, ["a.org/cmd/one", "a.org/cmd/two"]);
        assert_eq!(names("helm", &tools), ["one", "two"]);
        scratch.file("helm/go.mod", "module oracle\n");
        assert!(upstream(&module).unwrap().is_empty());
        assert_eq!(names("helm", &[]), ["helm"]);
    }
}
