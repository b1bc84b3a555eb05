use serde_json::{Value, json};

use super::*;
use crate::config::{API_VERSION, Spec, load, read};

fn tenant(spec: Value) -> TenantSpec {
    let object = json!({"apiVersion": API_VERSION, "kind": "Tenant", "metadata": {"name": "shop"}, "spec": spec});
    match read(&object, Home::Cluster).unwrap().spec {
        Spec::Tenant(spec) => *spec,
        other => panic!("{other:?}"),
    }
}

fn app(target: Value) -> App {
    let object = json!({
        "apiVersion": API_VERSION, "kind": "App", "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"repository": "r", "target": target},
    });
    match read(&object, Home::File).unwrap() {
        crate::config::Document {
            namespace,
            name,
            spec: Spec::App(spec),
        } => App::new(namespace, name, *spec),
        other => panic!("{other:?}"),
    }
}

fn repository(spec: Value) -> RepositorySpec {
    serde_json::from_value(spec).unwrap()
}

#[test]
fn namespaces_are_told_by_name_or_by_label() {
    let spec =
        tenant(json!({"namespaces": {"names": ["shop", "shop-*"], "matchLabels": {"team": "shop", "tier": "a"}}}));
    let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    for (namespace, pairs, is_its) in [
        ("shop", &[][..], true),
        ("shop-eu", &[], true),
        ("shopping", &[], false),
        ("x", &[("team", "shop")], false),
        ("x", &[("team", "shop"), ("tier", "a"), ("more", "")], true),
    ] {
        assert_eq!(spec.has(namespace, &labels(pairs)), is_its, "{namespace} {pairs:?}");
    }
}

#[test]
fn a_repository_is_one_of_those_that_are_allowed() {
    let spec = tenant(json!({
        "namespaces": {"names": ["shop"]},
        "repositories": ["https://git.test/shop/*", "https://git.test/all/**", "git@git.test:shop/*", "https://*.git.test/x"],
    }));
    for (url, is_allowed) in [
        ("https://git.test/shop/a.git", true),
        ("https://git.test/shop/a/b.git", false),
        ("https://git.test/all/a/b.git", true),
        ("git@git.test:shop/a.git", true),
        ("https://eu.git.test/x", true),
        ("http://git.test/shop/a.git", false),
        ("https://git.test/other/a.git", false),
        // What looks like one and is another.
        ("https://git.test/all/../other/a.git", false),
        ("https://git.test/all/%2e%2e/other/a.git", false),
        ("https://git.test/all/.\\../a.git", false),
        ("https://evil.test?.git.test/x", false),
        ("https://evil.test#.git.test/x", false),
        ("https://user@eu.git.test/x", false),
        ("git@git.test:shop/..", false),
    ] {
        let repository = repository(json!({"git": {"url": url}}));
        let verdict = spec.permit_repository("shop", "r", &repository);
        assert_eq!(verdict.is_ok(), is_allowed, "{url}: {verdict:?}");
    }
    let error = spec
        .permit_repository("shop", "r", &repository(json!({"git": {"url": "https://x"}})))
        .unwrap_err();
    assert_eq!(
        error.message,
        "Repository `r`: spec.git.url: Tenant `shop` does not allow `https://x`"
    );
    assert!(
        error
            .help
            .unwrap()
            .starts_with("allowed are: `https://git.test/shop/*`")
    );
}

