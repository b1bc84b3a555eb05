//! Lock mode on a real API server: who is refused and told where to go, who passes, and that the engine goes on.

mod site;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use windlass_tests::cluster::{Answer, Client};

use super::bed::{deployment, map, soon};
use site::{ONCALL, Site, merge, post, said, send};

/// Method, path, media type and body of everything that changes ConfigMap `m`, or would take the lock off it.
fn attempts(site: &Site) -> Vec<(&'static str, &'static str, String, &'static str, Value)> {
    const MERGE: &str = "application/merge-patch+json";
    const APPLY: &str = "application/apply-patch+yaml";
    let (m, id, namespace) = (site.map("m"), site.installation(), &site.namespace);
    let live = site.live(&m);
    let manager = live["metadata"]["managedFields"][0]["manager"]
        .as_str()
        .unwrap()
        .replace('/', "%2F");
    let marks =
        json!({"name": "m", "labels": live["metadata"]["labels"], "annotations": live["metadata"]["annotations"]});
    let owner =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "gone", "uid": "00000000-0000-0000-0000-000000000000"});
    let forged = json!({"metadata": {"name": "forged", "labels": {"windlass.dev/installation": id},
        "annotations": {"windlass.dev/owner": format!("{id} {namespace}/web ConfigMap {namespace}/forged")}}});
    let applied = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "2"}});
    let as_engine = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": marks, "data": {"a": "2"}});
    let everything =
        json!({"data": {"a": "2"}, "metadata": {"labels": null, "annotations": null, "managedFields": [{}]}});
    vec![
        (
            "edit",
            "PATCH",
            format!("{m}?fieldManager=kubectl-edit"),
            MERGE,
            json!({"data": {"a": "2"}}),
        ),
        (
            "kubectl's patch",
            "PATCH",
            format!("{m}?fieldManager=kubectl-patch"),
            "application/strategic-merge-patch+json",
            json!({"data": {"a": null}}),
        ),
        (
            "labels off",
            "PATCH",
            m.clone(),
            MERGE,
            json!({"metadata": {"labels": null}}),
        ),
        (
            "another's label",
            "PATCH",
            m.clone(),
            MERGE,
            json!({"metadata": {"labels": {"windlass.dev/installation": "ffffffffffff"}}}),
        ),
        (
            "mark off",
            "PATCH",
            m.clone(),
            MERGE,
            json!({"metadata": {"annotations": null}}),
        ),
        (
            "fields' owners off",
            "PATCH",
            m.clone(),
            MERGE,
            json!({"metadata": {"managedFields": [{}]}}),
        ),
        ("all at once", "PATCH", m.clone(), MERGE, everything),
        (
            "an owner that is gone",
            "PATCH",
            m.clone(),
            MERGE,
            json!({"metadata": {"ownerReferences": [owner]}}),
        ),
        (
            "replace",
            "PUT",
            m.clone(),
            "application/json",
            json!({"metadata": {"name": "m"}, "data": {"a": "2"}}),
        ),
        (
            "apply by force",
            "PATCH",
            format!("{m}?fieldManager=kubectl&force=true"),
            APPLY,
            applied,
        ),
        (
            "apply in the engine's name",
            "PATCH",
            format!("{m}?fieldManager={manager}&force=true"),
            APPLY,
            as_engine,
        ),
        ("delete", "DELETE", m, "application/json", json!({})),
        (
            "delete all",
            "DELETE",
            format!("{}?labelSelector=windlass.dev/installation={id}", site.maps()),
            "application/json",
            json!({}),
        ),
        ("forge", "POST", site.maps(), "application/json", forged),
    ]
}

