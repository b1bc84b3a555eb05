use std::collections::BTreeSet;

use windlass_core::model::Object;

use super::*;

fn options() -> Options {
    Options {
        namespace: "ops".to_owned(),
        image: "r.example.org/windlass@sha256:00".to_owned(),
        storage: "40Gi".to_owned(),
        replicas: 1,
        storage_class: Some("fast".to_owned()),
    }
}

fn all() -> Vec<Object> {
    let all = manifests(&What::Engine(options()));
    all.into_iter().map(|body| Object::from_value(body).unwrap()).collect()
}

fn of<'a>(all: &'a [Object], kind: &str, name: &str) -> &'a Value {
    let found = all
        .iter()
        .find(|object| object.id.kind == kind && object.id.name == name);
    &found.unwrap_or_else(|| panic!("no {kind} {name}")).body
}

#[test]
fn what_an_upgrade_looks_for_is_every_kind_that_may_go() {
    let stay = ["CustomResourceDefinition", "Namespace", "PersistentVolumeClaim"];
    let all = all();
    let made: BTreeSet<(&str, &str)> = all
        .iter()
        .filter(|object| !stay.contains(&object.id.kind.as_str()))
        .map(|object| (text(&object.body, "/apiVersion"), object.id.kind.as_str()))
        .collect();
    assert_eq!(made, BTreeSet::from(up::KINDS));
}

#[test]
fn each_is_labelled_and_lies_where_it_belongs() {
    let all = all();
    let mut seen = BTreeSet::new();
    for Object { id, body, .. } in &all {
        assert!(seen.insert(id.clone()), "{id} twice");
        assert_eq!(body["metadata"]["labels"]["app.kubernetes.io/name"], NAME, "{id}");
        if id.kind != "CustomResourceDefinition" {
            assert_eq!(body["metadata"]["labels"][INSTALLED], "ops", "{id}");
            assert!(id.namespace.is_empty() || id.namespace == "ops", "{id}");
        }
    }
    assert_eq!(
        of(&all, "PersistentVolumeClaim", "windlass-state")["spec"]["storageClassName"],
        "fast"
    );
}

#[test]
fn references_hold() {
    let all = all();
    let deployment = of(&all, "Deployment", NAME);
    let pod = &deployment["spec"]["template"];
    let selectors = [
        &deployment["spec"]["selector"]["matchLabels"],
        &of(&all, "Service", NAME)["spec"]["selector"],
        &of(&all, "PodDisruptionBudget", NAME)["spec"]["selector"]["matchLabels"],
        &of(&all, "NetworkPolicy", NAME)["spec"]["podSelector"]["matchLabels"],
    ];
    for selector in selectors {
        assert_eq!(selector, selectors[0]);
        for (key, value) in selector.as_object().unwrap() {
            assert_eq!(pod["metadata"]["labels"][key], *value, "{key}");
            assert!(!key.ends_with("version"), "a selector can't be changed");
        }
    }
    of(
        &all,
        "ServiceAccount",
        pod["spec"]["serviceAccountName"].as_str().unwrap(),
    );
    for binding in all.iter().filter(|object| object.id.kind.ends_with("Binding")) {
        let role = &binding.body["roleRef"];
        of(&all, role["kind"].as_str().unwrap(), role["name"].as_str().unwrap());
        assert_eq!(binding.body["subjects"][0]["name"], pod["spec"]["serviceAccountName"]);
    }
    let container = &pod["spec"]["containers"][0];
    let port = &container["ports"][0]["containerPort"];
    assert!(container["args"].to_string().contains(&format!("0.0.0.0:{port}")));
    assert_eq!(
        of(&all, "NetworkPolicy", NAME)["spec"]["ingress"][0]["ports"][0]["port"],
        *port
    );
    assert!(container["args"].to_string().contains("--namespace=ops"));
}

/// By whoever reads the file: nothing is granted by a star but what is seen.
#[test]
fn only_what_is_seen_is_of_every_kind() {
    for Object { id, body, .. } in all().iter().filter(|object| object.id.kind.ends_with("Role")) {
        for rule in body["rules"].as_array().unwrap() {
            let verbs: Vec<&str> = rule["verbs"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_str)
                .collect();
            let is_star = |field: &str| rule[field].to_string().contains('*');
            assert!(!is_star("verbs"), "{id}");
            if is_star("apiGroups") || is_star("resources") {
                assert_eq!(
                    (id.name.as_str(), verbs.as_slice()),
                    ("windlass-observer", ["list", "watch"].as_slice())
                );
            }
            if verbs.contains(&"impersonate") {
                let what = rule["resources"].to_string();
                assert!(
                    !what.contains("users") && !what.contains("groups") || what.contains("userextras/"),
                    "{id}: {what}"
                );
            }
            // Nobody makes rights of rights.
            assert!(!rule["apiGroups"].to_string().contains("rbac"), "{id}");
        }
    }
}
