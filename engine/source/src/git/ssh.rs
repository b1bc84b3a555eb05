//! ssh repositories, through the `ssh` program in a child process: it alone knows every key, certificate and known-hosts line
//! that people have, and its security fixes come with the system.
//!
//! It reads no configuration, asks nobody, knows no agent, and trusts the given hosts only. Key and hosts reach it through files
//! without a name, so that no secret is on a disk and no permissions of a mounted file stand in the way.

use std::{
    fs::{File, Permissions},
    io::{self, Write as _},
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    process::Command,
    sync::Arc,
};

use gix::bstr::ByteSlice as _;
use rustix::fs::{MemfdFlags, memfd_create};

use super::{
    child::{self, Child, Ended},
    remote::{Auth, Remote},
};
use crate::{budget::Budget, error::Error};

/// Who logs in when the URL names nobody: every forge's name for it.
const USER: &str = "git";

/// Exit code of ssh when ssh itself failed, whatever the program over there would say.
const SSH_FAILED: i32 = 255;

/// Settings that hold whatever ssh was built to do. `SendEnv` asks for protocol 2; a server that ignores it speaks an older one.
const SETTINGS: [&str; 17] = [
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "PasswordAuthentication=no",
    "KbdInteractiveAuthentication=no",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=/dev/null",
    "UpdateHostKeys=no",
    "VerifyHostKeyDNS=no",
    "CheckHostIP=no",
    "ControlMaster=no",
    "ControlPath=none",
    "ClearAllForwardings=yes",
    "ConnectionAttempts=1",
    "SendEnv=GIT_PROTOCOL",
    "LogLevel=ERROR",
];

/// A repository over ssh, and the files that ssh reads as long as it runs.
pub(super) fn connect(remote: &Remote, budget: &Arc<Budget>) -> Result<Child, Error> {
    let url = || remote.url().to_owned();
    let Auth::Ssh {
        private_key,
        known_hosts,
    } = remote.auth()
    else {
        return Err(Error::Unauthenticated {
            url: url(),
            given: false,
        });
    };
    let nameless = |text: &str| nameless_file(text).map_err(|e| Error::disk("a file in memory", e));
    let secrets = Secrets {
        key: nameless(private_key)?,
        hosts: nameless(known_hosts)?,
    };
    let command = command(remote, &secrets, budget);
    let child = Child::start(command, remote.parsed().path.clone(), explain, budget);
    let child = child.map_err(|source| Error::ProgramMissing {
        url: url(),
        program: "ssh",
        source,
    })?;
    Ok(child.holding([secrets.key, secrets.hosts]))
}

/// Held open as long as ssh runs: it opens them by our process's descriptors, which no other child inherits.
struct Secrets {
    key: File,
    hosts: File,
}