#[test]
fn people_and_the_tenants_own_account_are_refused_and_told_where_to_go() {
    let site = Site::new("lock", "{mode: Deny}");
    site.commit(&[("m", map("m", "1"))]);
    site.synced();
    site.locked(&site.map("m"));
    let before = site.live(&site.map("m"));
    for (who, client) in [("a person", site.person()), ("the tenant", site.tenant())] {
        for (what, method, path, kind, body) in attempts(&site) {
            let answer = send(&client, method, &path, kind, &body);
            let name = if what == "forge" { "forged" } else { "m" };
            let sentence = site.sentence(&format!("ConfigMap {}/{name}", site.namespace));
            let expected = if what == "forge" {
                // It says nothing of where it would come from.
                format!(
                    "ConfigMap {0}/forged is kept from git: change it in the repository of App {0}/web",
                    site.namespace
                )
            } else {
                sentence
            };
            assert_eq!(answer.status, 403, "{what} by {who}: {}", said(&answer));
            assert!(said(&answer).contains(&expected), "{what} by {who}: {}", said(&answer));
            assert_eq!(site.live(&site.map("m")), before, "{what} by {who}");
        }
    }
    assert!(!site.is_there(&site.map("forged")));
    // Nobody but the engine can show that it is the engine.
    let name = format!("system:serviceaccount:{}:deployer", site.namespace);
    let forger = site
        .tenant()
        .with_header("Impersonate-User", &name)
        .with_header("Impersonate-Extra-windlass.dev%2finstallation", &site.installation());
    let answer = merge(&forger, &site.map("m"), &json!({"data": {"a": "2"}}));
    assert_eq!(answer.status, 403);
    assert!(
        said(&answer).contains("cannot impersonate resource"),
        "{}",
        said(&answer)
    );
}

#[test]
fn what_changes_nothing_of_gits_passes() {
    let site = Site::new("lock-beside", "{mode: Deny}");
    site.commit(&[("m", map("m", "1")), ("d", deployment("d", Some(0)))]);
    site.synced();
    site.locked(&site.map("m"));
    let (m, d, id) = (site.map("m"), site.deployment("d"), site.installation());
    let ok = |what: &str, answer: &Answer| assert!(answer.status < 300, "{what}: {}", said(answer));
    // An operator's finalizer and its notes; a person's are refused.
    let notes = json!({"metadata": {"annotations": {"x.test/by": "operator"}, "finalizers": ["x.test/wait"]}});
    assert_eq!(merge(&site.person(), &m, &notes).status, 403);
    ok("an operator adds", &merge(&site.tenant(), &m, &notes));
    ok(
        "and takes away",
        &merge(
            &site.tenant(),
            &m,
            &json!({"metadata": {"annotations": {"x.test/by": null}, "finalizers": null}}),
        ),
    );
    // With it, and something of git's: refused.
    let both = json!({"metadata": {"annotations": {"x.test/by": "operator"}}, "data": {"a": "2"}});
    assert_eq!(merge(&site.tenant(), &m, &both).status, 403);
    ok(
        "status",
        &merge(
            &site.person(),
            &format!("{d}/status"),
            &json!({"status": {"observedGeneration": 1}}),
        ),
    );
    ok(
        "a dry run",
        &merge(&site.person(), &format!("{m}?dryRun=All"), &json!({"data": {"a": "2"}})),
    );
    // What copies labels and annotations to its children makes no locked ones.
    let live = site.live(&m);
    let child = json!({"metadata": {"name": "child", "labels": live["metadata"]["labels"], "annotations": live["metadata"]["annotations"]}});
    ok("a child", &post(&site.person(), &site.maps(), &child));
    ok(
        "its change",
        &merge(&site.person(), &site.map("child"), &json!({"data": {"a": "2"}})),
    );
    ok(
        "its end",
        &site.person().send("DELETE", &site.map("child"), None).unwrap(),
    );
    ok(
        "somebody's own",
        &post(&site.person(), &site.maps(), &json!({"metadata": {"name": "own"}})),
    );
    assert_eq!(live["metadata"]["labels"]["windlass.dev/installation"], id);
}

#[test]
fn what_git_only_makes_is_left_to_others_and_nobody_else_can_have_it_so() {
    let site = Site::new("lock-made", "{mode: Deny, scope: Strict}");
    let mut made = map("made", "1");
    made["metadata"]["annotations"] = json!({"windlass.dev/apply": "create-only"});
    site.commit(&[("m", map("m", "1")), ("made", made)]);
    site.synced();
    site.locked(&site.map("m"));
    let status = |client: &Client, name: &str, patch: Value| merge(client, &site.map(name), &patch).status;
    assert_eq!(status(&site.tenant(), "made", json!({"data": {"a": "2"}})), 200);
    assert_eq!(status(&site.person(), "made", json!({"data": {"a": "3"}})), 200);
    for patch in [
        json!({"metadata": {"annotations": {"windlass.dev/owner": null}}}),
        json!({"metadata": {"annotations": {"windlass.dev/apply": null}}}),
        json!({"metadata": {"labels": {"windlass.dev/installation": "ffffffffffff"}}}),
    ] {
        assert_eq!(status(&site.person(), "made", patch.clone()), 403, "{patch}");
    }
    assert_eq!(
        site.person().send("DELETE", &site.map("made"), None).unwrap().status,
        403
    );
    // Under `Owned` an account may add annotations: this one counts where git says it.
    site.configure("{mode: Deny}");
    assert!(site.lock("apply", &[]).status.success());
    let note = json!({"metadata": {"annotations": {"windlass.dev/apply": "create-only"}}});
    soon("the other policy is heeded", || {
        Ok(status(&site.tenant(), "m", note.clone()) == 200)
    });
    assert_eq!(status(&site.tenant(), "m", json!({"data": {"a": "2"}})), 403);
    site.synced();
    assert_eq!(site.live(&site.map("made"))["data"]["a"], "3");
}

