//! Tables of cases: an object, and what is to be said of it.

use serde_json::{Value, json};
use windlass_sdk::State;

/// An object at generation 2.
pub(crate) fn object(kind: &str, status: &Value) -> Value {
    let (version, kind) = kind.split_once(' ').unwrap();
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": "a", "generation": 2}});
    if status.as_object().is_some_and(|status| !status.is_empty()) {
        object["status"] = status.clone();
    }
    object
}

/// Each by type, status, reason, and the generation that it is about ("" = it doesn't say).
pub(crate) fn conditions(conditions: &[[&str; 4]]) -> Vec<Value> {
    let condition = |[kind, status, reason, generation]: &[&str; 4]| {
        let mut value = json!({"type": kind, "status": status, "reason": reason, "message": format!("{kind} is {status}"),
            "lastTransitionTime": "2026-01-01T00:00:00Z"});
        if let Ok(generation) = generation.parse::<i64>() {
            value["observedGeneration"] = generation.into();
        }
        value
    };
    conditions.iter().map(condition).collect()
}

/// What is expected of an object.
pub(crate) struct Case {
    name: &'static str,
    object: Value,
    state: &'static str,
    why: &'static str,
}

impl Case {
    /// `why`: the reason, and ` at ` with the pointer to what says so.
    pub(crate) fn new(name: &'static str, object: Value, state: &'static str, why: &'static str) -> Self {
        Self {
            name,
            object,
            state,
            why,
        }
    }
}

/// Every case, through the door that the host uses.
pub(crate) fn check(cases: &[Case]) {
    for case in cases {
        let verdict = crate::assess_text(&case.object.to_string());
        let state = match verdict.state {
            State::Healthy => "healthy",
            State::Progressing => "progressing",
            State::Degraded => "degraded",
            State::Suspended => "suspended",
            State::Unknown => "unknown",
        };
        let why = verdict
            .at
            .as_ref()
            .map_or_else(|| verdict.reason.clone(), |at| format!("{} at {at}", verdict.reason));
        assert_eq!(
            (state, why.as_str()),
            (case.state, case.why),
            "{}: {}",
            case.name,
            verdict.message
        );
        assert!(!verdict.message.is_empty(), "{}", case.name);
        if let Some(at) = &verdict.at {
            assert!(case.object.pointer(at).is_some(), "{}: nothing at {at}", case.name);
        }
    }
}

#[test]
fn what_is_not_known_is_said_to_be_so() {
    check(&[
        Case::new(
            "another kind",
            object("v1 ConfigMap", &json!({})),
            "unknown",
            "UnknownKind",
        ),
        Case::new(
            "of the group",
            object("cert-manager.io/v1 Other", &json!({})),
            "unknown",
            "UnknownKind",
        ),
    ]);
    assert_eq!(crate::assess_text("{").reason, "Unreadable");
}

/// The manifest names what is known, and nothing else.
#[test]
fn the_manifest_names_every_kind() {
    let manifest = include_str!("../plugin.yaml");
    let mut kinds = 0;
    for line in manifest
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- {group: "))
    {
        let (group, kind) = line.trim_end_matches('}').split_once(", kind: ").unwrap();
        let verdict = crate::assess(&object(&format!("{group}/v1 {kind}"), &json!({})));
        assert_ne!(verdict.reason, "UnknownKind", "{kind}.{group}");
        kinds += 1;
    }
    assert_eq!(kinds, 11);
}