#[test]
fn an_app_goes_where_it_may_and_as_whom_it_may() {
    let spec = tenant(json!({
        "namespaces": {"names": ["shop"]},
        "targets": [{"cluster": "eu", "namespaces": ["shop", "shop-*"]}, {"cluster": "test-*"}],
        "serviceAccounts": ["deployer"],
    }));
    for (target, pointer, word) in [
        (
            json!({"cluster": "eu", "namespace": "shop", "serviceAccountName": "deployer"}),
            "",
            "",
        ),
        (json!({"cluster": "eu", "serviceAccountName": "deployer"}), "", ""),
        (
            json!({"cluster": "test-1", "namespace": "any", "serviceAccountName": "deployer"}),
            "",
            "",
        ),
        (
            json!({"cluster": "us", "serviceAccountName": "deployer"}),
            "/spec/target/cluster",
            "does not allow cluster `us`",
        ),
        (json!({"directory": "out"}), "/spec/target", "does not allow a folder"),
        (
            json!({"cluster": "eu", "namespace": "kube-system", "serviceAccountName": "deployer"}),
            "/spec/target/namespace",
            "namespace `kube-system` of cluster `eu`",
        ),
        (
            json!({"cluster": "eu", "serviceAccountName": "root"}),
            "/spec/target/serviceAccountName",
            "service account `root`",
        ),
        (json!({"cluster": "eu"}), "/spec/target", "without `serviceAccountName`"),
    ] {
        match spec.permit_app("shop", &app(target.clone())) {
            Ok(()) => assert_eq!(word, "", "{target}"),
            Err(error) => {
                assert_eq!(error.pointer, pointer, "{error}");
                assert!(!word.is_empty() && error.message.contains(word), "{error}");
                assert!(error.message.starts_with("App `shop/api`: ") && error.help.is_some());
            }
        }
    }
}

#[test]
fn objects_are_of_kinds_and_in_namespaces_that_are_allowed() {
    let spec = tenant(json!({
        "namespaces": {"names": ["shop"]},
        "targets": [{"cluster": "eu", "namespaces": ["shop"]}, {"cluster": "test"}],
        "kinds": {"allow": ["ConfigMap", "*.apps", "Role.rbac.authorization.k8s.io", "Namespace"], "deny": ["*.rbac.authorization.k8s.io"]},
    }));
    let id = |group: &str, kind: &str, namespace: &str| ObjectId {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.to_owned(),
        name: "a".to_owned(),
    };
    for (cluster, id, word) in [
        ("eu", id("", "ConfigMap", "shop"), None),
        ("eu", id("apps", "Deployment", "shop"), None),
        ("eu", id("", "Secret", "shop"), Some("kind `Secret`")),
        (
            "eu",
            id("rbac.authorization.k8s.io", "Role", "shop"),
            Some("kind `Role.rbac"),
        ),
        (
            "eu",
            id("", "ConfigMap", "kube-system"),
            Some("namespace `kube-system`"),
        ),
        (
            "eu",
            id("", "Namespace", ""),
            Some("without a namespace on cluster `eu`"),
        ),
        ("test", id("", "Namespace", ""), None),
        ("test", id("", "ConfigMap", "kube-system"), None),
    ] {
        let said = spec.refuse_object("shop", cluster, &id);
        match word {
            None => assert_eq!(said, None),
            Some(word) => assert!(said.as_ref().is_some_and(|said| said.contains(word)), "{said:?}"),
        }
    }
}

#[test]
fn what_is_required_can_not_be_taken_away() {
    let requiring = |level: u8| {
        let validators = json!([{"name": "policy", "config": {"level": level}}]);
        tenant(json!({"namespaces": {"names": ["shop"]}, "required": {"validators": validators}}))
    };
    let (one, other) = (requiring(1), requiring(2));
    let names = |tenants: &[&TenantSpec], own: Value| -> Vec<String> {
        let own: Vec<ValidatorSpec> = serde_json::from_value(own).unwrap();
        let all = checked_by(tenants.iter().copied(), own);
        all.into_iter()
            .map(|one| format!("{} {}", one.name, one.config.get("level").unwrap_or(&Value::Null)))
            .collect()
    };
    assert_eq!(names(&[&one], json!([])), ["policy 1"]);
    assert_eq!(
        names(
            &[&one],
            json!([{"name": "mine"}, {"name": "policy", "config": {"level": 0}}])
        ),
        ["policy 1", "mine null"]
    );
    // Of several Tenants, all count.
    assert_eq!(
        names(&[&one, &other, &one], json!([{"name": "policy"}])),
        ["policy 1", "policy 2"]
    );
    assert_eq!(names(&[], json!([{"name": "mine"}])), ["mine null"]);
}

