//! Components that take the compiler for ever, or all of its memory: bounded, remembered, and nobody else waits for them.

use std::{
    fmt::Write as _,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use windlass_host::{CompileLimits, Host, HostOptions, LoadError, LoadOptions, WorkerCommand};

use super::guest;
use crate::sandbox;

fn host(cache: &Path, limits: CompileLimits) -> Host {
    let worker = WorkerCommand {
        program: sandbox::WINDLASS.into(),
        arguments: vec!["worker".into()],
    };
    let options = HostOptions {
        cache_dir: cache.to_owned(),
        worker,
        workers: 1,
    };
    Host::new(options).unwrap().with_compile_limits(limits)
}

/// One function of many locals and many joins, each of which every local may reach with another value: their product is
/// what the compiler has to look at.
fn quadratic(locals: usize, joins: usize) -> Vec<u8> {
    let mut text = String::from("(module (memory (export \"memory\") 1)\n");
    text.push_str("(func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable)\n");
    text.push_str("(func (export \"windlass:plugin/render@0.1.0#render\") (param i32 i32) (result i32) (local");
    (0..locals).for_each(|_| text.push_str(" i32"));
    text.push_str(")\n(loop $all\n");
    for join in 0..joins {
        let _ = writeln!(
            text,
            "(block (br_if 0 (local.get 0)) (local.set {} (i32.add (local.get {}) (local.get 1))))",
            2 + join % locals,
            2 + (join * 7 + 1) % locals,
        );
    }
    text.push_str("(br_if $all (local.get 1)))\n");
    for local in 0..locals {
        let _ = writeln!(text, "(local.set 0 (i32.add (local.get 0) (local.get {})))", local + 2);
    }
    text.push_str("(local.get 0)))");
    guest::of_module("takes-for-ever-to-compile", &text)
}

#[test]
fn one_that_takes_for_ever_is_ended_and_nobody_waits_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let limits = CompileLimits {
        at_once: 2,
        processor: Duration::from_secs(2),
        ..CompileLimits::default()
    };
    let host = Arc::new(host(dir.path(), limits));
    let slow = quadratic(10_000, 20_000);
    std::thread::scope(|scope| {
        let hostile = scope.spawn(|| {
            let begin = Instant::now();
            let error = host.load(&slow, &LoadOptions::default()).unwrap_err();
            (error, begin.elapsed())
        });
        std::thread::sleep(Duration::from_millis(300));
        host.load(&guest::hostile("honest"), &LoadOptions::default()).unwrap();
        assert!(!hostile.is_finished(), "the honest one waited for the hostile one");
        let (error, _) = hostile.join().unwrap();
        assert!(matches!(error, LoadError::CompileTime { seconds: 2, .. }), "{error:?}");
        let text = error.to_string();
        assert!(
            text.starts_with("plugin takes-for-ever-to-compile@")
                && text.ends_with("needs more than 2 s of processor time to be compiled"),
            "{text}"
        );
    });
    // It is remembered: the next app that wants it does not pay again.
    let begin = Instant::now();
    let again = host.load(&slow, &LoadOptions::default()).unwrap_err();
    assert!(matches!(again, LoadError::CompileTime { .. }), "{again:?}");
    assert!(begin.elapsed() < Duration::from_millis(900), "{:?}", begin.elapsed());
}

#[test]
fn one_that_waits_for_ever_is_ended_by_the_clock() {
    let dir = tempfile::tempdir().unwrap();
    let limits = CompileLimits {
        time: Duration::from_millis(700),
        ..CompileLimits::default()
    };
    let error = host(dir.path(), limits)
        .load(&quadratic(10_000, 20_000), &LoadOptions::default())
        .unwrap_err();
    assert!(matches!(error, LoadError::CompileTime { .. }), "{error:?}");
}

#[test]
fn one_that_takes_all_memory_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let limits = CompileLimits {
        memory: 24 << 20,
        ..CompileLimits::default()
    };
    let host = host(dir.path(), limits);
    let error = host
        .load(&quadratic(5_000, 10_000), &LoadOptions::default())
        .unwrap_err();
    assert!(matches!(error, LoadError::CompileMemory { .. }), "{error:?}");
    assert!(error.to_string().contains("25165824 bytes"), "{error}");
}

#[test]
fn one_that_compiles_to_too_much_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let limits = CompileLimits {
        artefact: 4096,
        ..CompileLimits::default()
    };
    let error = host(dir.path(), limits)
        .load(&guest::hostile("honest"), &LoadOptions::default())
        .unwrap_err();
    assert!(matches!(error, LoadError::Invalid { .. }), "{error:?}");
    assert!(error.to_string().ends_with("bytes, more than 4096"), "{error}");
}
