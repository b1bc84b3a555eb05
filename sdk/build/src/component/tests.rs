use super::*;
use windlass_core::plugin::World;

fn manifest(world: World, grants: Vec<Grant>) -> Manifest {
    Manifest {
        name: "a".to_owned(),
        version: "1.0.0".to_owned(),
        contract: "0.1.0".to_owned(),
        world,
        description: String::new(),
        markers: Vec::new(),
        scope: windlass_core::plugin::Scope::default(),
        kinds: Vec::new(),
        grants,
        config: serde_json::Value::Null,
    }
}

/// A renderer that answers ok and whose imports are `imports`.
fn renderer(imports: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module {imports}
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
        (func (export "windlass:plugin/render@0.1.0#render") (param i32 i32) (result i32) i32.const 0))"#
    );
    wat::parse_str(wat).unwrap()
}

fn encoded(module: &[u8], grants: Vec<Grant>) -> Result<Component, Error> {
    encode(
        module,
        &manifest(World::Renderer, grants),
        &mut Contract::read(None).unwrap(),
    )
}

fn message(module: &[u8]) -> String {
    encoded(module, Vec::new()).unwrap_err().to_string()
}

#[test]
fn a_component_imports_only_what_it_uses() {
    let log = r#"(import "windlass:plugin/log@0.1.0" "write" (func (param i32 i32 i32 i32 i32)))"#;
    let component = encoded(&renderer(log), Vec::new()).unwrap();
    assert!(component.imports.contains(&"windlass:plugin/log@0.1.0".to_owned()));
    assert!(
        !component
            .imports
            .iter()
            .any(|name| name.contains("/entropy") || name.contains("/sources"))
    );
    assert!(
        component.imports.iter().all(|name| name.starts_with(PACKAGE)),
        "{:?}",
        component.imports
    );
}

#[test]
fn wasi_is_answered_inside() {
    let wasi = r#"(import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))"#;
    let component = encoded(&renderer(wasi), Vec::new()).unwrap();
    assert!(component.imports.contains(&"windlass:plugin/entropy@0.1.0".to_owned()));
    assert!(
        component.imports.iter().all(|name| name.starts_with(PACKAGE)),
        "{:?}",
        component.imports
    );
}

#[test]
fn foreign_imports_are_named_with_a_remedy() {
    for (module, help) in [
        ("__wbindgen_placeholder__", "expects a browser"),
        ("wasi:cli/environment@0.2.0", "no WASI"),
        ("env", "C symbol"),
    ] {
        let message = message(&renderer(&format!(r#"(import "{module}" "f" (func))"#)));
        assert!(
            message.contains(&format!("imports `f` from `{module}`")) && message.contains(help),
            "{message}"
        );
    }
}

#[test]
fn an_interface_of_another_contract_version_does_not_fit() {
    let newer = r#"(import "windlass:plugin/log@0.9.0" "write" (func (param i32 i32 i32 i32 i32)))"#;
    assert!(message(&renderer(newer)).contains("doesn't fit world `renderer`"));
}

#[test]
fn a_grant_must_be_asked_for_and_an_idle_one_is_noticed() {
    let hint = r#"(import "windlass:plugin/sources@0.1.0" "hint" (func (param i32 i32)))"#;
    assert!(message(&renderer(hint)).contains("add `grants: [sources]`"));
    assert!(
        encoded(&renderer(hint), vec![Grant::Sources])
            .unwrap()
            .unused_grants
            .is_empty()
    );
    assert_eq!(
        encoded(&renderer(""), vec![Grant::Compose]).unwrap().unused_grants,
        [Grant::Compose]
    );
}

#[test]
fn a_missing_export_says_how_to_get_it() {
    let message = message(&wat::parse_str("(module)").unwrap());
    assert!(
        message.contains("exports no `windlass:plugin/render@0.1.0`"),
        "{message}"
    );
}

#[test]
fn foreign_metadata_is_dropped() {
    let mut module = renderer("");
    wasm_encoder::Section::append_to(
        &wasm_encoder::CustomSection {
            name: "component-type:other".into(),
            data: b"junk"[..].into(),
        },
        &mut module,
    );
    assert!(encoded(&module, Vec::new()).is_ok());
}
