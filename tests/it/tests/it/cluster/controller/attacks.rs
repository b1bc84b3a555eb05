//! What tenants of a cluster may try against each other and against the engine, and the test that holds each.
//!
//! The classes are those that have cost Flux, Argo CD, Fleet and Helm a CVE. What is tried here goes through objects of a cluster and a
//! controller that runs; where another test is named it stands nearer to what it is about. Names without a crate are of `it`.
//!
//! | class | what is tried | held by |
//! |---|---|---|
//! | traversal, links | `..`, absolute paths, links out of the tree, odd bytes, by a plugin's questions | `host::hostile::reads` |
//! | | the same in a tree that git never checks out; names that act | `inputs::names`, `source::contents::hostile_trees_do_no_harm` |
//! | | a chart that reads outside, bases and archives that lead outside | `inputs::helm`, `inputs::kustomize`, `inputs::archives` |
//! | | `spec.path: ../x`, files of the engine's machine in any field | `cluster::crds`, [`no_field_of_a_tenant_leads_out_of_its_namespace`] |
//! | | what is read outside of a worker's walls | `host::walls` |
//! | code execution | a kubeconfig Secret that runs, reads or redirects | [`a_kubeconfig_secret_is_refused_field_by_field`] |
//! | | git URLs that are options of ssh | `windlass_source::git::remote::url::tests`, [`no_field_of_a_tenant_leads_out_of_its_namespace`] |
//! | | machine code as a plugin, tampered caches, imports that were not granted (network, files) | `host::hostile::loading` |
//! | | another digest than was admitted, by registry, cache or file | `plugins::fetched` |
//! | denial of service | one object that can't be read, of a kind that others use | `cluster::controller::who_may_not_is_told_and_stops_nobody_else` |
//! | | decompression bombs, floods, trees of ten billion files, aliases of YAML | `inputs::archives`, `inputs::large`, `inputs::names`, `inputs::yaml` |
//! | | repositories and packs that fill the disk, servers that stall or never end | `source::quotas`, `source::faults` |
//! | | registries that never end | `plugins::fetched::what_a_registry_gives_is_what_was_admitted_or_nothing` |
//! | | conditions and schemas that take for ever | `windlass_core::cel::tests`, `host::config::cost` |
//! | | plugins that spin, grow, flood | `tests/guests/README.md` |
//! | | a cluster that hangs, held against the Apps of others | `cluster::controller::clusters` |
//! | leaks | Secrets in diffs, errors, logs | `windlass_core::redact`, `windlass_cluster::refusal::tests`, `cluster::refusals` |
//! | | names asked of a resolver by a template | `native` (`functions-paths-and-urls`): a plugin has no resolver |
//! | | credentials sent to another host | `source::https`, `plugins::fetched`, `notify::egress` |
//! | | another's Secret, by `secretRef` | [`no_field_of_a_tenant_leads_out_of_its_namespace`], [`secrets_are_read_of_the_documents_own_namespace`] |
//! | | requests to places that only the engine reaches | `notify::egress::places_that_nobody_opened_are_not_reached` |
//! | | renders of others, forged renders | `windlass::render::store::tests` |
//! | identity | another's service account, another's Repository, another's App as a dependency | [`no_field_of_a_tenant_leads_out_of_its_namespace`] |
//! | | objects in another's namespace, rights for oneself, a Tenant of one's own | [`what_git_says_is_done_with_the_rights_of_its_app_alone`] |
//! | | any request beyond the account, over a whole run | `cluster::controller::audited` |
//! | | a namespace that leaves its Tenant by its labels | [`a_label_of_an_app_is_no_label_of_its_namespace`] |
//! | ownership | marks that were forged, copied, stripped, or come back from a backup | `cluster::ownership::marks` |
//! | | marks of another App in git, labels that would have others' objects selected | [`marks_in_git_claim_nothing_of_anybody`] |
//! | | prune of what others own, of a namespace with others' objects | `cluster::ownership::company`, `cluster::ownership::deletes` |
//! | | another installation | `cluster::controller::clusters` |
//! | words | control characters in terminals | `inputs::words` |
//! | | the same in conditions, where people read them by `kubectl`; in data they are data | [`what_strangers_write_stands_in_conditions_without_its_power`] |

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_tests::cluster::Content;

