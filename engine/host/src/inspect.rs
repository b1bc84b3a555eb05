//! What a plugin says of itself, read without running it.

use std::collections::BTreeSet;

use semver::Version;
use serde::Serialize;
use wasmparser::{Encoding, Parser, Payload};
use windlass_core::{
    digest::Digest,
    plugin::{Grant, MANIFEST_SECTION, Manifest},
};

use crate::limits;

/// The package of the contract.
const PACKAGE: &str = "windlass:plugin";

/// What can be said of a plugin without running it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Inspection {
    /// Its manifest section.
    pub manifest: Manifest,
    /// Of its bytes.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// Names as they stand in the component, sorted.
    pub imports: Vec<String>,
    /// Names as they stand in the component, sorted.
    pub exports: Vec<String>,
    /// Capabilities that it imports: it can't run without them.
    pub capabilities: BTreeSet<Grant>,
    /// Custom sections of the component itself, with their sizes in bytes.
    pub sections: Vec<(String, u64)>,
    /// Toolchains that left their mark, e.g. `go 1.26.8`; a hint, not proof.
    pub producers: Vec<String>,
}

/// Why bytes are no plugin.
#[derive(Debug, thiserror::Error)]
pub enum NotAComponent {
    /// Not WebAssembly at all.
    #[error("it is not WebAssembly: the first bytes are {found:02x?}")]
    NotWasm {
        /// Up to four of them.
        found: Vec<u8>,
    },
    /// Machine code.
    #[error("it is compiled machine code, which can't be checked; give the .wasm component it was made of")]
    Precompiled,
    /// A module.
    #[error("it is a core WebAssembly module, not a component: build it with windlass-build")]
    CoreModule,
    /// Cut off, or damaged.
    #[error("it is damaged or cut off at byte {offset}: {message}")]
    Damaged {
        /// Where.
        offset: u64,
        /// What.
        message: String,
    },
    /// A component of somebody else's.
    #[error("it has no section `{MANIFEST_SECTION}`: build it with windlass-build")]
    NoManifest,
    /// Two manifests: which one was reviewed?
    #[error("it has more than one section `{MANIFEST_SECTION}`")]
    TwoManifests,
    /// The section is not what it should be.
    #[error("its section `{MANIFEST_SECTION}` can't be read: {message}")]
    BadManifest {
        /// Why.
        message: String,
    },
}

/// Reads a plugin's manifest, imports and exports. Nothing is compiled, nothing runs.
///
/// # Errors
/// When the bytes are no component with a manifest.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, NotAComponent> {
    check_magic(bytes)?;
    let found = scan(bytes)?;
    let manifest = match found.manifests.as_slice() {
        [] => return Err(NotAComponent::NoManifest),
        [section] => manifest(section)?,
        _ => return Err(NotAComponent::TwoManifests),
    };
    let capabilities = Grant::ALL
        .into_iter()
        .filter(|g| imports_interface(&found.imports, g.name()))
        .collect();
    Ok(Inspection {
        manifest,
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        imports: found.imports.into_iter().collect(),
        exports: found.exports.into_iter().collect(),
        capabilities,
        sections: found.sections,
        producers: found.producers.into_iter().collect(),
    })
}

/// Interface and version of `windlass:plugin/NAME@VERSION`; `None` for any other name.
pub(crate) fn contract_name(name: &str) -> Option<(&str, Version)> {
    let (interface, version) = name.strip_prefix(PACKAGE)?.strip_prefix('/')?.split_once('@')?;
    Some((interface, version.parse().ok()?))
}

fn imports_interface(imports: &BTreeSet<String>, interface: &str) -> bool {
    imports
        .iter()
        .any(|name| contract_name(name).is_some_and(|(found, _)| found == interface))
}

fn check_magic(bytes: &[u8]) -> Result<(), NotAComponent> {
    if bytes.starts_with(b"\x7fELF") {
        return Err(NotAComponent::Precompiled);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(NotAComponent::NotWasm {
            found: bytes.iter().take(4).copied().collect(),
        });
    }
    if Parser::is_core_wasm(bytes) {
        return Err(NotAComponent::CoreModule);
    }
    Ok(())
}

fn manifest(section: &[u8]) -> Result<Manifest, NotAComponent> {
    let bad = |message: String| NotAComponent::BadManifest { message };
    if section.len() > limits::MANIFEST_BYTES {
        return Err(bad(format!("it has more than {} bytes", limits::MANIFEST_BYTES)));
    }
    let manifest: Manifest = serde_json::from_slice(section).map_err(|error| bad(error.to_string()))?;
    let name = &manifest.name;
    let kebab = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if name.is_empty() || name.len() > 63 || !kebab || name.starts_with('-') || name.ends_with('-') {
        return Err(bad(format!(
            "the name {name:?} is not in kebab-case, or longer than 63 characters"
        )));
    }
    Ok(manifest)
}

/// What the sections of the component say, those of its nested modules only for hints.
#[derive(Default)]
struct Found {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
    sections: Vec<(String, u64)>,
    manifests: Vec<Vec<u8>>,
    producers: BTreeSet<String>,
}

fn scan(bytes: &[u8]) -> Result<Found, NotAComponent> {
    let mut found = Found::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|e| damaged(&e))?;
        match payload {
            Payload::Version {
                encoding: Encoding::Module,
                ..
            } if depth == 0 => return Err(NotAComponent::CoreModule),
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    found
                        .imports
                        .insert(import.map_err(|e| damaged(&e))?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    found
                        .exports
                        .insert(export.map_err(|e| damaged(&e))?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) => found.custom(&section, depth),
            _ => {}
        }
    }
    Ok(found)
}

impl Found {
    fn custom(&mut self, section: &wasmparser::CustomSectionReader<'_>, depth: u32) {
        if section.name() == "producers" {
            self.producers.extend(producers(section.data()));
        }
        if depth > 0 {
            return;
        }
        self.sections
            .push((section.name().to_owned(), section.data().len() as u64));
        if section.name() == MANIFEST_SECTION {
            self.manifests.push(section.data().to_vec());
        }
    }
}

/// `name version` of every entry; a section that can't be read gives no hint.
fn producers(data: &[u8]) -> Vec<String> {
    let reader = wasmparser::BinaryReader::new(data, 0);
    let Ok(fields) = wasmparser::ProducersSectionReader::new(reader) else {
        return Vec::new();
    };
    let values = fields
        .into_iter()
        .flatten()
        .flat_map(|field| field.values.into_iter().flatten());
    values
        .map(|value| format!("{} {}", value.name, value.version).trim().to_owned())
        .collect()
}

fn damaged(error: &wasmparser::BinaryReaderError) -> NotAComponent {
    NotAComponent::Damaged {
        offset: error.offset() as u64,
        message: error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests;
