//! What a proxy before the API server spoils: no write is lost or made twice, and no edit made meanwhile stays unseen.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_cluster::store::{Sight, Store, Sync};
use windlass_tests::cluster::{
    Cluster as Server, Proxy,
    proxy::{Fault, Rule},
};

use super::subject::{SOON, Subject, eventually};

struct Spoiled {
    proxy: Proxy,
    subject: Subject,
}

impl Spoiled {
    async fn new(stem: &str) -> Self {
        let proxy = Server::shared().proxy().unwrap();
        let subject = Subject::through(stem, proxy.url()).await;
        Self { proxy, subject }
    }

    fn spoil(&self, requests: &str, fault: Fault, times: usize) {
        self.proxy.spoil(Rule::new(requests, fault).unwrap().times(times));
    }

    async fn following(&self, body: &Value) -> Store {
        let store = self.subject.store();
        let (resource, _) = self.subject.resource(body).await;
        store.ensure(&resource, &self.subject.namespace);
        store.synced(&resource, &self.subject.namespace, SOON).await.unwrap();
        store
    }

    /// Edits an object past the proxy, and waits until the store knows.
    async fn edit_is_seen(&self, store: &Store, body: &Value, value: &str) {
        let (resource, id) = self.subject.resource(body).await;
        let owner = self.subject.owner("api");
        self.subject
            .edit(body, "kubectl-edit", &json!({"data": {"a": value}}))
            .await;
        let live = self.subject.live(body).await;
        let version = live["metadata"]["resourceVersion"].as_str().unwrap();
        eventually("the edit is seen", async || {
            matches!(store.see(&resource, &id, &owner), Sight::Live(live) if live.reduced.resource_version == version)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_through_what_passes() {
    let spoiled = Spoiled::new("writes").await;
    let subject = &spoiled.subject;
    let status = |code, retry_after| Fault::Status { code, retry_after };
    for (number, fault) in [
        status(429, Some(1)),
        status(503, Some(1)),
        status(500, None),
        status(504, None),
        Fault::Reset,
        Fault::LostAnswer,
        Fault::ResetAfter(10),
        Fault::Delay(Duration::from_millis(300)),
        Fault::Slow {
            piece: 100,
            pause: Duration::from_millis(5),
        },
    ]
    .into_iter()
    .enumerate()
    {
        let body = subject.map(&format!("m{number}"), "x");
        spoiled.spoil("^PATCH ", fault, 2);
        subject
            .apply(&body)
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        spoiled.proxy.heal();
        let live = subject.live(&body).await;
        assert_eq!(live["data"]["a"], "x");
        assert_eq!(
            live["metadata"]["managedFields"].as_array().unwrap().len(),
            1,
            "{fault:?}"
        );
        spoiled.spoil("^DELETE ", fault, 2);
        let uid = live["metadata"]["uid"].as_str().unwrap();
        subject
            .delete(&body, uid, None)
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        spoiled.proxy.heal();
        let path = subject.path(&body).await;
        assert_eq!(
            subject.person().send("GET", &path, None).unwrap().status,
            404,
            "{fault:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_busy_is_given_up_in_words() {
    let spoiled = Spoiled::new("busy").await;
    spoiled.spoil(
        "^PATCH ",
        Fault::Status {
            code: 503,
            retry_after: None,
        },
        1000,
    );
    let body = spoiled.subject.map("a", "x");
    // The kind is known already, so that only the write is refused.
    spoiled.subject.resource(&body).await;
    let refused = spoiled.subject.apply(&body).await.unwrap_err();
    assert!(
        refused.is_transient() && refused.to_string().contains("503"),
        "{refused:?}"
    );
    let tries = spoiled
        .proxy
        .take_seen()
        .iter()
        .filter(|seen| seen.method == "PATCH")
        .count();
    assert_eq!(tries, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_a_watch_ends_loses_nothing() {
    let spoiled = Spoiled::new("ends").await;
    let body = spoiled.subject.map("a", "x");
    spoiled.subject.apply(&body).await.unwrap();
    let store = spoiled.following(&body).await;
    let mut changes = store.subscribe();
    let watch = "/configmaps\\?.*watch=true";
    for (number, fault) in [
        Fault::EndAfter(1),
        Fault::CutAfter(1),
        Fault::ExpireAfter(1),
        Fault::ResetAfter(3000),
        Fault::Reset,
        Fault::Status {
            code: 410,
            retry_after: None,
        },
        Fault::Status {
            code: 429,
            retry_after: Some(1),
        },
        Fault::Status {
            code: 500,
            retry_after: None,
        },
    ]
    .into_iter()
    .enumerate()
    {
        spoiled.spoil(watch, fault, 2);
        // The watch that is open knows of no rule.
        spoiled.proxy.cut();
        for edit in 0..3 {
            spoiled.edit_is_seen(&store, &body, &format!("{number}-{edit}")).await;
        }
        spoiled.proxy.heal();
        spoiled.edit_is_seen(&store, &body, &format!("{number}-healed")).await;
    }
    let told = changes.now();
    assert_eq!(told.len(), 1, "however often it changed, it is told once");
    assert!(told[0].after.live().is_some(), "and never as gone: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_the_server_is_away_is_found() {
    let spoiled = Spoiled::new("away").await;
    let subject = &spoiled.subject;
    let (edited, deleted, stripped) = (
        subject.map("edited", "x"),
        subject.map("deleted", "x"),
        subject.map("stripped", "x"),
    );
    for body in [&edited, &deleted, &stripped] {
        subject.apply(body).await.unwrap();
    }
    let store = spoiled.following(&edited).await;
    let (resource, id) = subject.resource(&edited).await;
    let owner = subject.owner("api");
    let mut changes = store.subscribe();
    spoiled.proxy.down();
    let is_lost = async || {
        matches!(
            store.sync_of(&resource, &subject.namespace),
            Sync::Lost { was_synced: true, .. }
        )
    };
    eventually("the store says that it sees nothing", is_lost).await;
    assert!(
        store.see(&resource, &id, &owner).live().is_some(),
        "what was known is kept"
    );
    let person = subject.person();
    let path = |name: &str| format!("/api/v1/namespaces/{}/configmaps/{name}", subject.namespace);
    person
        .merge(&path("edited"), &json!({"data": {"a": "edited"}}))
        .unwrap();
    person.delete(&path("deleted")).unwrap();
    person
        .merge(&path("stripped"), &json!({"metadata": {"labels": null}}))
        .unwrap();
    let mut new = subject.map("new", "x");
    owner.stamp(
        &mut new,
        &windlass_core::model::ObjectId {
            name: "new".into(),
            ..id.clone()
        },
    );
    person
        .create(&format!("/api/v1/namespaces/{}/configmaps", subject.namespace), &new)
        .unwrap();
    assert!(changes.now().is_empty());
    spoiled.proxy.up();
    let mut told = std::collections::BTreeMap::new();
    eventually("all of it is told", async || {
        told.extend(
            changes
                .now()
                .into_iter()
                .map(|changed| (changed.id.name.clone(), changed.after)),
        );
        told.len() == 4
    })
    .await;
    assert_eq!(told["deleted"], Sight::Absent);
    assert!(told["edited"].live().is_some() && told["stripped"].live().is_some() && told["new"].live().is_some());
    assert!(store.sync_of(&resource, &subject.namespace).is_synced());
}
