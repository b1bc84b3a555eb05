//! Deleting exactly what is meant.

use serde_json::json;
use windlass_cluster::{delete::Deleted, refusal::Refusal, requests::Verb};

use super::subject::{Subject, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn another_object_of_the_same_name_stays() {
    let subject = Subject::new("delete").await;
    let body = subject.map("a", "x");
    let first = subject.apply(&body).await.unwrap().reduced;
    subject.person().delete(&subject.path(&body).await).unwrap();
    let second = subject.apply(&body).await.unwrap().reduced;
    for version in [
        Some(first.resource_version.as_str()),
        Some(second.resource_version.as_str()),
        None,
    ] {
        let outcome = subject.delete(&body, &first.uid, version).await.unwrap();
        assert_eq!(outcome, Deleted::Already);
    }
    assert_eq!(subject.live(&body).await["metadata"]["uid"], second.uid.as_str());
    let outcome = subject
        .delete(&body, &second.uid, Some(&second.resource_version))
        .await
        .unwrap();
    assert_eq!(outcome, Deleted::Gone);
    assert_eq!(
        subject.delete(&body, &second.uid, None).await.unwrap(),
        Deleted::Already
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_since_is_looked_at_again() {
    let subject = Subject::new("delete").await;
    let body = subject.map("a", "x");
    let before = subject.apply(&body).await.unwrap().reduced;
    subject.edit(&body, "kubectl-edit", &json!({"data": {"b": "y"}})).await;
    let outcome = subject.delete(&body, &before.uid, Some(&before.resource_version)).await;
    assert_eq!(outcome.unwrap(), Deleted::Gone);
    assert_eq!(subject.cluster.connection().requests().of(Verb::Delete), 2);

    // Somebody took it: its mark is gone, and with it the right to delete it.
    let before = subject.apply(&body).await.unwrap().reduced;
    subject
        .edit(&body, "kubectl-edit", &json!({"metadata": {"annotations": null}}))
        .await;
    let refused = subject.delete(&body, &before.uid, Some(&before.resource_version)).await;
    assert!(
        matches!(refused, Err(Refusal::Changed { replaced: false })),
        "{refused:?}"
    );
    subject.live(&body).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finalizer_holds_nobody_up() {
    let subject = Subject::new("finalizer").await;
    let mut body = subject.map("a", "x");
    body["metadata"]["finalizers"] = json!(["example.com/hold"]);
    let before = subject.apply(&body).await.unwrap().reduced;
    let outcome = subject
        .delete(&body, &before.uid, Some(&before.resource_version))
        .await
        .unwrap();
    let finalizers = vec!["example.com/hold".to_owned()];
    assert_eq!(outcome, Deleted::Terminating { finalizers });
    let path = subject.path(&body).await;
    subject
        .person()
        .merge(&path, &json!({"metadata": {"finalizers": null}}))
        .unwrap();
    let person = subject.person();
    eventually("it is gone", async || {
        person.send("GET", &path, None).unwrap().status == 404
    })
    .await;
}
