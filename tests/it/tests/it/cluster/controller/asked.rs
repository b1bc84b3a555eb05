//! Verbs that ask the cluster: as somebody with the role `edit` of one namespace, over a controller that runs.

use std::{fs, os::unix::fs::symlink, path::PathBuf, process::Command};

use serde_json::{Value, json};

use super::{
    super::bed::soon,
    site::{Site, condition},
};
use crate::sandbox::{WINDLASS, config_map};

/// Somebody at a terminal.
struct Person<'s> {
    site: &'s Site,
    kubeconfig: PathBuf,
    program: PathBuf,
}

/// What the program said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl<'s> Person<'s> {
    fn new(site: &'s Site, name: &str, token: &str) -> Self {
        let kubeconfig = site.sandbox.path().join(format!("{name}.conf"));
        fs::write(&kubeconfig, site.kubeconfig(token)).unwrap();
        Self {
            site,
            kubeconfig,
            program: WINDLASS.into(),
        }
    }

    /// Started by kubectl.
    fn through_kubectl(mut self) -> Self {
        self.program = self.site.sandbox.path().join("kubectl-windlass");
        symlink(WINDLASS, &self.program).unwrap();
        self
    }

    fn says(&self, words: &str) -> Said {
        let output = Command::new(&self.program)
            .args(words.split(' '))
            .current_dir(self.site.sandbox.path())
            .env_clear()
            .env("HOME", self.site.sandbox.path().join("nowhere"))
            .env("KUBECONFIG", &self.kubeconfig)
            .output()
            .unwrap();
        Said {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same, and it is done.
    fn does(&self, words: &str) -> Said {
        let said = self.says(words);
        assert_eq!(said.code, Some(0), "{words}: {said:?}");
        said
    }
}

fn map(site: &Site) -> Value {
    let map = site.get("/api/v1/namespaces/shop/configmaps/a").unwrap_or_default();
    map["data"]["value"].clone()
}

#[test]
fn who_may_edit_a_namespace_decides_there() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    let _running = site.run();
    site.repository("shop");
    site.app("shop", "api", &json!({}));
    site.ready("shop", "api");
    let token = site.editor("shop", "ada");
    let ada = Person::new(&site, "ada", &token);

    let table = ada.does("get apps -n shop");
    let rows: Vec<&str> = table.out.lines().collect();
    assert!(rows[0].starts_with("NAME") && rows[0].ends_with("MESSAGE"), "{table:?}");
    assert!(rows[1].starts_with("api") && rows[1].contains("True"), "{table:?}");
    let object: Value = serde_json::from_str(&ada.does("get app api -n shop -o json").out).unwrap();
    assert_eq!(
        (&object["kind"], condition(&object, "Ready").as_str()),
        (&json!("App"), "True")
    );
    assert_eq!(ada.does("get -n shop -o name").out, "app.windlass.dev/api\n");
    let missing = ada.says("get app nothing -n shop");
    assert!(
        missing.code == Some(1) && missing.err.contains("no App `nothing` in namespace `shop`"),
        "{missing:?}"
    );
    let elsewhere = ada.says("get apps -A");
    assert!(
        elsewhere.code == Some(1) && elsewhere.err.contains("shop:ada"),
        "{elsewhere:?}"
    );

    // Two requests in a row, each answered.
    let rests = ada.does("suspend api -n shop --reason incident");
    assert!(rests.out.starts_with("shop/api suspended"), "{rests:?}");
    soon("the status says who", || {
        let app = site.object("apps", "shop", "api").unwrap();
        Ok(app["status"]["hold"]["actor"] == "system:serviceaccount:shop:ada")
    });
    site.commit(&[("api/a.yaml", Some(&config_map("a", "2")))]);
    let looked = ada.does("reconcile api -n shop --with-source");
    assert!(looked.out.starts_with("shop/api suspended at "), "{looked:?}");
    assert_eq!(map(&site), "1");
    let goes_on = ada.does("resume api -n shop");
    assert!(goes_on.out.contains("no longer suspended (incident)"), "{goes_on:?}");
    soon("it goes on", || Ok(map(&site) == "2"));
    soon("the second entry is written", || {
        let app = site.object("apps", "shop", "api").unwrap();
        Ok(app["status"]["applied"]["revision"] == site.head())
    });

    let back = ada.does("rollback api -n shop");
    assert!(back.out.contains("holds at entry 1"), "{back:?}");
    soon("it is as before", || Ok(map(&site) == "1"));
    let not_so = ada.says("rollback api -n shop --to 77");
    assert!(not_so.code == Some(1) && not_so.err.contains("77"), "{not_so:?}");
    ada.does("resume api -n shop");
    soon("git counts again", || Ok(map(&site) == "2"));

    // What the engine answered stands, and nothing of it is written anew by whoever writes the rest.
    let app = site.ready("shop", "api");
    assert!(
        app["status"]["request"]["outcome"]["messages"][0].is_string(),
        "{}",
        app["status"]
    );

    let kubectl = ada.through_kubectl();
    let help = kubectl.does("--help");
    assert!(help.out.contains("kubectl windlass COMMAND"), "{help:?}");
    let mut history = String::new();
    soon("how it does is kept", || {
        history = kubectl.does("history shop/api").out;
        Ok(history.contains("healthy"))
    });
    assert!(history.starts_with("ENTRY"), "{history}");
    let why = kubectl.does("why configmap a -n shop");
    assert!(why.out.contains("shop/api"), "{why:?}");
    let tree = kubectl.does("tree shop/api");
    assert!(
        tree.out.starts_with("App shop/api\n└── ") && tree.out.contains("ConfigMap"),
        "{tree:?}"
    );
    let events = kubectl.does("events shop/api");
    assert!(
        events.err.contains("nothing was told") || events.out.contains("LAST SEEN"),
        "{events:?}"
    );
}

