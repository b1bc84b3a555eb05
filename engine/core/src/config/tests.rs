mod clusters;
mod documents;

use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::digest::Digest;

const GOOD: &str = r"
apiVersion: windlass.dev/v1alpha1
kind: Repository
metadata: {name: shop}
spec:
  git: {url: 'https://git.test/shop.git', ref: {branch: main}}
  interval: 30s
---
apiVersion: windlass.dev/v1alpha1
kind: App
metadata: {name: api}
spec:
  repository: shop
  path: apps/api
  render:
    - plugin: {name: helm, version: '4.3'}
      config: {releaseName: api}
  target: {namespace: shop}
";

fn errors(text: &str) -> Vec<String> {
    load(text)
        .unwrap_err()
        .iter()
        .map(|e| format!("{}:{}: {}", e.line, e.column, e.message))
        .collect()
}

#[test]
fn a_configuration_is_read() {
    let config = load(GOOD).unwrap();
    assert_eq!(config.repositories["shop"].interval, Duration::from_secs(30));
    let app = &config.apps["api"];
    assert_eq!((app.namespace.as_str(), app.spec.prune.max_percent), ("default", 30));
    assert_eq!(app.spec.render[0].config["releaseName"], "api");
}

#[test]
fn foreign_objects_restart_nothing_where_nothing_restarts() {
    let with = |restart: &str| GOOD.replace("  target:", &format!("  restart: {restart}\n  target:"));
    let config = load(&with("{mode: OnChange, foreign: Watch}")).unwrap();
    assert_eq!(config.apps["api"].spec.restart.foreign, ForeignMode::Watch);
    let config = load(&with("{mode: OnChange}")).unwrap();
    assert_eq!(config.apps["api"].spec.restart.foreign, ForeignMode::Ignore);
    let found = errors(&with("{foreign: Watch}"));
    assert!(
        found[0].starts_with("18:") && found[0].contains("spec.restart.foreign is `Watch`"),
        "{found:?}"
    );
}

#[test]
fn a_misspelt_field_is_told_with_its_line() {
    let found = errors(&GOOD.replace("target: {namespace", "target: {namespce"));
    assert!(
        found[0].starts_with("18:") && found[0].contains("App `api`: spec.target.namespce: unknown field `namespce`"),
        "{found:?}"
    );
}

#[test]
fn a_bad_interval_is_told() {
    let found = errors(&GOOD.replace("30s", "30x"));
    assert!(
        found[0].starts_with("7:") && found[0].contains("`30x` is no interval"),
        "{found:?}"
    );
}

#[test]
fn an_unknown_repository_is_told_with_those_there_are() {
    let error = load(&GOOD.replace("repository: shop", "repository: sop"))
        .unwrap_err()
        .remove(0);
    assert_eq!((error.line, error.help.as_deref()), (13, Some("known: `shop`")));
}

#[test]
fn a_manifest_is_no_configuration() {
    let found = errors("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n");
    assert!(
        found[0].contains("expected a Repository, App, Cluster, Plugin or Tenant"),
        "{found:?}"
    );
}

