//! File names that no file should have, links that lead in circles, and trees that no work tree could hold.

use std::fs;

use super::{
    history::{self, Content, entry},
    large::three_seconds,
    siege::{Attack, assert_harmless, withstand},
};
use crate::sandbox::{Sandbox, config_map};

const BROKEN: &str = "a: [\n";

#[test]
fn names_are_told_without_their_power() {
    withstand(&[
        Attack::new("escapes", "\u{1b}[2J\u{9b}31m\u{202e}lmay.yaml", BROKEN).told_as("invalid-yaml", &[], None),
        Attack::new("new-line", "a\nerror: b.yaml", BROKEN).told_as("invalid-yaml", &[], None),
        Attack::new("long", &format!("{}.yaml", "n".repeat(4_000)), BROKEN).told_as("invalid-yaml", &[], None),
        Attack::new("too-long", &format!("{}.yaml", "n".repeat(5_000)), BROKEN).told_as(
            "unreadable-file",
            &["no path"],
            None,
        ),
        Attack::new("x", "ok.yaml", config_map("ok", "1"))
            .and(b"\xff.yaml", BROKEN)
            .told_as("bad-name", &["\\xff.yaml"], None),
    ]);
}

#[test]
fn links_in_circles_and_out_of_the_tree() {
    let good = || config_map("first", "2");
    withstand(&[
        Attack::new("ring", "a.yaml", Content::Link("b.yaml"))
            .and("b.yaml", Content::Link("a.yaml"))
            .told_as("broken-link", &["`ring/a.yaml`"], "a.yaml"),
        Attack::new("out", "a.yaml", Content::Link("../../etc/passwd")).told_as(
            "broken-link",
            &["out of the repository"],
            "a.yaml",
        ),
        Attack::new("absolute", "a.yaml", Content::Link("/etc/passwd")).told_as(
            "broken-link",
            &["out of the repository"],
            "a.yaml",
        ),
        Attack::new("folder-ring", "first.yaml", good())
            .and("down", Content::Link("."))
            .and("up.yaml", Content::Link("..")),
    ]);
}

/// A tree that holds itself ten times, ten levels deep: ten billion files in eleven objects.
#[test]
fn a_tree_of_ten_billion_files_ends_at_a_budget() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let blob = history::object(&repo, "blob", config_map("first", "1").as_bytes());
    let file = entry(b"100644 a.yaml", &blob);
    let good = history::object(&repo, "tree", &file);
    let mut tree = good.clone();
    for _ in 0..10 {
        let ten = (0..10).flat_map(|n| entry(format!("40000 {n}").as_bytes(), &tree));
        tree = history::object(&repo, "tree", &ten.chain(file.clone()).collect::<Vec<u8>>());
    }
    let root = [entry(b"40000 bomb", &tree), entry(b"40000 good", &good)].concat();
    history::commit_tree(&repo, &history::object(&repo, "tree", &root));
    let config = sandbox.config(&[("bomb", "  path: bomb\n"), ("good", "  path: good\n")]);
    let text = fs::read_to_string(&config).unwrap() + &three_seconds("yaml");
    fs::write(config, text).unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.health("bomb"), synced.health("good")),
        ("failed", "healthy"),
        "{synced:?}"
    );
    let said = synced.report("bomb")["diagnostics"][0]["message"]
        .as_str()
        .unwrap_or_default();
    assert!(said.contains("yaml@") && said.contains("longer than 3 s"), "{said}");
}

/// What a checkout would refuse: `.git`, `..`, a slash, and one name twice.
#[test]
fn trees_that_no_checkout_takes_are_refused_or_harmless() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repo();
    let blob = history::object(&repo, "blob", config_map("first", "1").as_bytes());
    let hostile: [(&str, &[&[u8]]); 4] = [
        ("dot-git", &[b"100644 .git", b"100644 a.yaml"]),
        ("dots", &[b"100644 ..", b"100644 a.yaml"]),
        ("slash", &[b"100644 ../../a.yaml"]),
        ("twice", &[b"100644 a.yaml", b"100644 a.yaml"]),
    ];
    let mut root = Vec::new();
    for (name, entries) in hostile {
        let bytes: Vec<u8> = entries.iter().flat_map(|head| entry(head, &blob)).collect();
        let tree = history::object(&repo, "tree", &bytes);
        root.extend(entry(format!("40000 {name}").as_bytes(), &tree));
    }
    history::commit_tree(&repo, &history::object(&repo, "tree", &root));
    let apps: Vec<(&str, String)> = hostile
        .iter()
        .map(|(name, _)| (*name, format!("  path: {name}\n")))
        .collect();
    let apps: Vec<(&str, &str)> = apps.iter().map(|(name, spec)| (*name, spec.as_str())).collect();
    sandbox.config(&apps);
    let synced = sandbox.sync(&[]);
    for (name, health) in [
        ("dot-git", "healthy"),
        ("dots", "healthy"),
        ("slash", "failed"),
        ("twice", "failed"),
    ] {
        assert_eq!(synced.health(name), health, "{}", synced.report(name));
    }
    for name in ["slash", "twice"] {
        let said = synced.report(name)["diagnostics"][0].to_string();
        assert!(said.contains("damaged"), "{said}");
    }
    let escaped = sandbox.path().join("a.yaml");
    assert!(!escaped.exists() && fs::read_dir(sandbox.path()).unwrap().count() < 7);
}

/// The same names on this machine's disk.
#[test]
fn a_local_folder_of_such_names_is_rendered_without_their_power() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path().join("\u{1b}]0;title\u{7}");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("\u{202e}a\u{1b}[31m.yaml"), "a: [\n").unwrap();
    std::os::unix::fs::symlink(".", folder.join("ring")).unwrap();
    for format in ["yaml", "json"] {
        let output = sandbox.windlass(&["render", folder.to_str().unwrap(), "-o", format, "--explain", "-vv"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("error[invalid-yaml]"), "{said}");
        assert_harmless(&said);
        assert_harmless(&String::from_utf8_lossy(&output.stdout));
    }
}
