//! What a result was made from, as one digest: while it stays the same, the result holds.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Folders that hold what builds made, or what git keeps: never an input.
pub(crate) const SKIPPED_FOLDERS: [&str; 3] = ["target", ".git", "node_modules"];

/// Digest of a set of named inputs. Not cryptographic (FNV-1a, 128 bits): it tells own files apart, no attacker is here.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    parts: Vec<(String, Vec<u8>)>,
}

impl Inputs {
    /// Adds a text or a file's content under a name.
    pub(crate) fn add(&mut self, name: &str, content: impl Into<Vec<u8>>) {
        self.parts.push((name.to_owned(), content.into()));
    }

    /// Adds a file, or all files below a folder, by their path from `root`. What doesn't exist adds its absence.
    ///
    /// # Errors
    /// When something there can't be read.
    pub(crate) fn add_path(&mut self, root: &Path, path: &str) -> Result<(), Error> {
        let full = root.join(path);
        for file in files(&full)? {
            let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
            let content = content(&file).map_err(Error::io("read", &file))?;
            self.parts.push((name, content));
        }
        if !full.exists() {
            self.add(&format!("{path} (absent)"), "");
        }
        Ok(())
    }

    /// The digest, in hexadecimal; the order of adding doesn't matter.
    pub(crate) fn digest(mut self) -> String {
        self.parts.sort();
        let mut hash = OFFSET_BASIS;
        for (name, content) in &self.parts {
            // Lengths keep ("ab", "c") and ("a", "bc") apart.
            hash = fnv(hash, &(name.len() as u64).to_le_bytes());
            hash = fnv(hash, name.as_bytes());
            hash = fnv(hash, &(content.len() as u64).to_le_bytes());
            hash = fnv(hash, content);
        }
        format!("{hash:032x}")
    }
}

/// The files at or below `path`, in no particular order; none when it doesn't exist.
fn files(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let Ok(kind) = fs::symlink_metadata(path) else {
        return Ok(Vec::new());
    };
    if !kind.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(Error::io("list", path))? {
        let entry = entry.map_err(Error::io("list", path))?;
        if !SKIPPED_FOLDERS.iter().any(|skipped| entry.file_name() == *skipped) {
            found.extend(files(&entry.path())?);
        }
    }
    Ok(found)
}

/// A link counts as its text: following it could leave the workspace.
fn content(file: &Path) -> io::Result<Vec<u8>> {
    if fs::symlink_metadata(file)?.is_symlink() {
        let mut text = b"link ".to_vec();
        text.extend_from_slice(fs::read_link(file)?.as_os_str().as_encoded_bytes());
        return Ok(text);
    }
    fs::read(file)
}

/// The start value and the factor that FNV-1a prescribes for 128 bits.
const OFFSET_BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

fn fnv(hash: u128, bytes: &[u8]) -> u128 {
    bytes
        .iter()
        .fold(hash, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    fn digest(parts: &[(&str, &str)]) -> String {
        let mut inputs = Inputs::default();
        for (name, content) in parts {
            inputs.add(name, *content);
        }
        inputs.digest()
    }

    #[test]
    fn is_fnv_1a() {
        assert_eq!(fnv(OFFSET_BASIS, b"a"), 0xd228_cb69_6f1a_8caf_7891_2b70_4e4a_8964);
    }

    #[test]
    fn order_does_not_matter_and_names_and_contents_do() {
        let base = digest(&[("a", "1"), ("b", "2")]);
        assert_eq!(base, digest(&[("b", "2"), ("a", "1")]));
        for other in [
            digest(&[("a", "1"), ("b", "3")]),
            digest(&[("a", "1"), ("c", "2")]),
            digest(&[("a", "2"), ("b", "1")]),
            digest(&[("a", "1")]),
            digest(&[("a", "1"), ("b", "2"), ("c", "")]),
            digest(&[("a1", ""), ("b", "2")]),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn a_folder_is_all_its_files_but_what_builds_made() {
        let scratch = Scratch::new("inputs");
        let root = scratch.places().root;
        let read = || {
            let mut inputs = Inputs::default();
            inputs.add_path(&root, "plugin").unwrap();
            inputs.digest()
        };
        let absent = read();
        scratch.file("plugin/src/lib.rs", "one");
        let first = read();
        assert_ne!(absent, first);
        scratch.file("plugin/target/debug/x", "built");
        assert_eq!(first, read());
        scratch.file("plugin/src/lib.rs", "two");
        let second = read();
        assert_ne!(first, second);
        std::os::unix::fs::symlink("lib.rs", root.join("plugin/src/main.rs")).unwrap();
        assert_ne!(second, read());
    }
}
