mod inferred;
mod running;

use serde_json::{Value, json};

use super::*;
use crate::{
    diff::{Action, LiveObject, Mark},
    manifest::{Manifest, Role, Within},
    model::Object,
};

fn step(action: Action, body: Value) -> Step {
    let object = Object::from_value(body).unwrap();
    let id = object.id.clone();
    let is_deleted = action == Action::Delete;
    let live = is_deleted.then(|| LiveObject::whole(None, Some(object.body.clone()), Mark::Ours));
    let desired = (!is_deleted).then_some(Manifest {
        object,
        origin: None,
        document: 0,
        within: Within::default(),
        role: Role::Ordinary,
        generated: None,
        configured: None,
    });
    Step {
        id,
        action,
        desired,
        live,
    }
}

/// `apps/v1 Deployment shop/api`, with more fields.
fn object(version: &str, kind: &str, name: &str, more: Value) -> Value {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}});
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        for (key, value) in more {
            match (object.get_mut(&key), value) {
                (Some(Value::Object(there)), Value::Object(value)) => there.extend(value),
                (_, value) => drop(object.insert(key, value)),
            }
        }
    }
    object
}

fn created(bodies: Vec<Value>) -> Vec<Step> {
    bodies.into_iter().map(|body| step(Action::Create, body)).collect()
}

fn annotated(name: &str, key: &str, value: &str) -> Value {
    object(
        "v1",
        "ConfigMap",
        name,
        json!({"metadata": {"annotations": {key: value}}}),
    )
}

/// Runs a plan in which everything goes well at once, as lines of what runs at the same time.
fn order(steps: &[Step]) -> Vec<String> {
    let dag = Dag::new(steps).unwrap();
    let mut run = Run::new(dag.clone());
    for step in 0..steps.len() {
        dag.awaited(step).for_each(|until| run.reached(step, until));
    }
    let mut rounds = Vec::new();
    while !run.is_over() {
        let taken = run.take();
        assert!(!taken.is_empty(), "nothing runs any more");
        let names: Vec<String> = taken
            .iter()
            .map(|step| format!("{} {}", steps[*step].id.kind, steps[*step].id.name))
            .collect();
        rounds.push(names.join(", "));
        for step in taken {
            run.done(step);
            dag.awaited(step).for_each(|until| run.reached(step, until));
        }
    }
    rounds
}

fn crd(plural: &str, kind: &str) -> Value {
    object(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        &format!("{plural}.x.test"),
        json!({"spec": {"group": "x.test", "scope": "Namespaced", "names": {"kind": kind, "plural": plural}}}),
    )
}

fn deployment(name: &str, pod: Value) -> Value {
    let template = json!({"metadata": {"labels": {"app": name, "more": "x"}}, "spec": pod});
    object(
        "apps/v1",
        "Deployment",
        &format!("shop/{name}"),
        json!({"spec": {"template": template}}),
    )
}