#[test]
fn paths_stay_inside_the_repository() {
    for path in ["../x", "/x", "a/../b", "a//b"] {
        let found = errors(&GOOD.replace("path: apps/api", &format!("path: {path}")));
        assert!(found[0].contains("spec.path"), "{path}: {found:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = format!("{}---\n{}", GOOD.replace("30s", "x"), GOOD.replace("url:", "uri:"));
    assert!(load(&text).unwrap_err().len() >= 2);
}

#[test]
fn a_repository_says_which_renderers_serve_it() {
    let serving = |plugins: &str| {
        let text = GOOD.replace("  interval: 30s\n", &format!("  interval: 30s\n  plugins: {plugins}\n"));
        load(&text).map(|config| config.repositories["shop"].plugins.clone())
    };
    let choice = |text: &str| match text.split_once('@') {
        Some((name, version)) => PluginChoice {
            version: Some(version.to_owned()),
            ..PluginChoice::of(name)
        },
        None => PluginChoice::of(text),
    };
    for (plugins, asked, served) in [
        ("{}", "helm", Some("helm")),
        ("{}", "helm@4.3", Some("helm@4.3")),
        ("{renderers: [{name: helm, version: '4.2'}]}", "helm", Some("helm@4.2")),
        (
            "{renderers: [{name: helm, version: '4.2'}]}",
            "helm@4.3",
            Some("helm@4.3"),
        ),
        ("{renderers: [{name: helm}]}", "helm", Some("helm")),
        ("{renderers: [{name: helm}]}", "yaml", None),
        ("{renderers: []}", "helm", None),
    ] {
        let found = serving(plugins).unwrap().renderer(&choice(asked));
        assert_eq!(found, served.map(choice), "{plugins} {asked}");
    }
    let twice = serving("{renderers: [{name: helm}, {name: helm, version: '4'}]}").unwrap_err();
    assert!(
        twice[0]
            .message
            .contains("spec.plugins.renderers: `helm` stands there twice"),
        "{twice:?}"
    );
}

#[test]
fn what_a_plugin_does_not_take_has_a_line() {
    let text = GOOD.replace("config: {releaseName: api}", "config:\n        recurse: 3");
    let flaw = |name: &str, pointer: &str| Flaw {
        kind: "App",
        namespace: "default".into(),
        name: name.into(),
        pointer: pointer.into(),
        message: "no".into(),
    };
    let line = text.lines().position(|line| line.contains("recurse")).unwrap() + 1;
    let located = locate(
        &text,
        &[
            flaw("api", "/spec/render/0/config/recurse"),
            flaw("api", "/spec/render/0/config/recurse/x"),
            flaw("web", "/spec"),
        ],
    );
    assert_eq!(located[0].message, "App `api`: spec.render.0.config.recurse: no");
    assert_eq!(
        (located[0].line as usize, located[1].line as usize, located[2].line),
        (line, line, 0)
    );
}

#[test]
fn a_plugin_has_one_place_and_each_version_once() {
    let digest = Digest::of(b"a");
    let check = |versions: &str, more: &str| {
        load(&format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: p}}\nspec: {{versions: [{versions}]{more}}}\n"
        ))
        .map(|config| config.plugins["p"].clone())
        .map_err(|errors| errors[0].message.clone())
    };
    let one = |place: &str, version: &str| format!("{{version: {version}, digest: '{digest}', {place}}}");
    let spec = check(&one("oci: 'ghcr.io/acme/p:1'", "1.0.0"), ", rollout: Preview").unwrap();
    assert_eq!(spec.rollout, Rollout::Preview);
    assert_eq!(spec.versions[0].oci.as_ref().unwrap().to_string(), "ghcr.io/acme/p:1");
    for (versions, more, says) in [
        (one("", "1.0.0"), "", "give one of `file` and `oci`"),
        (
            one("file: a, oci: 'h.test/a'", "1.0.0"),
            "",
            "give one of `file` and `oci`",
        ),
        (one("oci: acme/p", "1.0.0"), "", "spec.versions[0].oci"),
        (
            format!("{}, {}", one("file: a", "1.0.0"), one("file: b", "1.0.0")),
            "",
            "spec.versions[1]: `1.0.0` stands there twice",
        ),
        (
            one("file: a", "1.0.0"),
            ", registry: {pullSecret: {name: s}}",
            "needs a cluster",
        ),
        (one("file: a", "1.0.0"), ", rollout: Later", "unknown variant `Later`"),
    ] {
        let error = check(&versions, more).unwrap_err();
        assert!(error.contains(says), "{versions}{more}: {error}");
    }
}

#[test]
fn validators_are_named_once_or_left_to_the_default() {
    let with = |plugins: &str| GOOD.replace("  interval: 30s\n", &format!("  interval: 30s\n  plugins: {plugins}\n"));
    let validators = |plugins: &str| {
        let config = load(&with(plugins)).unwrap();
        config.repositories["shop"].plugins.validators.clone()
    };
    assert_eq!(load(GOOD).unwrap().repositories["shop"].plugins.validators, None);
    assert_eq!(validators("{validators: []}"), Some(Vec::new()));
    let named = validators("{validators: [{name: schema, version: '1', config: {strict: true}}]}").unwrap();
    assert_eq!(
        (named[0].choice().version.as_deref(), &named[0].config["strict"]),
        (Some("1"), &Value::Bool(true))
    );
    let twice = errors(&with("{validators: [{name: a}, {name: a}]}"));
    assert!(
        twice[0].starts_with("8:") && twice[0].contains("`a` stands there twice"),
        "{twice:?}"
    );
    assert!(errors(&with("{validator: []}"))[0].contains("unknown field `validator`"));
}

