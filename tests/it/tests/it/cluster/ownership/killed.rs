//! Kills the process after every request and every write of an inventory, and runs it again: the end state is the same.

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt as _};

use serde_json::Value;

use super::{company::definition, stage::Stage};
use crate::sandbox::config_map;

/// More points than a cycle has: the sweep must end before.
const BOUND: u32 = 150;

/// A case: what is committed and applied first, what is committed then, and which apps there are by then.
struct Case {
    name: &'static str,
    first: fn(&Stage),
    second: fn(&Stage),
    /// What is committed after the kill, before anything ran again.
    third: fn(&Stage),
    /// `windlass sync` may end as it likes so often: an App is let go in a second look.
    looks: usize,
}

const CASES: [Case; 7] = [
    Case {
        name: "create",
        first: |stage| stage.apps(&[("a", "")]),
        second: |stage| {
            stage.commit(&[
                ("a/x.yaml", Some(&config_map("x", "1"))),
                ("a/y.yaml", Some(&config_map("v", "1"))),
            ]);
        },
        third: nothing,
        looks: 1,
    },
    Case {
        name: "update-prune",
        first: |stage| {
            stage.apps(&[("a", "")]);
            stage.commit(&[
                ("a/x.yaml", Some(&config_map("x", "1"))),
                ("a/y.yaml", Some(&config_map("v", "1"))),
            ]);
        },
        second: |stage| {
            stage.commit(&[("a/x.yaml", Some(&config_map("x", "2"))), ("a/y.yaml", None)]);
        },
        third: nothing,
        looks: 1,
    },
    Case {
        name: "definition",
        first: |stage| stage.apps(&[("a", "")]),
        second: |stage| {
            let group = format!("{}.example.com", stage.namespace);
            let widget = format!("apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: w}}\nspec: {{size: 1}}\n");
            stage.commit(&[
                ("a/definition.yaml", Some(&definition(&group))),
                ("a/widget.yaml", Some(&widget)),
            ]);
        },
        third: nothing,
        looks: 1,
    },
    Case {
        name: "move",
        first: two_apps,
        second: |stage| {
            stage.commit(&[("a/x.yaml", None), ("b/x.yaml", Some(&config_map("x", "2")))]);
        },
        third: nothing,
        looks: 2,
    },
    Case {
        name: "move-back",
        first: |stage| {
            two_apps(stage);
            stage.commit(&[("a/x.yaml", Some(&two_keys("1")))]);
        },
        second: |stage| {
            stage.commit(&[("a/x.yaml", None), ("b/x.yaml", Some(&two_keys("2")))]);
        },
        // What neither has any more goes, and what is another is written: nobody else has it.
        third: |stage| {
            stage.commit(&[("a/x.yaml", Some(&config_map("x", "3"))), ("b/x.yaml", None)]);
        },
        looks: 2,
    },
    Case {
        name: "move-on",
        first: |stage| {
            stage.apps(&[("a", ""), ("b", ""), ("c", "")]);
            stage.commit(&[
                ("a/x.yaml", Some(&two_keys("1"))),
                ("a/y.yaml", Some(&config_map("v", "1"))),
                ("b/z.yaml", Some(&config_map("z", "1"))),
                ("c/w.yaml", Some(&config_map("w", "1"))),
            ]);
        },
        second: |stage| {
            stage.commit(&[("a/x.yaml", None), ("b/x.yaml", Some(&two_keys("2")))]);
        },
        third: |stage| {
            stage.commit(&[("b/x.yaml", None), ("c/x.yaml", Some(&config_map("x", "3")))]);
        },
        looks: 2,
    },
    Case {
        name: "leave",
        first: two_apps,
        second: |stage| stage.apps(&[("b", "")]),
        third: nothing,
        looks: 1,
    },
];

const fn nothing(_: &Stage) {}

fn two_keys(value: &str) -> String {
    config_map("x", value) + "  gone: \"x\"\n"
}

/// App `a` with two objects, app `b` with one.
fn two_apps(stage: &Stage) {
    stage.apps(&[("a", ""), ("b", "")]);
    stage.commit(&[
        ("a/x.yaml", Some(&config_map("x", "1"))),
        ("a/y.yaml", Some(&config_map("v", "1"))),
        ("b/z.yaml", Some(&config_map("z", "1"))),
    ]);
}