#[test]
fn who_may_not_and_what_is_too_late_is_refused_in_words() {
    let site = Site::new();
    site.commit(&[("api/a.yaml", Some(&config_map("a", "1")))]);
    site.repository("shop");
    site.app("shop", "api", &json!({"sync": {"mode": "Manual"}}));
    let ask = |request: &Value| {
        let patch = json!({"metadata": {"annotations": {"windlass.dev/request": request.to_string()}}});
        let path = "/apis/windlass.dev/v1alpha1/namespaces/shop/apps/api";
        site.person().merge(path, &patch).unwrap();
    };
    // Of a backup, and nobody runs: both wait.
    ask(&json!({"id": "old", "at": "2026-01-01T00:00:00Z", "ask": "suspend", "reason": "x", "actor": "a"}));
    let admin = Person::new(&site, "admin", site.admin());
    let silent = admin.says("suspend shop/api --reason x --context test --timeout 2s");
    assert!(silent.err.contains("context"), "a context that isn't there: {silent:?}");
    let silent = admin.says("suspend api -n shop --reason later --timeout 2s");
    assert!(
        silent.code == Some(4) && silent.err.contains("the request stays"),
        "{silent:?}"
    );
    ask(&json!({"id": "old", "at": "2026-01-01T00:00:00Z", "ask": "suspend", "reason": "x", "actor": "a"}));
    let running = site.run();
    let answer = |id: &str| {
        soon("it is answered", || {
            let app = site.object("apps", "shop", "api").unwrap();
            let request = &app["status"]["request"];
            Ok(request["id"] == id && request["outcome"].is_object())
        });
        site.object("apps", "shop", "api").unwrap()["status"]["request"]["outcome"].clone()
    };
    let old = answer("old");
    assert!(
        old["refusal"].as_str().unwrap().contains("more than an hour ago"),
        "{old}"
    );
    let app = site.object("apps", "shop", "api").unwrap();
    assert_ne!(app["status"]["hold"]["kind"], "Suspended");

    // A plan waits for somebody.
    soon("a plan waits", || {
        let app = site.object("apps", "shop", "api").unwrap();
        Ok(app["status"]["hold"]["plan"].is_string())
    });
    let app = site.object("apps", "shop", "api").unwrap();
    let plan = app["status"]["hold"]["plan"]
        .as_str()
        .unwrap()
        .trim_start_matches("sha256:");
    let nobody = Person::new(&site, "nobody", site.nobody());
    for words in [
        format!("approve api {plan} -n shop"),
        "get apps -n shop".to_owned(),
        "tree api -n shop".to_owned(),
        "history api -n shop".to_owned(),
        "reconcile api -n shop".to_owned(),
    ] {
        let refused = nobody.says(&words);
        assert_eq!(refused.code, Some(1), "{words}: {refused:?}");
        assert!(
            refused.err.contains("nobody") && refused.err.contains("role"),
            "{words}: {refused:?}"
        );
    }
    assert_eq!(map(&site), Value::Null);
    let approved = admin.does(&format!("approve api {plan} -n shop"));
    assert!(approved.out.contains("is approved"), "{approved:?}");
    soon("it is applied", || Ok(map(&site) == "1"));

    // Nothing is done twice by a controller that starts again.
    drop(running);
    let before = site.object("apps", "shop", "api").unwrap()["status"]["request"].clone();
    let running = site.run();
    running.healthy();
    admin.does("suspend api -n shop --reason now");
    drop(running);
    let running = site.run();
    admin.does("resume api -n shop");
    drop(running);
    let running = site.run();
    running.healthy();
    soon("it goes on", || {
        Ok(site.object("apps", "shop", "api").unwrap()["status"]["hold"]["kind"] != "Suspended")
    });
    admin.does("reconcile api -n shop");
    let after = site.object("apps", "shop", "api").unwrap()["status"]["request"].clone();
    assert_ne!(before["id"], after["id"]);
}

#[test]
fn a_cluster_without_windlass_says_so() {
    let site = Site::bare();
    let admin = Person::new(&site, "admin", site.admin());
    for words in ["get apps", "tree api", "reconcile api"] {
        let said = admin.says(words);
        assert!(
            said.code == Some(1) && said.err.contains("isn't installed"),
            "{words}: {said:?}"
        );
    }
    // No state and no cluster: both ways are named.
    let said = admin.says("history api");
    assert!(
        said.code == Some(1) && said.err.contains("--state") && said.err.contains("--context"),
        "{said:?}"
    );
}
