//! One object onto a real API server: what conflicts come to, and what is left alone.

use serde_json::json;
use windlass_cluster::{refusal::Refusal, requests::Verb};
use windlass_core::options::Write;

use super::subject::{Ask, Subject};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_costs_one_write_and_a_second_one_changes_nothing() {
    let subject = Subject::new("one-write").await;
    let body = subject.deployment("api", 0);
    let first = subject.apply(&body).await.unwrap();
    let before = subject.cluster.connection().requests().total();
    let second = subject.apply(&body).await.unwrap();
    assert!(first.created && !second.created);
    assert_eq!(subject.cluster.connection().requests().total() - before, 1);
    assert_eq!(first.reduced.uid, second.reduced.uid);
    assert_eq!(first.reduced.projection, second.reduced.projection);
    assert_eq!(subject.cluster.connection().requests().by_verb().get(&Verb::Get), None);
    let live = subject.live(&body).await;
    assert_eq!(
        live["metadata"]["labels"]["windlass.dev/installation"],
        subject.namespace
    );
    let managers = live["metadata"]["managedFields"].as_array().unwrap();
    assert_eq!(managers[0]["manager"], subject.owner("api").manager());
    assert_eq!(managers[0]["operation"], "Apply");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_edit_is_undone_and_what_git_does_not_set_is_left() {
    let subject = Subject::new("edits").await;
    let body = subject.deployment("api", 0);
    subject.apply(&body).await.unwrap();
    let edit =
        json!({"spec": {"replicas": 2, "paused": true, "template": {"metadata": {"annotations": {"note": "x"}}}}});
    subject.edit(&body, "kubectl-edit", &edit).await;
    let repaired = subject.apply(&body).await.unwrap();
    let forced: Vec<_> = repaired
        .forced
        .iter()
        .map(|c| format!("{} {}", c.manager, c.path))
        .collect();
    assert_eq!(forced, ["kubectl-edit .spec.replicas"]);
    let live = subject.live(&body).await;
    assert_eq!(
        (&live["spec"]["replicas"], &live["spec"]["paused"]),
        (&json!(0), &json!(true))
    );
    assert_eq!(live["spec"]["template"]["metadata"]["annotations"]["note"], "x");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_autoscaler_set_is_its_own_and_the_rest_is_applied() {
    let subject = Subject::new("autoscaler").await;
    let mut body = subject.deployment("api", 0);
    subject.apply(&body).await.unwrap();
    let scale = format!("{}/scale?fieldManager=hpa", subject.path(&body).await);
    subject
        .person()
        .merge(&scale, &json!({"spec": {"replicas": 3}}))
        .unwrap();
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2".into();
    let applied = subject.apply(&body).await.unwrap();
    assert_eq!(applied.yielded.len(), 1);
    assert_eq!(
        (
            applied.yielded[0].manager.as_str(),
            applied.yielded[0].subresource.as_str()
        ),
        ("hpa", "scale")
    );
    let live = subject.live(&body).await;
    assert_eq!(live["spec"]["replicas"], 3);
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    // And from then on nothing is contested when it isn't sent.
    body["spec"].as_object_mut().unwrap().remove("replicas");
    assert!(subject.apply(&body).await.unwrap().yielded.is_empty());
    assert_eq!(subject.live(&body).await["spec"]["replicas"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_contested_annotation_blocks_nothing() {
    let subject = Subject::new("contested").await;
    let mut body = subject.deployment("api", 0);
    let path = subject.path(&body).await;
    let other = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"annotations": {"team": "theirs"}}});
    subject.apply(&body).await.unwrap();
    subject.person().apply(&path, "other-tool", &other).unwrap();
    body["metadata"]["annotations"] = json!({"team": "ours", "also": "ours"});
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2".into();
    let applied = subject.apply(&body).await.unwrap();
    assert_eq!(applied.yielded[0].manager, "other-tool");
    let live = subject.live(&body).await;
    assert_eq!(live["metadata"]["annotations"]["team"], "theirs");
    assert_eq!(live["metadata"]["annotations"]["also"], "ours");
    assert_eq!(live["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    let take = ["other-tool".to_owned()];
    let ask = Ask {
        take_from: &take,
        ..Ask::default()
    };
    assert_eq!(subject.ask(&body, ask).await.unwrap().forced[0].manager, "other-tool");
    assert_eq!(subject.live(&body).await["metadata"]["annotations"]["team"], "ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_apps_that_want_one_object_one_gets_it() {
    let subject = Subject::new("claims").await;
    let body = subject.map("claimed", "x");
    let ask = |app| Ask { app, ..Ask::default() };
    for round in 0..10 {
        let body = subject.map(&format!("claimed-{round}"), "x");
        let (one, two) = tokio::join!(subject.ask(&body, ask("api")), subject.ask(&body, ask("web")));
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let lost = one.err().or(two.err()).unwrap();
        assert!(matches!(lost, Refusal::Claimed { .. }), "{lost:?}");
    }
    subject.apply(&body).await.unwrap();
    let refused = subject.ask(&body, ask("web")).await.unwrap_err();
    assert!(refused.to_string().contains("/default/api"), "{refused}");
    assert_eq!(
        subject.live(&body).await["metadata"]["managedFields"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_left_git_is_removed() {
    let subject = Subject::new("removed").await;
    let mut body = subject.map("a", "x");
    body["data"]["b"] = "y".into();
    subject.apply(&body).await.unwrap();
    body["data"].as_object_mut().unwrap().remove("b");
    subject.apply(&body).await.unwrap();
    assert_eq!(subject.live(&body).await["data"], json!({"a": "x"}));
    // Of a Secret too, where git says `stringData`.
    let mut secret = subject.object("v1", "Secret", "s", json!({"stringData": {"a": "x", "b": "y"}}));
    subject.apply(&secret).await.unwrap();
    secret["stringData"].as_object_mut().unwrap().remove("b");
    subject.apply(&secret).await.unwrap();
    assert_eq!(subject.live(&secret).await["data"], json!({"a": "eA=="}));
}

#[tokio::test(flavor = "multi_thread")]
async fn create_only_and_replace_do_what_they_say() {
    let subject = Subject::new("writes").await;
    let ask = |write| Ask {
        write,
        ..Ask::default()
    };
    let body = subject.map("once", "x");
    assert!(subject.ask(&body, ask(Write::CreateOnly)).await.unwrap().created);
    subject
        .edit(&body, "kubectl-edit", &json!({"data": {"a": "edited"}}))
        .await;
    assert!(!subject.ask(&body, ask(Write::CreateOnly)).await.unwrap().created);
    assert_eq!(subject.live(&body).await["data"]["a"], "edited");

    let body = subject.map("whole", "x");
    assert!(subject.ask(&body, ask(Write::Replace)).await.unwrap().created);
    subject
        .edit(&body, "kubectl-edit", &json!({"data": {"b": "added"}}))
        .await;
    let replaced = subject.ask(&body, ask(Write::Replace)).await.unwrap();
    assert!(!replaced.created);
    assert_eq!(subject.live(&body).await["data"], json!({"a": "x"}));
    // A misspelt field is an error here as well.
    let mut misspelt = subject.deployment("whole", 0);
    misspelt["spec"]["replica"] = 1.into();
    let refused = subject.ask(&misspelt, ask(Write::Replace)).await.unwrap_err();
    assert_eq!(refused.causes()[0].pointer, "/spec/replica", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_changes_nothing_and_tells_the_same() {
    let subject = Subject::new("dry-run").await;
    let mut body = subject.map("a", "x");
    let dry = || Ask {
        dry_run: true,
        ..Ask::default()
    };
    assert!(subject.ask(&body, dry()).await.unwrap().created);
    subject.apply(&body).await.unwrap();
    let before = subject.live(&body).await;
    body["data"]["a"] = "y".into();
    let would = subject.ask(&body, dry()).await.unwrap();
    assert_eq!(would.live["data"]["a"], "y");
    assert_eq!(subject.live(&body).await, before);
    let did = subject.apply(&body).await.unwrap();
    assert_eq!(did.reduced.projection, would.reduced.projection);
    let requests = subject.cluster.connection().requests();
    assert_eq!((requests.of(Verb::DryRun), requests.of(Verb::Apply)), (2, 2));
}
