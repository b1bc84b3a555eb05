use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::Object;

fn key() -> Key {
    Key::of(&[7; 32])
}

fn manifest(body: Value) -> Manifest {
    Manifest {
        object: Object::from_value(body).unwrap(),
        origin: None,
        document: 0,
        within: crate::manifest::Within::default(),
        role: crate::manifest::Role::Ordinary,
        generated: None,
        configured: None,
    }
}

fn desired(objects: impl IntoIterator<Item = Value>) -> Desired {
    let objects = objects.into_iter().map(manifest);
    Desired {
        objects: objects.map(|manifest| (manifest.object.id.clone(), manifest)).collect(),
        ..Desired::default()
    }
}

fn map_of(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}, "data": data})
}

fn workload(kind: &str, pod: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": pod}}})
}

fn all_of(name: &str) -> Value {
    json!({"containers": [{"name": "app", "envFrom": [{"configMapRef": {"name": name}}]}]})
}

fn one_of(name: &str, key: &str) -> Value {
    let reference = json!({"configMapKeyRef": {"name": name, "key": key, "optional": true}});
    json!({"containers": [{"name": "app", "env": [{"name": "A", "valueFrom": reference}]}]})
}

fn decided(mode: RestartMode, pod: &Value, objects: &[Value], before: Option<&Configured>) -> Option<Restart> {
    let web = manifest(workload("Deployment", pod.clone()));
    decide(&key(), mode, &web, &desired(objects.to_vec()), before, |_| false)
}

