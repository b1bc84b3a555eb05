use std::sync::{Mutex, PoisonError};

use serde_json::json;

use super::*;
use crate::fake::{Chunk, Fake, Reply, Seen};

/// What a sink was told, in words.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Sink for Told {
    fn listing(&mut self) {
        self.note("listing");
    }

    fn seen(&mut self, object: &Value) {
        let (name, version) = (
            text(object, "/metadata/name"),
            text(object, "/metadata/resourceVersion"),
        );
        self.note(format!("seen {name}@{version} {}", text(object, "/kind")));
    }

    fn gone(&mut self, object: &Value) {
        self.note(format!("gone {}", text(object, "/metadata/name")));
    }

    fn listed(&mut self) {
        self.note("listed");
    }

    fn following(&mut self) {
        self.note("following");
    }

    fn lost(&mut self, error: &CallError) {
        self.note(format!("lost {}", error.code().unwrap_or_default()));
    }
}

fn spec() -> Spec {
    Spec {
        resource: Arc::new(Resource {
            group: String::new(),
            version: "v1".into(),
            kind: "ConfigMap".into(),
            plural: "configmaps".into(),
            namespaced: true,
        }),
        namespace: String::new(),
        selector: "windlass.dev/installation=0123456789ab".into(),
        field: String::new(),
        metadata: false,
    }
}

fn object(name: &str, version: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop", "resourceVersion": version}})
}

fn event(kind: &str, object: &Value) -> Value {
    json!({"type": kind, "object": object})
}

fn end_of_list(version: &str) -> Value {
    let mut end = object("", version);
    end["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    event("BOOKMARK", &end)
}

fn chunks(events: &[Value], end: Option<Chunk>) -> Reply {
    let lines = events.iter().map(|event| Chunk::Text(format!("{event}\n")));
    Reply::Chunks(lines.chain(end).collect())
}

/// What is told within that time, and the requests.
async fn watched(
    seconds: u64,
    spec: Spec,
    answer: impl FnMut(&Seen) -> Reply + Send + 'static,
) -> (Vec<String>, Vec<String>) {
    let (connection, fake) = Fake::new(answer);
    let told = Told::default();
    let task = tokio::spawn(run(connection, spec, told.clone()));
    sleep(Duration::from_secs(seconds)).await;
    task.abort();
    let short = |line: String| {
        let is_random = |pair: &&str| !pair.starts_with("timeoutSeconds") && !pair.starts_with("labelSelector");
        line.split('&').filter(is_random).collect::<Vec<_>>().join("&")
    };
    (told.take(), fake.lines().into_iter().map(short).collect())
}

fn scripted(replies: Vec<Reply>) -> impl FnMut(&Seen) -> Reply + Send + 'static {
    let mut replies = replies.into_iter();
    move |_| replies.next().unwrap_or(Reply::Silence)
}