use super::{
    Site,
    clusters::system,
    site::{condition, find},
};
use crate::{
    cluster::bed::{SOON, soon},
    sandbox::config_map,
};

/// Creates an object as whoever may: the status of the answer, and what is said.
fn tried(site: &Site, plural: &str, namespace: &str, name: &str, spec: &Value) -> (u16, String) {
    let kind = windlass_core::crds::KINDS
        .iter()
        .find(|kind| kind.plural == plural)
        .unwrap()
        .kind;
    let object = json!({"apiVersion": "windlass.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec});
    let list = format!("/apis/windlass.dev/v1alpha1/namespaces/{namespace}/{plural}");
    let content = Content {
        kind: "application/json",
        value: &object,
    };
    let answer = site.person().send("POST", &list, Some(content)).unwrap();
    (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
}

/// What an object says of itself, once it isn't ready for a reason with these words.
fn unready(site: &Site, plural: &str, namespace: &str, name: &str, words: &str) -> Value {
    let (mut last, begun) = (Value::Null, Instant::now());
    loop {
        assert!(
            begun.elapsed() < SOON,
            "{plural} {namespace}/{name}: `{words}` is not said: {last}"
        );
        last = site.object(plural, namespace, name).unwrap();
        let ready = find(&last, "Ready");
        // Of what it says now, not of what it said before.
        let is_of_now = last["status"]["observedGeneration"] == last["metadata"]["generation"];
        if is_of_now && ready["status"] == "False" && ready["message"].as_str().unwrap().contains(words) {
            return last;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// Two teams: `shop` has an App, a Repository and a Secret; `evil` has what it makes itself.
fn two_teams() -> Site {
    let site = Site::new();
    site.commit(&[
        ("api/a.yaml", Some(&config_map("a", "1"))),
        ("own/b.yaml", Some(&config_map("b", "1"))),
    ]);
    for namespace in ["shop", "evil"] {
        site.repository(namespace);
    }
    let secret = json!({"metadata": {"name": "git"}, "stringData": {"username": "shop", "password": "hunter2"}});
    site.person()
        .create("/api/v1/namespaces/shop/secrets", &secret)
        .unwrap();
    site.app("shop", "api", &json!({}));
    site
}

#[test]
fn no_field_of_a_tenant_leads_out_of_its_namespace() {
    let site = two_teams();
    let mut audit = site.server.audit().unwrap();
    let _running = site.run();
    site.ready("shop", "api");
    let url = site.url("repo");
    let app = |more: Value| {
        let mut spec = json!({"repository": "repo", "path": "api", "target": {"namespace": "evil", "serviceAccountName": "deployer"}});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        spec
    };
    let account = |name: &str| app(json!({"target": {"namespace": "evil", "serviceAccountName": name}}));
    let repository = |more: Value| {
        let mut spec = json!({"git": {"url": url, "ref": {"branch": "main"}}, "interval": "1s"});
        for (field, value) in more.as_object().unwrap() {
            spec[field] = value.clone();
        }
        spec
    };
    let at = |url: &str| repository(json!({"git": {"url": url}}));
    let secret = |name: &str| repository(json!({"auth": {"secretRef": {"name": name}}}));
    // What no namespace's object may say at all.
    for (what, plural, spec) in [
        ("an account of another", "apps", account("shop:deployer")),
        (
            "an account by its user",
            "apps",
            account("system:serviceaccount:shop:deployer"),
        ),
        ("an account by a path", "apps", account("../shop/deployer")),
        ("a path out of the tree", "apps", app(json!({"path": "../api"}))),
        (
            "a folder of the engine's",
            "apps",
            app(json!({"target": {"directory": "/var/lib"}})),
        ),
        ("a Secret by a path", "repositories", secret("../shop/git")),
        ("a Secret of another", "repositories", secret("shop/git")),
        (
            "a file of the engine's as login",
            "repositories",
            repository(json!({"auth": {"tokenFile": "/var/run/secrets/token"}})),
        ),
        (
            "a file of the engine's as keys",
            "repositories",
            repository(json!({"verify": {"keyFiles": ["/etc/passwd"]}})),
        ),
        ("a folder as a repository", "repositories", at("/var/lib/windlass")),
        ("a file URL", "repositories", at("file:///var/lib/windlass")),
        ("a helper of git's", "repositories", at("ext::sh -c id")),
    ] {
        let (status, said) = tried(&site, plural, "evil", "x", &spec);
        assert_eq!(status, 422, "{what}: {said}");
    }
    // What another namespace's might.
    for (name, plural, spec, words) in [
        (
            "repository",
            "apps",
            app(json!({"repository": "shop/repo"})),
            "no Tenant grants it",
        ),
        (
            "dependency",
            "apps",
            app(json!({"dependsOn": [{"app": "shop/api"}]})),
            "no Tenant grants it",
        ),
        (
            "target",
            "apps",
            app(json!({"path": "own", "target": {"namespace": "shop", "serviceAccountName": "deployer"}})),
            "system:serviceaccount:evil:deployer",
        ),
        (
            "nobody",
            "apps",
            app(json!({"target": {"namespace": "evil"}})),
            "service account",
        ),
        (
            "cluster",
            "apps",
            app(json!({"target": {"cluster": "elsewhere", "namespace": "evil", "serviceAccountName": "deployer"}})),
            "elsewhere",
        ),
        (
            "missing",
            "repositories",
            secret("git"),
            "there is no Secret `evil/git`",
        ),
        // API servers drop what they don't know.
        (
            "namespaced",
            "repositories",
            repository(json!({"auth": {"secretRef": {"name": "git", "namespace": "shop"}}})),
            "there is no Secret `evil/git`",
        ),
        ("option", "repositories", at("ssh://-oProxyCommand=id/r"), ""),
    ] {
        let (status, said) = tried(&site, plural, "evil", name, &spec);
        assert_eq!(status, 201, "{name}: {said}");
        unready(&site, plural, "evil", name, words);
    }
    let reads: Vec<_> = audit
        .requests()
        .unwrap()
        .into_iter()
        .filter(|request| {
            request.agent.starts_with("windlass/") && request.resource == "secrets" && request.verb == "get"
        })
        .map(|request| format!("{}/{}", request.namespace, request.name))
        // The installation's own.
        .filter(|read| read != "system/windlass-installation")
        .collect();
    assert!(
        reads.iter().all(|read| read == "evil/git") && !reads.is_empty(),
        "{reads:?}"
    );
    assert_eq!(condition(&site.object("apps", "shop", "api").unwrap(), "Ready"), "True");
}

#[test]
fn secrets_are_read_of_the_documents_own_namespace() {
    let site = two_teams();
    let _running = site.run();
    // A Secret of the same name in the namespace of the engine, which Clusters and Tenants name.
    system(&site);
    let engines = json!({"metadata": {"name": "engines"}, "stringData": {"username": "git", "password": "hunter2"}});
    site.person()
        .create("/api/v1/namespaces/system/secrets", &engines)
        .unwrap();
    let path = "/apis/windlass.dev/v1alpha1/namespaces/evil/repositories/repo";
    site.person()
        .merge(path, &json!({"spec": {"auth": {"secretRef": {"name": "engines"}}}}))
        .unwrap();
    let said = unready(
        &site,
        "repositories",
        "evil",
        "repo",
        "there is no Secret `evil/engines`",
    );
    assert!(!said.to_string().contains("hunter2"), "{said}");
    // And a Cluster's is not a team's.
    let cluster = json!({"kubeconfig": {"secretRef": {"name": "git"}}});
    site.create("clusters", "", "stolen", &cluster);
    unready(&site, "clusters", "", "stolen", "there is no Secret `system/git`");
}

/// A kubeconfig, where `field: value` stands in a part of it.
fn hostile(plain: &str, part: &str, field: &str, value: &Value) -> String {
    let mut kubeconfig: Value = serde_json::from_str(plain).unwrap();
    let at = match part {
        "user" => &mut kubeconfig["users"][0]["user"],
        "cluster" => &mut kubeconfig["clusters"][0]["cluster"],
        "context" => &mut kubeconfig["contexts"][0]["context"],
        _ => &mut kubeconfig,
    };
    at[field] = value.clone();
    kubeconfig.to_string()
}

#[test]
fn a_kubeconfig_secret_is_refused_field_by_field() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let _running = site.run();
    system(&site);
    let secrets = "/api/v1/namespaces/system/secrets";
    let plain = site.kubeconfig(site.admin());
    let put = |text: &str| {
        site.person()
            .merge(&format!("{secrets}/eu"), &json!({"stringData": {"value": text}}))
            .unwrap();
    };
    let secret = json!({"metadata": {"name": "eu"}, "stringData": {"value": plain}});
    site.person().create(secrets, &secret).unwrap();
    site.create(
        "clusters",
        "",
        "eu",
        &json!({"kubeconfig": {"secretRef": {"name": "eu"}}}),
    );
    let answers = || {
        soon("a plain one is taken", || {
            Ok(condition(&site.object("clusters", "", "eu").unwrap(), "Ready") == "True")
        });
    };
    answers();
    // What it would leave behind if it ran, and what it would read.
    let trace = site.sandbox.path().join("it-ran");
    let bait = site.sandbox.path().join("bait");
    std::fs::write(&bait, "s3cret-of-the-engine").unwrap();
    let run = json!({"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [&trace], "interactiveMode": "Never"});
    for (part, field, value) in [
        ("user", "exec", run),
        (
            "user",
            "auth-provider",
            json!({"name": "gcp", "config": {"cmd-path": "touch", "cmd-args": &trace}}),
        ),
        ("user", "tokenFile", json!(&bait)),
        ("user", "client-certificate", json!(&bait)),
        ("user", "client-key", json!(&bait)),
        ("user", "as", json!("system:admin")),
        ("user", "as-uid", json!("0")),
        ("user", "as-groups", json!(["system:masters"])),
        ("user", "as-user-extra", json!({"a": ["b"]})),
        ("user", "x-later-one", json!("x")),
        ("cluster", "certificate-authority", json!(&bait)),
        ("cluster", "proxy-url", json!("http://127.0.0.1:1")),
        ("cluster", "insecure-skip-tls-verify", json!(true)),
        ("cluster", "server", json!("http://127.0.0.1:1")),
        ("cluster", "x-later-one", json!("x")),
        ("context", "x-later-one", json!("x")),
        ("top", "plugins", json!(["x"])),
    ] {
        put(&hostile(&plain, part, field, &value));
        let said = unready(&site, "clusters", "", "eu", &format!("{field}`"));
        let text = said.to_string();
        assert!(
            !text.contains("s3cret-of-the-engine") && !text.contains(site.admin()),
            "{field}: {text}"
        );
        put(&plain);
        answers();
    }
    assert!(!trace.exists(), "a program ran");
}

#[test]
fn what_git_says_is_done_with_the_rights_of_its_app_alone() {
    let site = two_teams();
    let own = "apiVersion: windlass.dev/v1alpha1\n";
    let files = [
        (
            "planted",
            config_map("planted", "1").replace("  name: planted", "  name: planted\n  namespace: shop"),
        ),
        (
            "admin",
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: evil}\n\
             roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n\
             subjects: [{kind: ServiceAccount, namespace: evil, name: deployer}]\n"
                .to_owned(),
        ),
        (
            "tenant",
            format!(
                "{own}kind: Tenant\nmetadata: {{name: evil}}\nspec: {{namespaces: {{names: [evil]}}, references: ['shop/*']}}\n"
            ),
        ),
        (
            "plugin",
            format!(
                "{own}kind: Plugin\nmetadata: {{name: evil}}\nspec: {{versions: [{{version: 1.0.0, file: x.wasm, digest: 'sha256:{}'}}]}}\n",
                "0".repeat(64)
            ),
        ),
        (
            "cluster",
            format!(
                "{own}kind: Cluster\nmetadata: {{name: evil}}\nspec: {{kubeconfig: {{secretRef: {{name: git}}}}}}\n"
            ),
        ),
        (
            "app",
            format!(
                "{own}kind: App\nmetadata: {{name: evil, namespace: shop}}\nspec: {{repository: repo, path: api, target: {{namespace: shop, serviceAccountName: deployer}}}}\n"
            ),
        ),
        (
            "another",
            config_map("a", "of the evil").replace("  name: a", "  name: a\n  namespace: shop"),
        ),
    ];
    for (name, text) in &files {
        site.commit(&[(&format!("{name}/x.yaml"), Some(text))]);
    }
    let _running = site.run();
    site.ready("shop", "api");
    let before = site.get("/api/v1/namespaces/shop/configmaps/a").unwrap();
    for (name, _) in &files {
        site.app("evil", name, &json!({}));
    }
    for (name, _) in &files {
        let words = if *name == "another" {
            ""
        } else {
            "system:serviceaccount:evil:deployer"
        };
        unready(&site, "apps", "evil", name, words);
    }
    for path in [
        "/api/v1/namespaces/shop/configmaps/planted",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/evil",
        "/apis/windlass.dev/v1alpha1/tenants/evil",
        "/apis/windlass.dev/v1alpha1/plugins/evil",
        "/apis/windlass.dev/v1alpha1/clusters/evil",
        "/apis/windlass.dev/v1alpha1/namespaces/shop/apps/evil",
    ] {
        assert!(site.get(path).is_none(), "{path}");
    }
    assert_eq!(site.get("/api/v1/namespaces/shop/configmaps/a").unwrap(), before);
}

#[test]
fn marks_in_git_claim_nothing_of_anybody() {
    let site = two_teams();
    let _running = site.run();
    site.ready("shop", "api");
    let victim = site.get("/api/v1/namespaces/shop/configmaps/a").unwrap();
    let metadata = &victim["metadata"];
    let mark = metadata["annotations"]["windlass.dev/owner"].as_str().unwrap();
    assert!(mark.ends_with(" ConfigMap shop/a"), "{mark}");
    let label = |name: &str| metadata["labels"][name].as_str().unwrap().to_owned();
    // Of the victim: its owner, for an object of one's own, and the labels by which its objects are found.
    let forged = |name: &str, value: &str| {
        let claimed = mark.replace("ConfigMap shop/a", &format!("ConfigMap evil/{name}"));
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "data": {"value": value},
            "metadata": {"name": name, "annotations": {"windlass.dev/owner": claimed}, "labels": {
                "windlass.dev/app": label("windlass.dev/app"), "windlass.dev/installation": "other",
            }},
        })
        .to_string()
    };
    site.commit(&[("forger/b.yaml", Some(&forged("b", "1")))]);
    site.app("evil", "forger", &json!({}));
    let path = "/api/v1/namespaces/evil/configmaps/b";
    let mut last = Value::Null;
    soon("it is applied or refused", || {
        last = site.object("apps", "evil", "forger").unwrap();
        Ok(!condition(&last, "Ready").is_empty() && condition(&last, "Reconciling").is_empty())
    });
    if let Some(object) = site.get(path) {
        // Whatever git says of marks, the engine's own stand there.
        let owner = object["metadata"]["annotations"]["windlass.dev/owner"]
            .as_str()
            .unwrap();
        assert!(owner.contains(" evil/forger "), "{owner}");
        let labels = &object["metadata"]["labels"];
        assert_ne!(labels["windlass.dev/app"], label("windlass.dev/app"));
        assert_eq!(labels["windlass.dev/installation"], label("windlass.dev/installation"));
    } else {
        assert_eq!(condition(&last, "Ready"), "False", "{last}");
    }
    // Edited by hand to claim that it is the victim's: the victim neither takes nor deletes it.
    let claimed = mark.replace("ConfigMap shop/a", "ConfigMap evil/planted");
    let planted = json!({"metadata": {"name": "planted", "annotations": {"windlass.dev/owner": claimed}, "labels": {
        "windlass.dev/app": label("windlass.dev/app"), "windlass.dev/installation": label("windlass.dev/installation"),
    }}});
    site.person()
        .create("/api/v1/namespaces/evil/configmaps", &planted)
        .unwrap();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "2")))]);
    let commit = site.head();
    soon("the victim goes on", || {
        Ok(site.object("apps", "shop", "api").unwrap()["status"]["applied"]["revision"] == commit)
    });
    site.delete("/apis/windlass.dev/v1alpha1/namespaces/shop/apps/api");
    soon("the victim's App is gone", || {
        Ok(site.object("apps", "shop", "api").is_none())
    });
    assert!(site.get("/api/v1/namespaces/shop/configmaps/a").is_none());
    assert!(site.get("/api/v1/namespaces/evil/configmaps/planted").is_some());
}