impl Case {
    fn stage(&self) -> Stage {
        let stage = Stage::new(&format!("kill-{}", self.name));
        (self.first)(&stage);
        if self.name != "create" && self.name != "definition" {
            assert_eq!(stage.sync(&[]).code, Some(0));
        }
        (self.second)(&stage);
        stage
    }

    /// Every point in turn.
    fn sweep(&self) -> u32 {
        let calm = self.stage();
        self.settle(&calm, "calm");
        (self.third)(&calm);
        self.settle(&calm, "calm, then");
        let expected = state(&calm);
        for point in 1..BOUND {
            let stage = self.stage();
            let moved = stage.live(&stage.map("x")).map(|live| live["metadata"]["uid"].clone());
            let killed = stage
                .command("windlass.yaml", &[])
                .env("WINDLASS_FAULT", point.to_string())
                .output()
                .unwrap();
            if killed.status.signal().is_none() {
                assert_eq!(killed.status.code(), Some(0), "{killed:?}");
                return point;
            }
            let name = format!("{}: {}", self.name, String::from_utf8_lossy(&killed.stderr).trim());
            assert_eq!(killed.status.signal(), Some(9), "{name}");
            (self.third)(&stage);
            self.settle(&stage, &name);
            assert_eq!(state(&stage), expected, "{name}");
            if self.name.starts_with("move") || self.name == "update-prune" {
                let now = stage.live(&stage.map("x")).map(|live| live["metadata"]["uid"].clone());
                assert_eq!(now, moved, "{name}");
            }
        }
        panic!("{} has more than {BOUND} points", self.name);
    }

    fn settle(&self, stage: &Stage, name: &str) {
        for _ in 0..self.looks {
            let synced = stage.sync(&[]);
            assert_eq!(synced.code, Some(0), "{name}: {synced:?}");
        }
        let quiet = stage.sync(&[]);
        assert_eq!(quiet.code, Some(0), "{name}: {quiet:?}");
        for app in quiet.reports.keys() {
            let [created, configured, _, deleted, _] = quiet.counts(app);
            assert_eq!([created, configured, deleted], [0; 3], "{name}: {quiet:?}");
        }
    }
}

/// What there is in the end: objects with content, mark and managers; and what each app owns.
fn state(stage: &Stage) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    let namespace = &stage.namespace;
    let lists = [
        format!("/api/v1/namespaces/{namespace}/configmaps"),
        format!("/apis/{namespace}.example.com/v1/namespaces/{namespace}/widgets"),
    ];
    for list in lists {
        let Some(found) = stage.live(&list) else { continue };
        for item in found["items"].as_array().into_iter().flatten() {
            let name = item["metadata"]["name"].as_str().unwrap();
            if name != "kube-root-ca.crt" {
                state.insert(name.to_owned(), stage.nameless(&described(item)));
            }
        }
    }
    for app in ["a", "b", "c"] {
        state.insert(
            format!("owned by {app}"),
            stage.owned(app).join(" ").replace(namespace, "NS"),
        );
    }
    state
}

fn described(item: &Value) -> String {
    let entries = item["metadata"]["managedFields"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let managers: Vec<String> = entries
        .iter()
        .map(|entry| format!("{} {} {}", entry["manager"], entry["operation"], entry["fieldsV1"]))
        .collect();
    format!(
        "{} {} {} {managers:?}",
        item["data"], item["spec"], item["metadata"]["annotations"]
    )
}

impl Stage {
    /// Without what each stage has for itself.
    fn nameless(&self, text: &str) -> String {
        text.replace(&self.installation(), "INSTALLATION")
            .replace(&self.namespace, "NS")
    }
}

fn sweep(name: &str) {
    let case = CASES.iter().find(|case| case.name == name).unwrap();
    assert!(case.sweep() > 5, "there are fault points");
}

#[test]
fn a_first_apply_survives() {
    sweep("create");
}

#[test]
fn an_update_with_a_prune_survives() {
    sweep("update-prune");
}

#[test]
fn a_definition_with_an_object_of_it_survives() {
    sweep("definition");
}

#[test]
fn a_move_survives() {
    sweep("move");
}

#[test]
fn a_move_that_is_taken_back_survives() {
    sweep("move-back");
}

#[test]
fn a_move_that_goes_on_survives() {
    sweep("move-on");
}

#[test]
fn an_app_that_leaves_survives() {
    sweep("leave");
}
