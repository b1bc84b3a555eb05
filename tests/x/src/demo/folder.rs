//! The demo's target: a folder of manifests, looked at as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// All files by path, without those that are the engine's own (hidden ones).
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Folder {
    /// Path from the folder, and content.
    pub(super) files: BTreeMap<PathBuf, String>,
}

impl Folder {
    /// Reads everything; a folder that doesn't exist is empty.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let mut found = Self::default();
        if folder.is_dir() {
            found.add(folder, folder)?;
        }
        Ok(found)
    }

    fn add(&mut self, root: &Path, folder: &Path) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(Error::io("list", folder))? {
            let entry = entry.map_err(Error::io("list", folder))?;
            let path = entry.path();
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            if path.is_dir() {
                self.add(root, &path)?;
            } else {
                let content = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
                self.files
                    .insert(path.strip_prefix(root).unwrap_or(&path).to_path_buf(), content);
            }
        }
        Ok(())
    }

    /// The files that are here and not the same there, or the other way round.
    pub(super) fn differences<'a>(&'a self, other: &'a Self) -> Vec<&'a Path> {
        let mut paths: Vec<&Path> = self
            .files
            .keys()
            .chain(other.files.keys())
            .map(PathBuf::as_path)
            .collect();
        paths.sort();
        paths.dedup();
        paths.retain(|path| self.files.get(*path) != other.files.get(*path));
        paths
    }

    /// The files that hold an object of that kind and name; `name-` means any name that begins so.
    pub(super) fn objects(&self, kind: &str, name: &str) -> Vec<&Path> {
        let kind = format!("kind: {kind}");
        // Two columns in: `metadata.name`.
        let is_name = |line: &str| {
            let found = line.strip_prefix("  name: ").map(|value| value.trim_matches('"'));
            found.is_some_and(|found| found == name || (name.ends_with('-') && found.starts_with(name)))
        };
        let holds = |content: &str| content.lines().any(|line| line == kind) && content.lines().any(is_name);
        self.files
            .iter()
            .filter(|(_, content)| holds(content))
            .map(|(path, _)| path.as_path())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::scratch::Scratch;

    #[test]
    fn a_folder_is_compared_as_a_whole() {
        let scratch = Scratch::new("folder");
        let root = scratch.places().root;
        assert_eq!(Folder::read(&root.join("absent")).unwrap(), Folder::default());
        scratch.file("a/one.yaml", "kind: Service\nmetadata:\n  name: api\n");
        scratch.file(
            "two.yaml",
            "kind: ConfigMap\nmetadata:\n  name: nginx-42\nspec:\n    name: api\n",
        );
        scratch.file(".state/inventory.json", "{}");
        let before = Folder::read(&root).unwrap();
        assert_eq!(before.files.len(), 2);
        assert_eq!(before.objects("Service", "api"), [Path::new("a/one.yaml")]);
        assert_eq!(before.objects("ConfigMap", "nginx-"), [Path::new("two.yaml")]);
        assert!(before.objects("ConfigMap", "nginx").is_empty());
        assert!(before.objects("ConfigMap", "api").is_empty());
        scratch.file("two.yaml", "changed");
        scratch.file("three.yaml", "new");
        let after = Folder::read(&root).unwrap();
        assert_eq!(
            before.differences(&after),
            [Path::new("three.yaml"), Path::new("two.yaml")]
        );
        assert!(after.differences(&after).is_empty());
    }
}
