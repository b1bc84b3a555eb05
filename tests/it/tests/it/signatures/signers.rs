//! Keys, and those who sign with them.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{git_server::git_command, sandbox::git};

/// A key of ssh.
pub(super) struct Key {
    file: PathBuf,
    /// As in its `.pub` file, without a comment.
    pub(super) public: String,
    /// `SHA256:…`.
    pub(super) fingerprint: String,
}

/// Makes one.
pub(super) fn key(dir: &Path, name: &str, kind: &[&str]) -> Key {
    let file = dir.join(name);
    let made = Command::new("ssh-keygen")
        .args(kind)
        .args(["-q", "-N", "", "-C", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    let public = fs::read_to_string(file.with_extension("pub"))
        .unwrap()
        .trim()
        .to_owned();
    let told = Command::new("ssh-keygen")
        .arg("-l")
        .arg("-f")
        .arg(&file)
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let fingerprint = told.split(' ').nth(1).unwrap().to_owned();
    Key {
        file,
        public,
        fingerprint,
    }
}

impl Key {
    /// What git is told.
    pub(super) fn settings(&self) -> Vec<String> {
        [
            "gpg.format=ssh".to_owned(),
            format!("user.signingkey={}", self.file.display()),
        ]
        .to_vec()
    }

    /// With a signature for something else than git.
    pub(super) fn settings_for(&self, namespace: &str) -> Vec<String> {
        let program = self.file.with_extension("sh");
        // git calls it with `-Y sign -n git -f …`.
        let script = format!("#!/bin/sh\nshift 4\nexec ssh-keygen -Y sign -n {namespace} \"$@\"\n");
        write_program(&program, &script);
        let mut settings = self.settings();
        settings.push(format!("gpg.ssh.program={}", program.display()));
        settings
    }
}

fn write_program(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn settings_of(settings: &[String]) -> impl Iterator<Item = &str> {
    settings.iter().flat_map(|setting| ["-c", setting.as_str()])
}

/// Commits what is added, signed where there are settings for it. Answers the commit's id.
pub(super) fn sign_with(repo: &Path, settings: &[String]) -> String {
    let sign: &[&str] = if settings.is_empty() { &[] } else { &["-S"] };
    let words = ["commit", "--quiet", "--allow-empty", "--message", "test"];
    git(repo, settings_of(settings).chain(words).chain(sign.iter().copied()));
    git(repo, ["rev-parse", "HEAD"])
}

/// Makes a signed tag at the branch's tip.
pub(super) fn tag_with(repo: &Path, name: &str, settings: &[String]) {
    git(repo, settings_of(settings).chain(["tag", "-s", "-m", name, name]));
}

/// Makes a commit of these bytes the branch's tip.
pub(super) fn commit_raw(repo: &Path, text: &str) {
    let mut hashing = git_command(repo)
        .args(["hash-object", "-t", "commit", "-w", "--literally", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = format!("{}\n", text.trim_end());
    hashing.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = hashing.wait_with_output().unwrap();
    assert!(output.status.success());
    let id = String::from_utf8(output.stdout).unwrap();
    git(repo, ["update-ref", "refs/heads/main", id.trim()]);
}

/// A home of OpenPGP keys. Its agent ends with it.
pub(super) struct Gpg {
    home: TempDir,
}

impl Gpg {
    pub(super) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        Self { home }
    }

    fn run(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("gpg");
        command
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback"]);
        let output = command.args(["--passphrase", ""]).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn at(time: &str) -> String {
        format!("--faked-system-time={time}!")
    }

    /// A key for signing, made at a time. Answers its fingerprint, the last 16 digits of which are its long id.
    pub(super) fn generate(&self, name: &str, kind: &str, made: &str, expires: &str) -> String {
        self.run(&[&Self::at(made), "--quick-generate-key", name, kind, "sign", expires]);
        self.fingerprints(name).remove(0)
    }

    fn fingerprints(&self, name: &str) -> Vec<String> {
        let listed = self.run(&["--with-colons", "--list-keys", name]);
        let lines = listed.lines().filter(|line| line.starts_with("fpr:"));
        lines.map(|line| line.split(':').nth(9).unwrap().to_owned()).collect()
    }

    /// A subkey for signing. Answers its long id.
    pub(super) fn add_subkey(&self, fingerprint: &str, made: &str) -> String {
        self.run(&[
            &Self::at(made),
            "--quick-add-key",
            fingerprint,
            "ed25519",
            "sign",
            "never",
        ]);
        self.fingerprints(fingerprint).pop().unwrap()[24..].to_owned()
    }

    /// The owner says at a time that the key expires at a date.
    pub(super) fn expire(&self, fingerprint: &str, said: &str, date: &str) {
        self.run(&[&Self::at(said), "--quick-set-expire", fingerprint, date]);
    }

    pub(super) fn revoke(&self, fingerprint: &str) {
        let file = self.home.path().join(format!("openpgp-revocs.d/{fingerprint}.rev"));
        let text = fs::read_to_string(&file).unwrap().replace(":-----BEGIN", "-----BEGIN");
        fs::write(&file, text).unwrap();
        self.run(&["--import", &file.to_string_lossy()]);
    }

    pub(super) fn export(&self, fingerprint: &str) -> String {
        self.run(&["--armor", "--export", fingerprint])
    }

    /// What git is told, to sign at a time.
    pub(super) fn settings(&self, fingerprint: &str, at: &str) -> Vec<String> {
        self.settings_with(fingerprint, at, "")
    }

    pub(super) fn settings_with(&self, fingerprint: &str, at: &str, more: &str) -> Vec<String> {
        let program = self.home.path().join("sign.sh");
        let (home, at) = (self.home.path().display(), Self::at(at));
        let script = format!(
            "#!/bin/sh\nexec gpg --homedir '{home}' --batch --quiet --pinentry-mode loopback --passphrase '' '{at}' {more} \"$@\"\n"
        );
        write_program(&program, &script);
        [
            format!("gpg.program={}", program.display()),
            format!("user.signingkey={fingerprint}"),
        ]
        .to_vec()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut command = Command::new("gpgconf");
        // Its own agent, by its own home.
        let _ = command
            .arg("--homedir")
            .arg(self.home.path())
            .args(["--kill", "all"])
            .status();
    }
}
