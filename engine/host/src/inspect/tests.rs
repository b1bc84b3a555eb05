use windlass_core::plugin::{Marker, Scope, World};

use super::*;
use crate::{
    admit::{LoadOptions, admit},
    error::LoadError,
};

fn plugin_manifest(grants: &[Grant]) -> Manifest {
    Manifest {
        name: "probe".into(),
        version: "1.2.3".into(),
        contract: "0.1.0".into(),
        world: World::Renderer,
        description: String::new(),
        markers: vec![Marker {
            file: "probe.yaml".into(),
            rank: 50,
        }],
        scope: Scope::default(),
        kinds: Vec::new(),
        grants: grants.to_vec(),
        config: serde_json::Value::Null,
    }
}

/// A component that exports `render` and imports `imports`; its code is nothing.
fn component(manifest: &Manifest, imports: &[&str], export: &str) -> Vec<u8> {
    let imports: String = imports
        .iter()
        .map(|name| format!("(import \"{name}\" (instance))\n"))
        .collect();
    let json = serde_json::to_string(manifest)
        .unwrap()
        .replace('\\', "\\5c")
        .replace('"', "\\22");
    let text = format!(
        "(component {imports} (instance $e) (export \"{export}\" (instance $e)) (@custom \"{MANIFEST_SECTION}\" \"{json}\"))"
    );
    wat::parse_str(text).unwrap()
}

const RENDER: &str = "windlass:plugin/render@0.1.0";

fn admitted(bytes: &[u8], grants: &[Grant]) -> Result<(), LoadError> {
    let options = LoadOptions {
        grants: grants.iter().copied().collect(),
        ..LoadOptions::default()
    };
    admit(&inspect(bytes).unwrap(), &options.grants)
}

#[test]
fn a_plugin_is_read_without_running_it() {
    let manifest = plugin_manifest(&[Grant::Cluster]);
    let bytes = component(
        &manifest,
        &["windlass:plugin/log@0.1.0", "windlass:plugin/cluster@0.1.0"],
        RENDER,
    );
    let found = inspect(&bytes).unwrap();
    assert_eq!(found.manifest, manifest);
    assert_eq!((found.digest, found.size), (Digest::of(&bytes), bytes.len() as u64));
    assert_eq!(
        found.imports,
        ["windlass:plugin/cluster@0.1.0", "windlass:plugin/log@0.1.0"]
    );
    assert_eq!(found.exports, [RENDER]);
    assert_eq!(found.capabilities, BTreeSet::from([Grant::Cluster]));
    assert_eq!(found.sections[0].0, MANIFEST_SECTION);
}

#[test]
fn what_is_no_plugin_is_refused_with_its_reason() {
    let good = component(&plugin_manifest(&[]), &[], RENDER);
    let reason = |bytes: &[u8]| inspect(bytes).unwrap_err();
    assert!(matches!(reason(b""), NotAComponent::NotWasm { .. }));
    assert!(matches!(reason(b"#!/bin/sh"), NotAComponent::NotWasm { .. }));
    assert!(matches!(reason(b"\x7fELF\x02\x01"), NotAComponent::Precompiled));
    assert!(matches!(
        reason(&wat::parse_str("(module)").unwrap()),
        NotAComponent::CoreModule
    ));
    assert!(matches!(reason(&good[..good.len() - 3]), NotAComponent::Damaged { .. }));
    assert!(matches!(
        reason(&wat::parse_str("(component)").unwrap()),
        NotAComponent::NoManifest
    ));
    let twice = "(component (@custom \"windlass:manifest\" \"{}\") (@custom \"windlass:manifest\" \"{}\"))";
    assert!(matches!(
        reason(&wat::parse_str(twice).unwrap()),
        NotAComponent::TwoManifests
    ));
    let nonsense = "(component (@custom \"windlass:manifest\" \"{}\"))";
    assert!(matches!(
        reason(&wat::parse_str(nonsense).unwrap()),
        NotAComponent::BadManifest { .. }
    ));
    let shouting = Manifest {
        name: "Probe\u{1b}[2J".into(),
        ..plugin_manifest(&[])
    };
    assert!(matches!(
        reason(&component(&shouting, &[], RENDER)),
        NotAComponent::BadManifest { .. }
    ));
}

