//! In sync is told from what lives in the fields that were applied. In both directions: what a server defaults, normalises,
//! prunes or fills in never shows; what somebody changes, adds to or takes out of what git sets always does.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use windlass_cluster::{connect::Access, identity::Actor};
use windlass_core::{
    diff::Mark,
    live::{self, Reduced},
    model::Object,
};
use windlass_tests::cluster::{Cluster as Server, Content};

use super::subject::{Ask, Subject, eventually};

const KINDS: &str = include_str!("projection/kinds.yaml");

/// Kinds that a server keeps and that are not in the table, with the reason.
const LEFT_OUT: [(&str, &str); 1] = [(
    "PodCertificateRequest.certificates.k8s.io",
    "holds a proof of possession of a key by a running pod: nobody has one in git",
)];

/// An object with what a person does to it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) object: Value,
    edit: Option<Value>,
}

impl Case {
    fn name(&self) -> String {
        Object::from_value(self.object.clone()).unwrap().id.to_string()
    }
}

/// A server of their own: the table has an aggregated API without a server, which keeps namespaces from being deleted.
pub(super) async fn subject(stem: &str) -> Subject {
    let server: &'static Server = Box::leak(Box::new(Server::start().unwrap()));
    let access = Access::Files {
        paths: vec![server.kubeconfig().to_owned()],
        context: None,
    };
    Subject::over(server, stem, &access).await
}

pub(super) fn cases(subject: &Subject) -> Vec<Case> {
    let text = KINDS.replace("$NS", &subject.namespace);
    let cases: Vec<Value> = serde_saphyr::from_str(&text).unwrap();
    cases
        .into_iter()
        .map(|mut case| {
            case["object"]["metadata"]["labels"]["test"] = "x".into();
            case["object"]["metadata"]["namespace"] = subject.namespace.as_str().into();
            Case {
                object: case["object"].clone(),
                edit: case.get("edit").cloned(),
            }
        })
        .collect()
}

pub(super) async fn apply(subject: &Subject, body: &Value) -> Reduced {
    let applied = subject.ask_as(&Actor::Own, body, Ask::default()).await;
    applied.unwrap_or_else(|error| panic!("{body}: {error}")).reduced
}

async fn reduced(subject: &Subject, body: &Value) -> Reduced {
    let id = Object::from_value(body.clone()).unwrap().id;
    live::reduce(&subject.live(body).await, &id, &subject.owner("api"), &[]).unwrap()
}

