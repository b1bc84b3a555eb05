use serde_json::json;

use super::*;

fn seen(objects: &mut Objects, kind: Kind, namespace: &str, name: &str, spec: &Value, more: &Value) -> News {
    let mut metadata = json!({"name": name, "uid": format!("uid-{name}"), "generation": 1, "resourceVersion": "1"});
    if !namespace.is_empty() {
        metadata["namespace"] = namespace.into();
    }
    for (key, value) in more.as_object().into_iter().flatten() {
        metadata[key] = value.clone();
    }
    let object = json!({
        "apiVersion": "windlass.dev/v1alpha1", "kind": kind.name(), "metadata": metadata, "spec": spec,
        "status": {"observedGeneration": 1},
    });
    objects.take(kind, Told::Seen(Box::new(object)))
}

fn kept() -> Value {
    json!({"finalizers": ["a.test/b", FINALIZER]})
}

fn app() -> Value {
    json!({"repository": "r", "target": {"serviceAccountName": "deployer"}})
}

#[test]
fn an_app_counts_once_its_object_can_not_go_unnoticed() {
    let mut objects = Objects::default();
    assert_eq!(
        seen(&mut objects, Kind::App, "shop", "api", &app(), &json!({})),
        News::Config
    );
    assert!(objects.config().apps.is_empty());
    assert_eq!(
        seen(&mut objects, Kind::App, "shop", "api", &app(), &kept()),
        News::Config
    );
    let config = objects.config();
    let app = &config.apps["shop/api"];
    assert_eq!(app.repository(), "shop/r");
    assert_eq!(
        app.spec.target.cluster.as_deref(),
        Some(IN_CLUSTER),
        "where its object is"
    );
    assert_eq!(config.leaving, Some(BTreeSet::new()), "nobody leaves who isn't told to");
}

#[test]
fn what_the_engine_writes_itself_is_no_news() {
    let mut objects = Objects::default();
    seen(&mut objects, Kind::App, "shop", "api", &app(), &kept());
    let more =
        json!({"finalizers": [FINALIZER], "resourceVersion": "2", "annotations": {"a": "b"}, "managedFields": []});
    assert_eq!(
        seen(&mut objects, Kind::App, "shop", "api", &app(), &more),
        News::Nothing
    );
    let mut other = kept();
    other["generation"] = 2.into();
    assert_eq!(
        seen(&mut objects, Kind::App, "shop", "api", &app(), &other),
        News::Config
    );
}

#[test]
fn an_app_that_can_not_be_read_is_neither_there_nor_let_go() {
    let mut objects = Objects::default();
    seen(&mut objects, Kind::App, "shop", "api", &app(), &kept());
    assert_eq!(
        seen(&mut objects, Kind::App, "shop", "api", &json!({"repo": "r"}), &kept()),
        News::Config
    );
    let config = objects.config();
    assert!(config.apps.is_empty() && config.leaving == Some(BTreeSet::new()));
    let mistake = objects.get(Kind::App, "shop/api").unwrap().mistake.clone().unwrap();
    assert!(mistake.message.contains("unknown field `repo`"), "{mistake}");
    seen(&mut objects, Kind::App, "shop", "api", &app(), &kept());
    assert_eq!(objects.config().apps.len(), 1);
}

#[test]
fn who_is_deleted_leaves_as_long_as_its_object_waits() {
    let mut objects = Objects::default();
    let mut more = kept();
    more["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    seen(&mut objects, Kind::App, "shop", "api", &app(), &more);
    seen(
        &mut objects,
        Kind::App,
        "shop",
        "free",
        &app(),
        &json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}),
    );
    let config = objects.config();
    assert!(config.apps.is_empty());
    assert_eq!(config.leaving, Some(BTreeSet::from(["shop/api".to_owned()])));
    // Also one that can't be read: what it owned is written down.
    seen(&mut objects, Kind::App, "shop", "api", &json!({}), &more);
    assert_eq!(objects.config().leaving, Some(BTreeSet::from(["shop/api".to_owned()])));
    // Whoever takes the finalizer off by hand keeps what is there.
    let gone = Told::Gone {
        namespace: "shop".into(),
        name: "api".into(),
    };
    assert_eq!(objects.take(Kind::App, gone), News::Config);
    assert_eq!(objects.config().leaving, Some(BTreeSet::new()));
}

