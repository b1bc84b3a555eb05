//! Tables of cases: a file a group, a document a case.

use serde::Deserialize;
use serde_json::Value;

use super::{State, assess};
use crate::yaml;

const TABLES: [(&str, &str); 7] = [
    ("core.yaml", include_str!("tests/core.yaml")),
    ("apps.yaml", include_str!("tests/apps.yaml")),
    ("batch.yaml", include_str!("tests/batch.yaml")),
    ("autoscaling.yaml", include_str!("tests/autoscaling.yaml")),
    ("extensions.yaml", include_str!("tests/extensions.yaml")),
    ("others.yaml", include_str!("tests/others.yaml")),
    ("data.yaml", include_str!("tests/data.yaml")),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    case: String,
    state: State,
    #[serde(default)]
    reason: Option<String>,
    /// Part of the message.
    #[serde(default)]
    says: Option<String>,
    object: Value,
}

fn cases() -> Vec<(String, Case)> {
    let mut all = Vec::new();
    for (file, text) in TABLES {
        for document in yaml::parse(text).unwrap_or_else(|error| panic!("{file}: {error}")) {
            let cases: Vec<Case> =
                serde_json::from_value(document.value).unwrap_or_else(|error| panic!("{file}: {error}"));
            all.extend(cases.into_iter().map(|case| (format!("{file}: {}", case.case), case)));
        }
    }
    all
}

#[test]
fn every_case_is_told_as_its_table_says() {
    let mut wrong = Vec::new();
    for (name, case) in cases() {
        let verdict = assess(&case.object);
        let fits = verdict.state == case.state
            && case.reason.as_ref().is_none_or(|reason| *reason == verdict.reason)
            && case
                .says
                .as_ref()
                .is_none_or(|words| verdict.message.contains(words.as_str()));
        if !fits {
            wrong.push(format!("{name}: {verdict:?}"));
        }
        assert!(!verdict.message.is_empty(), "{name} says nothing");
        let needs_reason = !matches!(verdict.state, State::Healthy);
        assert_eq!(needs_reason, !verdict.reason.is_empty(), "{name}: {verdict:?}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whatever a kind: deletion and a controller that is behind come first.
#[test]
fn deletion_and_the_last_change_come_before_any_rule() {
    for (name, case) in cases() {
        let mut object = case.object;
        object["metadata"]["generation"] = 7.into();
        object["status"]["observedGeneration"] = 6.into();
        assert_eq!(assess(&object).reason, "LatestGenerationNotObserved", "{name}");
        object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert_eq!(assess(&object).state, State::Terminating, "{name}");
    }
}

/// Objects come from clusters that anybody may write to: nothing in them ends the engine.
#[test]
fn odd_shapes_do_no_harm() {
    let odd = [
        Value::Null,
        Value::from(1),
        Value::from("x"),
        Value::from(vec![1]),
        serde_json::json!({"a": 1}),
    ];
    for (_, case) in cases() {
        for odd in &odd {
            for pointer in [
                "/status",
                "/status/conditions",
                "/spec",
                "/metadata",
                "/kind",
                "/apiVersion",
            ] {
                let mut object = case.object.clone();
                if let Some(place) = object.pointer_mut(pointer) {
                    *place = odd.clone();
                    drop(assess(&object));
                }
            }
        }
    }
    odd.iter().for_each(|odd| drop(assess(odd)));
}