fn nameless_file(text: &str) -> io::Result<File> {
    let mut file = File::from(memfd_create("windlass-ssh", MemfdFlags::CLOEXEC)?);
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    // ssh takes a key without a last line feed for a damaged one.
    if !text.ends_with('\n') {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

fn command(remote: &Remote, secrets: &Secrets, budget: &Budget) -> Command {
    let url = remote.parsed();
    let by_descriptor = |file: &File| format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let mut command = child::command("ssh");
    command.args(["-F", "/dev/null", "-T", "-x", "-a"]);
    for setting in SETTINGS {
        command.args(["-o", setting]);
    }
    let seconds = budget.limits().connect.as_secs().max(1);
    command.args(["-o", &format!("ConnectTimeout={seconds}")]);
    command.args(["-o", &format!("UserKnownHostsFile={}", by_descriptor(&secrets.hosts))]);
    command.args(["-i", &by_descriptor(&secrets.key)]);
    if let Some(port) = url.port {
        command.args(["-p", &port.to_string()]);
    }
    let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
    command.args(["-l", url.user().unwrap_or(USER), "--", host]);
    command.arg(format!("git-upload-pack {}", quoted(&path(url))));
    command
}

/// `ssh://HOST/~user/x` means a path below a home folder, as git has it.
fn path(url: &gix::Url) -> String {
    let path = url.path.to_str_lossy();
    let home = path.strip_prefix('/').filter(|rest| rest.starts_with('~'));
    home.unwrap_or(&path).to_owned()
}

/// One word for the shell over there, as git quotes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''").replace('!', "'\\!'"))
}

/// ssh says in English what went wrong, in the same words for decades.
fn explain(url: String, ended: &Ended) -> Error {
    let said = ended.said.as_str();
    let says = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    let source = || io::Error::other(last_line(said)).into();
    if ended.code != Some(SSH_FAILED) {
        return explain_git(url, ended);
    }
    if says(&["REMOTE HOST IDENTIFICATION HAS CHANGED"]) {
        return Error::HostKey { url, changed: true };
    }
    if says(&["Host key verification failed", "No matching host key fingerprint"]) {
        return Error::HostKey { url, changed: false };
    }
    if says(&["Permission denied", "Too many authentication failures"]) {
        return Error::Unauthenticated { url, given: true };
    }
    if says(&["error in libcrypto", "invalid format"]) {
        let (what, reason) = ("ssh key", "ssh can't read it");
        return Error::Credentials { url, what, reason };
    }
    let unreachable = ["Could not resolve", "refused", "No route", "unreachable", "timed out"];
    if !ended.midway && says(&unreachable) {
        return Error::Unreachable { url, source: source() };
    }
    Error::Broken { url, source: source() }
}

/// What git, a forge or a shell over there says.
fn explain_git(url: String, ended: &Ended) -> Error {
    let said = ended.said.to_lowercase();
    let missing = [
        "does not appear to be a git repository",
        "repository not found",
        "could not be found",
    ];
    if missing.iter().any(|part| said.contains(part)) {
        return Error::NotFound { url };
    }
    ended.as_git_tells(url, &last_line(&ended.said))
}

/// The reason stands last: greetings and warnings come before.
fn last_line(said: &str) -> String {
    let line = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    let line = line.unwrap_or("it ended without a word").trim_start_matches("fatal: ");
    line.escape_debug().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(said: &str, code: i32) -> Error {
        let ended = Ended {
            said: said.to_owned(),
            code: Some(code),
            midway: false,
        };
        explain("ssh://h/x".to_owned(), &ended)
    }

    #[test]
    fn what_ssh_says_is_understood() {
        let changed = "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.";
        assert!(matches!(explained(changed, 255), Error::HostKey { changed: true, .. }));
        let unknown =
            "No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.";
        assert!(matches!(explained(unknown, 255), Error::HostKey { changed: false, .. }));
        assert!(matches!(
            explained("git@h: Permission denied (publickey).", 255),
            Error::Unauthenticated { given: true, .. }
        ));
        let refused = "ssh: connect to host h port 22: Connection refused";
        assert!(matches!(explained(refused, 255), Error::Unreachable { .. }));
        assert!(matches!(
            explained("Connection closed by 1.2.3.4 port 22", 255),
            Error::Broken { .. }
        ));
    }

    #[test]
    fn what_the_other_side_says_is_told_apart() {
        assert!(matches!(
            explained("ERROR: Repository not found.", 1),
            Error::NotFound { .. }
        ));
        let shell = "hello\nbash: line 1: git-upload-pack: command not found\n";
        assert!(
            matches!(explained(shell, 127), Error::Refused { message, .. } if message.ends_with("command not found"))
        );
        let lie = "REMOTE HOST IDENTIFICATION HAS CHANGED";
        assert!(
            matches!(explained(lie, 1), Error::Refused { .. }),
            "the server's words are not ssh's"
        );
    }

    #[test]
    fn paths_are_one_word_for_the_shell() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("x'; rm -rf ~; '"), r"'x'\''; rm -rf ~; '\'''");
        let url = |text: &str| gix::url::parse(gix::bstr::BStr::new(text)).unwrap();
        assert_eq!(path(&url("ssh://h/~ada/x")), "~ada/x");
        assert_eq!(path(&url("ssh://h/srv/x")), "/srv/x");
    }
}
