use serde_json::{Value, json};

use super::*;
use crate::{
    digest::Digest,
    inventory::Inventory,
    manifest::{self, Role},
    render::{Document, Format, Output, attribute},
    rules,
};

fn job(name: &str, annotations: Value) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "annotations": annotations}})
}

fn output(objects: &[Value]) -> Output {
    let document = |object: &Value| Document {
        format: Format::Json,
        content: object.to_string().into_bytes(),
        origin: None,
        lines: Vec::new(),
        attributes: Vec::new(),
    };
    Output {
        documents: objects.iter().map(document).collect(),
        diagnostics: Vec::new(),
    }
}

fn desired(objects: &[Value]) -> Desired {
    manifest::read(&output(objects), "shop").unwrap()
}

fn names(desired: &Desired, phase: Phase, occasion: Occasion) -> Vec<String> {
    let due = due(desired, phase, occasion);
    due.iter().map(|due| due.manifest.object.id.name.clone()).collect()
}

fn hook(annotations: Value) -> Result<Option<Hook>, BadHook> {
    Hook::of(&job("a", annotations))
}

#[test]
fn events_come_when_helm_and_argo_cd_say() {
    use Occasion::{Delete, Install, Rollback, Upgrade};
    use Phase::{Post, PostDelete, Pre, PreDelete, Sync, SyncFail};
    let all = [
        (HELM_HOOK, "pre-install", vec![(Pre, Install)]),
        (HELM_HOOK, "post-install", vec![(Post, Install)]),
        (HELM_HOOK, "pre-upgrade", vec![(Pre, Upgrade)]),
        (HELM_HOOK, "post-upgrade", vec![(Post, Upgrade)]),
        (HELM_HOOK, "pre-delete", vec![(PreDelete, Delete)]),
        (HELM_HOOK, "post-delete", vec![(PostDelete, Delete)]),
        (HELM_HOOK, "pre-rollback,post-rollback,test,test-success", vec![]),
        (
            HELM_HOOK,
            "pre-install, pre-upgrade",
            vec![(Pre, Install), (Pre, Upgrade)],
        ),
        (ARGO_HOOK, "PreSync", vec![(Pre, Install), (Pre, Upgrade)]),
        (ARGO_HOOK, "Sync", vec![(Sync, Install), (Sync, Upgrade)]),
        (ARGO_HOOK, "PostSync", vec![(Post, Install), (Post, Upgrade)]),
        (ARGO_HOOK, "SyncFail", vec![(SyncFail, Install), (SyncFail, Upgrade)]),
        (ARGO_HOOK, "PreDelete", vec![(PreDelete, Delete)]),
        (ARGO_HOOK, "PostDelete", vec![(PostDelete, Delete)]),
        (ARGO_HOOK, "Skip", vec![]),
    ];
    for (key, text, expected) in all {
        let desired = desired(&[job("a", json!({ key: text }))]);
        let mut found = Vec::new();
        for phase in [Pre, Sync, Post, SyncFail, PreDelete, PostDelete] {
            for occasion in [Install, Upgrade, Rollback, Delete] {
                if !names(&desired, phase, occasion).is_empty() {
                    found.push((phase, occasion));
                }
            }
        }
        assert_eq!(found, expected, "{text}");
        assert!(desired.objects.is_empty(), "{text}");
    }
}

#[test]
fn a_test_is_told_apart_and_never_run() {
    let desired = desired(&[
        job("t", json!({HELM_HOOK: "test"})),
        job("h", json!({HELM_HOOK: "test,post-install"})),
        job("o", json!({})),
    ]);
    let roles: Vec<(&str, Role)> = desired
        .hooks
        .iter()
        .map(|hook| (hook.object.id.name.as_str(), hook.role))
        .collect();
    assert_eq!(roles, [("t", Role::Test), ("h", Role::Hook)]);
    assert_eq!(names(&desired, Phase::Post, Occasion::Install), ["h"]);
    assert_eq!(desired.objects.len(), 1);
}

