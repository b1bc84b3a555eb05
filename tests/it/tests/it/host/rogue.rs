//! Workers that lie, hang and die: the engine kills them, says so, and goes on.

use std::time::{Duration, Instant};

use windlass_host::{
    Blame, CallError, CallLimits, Cancel, Host, HostFailure, HostOptions, LoadError, LoadOptions, WorkerCommand,
};

use super::{Memory, component, host, load, request};
use crate::sandbox;

/// How a call ends on a rogue worker; its plugin was compiled by an honest one.
fn call(mode: &str) -> HostFailure {
    drop(load(&host(), "guest-probe"));
    let worker = WorkerCommand {
        program: env!("CARGO_BIN_EXE_rogue").into(),
        arguments: vec![mode.into()],
    };
    let rogue = super::host_with(worker);
    let plugin = load(&rogue, "guest-probe");
    let limits = CallLimits {
        time: Duration::from_millis(300),
        ..CallLimits::default()
    };
    let request = request(Memory::of(&[("a", "1")]).tree(""));
    let begin = Instant::now();
    let error = rogue
        .render(&plugin, &request, &limits, &Cancel::default())
        .result
        .unwrap_err();
    assert!(
        begin.elapsed() < Duration::from_secs(10),
        "{mode}: {:?}",
        begin.elapsed()
    );
    assert_eq!(error.blame(), Blame::Engine, "{mode}");
    match error {
        CallError::Host { source, .. } => source,
        other => panic!("{mode}: {other:?}"),
    }
}

#[test]
fn a_worker_that_breaks_the_protocol_is_killed() {
    for (mode, word) in [
        ("garbage", "can't be decoded"),
        ("huge", "above the limit"),
        ("unknown-tree", "unknown tree `bad`"),
        ("stopped", "was not"),
    ] {
        let failure = call(mode);
        assert!(
            matches!(&failure, HostFailure::Protocol { what } if what.contains(word)),
            "{mode}: {failure}"
        );
    }
}

#[test]
fn a_worker_that_does_not_answer_is_killed() {
    for mode in ["silent", "trickle"] {
        let failure = call(mode);
        assert!(matches!(failure, HostFailure::Unresponsive { .. }), "{mode}: {failure}");
    }
}

#[test]
fn a_worker_that_keeps_dying_is_reported_with_its_last_words() {
    let failure = call("dies");
    assert!(matches!(failure, HostFailure::WorkerDied { .. }), "{failure}");
    let text = failure.to_string();
    assert!(text.contains("exit code 9") && text.contains("going down"), "{text}");
}

#[test]
fn a_worker_that_can_not_start_is_reported() {
    let cache = tempfile::tempdir().unwrap();
    for (program, word) in [
        (env!("CARGO_BIN_EXE_rogue"), "exit code 7"),
        ("/nowhere/windlass", "no worker process"),
    ] {
        let worker = WorkerCommand {
            program: program.into(),
            arguments: vec!["dies-at-once".into()],
        };
        let options = HostOptions {
            cache_dir: cache.path().to_owned(),
            worker,
            workers: 1,
        };
        let error = Host::new(options)
            .unwrap()
            .load_file(&component("guest-probe"), &LoadOptions::default())
            .unwrap_err();
        let LoadError::Host { source, .. } = &error else {
            panic!("{error:?}")
        };
        assert!(source.to_string().contains(word), "{source}");
    }
}

#[test]
fn compiled_code_that_was_changed_is_compiled_again() {
    let cache = tempfile::tempdir().unwrap();
    let open = || {
        let worker = WorkerCommand {
            program: sandbox::WINDLASS.into(),
            arguments: vec!["worker".into()],
        };
        Host::new(HostOptions {
            cache_dir: cache.path().to_owned(),
            worker,
            workers: 1,
        })
        .unwrap()
    };
    let artefact = || {
        let names = std::fs::read_dir(cache.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        names
            .into_iter()
            .find(|path| path.extension().is_some_and(|e| e == "cwasm"))
            .unwrap()
    };
    drop(load(&open(), "guest-probe"));
    let (path, compiled) = (artefact(), std::fs::read(artefact()).unwrap());
    let mut changed = compiled.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, changed).unwrap();
    drop(load(&open(), "guest-probe"));
    assert_eq!(std::fs::read(artefact()).unwrap(), compiled);
}

#[test]
fn processes_that_compile_the_same_plugin_at_once_do_not_disturb_each_other() {
    let cache = tempfile::tempdir().unwrap();
    let open = || {
        let worker = WorkerCommand {
            program: sandbox::WINDLASS.into(),
            arguments: vec!["worker".into()],
        };
        Host::new(HostOptions {
            cache_dir: cache.path().to_owned(),
            worker,
            workers: 1,
        })
        .unwrap()
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| drop(load(&open(), "guest-probe")));
        }
    });
    let artefacts = std::fs::read_dir(cache.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = artefacts
        .map(|name| name.into_string().unwrap())
        .filter(|n| n != "key")
        .collect();
    names.retain(|name| !name.starts_with('.') || name.starts_with(".compiling"));
    assert_eq!(names.len(), 1, "{names:?}");
}
