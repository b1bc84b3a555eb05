use super::*;
use crate::config::{AllowSpec, DriftScope};

const ID: &str = "0123456789ab";

fn everything() -> LockSpec {
    LockSpec {
        mode: LockMode::Deny,
        allow: AllowSpec {
            users: vec!["jane\"] || true || x in [\"".into()],
            groups: vec!["sre".into()],
            service_accounts: vec!["argo-rollouts/argo-rollouts".into()],
        },
        break_glass: vec!["oncall".into()],
        rollout_restart: Permission::Allow,
        scale: Permission::Deny,
        ..LockSpec::default()
    }
}

/// Every expression in an object, by the pointer to it.
fn expressions(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key.to_lowercase().ends_with("expression") => {
                        found.push((format!("{at}/{key}"), text.clone()));
                    }
                    _ => expressions(value, &format!("{at}/{key}"), found),
                }
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                expressions(value, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn expressions_of(lock: &LockSpec) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for object in objects(lock, ID) {
        expressions(&object, object["metadata"]["name"].as_str().unwrap(), &mut found);
    }
    found
}

#[test]
fn every_expression_reads_as_cel() {
    let bare = LockSpec {
        mode: LockMode::Warn,
        scope: DriftScope::Strict,
        autoscalers: Vec::new(),
        ca_injectors: Vec::new(),
        ..LockSpec::default()
    };
    for lock in [everything(), bare] {
        let found = expressions_of(&lock);
        assert!(found.len() >= 8, "{found:?}");
        for (at, text) in found {
            let read = cel::Program::compile(&text);
            assert!(read.is_ok(), "{at}: {text}: {:?}", read.err());
        }
    }
}

#[test]
fn names_of_people_are_texts_and_no_expressions() {
    let found = expressions_of(&everything());
    let (_, text) = found.iter().find(|(_, text)| text.contains("jane")).unwrap();
    assert!(
        text.contains(r#"["jane\"] || true || x in [\"","system:serviceaccount:argo-rollouts:argo-rollouts"]"#),
        "{text}"
    );
}

#[test]
fn what_is_off_is_not_there() {
    assert!(objects(&LockSpec::default(), ID).is_empty());
    let kinds = |lock: &LockSpec| -> Vec<String> {
        let objects = objects(lock, ID);
        let told = |object: &Value| {
            format!(
                "{}/{}",
                object["kind"].as_str().unwrap(),
                object["metadata"]["name"].as_str().unwrap()
            )
        };
        objects.iter().map(told).collect()
    };
    let policies = [
        "ValidatingAdmissionPolicy/windlass-lock-0123456789ab",
        "ValidatingAdmissionPolicyBinding/windlass-lock-0123456789ab",
        "ValidatingAdmissionPolicy/windlass-lock-0123456789ab-scale",
        "ValidatingAdmissionPolicyBinding/windlass-lock-0123456789ab-scale",
    ];
    assert_eq!(kinds(&everything()), policies);
    let plain = LockSpec {
        mode: LockMode::Warn,
        ..LockSpec::default()
    };
    assert_eq!(kinds(&plain), policies[..2]);
    // All that there may be is known by name.
    let mut known: Vec<String> = ids(ID).iter().map(|id| format!("{}/{}", id.kind, id.name)).collect();
    known.sort();
    let mut made = policies.map(str::to_owned);
    made.sort();
    assert_eq!(known, made);
}

#[test]
fn a_mode_is_what_the_binding_does() {
    let actions = |mode| {
        let lock = LockSpec { mode, ..everything() };
        objects(&lock, ID)[1]["spec"]["validationActions"].clone()
    };
    assert_eq!(actions(LockMode::Deny), json!(["Deny", "Audit"]));
    assert_eq!(actions(LockMode::Warn), json!(["Warn", "Audit"]));
}

#[test]
fn what_somebody_changed_in_a_policy_is_seen() {
    let wanted = objects(&everything(), ID).remove(0);
    let mut live = wanted.clone();
    live["metadata"]["uid"] = "u".into();
    live["spec"]["paramKind"] = Value::Null;
    live["spec"]["matchConstraints"]["excludeResourceRules"] = json!([]);
    assert!(!differs(&wanted, &live));
    for (at, value) in [
        ("/spec/failurePolicy", json!("Ignore")),
        (
            "/spec/matchConstraints/namespaceSelector",
            json!({"matchLabels": {"a": "b"}}),
        ),
        (
            "/spec/matchConstraints/excludeResourceRules",
            json!([rule(&["*"], &["*"])]),
        ),
        ("/spec/validations/0/expression", json!("true")),
        ("/spec/matchConditions", json!([])),
    ] {
        let mut live = live.clone();
        *live.pointer_mut(at).unwrap() = value;
        assert!(differs(&wanted, &live), "{at}");
    }
}

#[test]
fn a_manifest_says_where_it_comes_from() {
    assert_eq!(
        source("https://git.example.org/shop.git", "apps/api/"),
        "https://git.example.org/shop.git//apps/api"
    );
    assert_eq!(source("https://git.example.org/a\nb", ""), "https://git.example.org/ab");
    for annotations in [Value::Null, json!({"a": "b"})] {
        let manifest = json!({"kind": "ConfigMap", "metadata": {"name": "a", "annotations": annotations}});
        let said = with_source(&manifest, "x//y").unwrap();
        assert_eq!(said["metadata"]["annotations"][SOURCE], "x//y");
        assert_eq!(said["metadata"]["annotations"].get("a"), annotations.get("a"));
    }
    assert_eq!(with_source(&json!({"metadata": []}), "x"), None);
    assert_eq!(with_source(&json!({"metadata": {"annotations": "x"}}), "x"), None);
}
