use serde_json::json;

use super::*;

fn repository(spec: &Value) -> Value {
    json!({"apiVersion": API_VERSION, "kind": "Repository", "metadata": {"name": "r", "namespace": "shop"}, "spec": spec})
}

#[test]
fn an_object_of_a_cluster_is_read_as_a_document_of_a_file() {
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": "App",
        "metadata": {
            "name": "api", "namespace": "shop", "uid": "u", "resourceVersion": "7", "generation": 2,
            "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": [], "finalizers": ["windlass.dev/app"],
            "labels": {"a": "b"}, "annotations": {},
        },
        "spec": {"repository": "r", "path": "api"},
        "status": {"conditions": []},
    });
    let document = read(&object, Home::Cluster).unwrap();
    assert_eq!(
        (document.to_string().as_str(), document.namespace.as_str()),
        ("App `shop/api`", "shop")
    );
    let Spec::App(spec) = &document.spec else {
        panic!("{document:?}")
    };
    assert_eq!((spec.repository.as_str(), spec.path.as_str()), ("r", "api"));
    assert_eq!(read(&object, Home::File), Ok(document));
}

#[test]
fn a_mistake_in_an_object_is_told_by_its_pointer() {
    let spec =
        json!({"git": {"url": "https://git.test/r.git"}, "plugins": {"validators": [{"name": "a", "conf~ig/x": 1}]}});
    let error = read(&repository(&spec), Home::Cluster).unwrap_err();
    assert_eq!(error.pointer, "/spec/plugins/validators/0/conf~0ig~1x");
    assert!(
        error.message.starts_with("Repository `r`: spec.plugins.validators[0]"),
        "{error}"
    );
    for (value, pointer) in [
        (json!({"apiVersion": API_VERSION, "kind": "Repo"}), "/kind"),
        (json!({"apiVersion": "v1", "kind": "App"}), "/apiVersion"),
        (json!({"apiVersion": API_VERSION, "kind": "App", "stats": {}}), "/stats"),
        (
            json!({"apiVersion": API_VERSION, "kind": "App", "metadata": {"name": "a", "labls": {}}}),
            "/metadata/labls",
        ),
        (
            json!({"apiVersion": API_VERSION, "kind": "App", "metadata": {"name": "A"}}),
            "/metadata/name",
        ),
        (
            json!({"apiVersion": API_VERSION, "kind": "App", "metadata": {"name": "a"}}),
            "",
        ),
    ] {
        assert_eq!(read(&value, Home::File).unwrap_err().pointer, pointer, "{value}");
    }
}

#[test]
fn nobody_in_a_cluster_names_a_file_of_the_engine() {
    let remote = "https://git.test/r.git";
    for (spec, pointer) in [
        (json!({"git": {"url": "file:///etc"}}), "/spec/git/url"),
        (json!({"git": {"url": "../other"}}), "/spec/git/url"),
        (json!({"git": {"url": "/etc/a@b:c"}}), "/spec/git/url"),
        (json!({"git": {"url": remote, "caFile": "/ca"}}), "/spec/git/caFile"),
        (
            json!({"git": {"url": remote}, "auth": {"tokenFile": "/var/run/secrets/token"}}),
            "/spec/auth/tokenFile",
        ),
        (
            json!({"git": {"url": remote}, "auth": {"username": "u", "passwordFile": "p"}}),
            "/spec/auth/passwordFile",
        ),
        (
            json!({"git": {"url": remote}, "auth": {"sshKeyFile": "k", "knownHostsFile": "h"}}),
            "/spec/auth/sshKeyFile",
        ),
        (
            json!({"git": {"url": remote}, "auth": {"clientCertificateFile": "c", "clientKeyFile": "k"}}),
            "/spec/auth/clientCertificateFile",
        ),
        (
            json!({"git": {"url": remote}, "proxy": {"url": "http://p:1", "username": "u", "passwordFile": "p"}}),
            "/spec/proxy/passwordFile",
        ),
        (
            json!({"git": {"url": remote}, "plugins": {"notify": [{"name": "webhook", "secretFiles": {"a": "/token"}}]}}),
            "/spec/plugins/notify/0/secretFiles",
        ),
        (
            json!({"git": {"url": remote}, "verify": {"keyFiles": ["/etc/keys"]}}),
            "/spec/verify/keyFiles",
        ),
    ] {
        let object = repository(&spec);
        assert!(
            read(&object, Home::File).is_ok(),
            "{spec}: {:?}",
            read(&object, Home::File)
        );
        let error = read(&object, Home::Cluster).unwrap_err();
        assert_eq!(error.pointer, pointer, "{error}");
        assert!(error.message.contains("file of the engine's own machine"), "{error}");
    }
    for url in [
        remote,
        "http://git.test/r",
        "ssh://git@git.test/r",
        "git@git.test:team/r.git",
    ] {
        let spec = json!({"git": {"url": url}});
        assert!(read(&repository(&spec), Home::Cluster).is_ok(), "{url}");
    }
}

#[test]
fn a_secret_is_named_in_a_cluster_only() {
    let git = json!({"url": "https://git.test/r.git"});
    for (spec, pointer) in [
        (
            json!({"git": git, "auth": {"secretRef": {"name": "s"}}}),
            "/spec/auth/secretRef",
        ),
        (
            json!({"git": git, "proxy": {"url": "http://p:1", "secretRef": {"name": "s"}}}),
            "/spec/proxy/secretRef",
        ),
        (
            json!({"git": git, "verify": {"secretRef": {"name": "s"}}}),
            "/spec/verify/secretRef",
        ),
        (
            json!({"git": git, "plugins": {"notify": [{"name": "webhook", "secretRef": {"name": "s"}}]}}),
            "/spec/plugins/notify/0/secretRef",
        ),
    ] {
        let object = repository(&spec);
        assert!(
            read(&object, Home::Cluster).is_ok(),
            "{:?}",
            read(&object, Home::Cluster)
        );
        assert_eq!(read(&object, Home::File).unwrap_err().pointer, pointer);
    }
    for (spec, says) in [
        (
            json!({"git": git, "auth": {"secretRef": {"name": "s"}, "username": "u"}}),
            "name that (`secretRef`), alone",
        ),
        (
            json!({"git": git, "proxy": {"url": "http://p:1", "username": "u", "secretRef": {"name": "s"}}}),
            "name that (`secretRef`), alone",
        ),
    ] {
        let error = read(&repository(&spec), Home::Cluster).unwrap_err();
        assert!(error.message.contains(says), "{error}");
    }
}
