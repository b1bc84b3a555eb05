use std::collections::BTreeSet;

use super::*;
use crate::render::{Span, file_at};

fn event() -> Event {
    let mut at = file_at("apps/api/a.yaml");
    at.span = Some(Span::at(7, 3));
    let finding = Diagnostic::error("invalid-yaml", "a tab", Location::File(at)).with_help("use spaces");
    Event {
        app: "api".into(),
        namespace: "team".into(),
        repository: "shop".into(),
        revision: Some("0123".into()),
        desired: Some(Digest::of(b"desired")),
        state: State::Failed,
        previous: Some(State::Healthy),
        reason: "RenderFailed".into(),
        message: "it can't be rendered".into(),
        at: Instant {
            seconds: 1_790_000_000,
            nanoseconds: 5,
        },
        occurrence: 1,
        findings: vec![Finding::from(&finding)],
        objects: vec![Subject {
            object: ObjectId {
                group: "apps".into(),
                kind: "Deployment".into(),
                namespace: "shop".into(),
                name: "api".into(),
            },
            state: Some(health::State::Degraded),
            reason: "ProgressDeadlineExceeded".into(),
            message: "no".into(),
            field: Some(".spec.replicas".into()),
            manager: Some("kubectl-edit".into()),
        }],
    }
}

fn payload(event: &Event) -> Value {
    serde_json::from_str(&event.payload()).unwrap()
}

#[test]
fn a_payload_says_what_happened_and_where() {
    let told = payload(&event());
    assert_eq!(
        (&told["state"], &told["at"], &told["previous"]),
        (&"failed".into(), &"2026-09-21T14:13:20Z".into(), &"healthy".into())
    );
    let finding = &told["findings"][0];
    assert_eq!(
        (&finding["path"], &finding["line"], &finding["severity"]),
        (&"apps/api/a.yaml".into(), &7.into(), &"error".into())
    );
    assert_eq!(told["objects"][0]["manager"], "kubectl-edit");
    assert_eq!(told["desired"].as_str().unwrap(), Digest::of(b"desired").to_string());
}

#[test]
fn an_event_is_read_back() {
    let mut event = event();
    let text = serde_json::to_string(&event).unwrap();
    event.at.nanoseconds = 0;
    assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
}

/// The schema names every field, and every field is always there.
#[test]
fn the_schema_is_of_this_payload() {
    let mut bare = event();
    (bare.revision, bare.desired, bare.previous) = (None, None, None);
    bare.findings = vec![Finding::from(&Diagnostic::error("x", "x", Location::None))];
    (bare.objects[0].state, bare.objects[0].field, bare.objects[0].manager) = (None, None, None);
    for event in [event(), bare] {
        same_fields(&schema(), &payload(&event), "");
    }
    let words: Vec<Value> = schema()["$defs"]["state"]["enum"].as_array().unwrap().clone();
    let states = [
        State::Healthy,
        State::Progressing,
        State::Degraded,
        State::Failed,
        State::Drifted,
        State::Stalled,
        State::Held,
        State::Suspended,
        State::RolledBack,
    ];
    assert_eq!(words, states.map(|state| Value::from(state.name())));
    assert_eq!(words, states.map(|state| serde_json::to_value(state).unwrap()));
}

fn same_fields(schema: &Value, value: &Value, at: &str) {
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    if let Some(properties) = schema.get("properties") {
        assert_eq!(keys(properties), keys(value), "at `{at}`");
        let required: BTreeSet<String> = serde_json::from_value(schema["required"].clone()).unwrap();
        assert_eq!(required, keys(value), "at `{at}`");
        for (key, below) in properties.as_object().unwrap() {
            same_fields(below, &value[key], &format!("{at}/{key}"));
        }
    }
    if let (Some(items), Some(first)) = (schema.get("items"), value.get(0)) {
        same_fields(items, first, &format!("{at}/0"));
    }
}

#[test]
fn a_payload_is_bounded() {
    let mut event = event();
    event.message = "m".repeat(1 << 20);
    event.findings[0].message = "f".repeat(1 << 20);
    event.findings = vec![event.findings[0].clone(); 1_000];
    event.objects[0].message = "o".repeat(1 << 20);
    event.objects = vec![event.objects[0].clone(); 60];
    let text = event.payload();
    assert!(text.len() < 192 << 10, "{}", text.len());
    let told = payload(&event);
    assert_eq!(told["omitted"], serde_json::json!({"findings": 950, "objects": 10}));
}

#[test]
fn the_key_holds_no_text_that_people_read() {
    let first = event();
    let again = Event {
        message: "it took 17.3 s".into(),
        reason: "Other".into(),
        at: Instant::default(),
        revision: Some("4567".into()),
        previous: None,
        findings: Vec::new(),
        objects: Vec::new(),
        ..event()
    };
    assert_eq!((first.edge(), first.key()), (again.edge(), again.key()));
    let others = [
        Event {
            app: "db".into(),
            ..event()
        },
        Event {
            namespace: "x".into(),
            ..event()
        },
        Event {
            state: State::Degraded,
            ..event()
        },
        Event {
            desired: Some(Digest::of(b"other")),
            ..event()
        },
    ];
    for other in others {
        assert_ne!(first.edge(), other.edge());
        assert_ne!(first.key(), other.key());
    }
    let second = Event {
        occurrence: 2,
        ..event()
    };
    assert_eq!(first.edge(), second.edge());
    assert_ne!(first.key(), second.key());
}

#[test]
fn where_nothing_came_out_codes_and_files_tell_mistakes_apart() {
    let failed = |code: &str, path: &str, line: u32, message: &str| {
        let mut event = event();
        event.desired = None;
        event.findings[0].code = code.into();
        event.findings[0].path = Some(path.into());
        event.findings[0].line = Some(line);
        event.findings[0].message = message.into();
        event
    };
    let first = failed("invalid-yaml", "a.yaml", 1, "a tab");
    assert_eq!(first.edge(), failed("invalid-yaml", "a.yaml", 9, "a colon").edge());
    assert_ne!(first.edge(), failed("invalid-yaml", "b.yaml", 1, "a tab").edge());
    assert_ne!(first.edge(), failed("no-plugin", "a.yaml", 1, "a tab").edge());
    let mut more = failed("invalid-yaml", "a.yaml", 1, "a tab");
    more.findings.push(more.findings[0].clone());
    assert_eq!(first.edge(), more.edge());
}

#[test]
fn events_of_two_repositories_are_two() {
    let of = |repository: &str| Event {
        app: String::new(),
        namespace: String::new(),
        repository: repository.into(),
        desired: None,
        ..event()
    };
    assert_ne!(of("a").key(), of("b").key());
    let moved = Event {
        repository: "other".into(),
        ..event()
    };
    assert_eq!(moved.key(), event().key(), "an App's own events are known by the App");
}
