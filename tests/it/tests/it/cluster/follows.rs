//! What lives, followed by watches: who changes something is seen, and what we write ourselves is no change.

use std::time::{Duration, Instant};

use serde_json::json;
use windlass_cluster::{
    requests::Verb,
    store::{Changed, Changes, Sight, Store, Sync},
};
use windlass_core::diff::Mark;

use super::subject::{SOON, Subject, eventually, kubeconfig_of};

/// Waits until it is told that something became of an object. What we write ourselves may be told on the way: where the watch
/// is faster than the answer to the write.
async fn told(changes: &mut Changes, name: &str, is: impl Fn(&Sight) -> bool) -> Changed {
    let wait = async {
        loop {
            let told = changes.next().await;
            if let Some(found) = told
                .into_iter()
                .find(|changed| changed.id.name == name && is(&changed.after))
            {
                return found;
            }
        }
    };
    tokio::time::timeout(SOON, wait).await.unwrap()
}

fn mark(sight: &Sight) -> Option<&Mark> {
    Some(&sight.live()?.reduced.mark)
}

async fn following(subject: &Subject, body: &serde_json::Value) -> Store {
    let store = subject.store();
    let (resource, _) = subject.resource(body).await;
    store.ensure(&resource, &subject.namespace);
    store.synced(&resource, &subject.namespace, SOON).await.unwrap();
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_seen_and_its_repair_is_not() {
    let subject = Subject::new("drift").await;
    let body = subject.map("a", "x");
    let (resource, id) = subject.resource(&body).await;
    let owner = subject.owner("api");
    let store = following(&subject, &body).await;
    let applied = subject.apply(&body).await.unwrap();
    store.wrote(&resource, &id, &owner, &applied.live);
    let mut changes = store.subscribe();
    let mut slowest = Duration::ZERO;
    for round in 0..30 {
        let value = format!("edited-{round}");
        subject
            .edit(&body, "kubectl-edit", &json!({"data": {"a": value}}))
            .await;
        let edited = Instant::now();
        told(&mut changes, "a", |sight| {
            sight.live().unwrap().reduced.projection != applied.reduced.projection
        })
        .await;
        slowest = slowest.max(edited.elapsed());
        let repaired = subject.apply(&body).await.unwrap();
        store.wrote(&resource, &id, &owner, &repaired.live);
        assert_eq!(repaired.reduced.projection, applied.reduced.projection);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    for changed in changes.now() {
        assert_eq!(
            changed.after.live().unwrap().reduced.projection,
            applied.reduced.projection
        );
    }
    let Sight::Live(live) = store.see(&resource, &id, &owner) else {
        panic!("not seen")
    };
    assert_eq!(live.reduced.projection, applied.reduced.projection);
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_sets_in_git_is_no_change() {
    let subject = Subject::new("quiet").await;
    let body = subject.deployment("api", 1);
    let (resource, id) = subject.resource(&body).await;
    let store = following(&subject, &body).await;
    let applied = subject.apply(&body).await.unwrap();
    store.wrote(&resource, &id, &subject.owner("api"), &applied.live);
    let mut changes = store.subscribe();
    // The deployment's controller writes status and annotations all the while.
    let ready = async || {
        store
            .see(&resource, &id, &subject.owner("api"))
            .live()
            .is_some_and(|live| live.is_ready(&resource))
    };
    eventually("it becomes ready", ready).await;
    for changed in changes.now() {
        let (before, after) = (changed.before.live().unwrap(), changed.after.live().unwrap());
        assert_eq!(before.reduced.projection, after.reduced.projection);
        assert_eq!(
            before.reduced.foreign, after.reduced.foreign,
            "a controller's fields are nobody's drift"
        );
        assert_ne!(before.verdict, after.verdict);
        assert!(changed.in_health_alone);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stripped_label_is_no_deletion_and_a_deletion_is_one() {
    let subject = Subject::new("strip").await;
    let body = subject.map("a", "x");
    subject.apply(&body).await.unwrap();
    let (resource, id) = subject.resource(&body).await;
    let owner = subject.owner("api");
    let store = following(&subject, &body).await;
    let mut changes = store.subscribe();
    let strip = json!({"metadata": {"labels": {"windlass.dev/installation": null}}});
    subject.edit(&body, "kubectl-label", &strip).await;
    let stripped = told(&mut changes, "a", |_| true).await;
    assert_eq!(mark(&stripped.after), Some(&Mark::Ours));
    assert_eq!(store.see(&resource, &id, &owner), Sight::Absent);
    // Asked for, it is there.
    let found = store
        .look(&subject.deployer, &resource, &id, &owner)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.reduced.mark, Mark::Ours);
    // With the mark as well, it is still known whose it was.
    let repaired = subject.apply(&body).await.unwrap();
    store.wrote(&resource, &id, &owner, &repaired.live);
    eventually("it is followed again", async || {
        store.see(&resource, &id, &owner).live().is_some()
    })
    .await;
    let strip = json!({"metadata": {"labels": null, "annotations": null}});
    subject.edit(&body, "kubectl-edit", &strip).await;
    let stripped = told(&mut changes, "a", |sight| mark(sight) == Some(&Mark::Absent)).await;
    assert_eq!(stripped.owner.as_deref(), Some(&owner));

    let repaired = subject.apply(&body).await.unwrap();
    store.wrote(&resource, &id, &owner, &repaired.live);
    subject.person().delete(&subject.path(&body).await).unwrap();
    told(&mut changes, "a", |sight| *sight == Sight::Absent).await;
    assert_eq!(
        store.look(&subject.deployer, &resource, &id, &owner).await.unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_watched_by_their_metadata_and_read_by_the_tenant() {
    let subject = Subject::new("secrets").await;
    let body = subject.object("v1", "Secret", "s", json!({"stringData": {"a": "hunter2"}}));
    let applied = subject.apply(&body).await.unwrap();
    let (resource, id) = subject.resource(&body).await;
    let owner = subject.owner("api");
    let mut audit = subject.server.audit().unwrap();
    let store = following(&subject, &body).await;
    assert!(matches!(store.see(&resource, &id, &owner), Sight::Unsure { .. }));
    let looked = store
        .look(&subject.deployer, &resource, &id, &owner)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(looked.reduced.projection, applied.reduced.projection);
    let mut changes = store.subscribe();
    subject
        .edit(&body, "kubectl-edit", &json!({"data": {"a": "aHVudGVyMw=="}}))
        .await;
    told(&mut changes, "s", |sight| matches!(sight, Sight::Unsure { .. })).await;
    let looked = store
        .look(&subject.deployer, &resource, &id, &owner)
        .await
        .unwrap()
        .unwrap();
    assert_ne!(looked.reduced.projection, applied.reduced.projection);
    let ours = audit
        .requests()
        .unwrap()
        .into_iter()
        .filter(|r| r.agent.starts_with("windlass/") && r.resource == "secrets");
    for request in ours.filter(|request| request.namespace.is_empty() || request.namespace == subject.namespace) {
        match request.verb.as_str() {
            "watch" | "list" => assert_eq!(request.impersonated, None),
            "get" => assert!(request.impersonated.is_some(), "{request:?}"),
            other => panic!("{other}: {request:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_store_asks_nothing() {
    let subject = Subject::new("idle").await;
    for number in 0..20 {
        subject.apply(&subject.map(&format!("m{number}"), "x")).await.unwrap();
    }
    let store = following(&subject, &subject.map("m0", "x")).await;
    assert_eq!(store.size().objects, 20);
    let watches = async || subject.cluster.connection().requests().of(Verb::Watch) == 3;
    eventually("the definitions of kinds are watched as well", watches).await;
    let before = subject.cluster.connection().requests().all();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(subject.cluster.connection().requests().all(), before);
    assert_eq!(
        subject.cluster.connection().requests().of(Verb::List),
        0,
        "lists are streamed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_watch_a_namespace_only_does() {
    let subject = Subject::new("narrow").await;
    let body = subject.map("a", "x");
    subject.apply(&body).await.unwrap();
    let token = subject.server.service_account(&subject.namespace, "observer").unwrap();
    let (_folder, access) = kubeconfig_of(subject.server, &token);
    let limits = windlass_cluster::call::Limits::default();
    let connection = windlass_cluster::connect::Connection::open(&access, limits)
        .await
        .unwrap();
    let cluster = windlass_cluster::cluster::Cluster::new(connection);
    let store = Store::new(cluster, &subject.namespace);
    let (resource, id) = subject.resource(&body).await;
    store.ensure(&resource, &subject.namespace);
    store.synced(&resource, &subject.namespace, SOON).await.unwrap();
    assert!(store.see(&resource, &id, &subject.owner("api")).live().is_some());
    // Where it may not, it says so.
    store.ensure(&resource, "default");
    let state = store
        .synced(&resource, "default", Duration::from_secs(2))
        .await
        .unwrap_err();
    assert!(
        matches!(&state, Sync::Lost { why, .. } if why.contains("cannot watch") || why.contains("forbidden")),
        "{state:?}"
    );
}