#[test]
fn a_cut_is_an_error_unless_only_names_are_lost_and_nothing_panics() {
    let good = component(&plugin_manifest(&[]), &["windlass:plugin/log@0.1.0"], RENDER);
    for cut in 0..good.len() {
        if let Ok(found) = inspect(&good[..cut]) {
            assert_eq!(found.exports, [RENDER], "{cut}");
            assert_ne!(found.digest, Digest::of(&good));
        }
        let mut flipped = good.clone();
        flipped[cut] ^= 0x80;
        let _ = inspect(&flipped);
    }
}

#[test]
fn a_newer_contract_is_refused_by_both_versions() {
    for import in ["windlass:plugin/log@0.2.0", "windlass:plugin/log@1.0.0"] {
        let error = admitted(&component(&plugin_manifest(&[]), &[import], RENDER), &[]).unwrap_err();
        let wanted = import.rsplit('@').next().unwrap();
        let text = error.to_string();
        assert!(
            text.contains(&format!(
                "wants windlass:plugin@{wanted}, this host serves 0.1.0: upgrade Windlass"
            )),
            "{text}"
        );
    }
    let manifest = Manifest {
        contract: "0.2.0".into(),
        ..plugin_manifest(&[])
    };
    let error = admitted(&component(&manifest, &[], RENDER), &[]).unwrap_err();
    assert!(matches!(error, LoadError::Contract { .. }), "{error}");
    admitted(
        &component(&plugin_manifest(&[]), &["windlass:plugin/log@0.1.9"], RENDER),
        &[],
    )
    .unwrap();
}

#[test]
fn a_capability_must_be_asked_for_granted_and_served() {
    let import = ["windlass:plugin/cluster@0.1.0"];
    let silent = component(&plugin_manifest(&[]), &import, RENDER);
    assert!(matches!(
        admitted(&silent, &[Grant::Cluster]),
        Err(LoadError::NotAsked {
            grant: Grant::Cluster,
            ..
        })
    ));
    let asking = component(&plugin_manifest(&[Grant::Cluster]), &import, RENDER);
    let error = admitted(&asking, &[]).unwrap_err();
    assert!(matches!(error, LoadError::NotGranted { .. }));
    let text = error.to_string();
    assert!(
        text.contains("probe@") && text.contains("`cluster`") && text.contains("add it to `grants`"),
        "{text}"
    );
    assert!(matches!(
        admitted(&asking, &[Grant::Cluster]),
        Err(LoadError::NotServed { .. })
    ));
    // What is asked for and not imported needs no consent.
    admitted(&component(&plugin_manifest(&[Grant::Cluster]), &[], RENDER), &[]).unwrap();
}

#[test]
fn only_notifiers_are_given_the_web() {
    let import = ["windlass:plugin/http@0.1.0"];
    let of = |world: World, export: &str| {
        let manifest = Manifest {
            world,
            ..plugin_manifest(&[Grant::Http])
        };
        component(&manifest, &import, &format!("windlass:plugin/{export}@0.1.0"))
    };
    let notifier = of(World::Notifier, "notify");
    admitted(&notifier, &[Grant::Http]).unwrap();
    assert!(matches!(admitted(&notifier, &[]), Err(LoadError::NotGranted { .. })));
    for (world, export) in [
        (World::Renderer, "render"),
        (World::Validator, "validate"),
        (World::HealthChecker, "health"),
    ] {
        let error = admitted(&of(world, export), &[Grant::Http]).unwrap_err();
        assert!(matches!(error, LoadError::NotServed { .. }), "{error}");
    }
}

#[test]
fn foreign_imports_and_missing_exports_are_refused() {
    let wasi = component(&plugin_manifest(&[]), &["wasi:cli/environment@0.2.0"], RENDER);
    let error = admitted(&wasi, &[]).unwrap_err();
    assert!(
        matches!(&error, LoadError::ForeignImport { import, .. } if import.starts_with("wasi:")),
        "{error}"
    );
    let other = component(&plugin_manifest(&[]), &[], "windlass:plugin/validate@0.1.0");
    assert!(matches!(admitted(&other, &[]), Err(LoadError::MissingExport { .. })));
    let validator = Manifest {
        world: World::Validator,
        ..plugin_manifest(&[])
    };
    admitted(&component(&validator, &[], "windlass:plugin/validate@0.1.0"), &[]).unwrap();
}

#[test]
fn a_manifest_that_is_too_large_is_not_read() {
    let manifest = Manifest {
        description: "d".repeat(limits::MANIFEST_BYTES),
        ..plugin_manifest(&[])
    };
    let error = inspect(&component(&manifest, &[], RENDER)).unwrap_err();
    assert!(error.to_string().ends_with("it has more than 1048576 bytes"), "{error}");
}
