use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::{sync::mpsc, time::sleep};
use windlass_core::diff::Mark;

use super::*;
use crate::{
    connect::Connection,
    fake::{Chunk, Fake, Reply, Seen},
};

const INSTALLATION_ID: &str = "0123456789ab";

fn owner(app: &str) -> Owner {
    Owner {
        installation: INSTALLATION_ID.into(),
        namespace: "default".into(),
        app: app.into(),
    }
}

fn maps() -> Resource {
    kind("ConfigMap", "configmaps")
}

fn kind(kind: &str, plural: &str) -> Resource {
    Resource {
        group: String::new(),
        version: "v1".into(),
        kind: kind.into(),
        plural: plural.into(),
        namespaced: true,
    }
}

fn id_of(resource: &Resource, name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: resource.kind.clone(),
        namespace: "shop".into(),
        name: name.into(),
    }
}

/// A living object of an app.
fn live(resource: &Resource, app: &str, name: &str, version: &str, value: &str) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": resource.kind, "data": {"a": value},
        "metadata": {"namespace": "shop", "name": name, "uid": format!("u-{name}"), "resourceVersion": version,
            "managedFields": [{"manager": owner(app).manager(), "operation": "Apply", "apiVersion": "v1",
                "fieldsV1": {"f:data": {"f:a": {}}}}]}});
    owner(app).stamp(&mut object, &id_of(resource, name));
    object
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn end_of_list(version: &str) -> Value {
    json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version, "annotations": {"k8s.io/initial-events-end": "true"}}}})
}

/// The watch of config maps tells that `a` has another version.
fn modified(watch: &mpsc::UnboundedSender<Value>, version: &str, value: &str) {
    let object = live(&maps(), "api", "a", version, value);
    watch.send(event("MODIFIED", &object)).unwrap();
}

fn refuse_definitions(seen: &Seen) -> Option<Reply> {
    let path = seen.path();
    let is_definition = path.ends_with("/customresourcedefinitions") || path.ends_with("/apiservices");
    is_definition.then(|| Reply::status(403, "Forbidden", "no"))
}

/// A store over a server whose watch of config maps says what is sent here, line by line; other requests are answered by the
/// function.
fn store(
    first: Vec<Value>,
    mut other: impl FnMut(&Seen) -> Reply + Send + 'static,
) -> (Store, mpsc::UnboundedSender<Value>, Fake) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
    let (connection, fake) = Fake::new(move |seen| {
        if let Some(reply) = refuse_definitions(seen) {
            return reply;
        }
        if !seen.uri.contains("watch=true") {
            return other(seen);
        }
        Reply::Live(first.clone(), Arc::clone(&receiver))
    });
    let store = Store::new(Cluster::new(connection), INSTALLATION_ID);
    (store, sender, fake)
}

fn nothing(seen: &Seen) -> Reply {
    panic!("unexpected request {}", seen.line())
}

/// Whether it is read by name or listed by name.
fn gone(seen: &Seen) -> Reply {
    if seen.uri.contains("fieldSelector=") {
        return Reply::Json(200, json!({"items": []}));
    }
    Reply::Json(
        404,
        json!({"code": 404, "reason": "NotFound", "details": {"name": "a", "kind": "configmaps"}}),
    )
}

async fn synced(store: &Store, resource: &Resource) {
    store.ensure(resource, "shop");
    store.synced(resource, "shop", Duration::from_secs(5)).await.unwrap();
}

async fn settle() {
    sleep(Duration::from_millis(20)).await;
}