#[test]
fn what_others_refer_to_counts_as_it_read_last() {
    let mut objects = Objects::default();
    let spec = json!({"git": {"url": "https://git.test/r.git"}});
    seen(&mut objects, Kind::Repository, "shop", "r", &spec, &json!({}));
    seen(
        &mut objects,
        Kind::Repository,
        "shop",
        "r",
        &json!({"git": {"url": 7}}),
        &json!({}),
    );
    let config = objects.config();
    assert_eq!(config.repositories["shop/r"].git.url, "https://git.test/r.git");
    assert!(objects.get(Kind::Repository, "shop/r").unwrap().mistake.is_some());
    seen(
        &mut objects,
        Kind::Repository,
        "shop",
        "new",
        &json!({"git": {"url": 7}}),
        &json!({}),
    );
    assert_eq!(objects.config().repositories.len(), 1);
}

#[test]
fn a_tenant_that_nobody_can_read_allows_nothing() {
    let mut objects = Objects::default();
    seen(&mut objects, Kind::App, "shop", "api", &app(), &kept());
    seen(
        &mut objects,
        Kind::Tenant,
        "",
        "team",
        &json!({"namespace": "shop"}),
        &json!({}),
    );
    let config = objects.config();
    let (name, tenant) = config.tenants_of("shop").next().unwrap();
    assert_eq!(name, "team");
    assert!(tenant.permit_app(name, &config.apps["shop/api"]).is_err());
    // One that was read before goes on as it was.
    let spec = json!({"namespaces": {"names": ["other"]}});
    seen(&mut objects, Kind::Tenant, "", "team", &spec, &json!({}));
    seen(
        &mut objects,
        Kind::Tenant,
        "",
        "team",
        &json!({"namespace": "shop"}),
        &json!({}),
    );
    assert_eq!(objects.config().tenants_of("shop").count(), 0);
}

#[test]
fn tenants_are_told_by_the_labels_of_namespaces() {
    let mut objects = Objects::default();
    seen(&mut objects, Kind::App, "shop", "api", &app(), &kept());
    let spec = json!({"namespaces": {"matchLabels": {"team": "shop"}}, "targets": []});
    seen(&mut objects, Kind::Tenant, "", "team", &spec, &json!({}));
    assert_eq!(objects.config().tenants_of("shop").count(), 0);
    let label = |objects: &mut Objects, labels: Value| {
        let namespace = json!({"metadata": {"name": "shop", "labels": labels}});
        objects.take(Kind::Namespace, Told::Seen(Box::new(namespace)))
    };
    assert_eq!(label(&mut objects, json!({"team": "shop", "a": "b"})), News::Config);
    assert_eq!(label(&mut objects, json!({"team": "shop", "a": "b"})), News::Nothing);
    let config = objects.config();
    assert_eq!(config.tenants_of("shop").count(), 1);
    assert_eq!(objects.namespaces_of(&config.tenants["team"]), 1);
    let gone = Told::Gone {
        namespace: String::new(),
        name: "shop".into(),
    };
    assert_eq!(objects.take(Kind::Namespace, gone), News::Config);
    assert_eq!(objects.config().tenants_of("shop").count(), 0);
}

#[test]
fn nothing_is_taken_before_every_kind_was_told_of() {
    let mut objects = Objects::default();
    for kind in Kind::ALL {
        assert!(!objects.are_complete());
        objects.take(kind, Told::Complete);
    }
    assert!(objects.are_complete());
}
