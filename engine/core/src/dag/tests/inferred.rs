use serde_json::{Value, json};

use super::*;
use crate::dag::references::references;

#[test]
fn what_a_workload_uses_is_there_before_it() {
    let pod = json!({
        "serviceAccountName": "sa",
        "imagePullSecrets": [{"name": "pull"}],
        "volumes": [{"configMap": {"name": "cm"}}, {"secret": {"secretName": "s"}}, {"persistentVolumeClaim": {"claimName": "pvc"}},
            {"projected": {"sources": [{"secret": {"name": "projected"}}]}}, {"configMap": {"name": "maybe", "optional": true}}],
        "containers": [{"envFrom": [{"configMapRef": {"name": "from"}}], "env": [{"valueFrom": {"secretKeyRef": {"name": "key"}}}]}],
        "initContainers": [{"envFrom": [{"secretRef": {"name": "init"}}]}],
    });
    let names = |id: &ObjectId, body: &Value| references(id, body).iter().map(ToString::to_string).collect::<Vec<_>>();
    let of = |body: Value| {
        let object = Object::from_value(body).unwrap();
        names(&object.id, &object.body)
    };
    let expected = [
        "ConfigMap shop/cm",
        "ConfigMap shop/from",
        "PersistentVolumeClaim shop/pvc",
        "Secret shop/init",
        "Secret shop/key",
        "Secret shop/projected",
        "Secret shop/pull",
        "Secret shop/s",
        "ServiceAccount shop/sa",
    ];
    assert_eq!(of(deployment("a", pod.clone())), expected);
    let job = json!({"spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}});
    assert_eq!(of(object("batch/v1", "CronJob", "shop/a", job)), expected);
    let backend = json!({"service": {"name": "web"}});
    let rules = json!([{"http": {"paths": [{"backend": backend}]}}]);
    assert_eq!(
        of(object(
            "networking.k8s.io/v1",
            "Ingress",
            "shop/a",
            json!({"spec": {"rules": rules, "tls": [{"secretName": "tls"}]}})
        )),
        ["Secret shop/tls", "Service shop/web"]
    );
    let target = json!({"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a"}}});
    assert_eq!(
        of(object("autoscaling/v2", "HorizontalPodAutoscaler", "shop/a", target)),
        ["Deployment.apps shop/a"]
    );
    // A kind of the same name in another group names nothing.
    assert!(
        of(object(
            "x.test/v1",
            "Ingress",
            "shop/a",
            json!({"spec": {"defaultBackend": {"service": {"name": "web"}}}})
        ))
        .is_empty()
    );
}

#[test]
fn a_webhook_that_fails_open_waits_for_nobody() {
    let service = json!({"namespace": "shop", "name": "hook"});
    let hook = |policy: &str| {
        let webhook = json!({"clientConfig": {"service": service}, "failurePolicy": policy,
            "rules": [{"apiGroups": ["*"], "resources": ["*/*"]}]});
        created(vec![
            object(
                "admissionregistration.k8s.io/v1",
                "MutatingWebhookConfiguration",
                "hook",
                json!({"webhooks": [webhook]}),
            ),
            object(
                "v1",
                "Service",
                "shop/hook",
                json!({"spec": {"selector": {"app": "d"}}}),
            ),
            deployment("d", json!({})),
            object("other.test/v1", "Policy", "shop/p", json!({})),
        ])
    };
    assert_eq!(
        order(&hook("Ignore")),
        [
            "Service hook, Deployment d, Policy p",
            "MutatingWebhookConfiguration hook"
        ]
    );
    assert_eq!(
        order(&hook("Fail")),
        [
            "Service hook, Deployment d",
            "MutatingWebhookConfiguration hook",
            "Policy p"
        ]
    );
}

#[test]
fn an_aggregated_api_is_available_before_its_objects() {
    let steps = created(vec![
        object("metrics.test/v1", "Meter", "shop/m", json!({})),
        object(
            "apiregistration.k8s.io/v1",
            "APIService",
            "v1.metrics.test",
            json!({"spec": {"group": "metrics.test", "service": {"namespace": "shop", "name": "api"}}}),
        ),
        object("v1", "Service", "shop/api", json!({"spec": {"selector": {"app": "d"}}})),
        deployment("d", json!({})),
    ]);
    assert_eq!(
        order(&steps),
        ["Service api, Deployment d", "APIService v1.metrics.test", "Meter m"]
    );
    assert!(Dag::new(&steps).unwrap().awaited(1).eq([Until::Available]));
}
