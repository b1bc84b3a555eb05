//! What git servers and work trees hold.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use tempfile::TempDir;
use windlass_source::{
    Cancel, Limits, Reference,
    git::{Auth, Mirrors, Remote, Tls},
    local::{Folder, GitConfig, Options, Root},
};

/// A tree object is decoded into sorted, single names without a slash, or refused.
pub(crate) fn tree_object(bytes: &[u8]) {
    let Some(entries) = windlass_source::fuzz::tree_object(bytes) else {
        return;
    };
    assert!(entries.windows(2).all(|pair| pair[0].name < pair[1].name));
    for entry in &entries {
        assert!(!entry.name.is_empty() && !entry.name.contains(&b'/') && !entry.name.contains(&0));
    }
}

/// A list of keys and a commit, a NUL between: whatever they are, nothing passes that was not signed.
pub(crate) fn signed(bytes: &[u8]) {
    let (list, object) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    if windlass_source::fuzz::signed(list, object.get(1..).unwrap_or_default()) == Some(true) {
        // Nobody guesses a signature: what passes is a seed's own.
        let text = String::from_utf8_lossy(object);
        assert!(text.contains("gpgsig"), "{text}");
    }
}

/// A commit that was signed with ssh, and with its key or another one.
pub(crate) fn signed_seeds(_: &Path) -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().expect("a folder");
    let key = dir.path().join("key");
    let mut making = Command::new("ssh-keygen");
    let made = making
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
        .arg(&key)
        .status();
    assert!(made.expect("ssh-keygen runs").success());
    let git = |args: &[&str]| run_git(dir.path(), args, b"");
    git(&["init", "--quiet", "--initial-branch", "main"]);
    let by = format!("user.signingkey={}", key.display());
    git(&[
        "-c",
        "gpg.format=ssh",
        "-c",
        &by,
        "commit",
        "--quiet",
        "--allow-empty",
        "-S",
        "-m",
        "x",
    ]);
    let commit = git(&["cat-file", "commit", "HEAD"]);
    let public = fs::read(key.with_extension("pub")).expect("a key");
    let lists = [
        public.clone(),
        [b"ada valid-after=\"20200101\",namespaces=\"git\" ".as_slice(), &public].concat(),
        b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----\n".to_vec(),
    ];
    lists
        .iter()
        .map(|list| [list.as_slice(), b"\0", &commit].concat())
        .collect()
}

/// No part of a URL that may hold a secret is repeated, whatever becomes of the URL.
pub(crate) fn remote(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for url in [text.to_owned(), text.replacen("://", "://me:s3cret@", 1)] {
        let token = Auth::Bearer {
            token: "t0ken".to_owned(),
        };
        for auth in [Auth::None, token] {
            match Remote::new(&url, auth, Tls::default()) {
                Ok(remote) => {
                    // The text may hold the word anywhere, where it is no secret.
                    assert!(
                        text.contains("s3cret") || !remote.url().contains("s3cret"),
                        "{}",
                        remote.url()
                    );
                    assert!(!format!("{remote:?}").contains("t0ken"));
                }
                Err(error) => {
                    let told = format!("{error} {error:?}");
                    assert!(!told.contains("t0ken"), "{told}");
                    // Where the text itself says it elsewhere, it is no secret.
                    assert!(text.contains("s3cret") || !told.contains("s3cret"), "{told}");
                }
            }
        }
    }
}

/// Between the answers to the three requests of a fetch.
const NEXT: &[u8] = b"\0NEXT\0";

/// What the server of this process says next.
static ANSWERS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// The server's URL.
static URL: LazyLock<String> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/r", listener.local_addr().expect("an address"));
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(serve(stream))));
    url
});

const LIMITS: fn() -> Limits = || Limits {
    idle: Duration::from_secs(1),
    poll: Duration::from_secs(2),
    fetch: Duration::from_secs(4),
    bytes: 1 << 20,
    object_bytes: 1 << 20,
    ..Limits::default()
};

/// One request a connection: the next answer, as long as there is one.
fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = vec![0; 64 << 10];
    let read = stream.read(&mut request)?;
    let kind = if request[..read].starts_with(b"GET") {
        "application/x-git-upload-pack-advertisement"
    } else {
        "application/x-git-upload-pack-result"
    };
    let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    let body = if answers.is_empty() {
        Vec::new()
    } else {
        answers.remove(0)
    };
    drop(answers);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(&body)
}

