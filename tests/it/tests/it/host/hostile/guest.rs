//! Components from the modules of `tests/guests/hostile`, or from text.

use std::path::Path;

use windlass_build::{component, contract::Contract, section};
use windlass_core::plugin::{CONTRACT, Manifest, Scope, World};

/// The guest of that name.
pub(super) fn hostile(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/hostile");
    let path = folder.join(format!("{name}.wat"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    of_module(name, &text)
}

/// A renderer whose core module is this text.
pub(super) fn of_module(name: &str, text: &str) -> Vec<u8> {
    let module = wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let manifest = manifest(name);
    let mut contract = Contract::read(None).unwrap();
    let encoded = component::encode(&module, &manifest, &mut contract);
    let mut bytes = encoded.unwrap_or_else(|error| panic!("{name}: {error:?}")).bytes;
    section::append(&mut bytes, &manifest).unwrap();
    bytes
}

/// A component of this text, whatever it is, with a manifest that calls it a renderer.
pub(super) fn of_component(name: &str, text: &str) -> Vec<u8> {
    let mut bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    section::append(&mut bytes, &manifest(name)).unwrap();
    bytes
}

pub(super) fn manifest(name: &str) -> Manifest {
    Manifest {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        contract: CONTRACT.to_owned(),
        world: World::Renderer,
        description: String::new(),
        markers: Vec::new(),
        scope: Scope::default(),
        kinds: Vec::new(),
        grants: Vec::new(),
        config: serde_json::Value::Null,
    }
}
