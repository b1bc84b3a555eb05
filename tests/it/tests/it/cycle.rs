//! The loop onto a directory, through the program and the YAML plugin.

use std::fs;

use crate::sandbox::{Sandbox, Synced, config_map};

const APP: &str = "  path: app\n  target: {namespace: shop}\n";

fn one_app() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "1"))),
        ("app/b.yaml", Some(&config_map("b", "1"))),
    ]);
    sandbox.config(&[("app", APP)]);
    sandbox
}

#[test]
fn a_first_sync_writes_and_a_second_finds_nothing_to_do() {
    let sandbox = one_app();
    let first = sandbox.sync(&[]);
    assert_eq!(
        (first.code, first.counts("app"), first.health("app")),
        (Some(0), [2, 0, 0, 0, 0], "healthy"),
        "{first:?}"
    );
    let files = sandbox.files();
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        ["app/shop/ConfigMap-a.yaml", "app/shop/ConfigMap-b.yaml"]
    );
    assert!(
        files["app/shop/ConfigMap-a.yaml"].contains("namespace: shop"),
        "{files:?}"
    );
    let second = sandbox.sync(&[]);
    assert_eq!((second.code, second.counts("app")), (Some(0), [0, 0, 2, 0, 0]));
    assert_eq!(sandbox.files(), files);
}

#[test]
fn a_commit_changes_creates_and_prunes() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    let head = sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "2"))),
        ("app/b.yaml", None),
        ("app/c.yaml", Some(&config_map("c", "1"))),
    ]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.counts("app")),
        (Some(0), [1, 1, 0, 1, 0]),
        "{synced:?}"
    );
    assert_eq!(synced.report("app")["revision"], head.as_str());
    assert_eq!(
        sandbox.files().keys().collect::<Vec<_>>(),
        ["app/shop/ConfigMap-a.yaml", "app/shop/ConfigMap-c.yaml"]
    );
}

#[test]
fn broken_yaml_is_told_at_its_place_and_changes_nothing() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("app/a.yaml", Some(&config_map("a", "1"))),
        ("good/g.yaml", Some(&config_map("g", "1"))),
    ]);
    sandbox.config(&[("app", APP), ("good", "  path: good\n")]);
    sandbox.sync(&[]);
    let before = sandbox.files();
    let broken = format!("{}  other: [1, 2\n", config_map("a", "2"));
    sandbox.commit(&[
        ("app/a.yaml", Some(&broken)),
        ("good/g.yaml", Some(&config_map("g", "2"))),
    ]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.health("app"), synced.health("good")),
        (Some(1), "failed", "healthy"),
        "{synced:?}"
    );
    let at = &synced.report("app")["diagnostics"][0]["at"]["file"];
    assert_eq!(at["path"], "app/a.yaml");
    assert!(at["span"]["line"].as_u64().is_some_and(|line| line >= 7), "{at}");
    assert_eq!(
        sandbox.files()["app/shop/ConfigMap-a.yaml"],
        before["app/shop/ConfigMap-a.yaml"]
    );
    assert!(sandbox.files().values().any(|text| text.contains("value: \"2\"")));
}

#[test]
fn a_render_without_objects_deletes_nothing() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    let files = sandbox.files();
    sandbox.commit(&[("app/a.yaml", Some("# nothing\n")), ("app/b.yaml", None)]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.health("app"), synced.code_of("app")),
        (Some(1), "held", "empty-render"),
        "{synced:?}"
    );
    assert_eq!(sandbox.files(), files);
}

#[test]
fn a_folder_that_is_gone_deletes_nothing() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    let files = sandbox.files();
    sandbox.commit(&[
        ("app/a.yaml", None),
        ("app/b.yaml", None),
        ("else/x.yaml", Some("a: 1\n")),
    ]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.health("app"), synced.code_of("app")),
        (Some(1), "failed", "missing-path"),
        "{synced:?}"
    );
    assert_eq!(sandbox.files(), files);
}

