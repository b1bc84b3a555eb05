//! Whole files and listings out of the contract's chunks and pages.

use crate::{Diagnostic, Entry, Location, Refusal, Tree};

/// Bytes asked for at a time: as many as the contract allows, so that nearly every file is one recorded read.
const CHUNK: u32 = 8 << 20;

/// The largest file that is read as a whole: as much as a call may emit. The threat is a disk image among the manifests:
/// it is refused by its name, before it uses up the memory or the reads of the call, which could not say what did.
pub const MAX_FILE_BYTES: usize = 64 << 20;

/// Names asked for at a time. The host's own bound is in bytes; this one only has to be above it.
const PAGE: u32 = 65_536;

impl Tree {
    /// The contents of the file at `path`.
    ///
    /// # Errors
    /// What the host refuses: [`Refusal::NotFound`], [`Refusal::WrongKind`] for a folder, …; [`Refusal::TooLarge`] for more
    /// than [`MAX_FILE_BYTES`](crate::MAX_FILE_BYTES).
    pub fn read_all(&self, path: &str) -> Result<Vec<u8>, Refusal> {
        let mut bytes = self.read(path, 0, CHUNK)?;
        let mut last = bytes.len();
        while last == CHUNK as usize {
            let chunk = self.read(path, bytes.len() as u64, CHUNK)?;
            last = chunk.len();
            if bytes.len() + last > MAX_FILE_BYTES {
                return Err(Refusal::TooLarge(MAX_FILE_BYTES as u64));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// All entries of the folder at `path`, sorted by bytes.
    ///
    /// # Errors
    /// What the host refuses.
    pub fn list_all(&self, path: &str) -> Result<Vec<Entry>, Refusal> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let after = entries.last().map_or("", |entry| entry.name.as_str());
            let page = self.list(path, after, PAGE)?;
            let got = page.entries.len();
            entries.extend(page.entries);
            if !page.more || got == 0 {
                return Ok(entries);
            }
        }
    }

    /// All files below the folder `base` that match `pattern` (`*`, `?`, `[]`, `**`), relative to `base`, sorted.
    ///
    /// # Errors
    /// What the host refuses.
    pub fn glob_all(&self, base: &str, pattern: &str) -> Result<Vec<String>, Refusal> {
        let mut paths: Vec<String> = Vec::new();
        loop {
            let after = paths.last().map_or("", String::as_str);
            let page = self.glob(base, pattern, after, PAGE)?;
            let got = page.paths.len();
            paths.extend(page.paths);
            if !page.more || got == 0 {
                return Ok(paths);
            }
        }
    }
}

impl Refusal {
    /// The refusal in words, about `path`.
    #[must_use]
    pub fn describe(&self, path: &str) -> String {
        match self {
            Self::NotFound => format!("`{path}` doesn't exist"),
            Self::WrongKind => format!("`{path}` isn't of the kind that is wanted here (a file, or a folder)"),
            Self::InvalidPath => format!("`{path}` is no path inside the repository"),
            Self::Denied(why) => format!("`{path}` may not be read: {why}"),
            Self::TooLarge(limit) => format!("`{path}` is larger than the limit of {limit} bytes"),
            Self::Unavailable(why) => format!("`{path}` can't be had: {why}"),
            Self::Other(error) => format!("`{path}`: {} ({})", error.message, error.code),
        }
    }

    /// The refusal as an error at the file `path`.
    #[must_use]
    pub fn at(&self, path: &str) -> Diagnostic {
        Diagnostic::error("unreadable-file", self.describe(path)).at(Location::file(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpenError;

    #[test]
    fn each_refusal_names_the_path() {
        for refusal in [
            Refusal::NotFound,
            Refusal::WrongKind,
            Refusal::InvalidPath,
            Refusal::Denied("no".to_owned()),
            Refusal::TooLarge(7),
            Refusal::Unavailable("no".to_owned()),
            Refusal::Other(OpenError {
                code: "x".to_owned(),
                message: "y".to_owned(),
            }),
        ] {
            assert!(refusal.describe("a/b").contains("`a/b`"));
            assert_eq!(refusal.at("a/b").at, Location::file("a/b"));
        }
    }
}
