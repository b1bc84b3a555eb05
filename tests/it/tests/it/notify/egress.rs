//! What leaves, and where it goes: a guest that sends what its config says.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Instant,
};

use serde_json::json;
use windlass::outgoing::Wire;
use windlass_core::reach::Reach;
use windlass_host::http::{Incoming, Outgoing, Sender, Unsent};

use super::{
    Bed, KEY, TOKEN, reach,
    receiver::{Manner, Receiver},
    wire,
};

const GUEST: &str = "guest-notifier";

fn ok() -> Manner {
    Manner::Answer("200 OK", "X-Id: 7\r\n".to_owned(), b"thanks".to_vec())
}

#[test]
fn the_receiver_gets_secrets_and_a_signature_that_the_guest_never_had() {
    let receiver = Receiver::new(ok());
    let bed = Bed::new(GUEST, &receiver);
    let saw = bed.saw(&json!({
        "url": receiver.url("/<path>?t=<url>"),
        "headers": [["Authorization", "Bearer <token>"], ["X-Sig", "forged"]],
        "body": "{\"token\": \"<json>\"}",
        "substitute": [["<path>", "path", "raw"], ["<url>", "token", "url-component"], ["<token>", "path", "raw"],
            ["<json>", "token", "json-string"]],
        "sign": ["key", "sha256", "X-Sig", "sha256="],
    }));
    assert_eq!((&saw["status"], &saw["body"]), (&200.into(), &"thanks".into()));
    assert!(
        saw["headers"].as_array().unwrap().contains(&json!(["x-id", "7"])),
        "{saw}"
    );
    let requests = receiver.take();
    let request = &requests[0];
    assert_eq!(request.target, "/services/T0B0?t=s3cret%2Ft%C3%B6k%22en%2B1");
    assert_eq!(request.headers["authorization"], "Bearer services/T0B0");
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["token"], TOKEN);
    // The receiver's own view: its key over the bytes that arrived.
    assert_eq!(
        request.headers["x-sig"],
        format!("sha256={}", hmac_sha256(KEY.as_bytes(), &request.body))
    );
    assert!(request.headers["user-agent"].starts_with("windlass/"));
    assert_eq!(request.headers["accept-encoding"], "identity");
}

/// RFC 2104, by nothing but a hash: not the code under test.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    use windlass_core::digest::Digest;
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |byte: u8| block.iter().map(|b| b ^ byte).collect::<Vec<u8>>();
    let inner = Digest::of(&[pad(0x36).as_slice(), message].concat());
    Digest::of(&[pad(0x5c).as_slice(), inner.as_bytes()].concat()).hex()
}

#[test]
fn a_guest_that_has_its_secrets_sent_back_sees_none_of_them() {
    let receiver = Receiver::new(Manner::Echo);
    let bed = Bed::new(GUEST, &receiver);
    let outcome = bed.call(&json!({
        "url": receiver.url("/<path>?t=<url>"),
        "headers": [["X-Path", "<path>"]],
        "body": "raw <raw> json <json> url <url>",
        "substitute": [["<path>", "path", "raw"], ["<url>", "token", "url-component"], ["<raw>", "token", "raw"],
            ["<json>", "token", "json-string"]],
        "sign": ["key", "sha256", "X-Sig", "sha256="],
    }));
    let requests = receiver.take();
    assert!(
        String::from_utf8_lossy(&requests[0].body).contains(TOKEN),
        "it was sent"
    );
    let told = format!("{:?} {:?}", outcome.log, outcome.result);
    for secret in [
        TOKEN,
        KEY,
        "services/T0B0",
        "s3cret",
        "%C3%B6",
        &requests[0].headers["x-sig"],
    ] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    let saw: serde_json::Value = serde_json::from_str(&outcome.log[0].message).unwrap();
    let body = saw["body"].as_str().unwrap();
    assert!(body.ends_with("raw [secret] json [secret] url [secret]"), "{body}");
    assert!(body.starts_with("POST /[secret]?t=[secret]\n"), "{body}");
    // However little of the answer is read: no part of a secret.
    for most in (0..=body.len() + 40).step_by(7) {
        let saw = bed.saw(&json!({"url": receiver.url("/"), "body": "<raw>", "maxResponse": most,
            "substitute": [["<raw>", "token", "raw"]]}));
        let body = saw["body"].as_str().unwrap();
        assert!(!body.contains("s3"), "{most}: {body}");
        assert!(body.len() <= most, "{most}: {body}");
    }
}

#[test]
fn an_answer_in_another_coding_is_not_handed_over() {
    let receiver = Receiver::new(Manner::Answer(
        "200 OK",
        "Content-Encoding: gzip\r\n".to_owned(),
        b"secret".to_vec(),
    ));
    let saw = Bed::new(GUEST, &receiver).saw(&json!({"url": receiver.url("/")}));
    assert_eq!(
        (&saw["status"], &saw["body"], &saw["truncated"]),
        (&200.into(), &"".into(), &true.into())
    );
}

#[test]
fn places_that_nobody_opened_are_not_reached() {
    let receiver = Receiver::new(ok());
    let (port, closed) = (receiver.port(), Bed::reaching(GUEST, &receiver, Reach::default()));
    for (host, word) in [
        ("localhost", "a loopback address"),
        ("127.0.0.1", "a loopback address"),
        ("2130706433", "a loopback address"),
        ("[::1]", "a loopback address"),
        ("[::ffff:127.0.0.1]", "a loopback address"),
        ("169.254.169.254", "a link-local address"),
        ("10.1.2.3", "a private address"),
    ] {
        let saw = closed.saw(&json!({"url": format!("https://{host}:{port}/")}));
        let error = saw["error"].as_str().unwrap();
        assert!(error.contains("Denied") && error.contains(word), "{host}: {error}");
    }
    assert_eq!(receiver.connections(), 0);
    let open = Bed::reaching(GUEST, &receiver, reach(&["127.0.0.0/8", "::1"], &[]));
    assert_eq!(open.saw(&json!({"url": receiver.url("/")}))["status"], 200);
}

