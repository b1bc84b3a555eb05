use serde_json::json;

use super::*;
use crate::fake::{Chunk, Fake, Reply};

fn call(verb: Verb) -> Call {
    Call::get(verb, "configmaps", "/api/v1/configmaps".to_owned())
}

async fn outcome(connection: &Connection, verb: Verb) -> Result<Answer, CallError> {
    connection.call(&Actor::Own, &call(verb)).await
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_asked_again_when_it_says() {
    let busy = Reply::With(
        429,
        vec![("retry-after", "3".into())],
        json!({"kind": "Status", "code": 429}),
    );
    // More often than faults are forgiven: the server is alive. A POST comes again too, for nothing was done.
    let replies = vec![
        busy.clone(),
        busy.clone(),
        busy.clone(),
        busy.clone(),
        busy.clone(),
        busy,
        Reply::Json(201, json!({})),
    ];
    let (connection, fake) = Fake::script(replies);
    let started = Instant::now();
    assert_eq!(outcome(&connection, Verb::Create).await.unwrap().code, 201);
    assert_eq!(started.elapsed().as_secs(), 18);
    assert_eq!(fake.seen().len(), 7);
    assert_eq!(connection.requests().of(Verb::Create), 7);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_always_busy_is_given_up() {
    let (connection, _) = Fake::new(|_| Reply::With(429, vec![("retry-after", "1000000".into())], json!({})));
    let started = Instant::now();
    let error = outcome(&connection, Verb::Get).await.unwrap_err();
    assert_eq!((error.code(), error.is_transient()), (Some(429), true));
    // It asks for days; it gets 30 s a time, up to the whole budget.
    assert_eq!(started.elapsed().as_secs(), 90);
}

#[tokio::test(start_paused = true)]
async fn faults_are_forgiven_a_few_times() {
    for reply in [
        Reply::status(500, "InternalError", "etcdserver: leader changed"),
        Reply::status(503, "", ""),
        Reply::Lost,
    ] {
        let (connection, fake) = Fake::script([reply.clone(), reply.clone(), Reply::Json(200, json!({}))]);
        outcome(&connection, Verb::Apply).await.unwrap();
        assert_eq!(fake.seen().len(), 3);

        let (connection, fake) = Fake::new(move |_| reply.clone());
        let started = Instant::now();
        assert!(outcome(&connection, Verb::Apply).await.unwrap_err().is_transient());
        assert_eq!(fake.seen().len(), 5);
        assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_done_is_not_done_again() {
    let (connection, fake) = Fake::new(|_| Reply::Lost);
    let error = outcome(&connection, Verb::Create).await.unwrap_err();
    assert_eq!(error.to_string(), "no answer from `https://fake:6443` (1 try)");
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_would_say_again_is_not_asked_again() {
    let down = "Internal error occurred: failed calling webhook \"w.x\": connection refused";
    let untyped = "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .data.p: expected string";
    for message in [down, untyped] {
        let (connection, fake) = Fake::new(move |_| Reply::status(500, "InternalError", message));
        outcome(&connection, Verb::Apply).await.unwrap_err();
        assert_eq!(fake.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_is_asked_for_again() {
    let half = Reply::Chunks(vec![Chunk::Text("{\"kind\":".into()), Chunk::Reset]);
    let (connection, _) = Fake::script([half, Reply::Json(200, json!({"kind": "List"}))]);
    let answer = outcome(&connection, Verb::List).await.unwrap();
    assert_eq!(answer.json::<serde_json::Value>().unwrap()["kind"], "List");
}

#[tokio::test(start_paused = true)]
async fn silence_ends() {
    let (connection, fake) = Fake::new(|_| Reply::Silence);
    let started = Instant::now();
    let error = outcome(&connection, Verb::Get).await.unwrap_err();
    assert!(matches!(error, CallError::Timeout { .. }), "{error:?}");
    assert_eq!(started.elapsed().as_secs(), 100);
    assert_eq!(fake.seen().len(), 2);
    // Counted although nothing came back.
    assert!(connection.requests().all().keys().all(|series| series.code == 0));
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_cut() {
    let mebibyte = "a".repeat(1 << 20);
    let (connection, _) = Fake::new(move |_| Reply::Chunks(vec![Chunk::Text(mebibyte.clone()); 65]));
    let error = outcome(&connection, Verb::Get).await.unwrap_err();
    assert!(matches!(error, CallError::TooLarge { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn refusals_are_final_and_warnings_arrive() {
    let (connection, fake) = Fake::script([Reply::status(403, "Forbidden", "no")]);
    assert_eq!(outcome(&connection, Verb::Get).await.unwrap_err().code(), Some(403));
    assert_eq!(fake.seen().len(), 1);

    let text = r#"299 - "unknown field \"spec.replica\"""#.to_owned();
    let (connection, _) = Fake::script([Reply::With(200, vec![("warning", text)], json!({}))]);
    let answer = outcome(&connection, Verb::Apply).await.unwrap();
    assert_eq!(answer.warnings, ["unknown field \"spec.replica\""]);
}

#[tokio::test(start_paused = true)]
async fn every_try_is_made_as_the_actor() {
    let (connection, fake) = Fake::script([Reply::Lost, Reply::Json(200, json!({}))]);
    let actor = Actor::service_account("shop", "deployer").unwrap();
    connection.call(&actor, &call(Verb::Get)).await.unwrap();
    for seen in fake.seen() {
        assert_eq!(seen.headers["impersonate-user"], "system:serviceaccount:shop:deployer");
        assert!(!seen.headers.contains_key("impersonate-group"));
    }
}

#[tokio::test]
async fn only_so_many_are_under_way() {
    let (connection, fake) = Fake::new(|_| Reply::Silence);
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let connection = connection.clone();
            tokio::spawn(async move { outcome(&connection, Verb::Get).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(fake.seen().len(), 64);
    for call in calls {
        call.abort();
    }
}
