//! What a Tenant does not allow its Apps, and what it requires of them, through the loop; others go on.

use std::fs;

use serde_json::Value;
use windlass_core::digest::Digest;

use crate::{
    notify::receiver::{Manner, Receiver},
    sandbox::{Sandbox, config_map, plugins},
};

/// What `bound` is called in a configuration.
const BOUND: &str = "shop/bound";

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
    let text = text.replace(
        "metadata: {name: bound}\nspec:\n  repository: shop",
        "metadata: {name: bound, namespace: shop}\nspec:\n  repository: default/shop",
    );
    let tenant = format!(
        "---\napiVersion: windlass.dev/v1alpha1\nkind: Tenant\nmetadata: {{name: team}}\nspec:\n  namespaces: {{names: [shop]}}\n  references: [default/*]\n{tenant}"
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
        assert_eq!((synced.code, synced.health(BOUND)), (Some(1), "failed"), "{synced:?}");
        let found = finding(synced.report(BOUND));
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
    assert_eq!(synced.counts(BOUND), [0, 1, 0, 0, 0], "{synced:?}");
}

#[test]
fn what_is_of_another_namespace_is_referred_to_by_grant_only() {
    let sandbox = site("");
    let path = sandbox.path().join("windlass.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(
        &path,
        text.replace("  references: [default/*]\n", "  references: [default/other]\n"),
    )
    .unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.health(BOUND), synced.health("free")),
        ("failed", "healthy"),
        "{synced:?}"
    );
    let found = finding(synced.report(BOUND));
    assert_eq!(found["code"], "tenant");
    assert_eq!(
        found["message"],
        "App `shop/bound`: Repository `default/shop` is of another namespace, and no Tenant grants it"
    );
    assert!(found["help"].as_str().unwrap().contains("`spec.references`"), "{found}");

    fs::write(&path, text.replace("repository: default/shop", "repository: shop")).unwrap();
    let said = String::from_utf8(sandbox.sync_command(&[]).output().unwrap().stderr).unwrap();
    assert!(
        said.contains("App `shop/bound`: spec.repository: there is no Repository `shop/shop`")
            && said.contains("elsewhere there is `default/shop`"),
        "{said}"
    );
}

#[test]
fn two_namespaces_may_have_an_app_of_one_name() {
    let sandbox = Sandbox::new();
    sandbox.commit(&[
        ("a/a.yaml", Some(&config_map("a", "1"))),
        ("b/b.yaml", Some(&config_map("b", "1"))),
    ]);
    let path = sandbox.config(&[("api", "  path: a\n  target: {namespace: one}\n")]);
    let text = fs::read_to_string(&path).unwrap();
    let (repository, app) = text.split_once("---\n").unwrap();
    let second = [repository, app].map(|text| {
        let text = text.replace("metadata: {name: shop}", "metadata: {name: shop, namespace: team}");
        let text = text.replace("metadata: {name: api}", "metadata: {name: api, namespace: team}");
        text.replace("path: a\n", "path: b\n")
            .replace("namespace: one", "namespace: two")
    });
    fs::write(&path, format!("{text}---\n{}---\n{}", second[0], second[1])).unwrap();
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.health("api"), synced.health("team/api")),
        ("healthy", "healthy"),
        "{synced:?}"
    );
    let files: Vec<String> = sandbox.files().into_keys().collect();
    assert_eq!(files.len(), 2, "{files:?}");
}

#[test]
fn a_kind_that_is_not_allowed_is_named_at_its_file() {
    let sandbox = site("  kinds: {deny: [Secret, '*.rbac.authorization.k8s.io']}\n");
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData: {a: b}\n";
    sandbox.commit(&[("bound/s.yaml", Some(secret)), ("free/s.yaml", Some(secret))]);
    let synced = sandbox.sync(&[]);
    assert_eq!(
        (synced.health(BOUND), synced.health("free")),
        ("failed", "healthy"),
        "{synced:?}"
    );
    let found = finding(synced.report(BOUND));
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
        (synced.health(BOUND), synced.health("free")),
        ("failed", "healthy"),
        "{synced:?}"
    );
    assert_eq!(finding(synced.report(BOUND))["at"]["file"]["path"], "bound/c.yaml");
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
