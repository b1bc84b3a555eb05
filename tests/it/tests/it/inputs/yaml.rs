//! Manifests as they are: bombs, depth, width, and bytes that are no text.

use super::siege::{Attack, withstand};
use crate::sandbox::config_map;

const TOO_MUCH: &str = "too-much-yaml";
const INVALID: &str = "invalid-yaml";

/// `a0` is nine words, `aN` is nine times what `aN-1` is.
pub(super) fn laughs(levels: usize) -> String {
    let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for level in 1..levels {
        let nine = vec![format!("*a{}", level - 1); 9].join(",");
        text.push_str(&format!("a{level}: &a{level} [{nine}]\n"));
    }
    text
}

/// Maps that merge nine maps, which merge nine maps.
fn merges() -> String {
    let mut text = String::from("m0: &m0 {k0: 1}\n");
    for level in 1..12 {
        let nine = vec![format!("*m{}", level - 1); 9].join(",");
        text.push_str(&format!("m{level}: &m{level} {{<<: [{nine}], k{level}: 1}}\n"));
    }
    text
}

/// One long text, used again and again.
fn echo() -> String {
    let all = vec!["*a"; 400].join(",");
    format!("a: &a \"{}\"\nb: [{all}]\n", "x".repeat(4 << 20))
}

fn nested_blocks(levels: usize) -> String {
    (0..levels).map(|level| format!("{}a:\n", " ".repeat(level))).collect()
}

fn object(name: &str, below: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n{below}")
}

fn labels(value: &str) -> String {
    let lines: String = (0..100_000).map(|n| format!("    label-{n}: {value}\n")).collect();
    object("first", &format!("  labels:\n{lines}"))
}

fn list_of_numbers() -> String {
    format!(
        "apiVersion: v1\nkind: List\nitems: [{}]\n",
        vec!["1"; 100_000].join(",")
    )
}

#[test]
fn bombs() {
    withstand(&[
        Attack::new("laughs", "x.yaml", laughs(12)).told_as(TOO_MUCH, &["aliases", "200000 nodes"], "x.yaml"),
        Attack::new("merges", "x.yaml", merges()).told_as(TOO_MUCH, &["200000 nodes"], "x.yaml"),
        Attack::new("echo", "x.yaml", echo()).told_as(TOO_MUCH, &["268435456 bytes"], "x.yaml"),
        Attack::new(
            "tiny-json",
            "x.json",
            format!("[{}]", vec![r#"{"":1}"#; 800_000].join(",")),
        )
        .told_as(TOO_MUCH, &["512 MiB"], "x.json"),
        Attack::new("flow", "x.yaml", "[".repeat(100_000)).told_as(TOO_MUCH, &["200 levels"], "x.yaml"),
        Attack::new("blocks", "x.yaml", nested_blocks(1_000)).told_as(TOO_MUCH, &["200 levels"], "x.yaml"),
        Attack::new("json", "x.json", "[".repeat(100_000)).told_as("invalid-json", &["recursion limit"], "x.json"),
    ]);
}

#[test]
fn width() {
    withstand(&[
        Attack::new(
            "documents",
            "x.yaml",
            config_map("a", "1") + &"---\na: 1\n".repeat(50_000),
        )
        .told_as("plugin-stopped", &["yaml@", "emits more than 50000 documents"], ""),
        Attack::new("labels", "x.yaml", labels("1")).told_as("not-a-string", &["`metadata.labels.label-0`"], "x.yaml"),
        Attack::new("many-labels", "x.yaml", labels("\"1\"")),
        Attack::new("numbers", "x.yaml", list_of_numbers()).told_as("not-an-object", &["found a number"], "x.yaml"),
        Attack::new("same", "x.yaml", (config_map("a", "1") + "---\n").repeat(2_000)).told_as(
            "duplicate-object",
            &["ConfigMap a"],
            "x.yaml",
        ),
    ]);
}

#[test]
fn bytes_that_are_no_text_and_numbers_that_are_none() {
    let huge = format!("data:\n  n: {}\n", "9".repeat(100_000));
    withstand(&[
        Attack::new("nul", "x.yaml", config_map("a", "\0")).told_as(INVALID, &[], "x.yaml"),
        Attack::new("escape", "x.yaml", object("a", "data: {a: \u{1b}[31m}\n")).told_as(INVALID, &[], "x.yaml"),
        Attack::new(
            "not-utf8",
            "x.yaml",
            [config_map("a", "1").into_bytes(), vec![0xff]].concat(),
        )
        .told_as("not-utf8", &["0xff"], "x.yaml"),
        Attack::new("utf16", "x.yaml", b"\xff\xfea\0:\0".to_vec()).told_as("not-utf8", &["UTF-16"], "x.yaml"),
        Attack::new("twice", "x.yaml", config_map("a", "1") + "  value: \"2\"\n").told_as(
            INVALID,
            &["duplicate", "value"],
            "x.yaml",
        ),
        Attack::new(
            "twice-json",
            "x.json",
            r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "name": "b"}}"#,
        )
        .told_as("invalid-json", &["duplicate", "name"], "x.json"),
        Attack::new("huge-number", "x.yaml", object("a", &huge)).told_as(INVALID, &["non-finite"], "x.yaml"),
        Attack::new("exponent", "x.yaml", object("a", "spec: {n: 1e999999999}\n")).told_as(INVALID, &[], "x.yaml"),
        Attack::new("exponent-json", "x.json", r#"{"n": 1e999999999}"#).told_as("invalid-json", &["number"], "x.json"),
        Attack::new("marked", "x.yaml", format!("\u{feff}{}", config_map("first", "2"))),
        Attack::new("windows", "x.yaml", config_map("first", "2").replace('\n', "\r\n")),
        Attack::new("unicode-ends", "x.yaml", config_map("first", "a\u{2028}b\u{85}c")),
    ]);
}
