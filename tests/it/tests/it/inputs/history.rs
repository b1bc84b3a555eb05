//! Commits that no work tree can make: written straight into the object database.

use std::{
    io::Write as _,
    path::Path,
    process::{Output, Stdio},
};

use crate::git_server::git_command;

/// What stands at a path.
#[derive(Clone)]
pub(super) enum Content {
    /// A file.
    File(Vec<u8>),
    /// A symbolic link.
    Link(&'static str),
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::File(text.into())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::File(text.into())
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::File(bytes)
    }
}

/// Makes `main` a commit of exactly these files. Paths are bytes.
pub(super) fn commit<P: AsRef<[u8]>>(repo: &Path, files: impl IntoIterator<Item = (P, Content)>) {
    let mut stream = b"commit refs/heads/main\ncommitter t <t@localhost> 1767225600 +0000\ndata 1\nx\n".to_vec();
    if revision(repo).is_some() {
        stream.extend_from_slice(b"from refs/heads/main^0\n");
    }
    stream.extend_from_slice(b"deleteall\n");
    for (path, content) in files {
        let (mode, bytes) = match &content {
            Content::File(bytes) => ("100644", bytes.as_slice()),
            Content::Link(target) => ("120000", target.as_bytes()),
        };
        stream
            .extend_from_slice(format!("M {mode} inline {}\ndata {}\n", quoted(path.as_ref()), bytes.len()).as_bytes());
        stream.extend_from_slice(bytes);
        stream.push(b'\n');
    }
    run(repo, &["fast-import", "--quiet", "--force"], &stream);
}

/// The commit that `main` names.
pub(super) fn revision(repo: &Path) -> Option<String> {
    let output = git_command(repo)
        .args(["rev-parse", "--verify", "--quiet", "refs/heads/main"])
        .output()
        .expect("git runs");
    output.status.success().then(|| text(&output))
}

/// Writes an object as it is, however malformed, and gives its id.
pub(super) fn object(repo: &Path, kind: &str, bytes: &[u8]) -> String {
    let args = ["hash-object", "-t", kind, "-w", "--literally", "--stdin"];
    text(&run(repo, &args, bytes))
}

/// One entry of a tree object: `head` is mode and name.
pub(super) fn entry(head: &[u8], id: &str) -> Vec<u8> {
    let id = (0..id.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&id[at..at + 2], 16).expect("hexadecimal"));
    head.iter().copied().chain([0]).chain(id).collect()
}

/// Makes `main` a commit of a tree by id.
pub(super) fn commit_tree(repo: &Path, tree: &str) {
    let mut args = vec!["commit-tree", tree, "-m", "x"];
    let parent = revision(repo);
    if let Some(parent) = &parent {
        args.extend(["-p", parent.as_str()]);
    }
    let id = text(&run(repo, &args, b""));
    run(repo, &["update-ref", "refs/heads/main", &id], b"");
}

fn run(repo: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut child = git_command(repo)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git runs");
    child.stdin.take().expect("a pipe").write_all(input).expect("git reads");
    let output = child.wait_with_output().expect("git ends");
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// In quotes as git reads them: every byte that is not plain in octal.
fn quoted(path: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"\\".contains(&byte);
    let mut text = String::from("\"");
    for byte in path {
        if plain(*byte) {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("\\{byte:03o}"));
        }
    }
    text.push('"');
    text
}
