//! A folder's tree against `git add -A && git write-tree` in the same folder.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _, fs::symlink},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::Duration,
};

use tempfile::TempDir;
use windlass_core::tree::{Kind, Tree, TreeError};

use super::*;
use crate::Cancel;

struct Work {
    _dir: TempDir,
    path: PathBuf,
}

fn plain() -> Work {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap().join("work");
    fs::create_dir(&path).unwrap();
    Work { _dir: dir, path }
}

fn repository() -> Work {
    let work = plain();
    work.git(&["init", "-q", "-b", "main"]);
    work
}

impl Work {
    fn git(&self, args: &[&str]) -> String {
        git_in(&self.path, args)
    }

    fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "work"]);
    }

    fn scan(&self) -> Scan {
        self.open("").0.scan(&Cancel::new()).unwrap()
    }

    fn open(&self, path: &str) -> (Folder, String) {
        let options = Options {
            config: GitConfig::Repository,
            ..Options::default()
        };
        Folder::open(&self.path.join(path), &options).unwrap()
    }

    fn tree(&self) -> Tree {
        self.scan().revision.tree("")
    }

    /// Scans first: `git add` writes to the index, which the scan reads.
    fn assert_as_git(&self) {
        let ours = self.scan().revision.root.to_string();
        self.git(&["add", "-A"]);
        assert_eq!(ours, self.git(&["write-tree"]), "{}", self.git(&["ls-files", "-s"]));
        assert_eq!(
            self.scan().revision.root.to_string(),
            ours,
            "the same again when all is tracked"
        );
    }
}