#[test]
fn the_engine_goes_on_and_says_in_every_object_where_it_comes_from() {
    let site = Site::new("lock-engine", &format!("{{mode: Deny, breakGlass: ['{ONCALL}']}}"));
    site.configure("{}");
    site.commit(&[("m", map("m", "1")), ("n", map("n", "1"))]);
    site.synced();
    let source = |name: &str| {
        site.live(&site.map(name))["metadata"]["annotations"]
            .get("windlass.dev/source")
            .cloned()
    };
    assert_eq!(source("m"), None, "clusters without a lock stay as they are");
    site.configure(&format!("{{mode: Deny, breakGlass: ['{ONCALL}']}}"));
    assert_eq!(site.synced().counts("web"), [0, 2, 0, 0, 0]);
    assert_eq!(
        source("m"),
        Some(format!("file://{}//app", site.sandbox.repo().display()).into())
    );
    site.locked(&site.map("m"));
    assert_eq!(site.synced().counts("web"), [0, 0, 2, 0, 0]);
    site.commit(&[("m", map("m", "2")), ("n", Value::Null), ("o", map("o", "1"))]);
    assert_eq!(site.synced().counts("web"), [1, 1, 0, 1, 0]);
    assert_eq!(site.live(&site.map("m"))["data"]["a"], "2");
    assert!(!site.is_there(&site.map("n")));
    // Drift, as far as there is any.
    assert_eq!(
        merge(&site.oncall(), &site.map("m"), &json!({"data": {"a": "9"}})).status,
        200
    );
    assert_eq!(site.oncall().send("DELETE", &site.map("o"), None).unwrap().status, 200);
    let repaired = site.synced();
    assert_eq!(repaired.counts("web"), [1, 1, 0, 0, 0]);
    assert_eq!(site.live(&site.map("m"))["data"]["a"], "2");
    let diff = site.sandbox.windlass(&["diff", "windlass.yaml"]);
    assert_eq!(diff.status.code(), Some(0), "{diff:?}");
    // An engine that doesn't know of the lock is told what to do.
    site.configure("{}");
    let shut_out = site.sync();
    let told = shut_out.report("web")["diagnostics"].to_string();
    assert_eq!(shut_out.code, Some(1), "{shut_out:?}");
    assert!(
        told.contains("the cluster is locked for this engine") && told.contains("is kept from git"),
        "{told}"
    );
    // Off again: the annotation goes too.
    assert!(site.lock("remove", &[]).status.success());
    soon("the engine may again", || Ok(site.sync().code == Some(0)));
    assert_eq!(source("m"), None);
    soon("the lock is gone", || {
        Ok(merge(
            &site.person(),
            &site.map("m"),
            &json!({"metadata": {"labels": {"by": "hand"}}}),
        )
        .status
            == 200)
    });
}

