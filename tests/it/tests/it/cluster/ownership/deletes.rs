//! Deletions that fail, or take their time.

use serde_json::json;
use windlass_tests::cluster::{
    Cluster as Server,
    proxy::{Fault, Rule},
};

use super::stage::Stage;
use crate::sandbox::config_map;

/// App `a` with two objects, of which `x` left the repository since.
fn leaving(stage: &Stage, rest: &str) {
    stage.apps(&[("a", rest)]);
    let [x, y] = ["x", "v"].map(|name| config_map(name, "1"));
    stage.commit(&[("a/x.yaml", Some(&x)), ("a/y.yaml", Some(&y))]);
    let first = stage.sync(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
    stage.commit(&[("a/x.yaml", None)]);
}

#[test]
fn what_has_a_finalizer_is_known_until_it_is_gone() {
    let stage = Stage::new("finalizer");
    leaving(&stage, "");
    let path = stage.map("x");
    stage.edit(&path, &json!({"metadata": {"finalizers": ["example.com/hold"]}}));
    let deleting = stage.sync(&[]);
    assert!(
        deleting.report("a")["notes"].to_string().contains("example.com/hold"),
        "{deleting:?}"
    );
    assert_eq!(stage.owned("a"), ["v", "x"]);
    let waiting = stage.sync(&["--timeout", "3s"]);
    assert_eq!(
        (waiting.code, waiting.health("a")),
        (Some(4), "progressing"),
        "{waiting:?}"
    );
    assert_eq!(stage.owned("a"), ["v", "x"]);
    stage.edit(&path, &json!({"metadata": {"finalizers": null}}));
    assert!(stage.live(&path).is_none());
    let gone = stage.sync(&[]);
    assert_eq!((gone.code, gone.health("a")), (Some(0), "healthy"), "{gone:?}");
    assert_eq!(stage.owned("a"), ["v"]);
}

#[test]
fn what_may_not_be_deleted_stays_known_and_is_tried_again() {
    let stage = Stage::new("forbidden");
    stage.server.service_account(&stage.namespace, "deployer").unwrap();
    leaving(&stage, "  # as deployer\n");
    let group = "/apis/rbac.authorization.k8s.io/v1";
    let binding = format!("{group}/namespaces/{}/rolebindings/deployer-admin", stage.namespace);
    let before = stage.live(&binding).unwrap();
    stage.person().delete(&binding).unwrap();
    let refused = stage.sync(&[]);
    assert_eq!((refused.code, refused.health("a")), (Some(1), "failed"), "{refused:?}");
    assert!(
        refused.report("a")["diagnostics"].to_string().contains("deployer"),
        "{refused:?}"
    );
    assert_eq!(stage.owned("a"), ["v", "x"]);
    assert!(stage.live(&stage.map("x")).is_some());
    let again =
        json!({"metadata": {"name": "deployer-admin"}, "roleRef": before["roleRef"], "subjects": before["subjects"]});
    let list = format!("{group}/namespaces/{}/rolebindings", stage.namespace);
    stage.person().create(&list, &again).unwrap();
    let allowed = stage.sync(&[]);
    assert_eq!(
        (allowed.code, allowed.counts("a")),
        (Some(0), [0, 0, 1, 1, 0]),
        "{allowed:?}"
    );
    assert_eq!(stage.owned("a"), ["v"]);
}

#[test]
fn a_delete_that_nobody_answers_stays_known_and_is_tried_again() {
    let proxy = Server::shared().proxy().unwrap();
    let stage = Stage::at("unanswered", proxy.url());
    leaving(&stage, "");
    let fault = Fault::Status {
        code: 500,
        retry_after: None,
    };
    proxy.spoil(Rule::new("^DELETE ", fault).unwrap());
    let failed = stage.sync(&[]);
    assert_eq!(
        (failed.code, failed.code_of("a")),
        (Some(1), "not-applied"),
        "{failed:?}"
    );
    assert_eq!(stage.owned("a"), ["v", "x"]);
    proxy.heal();
    // Done, and nobody knows.
    proxy.spoil(Rule::new("^DELETE ", Fault::LostAnswer).unwrap());
    let lost = stage.sync(&[]);
    assert!(stage.live(&stage.map("x")).is_none(), "{lost:?}");
    proxy.heal();
    let again = stage.sync(&[]);
    assert_eq!((again.code, again.health("a")), (Some(0), "healthy"), "{again:?}");
    assert_eq!(stage.owned("a"), ["v"]);
}
