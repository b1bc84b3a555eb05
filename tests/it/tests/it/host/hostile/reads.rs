//! Attacks by paths, and by what is made of refusals.

use serde_json::{Value, json};
use windlass_core::trace::Query;
use windlass_host::{Blame, HostFailure};

use super::{super::Probe, host_failure};

const FILES: &[(&str, &str)] = &[
    ("app/a.yaml", "a: 1\n"),
    ("etc/passwd", "the repository's own"),
    ("app/out", "→ /etc/passwd"),
    ("app/up", "→ ../../../../etc/passwd"),
    ("app/inside", "→ ../etc/passwd"),
    ("app/ring", "→ ring"),
    ("app/proc", "→ /proc/self/environ"),
];

fn reads(probe: &Probe, paths: &[&str]) -> Value {
    probe.answers(&json!({"mode": "read-all", "paths": paths}))
}

#[test]
fn no_path_leads_out_of_the_tree() {
    let probe = Probe::over(FILES);
    let long = "x/".repeat(3000) + "x";
    let invalid = [
        "..",
        "../etc/passwd",
        "app/../../etc/passwd",
        "/etc/passwd",
        "//etc/passwd",
        "app//a.yaml",
        "app/./a.yaml",
        "app/a.yaml/",
        "./app",
        "app/a.yaml\0.txt",
        &long,
    ];
    for (path, answer) in reads(&probe, &invalid).as_object().unwrap() {
        assert_eq!(answer["refused"], "invalid-path", "{path:?}");
    }
    let links = reads(&probe, &["app/out", "app/up", "app/proc", "app/ring"]);
    for (path, answer) in links.as_object().unwrap() {
        assert_eq!(answer["refused"], "denied", "{path:?}");
    }
    let odd = [
        "etc\\passwd",
        "%2e%2e/etc/passwd",
        "app/\u{202e}",
        "C:\\a",
        "~",
        "app/a.yaml\n",
        "\u{ff0e}\u{ff0e}/x",
    ];
    for (path, answer) in reads(&probe, &odd).as_object().unwrap() {
        assert_eq!(answer["refused"], "not-found", "{path:?}");
    }
    assert_eq!(
        reads(&probe, &["app/inside"])["app/inside"]["text"],
        "the repository's own"
    );
    probe.assert_alive();
}

#[test]
fn patterns_and_other_questions_stay_inside_too() {
    let probe = Probe::over(FILES);
    for (pattern, base) in [("../**", ""), ("/etc/*", ""), ("**/passwd", "app")] {
        let found = probe.answers(&json!({"mode": "glob", "paths": [base], "pattern": pattern}));
        assert_eq!(found[base]["paths"], json!([]), "{pattern}: {found}");
    }
    for mode in ["list", "canonical", "digest", "stat", "glob"] {
        let found = probe.answers(&json!({"mode": mode, "paths": ["../..", "/"]}));
        assert!(
            found
                .as_object()
                .unwrap()
                .values()
                .all(|a| a["refused"] == "invalid-path"),
            "{mode}: {found}"
        );
    }
    let named = probe.answers(&json!({"mode": "source", "from": "../other"}));
    assert_eq!(named, Value::Null);
}

#[test]
fn a_swallowed_refusal_is_recorded() {
    let probe = Probe::over(FILES);
    let outcome = probe.call(&json!({"mode": "swallow", "paths": ["app/a.yaml", "missing", "app/out"]}));
    let asked = |path: &str| {
        let read = |query: &Query| matches!(query, Query::Read { path: read, .. } if read == path);
        outcome.trace.facts().iter().any(|fact| read(&fact.query))
    };
    assert!(asked("app/a.yaml") && asked("missing") && asked("app/out"));
    assert_eq!(outcome.result.as_ref().unwrap().documents.len(), 1);
}

#[test]
fn what_ends_a_call_can_not_be_swallowed() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    let probe = Probe::over(&[("a", "a: 1\n"), ("lfs", pointer), ("sub", "⊂")]);
    for path in ["lfs", "sub/x"] {
        let outcome = probe.call(&json!({"mode": "swallow", "paths": ["a", path, "a"]}));
        assert_eq!(outcome.result.as_ref().unwrap_err().blame(), Blame::User);
        assert!(matches!(host_failure(outcome), HostFailure::Tree { .. }));
        probe.assert_alive();
    }
}