#[test]
fn more_mistakes_than_anybody_reads_are_told_at_their_lines() {
    let text = "---\napiVersion: windlass.dev/v1alpha1\nkind: Nothing\n".repeat(5_000);
    let errors = load(&text).unwrap_err();
    assert_eq!((errors.len(), errors[0].line, errors[99].line), (100, 3, 300));
}

#[test]
fn an_operator_sets_a_plugins_time() {
    let text = |limits: &str| {
        format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: p}}\nspec:\n  limits: {limits}\n  versions: [{{version: 1.0.0, file: p.wasm, digest: 'sha256:{}'}}]\n",
            "0".repeat(64)
        )
    };
    let config = load(&text("{time: 2m}")).unwrap();
    assert_eq!(
        config.plugins["p"].limits.time,
        Some(std::time::Duration::from_secs(120))
    );
    assert_eq!(load(&text("{}")).unwrap().plugins["p"].limits.time, None);
    let errors = load(&text("{time: soon}")).unwrap_err();
    assert!(
        errors[0].message.contains("`soon` is no interval") && errors[0].line == 5,
        "{errors:?}"
    );
}

#[test]
fn a_repository_says_one_thing_only() {
    for (git, more, part) in [
        ("ref: {branch: main, tag: v1}", "", "/ref: give one of"),
        ("ref: {semver: newest}", "", "`newest` is no range"),
        ("ref: {tag: v1}, onForcedPush: Hold", "", "is about branches"),
        (
            "ref: {}",
            "auth: {username: a}",
            "spec.auth: give `username` and `passwordFile` together",
        ),
        (
            "ref: {}",
            "auth: {sshKeyFile: k}",
            "spec.auth: give `sshKeyFile` and `knownHostsFile`",
        ),
        (
            "ref: {}",
            "auth: {tokenFile: t, sshKeyFile: k, knownHostsFile: h}",
            "spec.auth: give one of",
        ),
        (
            "ref: {}",
            "auth: {clientKeyFile: k}",
            "spec.auth: give `clientCertificateFile` and `clientKeyFile`",
        ),
        ("ref: {}", "auth: {}", "spec.auth: give one of"),
        (
            "ref: {}",
            "proxy: {url: 'http://p:1', username: a}",
            "spec.proxy: give `username` and `passwordFile`",
        ),
        ("ref: {}", "maxSize: 12", "`12` is no size"),
    ] {
        let git = format!("git: {{url: 'https://git.test/shop.git', {git}}}");
        let text = GOOD.replace("git: {url: 'https://git.test/shop.git', ref: {branch: main}}", &git);
        let found = errors(&text.replace("interval: 30s", &format!("interval: 30s\n  {more}")));
        let part = part.trim_start_matches('/');
        assert!(found[0].contains(part), "{part}: {found:?}");
    }
}

#[test]
fn credentials_go_together_with_a_certificate() {
    let more = "interval: 30s\n  auth: {tokenFile: t, clientCertificateFile: c, clientKeyFile: k}\n  proxy: {url: 'http://p:1', noProxy: [example.org]}\n  maxSize: 4Gi";
    let config = load(&GOOD.replace("interval: 30s", more)).unwrap();
    let spec = &config.repositories["shop"];
    assert_eq!(spec.max_size, Some(4 << 30));
    assert_eq!(spec.proxy.as_ref().unwrap().no_proxy, ["example.org"]);
}

#[test]
fn a_plugin_says_where_its_requests_may_go() {
    let text = |http: &str| {
        format!(
            "apiVersion: windlass.dev/v1alpha1\nkind: Plugin\nmetadata: {{name: webhook}}\nspec:\n  grants: [http]\n  http: {http}\n  versions:\n  - {{version: 1.0.0, file: a.wasm, digest: 'sha256:{}'}}\n",
            "0".repeat(64)
        )
    };
    let spec = load(&text(
        "{private: [10.0.0.0/8, hooks.internal], plain: [hooks.internal]}",
    ))
    .unwrap();
    let reach = &spec.plugins["webhook"].http;
    assert_eq!((reach.private.len(), reach.plain.len()), (2, 1));
    for (http, word) in [
        (
            "{private: [hooks.internal, 10.0.0.1/8]}",
            "spec.http.private[1]: `10.0.0.1/8` is neither a host name nor a network",
        ),
        (
            "{private: ['https://a.test']}",
            "spec.http.private[0]: `https://a.test` is neither",
        ),
        ("{privat: []}", "unknown field `privat`"),
    ] {
        let found = errors(&text(http));
        assert!(found[0].starts_with("6:") && found[0].contains(word), "{found:?}");
    }
}