#[test]
fn what_a_tenant_does_not_speak_of_is_free() {
    let spec = tenant(json!({"namespaces": {"names": ["shop"]}}));
    assert_eq!(spec.permit_app("shop", &app(json!({"directory": "out"}))), Ok(()));
    assert_eq!(spec.permit_app("shop", &app(json!({"cluster": "eu"}))), Ok(()));
    let any = repository(json!({"git": {"url": "https://user@x/../y"}}));
    assert_eq!(spec.permit_repository("shop", "r", &any), Ok(()));
}

#[test]
fn references_into_other_namespaces_are_granted_one_by_one() {
    let app = |repository: &str, needed: &str| {
        let object = json!({
            "apiVersion": API_VERSION, "kind": "App", "metadata": {"name": "api", "namespace": "shop"},
            "spec": {"repository": repository, "dependsOn": [{"app": needed}]},
        });
        let mut config = crate::config::Config::default();
        config.insert(read(&object, Home::File).unwrap());
        config.apps.remove("shop/api").unwrap()
    };
    let grants = tenant(json!({"namespaces": {"names": ["shop"]}, "references": ["platform/*", "db/main"]}));
    let grants_none = tenant(json!({"namespaces": {"names": ["shop"]}}));
    for (repository, needed, refused) in [
        ("own", "own", None),
        ("shop/own", "shop/own", None),
        ("platform/charts", "db/main", None),
        (
            "default/charts",
            "own",
            Some(("/spec/repository", "Repository `default/charts`")),
        ),
        ("own", "db/other", Some(("/spec/dependsOn/0/app", "App `db/other`"))),
    ] {
        let app = app(repository, needed);
        let said = permit_references(&app, [&grants_none, &grants].into_iter());
        let found = said.as_ref().err().map(|error| error.pointer.as_str());
        assert_eq!(
            found,
            refused.map(|(pointer, _)| pointer),
            "{repository} {needed}: {said:?}"
        );
        if let (Err(error), Some((_, words))) = (said, refused) {
            assert!(error.message.contains(words), "{error}");
        }
        let is_within = !repository.contains('/') || repository.starts_with("shop/");
        let alone = permit_references(&app, std::iter::empty());
        assert_eq!(
            alone.is_ok(),
            is_within && !needed.starts_with("db/"),
            "{repository} {needed}"
        );
    }
}

#[test]
fn mistakes_are_named() {
    for (spec, says) in [
        ("{}", "missing field `namespaces`"),
        ("{namespaces: {}}", "spec.namespaces: give `names` or `matchLabels`"),
        (
            "{namespaces: {matchLabels: {team: shop}}}",
            "spec.namespaces.matchLabels needs a cluster",
        ),
        (
            "{namespaces: {names: ['[']}}",
            "spec.namespaces.names[0]: `[` is no pattern",
        ),
        ("{namespaces: {names: ['']}}", "it has 1 to 512 characters"),
        (
            "{namespaces: {names: [a]}, required: {validators: [{name: a}, {name: a}]}}",
            "spec.required.validators: `a` stands there twice",
        ),
        (
            "{namespaces: {names: [a]}, required: {notify: [{name: a}, {name: a}]}}",
            "spec.required.notify: `a` stands there twice",
        ),
        ("{namespaces: {names: [a]}, kind: {}}", "unknown field `kind`"),
    ] {
        let text = format!("apiVersion: {API_VERSION}\nkind: Tenant\nmetadata: {{name: shop}}\nspec: {spec}\n");
        let errors = load(&text).unwrap_err();
        assert!(
            errors[0].message.starts_with("Tenant `shop`: ") && errors[0].message.contains(says) && errors[0].line == 4,
            "{spec}: {errors:?}"
        );
    }
}
