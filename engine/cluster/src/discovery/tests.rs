use serde_json::{Value, json};

use super::*;
use crate::fake::{Fake, Reply, Seen};

fn resource(plural: &str, kind: &str, scope: &str) -> Value {
    json!({"resource": plural, "responseKind": {"group": "", "version": "", "kind": kind}, "scope": scope, "verbs": ["get", "list", "patch"]})
}

fn group(name: &str, versions: &[(&str, &str, Vec<Value>)]) -> Value {
    let versions: Vec<_> = versions
        .iter()
        .map(|(version, freshness, resources)| json!({"version": version, "freshness": freshness, "resources": resources}))
        .collect();
    json!({"metadata": {"name": name}, "versions": versions})
}

fn list(groups: Vec<Value>) -> Reply {
    Reply::Json(
        200,
        json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": groups}),
    )
}

fn core() -> Reply {
    let binding = json!({"resource": "bindings", "responseKind": {"kind": "Binding"}, "scope": "Namespaced", "verbs": ["create"]});
    let resources = vec![
        resource("configmaps", "ConfigMap", "Namespaced"),
        resource("namespaces", "Namespace", "Cluster"),
        binding,
    ];
    list(vec![group("", &[("v1", "Current", resources)])])
}

fn version() -> Reply {
    Reply::Json(200, json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2"}))
}

fn autoscaling() -> Value {
    let hpa = || {
        vec![resource(
            "horizontalpodautoscalers",
            "HorizontalPodAutoscaler",
            "Namespaced",
        )]
    };
    group("autoscaling", &[("v2", "Current", hpa()), ("v1", "Current", hpa())])
}

/// A server whose groups are what the function says at the n-th question.
fn serving(mut groups: impl FnMut(usize) -> Reply + Send + 'static) -> (Discovery, Fake) {
    let mut asked = 0;
    let (connection, fake) = Fake::new(move |seen: &Seen| match seen.path() {
        "/version" => version(),
        "/api" => core(),
        "/apis" => {
            asked += 1;
            groups(asked)
        }
        other => Reply::status(404, "NotFound", other),
    });
    (Discovery::new(connection), fake)
}

#[tokio::test(start_paused = true)]
async fn three_requests_tell_everything() {
    let (discovery, fake) = serving(|_| list(vec![autoscaling()]));
    let map = discovery.resolve("", "v1", "ConfigMap").await.unwrap();
    assert_eq!((map.plural.as_str(), map.namespaced), ("configmaps", true));
    assert!(!discovery.resolve("", "v1", "Namespace").await.unwrap().namespaced);
    let hpa = "HorizontalPodAutoscaler";
    assert_eq!(discovery.preferred("autoscaling", hpa).await.unwrap().version, "v2");
    assert_eq!(discovery.resolve("autoscaling", "v1", hpa).await.unwrap().version, "v1");
    let facts = discovery.facts().await.unwrap();
    assert_eq!(facts.kube_version, "v1.37.2");
    for api in ["v1", "v1/ConfigMap", "autoscaling/v2/HorizontalPodAutoscaler"] {
        assert!(facts.apis.contains(api), "{api}");
    }
    assert!(!facts.apis.contains("v1/Binding"));
    assert_eq!(fake.seen().len(), 3);
    assert!(
        fake.seen()
            .iter()
            .all(|seen| !seen.headers.contains_key("impersonate-user"))
    );
}

#[tokio::test(start_paused = true)]
async fn many_who_begin_together_ask_once() {
    let (discovery, fake) = serving(|_| list(vec![autoscaling()]));
    let facts = || async { discovery.facts().await.unwrap().kube_version };
    let all = futures_util::future::join_all((0..20).map(|_| facts())).await;
    assert!(all.iter().all(|version| version == "v1.37.2"));
    assert_eq!(fake.seen().len(), 3);
    // And once more when something changed.
    discovery.expire();
    futures_util::future::join_all((0..20).map(|_| facts())).await;
    assert_eq!(fake.seen().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_missing_kind_is_looked_for_once_in_a_while() {
    let widget = || {
        group(
            "example.com",
            &[("v1", "Current", vec![resource("widgets", "Widget", "Namespaced")])],
        )
    };
    let (discovery, fake) = serving(move |asked| {
        list(if asked < 3 {
            vec![autoscaling()]
        } else {
            vec![autoscaling(), widget()]
        })
    });
    let discovery = Arc::new(discovery);
    let many = (0..50).map(|_| {
        let discovery = Arc::clone(&discovery);
        tokio::spawn(async move { discovery.resolve("example.com", "v1", "Widget").await })
    });
    for one in many.collect::<Vec<_>>() {
        let error = one.await.unwrap().unwrap_err();
        assert!(
            error.to_string().contains("no kind `Widget` in `example.com/v1`"),
            "{error}"
        );
        assert!(!error.is_transient());
    }
    assert_eq!(fake.seen().len(), 3);
    tokio::time::advance(MISS_PAUSE).await;
    discovery.resolve("example.com", "v1", "Widget").await.unwrap_err();
    assert_eq!(fake.seen().len(), 6);
    // Known to have changed: no pause.
    discovery.expire();
    discovery.resolve("example.com", "v1", "Widget").await.unwrap();
    assert_eq!(fake.seen().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_not_served_names_those_that_are() {
    let (discovery, _) = serving(|_| list(vec![autoscaling()]));
    let error = discovery
        .resolve("autoscaling", "v2beta2", "HorizontalPodAutoscaler")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the cluster does not serve `HorizontalPodAutoscaler` as `autoscaling/v2beta2`; it does as `autoscaling/v2`, `autoscaling/v1`"
    );
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_down_is_unknown_and_what_was_known_stays() {
    const GROUP: &str = "metrics.k8s.io";
    let up = || {
        group(
            GROUP,
            &[("v1beta1", "Current", vec![resource("pods", "PodMetrics", "Namespaced")])],
        )
    };
    let down = || group(GROUP, &[("v1beta1", "Stale", vec![])]);

    let (discovery, _) = serving(move |_| list(vec![down()]));
    let error = discovery.resolve(GROUP, "v1beta1", "PodMetrics").await.unwrap_err();
    assert!(
        matches!(error, KindError::GroupUnavailable { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert!(matches!(
        discovery.preferred(GROUP, "Other").await,
        Err(KindError::GroupUnavailable { .. })
    ));
    // Other groups are as sure as ever.
    assert!(matches!(
        discovery.resolve("", "v1", "Widget").await,
        Err(KindError::NoMatch { .. })
    ));

    let (discovery, _) = serving(move |asked| list(vec![if asked == 1 { up() } else { down() }]));
    discovery.facts().await.unwrap();
    discovery.refresh().await.unwrap();
    discovery.resolve(GROUP, "v1beta1", "PodMetrics").await.unwrap();
    assert!(
        discovery
            .facts()
            .await
            .unwrap()
            .apis
            .contains("metrics.k8s.io/v1beta1/PodMetrics")
    );
    assert_eq!(discovery.snapshot().unwrap().unavailable().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_leaves_what_is_known() {
    let refused = || Reply::status(403, "Forbidden", "no");
    let (discovery, _) = serving(move |asked| {
        if asked == 1 {
            list(vec![autoscaling()])
        } else {
            refused()
        }
    });
    discovery.facts().await.unwrap();
    discovery.expire();
    discovery.resolve("", "v1", "ConfigMap").await.unwrap();
    assert!(discovery.facts().await.unwrap().apis.contains("v1/ConfigMap"));
    tokio::time::advance(MISS_PAUSE).await;
    // Not "there is none": nobody could be asked.
    assert!(matches!(
        discovery.resolve("", "v1", "Widget").await,
        Err(KindError::Call(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn what_did_not_change_is_not_sent_again() {
    let (connection, fake) = Fake::new(|seen: &Seen| match (seen.path(), seen.headers.get("if-none-match")) {
        ("/version", _) => version(),
        (_, Some(tag)) if tag == "\"a\"" => Reply::Json(304, Value::Null),
        ("/api", _) => tagged(core()),
        _ => tagged(list(vec![autoscaling()])),
    });
    let discovery = Discovery::new(connection);
    discovery.refresh().await.unwrap();
    discovery.refresh().await.unwrap();
    assert_eq!(fake.seen().len(), 6);
    discovery
        .resolve("autoscaling", "v2", "HorizontalPodAutoscaler")
        .await
        .unwrap();
    discovery.resolve("", "v1", "ConfigMap").await.unwrap();
}

fn tagged(reply: Reply) -> Reply {
    match reply {
        Reply::Json(code, value) => Reply::With(code, vec![("etag", "\"a\"".into())], value),
        other => other,
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_server_is_asked_group_by_group() {
    let resources = |names: &[(&str, &str)]| {
        let all: Vec<_> = names
            .iter()
            .map(|(name, kind)| json!({"name": name, "kind": kind, "namespaced": true, "verbs": ["get", "list"]}))
            .collect();
        Reply::Json(200, json!({"kind": "APIResourceList", "resources": all}))
    };
    let (connection, _) = Fake::new(move |seen: &Seen| match seen.path() {
        "/version" => version(),
        "/api" => Reply::Json(200, json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => Reply::Json(
            200,
            json!({"kind": "APIGroupList", "groups": [
                {"name": "apps", "versions": [{"groupVersion": "apps/v1beta1"}, {"groupVersion": "apps/v1"}],
                    "preferredVersion": {"groupVersion": "apps/v1"}},
                {"name": "down.example.com", "versions": [{"groupVersion": "down.example.com/v1"}]}]}),
        ),
        "/api/v1" => resources(&[("configmaps", "ConfigMap")]),
        "/apis/apps/v1" | "/apis/apps/v1beta1" => resources(&[
            ("deployments", "Deployment"),
            ("deployments/status", "Deployment"),
            ("deployments/scale", "Scale"),
        ]),
        _ => Reply::status(503, "ServiceUnavailable", "down"),
    });
    let discovery = Discovery::new(connection);
    assert_eq!(discovery.preferred("apps", "Deployment").await.unwrap().version, "v1");
    assert!(matches!(
        discovery.resolve("apps", "v1", "Scale").await,
        Err(KindError::NoMatch { .. })
    ));
    let down = discovery.resolve("down.example.com", "v1", "A").await;
    assert!(matches!(down, Err(KindError::GroupUnavailable { .. })));
    discovery.resolve("", "v1", "ConfigMap").await.unwrap();
}
