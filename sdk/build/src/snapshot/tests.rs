//! Snapshots of hand-written renderers.

use super::*;
use crate::component::encode;
use crate::contract::Contract;
use windlass_core::plugin::{Manifest, World};

/// A renderer whose `warm` does `body` with the imports below.
fn renderer(body: &str) -> Vec<u8> {
    let module = wat::parse_str(format!(
        r#"(module
        (import "windlass:plugin/entropy@0.1.0" "next" (func $next (result i64)))
        (import "windlass:plugin/entropy@0.1.0" "fork" (func $fork (param i32 i32)))
        (import "windlass:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "starting")
        (func (export "warm") {body})
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
        (func (export "windlass:plugin/render@0.1.0#render") (param i32 i32) (result i32) i32.const 0))"#
    ))
    .unwrap();
    let manifest = Manifest {
        name: "a".to_owned(),
        version: "1.0.0".to_owned(),
        contract: CONTRACT.to_owned(),
        world: World::Renderer,
        description: String::new(),
        markers: Vec::new(),
        scope: windlass_core::plugin::Scope::default(),
        kinds: Vec::new(),
        grants: Vec::new(),
        config: serde_json::Value::Null,
    };
    let component = encode(&module, &manifest, &mut Contract::read(None).unwrap()).unwrap();
    assert!(component.warm);
    component.bytes
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

const DRAW: &str = "(i64.store (i32.const 64) (call $next))";

#[test]
fn what_warm_wrote_is_in_the_snapshot() {
    let component = renderer("(i64.store (i32.const 64) (i64.const 0x6e657a6f7266))");
    let snapshot = take(&component, 0).unwrap();
    wasmparser::Validator::new().validate_all(&snapshot).unwrap();
    let holds = |bytes: &[u8]| bytes.windows(6).any(|window| window == b"frozen");
    assert!(holds(&snapshot));
    assert_eq!(
        crate::component::imports(&snapshot).unwrap(),
        crate::component::imports(&component).unwrap()
    );
}

#[test]
fn random_numbers_come_from_the_seed_alone() {
    let component = renderer(DRAW);
    assert_eq!(take(&component, 1).unwrap(), take(&component, 1).unwrap());
    assert_ne!(take(&component, 1).unwrap(), take(&component, 2).unwrap());
}

#[test]
fn any_other_import_ends_the_run_by_name() {
    let error = take(&renderer("(call $fork (i32.const 16) (i32.const 2))"), 0).unwrap_err();
    let text = chain(&error);
    assert!(
        text.contains("`warm` called `windlass:plugin/entropy@0.1.0#fork`"),
        "{text}"
    );
}

#[test]
fn a_trap_is_told_with_what_was_logged() {
    let log = "(call $log (i32.const 3) (i32.const 16) (i32.const 8) (i32.const 0) (i32.const 0)) unreachable";
    let text = chain(&take(&renderer(log), 0).unwrap_err());
    assert!(
        text.contains("start-up work failed") && text.contains("starting"),
        "{text}"
    );
}