#[test]
fn an_operator_comes_up_on_an_empty_cluster_in_one_pass() {
    let service = json!({"namespace": "shop", "name": "hook"});
    let steps = created(vec![
        object("x.test/v1", "Widget", "shop/w", json!({})),
        object(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "hook",
            json!({"webhooks": [{"clientConfig": {"service": service}, "rules": [{"apiGroups": ["x.test"], "resources": ["widgets"]}]}]}),
        ),
        deployment("operator", json!({"serviceAccountName": "operator"})),
        object(
            "v1",
            "Service",
            "shop/hook",
            json!({"spec": {"selector": {"app": "operator"}}}),
        ),
        object("v1", "ServiceAccount", "shop/operator", json!({})),
        object(
            "rbac.authorization.k8s.io/v1",
            "ClusterRoleBinding",
            "operator",
            json!({"roleRef": {"kind": "ClusterRole", "name": "operator"},
                "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "shop"}]}),
        ),
        object("rbac.authorization.k8s.io/v1", "ClusterRole", "operator", json!({})),
        crd("widgets", "Widget"),
        object("v1", "Namespace", "shop", json!({})),
    ]);
    assert_eq!(
        order(&steps),
        [
            "ClusterRole operator, CustomResourceDefinition widgets.x.test, Namespace shop",
            "Service hook, ServiceAccount operator",
            "ClusterRoleBinding operator",
            "Deployment operator",
            "ValidatingWebhookConfiguration hook",
            "Widget w",
        ]
    );
    let dag = Dag::new(&steps).unwrap();
    assert!(dag.awaited(7).eq([Until::Established]));
    assert!(dag.awaited(2).eq([Until::Available]));
    assert!(dag.awaited(8).next().is_none());
}

#[test]
fn people_say_what_waits_until_it_is_ready() {
    let steps = created(vec![
        annotated("shop/last", WAVE, "2"),
        annotated("shop/a", DEPENDS_ON, "/ConfigMap/shop/b, apps/Deployment/shop/db"),
        object("v1", "ConfigMap", "shop/b", json!({})),
        deployment("db", json!({})),
        annotated("shop/first", WAVE, "-1"),
        object(
            "v1",
            "PersistentVolumeClaim",
            "shop/claim",
            json!({"metadata": {"annotations": {WAVE: "-1"}}}),
        ),
    ]);
    assert_eq!(
        order(&steps),
        [
            "ConfigMap first, PersistentVolumeClaim claim",
            "ConfigMap b, Deployment db",
            "ConfigMap a",
            "ConfigMap last"
        ]
    );
    let dag = Dag::new(&steps).unwrap();
    assert!(dag.awaited(3).eq([Until::Ready]));
    assert!(dag.awaited(5).next().is_none(), "a claim is bound once it is used");
    let mut run = Run::new(dag);
    assert_eq!(
        run.wait_of(0).map(|wait| (wait.on, wait.until, wait.why)),
        Some((1, Until::Ready, Why::Wave))
    );
    run.take();
    assert_eq!(run.wait_of(4), None);
}

#[test]
fn what_cannot_be_read_is_told() {
    for (body, expected) in [
        (annotated("shop/a", WAVE, "soon"), "`soon` is no whole number"),
        (
            annotated("shop/a", DEPENDS_ON, "db"),
            "`db` names no object: expected `group/kind/namespace/name`, such as `apps/Deployment/shop/db`",
        ),
    ] {
        let error = Dag::new(&created(vec![body])).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, expected);
        assert!(
            error
                .to_string()
                .starts_with("ConfigMap shop/a: annotation `windlass.dev/"),
            "{error}"
        );
    }
    let unknown = created(vec![annotated("shop/a", DEPENDS_ON, "/ConfigMap/shop/b")]);
    assert_eq!(
        Dag::new(&unknown).unwrap_err().to_string(),
        "ConfigMap shop/a depends on ConfigMap shop/b, which is not part of the app"
    );
}

#[test]
fn a_cycle_is_named_by_its_objects() {
    let steps = created(vec![
        annotated("shop/a", DEPENDS_ON, "/ConfigMap/shop/b"),
        object("v1", "ConfigMap", "shop/beside", json!({})),
        annotated("shop/b", DEPENDS_ON, "/ConfigMap/shop/c"),
        annotated("shop/c", WAVE, "1"),
    ]);
    assert_eq!(
        Dag::new(&steps).unwrap_err().to_string(),
        "objects wait for each other: ConfigMap shop/a for ConfigMap shop/b (windlass.dev/depends-on), \
         ConfigMap shop/b for ConfigMap shop/c (windlass.dev/depends-on), ConfigMap shop/c for ConfigMap shop/a (windlass.dev/wave)"
    );
    let home = created(vec![
        object(
            "v1",
            "Namespace",
            "shop",
            json!({"metadata": {"annotations": {WAVE: "5"}}}),
        ),
        object("v1", "ConfigMap", "shop/a", json!({})),
    ]);
    assert!(matches!(Dag::new(&home), Err(DagError::Cycle(_))));
}

#[test]
fn what_was_inferred_gives_way_to_what_people_say() {
    let account = object(
        "v1",
        "ServiceAccount",
        "shop/sa",
        json!({"metadata": {"annotations": {DEPENDS_ON: "apps/Deployment/shop/a"}}}),
    );
    let steps = created(vec![account, deployment("a", json!({"serviceAccountName": "sa"}))]);
    assert_eq!(order(&steps), ["Deployment a", "ServiceAccount sa"]);
}

#[test]
fn deletions_come_last_and_in_the_opposite_order() {
    let mut steps: Vec<Step> = [
        object("v1", "Namespace", "shop", json!({})),
        crd("widgets", "Widget"),
        object("v1", "ServiceAccount", "shop/sa", json!({})),
        deployment("d", json!({"serviceAccountName": "sa"})),
        object(
            "v1",
            "Service",
            "shop/s",
            json!({"metadata": {"annotations": {DEPENDS_ON: "apps/Deployment/shop/d"}}}),
        ),
        object("x.test/v1", "Widget", "shop/w", json!({})),
        object(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "hook",
            json!({}),
        ),
    ]
    .into_iter()
    .map(|body| step(Action::Delete, body))
    .collect();
    steps.push(step(Action::Create, object("v1", "ConfigMap", "other/new", json!({}))));
    assert_eq!(
        order(&steps),
        [
            "ConfigMap new",
            "ValidatingWebhookConfiguration hook",
            "Widget w",
            "Service s",
            "Deployment d",
            "ServiceAccount sa",
            "CustomResourceDefinition widgets.x.test",
            "Namespace shop",
        ]
    );
    assert!(Dag::new(&steps).unwrap().awaited(5).eq([Until::Gone]));
}
