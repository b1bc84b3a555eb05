//! Who holds the inventories: a note beside the lock, for people. The lock itself is the kernel's and ends with the process.

use std::{
    fmt, fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// Name of the note in the state folder.
const NOTE: &str = "holder";

/// A process that holds the inventories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its id.
    pub process: u32,
    /// The verb it was started with.
    pub verb: String,
    /// When it took hold.
    pub since: String,
}

impl Holder {
    /// The process that the note names, if it is alive and seen from here: it may be in another container, or gone with the lock
    /// already another's.
    pub(super) fn read(dir: &Path) -> Option<Self> {
        let text = fs::read_to_string(dir.join(NOTE)).ok()?;
        let mut lines = text.lines();
        let process = lines.next()?.parse().ok()?;
        let holder = Self {
            process,
            verb: lines
                .next()?
                .chars()
                .filter(char::is_ascii_lowercase)
                .take(20)
                .collect(),
            since: lines.next()?.chars().filter(|c| !c.is_control()).take(40).collect(),
        };
        Path::new("/proc").join(process.to_string()).exists().then_some(holder)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, verb, since } = self;
        write!(f, "process {process} (`windlass {verb}`, since {since})")
    }
}

/// The note of this process, removed when dropped. Write and drop it while holding the lock.
pub(super) struct Note(PathBuf);

impl Note {
    /// Nobody depends on the note: when it can't be written, others are told less.
    pub(super) fn write(dir: &Path) -> Self {
        let path = dir.join(NOTE);
        let verb = std::env::args().nth(1).unwrap_or_default();
        let since = jiff::Timestamp::now().strftime("%F %T UTC");
        let text = format!("{}\n{verb}\n{since}\n", std::process::id());
        let written = tempfile::NamedTempFile::new_in(dir).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.persist(&path).map_err(|e| e.error)
        });
        if let Err(error) = written {
            tracing::debug!(path = %path.display(), %error, "the holder's note can't be written");
        }
        Self(path)
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