fn git_in(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ("GIT_AUTHOR_DATE", "1700000000 +0000"),
        ])
        .envs([("GIT_COMMITTER_NAME", "A"), ("GIT_COMMITTER_EMAIL", "a@example.org")])
        .env("GIT_COMMITTER_DATE", "1700000000 +0000")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn ordinary_files_as_git_stores_them() {
    let work = repository();
    work.write("a", "1\n");
    work.write("empty", "");
    work.write("dir/x/y.yaml", "k: v\n");
    work.write("dir-2", "sorted between dir and dir/");
    work.write("dir.yaml", "and this");
    work.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(work.path.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir_all(work.path.join("nothing/in/here")).unwrap();
    work.write(Path::new(OsStr::from_bytes(b"odd \xff\xfe name")), "x");
    work.write("odd \"quotes\"\nand lines", "x");
    symlink("dir/x", work.path.join("link")).unwrap();
    symlink("/etc/passwd", work.path.join("outside")).unwrap();
    symlink("no such thing", work.path.join("dangling")).unwrap();
    work.assert_as_git();
}

#[test]
fn an_empty_work_tree_is_the_empty_tree() {
    repository().assert_as_git();
}

#[test]
fn ignored_files_are_left_out_unless_tracked() {
    let work = repository();
    work.write(".gitignore", "*.log\n/build/\n!keep.log\ncache\n");
    work.write(".git/info/exclude", "private\n");
    work.write("sub/.gitignore", "*.tmp\n!/really.tmp\n");
    for path in [
        "a.log",
        "keep.log",
        "build/x",
        "sub/build/x",
        "sub/a.tmp",
        "sub/really.tmp",
        "cache/y",
        "private",
        "sub/private",
    ] {
        work.write(path, path);
    }
    work.write("build/tracked/deep", "kept");
    work.git(&["add", "-f", "build/tracked/deep", "cache/y"]);
    work.assert_as_git();
    let tree = work.tree();
    assert_eq!(tree.stat("build/tracked/deep").unwrap().kind, Kind::File);
    assert_eq!(tree.stat("build/x").unwrap().kind, Kind::Missing);
    assert_eq!(tree.stat("a.log").unwrap().kind, Kind::Missing);
}

#[test]
fn deleted_and_untracked_files_count_as_they_lie() {
    let work = repository();
    work.write("gone", "x");
    work.write("stays", "x");
    work.commit();
    fs::remove_file(work.path.join("gone")).unwrap();
    work.write("stays", "changed");
    work.write("new", "untracked");
    work.assert_as_git();
}

#[test]
fn line_endings_as_attributes_say() {
    let work = repository();
    let attributes = "*.txt text\n*.auto text=auto\n*.bin -text\n*.win text eol=crlf\n*.png binary\n*.old crlf=input\n[attr]doc text\n*.md doc\n";
    work.write(".gitattributes", attributes);
    work.write("sub/.gitattributes", "*.txt -text\n");
    for path in [
        "a.txt",
        "a.auto",
        "a.bin",
        "a.win",
        "a.png",
        "a.old",
        "a.md",
        "sub/a.txt",
        "none",
    ] {
        work.write(path, "one\r\ntwo\r\n");
    }
    work.write("binary.auto", b"a\r\n\0b\r\n");
    work.assert_as_git();
    let tree = work.tree();
    assert_eq!(&*tree.file("a.txt").unwrap(), b"one\ntwo\n");
    assert_eq!(tree.stat("a.txt").unwrap().size, 8);
    assert_eq!(&*tree.file("sub/a.txt").unwrap(), b"one\r\ntwo\r\n");
}

#[test]
fn line_endings_as_configuration_says() {
    let work = repository();
    work.write("committed-with-crlf", "one\r\ntwo\r\n");
    work.commit();
    work.git(&["config", "core.autocrlf", "input"]);
    work.write("committed-with-crlf", "one\r\ntwo\r\nthree\r\n");
    work.write("new", "one\r\ntwo\r\n");
    work.assert_as_git();
    assert_eq!(&*work.tree().file("new").unwrap(), b"one\ntwo\n");
}

#[test]
fn ident_and_encodings_are_converted() {
    let work = repository();
    work.write(
        ".gitattributes",
        "*.id ident\n*.u16 text working-tree-encoding=UTF-16LE\n",
    );
    work.write("a.id", "$Id: 0123456789 $\n");
    work.write("a.u16", [0x61, 0, 0x0d, 0, 0x0a, 0]);
    work.assert_as_git();
    assert_eq!(&*work.tree().file("a.u16").unwrap(), b"a\n");
}

#[test]
fn an_encoding_that_does_not_fit_is_named_when_read() {
    let work = repository();
    work.write(".gitattributes", "*.x text working-tree-encoding=NO-SUCH-THING\n");
    work.write("a.x", "x");
    work.write("b", "fine");
    let tree = work.tree();
    assert_eq!(&*tree.file("b").unwrap(), b"fine");
    let error = chain(&tree.file("a.x").unwrap_err());
    assert!(
        error.contains("`a.x`") && error.contains("working-tree-encoding"),
        "{error}"
    );
}

#[test]
fn a_filter_is_named_when_the_file_is_read_and_never_run() {
    let work = repository();
    let mark = work.path.join("ran");
    work.git(&[
        "config",
        "filter.secret.clean",
        &format!("touch {} && cat", mark.display()),
    ]);
    work.write(".gitattributes", "*.key filter=secret\n*.free filter=unknown\n");
    work.write("a.key", "k");
    work.write("b", "k");
    work.write("c.free", "without a program git stores it as it is");
    let tree = work.tree();
    let error = chain(&tree.file("a.key").unwrap_err());
    assert!(error.contains("`a.key` has the attribute `filter=secret`"), "{error}");
    assert_eq!(&*tree.file("b").unwrap(), b"k");
    assert!(tree.file("c.free").is_ok());
    assert_ne!(tree.digest("a.key").unwrap(), tree.digest("b").unwrap());
    assert!(!mark.exists());
}

#[test]
fn lfs_files_are_their_pointers() {
    let work = repository();
    work.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    work.write("hello.bin", "hello\n");
    let pointer = "version https://git-lfs.github.com/spec/v1\n\
        oid sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03\nsize 6\n";
    work.write("pointer.bin", pointer);
    work.write("empty.bin", "");
    let tree = work.tree();
    assert_eq!(tree.digest("hello.bin").unwrap(), tree.digest("pointer.bin").unwrap());
    assert!(matches!(tree.file("hello.bin"), Err(TreeError::LfsPointer { .. })));
    assert!(tree.file("empty.bin").unwrap().is_empty());
    // Without git-lfs on this machine, what it would write can be given to git as it is.
    work.write("hello.bin", pointer);
    work.assert_as_git();
}

#[test]
fn nested_repositories_are_submodules() {
    let work = repository();
    work.write("inner/file", "x");
    git_in(&work.path.join("inner"), &["init", "-q", "-b", "main"]);
    git_in(&work.path.join("inner"), &["add", "-A"]);
    git_in(&work.path.join("inner"), &["commit", "-q", "-m", "inner"]);
    work.write("outer", "x");
    work.assert_as_git();
    assert!(matches!(
        work.tree().file("inner/file"),
        Err(TreeError::Submodule { .. })
    ));
    // As after a clone that left submodules alone.
    work.git(&["commit", "-q", "-m", "with a submodule"]);
    fs::remove_dir_all(work.path.join("inner")).unwrap();
    fs::create_dir(work.path.join("inner")).unwrap();
    work.assert_as_git();
    assert!(matches!(
        work.tree().file("inner/file"),
        Err(TreeError::Submodule { .. })
    ));
}

#[test]
fn what_git_does_not_store_is_warned_about() {
    let work = repository();
    work.write("a", "x");
    git_in(&work.path, &["init", "-q", "unborn"]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        work.path.join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(work.path.join("socket")).unwrap();
    let scan = work.scan();
    let mut warnings: Vec<_> = scan.warnings.iter().map(|w| (w.path.as_str(), w.reason)).collect();
    warnings.sort_by_key(|w| w.0);
    let special = WarningReason::SpecialFile;
    assert_eq!(
        warnings,
        [
            ("pipe", special),
            ("socket", special),
            ("unborn", WarningReason::EmptyRepository)
        ]
    );
    assert_eq!(scan.files, 1);
}

#[test]
fn the_mode_of_the_index_counts_where_the_disk_has_none() {
    let work = repository();
    work.write("a.sh", "x");
    work.git(&["config", "core.fileMode", "false"]);
    work.git(&["add", "a.sh"]);
    work.git(&["update-index", "--chmod=+x", "a.sh"]);
    work.assert_as_git();
    assert!(work.tree().stat("a.sh").unwrap().executable);
}

#[test]
fn a_sparse_checkout_is_warned_about() {
    let work = repository();
    work.write("in/a", "x");
    work.write("out/b", "x");
    work.commit();
    work.git(&["sparse-checkout", "set", "in"]);
    let scan = work.scan();
    assert_eq!(
        scan.warnings,
        [Warning {
            path: "out/b".into(),
            reason: WarningReason::Sparse
        }]
    );
}

#[test]
fn without_git_everything_counts() {
    let work = plain();
    work.write(".gitignore", "*.log\n");
    work.write("a.log", "one\r\n");
    let (folder, path) = work.open("");
    assert!(!folder.is_in_git() && path.is_empty());
    assert_eq!(&*work.tree().file("a.log").unwrap(), b"one\r\n");
    git_in(&work.path, &["init", "-q"]);
    git_in(&work.path, &["add", "-Af", "."]);
    let git = git_in(&work.path, &["write-tree"]);
    fs::remove_dir_all(work.path.join(".git")).unwrap();
    assert_eq!(work.scan().revision.root.to_string(), git);
}

#[test]
fn the_root_is_the_work_tree_unless_told_otherwise() {
    let work = repository();
    work.write("apps/web/a.yaml", "x");
    work.write("apps/.gitattributes", "*.yaml text\n");
    work.write("base/b.yaml", "x");
    let (folder, path) = work.open("apps/web");
    assert_eq!((folder.root(), path.as_str()), (work.path.as_path(), "apps/web"));
    let (_, path) = work.open("apps/web/a.yaml");
    assert_eq!(path, "apps/web/a.yaml");
    let at = |root: Root| Options {
        root,
        config: GitConfig::Repository,
    };
    let (folder, path) = Folder::open(&work.path.join("apps/web/a.yaml"), &at(Root::Path)).unwrap();
    assert_eq!(
        (folder.root(), path.as_str()),
        (work.path.join("apps/web").as_path(), "a.yaml")
    );
    // Attributes above the root still count.
    work.write("apps/web/a.yaml", "x\r\n");
    let (folder, path) = Folder::open(&work.path.join("apps/web"), &at(Root::At(work.path.join("apps")))).unwrap();
    assert_eq!(path, "web");
    let tree = folder.scan(&Cancel::new()).unwrap().revision.tree("");
    assert_eq!(&*tree.file("web/a.yaml").unwrap(), b"x\n");
    let outside = Folder::open(&work.path.join("base"), &at(Root::At(work.path.join("apps"))));
    assert!(matches!(outside, Err(Error::Outside { .. })));
    assert!(matches!(
        Folder::open(&work.path.join("nothing"), &Options::default()),
        Err(Error::Open { .. })
    ));
}

#[test]
fn links_are_resolved_inside_only() {
    let work = repository();
    work.write("dir/file", "x");
    symlink("dir", work.path.join("inside")).unwrap();
    symlink("/etc", work.path.join("outside")).unwrap();
    symlink("../work/dir", work.path.join("around")).unwrap();
    let tree = work.tree();
    assert_eq!(&*tree.file("inside/file").unwrap(), b"x");
    assert!(tree.file("outside/passwd").is_err());
    assert!(tree.file("around/file").is_err(), "it leaves the tree on its way");
}

#[test]
fn a_change_after_the_scan_is_noticed() {
    let work = repository();
    work.write("a", "before");
    let tree = work.tree();
    work.write("a", "after!");
    let error = chain(&tree.file("a").unwrap_err());
    assert!(error.contains("changed after the folder was read"), "{error}");
    fs::remove_file(work.path.join("a")).unwrap();
    assert!(tree.file("a").is_err());
    fs::create_dir(work.path.join("a")).unwrap();
    assert!(tree.file("a").is_err());
}

#[test]
fn a_second_scan_reads_only_what_changed() {
    let work = repository();
    work.write("old", "x".repeat(1000));
    work.write("dir/new", "y");
    let (folder, _) = work.open("");
    let scan = |folder: &Folder| folder.scan(&Cancel::new()).unwrap();
    assert_eq!(scan(&folder).bytes, 1001);
    assert_eq!(scan(&folder).bytes, 1001, "too fresh to trust a time stamp");
    thread::sleep(Duration::from_millis(4200));
    let first = scan(&folder);
    assert_eq!(first.bytes, 1001);
    let second = scan(&folder);
    assert_eq!((second.bytes, second.revision.root), (0, first.revision.root));
    work.write("dir/new", "z");
    let third = scan(&folder);
    assert_eq!(third.bytes, 1);
    assert_ne!(third.revision.root, first.revision.root);
    assert_eq!(
        &*third.revision.tree("").file("old").unwrap(),
        "x".repeat(1000).as_bytes()
    );
    // Attributes that change make what was hashed worthless.
    work.write(".gitattributes", "old text working-tree-encoding=UTF-16\n");
    assert!(scan(&folder).bytes >= 1000);
}

#[test]
fn time_is_the_commits_else_the_files() {
    let work = repository();
    work.write("a", "x");
    assert!(work.scan().revision.time.seconds > 1_700_000_000);
    work.commit();
    assert_eq!(work.scan().revision.time.seconds, 1_700_000_000);
}

#[test]
fn a_scan_can_be_cancelled() {
    let work = repository();
    work.write("a", "x");
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(matches!(work.open("").0.scan(&cancel), Err(Error::Cancelled { .. })));
}

#[test]
fn nothing_is_written() {
    let work = repository();
    work.write("a", "x");
    work.commit();
    work.write("a", "y");
    let before = git_state(&work);
    work.scan();
    assert_eq!(git_state(&work), before);
}

fn git_state(work: &Work) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut todo = vec![work.path.clone()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path)
            } else {
                found.push((path.clone(), fs::read(path).unwrap()))
            }
        }
    }
    found.sort();
    found
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |e| (*e).source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
