//! Core module to component: the world's metadata, the adapter, the encoding, and the checks that give an
//! author a sentence instead of an encoder's.

use std::collections::BTreeSet;

use wasm_encoder::RawSection;
use wasmparser::{Parser, Payload};
use windlass_core::plugin::{Grant, Manifest};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::decoding::DecodedWasm;

use crate::adapter::{self, WASI};
use crate::contract::{self, Contract, PACKAGE, WARM};

/// Why a module becomes no component.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The compiler's output is no valid module.
    #[error("the compiler's output isn't a valid core module")]
    Module {
        /// Why.
        #[from]
        source: wasmparser::BinaryReaderError,
    },
    /// The module wants something that the host doesn't offer.
    #[error("the plugin imports `{name}` from `{module}`, but may import only interfaces of `windlass:plugin`: {help}")]
    ForeignImport {
        /// Module of the import.
        module: String,
        /// Its name.
        name: String,
        /// What to do.
        help: &'static str,
    },
    /// The module uses an interface that `plugin.yaml` doesn't ask for.
    #[error("the plugin uses `{grant}`, but `plugin.yaml` doesn't ask for it: add `grants: [{grant}]`")]
    MissingGrant {
        /// The grant's name.
        grant: &'static str,
    },
    /// The module lacks what the world is for.
    #[error("the plugin exports no `{export}`, which world `{world}` needs: {help}")]
    MissingExport {
        /// The interface.
        export: String,
        /// The world of `plugin.yaml`.
        world: &'static str,
        /// What to do.
        help: &'static str,
    },
    /// See [`adapter::Error`].
    #[error(transparent)]
    Adapter(#[from] adapter::Error),
    /// See [`contract::Error`].
    #[error(transparent)]
    Contract(#[from] contract::Error),
    /// The module doesn't fit the world: a wrong signature, an unknown function.
    #[error("the plugin doesn't fit world `{world}` of the contract")]
    Encode {
        /// The world of `plugin.yaml`.
        world: &'static str,
        /// The encoder's words.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A component and what it was seen to do.
#[derive(Debug)]
pub struct Component {
    /// The component.
    pub bytes: Vec<u8>,
    /// Interfaces it imports, `windlass:plugin/files@0.1.0`.
    pub imports: Vec<String>,
    /// Whether it has the export `warm`, hence can be snapshotted.
    pub warm: bool,
    /// Grants that `plugin.yaml` asks for without need.
    pub unused_grants: Vec<Grant>,
}

/// Encodes `module` as a component of the world that `manifest` names.
///
/// # Errors
/// See [`Error`].
pub fn encode(module: &[u8], manifest: &Manifest, contract: &mut Contract) -> Result<Component, Error> {
    let surface = Surface::of(module)?;
    surface.check(manifest, &contract.exports(manifest.world)?)?;
    let warm = surface.exports.contains(WARM);
    let encode_error = |error: Box<dyn std::error::Error + Send + Sync>| Error::Encode {
        world: manifest.world.name(),
        source: error,
    };

    // Only the world of `plugin.yaml` counts: an SDK's bindings carry the metadata of all worlds.
    let mut module = without_metadata(module)?;
    let world = contract.target(manifest.world, warm)?;
    embed_component_metadata(&mut module, contract.resolve(), world, StringEncoding::UTF8)
        .map_err(|error| encode_error(error.into()))?;
    let mut encoder = ComponentEncoder::default()
        .validate(true)
        .module(&module)
        .map_err(|error| encode_error(error.into()))?;
    if let Some(mut adapter) = adapter::generate(&module)? {
        let shim = contract.shim()?;
        embed_component_metadata(&mut adapter, contract.resolve(), shim, StringEncoding::UTF8)
            .map_err(|error| encode_error(error.into()))?;
        encoder = encoder
            .adapter(WASI, &adapter)
            .map_err(|error| encode_error(error.into()))?;
    }
    let bytes = encoder.encode().map_err(|error| encode_error(error.into()))?;
    let imports = imports(&bytes).map_err(encode_error)?;
    refuse_foreign(&imports)?;
    let unused_grants = manifest
        .grants
        .iter()
        .copied()
        .filter(|grant| !imports.iter().any(|name| is_interface(name, *grant)))
        .collect();
    Ok(Component {
        bytes,
        imports,
        warm,
        unused_grants,
    })
}

/// Names of what `component` imports.
///
/// # Errors
/// It is no component.
pub fn imports(component: &[u8]) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> {
    match wit_parser::decoding::decode(component)? {
        DecodedWasm::Component(resolve, world) => Ok(resolve.worlds[world]
            .imports
            .keys()
            .map(|key| resolve.name_world_key(key))
            .collect()),
        DecodedWasm::WitPackage(..) => Err("a WIT package, not a component".into()),
    }
}

fn refuse_foreign(imports: &[String]) -> Result<(), Error> {
    match imports.iter().find(|name| !name.starts_with(PACKAGE)) {
        None => Ok(()),
        Some(name) => Err(Error::ForeignImport {
            module: name.clone(),
            name: "*".to_owned(),
            help: "build it with the recipe of `windlass-build`",
        }),
    }
}

fn is_interface(import: &str, grant: Grant) -> bool {
    let interface = import.strip_prefix(PACKAGE).and_then(|rest| rest.split('@').next());
    interface == Some(grant.name())
}

/// What a core module imports and exports.
struct Surface {
    imports: BTreeSet<(String, String)>,
    exports: BTreeSet<String>,
}

impl Surface {
    fn of(module: &[u8]) -> Result<Self, Error> {
        let mut surface = Self {
            imports: BTreeSet::new(),
            exports: BTreeSet::new(),
        };
        for payload in Parser::new(0).parse_all(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import?;
                        surface
                            .imports
                            .insert((import.module.to_owned(), import.name.to_owned()));
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        surface.exports.insert(export?.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    fn check(&self, manifest: &Manifest, wanted: &[String]) -> Result<(), Error> {
        for (module, name) in &self.imports {
            if module != WASI && !module.starts_with(PACKAGE) {
                return Err(Error::ForeignImport {
                    module: module.clone(),
                    name: name.clone(),
                    help: remedy(module),
                });
            }
        }
        for grant in Grant::ALL {
            let used = self.imports.iter().any(|(module, _)| is_interface(module, grant));
            if used && !manifest.grants.contains(&grant) {
                return Err(Error::MissingGrant { grant: grant.name() });
            }
        }
        for interface in wanted {
            let prefix = format!("{interface}#");
            if !self.exports.iter().any(|name| name.starts_with(&prefix)) {
                return Err(Error::MissingExport {
                    export: interface.clone(),
                    world: manifest.world.name(),
                    help: "export it with the SDK (in Rust a macro such as `windlass_sdk::renderer!(MyType);`, \
                           in Go the hook of that world), or correct `world` in `plugin.yaml`",
                });
            }
        }
        Ok(())
    }
}

fn remedy(module: &str) -> &'static str {
    if module.starts_with("__wbindgen") {
        "a crate expects a browser; turn off its wasm-bindgen or `js` feature (often getrandom, time, uuid)"
    } else if module.starts_with("wasi:") || module.starts_with("wasi_") {
        "a plugin has no WASI; files, time and randomness come from the SDK"
    } else if module == "env" {
        "a C symbol is undefined; a crate links to code that isn't there on this target"
    } else {
        "remove what needs it"
    }
}

/// `module` without the component metadata that bindings left in it.
fn without_metadata(module: &[u8]) -> Result<Vec<u8>, Error> {
    let mut kept = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if matches!(&payload, Payload::CustomSection(section) if section.name().starts_with("component-type")) {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            kept.section(&RawSection {
                id,
                data: &module[range],
            });
        }
    }
    Ok(kept.finish())
}

#[cfg(test)]
mod tests;
