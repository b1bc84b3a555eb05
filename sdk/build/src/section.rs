//! The custom section that holds a plugin's manifest, placed last so that a reader finds it without the code.

use wasm_encoder::{ComponentSection, CustomSection};
use windlass_core::plugin::{MANIFEST_SECTION, Manifest};

/// Appends `manifest` to `component`.
///
/// # Errors
/// The manifest can't be written as JSON.
pub fn append(component: &mut Vec<u8>, manifest: &Manifest) -> Result<(), serde_json::Error> {
    let json = serde_json::to_vec(manifest)?;
    CustomSection {
        name: MANIFEST_SECTION.into(),
        data: json.into(),
    }
    .append_to_component(component);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{Parser, Payload};
    use windlass_core::plugin::World;

    #[test]
    fn the_manifest_is_the_last_section_and_reads_back() {
        let manifest = Manifest {
            name: "a".to_owned(),
            version: "1.0.0".to_owned(),
            contract: "0.1.0".to_owned(),
            world: World::Renderer,
            description: String::new(),
            markers: Vec::new(),
            scope: windlass_core::plugin::Scope::default(),
            kinds: Vec::new(),
            grants: Vec::new(),
            config: serde_json::json!({"type": "object"}),
        };
        let mut component = wat::parse_str("(component)").unwrap();
        append(&mut component, &manifest).unwrap();
        let mut payloads: Vec<_> = Parser::new(0).parse_all(&component).map(Result::unwrap).collect();
        assert!(matches!(payloads.pop(), Some(Payload::End(_))));
        let Some(Payload::CustomSection(section)) = payloads.pop() else {
            panic!("no custom section")
        };
        assert_eq!(section.name(), MANIFEST_SECTION);
        assert_eq!(serde_json::from_slice::<Manifest>(section.data()).unwrap(), manifest);
    }
}
