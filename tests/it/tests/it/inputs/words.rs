//! What strangers write and people read: it must say what it says and do nothing else.

use std::fs;

use super::{
    history::{self, Content},
    siege::assert_harmless,
};
use crate::sandbox::Sandbox;

/// Moves the cursor, sets a title, asks the terminal to answer, and turns the line around.
const ARMED: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}6n\u{202e}\u{2066}\u{7f}\r";

fn armed_apps() -> Sandbox {
    let sandbox = Sandbox::new();
    // In double quotes, YAML and Jsonnet make the characters out of escapes.
    let escaped: String = ARMED.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    let chart = format!("apiVersion: v2\nname: \"c{escaped}\"\nversion: 1.0.0\n");
    let object = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: \"n{escaped}\"}}\n");
    let files: [(&str, String); 7] = [
        ("object/a.yaml", object),
        ("chart/Chart.yaml", chart),
        ("chart/templates/a.yaml", "{{ fail \"x\" }}".to_owned()),
        (
            "fail/Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 1.0.0\n".to_owned(),
        ),
        ("fail/templates/a.yaml", format!("{{{{ fail \"said {escaped}\" }}}}")),
        ("raise/main.jsonnet", format!("error 'said {escaped}'")),
        ("base/kustomization.yaml", format!("resources: [\"n{escaped}\"]\n")),
    ];
    history::commit(
        &sandbox.repo(),
        files.into_iter().map(|(path, text)| (path, Content::from(text))),
    );
    let names = ["object", "chart", "fail", "raise", "base"];
    let specs: Vec<String> = names.iter().map(|name| format!("  path: {name}\n")).collect();
    let apps: Vec<(&str, &str)> = names
        .iter()
        .zip(&specs)
        .map(|(name, spec)| (*name, spec.as_str()))
        .collect();
    sandbox.config(&apps);
    sandbox
}

#[test]
fn no_verb_repeats_what_acts_on_a_terminal() {
    let sandbox = armed_apps();
    let target = format!("dir:{}", sandbox.out().display());
    for verb in [
        ["sync", "-o", "table"],
        ["sync", "-o", "json"],
        ["diff", "-o", "text"],
        ["diff", "-o", "json"],
    ] {
        let output = sandbox.windlass(&[verb[0], "windlass.yaml", "--target", &target, "-vv", verb[1], verb[2]]);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        for word in ["invalid-name", "said"] {
            assert!(said.contains(word), "{verb:?}: no `{word}` in {said}");
        }
        assert_harmless(&said);
    }
}

#[test]
fn what_a_program_reads_says_the_same() {
    let sandbox = armed_apps();
    let synced = sandbox.sync(&[]);
    let said = synced.report("raise")["diagnostics"][0]["message"]
        .as_str()
        .unwrap_or_default();
    assert_eq!(said, format!("said {ARMED}"));
}

#[test]
fn a_configuration_is_told_without_its_power() {
    let sandbox = Sandbox::new();
    let text = format!("apiVersion: windlass.dev/v1alpha1\nkind: \"x{}\"\n", "\\e[2J\\u202e");
    fs::write(sandbox.path().join("windlass.yaml"), text).unwrap();
    let output = sandbox.windlass(&["sync", "windlass.yaml", "--target", "dir:out"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("windlass.yaml:2"), "{said}");
    assert_harmless(&said);
}
