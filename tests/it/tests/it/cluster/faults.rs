//! Each fault of the proxy, seen by a client that hides nothing.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_tests::cluster::{
    Client, Cluster, Content, Problem, Proxy, Stream, eventually,
    proxy::{Fault, Rule},
};

use super::SOON;

/// Without what a controller puts into each namespace.
const MINE: &str = "fieldSelector=metadata.name!=kube-root-ca.crt";

/// A namespace with a proxy before it.
struct Site {
    proxy: Proxy,
    /// Through the proxy.
    client: Client,
    /// Past it.
    direct: Client,
    maps: String,
}

impl Site {
    fn new(stem: &str) -> Self {
        let cluster = Cluster::shared();
        let proxy = cluster.proxy().unwrap();
        let namespace = cluster.namespace(stem).unwrap();
        Self {
            client: cluster.client().at(proxy.url()),
            direct: cluster.client(),
            proxy,
            maps: format!("/api/v1/namespaces/{namespace}/configmaps"),
        }
    }

    fn spoil(&self, requests: &str, fault: Fault) {
        self.proxy.spoil(Rule::new(requests, fault).unwrap().times(1));
    }

    fn create(&self, client: &Client, name: &str) -> Result<Value, Problem> {
        client.create(&self.maps, &map(name))
    }

    fn exists(&self, name: &str) -> bool {
        let target = format!("{}/{name}", self.maps);
        self.direct.send("GET", &target, None).unwrap().status == 200
    }

    /// A watch through the proxy, with two events to come.
    fn watch(&self, fault: Fault) -> Stream {
        self.spoil("watch=1", fault);
        for name in ["one", "two"] {
            self.create(&self.direct, name).unwrap();
        }
        // Longer than an event takes that is there.
        let client = self.client.patient(Duration::from_secs(2));
        client.open(&format!("{}?{MINE}&watch=1", self.maps)).unwrap()
    }
}

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name}, "data": {"text": "x".repeat(2000)}})
}

fn io_kind(problem: &Problem) -> ErrorKind {
    problem
        .downcast_ref::<std::io::Error>()
        .expect("an error of the connection")
        .kind()
}

#[test]
fn what_no_rule_names_passes() {
    let site = Site::new("passes");
    site.proxy.spoil(Rule::new("^DELETE", Fault::Reset).unwrap());
    for number in 0..30 {
        site.create(&site.client, &format!("map-{number}")).unwrap();
    }
    let mine = format!("{}?{MINE}", site.maps);
    let items = |client: &Client| client.get(&mine).unwrap()["items"].clone();
    assert_eq!(items(&site.client), items(&site.direct));
    let mut watch = site.client.open(&format!("{mine}&watch=1")).unwrap();
    for _ in 0..30 {
        assert_eq!(watch.event().unwrap().unwrap()["type"], "ADDED");
    }
    let seen = site.proxy.take_seen();
    assert_eq!(seen.iter().filter(|seen| seen.method == "POST").count(), 30);
    assert!(seen.iter().all(|seen| !seen.spoiled));
    assert_eq!(site.proxy.connections(), 1);
    drop(watch);
    eventually(SOON, "nothing is held for a client that has gone", || {
        Ok(site.proxy.connections() == 0)
    })
    .unwrap();
}

#[test]
fn the_server_sees_nothing_of_what_is_refused() {
    let site = Site::new("refused");
    for (code, retry_after, reason) in [
        (429, Some(7), "TooManyRequests"),
        (500, None, "InternalError"),
        (503, Some(1), "ServiceUnavailable"),
        (410, None, "Expired"),
    ] {
        site.spoil("^POST", Fault::Status { code, retry_after });
        let value = map("refused");
        let content = Content {
            kind: "application/json",
            value: &value,
        };
        let answer = site.client.send("POST", &site.maps, Some(content)).unwrap();
        assert_eq!((answer.status, answer.retry_after), (code, retry_after));
        assert_eq!(answer.json().unwrap()["reason"], reason);
        assert!(!site.exists("refused"));
    }
    site.create(&site.client, "refused").unwrap();
    assert_eq!(site.proxy.take_seen().iter().filter(|seen| seen.spoiled).count(), 4);
}

#[test]
fn a_reset_before_the_request_and_one_before_the_answer_look_the_same() {
    let site = Site::new("reset");
    for (fault, done) in [(Fault::Reset, false), (Fault::LostAnswer, true)] {
        site.spoil("^POST", fault);
        let problem = site.create(&site.client, "reset").unwrap_err();
        assert_eq!(io_kind(&problem), ErrorKind::ConnectionReset, "{fault:?}");
        assert_eq!(site.exists("reset"), done, "{fault:?}");
    }
}

