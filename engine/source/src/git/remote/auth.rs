//! Who reads.

use std::fmt;

use reqwest::header::HeaderValue;

/// Who reads. `Debug` shows no secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// Nobody in particular; over TLS maybe a client certificate.
    #[default]
    None,
    /// User name and password, or user name and access token, as forges do it.
    Basic {
        /// Anything but a colon.
        username: String,
        /// The password or the token.
        password: String,
    },
    /// `Authorization: Bearer TOKEN`.
    Bearer {
        /// The token.
        token: String,
    },
    /// A key for ssh, and the hosts it is for.
    Ssh {
        /// In OpenSSH's or PEM form, without a passphrase: there is nobody to type one.
        private_key: String,
        /// Lines as in `~/.ssh/known_hosts`. A host that is not among them is refused.
        known_hosts: String,
    },
}

/// What is wrong with credentials: which ones, and why.
pub(super) type Flaw = (&'static str, &'static str);

/// How an OpenSSH key begins when no cipher protects it: the magic, and the cipher's name `none`, in base64.
const OPENSSH_PLAIN: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmU";

impl Auth {
    pub(super) const fn is_ssh(&self) -> bool {
        matches!(self, Self::Ssh { .. })
    }

    /// What must be told apart between readers.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        match self {
            Self::None => [b"none", b"", b""],
            Self::Basic { username, password } => [b"basic", username.as_bytes(), password.as_bytes()],
            Self::Bearer { token } => [b"bearer", token.as_bytes(), b""],
            Self::Ssh {
                private_key,
                known_hosts,
            } => [b"ssh", private_key.as_bytes(), known_hosts.as_bytes()],
        }
    }

    /// The value of the `Authorization` header, marked as sensitive.
    pub(super) fn authorization(&self) -> Result<Option<HeaderValue>, Flaw> {
        let text = match self {
            Self::None | Self::Ssh { .. } => return Ok(None),
            Self::Basic { username, .. } if username.contains(':') => {
                return Err(("user name", "it contains a colon"));
            }
            Self::Basic { username, password } => {
                format!("Basic {}", base64(format!("{username}:{password}").as_bytes()))
            }
            Self::Bearer { token } if token.is_empty() => return Err(("token", "it is empty")),
            Self::Bearer { token } => format!("Bearer {token}"),
        };
        let flaw = ("token", "it has a line break or another control character");
        let mut value = HeaderValue::from_str(&text).map_err(|_| flaw)?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    /// Whether ssh can use the key, and knows any host.
    pub(super) fn check_ssh(&self) -> Result<(), Flaw> {
        let Self::Ssh {
            private_key,
            known_hosts,
        } = self
        else {
            return Ok(());
        };
        if is_encrypted(private_key) {
            let reason = "it has a passphrase, and nobody is there to type it: write it without, by `ssh-keygen -p -N '' -f FILE`";
            return Err(("ssh key", reason));
        }
        if !private_key.contains("-----BEGIN ") || !private_key.contains("PRIVATE KEY-----") {
            return Err(("ssh key", "it holds no `BEGIN … PRIVATE KEY` block"));
        }
        let is_entry = |line: &str| !line.trim().is_empty() && !line.starts_with('#');
        if !known_hosts.lines().any(is_entry) {
            return Err((
                "list of known hosts",
                "it is empty: `ssh-keyscan HOST` prints what to compare and put there",
            ));
        }
        Ok(())
    }
}

fn is_encrypted(key: &str) -> bool {
    let body: String = key
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .map(str::trim)
        .collect();
    let openssh = key.contains("BEGIN OPENSSH PRIVATE KEY") && !body.starts_with(OPENSSH_PLAIN);
    openssh || key.contains("BEGIN ENCRYPTED PRIVATE KEY") || key.contains("Proc-Type: 4,ENCRYPTED")
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = char::from(ALPHABET[(group >> (18 - 6 * at) & 63) as usize]);
            text.push(if at <= chunk.len() { digit } else { '=' });
        }
    }
    text
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Basic { .. } => f.write_str("Basic(…)"),
            Self::Bearer { .. } => f.write_str("Bearer(…)"),
            Self::Ssh { .. } => f.write_str("Ssh(…)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in table {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }

    #[test]
    fn keys_that_ssh_could_not_use_are_told() {
        let check = |key: &str, hosts: &str| {
            let auth = Auth::Ssh {
                private_key: key.into(),
                known_hosts: hosts.into(),
            };
            auth.check_ssh().map_err(|(what, reason)| format!("{what}: {reason}"))
        };
        let plain =
            format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{OPENSSH_PLAIN}AAA\n-----END OPENSSH PRIVATE KEY-----\n");
        let locked = plain.replace(OPENSSH_PLAIN, "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI");
        assert_eq!(check(&plain, "h ssh-ed25519 AAAA"), Ok(()));
        assert!(check(&locked, "h x").unwrap_err().contains("passphrase"));
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n";
        assert!(check(pem, "h x").unwrap_err().contains("passphrase"));
        assert!(check("nonsense", "h x").unwrap_err().contains("PRIVATE KEY"));
        assert!(check(&plain, "# nobody\n\n").unwrap_err().contains("known hosts"));
    }
}
