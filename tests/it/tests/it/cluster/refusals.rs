//! What a real API server refuses, and the words that are made of it.

use serde_json::{Value, json};
use windlass_cluster::{
    identity::Actor,
    refusal::{Refusal, Terminating},
};
use windlass_core::immutable::Harm;

use super::subject::{Ask, Subject, eventually};

/// A deployment with something of it replaced.
fn with(subject: &Subject, pointer: &str, value: Value) -> Value {
    let mut body = subject.deployment("api", 0);
    *body.pointer_mut(pointer).unwrap() = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_fields_are_pointed_at() {
    let subject = Subject::new("wrong").await;
    let container = "/spec/template/spec/containers/0";
    let env = json!({"name": "app", "image": "a", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]});
    for (pointer, value, at, words) in [
        (
            "/spec",
            json!({"replica": 1}),
            "/spec/replica",
            "field not declared in schema",
        ),
        ("/spec/replicas", json!("many"), "/spec/replicas", "expected numeric"),
        (
            "/spec/replicas",
            json!(-1),
            "/spec/replicas",
            "greater than or equal to 0",
        ),
        (
            container,
            env,
            "/spec/template/spec/containers/0/env",
            "duplicate entries",
        ),
        (
            container,
            json!({"name": "UPPER", "image": "a"}),
            "/spec/template/spec/containers/0/name",
            "lowercase",
        ),
        (
            container,
            json!({"name": "app", "image": "a", "resources": {"limits": {"cpu": "much"}}}),
            "",
            "quantities must match",
        ),
        (
            "/spec/template/metadata",
            json!({"labels": {"app": "other"}}),
            "/spec/template/metadata/labels",
            "does not match",
        ),
    ] {
        let refused = subject
            .apply(&with(&subject, pointer, value.clone()))
            .await
            .unwrap_err();
        assert!(matches!(refused, Refusal::Invalid { .. }), "{value} {refused:?}");
        assert!(!refused.is_transient());
        let cause = &refused.causes()[0];
        assert_eq!(cause.pointer, at, "{refused}");
        assert!(cause.message.contains(words), "{refused}");
    }
    // Refused at once, not after tries.
    assert_eq!(subject.cluster.connection().requests().writes(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed_is_told_apart() {
    let subject = Subject::new("immutable").await;
    subject.apply(&subject.deployment("api", 0)).await.unwrap();
    let mut other = with(&subject, "/spec/selector/matchLabels/app", json!("other"));
    other["spec"]["template"]["metadata"]["labels"]["app"] = "other".into();
    let refused = subject.apply(&other).await.unwrap_err();
    assert!(
        matches!(&refused, Refusal::Immutable { recreation, .. } if recreation.harm == Harm::Interruption),
        "{refused:?}"
    );
    assert_eq!(refused.causes()[0].pointer, "/spec/selector");

    let secret = |value: &str| {
        let rest = json!({"stringData": {"password": value}, "immutable": true});
        subject.object("v1", "Secret", "s", rest)
    };
    subject.apply(&secret("hunter2")).await.unwrap();
    let refused = subject.apply(&secret("hunter3")).await.unwrap_err();
    assert!(matches!(refused, Refusal::Immutable { .. }), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_secret_is_quoted() {
    let subject = Subject::new("secrets").await;
    for (rest, at) in [
        (json!({"data": {"p": "hunter2 is no base64"}}), "/data"),
        (json!({"data": {"p": 4242}}), "/data/p"),
        (json!({"stringData": {"hunter2/x": "hunter2"}}), "/data/hunter2~1x"),
        (
            json!({"type": "kubernetes.io/tls", "stringData": {"tls.crt": "hunter2"}}),
            "/data",
        ),
        (
            json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "hunter2"}}),
            "/data/.dockerconfigjson",
        ),
    ] {
        let refused = subject
            .apply(&subject.object("v1", "Secret", "s", rest.clone()))
            .await
            .unwrap_err();
        let cause = &refused.causes()[0];
        assert!(cause.pointer.starts_with(at), "{rest} {refused:?}");
        let words = refused.to_string();
        // The name of a key is no value.
        let is_quoted = words.replace("hunter2/x", "").contains("hunter2") || words.contains("4242");
        assert!(!is_quoted, "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_are_not_there_or_on_their_way_out() {
    let subject = Subject::new("places").await;
    let mut body = subject.map("a", "x");
    body["metadata"]["namespace"] = "not-there".into();
    let refused = subject.ask_as(&Actor::Own, &body, Ask::default()).await.unwrap_err();
    assert!(
        matches!(&refused, Refusal::NoNamespace { namespace } if namespace == "not-there"),
        "{refused:?}"
    );

    let leaving = subject.server.namespace("leaving").unwrap();
    body["metadata"]["namespace"] = leaving.as_str().into();
    let mut held = subject.map("held", "x");
    held["metadata"]["namespace"] = leaving.as_str().into();
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    subject.ask_as(&Actor::Own, &held, Ask::default()).await.unwrap();
    subject
        .person()
        .delete(&format!("/api/v1/namespaces/{leaving}"))
        .unwrap();
    let refused = subject.ask_as(&Actor::Own, &body, Ask::default()).await.unwrap_err();
    assert!(
        matches!(
            refused,
            Refusal::Terminating {
                what: Terminating::Namespace
            }
        ),
        "{refused:?}"
    );

    // The object itself: it is written to, and says that it goes.
    let dying = async || {
        subject
            .ask_as(&Actor::Own, &held, Ask::default())
            .await
            .is_ok_and(|a| a.reduced.deleting)
    };
    eventually("the object is being deleted", dying).await;
    held["metadata"]["finalizers"] = json!(["example.com/hold", "example.com/more"]);
    let refused = subject.ask_as(&Actor::Own, &held, Ask::default()).await.unwrap_err();
    assert!(
        matches!(
            refused,
            Refusal::Terminating {
                what: Terminating::Object
            }
        ),
        "{refused:?}"
    );
    held["metadata"]["finalizers"] = json!([]);
    let path = format!("/api/v1/namespaces/{leaving}/configmaps/held");
    subject
        .person()
        .merge(&path, &json!({"metadata": {"finalizers": null}}))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_and_sizes() {
    let subject = Subject::new("policies").await;
    let path = format!("/api/v1/namespaces/{}", subject.namespace);
    let restricted = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    subject.person().merge(&path, &restricted).unwrap();
    let pod = subject.object(
        "v1",
        "Pod",
        "a",
        json!({"spec": {"containers": [{"name": "a", "image": "a"}]}}),
    );
    eventually("the policy holds", async || {
        matches!(subject.apply(&pod).await, Err(Refusal::Policy { message }) if message.contains("violates PodSecurity"))
    })
    .await;
    let large = subject.map("large", &"x".repeat(4_000_000));
    let refused = subject.apply(&large).await.unwrap_err();
    assert!(
        matches!(refused, Refusal::TooLarge { bytes } if bytes > 4_000_000),
        "{refused:?}"
    );
    let large = subject.map("large", &"x".repeat(1_200_000));
    let refused = subject.apply(&large).await.unwrap_err();
    assert!(matches!(refused, Refusal::Invalid { .. }), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_are_down_are_named() {
    let subject = Subject::new("webhooks").await;
    let name = format!("down.{}.example.com", subject.namespace);
    let rule =
        json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}]);
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": subject.namespace}});
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": name},
        "webhooks": [{"name": name, "rules": rule, "namespaceSelector": selector, "sideEffects": "None", "failurePolicy": "Fail",
            "admissionReviewVersions": ["v1"], "timeoutSeconds": 1, "clientConfig": {"url": "https://127.0.0.1:1/"}}],
    });
    subject.ask_as(&Actor::Own, &webhook, Ask::default()).await.unwrap();
    let mut number = 0;
    eventually("the webhook is asked", async || {
        number += 1;
        let refused = subject.apply(&subject.map(&format!("a{number}"), "x")).await;
        matches!(refused, Err(Refusal::WebhookUnreachable { webhook, .. }) if webhook == name)
    })
    .await;
    let (_, id) = subject.resource(&webhook).await;
    subject
        .person()
        .delete(&format!(
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{}",
            id.name
        ))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_in_cel_are_read_too() {
    let subject = Subject::new("cel").await;
    let name = format!("{}.example.com", subject.namespace);
    let rule = json!([{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}]);
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {"matchConstraints": {"resourceRules": rule}, "validations": [{"expression": "false", "message": "never"}]},
    });
    let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": subject.namespace}});
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": selector}},
    });
    for body in [&policy, &binding] {
        subject.ask_as(&Actor::Own, body, Ask::default()).await.unwrap();
    }
    let mut number = 0;
    let mut refused = None;
    eventually("the policy denies", async || {
        number += 1;
        refused = subject.apply(&subject.map(&format!("a{number}"), "x")).await.err();
        refused.is_some()
    })
    .await;
    let refused = refused.unwrap();
    assert!(
        refused.to_string().contains("never") && !refused.is_transient(),
        "{refused:?}"
    );
}
