//! Marks that are forged, copied and stripped, and objects that come back from a backup.

use serde_json::json;

use super::stage::Stage;
use crate::sandbox::config_map;

/// App `a` with three objects.
fn stage(stem: &str) -> Stage {
    let stage = Stage::new(stem);
    stage.apps(&[("a", "")]);
    let [x, y, z] = ["x", "v", "z"].map(|name| config_map(name, "1"));
    stage.commit(&[("a/x.yaml", Some(&x)), ("a/y.yaml", Some(&y)), ("a/z.yaml", Some(&z))]);
    {
        let s = stage.sync(&[]);
        assert_eq!(s.code, Some(0), "{s:?}");
    }
    stage
}

#[test]
fn a_forged_or_copied_mark_gets_nothing_deleted() {
    let stage = stage("forged");
    // All marks are right, and the app has never heard of it.
    stage.forge("a", "forged");
    // Those of another object, as a controller copies them to a child.
    let mut copied = stage.live(&stage.map("x")).unwrap();
    copied["metadata"] = json!({"name": "copied", "labels": copied["metadata"]["labels"],
        "annotations": copied["metadata"]["annotations"]});
    let list = format!("/api/v1/namespaces/{}/configmaps", stage.namespace);
    stage.person().create(&list, &copied).unwrap();
    stage.commit(&[("a/x.yaml", None)]);
    let synced = stage.sync(&[]);
    assert_eq!(
        (synced.code, synced.counts("a")),
        (Some(0), [0, 0, 2, 1, 0]),
        "{synced:?}"
    );
    assert!(stage.live(&stage.map("x")).is_none());
    assert!(stage.live(&stage.map("forged")).is_some() && stage.live(&stage.map("copied")).is_some());
}

#[test]
fn a_mark_that_was_stripped_is_put_back_and_protects_what_left() {
    let stage = stage("stripped");
    let (x, y, z) = (stage.map("x"), stage.map("v"), stage.map("z"));
    let uids = [&x, &y, &z].map(|path| stage.uid(path));
    stage.edit(&x, &json!({"metadata": {"annotations": null}}));
    stage.edit(&y, &json!({"metadata": {"labels": null}}));
    stage.edit(&z, &json!({"metadata": {"labels": null, "annotations": null}}));
    stage.commit(&[("a/z.yaml", None)]);
    let synced = stage.sync(&[]);
    assert_eq!(
        (synced.code, synced.counts("a")),
        (Some(0), [0, 2, 0, 0, 1]),
        "{synced:?}"
    );
    assert_eq!([&x, &y, &z].map(|path| stage.uid(path)), uids);
    for path in [&x, &y] {
        let live = stage.live(path).unwrap();
        assert!(
            live["metadata"]["annotations"]["windlass.dev/owner"].is_string(),
            "{live}"
        );
        assert!(live["metadata"]["labels"]["windlass.dev/app"].is_string(), "{live}");
    }
    assert_eq!(stage.owned("a"), ["v", "x"]);
}

#[test]
fn what_comes_back_from_a_backup_is_known_again_before_anything_is_deleted() {
    let stage = stage("restored");
    for name in ["x", "v", "z"] {
        stage.person().delete(&stage.map(name)).unwrap();
        stage.forge("a", name);
    }
    let uids = ["x", "v", "z"].map(|name| stage.uid(&stage.map(name)));
    stage.commit(&[("a/z.yaml", None)]);
    let first = stage.sync(&[]);
    assert_eq!(first.counts("a")[3], 0, "{first:?}");
    assert_eq!(["x", "v", "z"].map(|name| stage.uid(&stage.map(name))), uids);
    assert_eq!(stage.owned("a"), ["v", "x", "z"]);
    assert!(
        first.report("a")["notes"].to_string().contains("from a backup"),
        "{first:?}"
    );
    let second = stage.sync(&[]);
    assert_eq!(
        (second.code, second.counts("a")),
        (Some(0), [0, 0, 2, 1, 0]),
        "{second:?}"
    );
    assert_eq!([stage.uid(&stage.map("x")), stage.uid(&stage.map("v"))], uids[..2]);
    assert!(stage.live(&stage.map("z")).is_none());
}
