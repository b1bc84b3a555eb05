//! Components that must not be loaded, or must not do harm while they are.

use std::{fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use proptest::{
    prelude::{Strategy as _, any},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use windlass_host::{
    CallError, CallLimits, Cancel, Host, HostOptions, LoadError, LoadOptions, NotAComponent, Plugin, limits,
    read_component,
};

use super::{
    super::{Memory, component, request},
    Attack, guest, host, refused,
};
use crate::sandbox;

const RENDER: &str = "(instance $e) (export \"windlass:plugin/render@0.1.0\" (instance $e))";

#[test]
fn an_import_that_was_not_granted_is_refused() {
    let grant = format!("(component (import \"windlass:plugin/cluster@0.1.0\" (instance)) {RENDER})");
    let error = refused(&guest::of_component("wants-the-cluster", &grant));
    assert!(matches!(error, LoadError::NotAsked { .. }), "{error}");
    assert!(error.to_string().starts_with("plugin wants-the-cluster@"), "{error}");
    for import in [
        "wasi:filesystem/types@0.2.0",
        "wasi:sockets/tcp@0.2.0",
        "windlass:pluginx/log@0.1.0",
    ] {
        let foreign = format!("(component (import \"{import}\" (instance)) {RENDER})");
        let error = refused(&guest::of_component("wants-more", &foreign));
        assert!(matches!(error, LoadError::ForeignImport { .. }), "{error}");
        assert!(error.to_string().contains(import), "{error}");
    }
    // An interface of the contract that this world is not given: granted to nobody, served by nobody.
    let unknown = format!("(component (import \"windlass:plugin/shell@0.1.0\" (instance)) {RENDER})");
    let error = refused(&guest::of_component("wants-a-shell", &unknown));
    assert!(
        matches!(error, LoadError::Mismatch { .. } | LoadError::Invalid { .. }),
        "{error}"
    );
}

#[test]
fn an_export_of_other_types_is_refused_before_it_is_called() {
    let error = refused(&guest::of_component(
        "exports-nothing",
        &format!("(component {RENDER})"),
    ));
    assert!(matches!(error, LoadError::Mismatch { .. }), "{error}");
    assert!(error.to_string().starts_with("plugin exports-nothing@"), "{error}");
}

#[test]
fn a_component_that_is_cut_off_is_refused_at_every_length() {
    let whole = guest::hostile("honest");
    let host = host();
    for length in (0..whole.len()).step_by(7) {
        let error = host.load(&whole[..length], &LoadOptions::default()).unwrap_err();
        assert!(
            matches!(error, LoadError::NotAPlugin { .. } | LoadError::Invalid { .. }),
            "{length}: {error:?}"
        );
    }
}

/// Whatever is flipped: no panic, no failure that blames the engine, and what loads still does no harm.
#[test]
fn a_component_with_flipped_bits_is_refused_or_harmless() {
    let whole = guest::hostile("honest");
    let dir = tempfile::tempdir().unwrap();
    let host = private_host(dir.path());
    let honest = host.load(&whole, &LoadOptions::default()).unwrap();
    let request = request(Memory::of(&[("a", "1")]).tree(""));
    let limits = CallLimits {
        time: std::time::Duration::from_millis(500),
        ..CallLimits::default()
    };
    let render = |plugin: &Arc<Plugin>| host.render(plugin, &request, &limits, &Cancel::default()).result;
    let flips = proptest::collection::vec((any::<proptest::sample::Index>(), 0_u8..8), 1..4);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(80)
    };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let ran = runner.run(&flips.prop_map(move |flips| flipped(&whole, &flips)), |bytes| {
        match host.load(&bytes, &LoadOptions::default()) {
            Err(LoadError::Host { source, .. }) => panic!("the host's fault: {source}"),
            Err(_) => {}
            Ok(plugin) => match render(&plugin) {
                Ok(output) => assert!(output.documents.is_empty()),
                Err(CallError::Host { source, .. }) => panic!("the host's fault: {source}"),
                Err(_) => {}
            },
        }
        Ok(())
    });
    ran.unwrap();
    render(&honest).unwrap();
}

fn flipped(whole: &[u8], flips: &[(proptest::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for (place, bit) in flips {
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
    }
    bytes
}

fn private_host(cache: &std::path::Path) -> Host {
    let worker = windlass_host::WorkerCommand {
        program: sandbox::WINDLASS.into(),
        arguments: vec!["worker".into()],
    };
    let options = HostOptions {
        cache_dir: cache.to_owned(),
        worker,
        workers: 1,
    };
    Host::new(options).unwrap()
}

fn artefact(cache: &std::path::Path) -> std::path::PathBuf {
    let names = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
    names
        .into_iter()
        .find(|path| path.extension().is_some_and(|e| e == "cwasm"))
        .unwrap()
}

#[test]
fn machine_code_is_no_plugin() {
    let dir = tempfile::tempdir().unwrap();
    private_host(dir.path())
        .load(&guest::hostile("honest"), &LoadOptions::default())
        .unwrap();
    let error = refused(&fs::read(artefact(dir.path())).unwrap());
    let LoadError::NotAPlugin { source, .. } = &error else {
        panic!("{error:?}")
    };
    assert!(matches!(source, NotAComponent::Precompiled), "{source}");
}

#[test]
fn a_tampered_cache_entry_is_compiled_again() {
    let dir = tempfile::tempdir().unwrap();
    let honest = guest::hostile("honest");
    drop(private_host(dir.path()).load(&honest, &LoadOptions::default()).unwrap());
    let path = artefact(dir.path());
    let code = fs::read(&path).unwrap();
    let elsewhere = dir.path().join("elsewhere");
    let replace = |change: &dyn Fn()| {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        change();
        let host = private_host(dir.path());
        let plugin = host.load(&honest, &LoadOptions::default()).unwrap();
        let request = request(Memory::of(&[("a", "1")]).tree(""));
        host.render(&plugin, &request, &CallLimits::default(), &Cancel::default())
            .result
            .unwrap();
        assert_eq!(fs::read(artefact(dir.path())).unwrap(), code);
        assert!(!artefact(dir.path()).is_symlink());
    };
    replace(&|| fs::write(&path, b"\x7fELF, but not ours").unwrap());
    replace(&|| fs::write(&path, b"").unwrap());
    replace(&|| {
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    });
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.wasm");
    fs::File::create(&path)
        .unwrap()
        .set_len(limits::COMPONENT_BYTES + 1)
        .unwrap();
    let error = read_component(&path).unwrap_err();
    assert!(matches!(error, LoadError::TooLarge { .. }), "{error}");
    assert!(error.to_string().contains("more than the 134217728"), "{error}");
}

#[test]
fn a_guest_of_the_tests_is_harmless_where_it_is_honest() {
    let attack = Attack::by("honest");
    assert!(attack.call().result.unwrap().documents.is_empty());
    assert!(component("guest-probe").is_file());
}