#[test]
fn an_emergency_is_noted_in_the_audit_log() {
    let site = Site::new("lock-glass", &format!("{{mode: Deny, breakGlass: ['{ONCALL}']}}"));
    site.commit(&[("m", map("m", "1"))]);
    site.synced();
    site.locked(&site.map("m"));
    let refused = said(&merge(&site.person(), &site.map("m"), &json!({"data": {"a": "2"}})));
    let sentence = site.sentence(&format!("ConfigMap {}/m", site.namespace));
    assert!(
        refused.contains(&format!(
            "{sentence}; in an emergency as a member of {ONCALL}, which is noted"
        )),
        "{refused}"
    );
    let mut audit = site.server.audit().unwrap();
    assert_eq!(
        merge(&site.oncall(), &site.map("m"), &json!({"data": {"a": "2"}})).status,
        200
    );
    assert_eq!(
        merge(&site.person(), &site.map("m"), &json!({"data": {"a": "3"}})).status,
        403
    );
    site.synced();
    let noted = format!("windlass-lock-{}/break-glass", site.installation());
    let requests = audit.requests().unwrap();
    let patches = requests
        .iter()
        .filter(|request| request.verb == "patch" && request.namespace == site.namespace);
    let patches: Vec<(Option<&str>, u16, Option<&String>)> = patches
        .map(|request| {
            (
                request.impersonated.as_deref(),
                request.status,
                request.annotations.get(&noted),
            )
        })
        .collect();
    let deployer = format!("system:serviceaccount:{}:deployer", site.namespace);
    let note = format!("bob UPDATE ConfigMap {0}/m of App {0}/web", site.namespace);
    assert_eq!(patches[0], (Some("bob"), 200, Some(&note)));
    assert_eq!(patches[1], (Some("alice"), 403, None));
    assert!(
        patches[2..]
            .iter()
            .all(|(who, _, note)| *who == Some(deployer.as_str()) && note.is_none()),
        "{patches:?}"
    );
}