#[test]
fn a_mass_delete_waits_for_consent() {
    let sandbox = Sandbox::new();
    let names: Vec<String> = (0..10).map(|i| format!("app/o{i}.yaml")).collect();
    let texts: Vec<String> = (0..10).map(|i| config_map(&format!("o{i}"), "1")).collect();
    let files: Vec<(&str, Option<&str>)> = names
        .iter()
        .zip(&texts)
        .map(|(n, t)| (n.as_str(), Some(t.as_str())))
        .collect();
    sandbox.commit(&files);
    sandbox.config(&[("app", APP)]);
    sandbox.sync(&[]);
    let gone: Vec<(&str, Option<&str>)> = names[..5].iter().map(|n| (n.as_str(), None)).collect();
    sandbox.commit(&gone);
    let held = sandbox.sync(&[]);
    assert_eq!(
        (held.code, held.health("app"), held.code_of("app")),
        (Some(1), "held", "mass-delete"),
        "{held:?}"
    );
    assert_eq!(sandbox.files().len(), 10);
    let allowed = sandbox.sync(&["--allow-deletes", "app"]);
    assert_eq!(
        (allowed.code, allowed.counts("app")),
        (Some(0), [0, 0, 5, 5, 0]),
        "{allowed:?}"
    );
    assert_eq!(sandbox.files().len(), 5);
}

#[test]
fn foreign_files_are_left_alone() {
    let sandbox = one_app();
    let folder = sandbox.out().join("app/shop");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("ConfigMap-a.yaml"), "mine: true\n").unwrap();
    fs::write(folder.join("notes.txt"), "mine too\n").unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.code_of("app"), synced.counts("app")),
        (Some(1), "foreign-object", [1, 0, 0, 0, 1]),
        "{synced:?}"
    );
    let files = sandbox.files();
    assert_eq!(
        (
            files["app/shop/ConfigMap-a.yaml"].as_str(),
            files["app/shop/notes.txt"].as_str()
        ),
        ("mine: true\n", "mine too\n")
    );
}

#[test]
fn two_apps_do_not_share_a_folder_of_files() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "1")))]);
    sandbox.config(&[("one", APP), ("two", APP)]);
    assert_eq!(sandbox.sync(&[]).code, Some(0));
    assert_eq!(
        sandbox.files().keys().collect::<Vec<_>>(),
        ["one/shop/ConfigMap-a.yaml", "two/shop/ConfigMap-a.yaml"]
    );
}

#[test]
fn an_edited_and_a_deleted_file_are_repaired() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    let files = sandbox.files();
    let a = sandbox.out().join("app/shop/ConfigMap-a.yaml");
    fs::write(
        &a,
        files["app/shop/ConfigMap-a.yaml"].replace("value: \"1\"", "value: hacked"),
    )
    .unwrap();
    fs::remove_file(sandbox.out().join("app/shop/ConfigMap-b.yaml")).unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.counts("app")),
        (Some(0), [1, 1, 0, 0, 0]),
        "{synced:?}"
    );
    assert!(
        synced.report("app")["notes"][0]
            .as_str()
            .unwrap()
            .contains("changed by somebody else")
    );
    assert_eq!(sandbox.files(), files);
}

#[test]
fn drift_is_only_reported_where_the_app_says_so() {
    let sandbox = one_app();
    sandbox.config(&[("app", &format!("{APP}  drift: {{mode: Report}}\n"))]);
    sandbox.sync(&[]);
    let a = sandbox.out().join("app/shop/ConfigMap-a.yaml");
    let edited = fs::read_to_string(&a).unwrap().replace("value: \"1\"", "value: hacked");
    fs::write(&a, &edited).unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.health("app"), synced.counts("app")),
        (Some(1), "pending", [0, 0, 1, 0, 1]),
        "{synced:?}"
    );
    assert_eq!(fs::read_to_string(&a).unwrap(), edited);
}

#[test]
fn a_lost_inventory_adopts_what_carries_the_mark_and_prunes_nothing() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    fs::remove_file(sandbox.path().join("state/state.redb")).unwrap();
    sandbox.commit(&[("app/a.yaml", Some(&config_map("a", "2"))), ("app/b.yaml", None)]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.counts("app")),
        (Some(0), [0, 1, 0, 0, 0]),
        "{synced:?}"
    );
    assert!(
        sandbox.files().contains_key("app/shop/ConfigMap-b.yaml"),
        "what the inventory does not know is not deleted"
    );
}