#[test]
fn what_pods_use_is_found_key_by_key() {
    let pod = json!({
        "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "init"}}]}],
        "containers": [
            {"name": "a",
             "env": [{"name": "A", "value": "x"}, {"name": "B", "valueFrom": {"secretKeyRef": {"name": "db", "key": "pw", "optional": true}}},
                     {"name": "C", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
             "envFrom": [{"prefix": "X_", "configMapRef": {"name": "env"}}],
             "volumeMounts": [{"name": "whole", "mountPath": "/w"}, {"name": "one", "mountPath": "/o", "subPath": "nginx.conf"},
                              {"name": "items", "mountPath": "/i", "subPath": "conf/b.yaml"}, {"name": "expr", "mountPath": "/e", "subPathExpr": "$(A)"},
                              {"name": "projected", "mountPath": "/p"}]},
            {"name": "b", "volumeMounts": [{"name": "one", "mountPath": "/o", "subPath": "sub/x.conf"}]}],
        "volumes": [
            {"name": "whole", "configMap": {"name": "whole"}},
            {"name": "one", "configMap": {"name": "one"}},
            {"name": "items", "secret": {"secretName": "items", "items": [{"key": "a", "path": "conf/a.yaml"}, {"key": "b", "path": "conf/b.yaml"}]}},
            {"name": "expr", "configMap": {"name": "expr"}},
            {"name": "projected", "projected": {"sources": [{"configMap": {"name": "p1", "items": [{"key": "k", "path": "k"}]}}, {"secret": {"name": "p2"}},
                {"serviceAccountToken": {"path": "token"}}]}},
            {"name": "nobody", "configMap": {"name": "unmounted"}}],
    });
    let found = uses(&pod);
    let told: Vec<String> = found
        .iter()
        .map(|one| match &one.keys {
            Keys::All => format!("{} {}", one.kind, one.name),
            Keys::Some(keys) => format!(
                "{} {} {}",
                one.kind,
                one.name,
                keys.iter().cloned().collect::<Vec<_>>().join(",")
            ),
        })
        .collect();
    assert_eq!(
        told,
        [
            "Secret init",
            "ConfigMap env",
            "Secret db pw",
            "ConfigMap whole",
            "ConfigMap one nginx.conf,sub",
            "Secret items b",
            "ConfigMap expr",
            "ConfigMap p1 k",
            "Secret p2",
        ]
    );
    assert!(uses(&json!({})).is_empty());
    assert!(uses(&json!({"containers": "x", "volumes": [1]})).is_empty());
}

#[test]
fn only_workloads_that_roll_are_restarted() {
    let map = map_of("a", json!({"k": "1"}));
    for (kind, expected) in [
        ("Deployment", true),
        ("StatefulSet", true),
        ("DaemonSet", true),
        ("ReplicaSet", false),
    ] {
        let web = manifest(workload(kind, all_of("a")));
        let found = decide(
            &key(),
            RestartMode::OnChange,
            &web,
            &desired([map.clone()]),
            None,
            |_| false,
        );
        assert_eq!(found.is_some(), expected, "{kind}");
    }
    let mut job = workload("Job", all_of("a"));
    job["apiVersion"] = "batch/v1".into();
    assert_eq!(
        decide(
            &key(),
            RestartMode::OnChange,
            &manifest(job),
            &desired([map]),
            None,
            |_| false
        ),
        None
    );
}

#[test]
fn a_used_key_restarts_and_another_does_not() {
    let map = |k: &str, other: &str| [map_of("a", json!({"k": k, "other": other}))];
    let first = decided(RestartMode::OnChange, &one_of("a", "k"), &map("1", "1"), None).unwrap();
    assert_eq!((first.configured.stamp.as_deref(), first.because.len()), (None, 0));
    let before = Some(&first.configured);
    let same = decided(RestartMode::OnChange, &one_of("a", "k"), &map("1", "2"), before).unwrap();
    assert_eq!(same, first);
    let other = decided(RestartMode::OnChange, &one_of("a", "k"), &map("2", "1"), before).unwrap();
    assert_eq!(other.because, ["ConfigMap shop/a: k"]);
    let stamp = other.configured.stamp.clone().unwrap();
    assert_eq!(stamp.len(), DIGITS);
    // Back again: that is a change too, and not the first stamp.
    let back = decided(
        RestartMode::OnChange,
        &one_of("a", "k"),
        &map("1", "1"),
        Some(&other.configured),
    )
    .unwrap();
    assert!(back.configured.stamp.as_ref().is_some_and(|again| *again != stamp));
    // A key that goes is a change, and nothing else is.
    let gone = decided(
        RestartMode::OnChange,
        &one_of("a", "k"),
        &[map_of("a", json!({"other": "1"}))],
        before,
    )
    .unwrap();
    assert_eq!(gone.because, ["ConfigMap shop/a: k"]);
    let empty = decided(
        RestartMode::OnChange,
        &one_of("a", "k"),
        &map("", "1"),
        Some(&gone.configured),
    )
    .unwrap();
    assert_eq!(empty.because.len(), 1, "empty is something else than not there");
}

#[test]
fn what_is_others_restarts_nothing() {
    let web = manifest(workload("Deployment", all_of("a")));
    let left = decide(
        &key(),
        RestartMode::OnChange,
        &web,
        &desired([map_of("a", json!({"k": "1"}))]),
        None,
        |source| source.object.id.name == "a",
    );
    assert_eq!(left, None);
    assert_eq!(decided(RestartMode::OnChange, &all_of("foreign"), &[], None), None);
}

#[test]
fn a_stamp_outlives_the_switch() {
    let map = |k: &str| [map_of("a", json!({"k": k}))];
    let one = decided(RestartMode::OnChange, &all_of("a"), &map("1"), None).unwrap();
    let two = decided(RestartMode::OnChange, &all_of("a"), &map("2"), Some(&one.configured)).unwrap();
    let off = decided(RestartMode::Off, &all_of("a"), &map("3"), Some(&two.configured)).unwrap();
    assert_eq!(off.configured.stamp, two.configured.stamp);
    assert!(off.because.is_empty());
    let on = decided(RestartMode::OnChange, &all_of("a"), &map("4"), Some(&off.configured)).unwrap();
    assert_eq!(
        (on.configured.stamp, on.because.len()),
        (two.configured.stamp, 0),
        "what came meanwhile is the baseline"
    );
    assert_eq!(decided(RestartMode::Off, &all_of("a"), &map("1"), None), None);
}

#[test]
fn nobody_can_try_out_passwords() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "shop"}, "stringData": {"pw": "hunter2"}});
    let pod = json!({"containers": [{"name": "app", "envFrom": [{"secretRef": {"name": "a"}}]}]});
    let web = manifest(workload("Deployment", pod));
    let of = |secret_of: [u8; 32]| {
        let restart = decide(
            &Key::of(&secret_of),
            RestartMode::OnChange,
            &web,
            &desired([secret.clone()]),
            None,
            |_| false,
        );
        restart.unwrap().configured.used["Secret shop/a"].clone()
    };
    assert_eq!(of([1; 32]), of([1; 32]));
    assert_ne!(of([1; 32]), of([2; 32]), "it depends on the installation's secret");
    assert!(!format!("{:?}", Key::of(&[1; 32])).contains('1'));
}

#[test]
fn a_stamp_is_part_of_the_template() {
    let body = stamped(&workload("Deployment", json!({})), "abc").unwrap();
    assert_eq!(
        body["spec"]["template"]["metadata"],
        json!({"labels": {"app": "web"}, "annotations": {CONFIG_HASH: "abc"}})
    );
    let bare = json!({"spec": {"template": {"metadata": null}}});
    assert_eq!(
        stamped(&bare, "abc").unwrap()["spec"]["template"]["metadata"]["annotations"][CONFIG_HASH],
        "abc"
    );
    assert_eq!(stamped(&json!({"spec": {}}), "abc"), None);
    assert_eq!(stamped(&json!({"spec": {"template": {"metadata": "x"}}}), "abc"), None);
}

