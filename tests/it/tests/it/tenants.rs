//! What a Tenant does not allow its Apps, and what it requires of them, through the loop; others go on.

use std::fs;

use serde_json::Value;
use windlass_core::digest::Digest;

use crate::{
    notify::receiver::{Manner, Receiver},
    sandbox::{Sandbox, config_map, plugins},
};

/// Two Apps of one repository: `bound`, of the namespace of a Tenant, and `free`, of none. `tenant`: lines of its spec.
fn site(tenant: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("bound/a.yaml", Some(&config_map("a", "1"))),
        ("free/b.yaml", Some(&config_map("b", "1"))),
    ]);
    configure(&sandbox, tenant);
    sandbox
}

fn configure(sandbox: &Sandbox, tenant: &str) {
    let path = sandbox.config(&[
        ("bound", "  path: bound\n  target: {namespace: shop}\n"),
        ("free", "  path: free\n  target: {namespace: free}\n"),
    ]);
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("metadata: {name: bound}", "metadata: {name: bound, namespace: shop}");
    let tenant = format!(
        "---\napiVersion: windlass.dev/v1alpha1\nkind: Tenant\nmetadata: {{name: team}}\nspec:\n  namespaces: {{names: [shop]}}\n{tenant}"
    );
    fs::write(path, text + &tenant).unwrap();
}

fn finding(report: &Value) -> &Value {
    &report["diagnostics"][0]
}

#[test]
fn an_app_that_may_not_be_is_told_and_stays_as_it_is_while_others_go_on() {
    let sandbox = site("");
    assert_eq!(
        sandbox.sync(&[]).code,
        Some(0),
        "what a Tenant doesn't speak of is free"
    );
    let before = sandbox.files();
    assert_eq!(before.len(), 2, "{before:?}");

    sandbox.commit(&[
        ("bound/a.yaml", Some(&config_map("a", "2"))),
        ("free/b.yaml", Some(&config_map("b", "2"))),
    ]);
    for (tenant, says) in [
        (
            "  repositories: ['https://git.example.org/**']\n",
            "spec.git.url: Tenant `team` does not allow `file://",
        ),
        ("  targets: [{cluster: eu}]\n", "Tenant `team` does not allow a folder"),
    ] {
        configure(&sandbox, tenant);
        let synced = sandbox.sync(&[]);
        assert_eq!((synced.code, synced.health("bound")), (Some(1), "failed"), "{synced:?}");
        let found = finding(synced.report("bound"));
        assert_eq!(found["code"], "tenant", "{found}");
        assert!(found["message"].as_str().unwrap().contains(says), "{found}");
        assert!(found["help"].is_string(), "{found}");
        assert_eq!(synced.health("free"), "healthy");
        let after = sandbox.files();
        let changed: Vec<&String> = after
            .iter()
            .filter(|(name, text)| before.get(*name) != Some(text))
            .map(|(name, _)| name)
            .collect();
        assert_eq!((changed.len(), after.len()), (1, 2), "{changed:?}");
        assert!(changed[0].contains('b'), "{changed:?}");
    }
    configure(&sandbox, "  repositories: ['file://**']\n");
    let synced = sandbox.sync(&[]);
    assert_eq!(synced.counts("bound"), [0, 1, 0, 0, 0], "{synced:?}");
}

#[test]
fn a_kind_that_is_not_allowed_is_named_at_its_file() {
    let sandbox = site("  kinds: {deny: [Secret, '*.rbac.authorization.k8s.io']}\n");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData: {a: b}\n";
    sandbox.commit(&[("bound/s.yaml", Some(secret)), ("free/s.yaml", Some(secret))]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.health("bound"), synced.health("free")),
        ("failed", "healthy"),
        "{synced:?}"
    );
    let found = finding(synced.report("bound"));
    assert_eq!(
        (&found["code"], &found["at"]["file"]["path"]),
        (&"tenant".into(), &"bound/s.yaml".into()),
        "{found}"
    );
    assert!(
        found["message"]
            .as_str()
            .unwrap()
            .contains("Tenant `team` does not allow objects of kind `Secret`"),
        "{found}"
    );
    assert!(
        sandbox.files().keys().all(|name| !name.contains("shop")),
        "nothing of it is applied"
    );
}

#[test]
fn a_required_validator_can_not_be_taken_away() {
    let sandbox = site("  required: {validators: [{name: schema}]}\n");
    let path = sandbox.path().join("windlass.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("  interval: 1s\n", "  interval: 1s\n  plugins: {validators: []}\n"),
    )
    .unwrap();
    // No built-in rule knows what replicas are.
    let bad = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: c\nspec:\n  replicas: two\n  selector: {matchLabels: {a: b}}\n  \
               template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}\n";
    sandbox.commit(&[("bound/c.yaml", Some(bad)), ("free/c.yaml", Some(bad))]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.health("bound"), synced.health("free")),
        ("failed", "healthy"),
        "{synced:?}"
    );
    assert_eq!(finding(synced.report("bound"))["at"]["file"]["path"], "bound/c.yaml");
}

#[test]
fn a_required_notifier_is_told_whatever_the_app_says() {
    let receiver = Receiver::plain(Manner::Answer("200 OK", String::new(), Vec::new()));
    let sandbox = site(&format!(
        "  required: {{notify: [{{name: webhook, as: audit, secretFiles: {{token: token}}, \
         config: {{url: '{}', headers: {{Authorization: 'Bearer ${{secret:token}}'}}}}}}]}}\n",
        receiver.url("/hook")
    ));
    fs::write(sandbox.path().join("token"), "s3cret-token\n").unwrap();
    let file = plugins().join("webhook.wasm");
    let plugin = format!(
        "---\napiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: webhook}}\nspec:\n  grants: [http]\n  \
         http: {{private: [localhost], plain: [localhost]}}\n  versions:\n  - {{version: {}, file: '{}', digest: '{}'}}\n",
        env!("CARGO_PKG_VERSION"),
        file.display(),
        Digest::of(&fs::read(&file).unwrap())
    );
    let path = sandbox.path().join("windlass.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("  path: bound\n", "  path: bound\n  notify: {on: []}\n");
    fs::write(&path, text + &plugin).unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(synced.code, Some(0), "{synced:?}");
    let told: Vec<Value> = receiver
        .take()
        .into_iter()
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    let apps: Vec<&str> = told.iter().map(|event| event["app"].as_str().unwrap()).collect();
    assert_eq!(apps, ["bound"], "{told:?}");
    sandbox.sync(&[]);
    assert!(receiver.take().is_empty(), "what is known is no news");
}
