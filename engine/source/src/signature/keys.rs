//! Lists of public keys, as they are kept in files and Secrets.

use super::{openpgp::Certificate, ssh::Allowed};

/// A list of keys by name, as whoever has it read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// Of the file, or of the Secret with its key; for errors.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Keys that count.
#[derive(Debug)]
pub struct Keys {
    pub(super) ssh: Vec<Allowed>,
    pub(super) openpgp: Vec<Certificate>,
}

/// A list that can't be used. Nothing is verified then, and nothing passes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`{} can't be used as a list of public keys: {reason}", .line.map_or_else(String::new, |line| format!(", line {line},")))]
pub struct KeysError {
    /// Its name.
    pub file: String,
    /// From 1, where it is known.
    pub line: Option<usize>,
    /// Why, and what to write instead.
    pub reason: String,
}

/// What is wrong, and at which line from 1.
pub(super) type Wrong = (Option<usize>, String);

impl Keys {
    /// Largest list, in bytes: some hundred OpenPGP keys, some thousand of ssh. Threat: a Secret is a megabyte at most, a file is not.
    pub const MAX_BYTES: usize = 1 << 20;

    /// Reads lists: OpenPGP public keys in ASCII armor, or lines as ssh knows them: of an `allowed_signers` file, or public keys.
    ///
    /// # Errors
    /// When one of them can't be understood as a whole, or there is no key at all.
    pub fn read(files: &[KeyFile]) -> Result<Self, KeysError> {
        let mut keys = Self {
            ssh: Vec::new(),
            openpgp: Vec::new(),
        };
        for file in files {
            keys.add(file).map_err(|(line, reason)| KeysError {
                file: file.name.clone(),
                line,
                reason,
            })?;
        }
        Ok(keys)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ssh.len() + self.openpgp.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn add(&mut self, file: &KeyFile) -> Result<(), Wrong> {
        if file.bytes.len() > Self::MAX_BYTES {
            return Err((None, format!("it has more than {} bytes", Self::MAX_BYTES)));
        }
        let text = std::str::from_utf8(&file.bytes);
        let text = text.map_err(|_| (None, "it is no text: export keys with `--armor`".to_owned()))?;
        if text.contains("PRIVATE KEY") {
            return Err((None, "it holds a private key: only public ones belong here".to_owned()));
        }
        let before = self.len();
        if text.contains("-----BEGIN PGP") {
            self.openpgp
                .extend(Certificate::read(text).map_err(|reason| (None, reason))?);
        } else {
            self.ssh.extend(Allowed::read(text)?);
        }
        if self.len() == before {
            return Err((None, "it holds no key".to_owned()));
        }
        Ok(())
    }
}
