//! CONFIG itself as a bomb: it is refused in a moment, at its line, with exit code 2.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{siege::assert_harmless, yaml::laughs};
use crate::sandbox::Sandbox;

/// A debug build takes some two seconds here, and ten times that on a machine with ten times its load.
const MOMENT: Duration = Duration::from_secs(90);

fn assert_refused(what: &str, text: &str, words: &[&str]) {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path().join("windlass.yaml"), text).expect("a file");
    let started = Instant::now();
    let output = sandbox.windlass(&["sync", "windlass.yaml", "--target", "dir:out"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{what}: {said}");
    assert!(started.elapsed() < MOMENT, "{what} took {:?}", started.elapsed());
    assert!(said.contains("windlass.yaml:"), "{what}: {said}");
    for word in words {
        assert!(said.contains(word), "{what}: no `{word}` in {said}");
    }
    assert_harmless(&said);
    assert!(said.len() < 200_000, "{what}: {} bytes", said.len());
}

#[test]
fn bombs_are_refused_at_their_line() {
    assert_refused("laughs", &laughs(12), &["200000 nodes"]);
    assert_refused("depth", &"[".repeat(100_000), &["200 levels"]);
    let wrong = "---\napiVersion: windlass.dev/v1alpha1\nkind: Nothing\n".repeat(20_000);
    assert_refused(
        "twenty thousand mistakes",
        &wrong,
        &["kind `Nothing`", "windlass.yaml:3:"],
    );
    assert_refused("documents", &"--- a\n".repeat(60_000), &["50000 documents"]);
    assert_refused("nul", "apiVersion: \"a\0\"\n", &[]);
}
