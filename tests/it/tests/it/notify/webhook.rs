//! The plugin `webhook`, as a team configures it.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_core::{
    digest::Digest,
    event::{self, Event, Finding, State},
    render::{Diagnostic, Instant, Location, file_at},
};
use windlass_host::{Notified, NotifyRequest};

use super::{
    Bed, TOKEN,
    receiver::{Manner, Receiver},
};

const PLUGIN: &str = "webhook";

fn answer(status: &'static str, headers: &str, body: &str) -> Manner {
    Manner::Answer(status, headers.to_owned(), body.as_bytes().to_vec())
}

/// What a broken commit comes to.
fn failed() -> Event {
    let finding = Diagnostic::error("invalid-yaml", "a tab", Location::File(file_at("apps/api/a.yaml")));
    Event {
        app: "api".into(),
        namespace: "team".into(),
        repository: "shop".into(),
        revision: Some("0123".into()),
        desired: Some(Digest::of(b"x")),
        state: State::Failed,
        previous: None,
        reason: "RenderFailed".into(),
        message: "no".into(),
        at: Instant::default(),
        occurrence: 1,
        findings: vec![Finding::from(&finding)],
        objects: Vec::new(),
    }
}

#[test]
fn an_event_is_told_in_the_words_of_a_template() {
    let receiver = Receiver::new(answer("200 OK", "", "ok"));
    let bed = Bed::new(PLUGIN, &receiver);
    let outcome = bed.call(&json!({
        "url": receiver.url("/${secret:path}"),
        "headers": {"Authorization": "Bearer ${secret:path}", "X-State": "{{ state }} {{ attempt }}"},
        "body": "{\"text\": \"{{ app }} {{ state }}: {{ message }}\", \"token\": \"${secret:token}\"}",
        "sign": {"secret": "key"},
    }));
    assert_eq!(outcome.result.unwrap(), Notified::Delivered(None));
    let request = receiver.take().remove(0);
    assert_eq!(
        (request.method.as_str(), request.target.as_str()),
        ("POST", "/services%2FT0B0")
    );
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        body,
        json!({"text": "api failed: a \"quoted\" tab\tand\nmore", "token": TOKEN})
    );
    for (name, value) in [
        ("authorization", "Bearer services/T0B0"),
        ("x-state", "failed 2"),
        ("content-type", "application/json"),
        ("idempotency-key", "key-1"),
    ] {
        assert_eq!(request.headers[name], value);
    }
    assert!(request.headers["x-signature-256"].starts_with("sha256="));
}

#[test]
fn without_a_template_the_published_form_is_sent() {
    let receiver = Receiver::new(answer("204 No Content", "", ""));
    let mut bed = Bed::new(PLUGIN, &receiver);
    let event = failed();
    bed.request = NotifyRequest::of(
        &event,
        bed.request.tenant.clone(),
        String::new(),
        bed.request.egress.clone(),
    );
    assert_eq!(
        bed.call(&json!({"url": receiver.url("/")})).result.unwrap(),
        Notified::Delivered(None)
    );
    let request = receiver.take().remove(0);
    let told: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        (&told["form"], &told["findings"][0]["path"]),
        (&event::FORM.into(), &"apps/api/a.yaml".into())
    );
    assert_eq!(request.headers["idempotency-key"], event.key());
}

#[test]
fn answers_are_retried_or_refused() {
    let of = |manner: Manner| {
        let receiver = Receiver::new(manner);
        let outcome = Bed::new(PLUGIN, &receiver).call(&json!({"url": receiver.url("/start"), "timeout": 1}));
        (
            outcome.result.unwrap(),
            outcome.log.first().map(|line| line.message.clone()).unwrap_or_default(),
        )
    };
    let minute = Some(Duration::from_secs(60));
    let (busy, why) = of(answer("429 Too Many Requests", "Retry-After: 60\r\n", "slow\ndown"));
    assert_eq!(
        (busy, why.as_str()),
        (
            Notified::Retry(minute),
            "the receiver answers with status 429: slow down"
        )
    );
    assert_eq!(of(answer("503 Service Unavailable", "", "")).0, Notified::Retry(None));
    assert_eq!(
        of(answer("404 Not Found", "", "no_service")).0,
        Notified::Rejected("the receiver answers with status 404: no_service".into())
    );
    let (moved, _) = of(Manner::Redirect("301 Moved Permanently", "/elsewhere".into()));
    assert!(
        matches!(&moved, Notified::Rejected(why) if why.contains("give the final URL")),
        "{moved:?}"
    );
    let (stalled, why) = of(Manner::Stall);
    assert_eq!(
        (stalled, why.as_str()),
        (Notified::Retry(None), "the receiver does not answer in time")
    );
    let (cut, why) = of(Manner::Close);
    assert!(cut == Notified::Retry(None) && !why.is_empty(), "{why}");
}