/// Apps into folders of theirs, as the configuration says.
fn to_folders(sandbox: &Sandbox, apps: &[(&str, &str)]) {
    let apps: Vec<(&str, String)> = apps
        .iter()
        .map(|(name, rest)| (*name, format!("  path: {name}\n  target: {{directory: ./out}}\n{rest}")))
        .collect();
    let apps: Vec<(&str, &str)> = apps.iter().map(|(name, spec)| (*name, spec.as_str())).collect();
    sandbox.config(&apps);
}

fn sync_to_folders(sandbox: &Sandbox) -> Synced {
    Synced::of(&sandbox.windlass(&["sync", "windlass.yaml", "-o", "json"]))
}

#[test]
fn an_app_that_leaves_the_configuration_takes_its_files_along() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("a/x.yaml", Some(&config_map("x", "1"))),
        ("b/x.yaml", Some(&config_map("x", "1"))),
        ("c/x.yaml", Some(&config_map("x", "1"))),
    ]);
    to_folders(&sandbox, &[("a", ""), ("b", "  deletionPolicy: Orphan\n"), ("c", "")]);
    let first = sync_to_folders(&sandbox);
    assert_eq!((first.code, sandbox.files().len()), (Some(0), 3), "{first:?}");
    fs::write(sandbox.out().join("a/theirs.yaml"), "x: 1\n").unwrap();
    // A folder of the command line's is none of its business.
    to_folders(&sandbox, &[("c", "")]);
    let aside = sandbox.sync(&[]);
    assert_eq!((aside.reports.len(), sandbox.files().len()), (1, 4), "{aside:?}");
    let left = sync_to_folders(&sandbox);
    assert_eq!(
        (left.code, left.health("a"), left.counts("a")[3]),
        (Some(0), "healthy", 1),
        "{left:?}"
    );
    assert_eq!(left.counts("b")[3], 0, "{left:?}");
    let files: Vec<String> = sandbox
        .files()
        .into_keys()
        .filter(|path| !path.starts_with("c/"))
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(
        files[0].starts_with("a/theirs") && files[1].starts_with("b/"),
        "{files:?}"
    );
    assert_eq!(sync_to_folders(&sandbox).reports.len(), 1, "each is let go once");
}

#[test]
fn an_object_that_moves_between_apps_leaves_no_file_behind() {
    let sandbox = Sandbox::new();
    let (x, keep) = (config_map("x", "1"), config_map("keep", "1"));
    sandbox.commit(&[
        ("a/x.yaml", Some(&x)),
        ("a/keep.yaml", Some(&keep)),
        ("b/keep.yaml", Some(&keep)),
    ]);
    to_folders(&sandbox, &[("a", ""), ("b", "")]);
    assert_eq!(sync_to_folders(&sandbox).code, Some(0));
    sandbox.commit(&[("a/x.yaml", None), ("b/x.yaml", Some(&x))]);
    let moved = sync_to_folders(&sandbox);
    assert_eq!(
        (moved.code, moved.counts("a")[3], moved.counts("b")[0]),
        (Some(0), 1, 1),
        "{moved:?}"
    );
}

#[test]
fn a_suspended_app_is_left_alone() {
    let sandbox = one_app();
    sandbox.config(&[("app", &format!("{APP}  suspend: {{reason: incident}}\n"))]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.health("app")),
        (Some(0), "suspended"),
        "{synced:?}"
    );
    assert!(sandbox.files().is_empty());
}

#[test]
fn a_second_process_on_one_state_is_refused() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    let state = windlass::state::State::open(&sandbox.path().join("state")).unwrap();
    let held = state.inventories().unwrap();
    let refused = sandbox.sync(&[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("is in use by process"), "{}", refused.stderr);
    drop(held);
    assert_eq!(sandbox.sync(&[]).code, Some(0));
}

#[test]
fn a_repository_that_is_gone_leaves_everything_as_it_is() {
    let sandbox = one_app();
    sandbox.sync(&[]);
    let files = sandbox.files();
    fs::rename(sandbox.repo(), sandbox.path().join("moved")).unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.code, synced.health("app"), synced.code_of("app")),
        (Some(1), "failed", "source"),
        "{synced:?}"
    );
    assert_eq!(sandbox.files(), files);
}
