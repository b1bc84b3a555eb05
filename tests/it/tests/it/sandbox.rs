//! A folder of its own for a test: a git repository, a configuration, state, a target, and the `windlass` of this build.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::git_server::git_command;

/// The program under test.
pub(crate) const WINDLASS: &str = env!("CARGO_BIN_EXE_windlass-tests");

/// Everything a test of the loop needs, gone when dropped.
pub(crate) struct Sandbox {
    dir: TempDir,
}

/// Where the built plugins lie: `WINDLASS_PLUGINS`, else `plugins` beside the profile's folder.
pub(crate) fn plugins() -> PathBuf {
    let beside = || {
        Path::new(WINDLASS)
            .ancestors()
            .nth(2)
            .expect("a target folder")
            .join("plugins")
    };
    let folder = std::env::var_os("WINDLASS_PLUGINS").map_or_else(beside, PathBuf::from);
    assert!(
        folder.join("yaml.wasm").is_file(),
        "no plugins in {}: run `cargo x plugins` first",
        folder.display()
    );
    folder
}

/// Where compiled plugins are kept between tests: `WINDLASS_CACHE_DIR`, else beside the plugins.
pub(crate) fn cache() -> PathBuf {
    std::env::var_os("WINDLASS_CACHE_DIR").map_or_else(|| plugins().join("../test-cache"), PathBuf::from)
}

/// When commits are made, unless a test is about that.
const DATE: &str = "2026-01-01T00:00:00Z";

/// Runs git, which knows no user, no system and no present time.
pub(crate) fn git<S: AsRef<OsStr>>(dir: &Path, args: impl IntoIterator<Item = S>) -> String {
    git_at(DATE, dir, args)
}

fn git_at<S: AsRef<OsStr>>(date: &str, dir: &Path, args: impl IntoIterator<Item = S>) -> String {
    let dated = [("GIT_AUTHOR_DATE", date), ("GIT_COMMITTER_DATE", date)];
    let output = git_command(dir).args(args).envs(dated).output().expect("git runs");
    assert!(
        output.status.success(),
        "git: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Sandbox {
    /// With an empty repository.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let sandbox = Self { dir };
        fs::create_dir(sandbox.repo()).expect("a folder");
        git(&sandbox.repo(), ["init", "--quiet", "--initial-branch", "main"]);
        sandbox
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.path().join("repo")
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.path().join("out")
    }

    /// Commits files; `None` removes one.
    pub(crate) fn commit(&self, files: &[(&str, Option<&str>)]) -> String {
        self.commit_at(DATE, files)
    }

    /// Commits at a time as in RFC 3339.
    pub(crate) fn commit_at(&self, date: &str, files: &[(&str, Option<&str>)]) -> String {
        for (path, content) in files {
            let path = self.repo().join(path);
            match content {
                Some(text) => {
                    fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
                    fs::write(&path, text).expect("a file");
                }
                None => fs::remove_file(&path).expect("a file to remove"),
            }
        }
        git(&self.repo(), ["add", "--all"]);
        git_at(
            date,
            &self.repo(),
            ["commit", "--quiet", "--allow-empty", "--message", "test"],
        );
        git(&self.repo(), ["rev-parse", "HEAD"])
    }

    /// A configuration of one repository and apps by (name, lines of `spec` below `repository`, indented by two).
    pub(crate) fn config(&self, apps: &[(&str, &str)]) -> PathBuf {
        let mut text = format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Repository\nmetadata: {{name: shop}}\nspec:\n  git: {{url: 'file://{}', ref: {{branch: main}}}}\n  interval: 1s\n",
            self.repo().display()
        );
        for (name, spec) in apps {
            text.push_str(&format!(
                "---\napiVersion: windlass.dev/v1alpha1\nkind: App\nmetadata: {{name: {name}}}\nspec:\n  repository: shop\n{spec}"
            ));
        }
        let path = self.path().join("windlass.yaml");
        fs::write(&path, text).expect("a file");
        path
    }

    /// The program with this sandbox's state, target and plugins; `verb` first.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_over("state", args)
    }

    /// The same, with a folder of that name as state.
    pub(crate) fn command_over(&self, state: &str, args: &[&str]) -> Command {
        let mut command = Command::new(WINDLASS);
        command
            .args(args)
            .arg("--state")
            .arg(self.path().join(state))
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("WINDLASS_PLUGINS", plugins())
            .env("WINDLASS_CACHE_DIR", cache())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn windlass(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("windlass runs")
    }

    /// `sync` of the sandbox's configuration onto its target.
    pub(crate) fn sync(&self, more: &[&str]) -> Synced {
        Synced::of(&self.sync_command(more).output().expect("windlass runs"))
    }

    pub(crate) fn sync_command(&self, more: &[&str]) -> Command {
        let target = format!("dir:{}", self.out().display());
        let mut args = vec!["sync", "windlass.yaml", "--target", &target, "-o", "json"];
        args.extend(more);
        self.command(&args)
    }

    /// Every file of the target, by relative path.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        collect(&self.out(), &self.out(), &mut files);
        files
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path
                .strip_prefix(root)
                .expect("below the root")
                .to_string_lossy()
                .into_owned();
            files.insert(
                name,
                String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned(),
            );
        }
    }
}

/// What `sync -o json` said.
#[derive(Debug)]
pub(crate) struct Synced {
    pub(crate) code: Option<i32>,
    pub(crate) reports: BTreeMap<String, Value>,
    pub(crate) stderr: String,
}

impl Synced {
    pub(crate) fn of(output: &Output) -> Self {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let reports = stdout
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .map(|report| (report["app"].as_str().expect("an app").to_owned(), report))
            .collect();
        Self {
            code: output.status.code(),
            reports,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// created, configured, unchanged, deleted, skipped.
    pub(crate) fn counts(&self, app: &str) -> [u64; 5] {
        let changes = &self.report(app)["changes"];
        ["created", "configured", "unchanged", "deleted", "skipped"].map(|key| changes[key].as_u64().expect("a count"))
    }

    pub(crate) fn health(&self, app: &str) -> &str {
        self.report(app)["health"].as_str().expect("a health")
    }

    /// By the App's id, or by its name alone.
    pub(crate) fn report(&self, app: &str) -> &Value {
        let of_a_namespace = || self.reports.iter().find(|(id, _)| id.ends_with(&format!("/{app}")));
        self.reports
            .get(app)
            .or_else(|| of_a_namespace().map(|(_, report)| report))
            .unwrap_or_else(|| panic!("no report of {app}: {}", self.stderr))
    }

    /// The first diagnostic's code.
    pub(crate) fn code_of(&self, app: &str) -> &str {
        self.report(app)["diagnostics"][0]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no diagnostic: {:?}", self.report(app)))
    }
}

/// A ConfigMap manifest.
pub(crate) fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  value: \"{value}\"\n")
}
