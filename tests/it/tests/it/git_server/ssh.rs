//! A real `sshd` on the loopback, with keys of its own, for the user who runs the tests.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use tempfile::TempDir;
use windlass_source::git::Auth;

/// What a server is like.
#[derive(Default)]
pub(crate) struct SshOptions {
    /// Runs instead of what was asked for.
    pub(crate) command: Option<&'static str>,
    /// Takes no protocol version from clients, as servers that nobody touched since 2018.
    pub(crate) old_protocol: bool,
}

/// A running server; it stops when dropped.
pub(crate) struct SshServer {
    dir: TempDir,
    port: u16,
    user: String,
    child: Child,
}

impl SshServer {
    /// Serves what this user can read.
    pub(crate) fn start(options: &SshOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["host", "other-host", "user", "stranger"] {
            keygen(&dir.path().join(name), "");
        }
        let user = output(Command::new("id").arg("-un"));
        // Where it separates privileges: made by whoever starts the service, which is us.
        if output(Command::new("id").arg("-u")) == "0" {
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = free_port();
        let config = dir.path().join("sshd_config");
        fs::write(&config, settings(dir.path(), port, options)).unwrap();
        // Not by itself again for each connection: that would look for its own settings.
        let child = Command::new(sshd())
            .args(["-r", "-D", "-e", "-f"])
            .arg(&config)
            .stdin(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .expect("sshd runs: `cargo x test` installs openssh-server");
        let server = Self { dir, port, user, child };
        let up = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        let waited = (0..200).any(|_| {
            up() || {
                thread::sleep(Duration::from_millis(25));
                false
            }
        });
        assert!(waited, "sshd: {}", server.read("log"));
        server
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, path.display())
    }

    /// What gets in, and knows the server.
    pub(crate) fn auth(&self) -> Auth {
        self.auth_of("user", "host")
    }

    /// A key, and a key to know the server by.
    pub(crate) fn auth_of(&self, user: &str, host: &str) -> Auth {
        Auth::Ssh {
            private_key: self.read(user),
            known_hosts: format!("[127.0.0.1]:{} {}", self.port, self.read(&format!("{host}.pub"))),
        }
    }

    /// A file of the server's: `user`, a key that gets in; `host.pub`; `log`.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a key pair: `path` and `path.pub`.
pub(crate) fn keygen(path: &Path, passphrase: &str) {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f"])
        .arg(path);
    assert!(command.status().unwrap().success());
}

fn settings(dir: &Path, port: u16, options: &SshOptions) -> String {
    let user = fs::read_to_string(dir.join("user.pub")).unwrap();
    fs::write(dir.join("authorized_keys"), user).unwrap();
    let dir = dir.display();
    let mut text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/authorized_keys\nPidFile none\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n\
         PermitUserEnvironment no\nPermitUserRC no\nPrintMotd no\nUseDNS no\n"
    );
    if !options.old_protocol {
        text.push_str("AcceptEnv GIT_PROTOCOL\n");
    }
    if let Some(command) = options.command {
        text.push_str(&format!("ForceCommand {command}\n"));
    }
    text
}

fn sshd() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    // It wants its absolute path.
    let mut found = folders.map(|folder| folder.join("sshd")).filter(|file| file.is_file());
    found
        .next()
        .expect("sshd is there: `cargo x test` installs openssh-server")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