#[test]
fn a_label_of_an_app_is_no_label_of_its_namespace() {
    let site = two_teams();
    let _running = site.run();
    let label = json!({"metadata": {"labels": {"team": "evil"}}});
    site.person().merge("/api/v1/namespaces/evil", &label).unwrap();
    // Bound by labels, and by the labels of the namespace alone.
    let closed = json!({"namespaces": {"matchLabels": {"team": "evil"}}, "kinds": {"deny": ["ConfigMap"]}});
    site.create("tenants", "", "evil", &closed);
    let open = json!({"namespaces": {"matchLabels": {"team": "shop"}}, "references": ["shop/*"]});
    site.create("tenants", "", "shop", &open);
    let target = json!({"namespace": "evil", "serviceAccountName": "deployer"});
    let app = json!({
        "apiVersion": "windlass.dev/v1alpha1", "kind": "App",
        "metadata": {"name": "x", "labels": {"team": "shop"}, "annotations": {"team": "shop"}},
        "spec": {"repository": "shop/repo", "path": "api", "target": target},
    });
    let list = "/apis/windlass.dev/v1alpha1/namespaces/evil/apps";
    site.person().create(list, &app).unwrap();
    unready(&site, "apps", "evil", "x", "no Tenant grants it");
    let patch = json!({"spec": {"repository": "repo"}});
    site.person().merge(&format!("{list}/x"), &patch).unwrap();
    unready(
        &site,
        "apps",
        "evil",
        "x",
        "Tenant `evil` does not allow objects of kind `ConfigMap`",
    );
    // A target that is another's namespace takes nothing off the binding of one's own.
    let patch = json!({"spec": {"target": {"namespace": "shop"}}});
    site.person().merge(&format!("{list}/x"), &patch).unwrap();
    unready(
        &site,
        "apps",
        "evil",
        "x",
        "Tenant `evil` does not allow objects of kind `ConfigMap`",
    );
}