#[test]
fn controllers_autoscalers_the_collector_and_the_end_of_a_namespace_pass() {
    let site = Site::new("lock-controllers", "{mode: Deny}");
    site.commit(&[("d", deployment("d", None)), ("m", map("m", "1"))]);
    site.synced();
    site.locked(&site.map("m"));
    let d = site.deployment("d");
    let mut next = deployment("d", None);
    next["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:2".into();
    site.commit(&[("d", next)]);
    site.synced();
    soon("it is rolled out, and the controller has noted it", || {
        let live = site.live(&d);
        let revision = &live["metadata"]["annotations"]["deployment.kubernetes.io/revision"];
        Ok(revision == "2" && live["status"]["availableReplicas"] == 1 && live["status"]["updatedReplicas"] == 1)
    });
    let autoscaler = site.acting("system:serviceaccount:kube-system:horizontal-pod-autoscaler");
    for (client, replicas) in [(&autoscaler, 2), (&site.tenant(), 3)] {
        let answer = merge(client, &format!("{d}/scale"), &json!({"spec": {"replicas": replicas}}));
        assert_eq!(answer.status, 200, "{}", said(&answer));
        soon("as many are there", || {
            Ok(site.live(&d)["status"]["availableReplicas"] == replicas)
        });
    }
    // Not through the object itself.
    assert_eq!(merge(&site.person(), &d, &json!({"spec": {"replicas": 1}})).status, 403);
    site.synced();
    assert_eq!(site.live(&d)["spec"]["replicas"], 3);
    site.commit(&[("d", Value::Null)]);
    assert_eq!(site.synced().counts("web"), [0, 0, 1, 1, 0]);
    let pods = format!("/api/v1/namespaces/{}/pods", site.namespace);
    soon("its pods are collected", || {
        Ok(site.live(&pods)["items"].as_array().is_some_and(Vec::is_empty))
    });
    let namespace = format!("/api/v1/namespaces/{}", site.namespace);
    assert_eq!(site.person().send("DELETE", &namespace, None).unwrap().status, 200);
    soon("the namespace is gone with all that was kept in it", || {
        Ok(!site.is_there(&namespace))
    });
}

#[test]
fn replicas_are_locked_where_the_namespace_is_an_apps() {
    let site = Site::new("lock-scale", "{mode: Deny, scale: Deny}");
    site.admit_the_deployer();
    let inner = format!("{}-inner", site.namespace);
    let mut d = deployment("d", None);
    d["metadata"]["namespace"] = inner.as_str().into();
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": inner}});
    site.commit(&[
        ("d", d),
        ("ns", namespace),
        ("m", map("m", "1")),
        ("e", deployment("e", None)),
    ]);
    site.synced();
    site.locked(&site.map("m"));
    let scale = |namespace: &str, name: &str| format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale");
    let two = json!({"spec": {"replicas": 2}});
    soon("the second policy is heeded", || {
        Ok(merge(&site.person(), &scale(&inner, "d"), &two).status == 403)
    });
    let refused = said(&merge(&site.tenant(), &scale(&inner, "d"), &two));
    let sentence = format!("replicas of deployments {inner}/d are kept from git, as the namespace is: set them there");
    assert!(refused.contains(&sentence), "{refused}");
    for user in [
        "system:serviceaccount:kube-system:horizontal-pod-autoscaler",
        "system:serviceaccount:keda:keda-operator",
    ] {
        let answer = merge(&site.acting(user), &scale(&inner, "d"), &two);
        assert_eq!(answer.status, 200, "{user}: {}", said(&answer));
    }
    assert_eq!(
        merge(&site.person(), &scale(&site.namespace, "e"), &two).status,
        200,
        "its namespace is nobody's"
    );
    let deleted = site
        .person()
        .send("DELETE", &format!("/api/v1/namespaces/{inner}"), None)
        .unwrap();
    assert!(
        said(&deleted).contains(&site.sentence(&format!("Namespace {inner}"))),
        "{}",
        said(&deleted)
    );
    // What isn't wanted any more goes.
    site.configure("{mode: Deny}");
    assert_eq!(site.lock("status", &[]).status.code(), Some(3));
    assert!(site.lock("apply", &[]).status.success());
    assert_eq!(site.lock("status", &[]).status.code(), Some(0));
    soon("replicas are free", || {
        Ok(merge(&site.person(), &scale(&inner, "d"), &two).status == 200)
    });
}

#[test]
fn what_is_permitted_is_permitted_alone() {
    let site = Site::new(
        "lock-permits",
        "{mode: Deny, scope: Strict, rolloutRestart: Allow, allow: {users: [carol], serviceAccounts: [ops/bot]}}",
    );
    site.admit_the_deployer();
    let group = format!("{}.example.test", site.namespace);
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": format!("widgets.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced", "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"], "clientConfig": {"url": "https://127.0.0.1:1/convert"}}},
        },
    });
    site.commit(&[
        ("m", map("m", "1")),
        ("d", deployment("d", Some(1))),
        ("crd", definition),
    ]);
    site.synced();
    site.locked(&site.map("m"));
    let status = |client: &Client, path: &str, patch: Value| merge(client, path, &patch).status;
    let (d, crd) = (
        site.deployment("d"),
        format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}"),
    );
    // As `kubectl rollout restart` does.
    let restart = |more: Value| {
        let mut patch = json!({"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}});
        merge_into(&mut patch, &more);
        patch
    };
    assert_eq!(status(&site.person(), &d, restart(json!({}))), 200);
    for more in [
        json!({"spec": {"replicas": 2}}),
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}),
        json!({"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}),
        json!({"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}}),
    ] {
        assert_eq!(status(&site.person(), &d, restart(more.clone())), 403, "{more}");
    }
    site.synced();
    let template = &site.live(&d)["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(
        template["kubectl.kubernetes.io/restartedAt"], "2026-01-01T00:00:00Z",
        "it is left as it is"
    );
    // Under `Strict` service accounts add nothing either, but those that are named.
    let note = json!({"metadata": {"annotations": {"x.test/by": "operator"}}});
    assert_eq!(status(&site.tenant(), &site.map("m"), note.clone()), 403);
    for user in ["carol", "system:serviceaccount:ops:bot"] {
        assert_eq!(status(&site.acting(user), &site.map("m"), note.clone()), 200, "{user}");
    }
    // The authority of a webhook, and no more.
    let authority = |more: Value| {
        let bundle = BASE64_STANDARD.encode(site.server.authority());
        let mut patch = json!({"spec": {"conversion": {"webhook": {"clientConfig": {"caBundle": bundle}}}}});
        merge_into(&mut patch, &more);
        patch
    };
    let injector = site.acting("system:serviceaccount:cert-manager:cert-manager-cainjector");
    let elsewhere =
        json!({"spec": {"conversion": {"webhook": {"clientConfig": {"url": "https://127.0.0.1:2/convert"}}}}});
    for more in [
        elsewhere,
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"spec": {"names": {"shortNames": ["w"]}}}),
    ] {
        assert_eq!(status(&injector, &crd, authority(more.clone())), 403, "{more}");
    }
    assert_eq!(status(&site.person(), &crd, authority(json!({}))), 403);
    let injected = merge(&injector, &crd, &authority(json!({})));
    assert_eq!(injected.status, 200, "{}", said(&injected));
    assert_eq!(status(&injector, &site.map("m"), json!({"data": {"a": "2"}})), 403);
}

/// RFC 7396.
fn merge_into(into: &mut Value, patch: &Value) {
    match (into.as_object_mut(), patch.as_object()) {
        (Some(map), Some(patch)) => {
            for (key, value) in patch {
                merge_into(map.entry(key.clone()).or_insert_with(|| json!({})), value);
            }
        }
        _ => *into = patch.clone(),
    }
}

#[test]
fn a_warning_changes_nothing_and_is_noted() {
    let site = Site::new("lock-warn", "{mode: Warn}");
    site.commit(&[("m", map("m", "1"))]);
    site.synced();
    assert!(site.lock("apply", &[]).status.success());
    let noted = "validation.policy.admission.k8s.io/validation_failure";
    let mut value = 1;
    soon("the policy is heeded", || {
        value += 1;
        let mut audit = site.server.audit()?;
        let answer = merge(
            &site.person(),
            &site.map("m"),
            &json!({"data": {"a": value.to_string()}}),
        );
        assert_eq!(answer.status, 200, "{}", said(&answer));
        let requests = audit.requests()?;
        let mut patches = requests
            .iter()
            .filter(|request| request.impersonated.as_deref() == Some("alice") && request.namespace == site.namespace);
        let sentence = site.sentence(&format!("ConfigMap {}/m", site.namespace));
        Ok(patches.any(|request| {
            request
                .annotations
                .get(noted)
                .is_some_and(|text| text.contains(&sentence))
        }))
    });
    let mut audit = site.server.audit().unwrap();
    site.synced();
    let requests = audit.requests().unwrap();
    let mut ours = requests
        .iter()
        .filter(|request| request.namespace == site.namespace && request.agent.starts_with("windlass/"));
    assert!(
        ours.all(|request| !request.annotations.contains_key(noted)),
        "the engine is known"
    );
    assert_eq!(site.live(&site.map("m"))["data"]["a"], "1");
}

#[test]
fn a_lock_is_seen_changed_and_removed() {
    let site = Site::new("lock-status", "{mode: Deny}");
    let states = |site: &Site| -> Vec<String> {
        let output = site.lock("status", &["dev", "-o", "json"]);
        let lines = String::from_utf8(output.stdout).unwrap();
        let state = |line: &str| {
            serde_json::from_str::<Value>(line).unwrap()["state"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let mut states: Vec<String> = lines.lines().map(state).collect();
        states.push(output.status.code().unwrap().to_string());
        states
    };
    assert_eq!(states(&site), ["missing", "missing", "3"]);
    assert!(site.lock("apply", &["dev"]).status.success());
    assert_eq!(states(&site), ["installed", "installed", "0"]);
    // Somebody opened it.
    let policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    let policy = format!("{policies}/windlass-lock-{}", site.installation());
    assert_eq!(
        merge(&site.person(), &policy, &json!({"spec": {"failurePolicy": "Ignore"}})).status,
        200
    );
    assert_eq!(states(&site), ["installed", "differs", "3"]);
    assert!(site.lock("apply", &[]).status.success());
    assert_eq!(states(&site), ["installed", "installed", "0"]);
    // The policy as printed is the policy as put there.
    let printed = site.lock("export", &[]);
    let text = String::from_utf8(printed.stdout).unwrap();
    let documents = windlass_core::yaml::parse(&text).unwrap();
    assert_eq!(documents.len(), 2);
    assert_eq!(
        documents[0].value["spec"]["validations"],
        site.live(&policy)["spec"]["validations"]
    );
    assert!(site.lock("remove", &[]).status.success());
    assert_eq!(states(&site), ["missing", "missing", "3"]);
    site.configure("{}");
    for (verb, more, sentence) in [
        ("apply", vec!["dev"], "the lock of Cluster `dev` is off"),
        ("export", vec![], "no Cluster in CONFIG has a lock"),
        ("status", vec!["nowhere"], "there is no Cluster `nowhere`"),
    ] {
        let output = site.lock(verb, &more);
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(sentence), "{verb}: {told}");
    }
}

#[test]
fn an_engine_that_may_not_show_who_it_is_says_what_it_needs() {
    let site = Site::new("lock-rights", "{}");
    let engine = site.server.service_account(&site.namespace, "engine").unwrap();
    let client = site.server.client();
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let grant = |name: &str, rules: Value| {
        let name = format!("{}-{name}", site.namespace);
        let subject = json!({"kind": "ServiceAccount", "namespace": site.namespace, "name": "engine"});
        let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name});
        client
            .create(
                &format!("{rbac}/clusterroles"),
                &json!({"metadata": {"name": name}, "rules": rules}),
            )
            .unwrap();
        let binding = json!({"metadata": {"name": name}, "roleRef": role, "subjects": [subject]});
        client.create(&format!("{rbac}/clusterrolebindings"), &binding).unwrap();
    };
    grant(
        "observes",
        json!([
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["serviceaccounts", "groups"], "verbs": ["impersonate"]},
        ]),
    );
    site.reach_with(&engine);
    site.commit(&[("m", map("m", "1"))]);
    soon("without a lock it needs no more", || Ok(site.sync().code == Some(0)));
    site.configure("{mode: Deny}");
    let rule = "{apiGroups: [authentication.k8s.io], resources: [\"userextras/windlass.dev/installation\"], verbs: [impersonate]}";
    site.commit(&[("m", map("m", "2"))]);
    let refused = site.sync();
    let told = refused.report("web")["diagnostics"].to_string();
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(told.contains(&rule.replace('"', "\\\"")), "{told}");
    let output = site.lock("apply", &[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("the lock would shut the engine out") && told.contains(rule),
        "{told}"
    );
    grant(
        "passes",
        json!([{"apiGroups": ["authentication.k8s.io"], "resources": ["userextras/windlass.dev/installation"], "verbs": ["impersonate"]}]),
    );
    soon("with the right it goes on", || Ok(site.sync().code == Some(0)));
    assert_eq!(site.live(&site.map("m"))["data"]["a"], "2");
    let output = site.lock("apply", &[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("validatingadmissionpolicies") && told.contains("windlass lock export"),
        "{told}"
    );
}

#[test]
fn a_person_with_kubectl_is_told() {
    let site = Site::new("lock-kubectl", "{mode: Deny, rolloutRestart: Allow}");
    site.commit(&[("m", map("m", "1")), ("d", deployment("d", Some(1)))]);
    site.synced();
    site.locked(&site.map("m"));
    let file = site.sandbox.path().join("by-hand.yaml");
    let mut by_hand = map("m", "2");
    by_hand["metadata"]["namespace"] = site.namespace.as_str().into();
    std::fs::write(&file, by_hand.to_string()).unwrap();
    let file = file.to_str().unwrap();
    let m = site.sentence(&format!("ConfigMap {}/m", site.namespace));
    let d = site.sentence(&format!("Deployment.apps {}/d", site.namespace));
    for (args, told) in [
        (vec!["apply", "-f", file], Some(&m)),
        (
            vec!["apply", "--server-side", "--force-conflicts", "-f", file],
            Some(&m),
        ),
        (vec!["replace", "-f", file], Some(&m)),
        (vec!["label", "configmap", "m", "windlass.dev/installation-"], Some(&m)),
        (vec!["annotate", "configmap", "m", "windlass.dev/owner-"], Some(&m)),
        (vec!["delete", "configmap", "m"], Some(&m)),
        (vec!["delete", "configmap", "--all"], Some(&m)),
        (vec!["set", "image", "deployment/d", "app=nginx:9"], Some(&d)),
        (vec!["rollout", "undo", "deployment/d"], None),
        (vec!["diff", "-f", file], None),
        (vec!["rollout", "restart", "deployment/d"], None),
        (vec!["get", "configmap", "m"], None),
    ] {
        // The same requests are made without kubectl above.
        let Some(output) = site.kubectl("alice", &args) else {
            return;
        };
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        match told {
            Some(sentence) => assert!(
                !output.status.success() && said.contains(sentence.as_str()),
                "{args:?}: {said}"
            ),
            None => assert!(!said.contains("is kept from git"), "{args:?}: {said}"),
        }
    }
    assert_eq!(site.live(&site.map("m"))["data"]["a"], "1");
    let restarted = &site.live(&site.deployment("d"))["spec"]["template"]["metadata"]["annotations"];
    assert!(
        restarted["kubectl.kubernetes.io/restartedAt"].is_string(),
        "{restarted}"
    );
}