#[test]
fn a_body_breaks_off() {
    let site = Site::new("breaks");
    site.create(&site.direct, "large").unwrap();
    site.spoil("^GET .*/large$", Fault::ResetAfter(1000));
    let problem = site.client.get(&format!("{}/large", site.maps)).unwrap_err();
    assert_eq!(io_kind(&problem), ErrorKind::ConnectionReset);
}

#[test]
fn a_watch_ends_in_every_way() {
    let site = Site::new("watch-ends");
    let mut watch = site.watch(Fault::EndAfter(1));
    assert_eq!(watch.event().unwrap().unwrap()["type"], "ADDED");
    assert_eq!(watch.event().unwrap(), None);

    let site = Site::new("watch-cut");
    let mut watch = site.watch(Fault::CutAfter(1));
    assert_eq!(watch.event().unwrap().unwrap()["type"], "ADDED");
    assert_eq!(io_kind(&watch.event().unwrap_err()), ErrorKind::UnexpectedEof);

    let site = Site::new("watch-expires");
    let mut watch = site.watch(Fault::ExpireAfter(1));
    assert_eq!(watch.event().unwrap().unwrap()["type"], "ADDED");
    let event = watch.event().unwrap().unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert_eq!(watch.event().unwrap(), None);

    let site = Site::new("watch-silent");
    let mut watch = site.watch(Fault::SilentAfter(1));
    assert_eq!(watch.event().unwrap().unwrap()["type"], "ADDED");
    assert_eq!(
        io_kind(&watch.event().unwrap_err()),
        ErrorKind::WouldBlock,
        "the second event is there and doesn't come"
    );
    assert_eq!(site.proxy.connections(), 1);

    // Without an event: at once, not when one happens to come.
    let site = Site::new("watch-expired");
    let mut watch = site.watch(Fault::ExpireAfter(0));
    assert_eq!(watch.event().unwrap().unwrap()["object"]["code"], 410);
}

#[test]
fn answers_are_late_slow_or_never_come() {
    let site = Site::new("slow");
    site.create(&site.direct, "large").unwrap();
    let target = format!("{}/large", site.maps);
    let timed = |client: &Client| {
        let start = Instant::now();
        (client.get(&target), start.elapsed())
    };
    let wait = Duration::from_millis(300);
    site.spoil("^GET", Fault::Delay(wait));
    let (answer, took) = timed(&site.client);
    assert!(took >= wait, "{took:?}");
    site.spoil(
        "^GET",
        Fault::Slow {
            piece: 500,
            pause: wait / 3,
        },
    );
    let (slow, took) = timed(&site.client);
    assert_eq!(slow.unwrap(), answer.unwrap());
    assert!(took >= wait, "more than 2,000 bytes: {took:?}");
    site.spoil("^GET", Fault::Stall);
    let (never, _) = timed(&site.client.patient(wait));
    assert_eq!(io_kind(&never.unwrap_err()), ErrorKind::WouldBlock);
}

#[test]
fn a_server_can_be_out_of_reach() {
    let site = Site::new("down");
    let mut watch = site
        .client
        .open(&format!("{}?watch=1&resourceVersion=0", site.maps))
        .unwrap();
    while site.proxy.connections() == 0 {}
    site.proxy.down();
    let error = loop {
        match watch.event() {
            Ok(event) => assert!(event.is_some(), "an orderly end"),
            Err(problem) => break io_kind(&problem),
        }
    };
    assert_eq!(error, ErrorKind::ConnectionReset);
    assert!(site.client.get(&site.maps).is_err());
    assert_eq!(site.proxy.take_seen().len(), 1, "nothing came through");
    site.proxy.up();
    site.client.get(&site.maps).unwrap();
}

#[test]
fn rules_count_and_can_be_lifted() {
    let site = Site::new("rules");
    let fault = Fault::Status {
        code: 500,
        retry_after: None,
    };
    site.proxy.spoil(Rule::new("^GET", fault).unwrap().after(1).times(1));
    let status = || site.client.send("GET", &site.maps, None).unwrap().status;
    assert_eq!([status(), status(), status()], [200, 500, 200]);
    site.proxy.spoil(Rule::new("^GET", fault).unwrap());
    assert_eq!([status(), status()], [500, 500]);
    site.proxy.heal();
    assert_eq!(status(), 200);
}