/// What somebody does.
#[derive(Debug, Clone)]
enum Act {
    /// Object, key, value; `None` = it goes.
    Data(usize, usize, Option<u8>),
    /// An object enters or leaves the render.
    Render(usize, bool),
    /// The pod uses something else.
    Template(usize),
    Mode(bool),
    Nothing,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        (0..2usize, 0..2usize, proptest::option::of(0..3u8))
            .prop_map(|(object, key, value)| Act::Data(object, key, value)),
        (0..2usize, any::<bool>()).prop_map(|(object, is_there)| Act::Render(object, is_there)),
        (0..4usize).prop_map(Act::Template),
        any::<bool>().prop_map(Act::Mode),
        Just(Act::Nothing),
    ]
}

const NAMES: [&str; 2] = ["a", "b"];
const KEYS: [&str; 2] = ["x", "y"];

#[derive(Debug, Clone)]
struct World {
    data: [BTreeMap<&'static str, u8>; 2],
    rendered: [bool; 2],
    template: usize,
    is_on: bool,
}

impl World {
    fn pod(&self) -> Value {
        match self.template {
            0 => all_of("a"),
            1 => one_of("a", "x"),
            2 => one_of("b", "y"),
            _ => {
                json!({"containers": [{"name": "app", "envFrom": [{"configMapRef": {"name": "a"}}, {"configMapRef": {"name": "b"}}]}]})
            }
        }
    }

    fn objects(&self) -> Vec<Value> {
        let rendered = (0..2).filter(|object| self.rendered[*object]);
        rendered
            .map(|object| {
                let data: BTreeMap<_, _> = self.data[object]
                    .iter()
                    .map(|(key, value)| (*key, value.to_string()))
                    .collect();
                map_of(NAMES[object], json!(data))
            })
            .collect()
    }

    /// What is used and known, in the plain: what an oracle compares.
    fn used(&self) -> BTreeMap<String, String> {
        let whole = |object: usize| (NAMES[object].to_owned(), format!("{:?}", self.data[object]));
        let one = |object: usize, key: usize| {
            (
                format!("{}.{}", NAMES[object], KEYS[key]),
                format!("{:?}", self.data[object].get(KEYS[key])),
            )
        };
        let used = match self.template {
            0 => vec![(0, whole(0))],
            1 => vec![(0, one(0, 0))],
            2 => vec![(1, one(1, 1))],
            _ => vec![(0, whole(0)), (1, whole(1))],
        };
        used.into_iter()
            .filter(|(object, _)| self.rendered[*object] && self.is_on)
            .map(|(_, used)| used)
            .collect()
    }
}

proptest! {
    /// Whatever people commit, switch on and off, and however many cycles fail or are cut off after the apply: a template's stamp is another
    /// one exactly when content that was used and still is has changed since the last apply.
    #[test]
    fn no_restart_without_a_change_and_none_missing(acts in proptest::collection::vec((act(), 0..3u8), 1..60)) {
        let mut world = World { data: [BTreeMap::new(), BTreeMap::new()], rendered: [true; 2], template: 0, is_on: true };
        let mut inventory: Option<Configured> = None;
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for (act, outcome) in acts {
            match act {
                Act::Data(object, key, Some(value)) => { world.data[object].insert(KEYS[key], value); }
                Act::Data(object, key, None) => { world.data[object].remove(KEYS[key]); }
                Act::Render(object, is_there) => world.rendered[object] = is_there,
                Act::Template(template) => world.template = template,
                Act::Mode(is_on) => world.is_on = is_on,
                Act::Nothing => {}
            }
            let mode = if world.is_on { RestartMode::OnChange } else { RestartMode::Off };
            let decide = |before: Option<&Configured>| decided(mode, &world.pod(), &world.objects(), before).unwrap_or_default();
            let restart = decide(inventory.as_ref());
            let used = world.used();
            let is_changed = used.iter().any(|(what, content)| known.get(what).is_some_and(|before| before != content));
            let before = inventory.as_ref().and_then(|known| known.stamp.clone());
            prop_assert_eq!(restart.configured.stamp != before, is_changed, "{:?}: {:?} {:?}", world, known, used);
            prop_assert_eq!(!restart.because.is_empty(), is_changed);
            match outcome {
                // It was applied and written down.
                0 | 1 => {
                    inventory = (!restart.configured.is_nothing()).then_some(restart.configured);
                    known = used;
                }
                // It failed, or was applied and the engine was killed: the next cycle comes to the same.
                _ => prop_assert_eq!(decide(inventory.as_ref()), restart),
            }
        }
    }
}
