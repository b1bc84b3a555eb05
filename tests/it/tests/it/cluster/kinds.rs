//! Which kinds there are, on a server where they come, go and break.

use serde_json::{Value, json};
use windlass_cluster::{
    call::Limits,
    cluster::Cluster,
    connect::{Access, Connection},
    delete::Deleted,
    discovery::KindError,
    identity::Actor,
    refusal::Refusal,
};
use windlass_core::health::{State, assess};
use windlass_tests::cluster::Cluster as Server;

use super::subject::{Ask, SOON, Subject, eventually};

fn definition(group: &str) -> Value {
    let spec = json!({"type": "object", "properties": {"size": {"type": "integer"}}});
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("widgets.{group}")},
        "spec": {"group": group, "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_appears_is_used_and_followed_within_the_second() {
    let subject = Subject::new("kinds").await;
    let group = format!("{}.example.com", subject.namespace);
    let store = subject.store();
    let mut definitions = store.definitions();
    let widget = subject.object(&format!("{group}/v1"), "Widget", "a", json!({"spec": {"size": 1}}));
    let missing = subject.apply(&widget).await.unwrap_err();
    assert!(
        matches!(missing, Refusal::Kind(KindError::NoMatch { .. })),
        "{missing:?}"
    );

    let crd = definition(&group);
    let applied = subject.ask_as(&Actor::Own, &crd, Ask::default()).await.unwrap();
    let (resource, id) = subject.resource(&crd).await;
    store.ensure(&resource, "");
    store.synced(&resource, "", SOON).await.unwrap();
    let owner = subject.owner("api");
    let is_ready = async || {
        let sight = store.see(&resource, &id, &owner);
        sight.live().is_some_and(|live| live.is_ready(&resource))
    };
    eventually("the definition is established", is_ready).await;
    // Told by the watch of definitions, so that the next question asks the server.
    tokio::time::timeout(SOON, definitions.changed())
        .await
        .unwrap()
        .unwrap();
    let found = async || subject.ask_as(&Actor::Own, &widget, Ask::default()).await.is_ok();
    eventually("an object of the new kind is written", found).await;
    let facts = subject.cluster.discovery().facts().await.unwrap();
    assert!(facts.apis.contains(&format!("{group}/v1/Widget")));

    let (widgets, name) = subject.resource(&widget).await;
    store.ensure(&widgets, &subject.namespace);
    store.synced(&widgets, &subject.namespace, SOON).await.unwrap();
    assert!(store.see(&widgets, &name, &owner).live().is_some());

    // With the definition its objects go, and the watch says so.
    let mut changes = store.subscribe();
    let doomed = windlass_cluster::delete::Doomed {
        resource: &resource,
        id: &id,
        uid: &applied.reduced.uid,
        resource_version: None,
        propagation: windlass_cluster::delete::Propagation::Background,
        dry_run: false,
    };
    let deleted = subject.cluster.delete(&Actor::Own, doomed, |_| true).await.unwrap();
    assert!(
        matches!(deleted, Deleted::Terminating { .. } | Deleted::Gone),
        "{deleted:?}"
    );
    let is_told = async || {
        let told = changes.now();
        told.iter()
            .any(|changed| changed.id == name && changed.after.live().is_none())
    };
    let mut is_told = is_told;
    eventually("the object went with its definition", async || is_told().await).await;
    eventually("the kind is gone", async || {
        subject.cluster.discovery().expire();
        matches!(
            subject.apply(&widget).await,
            Err(Refusal::Kind(KindError::NoMatch { .. }))
        )
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_whose_server_is_down_is_unknown() {
    // One of its own: as long as an aggregated API is absent, no namespace can be deleted.
    let server = Server::start().unwrap();
    server.absent_api("absent.example.com").unwrap();
    let access = Access::Files {
        paths: vec![server.kubeconfig().to_owned()],
        context: None,
    };
    let connection = Connection::open(&access, Limits::default()).await.unwrap();
    let cluster = Cluster::new(connection);
    let discovery = cluster.discovery();
    eventually("discovery says that the group is stale", async || {
        discovery.expire();
        matches!(
            discovery.resolve("absent.example.com", "v1", "Thing").await,
            Err(KindError::GroupUnavailable { .. })
        )
    })
    .await;
    let snapshot = discovery.snapshot().unwrap();
    let down: Vec<_> = snapshot.unavailable().map(|down| down.group.as_str()).collect();
    assert_eq!(down, ["absent.example.com"]);
    // All others are as sure as ever.
    discovery.resolve("apps", "v1", "Deployment").await.unwrap();
    assert!(matches!(
        discovery.resolve("apps", "v1", "Thing").await,
        Err(KindError::NoMatch { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_read_off_what_lives() {
    let subject = Subject::new("ready").await;
    let body = subject.deployment("api", 1);
    let applied = subject.apply(&body).await.unwrap();
    assert_eq!(assess(&applied.live).state, State::Progressing);
    eventually("the deployment is ready", async || {
        assess(&subject.live(&body).await).state == State::Healthy
    })
    .await;
    let mut stuck = body.clone();
    stuck["spec"]["progressDeadlineSeconds"] = 1.into();
    stuck["spec"]["template"]["spec"]["containers"][0]["image"] = "missing.invalid/a".into();
    subject.apply(&stuck).await.unwrap();
    eventually("a rollout that makes no progress fails", async || {
        assess(&subject.live(&body).await).state == State::Degraded
    })
    .await;
    let job = |image: &str, name: &str| {
        let pod = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": image}]}});
        subject.object(
            "batch/v1",
            "Job",
            name,
            json!({"spec": {"template": pod, "backoffLimit": 0}}),
        )
    };
    let done = job("busybox:1", "done");
    subject.apply(&done).await.unwrap();
    eventually("the job is complete", async || {
        assess(&subject.live(&done).await).state == State::Healthy
    })
    .await;
    let namespace = subject
        .person()
        .get(&format!("/api/v1/namespaces/{}", subject.namespace))
        .unwrap();
    assert_eq!(assess(&namespace).state, State::Healthy);
}

/// Server-side apply converts what it makes into the version under which a manager is noted: a field that only the new version has
/// is no field there.
#[tokio::test(flavor = "multi_thread")]
async fn an_object_moves_on_to_a_version_with_more_fields() {
    let subject = Subject::new("versions").await;
    let group = format!("{}.example.com", subject.namespace);
    let version = |name: &str, fields: Value, storage: bool| {
        let spec = json!({"type": "object", "properties": fields});
        let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}});
        json!({"name": name, "served": true, "storage": storage, "schema": schema})
    };
    let number = json!({"type": "integer"});
    let mut crd = definition(&group);
    crd["spec"]["versions"] = json!([
        version("v1alpha1", json!({"size": number, "gone": number}), false),
        version("v1", json!({"size": number, "more": number, "gone": number}), true),
    ]);
    subject.ask_as(&Actor::Own, &crd, Ask::default()).await.unwrap();
    let widget = |version: &str, spec: Value| {
        subject.object(&format!("{group}/{version}"), "Widget", "a", json!({"spec": spec}))
    };
    let old = widget("v1alpha1", json!({"size": 1, "gone": 1}));
    eventually("the kind is there", async || {
        subject.ask_as(&Actor::Own, &old, Ask::default()).await.is_ok()
    })
    .await;
    let new = widget("v1", json!({"size": 1, "more": 2}));
    let applied = subject.ask_as(&Actor::Own, &new, Ask::default()).await.unwrap();
    assert_eq!(applied.live["spec"], json!({"size": 1, "more": 2}));
    let entries = applied.live["metadata"]["managedFields"].as_array().unwrap();
    let versions: Vec<&Value> = entries.iter().map(|entry| &entry["apiVersion"]).collect();
    assert_eq!(versions, [&json!(format!("{group}/v1"))]);
}