#[tokio::test(start_paused = true)]
async fn a_stream_lists_and_follows() {
    let events = [
        event("ADDED", &object("a", "3")),
        event("ADDED", &object("b", "5")),
        end_of_list("9"),
        event("MODIFIED", &object("a", "10")),
        event("DELETED", &object("b", "11")),
        event("SOMETHING", &object("b", "12")),
    ];
    let (told, lines) = watched(1, spec(), scripted(vec![chunks(&events, Some(Chunk::Open))])).await;
    assert_eq!(
        told,
        [
            "listing",
            "seen a@3 ConfigMap",
            "seen b@5 ConfigMap",
            "listed",
            "following",
            "seen a@10 ConfigMap",
            "gone b"
        ]
    );
    assert_eq!(
        lines,
        [
            "GET /api/v1/configmaps?watch=true&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_resumed_where_it_was() {
    let first = [
        event("ADDED", &object("a", "3")),
        end_of_list("9"),
        event("BOOKMARK", &object("", "20")),
    ];
    let second = [event("MODIFIED", &object("a", "21"))];
    // A line that is cut comes again.
    let cut = Reply::Chunks(vec![Chunk::Text("{\"type\":\"MODI".into())]);
    let replies = vec![
        chunks(&first, None),
        chunks(&second, Some(Chunk::Text("{\"ty".into()))),
        cut,
    ];
    let (told, lines) = watched(5, spec(), scripted(replies)).await;
    assert_eq!(
        told[3..],
        ["following", "following", "seen a@21 ConfigMap", "following"]
    );
    let versions: Vec<_> = lines.iter().map(|line| line.rsplit('=').next().unwrap()).collect();
    assert_eq!(versions, ["NotOlderThan", "20", "21", "21"]);
}

#[tokio::test(start_paused = true)]
async fn a_version_too_old_begins_anew() {
    let list = || [event("ADDED", &object("a", "3")), end_of_list("9")];
    let expired =
        json!({"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}});
    for gone in [chunks(&[expired], None), Reply::status(410, "Gone", "too old")] {
        let replies = vec![chunks(&list(), None), gone, chunks(&list(), Some(Chunk::Open))];
        let (told, lines) = watched(5, spec(), scripted(replies)).await;
        // At once, and nothing is said to be lost.
        assert!(told.iter().all(|told| !told.starts_with("lost")), "{told:?}");
        assert_eq!(told.iter().filter(|told| *told == "listed").count(), 2);
        assert!(lines[2].contains("sendInitialEvents"), "{lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_told_and_survived() {
    let list = [event("ADDED", &object("a", "3")), end_of_list("9")];
    let replies = vec![
        chunks(&list, Some(Chunk::Reset)),
        Reply::Lost,
        Reply::status(503, "", "down"),
        chunks(&[event("ADDED", &object("c", "12"))], Some(Chunk::Open)),
    ];
    let (told, lines) = watched(20, spec(), scripted(replies)).await;
    assert_eq!(
        told[3..],
        [
            "following",
            "lost 0",
            "lost 0",
            "lost 503",
            "following",
            "seen c@12 ConfigMap"
        ]
    );
    assert!(
        lines[1..].iter().all(|line| line.ends_with("resourceVersion=9")),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_is_begun_anew() {
    let half = [event("ADDED", &object("a", "3"))];
    let whole = [event("ADDED", &object("a", "3")), end_of_list("9")];
    let replies = vec![
        chunks(&half, Some(Chunk::Reset)),
        chunks(&half, None),
        chunks(&whole, Some(Chunk::Open)),
    ];
    let (told, lines) = watched(20, spec(), scripted(replies)).await;
    assert_eq!(told.iter().filter(|told| *told == "listing").count(), 3);
    assert_eq!(told.iter().filter(|told| *told == "listed").count(), 1);
    assert!(lines.iter().all(|line| line.contains("sendInitialEvents")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn an_older_server_is_listed_page_by_page() {
    let mut pages = 0;
    let (told, lines) = watched(5, spec(), move |seen| {
        let uri = &seen.uri;
        if uri.contains("sendInitialEvents") {
            return Reply::status(422, "Invalid", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled");
        }
        if uri.contains("watch=true") {
            return chunks(&[event("MODIFIED", &object("a", "31"))], Some(Chunk::Open));
        }
        pages += 1;
        let item = |name: &str| json!({"metadata": {"name": name, "resourceVersion": "3"}});
        match pages {
            1 => Reply::Json(200, json!({"metadata": {"resourceVersion": "20", "continue": "x"}, "items": [item("old")]})),
            2 => Reply::status(410, "Expired", "the continue parameter is too old"),
            3 => Reply::Json(200, json!({"metadata": {"resourceVersion": "30", "continue": "y"}, "items": [item("a")]})),
            _ => Reply::Json(200, json!({"metadata": {"resourceVersion": "30"}, "items": [item("b")]})),
        }
    })
    .await;
    assert_eq!(
        told,
        [
            "listing",
            "seen old@3 ConfigMap",
            "listing",
            "seen a@3 ConfigMap",
            "seen b@3 ConfigMap",
            "listed",
            "following",
            "seen a@31 ConfigMap"
        ]
    );
    assert_eq!(lines.len(), 6);
    assert!(lines[5].ends_with("resourceVersion=30"), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_busy_is_left_alone_as_long_as_it_says() {
    let busy = Reply::With(429, vec![("retry-after", "7".into())], json!({"code": 429}));
    let (told, lines) = watched(20, spec(), move |_| busy.clone()).await;
    assert_eq!(told, ["lost 429", "lost 429", "lost 429"]);
    assert_eq!(lines.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn who_fails_for_long_is_asked_ever_less() {
    let (told, _) = watched(600, spec(), |_| Reply::status(403, "Forbidden", "no")).await;
    assert!((20..60).contains(&told.len()), "{}", told.len());
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_ends_every_watch_is_no_storm() {
    let list = [end_of_list("9")];
    let (_, lines) = watched(60, spec(), move |_| chunks(&list, None)).await;
    assert!((50..130).contains(&lines.len()), "{}", lines.len());
}

#[tokio::test(start_paused = true)]
async fn silence_is_no_watch() {
    let list = [end_of_list("9")];
    let open = || chunks(&[], Some(Chunk::Open));
    let replies = vec![chunks(&list, Some(Chunk::Open)), open(), open()];
    let (told, lines) = watched(400, spec(), scripted(replies)).await;
    assert_eq!(lines.len(), 3);
    assert!(told.iter().all(|told| !told.starts_with("lost")), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_line_without_end_is_cut() {
    let mebibyte = "a".repeat(1 << 20);
    let mut asked = 0;
    let (told, _) = watched(2, spec(), move |_| {
        asked += 1;
        if asked == 1 {
            Reply::Chunks(vec![Chunk::Text(mebibyte.clone()); 20])
        } else {
            Reply::Silence
        }
    })
    .await;
    assert_eq!(told, ["listing", "lost 0"]);
}

#[tokio::test(start_paused = true)]
async fn of_secrets_only_metadata_is_asked_for() {
    let accepted = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&accepted);
    let spec = Spec {
        metadata: true,
        ..spec()
    };
    watched(1, spec, move |request| {
        seen.lock()
            .unwrap()
            .push(request.headers["accept"].to_str().unwrap().to_owned());
        match request.uri.contains("sendInitialEvents") {
            true => Reply::status(400, "BadRequest", "unknown parameter"),
            false if request.uri.contains("watch") => chunks(&[], Some(Chunk::Open)),
            false => Reply::Json(200, json!({"metadata": {"resourceVersion": "1"}, "items": []})),
        }
    })
    .await;
    let accepted = accepted.lock().unwrap();
    assert_eq!(accepted.len(), 3);
    assert!(
        accepted
            .iter()
            .all(|accept| accept.starts_with("application/json;as=PartialObjectMetadata"))
    );
}
