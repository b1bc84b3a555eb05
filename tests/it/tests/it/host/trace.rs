//! What a call asked is recorded, in order, and decides whether its render is still valid.

use serde_json::json;
use windlass_core::trace::Query;
use windlass_host::facts::answer_digest;

use super::{Memory, Probe};

const FILES: &[(&str, &str)] = &[
    ("app/a.yaml", "a: 1\n"),
    ("app/b/c.txt", "see"),
    ("link", "→ app/a.yaml"),
    ("x.bin", "0123456789"),
];

fn in_own_tree(query: &Query) -> Option<&str> {
    match query {
        Query::Read { tree, path } | Query::Stat { tree, path } | Query::List { tree, path } if tree.is_empty() => {
            Some(path)
        }
        _ => None,
    }
}

#[test]
fn reads_and_misses_are_recorded_in_order_once() {
    let probe = Probe::over(FILES);
    let paths = ["x.bin", "missing", "app", "link", "x.bin", "../up"];
    let outcome = probe.call(&json!({"mode": "read", "paths": paths, "max": 4}));
    let answers = super::answers(outcome.result.as_ref().unwrap());
    assert_eq!(answers["x.bin"], json!({"text": "0123"}));
    assert_eq!(answers["missing"], json!({"refused": "not-found"}));
    assert_eq!(answers["app"], json!({"refused": "wrong-kind"}));
    assert_eq!(answers["../up"], json!({"refused": "invalid-path"}));
    let reads: Vec<&str> = outcome
        .trace
        .facts()
        .iter()
        .filter_map(|fact| in_own_tree(&fact.query))
        .collect();
    assert_eq!(reads, ["x.bin", "missing", "app", "link", "../up"]);
    assert!(outcome.stats.read_bytes > 0);
}

#[test]
fn a_file_in_chunks_and_a_listing_in_pages_are_one_fact_each() {
    let big = "x".repeat(20 << 20);
    let many: Vec<(String, &str)> = (0..9000)
        .map(|n| (format!("many/{n:05}-{}", "n".repeat(40)), "1"))
        .collect();
    let mut files: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    files.push(("big", &big));
    let probe = Probe::over(&files);
    let outcome = probe.call(&json!({"mode": "read-all", "paths": ["big"]}));
    let reads = |query: &Query| matches!(query, Query::Read { path, .. } if path == "big");
    assert_eq!(
        outcome.trace.facts().iter().filter(|fact| reads(&fact.query)).count(),
        1
    );
    assert_eq!(
        super::answers(outcome.result.as_ref().unwrap())["big"]["length"],
        20 << 20
    );
    let outcome = probe.call(&json!({"mode": "list-all", "paths": ["many"]}));
    let lists = |query: &Query| matches!(query, Query::List { path, .. } if path == "many");
    assert_eq!(
        outcome.trace.facts().iter().filter(|fact| lists(&fact.query)).count(),
        1
    );
    assert_eq!(
        super::answers(outcome.result.as_ref().unwrap())["many"]
            .as_array()
            .unwrap()
            .len(),
        9000
    );
}

#[test]
fn a_trace_holds_for_every_tree_that_answers_the_same() {
    let probe = Probe::over(FILES);
    for config in [
        json!({"mode": "read-all", "paths": ["app/a.yaml", "link", "missing"]}),
        json!({"mode": "stat", "paths": ["app", "x.bin", "nothing"]}),
        json!({"mode": "list", "paths": ["app"]}),
        json!({"mode": "glob", "paths": ["app"], "pattern": "**/*.txt"}),
        json!({"mode": "digest", "paths": ["app/b"]}),
        json!({"mode": "canonical", "paths": ["link"]}),
        json!({"mode": "facts", "apis": ["v1"]}),
        json!({"mode": "apis"}),
        json!({"mode": "input"}),
        json!({"mode": "entropy"}),
        json!({"mode": "source", "from": "values"}),
    ] {
        let outcome = probe.call(&config);
        assert!(outcome.trace.facts().len() > 1, "{config}");
        let mut request = probe.request.clone();
        request.config = probe.plugin.check_config(&config).unwrap();
        let mut files = FILES.to_vec();
        files.push(("unrelated/new.yaml", "new: true\n"));
        request.tree = Memory::of(&files).tree("");
        for fact in outcome.trace.facts() {
            assert_eq!(
                answer_digest(&fact.query, &request).unwrap(),
                fact.answer,
                "{:?} of {config}",
                fact.query
            );
        }
    }
}

#[test]
fn a_change_of_what_was_read_is_seen_and_an_edit_of_what_was_listed_is_not() {
    let probe = Probe::over(FILES);
    let changed: Vec<(&str, &str)> = FILES
        .iter()
        .map(|(path, text)| {
            if *path == "app/a.yaml" {
                (*path, "a: 2\n")
            } else {
                (*path, *text)
            }
        })
        .collect();
    let valid = |config: serde_json::Value| {
        let outcome = probe.call(&config);
        let mut request = probe.request.clone();
        request.config = probe.plugin.check_config(&config).unwrap();
        request.tree = Memory::of(&changed).tree("");
        outcome
            .trace
            .facts()
            .iter()
            .all(|fact| answer_digest(&fact.query, &request).unwrap() == fact.answer)
    };
    assert!(!valid(json!({"mode": "read-all", "paths": ["app/a.yaml"]})));
    assert!(!valid(json!({"mode": "read-all", "paths": ["link"]})));
    assert!(!valid(json!({"mode": "digest", "paths": ["app"]})));
    assert!(valid(json!({"mode": "list", "paths": ["app"]})));
    assert!(valid(json!({"mode": "glob", "paths": [""], "pattern": "**/*.yaml"})));
    assert!(valid(json!({"mode": "read-all", "paths": ["x.bin"]})));
}

#[test]
fn the_same_call_leaves_the_same_trace_and_output() {
    let probe = Probe::over(FILES);
    let config = json!({"mode": "read-all", "paths": ["app/a.yaml", "x.bin"]});
    let (first, second) = (probe.call(&config), probe.call(&config));
    assert_eq!(first.trace.digest(), second.trace.digest());
    assert_eq!(first.result.unwrap(), second.result.unwrap());
    assert!(!second.stats.cold);
}