#[test]
fn plain_http_is_for_those_whom_the_operator_lists() {
    let receiver = Receiver::plain(ok());
    let bed = Bed::new(GUEST, &receiver);
    let error = bed.saw(&json!({"url": receiver.url("/")}))["error"].to_string();
    assert!(error.contains("without TLS") && receiver.connections() == 0, "{error}");
    let bed = Bed::reaching(GUEST, &receiver, reach(&["localhost"], &["localhost"]));
    assert_eq!(bed.saw(&json!({"url": receiver.url("/")}))["status"], 200);
}

#[test]
fn who_has_no_certificate_is_not_talked_to() {
    let (trusted, other) = (Receiver::new(ok()), Receiver::new(ok()));
    let saw = Bed::new(GUEST, &trusted).saw(&json!({"url": other.url("/"), "body": "<raw>",
        "substitute": [["<raw>", "token", "raw"]]}));
    assert_eq!(saw["error"], "Error::Tls");
    assert!(other.take().is_empty());
}

/// The real way, with names that mean what a test says.
#[derive(Debug)]
struct Renamed {
    wire: Wire,
    /// What the name means, one answer after the other.
    answers: Mutex<Vec<Vec<IpAddr>>>,
    connected: Mutex<Vec<Vec<SocketAddr>>>,
}

impl Sender for Renamed {
    fn resolve(&self, _: &str, _: Instant) -> Result<Vec<IpAddr>, Unsent> {
        let mut answers = self.answers.lock().unwrap();
        Ok(if answers.is_empty() {
            Vec::new()
        } else {
            answers.remove(0)
        })
    }

    fn exchange(&self, request: &Outgoing, to: &[SocketAddr], deadline: Instant) -> Result<Incoming, Unsent> {
        self.connected.lock().unwrap().push(to.to_vec());
        self.wire.exchange(request, to, deadline)
    }
}

fn renamed(receiver: &Receiver, answers: &[&[&str]]) -> (Bed, Arc<Renamed>) {
    let addresses = |texts: &&[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let sender = Arc::new(Renamed {
        wire: wire(receiver),
        answers: Mutex::new(answers.iter().map(addresses).collect()),
        connected: Mutex::default(),
    });
    let mut bed = Bed::reaching(GUEST, receiver, reach(&["127.0.0.0/24"], &[]));
    bed.request.egress.sender = sender.clone();
    (bed, sender)
}

/// The name means this machine to everybody, and was checked to mean another address: that one is connected to.
#[test]
fn a_connection_goes_to_the_address_that_was_checked() {
    let receiver = Receiver::new(ok());
    let (bed, sender) = renamed(&receiver, &[&["127.0.0.77"], &["127.0.0.1"]]);
    let config = json!({"url": receiver.url("/"), "timeoutMs": 3000});
    assert_eq!(bed.saw(&config)["error"], "Error::Connect");
    assert_eq!(receiver.connections(), 0);
    assert_eq!(bed.saw(&config)["status"], 200);
    let port = receiver.port();
    let expected = ["127.0.0.77", "127.0.0.1"].map(|ip| vec![SocketAddr::new(ip.parse().unwrap(), port)]);
    assert_eq!(*sender.connected.lock().unwrap(), expected);
}

/// A name that means another address at each question: each is checked, none is asked for twice.
#[test]
fn a_name_that_changes_its_meaning_leads_nowhere() {
    let receiver = Receiver::new(Manner::Redirect("307 Temporary Redirect", "/inside".to_owned()));
    let (bed, sender) = renamed(&receiver, &[&["127.0.0.1"], &["169.254.169.254"]]);
    let error = bed.saw(&json!({"url": receiver.url("/start")}))["error"].to_string();
    assert!(error.contains("a link-local address"), "{error}");
    assert_eq!(sender.connected.lock().unwrap().len(), 1);
    assert!(sender.answers.lock().unwrap().is_empty());
}

#[test]
fn redirects_lead_to_the_same_origin_only() {
    let other = Receiver::new(ok());
    for (to, followed) in [
        ("/inside".to_owned(), true),
        (other.url("/"), false),
        ("https://169.254.169.254/latest/meta-data".to_owned(), false),
        ("http://localhost/".to_owned(), false),
        ("https://example.org/".to_owned(), false),
    ] {
        let receiver = Receiver::new(Manner::Redirect("308 Permanent Redirect", to.clone()));
        let bed = Bed::new(GUEST, &receiver);
        let saw = bed.saw(
            &json!({"url": receiver.url("/start"), "headers": [["X-Token", "<raw>"]], "body": "<raw>",
            "substitute": [["<raw>", "path", "raw"]]}),
        );
        let requests = receiver.take();
        if followed {
            assert_eq!((&saw["status"], &saw["body"]), (&200.into(), &"/inside".into()));
            assert_eq!(requests[1].body, b"services/T0B0");
            assert_eq!(requests[1].method, "POST");
        } else {
            assert!(
                saw["error"].to_string().contains("redirects to another host"),
                "{to}: {saw}"
            );
            assert_eq!(requests.len(), 1);
        }
    }
    assert_eq!(other.connections(), 0);
    // What a browser would follow with another method is an answer.
    let receiver = Receiver::new(Manner::Redirect("302 Found", "/inside".to_owned()));
    let saw = Bed::new(GUEST, &receiver).saw(&json!({"url": receiver.url("/start")}));
    assert_eq!(saw["status"], 302);
    assert_eq!(receiver.take().len(), 1);
}