/// Moves the cursor, sets a title, and turns the line around.
const ARMED: &str = "\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}\u{2066}\u{7f}";

#[test]
fn what_strangers_write_stands_in_conditions_without_its_power() {
    let site = Site::new();
    let escaped: String = ARMED.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    site.commit(&[
        ("raise/main.jsonnet", Some(&format!("error 'said {escaped}'"))),
        (
            "name/a.yaml",
            Some(&format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: \"n{escaped}\"}}\n"
            )),
        ),
        (
            "odd/a.yaml",
            Some("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd}\ndata: {text: \"\\x7f \\x85 \\x9b \\u2028 \\ufeff\"}\n"),
        ),
        ("chart/Chart.yaml", Some("apiVersion: v2\nname: c\nversion: 1.0.0\n")),
        (
            "chart/templates/a.yaml",
            Some(&format!("{{{{ fail \"said {escaped}\" }}}}")),
        ),
    ]);
    let _running = site.run();
    site.repository("shop");
    for name in ["raise", "name", "chart", "odd"] {
        site.app("shop", name, &json!({}));
    }
    // In data they are data.
    site.ready("shop", "odd");
    let odd = site.get("/api/v1/namespaces/shop/configmaps/odd").unwrap();
    assert_eq!(odd["data"]["text"], "\u{7f} \u{85} \u{9b} \u{2028} \u{feff}");
    let mut said = String::new();
    for (name, words) in [("raise", "said"), ("chart", "said"), ("name", "name")] {
        let app = unready(&site, "apps", "shop", name, words);
        for condition in app["status"]["conditions"].as_array().unwrap() {
            said.push_str(condition["message"].as_str().unwrap());
        }
    }
    assert!(said.contains("said"), "{said:?}");
    let armed = said
        .chars()
        .find(|c| c.is_control() && *c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    assert_eq!(armed, None, "{said:?}");
}