/// A server that says anything is an error or a revision; the mirror lives.
pub(crate) fn answers(bytes: &[u8]) {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(NEXT.len()).position(|window| window == NEXT) {
        parts.push(rest[..at].to_vec());
        rest = &rest[at + NEXT.len()..];
    }
    parts.push(rest.to_vec());
    *ANSWERS.lock().unwrap_or_else(PoisonError::into_inner) = parts;
    let remote = Remote::new(&URL, Auth::None, Tls::default()).expect("a good URL");
    // A mirror of its own for each input: what is there already is not asked for.
    let dir = tempfile::tempdir().expect("a folder");
    let mirror = Mirrors::new(dir.path(), LIMITS()).open(remote).expect("a mirror");
    let reference = Reference::Branch("main".to_owned());
    match mirror.resolve(&reference, &Cancel::new()) {
        Ok(revision) => drop(revision.tree("").entries("")),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A whole conversation with git itself.
pub(crate) fn answer_seeds(_: &Path) -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().expect("a folder");
    let git = |args: &[&str], input: &[u8]| run_git(dir.path(), args, input);
    git(&["init", "--quiet", "--initial-branch", "main"], b"");
    fs::write(dir.path().join("a.yaml"), "a: 1\n").expect("a file");
    git(&["add", "--all"], b"");
    git(&["commit", "--quiet", "--message", "x"], b"");
    let id = String::from_utf8_lossy(&git(&["rev-parse", "HEAD"], b""))
        .trim()
        .to_owned();
    let line = |text: &str| format!("{:04x}{text}", text.len() + 4);
    let list = [
        &line("command=ls-refs\n"),
        "0001",
        &line("peel\n"),
        &line("symrefs\n"),
        &line("ref-prefix refs/heads/main\n"),
        "0000",
    ]
    .concat();
    let fetch = [
        &line("command=fetch\n"),
        "0001",
        &line("deepen 1\n"),
        &line(&format!("want {id}\n")),
        &line("done\n"),
        "0000",
    ]
    .concat();
    let greeting = [
        line("# service=git-upload-pack\n").as_bytes(),
        b"0000",
        &git(&["upload-pack", "--http-backend-info-refs", "."], b""),
    ]
    .concat();
    let listed = git(&["upload-pack", "--stateless-rpc", "."], list.as_bytes());
    let fetched = git(&["upload-pack", "--stateless-rpc", "."], fetch.as_bytes());
    vec![[greeting.as_slice(), NEXT, &listed, NEXT, &fetched].concat()]
}

fn run_git(dir: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new("git");
    command.current_dir(dir).args(args).env("GIT_PROTOCOL", "version=2");
    for (key, value) in [
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "t"),
        ("GIT_AUTHOR_EMAIL", "t@localhost"),
        ("GIT_COMMITTER_NAME", "t"),
        ("GIT_COMMITTER_EMAIL", "t@localhost"),
    ] {
        command.env(key, value);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("git runs");
    child.stdin.take().expect("a pipe").write_all(input).expect("git reads");
    let output = child.wait_with_output().expect("git ends");
    assert!(output.status.success(), "git {args:?}");
    output.stdout
}

/// A work tree with one file, whose rules are rewritten for each input.
static WORK_TREE: LazyLock<Arc<TempDir>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().expect("a folder");
    run_git(dir.path(), &["init", "--quiet", "--initial-branch", "main"], b"");
    fs::write(dir.path().join("a.yaml"), "a: 1\r\nb: $Id$\r\n").expect("a file");
    Arc::new(dir)
});

/// Any rules are obeyed or passed over; the same folder has the same id each time. `.gitattributes`, a NUL, `.gitignore`.
pub(crate) fn attributes(bytes: &[u8]) {
    let dir = Arc::clone(&WORK_TREE);
    let (attributes, ignore) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    fs::write(dir.path().join(".gitattributes"), attributes).expect("a file");
    fs::write(dir.path().join(".gitignore"), ignore.get(1..).unwrap_or_default()).expect("a file");
    let scan = || {
        let options = Options {
            root: Root::Path,
            config: GitConfig::Repository,
        };
        let (folder, _) = Folder::open(dir.path(), &options).expect("a folder");
        let revision = folder.scan(&Cancel::new()).map(|scan| scan.revision);
        revision.map(|revision| {
            (
                revision.root,
                revision.tree("").file("a.yaml").map(|bytes| bytes.to_vec()).ok(),
            )
        })
    };
    match (scan(), scan()) {
        (Ok(first), Ok(second)) => assert_eq!(first, second),
        (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
        (first, second) => panic!("{first:?}, then {second:?}"),
    }
}