#[test]
fn mistakes_of_the_config_are_told_once_and_for_all() {
    let receiver = Receiver::new(answer("200 OK", "", ""));
    let bed = Bed::new(PLUGIN, &receiver);
    for (config, word) in [
        (
            json!({"url": receiver.url("/"), "body": "{{ nobody }}"}),
            "config `/body`: line 1: undefined value",
        ),
        (
            json!({"url": receiver.url("/"), "body": "no JSON"}),
            "config `/body`: what it renders is no JSON",
        ),
        (
            json!({"url": receiver.url("/${secret:other}")}),
            "the secret `other` is not granted to this plugin",
        ),
        (
            json!({"url": "https://169.254.169.254/"}),
            "its host has a link-local address",
        ),
        (json!({"url": "http://localhost/"}), "without TLS"),
        (
            json!({"url": receiver.url("/"), "headers": {"Host": "x"}}),
            "the header `host` is the host's to set",
        ),
    ] {
        let Notified::Rejected(why) = bed.call(&config).result.unwrap() else {
            panic!("{config}")
        };
        assert!(why.contains(word), "{why}");
    }
    assert!(receiver.take().is_empty());
    for wrong in [
        json!({}),
        json!({"url": "x", "method": "DELETE"}),
        json!({"url": "x", "timeout": 600}),
    ] {
        assert!(bed.plugin.check_config(&wrong).is_err(), "{wrong}");
    }
}

/// What a commit says must not bring a secret into a channel that people read.
#[test]
fn an_event_that_names_a_secret_gets_none() {
    let receiver = Receiver::new(answer("200 OK", "", ""));
    let mut bed = Bed::new(PLUGIN, &receiver);
    bed.request.payload = json!({"message": "${secret:token} \u{e000}0\u{e000}"}).to_string();
    let outcome =
        bed.call(&json!({"url": receiver.url("/"), "body": "{\"a\": \"{{ message }}\", \"b\": \"${secret:token}\"}"}));
    outcome.result.unwrap();
    let body: Value = serde_json::from_slice(&receiver.take()[0].body).unwrap();
    assert_eq!(
        (&body["a"], &body["b"]),
        (&"${secret:token} \u{e000}0\u{e000}".into(), &TOKEN.into())
    );
}

/// An installation with a `Plugin` document for the plugin, as an operator writes it.
fn installed(http: &str, grants: &str) -> (tempfile::TempDir, windlass::plugins::Plugins) {
    let file = crate::host::component(PLUGIN);
    let digest = Digest::of(&std::fs::read(&file).unwrap());
    let text = format!(
        "apiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: webhook}}\nspec:\n  grants: {grants}\n  http: {http}\n  versions:\n  - {{version: 0.1.0, file: {}, digest: '{digest}'}}\n",
        file.display()
    );
    let admitted = windlass_core::config::load(&text).unwrap().plugins;
    let dir = tempfile::tempdir().unwrap();
    let cache = crate::sandbox::cache();
    let worker = crate::host::worker();
    let plugins = windlass::plugins::Plugins::open_with(worker, &[], &admitted, dir.path(), &cache, None).unwrap();
    (dir, plugins)
}

#[test]
fn the_operators_document_says_where_a_binding_may_send() {
    let receiver = Receiver::new(answer("200 OK", "", ""));
    let wire = std::sync::Arc::new(super::wire(&receiver));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let told = |http: &str| {
        let (_dir, plugins) = installed(http, "[http]");
        let choice = windlass_core::config::PluginChoice {
            name: PLUGIN.to_owned(),
            version: None,
        };
        let config = json!({"url": receiver.url("/"), "headers": {"X-Token": "${secret:path}"}});
        let outcome = runtime.block_on(async {
            let notifier = windlass::notify::Notifier::open(
                &plugins,
                &choice,
                config.as_object().unwrap(),
                super::secrets(),
                wire.clone(),
            );
            let notifier = notifier.await.unwrap();
            notifier
                .tell(&plugins, &failed(), 3, windlass_host::Tenant::new("shop"))
                .await
        });
        outcome.result.unwrap()
    };
    let Notified::Rejected(why) = told("{}") else { panic!() };
    assert!(
        why.contains("a loopback address: the operator opens one with `http.private`"),
        "{why}"
    );
    assert_eq!(receiver.connections(), 0);
    assert_eq!(told("{private: [localhost]}"), Notified::Delivered(None));
    let request = receiver.take().remove(0);
    assert_eq!(request.headers["x-token"], "services/T0B0");
    assert_eq!(request.headers["idempotency-key"], failed().key());
    // Without the grant it is not loaded at all.
    let (_dir, plugins) = installed("{private: [localhost]}", "[]");
    let candidate = plugins.all().next().unwrap();
    let error = runtime.block_on(plugins.load(candidate)).unwrap_err();
    assert!(
        error.message.contains("the capability `http`, which is not granted"),
        "{}",
        error.message
    );
}