#[test]
fn weights_waves_and_policies_are_read() {
    let weight = |annotations| hook(annotations).unwrap().unwrap().weight;
    assert_eq!(weight(json!({HELM_HOOK: "pre-install", HELM_WEIGHT: "-5"})), -5);
    assert_eq!(weight(json!({HELM_HOOK: "pre-install", ARGO_WAVE: "3"})), 3);
    assert_eq!(
        weight(json!({HELM_HOOK: "pre-install", HELM_WEIGHT: "1", ARGO_WAVE: "3"})),
        1
    );
    assert_eq!(
        weight(json!({ARGO_HOOK: "PreSync", HELM_WEIGHT: "1", ARGO_WAVE: "3"})),
        3
    );
    assert_eq!(weight(json!({ARGO_HOOK: "PreSync"})), 0);
    let delete = |annotations| {
        let Deletion {
            before,
            succeeded,
            failed,
        } = hook(annotations).unwrap().unwrap().delete;
        (before, succeeded, failed)
    };
    assert_eq!(delete(json!({HELM_HOOK: "pre-install"})), (true, false, false));
    assert_eq!(
        delete(json!({HELM_HOOK: "pre-install", HELM_DELETE: "hook-succeeded, hook-failed"})),
        (false, true, true)
    );
    assert_eq!(
        delete(json!({ARGO_HOOK: "Sync", ARGO_DELETE: "BeforeHookCreation,HookFailed"})),
        (true, false, true)
    );
    // Argo CD reads Helm's where its own isn't there.
    assert_eq!(
        delete(json!({ARGO_HOOK: "Sync", HELM_DELETE: "hook-succeeded"})),
        (false, true, false)
    );
}

#[test]
fn words_that_nobody_knows_are_named_and_keep_the_object_back() {
    for (annotations, expected) in [
        (
            json!({HELM_HOOK: "pre-instal"}),
            "annotation `helm.sh/hook` is `pre-instal`, expected `pre-install`",
        ),
        (json!({HELM_HOOK: ""}), "annotation `helm.sh/hook` is ``"),
        (
            json!({ARGO_HOOK: "pre-install"}),
            "annotation `argocd.argoproj.io/hook` is `pre-install`, expected `PreSync`",
        ),
        (
            json!({HELM_HOOK: "test", HELM_WEIGHT: "high"}),
            "annotation `helm.sh/hook-weight` is `high`, expected a whole number",
        ),
        (
            json!({HELM_HOOK: "test", HELM_DELETE: "never"}),
            "annotation `helm.sh/hook-delete-policy` is `never`, expected `before-hook-creation`",
        ),
        (
            json!({ARGO_HOOK: "Sync", ARGO_DELETE: "hook-failed"}),
            "annotation `argocd.argoproj.io/hook-delete-policy` is `hook-failed`, expected `BeforeHookCreation`",
        ),
        (
            json!({ARGO_HOOK: "Sync", ARGO_WAVE: "a"}),
            "annotation `argocd.argoproj.io/sync-wave`: `a` is no whole number",
        ),
    ] {
        let desired = desired(&[job("a", annotations)]);
        assert!(desired.objects.is_empty());
        let found = rules::check(&desired.hooks[0].object);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.starts_with(expected), "{}", found[0].message);
        assert!(
            found[0].pointer.starts_with("/metadata/annotations/"),
            "{}",
            found[0].pointer
        );
    }
}

#[test]
fn hooks_run_by_weight_then_kind_then_name() {
    let of = |kind: &str, name: &str, weight: &str| {
        json!({"apiVersion": if kind == "Job" { "batch/v1" } else { "v1" }, "kind": kind,
            "metadata": {"name": name, "annotations": {HELM_HOOK: "pre-install", HELM_WEIGHT: weight}}})
    };
    let desired = desired(&[
        of("Job", "b", "0"),
        of("Job", "a", "0"),
        of("Job", "first", "-1"),
        of("ServiceAccount", "z", "0"),
        of("ConfigMap", "late", "5"),
    ]);
    assert_eq!(
        names(&desired, Phase::Pre, Occasion::Install),
        ["first", "z", "a", "b", "late"]
    );
}

