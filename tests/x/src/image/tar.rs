//! A tree as a tar archive (POSIX ustar): no times, all of it root's.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::Error;

use super::tree::{Content, Tree};

/// Everything in a tar archive is in blocks of this many bytes.
const BLOCK: usize = 512;
/// Longest name without a second field. No path here comes near.
const NAME: usize = 100;

/// Writes a tree to a file.
///
/// # Errors
/// When a file of it can't be read, a name is too long, or the archive can't be written.
pub(super) fn write(tree: &Tree, to: &Path) -> Result<(), Error> {
    let file = File::create(to).map_err(Error::io("create", to))?;
    let mut out = BufWriter::new(file);
    for (path, entry) in &tree.0 {
        let content = match &entry.content {
            Content::File(from) => fs::read(from).map_err(Error::io("read", from))?,
            Content::Text(text) => text.clone().into_bytes(),
            Content::Folder => Vec::new(),
        };
        let is_folder = entry.content == Content::Folder;
        let header = header(path, entry.mode, content.len(), is_folder).ok_or_else(|| Error::Invalid {
            place: format!("`{path}`"),
            problem: "doesn't fit into a tar archive".to_owned(),
        })?;
        let written = out.write_all(&header).and_then(|()| padded(&mut out, &content));
        written.map_err(Error::io("write", to))?;
    }
    // Two empty blocks are the end.
    let end = out.write_all(&[0; 2 * BLOCK]).and_then(|()| out.flush());
    end.map_err(Error::io("write", to))
}

fn padded(out: &mut impl Write, content: &[u8]) -> io::Result<()> {
    out.write_all(content)?;
    let rest = content.len().next_multiple_of(BLOCK) - content.len();
    out.write_all(&vec![0; rest])
}

/// `None`: the name is too long, or the content too large for its field (8 GiB).
fn header(path: &str, mode: u32, size: usize, is_folder: bool) -> Option<[u8; BLOCK]> {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &str| block[at..at + text.len()].copy_from_slice(text.as_bytes());
    let name = if is_folder { format!("{path}/") } else { path.to_owned() };
    let size = format!("{size:011o}");
    if name.len() > NAME || size.len() > 11 {
        return None;
    }
    put(0, &name);
    put(100, &format!("{mode:07o}"));
    // User and group, root's.
    put(108, "0000000");
    put(116, "0000000");
    put(124, &size);
    // No time.
    put(136, "00000000000");
    // The sum counts as spaces in its own place.
    put(148, "        ");
    put(156, if is_folder { "5" } else { "0" });
    put(257, "ustar\0");
    put(263, "00");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Some(block)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::Command;

    use super::super::tree::Entry;
    use super::*;
    use crate::places::scratch::Scratch;
    use crate::run::answer;

    #[test]
    fn tar_reads_it_and_it_is_the_same_twice() {
        let scratch = Scratch::new("image-tar");
        let file = scratch.file("content", &"x".repeat(700));
        let entry = |content, mode| Entry { content, mode };
        let tree = Tree(BTreeMap::from([
            ("etc".to_owned(), entry(Content::Folder, 0o755)),
            ("etc/a".to_owned(), entry(Content::Text("one".to_owned()), 0o644)),
            ("etc/b".to_owned(), entry(Content::File(file), 0o755)),
        ]));
        let (one, two) = (scratch.places().root.join("1.tar"), scratch.places().root.join("2.tar"));
        write(&tree, &one).unwrap();
        write(&tree, &two).unwrap();
        assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
        let listed = answer(
            Command::new("tar")
                .env("TZ", "UTC")
                .args(["--numeric-owner", "-tvf"])
                .arg(&one),
        )
        .unwrap();
        let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["drwxr-xr-x", "0/0", "0", "1970-01-01", "00:00", "etc/"]);
        assert_eq!(lines[1], ["-rw-r--r--", "0/0", "3", "1970-01-01", "00:00", "etc/a"]);
        assert_eq!(lines[2], ["-rwxr-xr-x", "0/0", "700", "1970-01-01", "00:00", "etc/b"]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        assert!(header(&"x".repeat(100), 0, 0, false).is_some());
        assert!(header(&"x".repeat(100), 0, 0, true).is_none());
        assert!(header("x", 0, 8 << 30, false).is_none());
    }
}
