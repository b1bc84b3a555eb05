//! Objects that go from one app to another.

use std::time::Duration;

use windlass_tests::cluster::{
    Cluster as Server,
    proxy::{Fault, Rule},
};

use super::stage::Stage;
use crate::sandbox::config_map;

/// Of a kind that only one of the apps has: its first look at it is held up.
fn only(kind: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: only}}\n")
}

/// Moves `x` from app `a` to app `b`, one of which comes late.
fn moves(late: &str) {
    let server = Server::shared();
    let proxy = server.proxy().unwrap();
    let stage = Stage::at("moves", proxy.url());
    stage.apps(&[("a", ""), ("b", "")]);
    stage.commit(&[
        ("a/x.yaml", Some(&config_map("x", "1"))),
        ("a/keep.yaml", Some(&config_map("keep-a", "1"))),
        ("a/only.yaml", Some(&only("ServiceAccount"))),
        ("b/keep.yaml", Some(&config_map("keep-b", "1"))),
        ("b/only.yaml", Some(&only("Secret"))),
    ]);
    let first = stage.sync(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    let (path, uid) = (stage.map("x"), stage.uid(&stage.map("x")));
    assert_eq!(stage.appliers(&path), ["a"]);

    stage.commit(&[("a/x.yaml", None), ("b/x.yaml", Some(&config_map("x", "2")))]);
    let delay = Fault::Delay(Duration::from_secs(3));
    proxy.spoil(Rule::new(&format!("^GET /api/v1/{late}"), delay).unwrap());
    let second = stage.sync(&[]);
    assert_eq!(second.code, Some(0), "{late} late: {second:?}");
    assert_eq!(stage.uid(&path), uid, "{late} late: {second:?}");
    assert_eq!(stage.live(&path).unwrap()["data"]["value"], "2");
    assert_eq!(stage.appliers(&path), ["b"], "{late} late");
    proxy.heal();

    let third = stage.sync(&[]);
    assert_eq!(third.code, Some(0), "{third:?}");
    assert_eq!((third.counts("a")[3], third.counts("b")[3]), (0, 0), "{third:?}");
    assert_eq!(stage.uid(&path), uid);
    assert_eq!(stage.owned("a"), ["keep-a", "only"]);
    assert_eq!(stage.owned("b"), ["keep-b", "x", "only"]);
    // It is the new one's for good.
    stage.commit(&[("b/x.yaml", None)]);
    assert_eq!(stage.sync(&[]).counts("b")[3], 1);
    assert!(stage.live(&path).is_none());
}

#[test]
fn an_object_keeps_its_uid_when_the_old_app_comes_first() {
    moves("secrets");
}

#[test]
fn an_object_keeps_its_uid_when_the_new_app_comes_first() {
    moves("serviceaccounts");
}

#[test]
fn two_apps_that_claim_one_object_are_told_and_the_second_writes_nothing() {
    let stage = Stage::new("claims");
    stage.apps(&[("a", ""), ("b", "")]);
    stage.commit(&[
        ("a/x.yaml", Some(&config_map("x", "a"))),
        ("b/x.yaml", Some(&config_map("x", "b"))),
        ("b/y.yaml", Some(&config_map("v", "b"))),
    ]);
    let path = stage.map("x");
    let first = stage.sync(&[]);
    assert_eq!(first.code, Some(1), "{first:?}");
    let before = stage.live(&path).unwrap();
    let winner = before["data"]["value"].as_str().unwrap();
    let loser = if winner == "a" { "b" } else { "a" };
    assert_eq!(
        (first.health(winner), first.health(loser)),
        ("healthy", "failed"),
        "{first:?}"
    );
    assert!(stage.live(&stage.map("v")).is_some(), "the rest is applied: {first:?}");
    // For ever the same, and named.
    let second = stage.sync(&[]);
    assert_eq!(second.code_of(loser), "owned-by-another", "{second:?}");
    let message = second.report(loser)["diagnostics"][0]["message"].as_str().unwrap();
    assert!(message.contains(&format!("default/{winner}")), "{message}");
    assert_eq!(stage.live(&path).unwrap(), before, "nothing was written");
    assert_eq!(stage.appliers(&path), [winner]);
}

#[test]
fn an_app_that_is_suspended_lets_go_of_nothing() {
    let stage = Stage::new("suspended");
    stage.apps(&[("a", ""), ("b", "")]);
    stage.commit(&[
        ("a/x.yaml", Some(&config_map("x", "1"))),
        ("a/keep.yaml", Some(&config_map("keep-a", "1"))),
        ("b/keep.yaml", Some(&config_map("keep-b", "1"))),
    ]);
    {
        let s = stage.sync(&[]);
        assert_eq!(s.code, Some(0), "{s:?}");
    }
    let uid = stage.uid(&stage.map("x"));
    stage.commit(&[("a/x.yaml", None), ("b/x.yaml", Some(&config_map("x", "1")))]);
    stage.apps(&[("a", "  suspend: {reason: incident}\n"), ("b", "")]);
    let held = stage.sync(&[]);
    assert_eq!(held.code_of("b"), "owned-by-another", "{held:?}");
    stage.apps(&[("a", ""), ("b", "")]);
    {
        let s = stage.sync(&[]);
        assert_eq!(s.code, Some(0), "{s:?}");
    }
    assert_eq!(
        (stage.uid(&stage.map("x")), stage.appliers(&stage.map("x"))),
        (uid, vec!["b".to_owned()])
    );
}

#[test]
fn an_app_that_is_renamed_keeps_its_objects() {
    let stage = Stage::new("renamed");
    stage.apps(&[("a", "")]);
    let (x, y) = (config_map("x", "1"), config_map("v", "1"));
    stage.commit(&[("a/x.yaml", Some(&x)), ("a/y.yaml", Some(&y))]);
    {
        let s = stage.sync(&[]);
        assert_eq!(s.code, Some(0), "{s:?}");
    }
    let uids = ["x", "v"].map(|name| stage.uid(&stage.map(name)));
    stage.commit(&[
        ("a/x.yaml", None),
        ("a/y.yaml", None),
        ("b/x.yaml", Some(&x)),
        ("b/y.yaml", Some(&y)),
    ]);
    stage.apps(&[("b", "")]);
    let renamed = stage.sync(&[]);
    assert_eq!(renamed.code, Some(0), "{renamed:?}");
    assert_eq!(["x", "v"].map(|name| stage.uid(&stage.map(name))), uids);
    assert_eq!(stage.appliers(&stage.map("x")), ["b"]);
    assert!(stage.owned("a").is_empty());
}