#[test]
fn generated_names_follow_what_is_desired() {
    let nameless = |image: &str| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"image": image},
            "metadata": {"generateName": "migrate-", "annotations": {ARGO_HOOK: "PreSync"}}})
    };
    let map =
        |value: &str| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": value}});
    let one = |objects: &[Value]| {
        let desired = desired(objects);
        let object = &desired.hooks[0].object;
        assert_eq!(
            (object.id.namespace.as_str(), &object.body["metadata"]["name"]),
            ("shop", &json!(object.id.name))
        );
        object.id.name.clone()
    };
    let name = one(&[nameless("1"), map("1")]);
    assert!(name.starts_with("migrate-") && name.len() == 20, "{name}");
    assert_eq!(name, one(&[nameless("1"), map("1")]));
    assert_ne!(name, one(&[nameless("2"), map("1")]));
    assert_ne!(name, one(&[nameless("1"), map("2")]));
    // Two that are alike are two.
    let twins = names(&desired(&[nameless("1"), nameless("1")]), Phase::Pre, Occasion::Upgrade);
    assert_eq!(twins.len(), 2);
    assert_ne!(twins[0], twins[1]);
    let mut long = nameless("1");
    long["metadata"]["generateName"] = "x".repeat(200).into();
    assert_eq!(one(&[long]).len(), 63);
    // What is no hook needs a name.
    let mut ordinary = nameless("1");
    ordinary["metadata"]["annotations"] = json!({});
    assert_eq!(
        manifest::read(&output(&[ordinary]), "").unwrap_err()[0].code,
        "not-an-object"
    );
}

#[test]
fn what_a_plugin_says_counts_where_the_object_says_nothing() {
    let mut output = output(&[json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})]);
    output.documents[0].attributes = vec![
        (attribute::ROLE.into(), "hook".into()),
        (attribute::HOOK_EVENTS.into(), "pre-install,pre-upgrade".into()),
        (attribute::HOOK_WEIGHT.into(), "7".into()),
        (attribute::HOOK_DELETE_POLICIES.into(), "hook-succeeded".into()),
    ];
    let desired = manifest::read(&output, "").unwrap();
    let due = due(&desired, Phase::Pre, Occasion::Upgrade);
    assert_eq!((due[0].hook.weight, due[0].hook.delete.succeeded), (7, true));
}

#[test]
fn the_hash_covers_the_hooks() {
    let of = |image: &str| {
        let mut hook = job("a", json!({HELM_HOOK: "pre-install"}));
        hook["spec"] = json!({ "image": image });
        desired(&[hook]).hash
    };
    assert_eq!(of("1"), of("1"));
    assert_ne!(of("1"), of("2"));
}

fn ended(log: &mut Log, manifest: &Manifest, uid: &str, ending: Ending) {
    let run = log.run_mut(manifest, Phase::Pre);
    run.uid = Some(uid.into());
    run.ending = Some(ending);
}

