//! Guests and receivers that do what they ought not to: the call ends, says which budget, and blames the right one.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use windlass_host::{Blame, BudgetKind, CallError, CallLimits, HostFailure, LoadError, LoadOptions, Notified, limits};

use super::{
    Bed,
    receiver::{Manner, Receiver},
};
use crate::host::{component, host};

const GUEST: &str = "guest-notifier";

fn bed() -> Bed {
    Bed::new(GUEST, &Receiver::new(Manner::Close))
}

/// Ended by a budget, blamed on the plugin; the next call works.
fn ended(bed: &Bed, config: &Value) -> BudgetKind {
    let error = bed.call(config).result.unwrap_err();
    assert_eq!(error.blame(), Blame::Plugin, "{config}");
    assert!(error.to_string().starts_with("plugin guest-notifier@") && error.to_string().contains(", notify: "));
    let CallError::Trapped { trap, .. } = error else {
        panic!("{config}")
    };
    bed.call(&json!({"mode": "event"})).result.unwrap();
    trap.budget.unwrap().kind
}

#[test]
fn a_guest_that_sends_thousands_of_requests_is_ended_after_sixteen() {
    let receiver = Receiver::new(Manner::Answer("200 OK", String::new(), Vec::new()));
    let bed = Bed::new(GUEST, &receiver);
    assert_eq!(
        ended(&bed, &json!({"url": receiver.url("/"), "n": 5000})),
        BudgetKind::Requests
    );
    assert_eq!(receiver.take().len() as u64, limits::REQUESTS);
    let error = bed
        .call(&json!({"url": receiver.url("/"), "n": 17}))
        .result
        .unwrap_err();
    assert!(error.to_string().ends_with("sends more than 16 requests"), "{error}");
    // As many as that are nobody's fault; those that were refused count as well.
    assert_eq!(bed.seen(&json!({"url": receiver.url("/"), "n": 16})).len(), 16);
    assert_eq!(
        ended(&bed, &json!({"url": "https://10.0.0.1/", "n": 17})),
        BudgetKind::Requests
    );
}

#[test]
fn every_budget_ends_a_notification() {
    let mut bed = bed();
    bed.limits = CallLimits {
        memory: 64 << 20,
        ..CallLimits::notification()
    };
    assert_eq!(ended(&bed, &json!({"mode": "memory", "n": 1000})), BudgetKind::Memory);
    // More than one message to the host may have.
    assert_eq!(
        ended(&bed, &json!({"url": "https://a.test/", "fill": 5 << 20})),
        BudgetKind::Message
    );
    bed.limits.time = Duration::from_millis(300);
    assert_eq!(ended(&bed, &json!({"mode": "spin"})), BudgetKind::Time);
}

#[test]
fn what_a_receiver_does_not_say_is_not_waited_for() {
    for manner in [Manner::Stall, Manner::Trickle] {
        let receiver = Receiver::new(manner);
        let bed = Bed::new(GUEST, &receiver);
        let begin = Instant::now();
        let saw = bed.saw(&json!({"url": receiver.url("/"), "timeoutMs": 500}));
        assert_eq!(saw["error"], "Error::Timeout");
        assert!(begin.elapsed() < Duration::from_secs(8), "{:?}", begin.elapsed());
    }
}

/// A request ends with its call, whatever it asked for: nobody else's fault is told.
#[test]
fn a_call_ends_in_time_while_a_receiver_stalls() {
    let receiver = Receiver::new(Manner::Stall);
    let mut bed = Bed::new(GUEST, &receiver);
    bed.limits.time = Duration::from_secs(1);
    let begin = Instant::now();
    let error = bed
        .call(&json!({"url": receiver.url("/"), "n": 16}))
        .result
        .unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(error.to_string().ends_with("took longer than 1 s"), "{error}");
    assert_eq!(error.blame(), Blame::Plugin);
}