fn version(sight: &Sight) -> &str {
    match sight {
        Sight::Live(live) => &live.reduced.resource_version,
        Sight::Unsure { resource_version, .. } => resource_version,
        Sight::Absent => "absent",
        Sight::Unknown => "unknown",
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_there_is_known_after_the_first_list_and_changes_are_told() {
    let first = vec![event("ADDED", &live(&maps(), "api", "a", "3", "x")), end_of_list("9")];
    let (store, watch, fake) = store(first, nothing);
    let (resource, id) = (maps(), id_of(&maps(), "a"));
    assert_eq!(store.see(&resource, &id, &owner("api")), Sight::Unknown);
    assert_eq!(store.sync_of(&resource, "shop"), Sync::Unwatched);
    let mut changes = store.subscribe();
    synced(&store, &resource).await;
    let before = store.see(&resource, &id, &owner("api"));
    assert!(before.live().unwrap().reduced.is_applied());
    assert_eq!(
        store.see(&resource, &id_of(&resource, "b"), &owner("api")),
        Sight::Absent
    );
    // What the first list holds is news to nobody.
    assert!(changes.now().is_empty());

    modified(&watch, "10", "edited");
    modified(&watch, "11", "again");
    settle().await;
    let told = changes.next().await;
    assert_eq!(told.len(), 1);
    assert_eq!((version(&told[0].before), version(&told[0].after)), ("3", "11"));
    assert_eq!(told[0].owner.as_deref(), Some(&owner("api")));
    assert_ne!(
        told[0].before.live().unwrap().reduced.projection,
        told[0].after.live().unwrap().reduced.projection
    );
    // A new version alone is no change.
    modified(&watch, "12", "again");
    settle().await;
    assert!(changes.now().is_empty());
    assert_eq!(version(&store.see(&resource, &id, &owner("api"))), "12");
    let label = format!("labelSelector=windlass.dev%2Finstallation%3D{INSTALLATION_ID}");
    let watches = fake.lines().into_iter().filter(|line| line.contains("/configmaps?"));
    assert!(watches.into_iter().all(|line| line.contains(&label)));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_lags_behind_a_write_shows_no_drift() {
    let first = vec![event("ADDED", &live(&maps(), "api", "a", "3", "x")), end_of_list("9")];
    let (store, watch, _) = store(first, nothing);
    let (resource, id) = (maps(), id_of(&maps(), "a"));
    synced(&store, &resource).await;
    let mut changes = store.subscribe();
    store.wrote(&resource, &id, &owner("api"), &live(&maps(), "api", "a", "20", "new"));
    // The edit that was just undone, then our own write.
    modified(&watch, "15", "edited");
    modified(&watch, "20", "new");
    settle().await;
    assert!(changes.now().is_empty());
    assert_eq!(version(&store.see(&resource, &id, &owner("api"))), "20");
    // Older by text, newer by number.
    modified(&watch, "100", "edited");
    settle().await;
    assert_eq!(changes.now().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn versions_that_are_no_numbers_are_older_until_ours_comes() {
    let first = vec![event("ADDED", &live(&maps(), "api", "a", "ab", "x")), end_of_list("ac")];
    let (store, watch, _) = store(first, nothing);
    let (resource, id) = (maps(), id_of(&maps(), "a"));
    synced(&store, &resource).await;
    let mut changes = store.subscribe();
    store.wrote(&resource, &id, &owner("api"), &live(&maps(), "api", "a", "zz", "new"));
    modified(&watch, "zy", "edited");
    settle().await;
    assert!(changes.now().is_empty());
    modified(&watch, "zz", "new");
    modified(&watch, "b", "edited");
    settle().await;
    assert_eq!(version(&changes.now()[0].after), "b");
}

#[tokio::test(start_paused = true)]
async fn what_leaves_the_watch_is_asked_for() {
    let first = vec![event("ADDED", &live(&maps(), "api", "a", "3", "x")), end_of_list("9")];
    let (resource, id) = (maps(), id_of(&maps(), "a"));

    let (one, watch, _) = store(first.clone(), gone);
    synced(&one, &resource).await;
    let mut changes = one.subscribe();
    watch
        .send(event("DELETED", &live(&maps(), "api", "a", "10", "x")))
        .unwrap();
    let told = changes.next().await;
    assert_eq!(told[0].after, Sight::Absent);
    assert_eq!(one.see(&resource, &id, &owner("api")), Sight::Absent);

    // Its label was stripped, and with it its mark.
    let (one, watch, fake) = store(first.clone(), |_| {
        let mut stripped = live(&maps(), "api", "a", "10", "x");
        stripped["metadata"]["labels"] = json!({});
        stripped["metadata"]["annotations"] = json!({});
        Reply::Json(200, json!({"items": [stripped]}))
    });
    synced(&one, &resource).await;
    let mut changes = one.subscribe();
    watch
        .send(event("DELETED", &live(&maps(), "api", "a", "10", "x")))
        .unwrap();
    let told = changes.next().await;
    assert_eq!(told[0].after.live().unwrap().reduced.mark, Mark::Absent);
    assert_eq!(told[0].owner.as_deref(), Some(&owner("api")));
    // Nobody watches it now, so nobody may believe that it stays so.
    assert_eq!(one.see(&resource, &id, &owner("api")), Sight::Absent);
    let seen = fake.seen();
    let by_name = "/api/v1/namespaces/shop/configmaps?fieldSelector=metadata.name%3Da";
    let asked = seen.iter().find(|seen| seen.uri == by_name).unwrap();
    assert!(!asked.headers.contains_key("impersonate-user"));

    // Nobody can tell: who may read it has to.
    let (one, watch, _) = store(first, |_| Reply::status(403, "Forbidden", "no"));
    synced(&one, &resource).await;
    let mut changes = one.subscribe();
    watch
        .send(event("DELETED", &live(&maps(), "api", "a", "10", "x")))
        .unwrap();
    assert!(matches!(&changes.next().await[0].after, Sight::Unsure { uid, .. } if uid == "u-a"));
}

#[tokio::test(start_paused = true)]
async fn what_we_delete_is_not_asked_for() {
    let first = vec![event("ADDED", &live(&maps(), "api", "a", "3", "x")), end_of_list("9")];
    let (store, watch, _) = store(first, nothing);
    let resource = maps();
    synced(&store, &resource).await;
    let mut changes = store.subscribe();
    store.doomed(&resource, "u-a");
    watch
        .send(event("DELETED", &live(&maps(), "api", "a", "10", "x")))
        .unwrap();
    assert_eq!(changes.next().await[0].after, Sight::Absent);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_is_older_than_what_was_written_since_is_none() {
    let first = vec![event("ADDED", &live(&maps(), "api", "a", "3", "x")), end_of_list("9")];
    let (store, watch, _) = store(first, nothing);
    let (resource, id) = (maps(), id_of(&maps(), "a"));
    synced(&store, &resource).await;
    let mut again = live(&maps(), "api", "a", "20", "x");
    again["metadata"]["uid"] = "u-2".into();
    store.wrote(&resource, &id, &owner("api"), &again);
    watch
        .send(event("DELETED", &live(&maps(), "api", "a", "15", "x")))
        .unwrap();
    settle().await;
    assert_eq!(version(&store.see(&resource, &id, &owner("api"))), "20");
}

#[tokio::test(start_paused = true)]
async fn what_a_new_list_lacks_is_asked_for() {
    let first = vec![
        event("ADDED", &live(&maps(), "api", "a", "3", "x")),
        event("ADDED", &live(&maps(), "api", "b", "4", "x")),
        end_of_list("9"),
    ];
    let second = vec![
        event("ADDED", &live(&maps(), "api", "b", "12", "edited")),
        end_of_list("20"),
    ];
    let lists = AtomicUsize::new(0);
    let (connection, _) = Fake::new(move |seen| {
        if let Some(reply) = refuse_definitions(seen) {
            return reply;
        }
        if !seen.uri.contains("watch=true") {
            return gone(seen);
        }
        if !seen.uri.contains("sendInitialEvents") {
            return Reply::status(410, "Expired", "too old");
        }
        let lines = |events: &[Value]| events.iter().map(|e| Chunk::Text(format!("{e}\n"))).collect::<Vec<_>>();
        match lists.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::Chunks([lines(&first), vec![Chunk::Wait(Duration::from_secs(5))]].concat()),
            _ => Reply::Chunks([lines(&second), vec![Chunk::Open]].concat()),
        }
    });
    let store = Store::new(Cluster::new(connection), INSTALLATION_ID);
    let resource = maps();
    synced(&store, &resource).await;
    let mut changes = store.subscribe();
    sleep(Duration::from_secs(10)).await;
    let told = changes.now();
    let told: Vec<_> = told
        .iter()
        .map(|c| (c.id.name.as_str(), version(&c.before), version(&c.after)))
        .collect();
    assert_eq!(told, [("a", "3", "absent"), ("b", "4", "12")]);
    assert!(store.sync_of(&resource, "shop").is_synced());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_lost_says_since_when_and_keeps_what_it_knew() {
    let first = [event("ADDED", &live(&maps(), "api", "a", "3", "x")), end_of_list("9")];
    let up = Arc::new(Mutex::new(true));
    let is_up = Arc::clone(&up);
    let (connection, _) = Fake::new(move |seen| {
        if let Some(reply) = refuse_definitions(seen) {
            return reply;
        }
        match (*is_up.lock().unwrap(), seen.uri.contains("sendInitialEvents")) {
            (false, _) => Reply::Lost,
            (true, true) => {
                let lines = first.iter().map(|e| Chunk::Text(format!("{e}\n")));
                Reply::Chunks(
                    lines
                        .chain([Chunk::Wait(Duration::from_secs(3)), Chunk::Reset])
                        .collect(),
                )
            }
            (true, false) => Reply::events([]),
        }
    });
    let store = Store::new(Cluster::new(connection), INSTALLATION_ID);
    let resource = maps();
    synced(&store, &resource).await;
    let started = Instant::now();
    *up.lock().unwrap() = false;
    sleep(Duration::from_secs(20)).await;
    let Sync::Lost { since, why, was_synced } = store.sync_of(&resource, "shop") else {
        panic!("not lost");
    };
    assert_eq!((since - started).as_secs(), 3);
    assert!(was_synced && why.contains("no answer from"), "{why}");
    assert_eq!(
        version(&store.see(&resource, &id_of(&resource, "a"), &owner("api"))),
        "3"
    );
    *up.lock().unwrap() = true;
    sleep(Duration::from_secs(60)).await;
    assert!(store.sync_of(&resource, "shop").is_synced());
}

#[tokio::test(start_paused = true)]
async fn of_a_secret_only_who_may_reads_knows_more_than_that_it_changed() {
    let secrets = kind("Secret", "secrets");
    let mut metadata = live(&secrets, "api", "a", "3", "x");
    metadata.as_object_mut().unwrap().remove("data");
    let (store, watch, _) = store(vec![event("ADDED", &metadata), end_of_list("9")], nothing);
    let id = id_of(&secrets, "a");
    synced(&store, &secrets).await;
    assert!(
        matches!(store.see(&secrets, &id, &owner("api")), Sight::Unsure { uid, resource_version } if uid == "u-a" && resource_version == "3")
    );
    // Read as the tenant.
    store.wrote(&secrets, &id, &owner("api"), &live(&secrets, "api", "a", "3", "x"));
    assert!(store.see(&secrets, &id, &owner("api")).live().is_some());
    watch.send(event("MODIFIED", &metadata)).unwrap();
    settle().await;
    assert!(store.see(&secrets, &id, &owner("api")).live().is_some());
    let mut changes = store.subscribe();
    metadata["metadata"]["resourceVersion"] = "11".into();
    watch.send(event("MODIFIED", &metadata)).unwrap();
    let told = changes.next().await;
    assert!(told[0].before.live().is_some());
    assert!(matches!(told[0].after, Sight::Unsure { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_deletion_right_after_a_write_is_told() {
    let (store, watch, _) = store(vec![end_of_list("9")], gone);
    let (resource, id) = (maps(), id_of(&maps(), "a"));
    synced(&store, &resource).await;
    let mut changes = store.subscribe();
    // The watch is faster than the answer to the write, so that what comes to nothing in sum is waiting already.
    let written = live(&maps(), "api", "a", "10", "x");
    watch.send(event("ADDED", &written)).unwrap();
    settle().await;
    store.wrote(&resource, &id, &owner("api"), &written);
    watch
        .send(event("DELETED", &live(&maps(), "api", "a", "11", "x")))
        .unwrap();
    settle().await;
    let told = changes.now();
    assert_eq!((&told[0].before, &told[0].after), (&Sight::Absent, &Sight::Absent));
    // Nor does what is written over what was told hide it.
    store.wrote(&resource, &id, &owner("api"), &live(&maps(), "api", "a", "12", "x"));
    watch
        .send(event("DELETED", &live(&maps(), "api", "a", "13", "x")))
        .unwrap();
    assert_eq!(changes.next().await[0].after, Sight::Absent);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_is_read_in_somebodys_name() {
    let mut unlabelled = live(&maps(), "api", "lost", "5", "x");
    unlabelled["metadata"]["labels"] = json!({});
    let (one, _watch, fake) = store(vec![end_of_list("9")], move |seen| {
        match seen.path().rsplit('/').next() {
            Some("a") => Reply::Json(200, live(&maps(), "api", "a", "10", "x")),
            Some("lost") => Reply::Json(200, unlabelled.clone()),
            _ => gone(seen),
        }
    });
    let (resource, actor) = (maps(), Actor::service_account("shop", "deployer").unwrap());
    synced(&one, &resource).await;
    let look = async |name: &str| {
        let id = id_of(&maps(), name);
        one.look(&actor, &maps(), &id, &owner("api")).await.unwrap()
    };
    for _ in 0..2 {
        assert_eq!(look("a").await.unwrap().reduced.resource_version, "10");
        assert_eq!(look("lost").await.unwrap().reduced.resource_version, "5");
        assert_eq!(look("none").await, None);
    }
    // The first is known after one look; of the others no watch tells.
    let reads: Vec<_> = fake
        .seen()
        .into_iter()
        .filter(|seen| !seen.uri.contains("watch=true"))
        .collect();
    assert_eq!(reads.len(), 5);
    assert!(
        reads
            .iter()
            .all(|seen| seen.headers["impersonate-user"] == "system:serviceaccount:shop:deployer")
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_is_seen_by_whose_it_is() {
    let mut unmarked = live(&maps(), "api", "lost", "4", "x");
    unmarked["metadata"]["annotations"] = json!({});
    let first = vec![
        event("ADDED", &live(&maps(), "api", "a", "3", "x")),
        event("ADDED", &unmarked),
        end_of_list("9"),
    ];
    let (store, _watch, _) = store(first, nothing);
    let resource = maps();
    synced(&store, &resource).await;
    let mine = store.see(&resource, &id_of(&resource, "a"), &owner("api"));
    assert_eq!(mine.live().unwrap().reduced.mark, Mark::Ours);
    let others = store.see(&resource, &id_of(&resource, "a"), &owner("web"));
    assert_eq!(others.live().unwrap().reduced.mark, Mark::Other("default/api".into()));
    assert!(!others.live().unwrap().reduced.is_applied());
    // Whose was it? Not to be guessed.
    let lost = store.see(&resource, &id_of(&resource, "lost"), &owner("api"));
    assert!(matches!(lost, Sight::Unsure { .. }));
}

#[tokio::test(start_paused = true)]
async fn who_may_not_watch_everything_watches_namespace_by_namespace() {
    let (connection, fake) = Fake::new(|seen| match seen.path() {
        "/api/v1/namespaces/shop/configmaps" => {
            Reply::events([event("ADDED", &live(&maps(), "api", "a", "3", "x")), end_of_list("9")])
        }
        "/api/v1/namespaces/other/configmaps" => Reply::events([end_of_list("9")]),
        _ => Reply::status(403, "Forbidden", "no"),
    });
    let store = Store::new(Cluster::new(connection), INSTALLATION_ID);
    let resource = maps();
    store.ensure(&resource, "shop");
    store.ensure(&resource, "other");
    store.synced(&resource, "shop", Duration::from_secs(5)).await.unwrap();
    store.synced(&resource, "other", Duration::from_secs(5)).await.unwrap();
    assert!(
        store
            .see(&resource, &id_of(&resource, "a"), &owner("api"))
            .live()
            .is_some()
    );
    assert_eq!(store.size().watches, 2);
    store.ensure(&resource, "third");
    assert_eq!(store.size().watches, 3);
    assert!(matches!(
        store.synced(&resource, "third", Duration::from_secs(5)).await,
        Err(Sync::Lost { was_synced: false, .. })
    ));
    assert!(!fake.lines().is_empty());
}

#[tokio::test(start_paused = true)]
async fn kinds_that_nobody_needs_are_forgotten() {
    let first = vec![event("ADDED", &live(&maps(), "api", "a", "3", "x")), end_of_list("9")];
    let (store, _watch, _) = store(first, nothing);
    let resource = maps();
    synced(&store, &resource).await;
    assert_eq!((store.size().watches, store.size().objects), (1, 1));
    store.keep_only(&BTreeSet::new());
    assert_eq!(store.size(), Size::default());
    assert_eq!(
        store.see(&resource, &id_of(&resource, "a"), &owner("api")),
        Sight::Unknown
    );
    // And what is dropped ends.
    let weak = Arc::downgrade(&store.inner);
    drop(store);
    settle().await;
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_object_takes_some_hundred_bytes_whatever_its_size() {
    let first: Vec<_> = (0..1000)
        .map(|n| {
            let mut large = live(&maps(), "api", &format!("config-{n:05}"), "1234567", &"x".repeat(5_000));
            large["metadata"]["uid"] = "0b4b6a1c-6c5f-4a39-9a39-5b8f1d7e2c11".into();
            event("ADDED", &large)
        })
        .chain([end_of_list("1234567")])
        .collect();
    let (store, _watch, _) = store(first, nothing);
    synced(&store, &maps()).await;
    let size = store.size();
    assert_eq!(size.objects, 1000);
    assert!(size.bytes < 500 * 1000, "{} bytes an object", size.bytes / 1000);
}

#[tokio::test(start_paused = true)]
async fn changed_definitions_are_counted_and_discovery_asks_anew() {
    let (connection, fake) = Fake::new(|seen| {
        if seen.path().ends_with("/customresourcedefinitions") && !seen.uri.contains("resourceVersion=") {
            let crd = json!({"metadata": {"name": "widgets.example.com", "resourceVersion": "5"}});
            let (added, later) = (event("ADDED", &crd), event("MODIFIED", &crd));
            let line = |event: &Value| Chunk::Text(format!("{event}\n"));
            return Reply::Chunks(vec![
                line(&added),
                line(&end_of_list("9")),
                Chunk::Wait(Duration::from_secs(1)),
                line(&later),
                Chunk::Open,
            ]);
        }
        match seen.path() {
            "/version" => Reply::Json(200, json!({"gitVersion": "v1.37.2"})),
            "/api" | "/apis" => Reply::Json(200, json!({"kind": "APIGroupDiscoveryList", "items": []})),
            _ => Reply::Silence,
        }
    });
    let cluster = Cluster::new(connection);
    cluster.discovery().facts().await.unwrap();
    let store = Store::new(cluster.clone(), INSTALLATION_ID);
    let mut definitions = store.definitions();
    definitions.changed().await.unwrap();
    assert_eq!(*definitions.borrow(), 1);
    cluster.discovery().facts().await.unwrap();
    let looks = fake.lines().iter().filter(|line| line.contains("/version")).count();
    assert_eq!(looks, 2);
}

/// Many writers, many readers, a watch that is cut all the time: nothing is lost.
#[tokio::test]
async fn nothing_is_lost_under_load() {
    let served = Arc::new(Mutex::new((0u64, Vec::<(u64, Value)>::new())));
    let server = Arc::clone(&served);
    let (connection, _): (Connection, _) = Fake::new(move |seen| {
        if let Some(reply) = refuse_definitions(seen) {
            return reply;
        }
        let state = server.lock().unwrap();
        let after = seen
            .uri
            .split("resourceVersion=")
            .nth(1)
            .and_then(|v| v.split('&').next()?.parse::<u64>().ok());
        let events = state
            .1
            .iter()
            .filter(|(version, _)| after.is_none_or(|after| *version > after));
        let mut lines: Vec<_> = events.map(|(_, event)| Chunk::Text(format!("{event}\n"))).collect();
        if after.is_none() {
            lines.push(Chunk::Text(format!("{}\n", end_of_list(&state.0.to_string()))));
        }
        lines.push(Chunk::Wait(Duration::from_millis(5)));
        lines.push(Chunk::Reset);
        Reply::Chunks(lines)
    });
    let store = Store::new(Cluster::new(connection), INSTALLATION_ID);
    let resource = maps();
    synced(&store, &resource).await;
    for round in 0..200u64 {
        let name = format!("m{}", round % 10);
        let object = live(&resource, "api", &name, &(round + 1).to_string(), &round.to_string());
        {
            let mut state = served.lock().unwrap();
            state.0 = round + 1;
            state.1.push((round + 1, event("MODIFIED", &object)));
        }
        if round % 3 == 0 {
            store.wrote(&resource, &id_of(&resource, &name), &owner("api"), &object);
        }
        if round % 20 == 0 {
            sleep(Duration::from_millis(2)).await;
        }
    }
    let last = |n: u64| {
        live(
            &resource,
            "api",
            &format!("m{n}"),
            &(191 + n).to_string(),
            &(190 + n).to_string(),
        )
    };
    for attempt in 0.. {
        let done = (0..10).all(|n| {
            let id = id_of(&resource, &format!("m{n}"));
            version(&store.see(&resource, &id, &owner("api"))) == (191 + n).to_string()
        });
        if done {
            break;
        }
        assert!(attempt < 500, "the store never caught up");
        sleep(Duration::from_millis(20)).await;
    }
    for n in 0..10 {
        let id = id_of(&resource, &format!("m{n}"));
        let expected = windlass_core::live::reduce(&last(n), &id, &owner("api"), &[]).unwrap();
        assert_eq!(
            store.see(&resource, &id, &owner("api")).live().unwrap().reduced,
            expected
        );
    }
}
