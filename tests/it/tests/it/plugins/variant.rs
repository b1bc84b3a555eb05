//! Versions of a plugin: the components of this build under other manifests. What a renderer leaves out by default stands in its
//! manifest, so that versions render otherwise without being built.

use std::{
    fs,
    path::{Path, PathBuf},
};

use windlass_build::section;
use windlass_core::{
    digest::Digest,
    plugin::{MANIFEST_SECTION, Manifest},
};

use crate::host::component;

/// A component in a file.
pub(crate) struct Variant {
    pub(crate) version: String,
    pub(crate) path: PathBuf,
    pub(crate) digest: Digest,
}

impl Variant {
    /// The renderer of plain manifests as `name` in a version, that leaves out files by default.
    pub(crate) fn new(folder: &Path, name: &str, version: &str, exclude: &[&str]) -> Self {
        let (code, mut manifest) = parts();
        manifest.config["properties"]["exclude"]["default"] = exclude.into();
        Self::of(folder, code, manifest, name, version)
    }

    /// One that says that it is a renderer, and has nothing to call.
    pub(crate) fn hollow(folder: &Path, name: &str, version: &str) -> Self {
        let (_, manifest) = parts();
        let code = wat::parse_str("(component)").unwrap();
        Self::of(folder, code, manifest, name, version)
    }

    fn of(folder: &Path, mut bytes: Vec<u8>, mut manifest: Manifest, name: &str, version: &str) -> Self {
        name.clone_into(&mut manifest.name);
        version.clone_into(&mut manifest.version);
        section::append(&mut bytes, &manifest).unwrap();
        let digest = Digest::of(&bytes);
        let path = folder.join(format!("{name}-{}.wasm", digest.short()));
        fs::write(&path, bytes).unwrap();
        Self {
            version: version.to_owned(),
            path,
            digest,
        }
    }

    /// An entry of a Plugin's `versions`.
    pub(crate) fn entry(&self) -> String {
        self.entry_at(&format!("file: '{}'", self.path.display()))
    }

    /// The same, somewhere else.
    pub(crate) fn entry_at(&self, place: &str) -> String {
        format!("{{version: {}, {place}, digest: '{}'}}", self.version, self.digest)
    }
}

/// The code of the renderer, and its manifest: the section is the last one.
fn parts() -> (Vec<u8>, Manifest) {
    let mut bytes = fs::read(component("yaml")).unwrap();
    let name = MANIFEST_SECTION.as_bytes();
    let at = bytes.windows(name.len()).rposition(|window| window == name).unwrap();
    let manifest = serde_json::from_slice(&bytes[at + name.len()..]).unwrap();
    // The kind of section, its size, and the length of its name.
    let size = bytes.len() - at + 1;
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(7) as usize;
    bytes.truncate(at - 1 - digits - 1);
    (bytes, manifest)
}

/// A Plugin document.
pub(crate) fn plugin(name: &str, spec: &str, entries: &[String]) -> String {
    let versions: String = entries.iter().map(|entry| format!("  - {entry}\n")).collect();
    format!(
        "---\napiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: {name}}}\nspec:\n{spec}  versions:\n{versions}"
    )
}
