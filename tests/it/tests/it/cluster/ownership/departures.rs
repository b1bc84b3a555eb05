//! Apps that leave the configuration.

use std::{fs, time::Instant};

use windlass_tests::cluster::Cluster as Server;

use super::stage::Stage;
use crate::{cluster::SOON, sandbox::config_map};

/// Apps `a` and `b` with two objects each; `a` says `rest`.
fn deployed(stage: &Stage, rest: &str) {
    stage.apps(&[("a", rest), ("b", "")]);
    for app in ["a", "b"] {
        let [x, y] = ["x", "y"].map(|name| config_map(&format!("{app}-{name}"), "1"));
        stage.commit(&[
            (&format!("{app}/x.yaml"), Some(&x)),
            (&format!("{app}/y.yaml"), Some(&y)),
        ]);
    }
    let first = stage.sync(&[]);
    assert_eq!(first.code, Some(0), "{first:?}");
}

fn are_there(stage: &Stage) -> [bool; 4] {
    ["a-x", "a-y", "b-x", "b-y"].map(|name| stage.live(&stage.map(name)).is_some())
}

#[test]
fn what_an_app_owned_goes_with_it() {
    let stage = Stage::new("departed");
    deployed(&stage, "");
    stage.apps(&[("b", "")]);
    let synced = stage.sync(&[]);
    assert_eq!((synced.code, synced.health("a")), (Some(0), "healthy"), "{synced:?}");
    assert_eq!(synced.counts("a")[3], 2);
    assert_eq!(are_there(&stage), [false, false, true, true]);
    let again = stage.sync(&[]);
    assert_eq!(again.reports.len(), 1, "it is let go once: {again:?}");
}

#[test]
fn orphans_stay_without_a_mark_and_may_be_taken() {
    let stage = Stage::new("orphans");
    deployed(&stage, "  deletionPolicy: Orphan\n");
    let (path, uid) = (stage.map("a-x"), stage.uid(&stage.map("a-x")));
    stage.apps(&[("b", "")]);
    let synced = stage.sync(&[]);
    assert_eq!((synced.code, synced.counts("a")[3]), (Some(0), 0), "{synced:?}");
    assert_eq!(are_there(&stage), [true; 4]);
    let live = stage.live(&path).unwrap();
    assert!(!live.to_string().contains("windlass"), "{live}");
    assert_eq!(live["data"]["value"], "1");
    // Whoever wants it takes it, without a conflict.
    stage.commit(&[("b/taken.yaml", Some(&config_map("a-x", "2")))]);
    let taken = stage.sync(&[]);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    assert_eq!((stage.uid(&path), stage.appliers(&path)), (uid, vec!["b".to_owned()]));
    assert_eq!(stage.live(&path).unwrap()["data"]["value"], "2");
}

#[test]
fn what_is_protected_stays_without_a_mark() {
    let stage = Stage::new("protected");
    deployed(&stage, "  prune: {protect: [ConfigMap]}\n");
    stage.apps(&[("b", "")]);
    let synced = stage.sync(&[]);
    assert_eq!((synced.code, synced.health("a")), (Some(0), "healthy"), "{synced:?}");
    assert_eq!(are_there(&stage), [true; 4]);
    assert!(!stage.live(&stage.map("a-x")).unwrap().to_string().contains("windlass"));
}

#[test]
fn nothing_goes_for_another_file_a_broken_one_or_a_lost_end() {
    let stage = Stage::new("another");
    deployed(&stage, "");
    // Another file knows nothing of it.
    stage.configure("other.yaml", &[("b", "")]);
    let other = stage.sync_of("other.yaml", &[]);
    assert_eq!(other.reports.len(), 1, "{other:?}");
    // A folder is a place of its own.
    stage.apps(&[("b", "")]);
    let target = format!("dir:{}", stage.sandbox.out().display());
    assert_eq!(stage.sync(&["--target", &target]).reports.len(), 1);
    // One that can't be read is no configuration without the App.
    fs::write(
        stage.sandbox.path().join("windlass.yaml"),
        "apiVersion: windlass.dev/v1alpha1\nkind: [App\n",
    )
    .unwrap();
    assert_eq!(stage.sync(&[]).code, Some(2));
    assert_eq!(are_there(&stage), [true; 4]);
    // A repository that fails takes nothing along.
    stage.apps(&[("a", ""), ("b", "")]);
    fs::rename(stage.sandbox.repo(), stage.sandbox.path().join("away")).unwrap();
    assert_eq!(stage.sync(&[]).code, Some(1));
    assert_eq!(are_there(&stage), [true; 4]);
}

