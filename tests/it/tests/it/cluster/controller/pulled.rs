//! Plugins of a cluster out of a private registry, and another version of one that is looked at before it serves.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Site,
    clusters::system,
    site::{condition, find},
};
use crate::{
    cluster::bed::{Running, soon},
    plugins::{
        registry::{LOGIN, Registry},
        variant::Variant,
    },
    sandbox::config_map,
};

const SECRETS: &str = "/api/v1/namespaces/system/secrets";

/// Two files in the App's folder. Components of other tests are none of this one's: it has a cache of its own.
fn site() -> Site {
    let site = Site::new();
    site.commit(&[
        ("api/a.yaml", Some(&config_map("a", "1"))),
        ("api/b.yaml", Some(&config_map("b", "1"))),
    ]);
    system(&site);
    site
}

fn run(site: &Site) -> Running {
    let mut command = site.command();
    command.arg("--cache").arg(site.sandbox.path().join("cache"));
    Running::start(command)
}

/// `team/acme:VERSION` of the registry, pushed.
fn push(site: &Site, registry: &Registry, variant: &Variant, more: &[&str]) {
    let to = registry.name(&format!("team/acme:{}", variant.version));
    let mut args = vec!["plugin", "push", variant.path.to_str().unwrap(), &to];
    args.extend(more);
    let output = site.sandbox.windlass(&args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An entry of `versions`.
fn entry(registry: &Registry, variant: &Variant) -> Value {
    let oci = registry.name(&format!("team/acme:{}", variant.version));
    json!({"version": variant.version, "oci": oci, "digest": variant.digest.to_string()})
}

fn admit(site: &Site, versions: &[Value], more: &Value) {
    let mut spec = json!({"versions": versions});
    for (field, value) in more.as_object().unwrap() {
        spec[field] = value.clone();
    }
    if site.object("plugins", "", "acme").is_none() {
        site.create("plugins", "", "acme", &spec);
    } else {
        let path = "/apis/windlass.dev/v1alpha1/plugins/acme";
        site.person().merge(path, &json!({"spec": spec})).unwrap();
    }
}

/// Of a registry, as `kubectl create secret docker-registry` makes it.
fn login(registry: &Registry, password: &str) -> Value {
    let host = registry.name("");
    let host = host.trim_end_matches('/');
    let config = json!({"auths": {host: {"username": LOGIN[0], "password": password}}}).to_string();
    json!({
        "metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": STANDARD.encode(config)},
    })
}

fn told(site: &Site, words: &str) {
    let mut last = Value::Null;
    soon(words, || {
        last = site.object("plugins", "", "acme").unwrap();
        let ready = find(&last, "Ready");
        Ok(ready["status"] == "False" && ready["message"].as_str().unwrap().contains(words))
    });
    assert!(!last.to_string().contains(LOGIN[1]), "{last}");
}

fn ready(site: &Site) {
    soon("every version may be used", || {
        let plugin = site.object("plugins", "", "acme").unwrap();
        let versions = plugin["status"]["versions"].as_array().cloned().unwrap_or_default();
        let waits = versions.iter().any(|version| !version["message"].is_null());
        Ok(condition(&plugin, "Ready") == "True" && !waits)
    });
}

fn by_acme(site: &Site) {
    site.repository("shop");
    site.app("shop", "api", &json!({"render": [{"plugin": {"name": "acme"}}]}));
}

fn maps(site: &Site) -> [bool; 2] {
    ["a", "b"].map(|name| {
        site.get(&format!("/api/v1/namespaces/shop/configmaps/{name}"))
            .is_some()
    })
}

#[test]
fn a_plugin_of_a_private_registry_comes_with_the_login_that_its_secret_has_by_now() {
    let (site, registry) = (site(), Registry::with_login());
    let auth = site.sandbox.path().join("auth.json");
    let secret = login(&registry, LOGIN[1]);
    let config = STANDARD
        .decode(secret["data"][".dockerconfigjson"].as_str().unwrap())
        .unwrap();
    fs::write(&auth, config).unwrap();
    let by_person = ["--auth-file", auth.to_str().unwrap()];
    let first = Variant::new(site.sandbox.path(), "acme", "1.0.0", &["b.yaml"]);
    let second = Variant::new(site.sandbox.path(), "acme", "1.1.0", &[]);
    push(&site, &registry, &first, &by_person);
    push(&site, &registry, &second, &by_person);
    let pull = json!({"registry": {"pullSecret": {"name": "pull"}}});
    admit(&site, &[entry(&registry, &first)], &pull);
    let running = run(&site);
    by_acme(&site);
    told(&site, "there is no Secret `system/pull`");
    site.person().create(SECRETS, &secret).unwrap();
    let put = |password: &str| {
        let data = login(&registry, password)["data"].clone();
        site.person()
            .merge(&format!("{SECRETS}/pull"), &json!({"data": data}))
            .unwrap();
    };
    ready(&site);
    site.ready("shop", "api");
    assert_eq!(maps(&site), [true, false]);

    // Rotated at the registry and not here: what serves goes on, and the next one comes once both say the same.
    put("of before");
    admit(&site, &[entry(&registry, &first), entry(&registry, &second)], &pull);
    told(&site, "credentials");
    assert_eq!(condition(&site.object("apps", "shop", "api").unwrap(), "Ready"), "True");
    assert_eq!(maps(&site), [true, false]);
    put(LOGIN[1]);
    ready(&site);
    soon("the next one serves", || Ok(maps(&site) == [true, true]));
    let said = format!("{:?}", running.reports());
    assert!(!said.contains(LOGIN[1]), "{said}");
}

#[test]
fn another_version_waits_for_approval_over_apps_of_a_cluster() {
    let (site, registry) = (site(), Registry::new());
    let first = Variant::new(site.sandbox.path(), "acme", "1.0.0", &["b.yaml"]);
    let second = Variant::new(site.sandbox.path(), "acme", "1.1.0", &[]);
    push(&site, &registry, &first, &[]);
    push(&site, &registry, &second, &[]);
    let preview = json!({"rollout": "Preview"});
    admit(&site, &[entry(&registry, &first)], &preview);
    let _running = run(&site);
    by_acme(&site);
    site.ready("shop", "api");
    assert_eq!(maps(&site), [true, false]);

    admit(&site, &[entry(&registry, &first), entry(&registry, &second)], &preview);
    let approve = |more: &[&str]| {
        let mut args = vec!["plugin", "approve"];
        args.extend(more);
        site.sandbox.windlass(&args)
    };
    let mut waiting = Value::Null;
    soon("it waits", || {
        let output = approve(&["-o", "json"]);
        waiting = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Ok(output.status.code() == Some(3))
    });
    let of = &waiting["acme@1.1.0"];
    assert_eq!(
        (&of["compared"], &of["apps"][0]["app"], &of["apps"][0]["objects"]),
        (&1.into(), &"shop/api".into(), &1.into()),
        "{waiting}"
    );
    let plugin = site.object("plugins", "", "acme").unwrap();
    let versions = plugin["status"]["versions"].as_array().unwrap();
    let second = versions.iter().find(|version| version["version"] == "1.1.0").unwrap();
    let says = "waits for `windlass plugin approve acme@1.1.0`: 1 of 1 Apps differ";
    assert_eq!(second["message"], says, "{plugin}");
    assert_eq!(maps(&site), [true, false], "who served goes on");
    assert_eq!(condition(&site.object("apps", "shop", "api").unwrap(), "Ready"), "True");

    let output = approve(&["acme@1.1.0", "--as-actor", "ada"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    soon("it serves", || Ok(maps(&site) == [true, true]));
    ready(&site);
}