#[test]
fn an_endless_answer_is_cut_off() {
    let receiver = Receiver::new(Manner::Endless);
    let bed = Bed::new(GUEST, &receiver);
    let saw = bed.saw(&json!({"url": receiver.url("/"), "maxResponse": 1000}));
    assert_eq!(
        (saw["body"].as_str().unwrap().len(), &saw["truncated"]),
        (1000, &true.into())
    );
}

#[test]
fn a_receiver_that_breaks_off_is_told_without_its_url() {
    for manner in [Manner::Close, Manner::Headers] {
        let receiver = Receiver::new(manner.clone());
        let saw = Bed::new(GUEST, &receiver).saw(&json!({"url": receiver.url("/<path>"),
            "substitute": [["<path>", "path", "raw"]]}));
        let error = saw["error"].as_str().unwrap();
        assert!(error.starts_with("Error::Other"), "{manner:?}: {error}");
        assert!(!error.contains("localhost") && !error.contains("T0B0"), "{error}");
    }
    let gone = Receiver::new(Manner::Close);
    let (url, bed) = (gone.url("/"), Bed::new(GUEST, &gone));
    drop(gone);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(bed.saw(&json!({"url": url}))["error"], "Error::Connect");
}

#[test]
fn answers_of_a_notifier_are_kept_apart() {
    let bed = bed();
    let of = |config: Value| bed.call(&config).result.unwrap();
    assert_eq!(
        of(json!({"mode": "event"})),
        Notified::Delivered(Some("message-1".into()))
    );
    assert_eq!(of(json!({"mode": "retry"})), Notified::Retry(None));
    assert_eq!(
        of(json!({"mode": "retry-later", "n": 90})),
        Notified::Retry(Some(Duration::from_secs(90)))
    );
    assert_eq!(
        of(json!({"mode": "rejected"})),
        Notified::Rejected("no such channel".into())
    );
    assert_eq!(
        of(json!({"mode": "unsupported"})),
        Notified::Unsupported("no pictures".into())
    );
    assert!(matches!(of(json!({"mode": "other"})), Notified::Other { code, .. } if code == "odd"));
    let Notified::Delivered(Some(id)) = of(json!({"mode": "huge-reply", "n": 1 << 20})) else {
        panic!()
    };
    assert_eq!(id.len(), limits::REPLY_BYTES);
    for mode in ["trap", "panic"] {
        let error = bed.call(&json!({"mode": mode})).result.unwrap_err();
        assert_eq!(error.blame(), Blame::Plugin);
    }
}

#[test]
fn the_event_reaches_the_notifier() {
    let bed = bed();
    let saw = bed.saw(&json!({"mode": "event"}));
    assert_eq!(
        (&saw["key"], &saw["kind"], &saw["attempt"], &saw["at"]),
        (&"key-1".into(), &"failed".into(), &2.into(), &json!([1_790_000_000, 5]))
    );
    assert_eq!(saw["payload"]["app"], "api");
    let mut large = bed.request.clone();
    large.payload = "x".repeat(limits::PAYLOAD_BYTES + 1);
    let outcome = bed
        .host
        .notify(&bed.plugin, &large, &bed.limits, &windlass_host::Cancel::default());
    let error = outcome.result.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Host {
                source: HostFailure::Request { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn the_web_is_for_those_to_whom_it_was_granted() {
    let error = host()
        .load_file(&component(GUEST), &LoadOptions::default())
        .unwrap_err();
    assert!(matches!(error, LoadError::NotGranted { .. }), "{error}");
}

#[test]
fn async_callers_notify_too() {
    let Bed {
        host,
        plugin,
        request,
        limits,
    } = bed();
    let config = plugin.check_config(&json!({"mode": "event"})).unwrap();
    let request = windlass_host::NotifyRequest { config, ..request };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let outcome = runtime.block_on(std::sync::Arc::new(host).notify_async(plugin, request, limits));
    assert!(matches!(outcome.result, Ok(Notified::Delivered(_))));
}
