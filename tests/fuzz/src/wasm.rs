//! WebAssembly as strangers and compilers make it.

use std::path::Path;

use windlass_build::{adapter, data_segments};

/// A file is a plugin, or told why it is none; nothing of it runs.
pub(crate) fn inspect(bytes: &[u8]) {
    match windlass_host::inspect(bytes) {
        Ok(found) => {
            assert_eq!(found.size, bytes.len() as u64);
            assert!(!found.manifest.name.is_empty() && !found.manifest.name.contains(char::is_control));
            let sections: u64 = found.sections.iter().map(|(_, size)| size).sum();
            assert!(sections <= found.size, "sections are part of the file");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A valid module stays valid when its segments are joined, and joined ones stay as they are. One that counts its segments for
/// its code is left out: no compiler copies from a segment that is active.
pub(crate) fn modules(bytes: &[u8]) {
    let _ = adapter::generate(bytes);
    let Ok(merged) = data_segments::merge(bytes) else {
        return;
    };
    if is_valid(bytes) && !counts_segments(bytes) {
        assert!(is_valid(&merged.module), "a valid module became invalid");
        assert!(merged.after <= merged.before);
        let again = data_segments::merge(&merged.module).expect("a module");
        assert_eq!((again.before, again.after), (merged.after, merged.after));
    }
}

fn counts_segments(module: &[u8]) -> bool {
    let mut payloads = wasmparser::Parser::new(0).parse_all(module);
    payloads.any(|payload| matches!(payload, Ok(wasmparser::Payload::DataCountSection { .. })))
}

fn is_valid(module: &[u8]) -> bool {
    wasmparser::Validator::new().validate_all(module).is_ok()
}

/// The smallest plugin, and its neighbours.
pub(crate) fn component_seeds(_: &Path) -> Vec<Vec<u8>> {
    let manifest = r#"{\22name\22:\22a\22,\22version\22:\221.0.0\22,\22contract\22:\220.1.0\22,\22world\22:\22renderer\22,\22description\22:\22\22,\22markers\22:[{\22file\22:\22a.yaml\22,\22rank\22:1}],\22grants\22:[\22cluster\22],\22config\22:{}}"#;
    [
        format!("(component (import \"windlass:plugin/log@0.1.0\" (instance)) (instance $e) (export \"windlass:plugin/render@0.1.0\" (instance $e)) (core module) (@custom \"windlass:manifest\" \"{manifest}\"))"),
        "(component (component) (core module (@custom \"producers\" \"\\01\\08language\\01\\02go\\041.26\")))".to_owned(),
        "(module)".to_owned(),
    ]
    .iter()
    .map(|text| wat::parse_str(text).expect("a good text"))
    .collect()
}

/// Modules with segments of each kind, and with imports of WASI.
pub(crate) fn module_seeds(_: &Path) -> Vec<Vec<u8>> {
    [
        r#"(module (memory 1) (data (i32.const 8) "ab") (data (i32.const 12) "c") (data (i32.const 9000) "z") (func (export "f")))"#,
        r#"(module (memory 1) (data "p") (data (i32.const 0) "a") (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1))))"#,
        r#"(module (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
            (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))) (import "wasi_snapshot_preview1" "x" (func (result i64))))"#,
    ]
    .iter()
    .map(|text| wat::parse_str(text).expect("a good text"))
    .collect()
}