async fn merge(subject: &Subject, body: &Value, patch: &Value) {
    subject.edit(body, "kubectl-edit", patch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_in_the_table() {
    let subject = subject("table").await;
    let forms = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let client = subject.person().accepting(forms);
    let mut served = BTreeSet::new();
    for root in ["/api", "/apis"] {
        for group in client.get(root).unwrap()["items"].as_array().unwrap() {
            let name = group["metadata"]["name"].as_str().unwrap_or_default();
            for version in group["versions"].as_array().unwrap() {
                let kept = version["resources"].as_array().unwrap().iter().filter(|resource| {
                    let verbs = resource["verbs"].to_string();
                    verbs.contains("create") && verbs.contains("patch")
                });
                served.extend(kept.map(|resource| {
                    let kind = resource["responseKind"]["kind"].as_str().unwrap();
                    if name.is_empty() {
                        kind.to_owned()
                    } else {
                        format!("{kind}.{name}")
                    }
                }));
            }
        }
    }
    let mut known: BTreeSet<String> = LEFT_OUT.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    known.extend(
        cases(&subject)
            .into_iter()
            .map(|case| Object::from_value(case.object).unwrap().id.group_kind()),
    );
    assert_eq!(served.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_makes_of_an_object_never_shows_and_every_edit_does() {
    let subject = subject("every").await;
    let cases = cases(&subject);
    let mut applied = Vec::new();
    for case in &cases {
        let reduced = apply(&subject, &case.object).await;
        assert_eq!(reduced.mark, Mark::Ours, "{}", case.name());
        applied.push(reduced);
    }
    // Controllers have their say: pods are made and become ready, quotas are counted, roles are summed up.
    let deployment = cases.iter().find(|case| case.object["kind"] == "Deployment").unwrap();
    eventually("the deployment is available", async || {
        subject.live(&deployment.object).await["status"]["availableReplicas"] == 2
    })
    .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut wrong = Vec::new();
    for (case, applied) in cases.iter().zip(&applied) {
        let settled = reduced(&subject, &case.object).await;
        if settled.projection != applied.projection {
            wrong.push(format!(
                "{} shows though nobody changed it: {}",
                case.name(),
                subject.live(&case.object).await
            ));
        }
        if apply(&subject, &case.object).await.projection != applied.projection {
            wrong.push(format!("{} shows after a second apply", case.name()));
        }
    }
    for (case, applied) in cases.iter().zip(&applied) {
        let (name, object) = (case.name(), &case.object);
        let mut edits = vec![json!({"metadata": {"labels": {"test": "y"}}})];
        edits.extend(case.edit.clone());
        edits.push(json!({"metadata": {"labels": {"windlass.dev/installation": null}}}));
        edits.push(json!({"metadata": {"annotations": {"windlass.dev/owner": null}}}));
        for edit in edits {
            merge(&subject, object, &edit).await;
            let edited = reduced(&subject, object).await;
            if edited.projection == applied.projection && edited.mark == Mark::Ours {
                wrong.push(format!("{name}: {edit} doesn't show"));
            }
            let repaired = apply(&subject, object).await;
            if repaired.projection != applied.projection || repaired.mark != Mark::Ours {
                wrong.push(format!("{name}: {edit} isn't repaired: {}", subject.live(object).await));
            }
        }
        let mut less = object.clone();
        less["metadata"]["labels"].as_object_mut().unwrap().remove("test");
        apply(&subject, &less).await;
        if subject.live(object).await["metadata"]["labels"].get("test").is_some() {
            wrong.push(format!("{name}: a field removed from git stays"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The definition of the table, once it is served.
async fn widget(subject: &Subject, name: &str, spec: Value) -> Value {
    let definition = cases(subject)
        .into_iter()
        .find(|case| case.object["kind"] == "CustomResourceDefinition")
        .unwrap();
    apply(subject, &definition.object).await;
    let widget = subject.object(
        &format!("{}.example.org/v1", subject.namespace),
        "Widget",
        name,
        json!({"spec": spec}),
    );
    eventually("the kind is served", async || {
        subject.cluster.discovery().expire();
        subject.ask_as(&Actor::Own, &widget, Ask::default()).await.is_ok()
    })
    .await;
    widget
}

#[tokio::test(flavor = "multi_thread")]
async fn custom_objects_are_told_like_others() {
    let subject = subject("widgets").await;
    let body = widget(
        &subject,
        "a",
        json!({"quantity": "100m", "free": {"deep": {"x": [1, 2]}, "empty": {}}, "atomic": ["a", "b"],
            "items": [{"name": "b"}, {"name": "a", "port": 81, "value": "y"}]}),
    )
    .await;
    let applied = apply(&subject, &body).await;
    assert_eq!(reduced(&subject, &body).await.projection, applied.projection);
    for edit in [
        json!({"spec": {"quantity": "0.1"}}),
        json!({"spec": {"free": {"deep": {"x": [2, 1]}}}}),
        json!({"spec": {"atomic": ["b", "a"]}}),
        json!({"spec": {"atomic": ["a", "b", "c"]}}),
        json!({"spec": {"items": [{"name": "b", "port": 80}]}}),
    ] {
        merge(&subject, &body, &edit).await;
        assert_ne!(reduced(&subject, &body).await.projection, applied.projection, "{edit}");
        assert_eq!(apply(&subject, &body).await.projection, applied.projection, "{edit}");
    }
    // What git doesn't set is nobody's drift: a default, another item, a field beside.
    for edit in [
        json!({"spec": {"size": 9}}),
        json!({"spec": {"free": {"beside": 1}}}),
        json!({"spec": {"free": {"empty": {"now": "full"}}}}),
        json!({"metadata": {"labels": {"theirs": "x"}}}),
    ] {
        merge(&subject, &body, &edit).await;
        assert_eq!(reduced(&subject, &body).await.projection, applied.projection, "{edit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_fill_in_is_left_to_them() {
    let subject = subject("filled").await;
    let cases = cases(&subject);
    let of = |kind: &str| {
        cases
            .iter()
            .find(|case| case.object["kind"] == kind)
            .unwrap()
            .object
            .clone()
    };
    // The cainjector of cert-manager.
    for kind in ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] {
        let body = of(kind);
        let applied = apply(&subject, &body).await;
        let bundle = json!([{"op": "add", "path": "/webhooks/0/clientConfig/caBundle",
            "value": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K"}]);
        let path = format!("{}?fieldManager=cert-manager-cainjector", subject.path(&body).await);
        let content = Content {
            kind: "application/json-patch+json",
            value: &bundle,
        };
        let answer = subject.person().send("PATCH", &path, Some(content)).unwrap();
        assert_eq!(answer.status, 200, "{kind}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(reduced(&subject, &body).await.projection, applied.projection, "{kind}");
        apply(&subject, &body).await;
        assert!(subject.live(&body).await.to_string().contains("caBundle"), "{kind}");
    }
    // The autoscaler, through its subresource.
    let body = subject.deployment("scaled", 1);
    let applied = apply(&subject, &body).await;
    let scale = format!("{}/scale", subject.path(&body).await);
    subject
        .person()
        .merge(&scale, &json!({"spec": {"replicas": 3}}))
        .unwrap();
    assert_ne!(reduced(&subject, &body).await.projection, applied.projection);
    apply(&subject, &body).await;
    assert_eq!(
        subject.live(&body).await["spec"]["replicas"],
        3,
        "never forced over a scaler"
    );
}