#[test]
fn many_that_leave_at_once_need_consent() {
    let stage = Stage::new("consent");
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        stage.commit(&[(&format!("{name}/x.yaml"), Some(&config_map(name, "1")))]);
    }
    stage.apps(&names.map(|name| (name, "")));
    {
        let s = stage.sync(&[]);
        assert_eq!(s.code, Some(0), "{s:?}");
    }
    stage.apps(&[("e", "")]);
    let held = stage.sync(&[]);
    assert_eq!(
        (held.code, held.health("a"), held.health("e")),
        (Some(1), "held", "healthy"),
        "{held:?}"
    );
    assert!(names.iter().all(|name| stage.live(&stage.map(name)).is_some()));
    let allowed = stage.sync(&["--allow-deletes", "a"]);
    assert_eq!(
        (allowed.health("a"), allowed.health("d")),
        ("healthy", "held"),
        "{allowed:?}"
    );
    // Three are few.
    {
        let s = stage.sync(&[]);
        assert_eq!(s.code, Some(0), "{s:?}");
    }
    assert_eq!(
        names.map(|name| stage.live(&stage.map(name)).is_some()),
        [false, false, false, false, true]
    );
}

#[test]
fn an_unreachable_cluster_wedges_nothing() {
    let proxy = Server::shared().proxy().unwrap();
    let stage = Stage::at("unreachable", proxy.url());
    deployed(&stage, "");
    stage.apps(&[]);
    proxy.down();
    let begun = Instant::now();
    let failed = stage.sync(&[]);
    assert_eq!((failed.code, failed.health("a")), (Some(1), "failed"), "{failed:?}");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    let help = failed.report("a")["diagnostics"][0]["help"].as_str().unwrap();
    assert!(help.contains("--forget-app a"), "{failed:?}");
    // By force: its objects stay.
    let forced = stage.sync(&["--forget-app", "a"]);
    assert!(
        !forced.reports.contains_key("a") && forced.health("b") == "failed",
        "{forced:?}"
    );
    let unknown = stage.sync(&["--forget-app", "a"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    proxy.up();
    let later = stage.sync(&[]);
    assert_eq!((later.code, later.health("b")), (Some(0), "healthy"), "{later:?}");
    assert_eq!(are_there(&stage), [true, true, false, false]);
}

#[test]
fn a_missing_service_account_wedges_nothing_and_is_never_replaced_by_the_engine() {
    let stage = Stage::new("no-account");
    stage.server.service_account(&stage.namespace, "deployer").unwrap();
    deployed(&stage, "  # as deployer\n");
    for path in [
        "api/v1/namespaces/NS/serviceaccounts/deployer",
        "apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings/deployer-admin",
    ] {
        stage
            .person()
            .delete(&format!("/{}", path.replace("NS", &stage.namespace)))
            .unwrap();
    }
    stage.apps(&[("b", "")]);
    let failed = stage.sync(&[]);
    assert_eq!(
        (failed.code, failed.health("a"), failed.health("b")),
        (Some(1), "failed", "healthy"),
        "{failed:?}"
    );
    assert_eq!(are_there(&stage), [true; 4]);
    let forced = stage.sync(&["--forget-app", &format!("{}/a", stage.namespace)]);
    assert_eq!((forced.code, forced.reports.len()), (Some(0), 1), "{forced:?}");
    assert_eq!(are_there(&stage), [true; 4]);
}