#[test]
fn a_log_leaves_behind_what_may_be_there() {
    let named = |value: &str| {
        desired(&[
            job("plain", json!({HELM_HOOK: "pre-install"})),
            json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"x": value},
                "metadata": {"generateName": "migrate-", "annotations": {ARGO_HOOK: "PreSync"}}}),
        ])
    };
    let (one, two) = (named("1"), named("2"));
    let mut log = Log::begin(None, one.hash, Occasion::Install);
    let failed = Ending::Failed {
        why: "it failed".into(),
        output: Vec::new(),
    };
    ended(&mut log, &one.hooks[0], "u1", Ending::Succeeded);
    ended(&mut log, &one.hooks[1], "u2", failed);
    let mut log = Log::begin(Some(log), two.hash, Occasion::Upgrade);
    assert!(log.runs.is_empty() && log.objects().len() == 2);
    let left = |log: &Log, manifest: &Manifest| {
        log.left_of(manifest)
            .map(|run| run.uid.clone().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(left(&log, &two.hooks[0]), ["u1"]);
    assert_eq!(left(&log, &two.hooks[1]), ["u2"], "under its former name");
    assert!(!log.retry());
    let failed = Ending::Failed {
        why: "again".into(),
        output: Vec::new(),
    };
    ended(&mut log, &two.hooks[1], "u3", failed);
    assert!(log.retry());
    assert!(log.run(&two.hooks[1].object.id, Phase::Pre).is_none());
    for number in 0..200 {
        let mut next = Log::begin(Some(log), Digest::of(&[number]), Occasion::Upgrade);
        ended(&mut next, &one.hooks[0], &number.to_string(), Ending::Succeeded);
        log = next;
    }
    assert!(log.left.len() <= LEFT);
}

#[test]
fn what_became_a_hook_is_not_pruned() {
    use crate::diff::{self, Action, Live, Policy};
    let hook = desired(&[job("a", json!({HELM_HOOK: "test"}))]);
    let mut inventory = Inventory::default();
    inventory
        .entries
        .insert(hook.hooks[0].object.id.clone(), crate::inventory::Owned::default());
    let action = |on_cluster| {
        let policy = Policy {
            on_cluster,
            ..Policy::default()
        };
        diff::plan(&hook, &Live::new(), &inventory, &policy).steps[0]
            .action
            .clone()
    };
    assert_eq!(action(true), Action::Forget);
}

#[test]
fn waves_of_argo_cd_order_ordinary_objects() {
    use crate::{
        dag::Dag,
        diff::{self, Live, Policy},
    };
    let of = |name: &str, annotations: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": annotations}});
    let desired = desired(&[of("a", json!({ARGO_WAVE: "2"})), of("b", json!({ARGO_WAVE: "-1"}))]);
    let plan = diff::plan(&desired, &Live::new(), &Inventory::default(), &Policy::default());
    let mut run = crate::dag::Run::new(Dag::new(&plan.steps).unwrap());
    assert_eq!(run.take(), [1], "the lower wave goes first");
}

#[test]
fn hooks_run_for_what_is_new_and_for_nothing_else() {
    let of = |image: &str| {
        let mut hook = job("a", json!({HELM_HOOK: "pre-install,pre-upgrade"}));
        hook["spec"] = json!({ "image": image });
        desired(&[hook])
    };
    let (one, two, none) = (of("1"), of("2"), desired(&[]));
    let planned = |desired: &Desired| Digest::of_parts([desired.hash.as_bytes().as_slice()]);
    let mut inventory = Inventory::default();
    let next = |inventory: &Inventory, desired: &Desired, why| {
        Log::next(inventory, desired, planned(desired), why).map(|log| (log.occasion, log.done))
    };
    assert_eq!(next(&inventory, &none, None), None, "an app without hooks");
    assert_eq!(next(&inventory, &one, None), Some((Occasion::Install, false)));
    inventory.hooks = Log::next(&inventory, &one, planned(&one), None);
    assert_eq!(next(&inventory, &one, None), None, "it is begun");
    assert_eq!(
        next(&inventory, &two, None),
        Some((Occasion::Install, false)),
        "it was never applied in full"
    );
    inventory.desired = Some(planned(&one));
    assert_eq!(next(&inventory, &one, None), None, "a repair");
    assert_eq!(next(&inventory, &two, None), Some((Occasion::Upgrade, false)));
    assert_eq!(
        next(&inventory, &two, Some(Occasion::Rollback)),
        Some((Occasion::Rollback, true)),
        "nothing runs"
    );
    // Without hooks, and back again: that is another change.
    inventory.hooks = Log::next(&inventory, &none, planned(&none), None);
    assert_eq!(inventory.hooks.as_ref().map(|log| log.done), Some(true));
    assert_eq!(next(&inventory, &one, None), Some((Occasion::Upgrade, false)));
    // It was let go of, and stands in the configuration again.
    inventory.hooks = Some(Log::begin(None, one.hash, Occasion::Delete));
    assert_eq!(next(&inventory, &one, None), Some((Occasion::Upgrade, false)));
    // An inventory of the format before.
    inventory.hooks = None;
    assert_eq!(
        next(&inventory, &one, None),
        Some((Occasion::Upgrade, true)),
        "an engine that is new to hooks runs none for what is there"
    );
    assert_eq!(next(&inventory, &two, None), Some((Occasion::Upgrade, false)));
}
