//! Restarts on configuration change, on a real API server: pods are made anew when what they use has changed in git, and never else.

use serde_json::{Value, json};

use super::bed::{Bed, deployment, map, soon};

const ON: &str = "  restart: {mode: OnChange}\n";
const OFF: &str = "  restart: {mode: Off}\n";

/// Uses key `a` of ConfigMap `m` as a variable, the whole of Secret `s` as files, and of ConfigMap `maybe`, if it is there, everything.
fn web() -> Value {
    let mut web = deployment("web", Some(1));
    let pod = &mut web["spec"]["template"]["spec"];
    pod["containers"][0]["env"] = json!([{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "a"}}}]);
    pod["containers"][0]["envFrom"] = json!([{"configMapRef": {"name": "maybe", "optional": true}}]);
    pod["containers"][0]["volumeMounts"] = json!([{"name": "s", "mountPath": "/s"}]);
    pod["volumes"] = json!([{"name": "s", "secret": {"secretName": "s"}}]);
    web
}

fn with_more(value: &str, other: &str) -> Value {
    let mut map = map("m", value);
    map["data"]["other"] = other.into();
    map
}

fn secret(password: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"pw": password}})
}

/// Generation, and the stamp in the template.
fn template(bed: &Bed) -> (u64, Option<String>) {
    let live = bed.live(&bed.deployment_path("web"));
    let stamp = &live["spec"]["template"]["metadata"]["annotations"]["windlass.dev/config-hash"];
    (
        live["metadata"]["generation"].as_u64().unwrap(),
        stamp.as_str().map(str::to_owned),
    )
}

/// Names of the pods that run, once only those of the newest template do.
fn pods(bed: &Bed) -> Vec<String> {
    let path = bed.deployment_path("web");
    soon("it is rolled out", || {
        let live = bed.live(&path);
        let status = &live["status"];
        Ok(status["observedGeneration"] == live["metadata"]["generation"]
            && status["updatedReplicas"] == 1
            && status["replicas"] == 1
            && status["availableReplicas"] == 1)
    });
    let list = bed.live(&format!("/api/v1/namespaces/{}/pods", bed.namespace));
    let pods = list["items"].as_array().cloned().unwrap_or_default();
    let running = pods
        .iter()
        .filter(|pod| pod["metadata"].get("deletionTimestamp").is_none());
    running
        .map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn pods_are_made_anew_when_what_they_use_changes_in_git_and_never_else() {
    let bed = Bed::new("restarts", "");
    bed.commit(&[("web", web()), ("m", with_more("1", "1")), ("s", secret("1"))]);
    bed.synced();
    let first = pods(&bed);
    let begun = template(&bed);
    assert_eq!(begun.1, None);
    // Switched on with a commit that changes what is used: only from then on is anything known.
    bed.configure(bed.server.kubeconfig(), ON);
    assert_eq!(bed.synced().counts("app"), [0, 0, 3, 0, 0]);
    bed.commit(&[("m", with_more("1", "2"))]);
    assert_eq!(bed.synced().counts("app"), [0, 1, 2, 0, 0], "a key that nobody uses");
    assert_eq!(template(&bed), begun);

    bed.commit(&[("m", with_more("2", "2"))]);
    let (code, foreseen) = bed.diff();
    assert_eq!(code, Some(3));
    assert!(foreseen["notes"].to_string().contains("ConfigMap"), "{foreseen}");
    let synced = bed.synced();
    assert_eq!(synced.counts("app"), [0, 2, 1, 0, 0]);
    let note = format!(
        "Deployment.apps {0}/web restarts: ConfigMap {0}/m: a changed",
        bed.namespace
    );
    assert!(synced.report("app")["notes"].to_string().contains(&note), "{synced:?}");
    let (_, stamp) = template(&bed);
    assert!(stamp.is_some());
    let second = pods(&bed);
    assert_ne!(second, first, "its pods are others");
    let after = template(&bed);
    assert_eq!(bed.synced().counts("app"), [0, 0, 3, 0, 0], "and that was it");
    assert_eq!(template(&bed), after);

    // What somebody changed by hand is set back, and nothing restarts.
    bed.edit(&bed.map_path("m"), "kubectl-edit", &json!({"data": {"a": "9"}}));
    assert_eq!(bed.synced().counts("app"), [0, 1, 2, 0, 0]);
    bed.person().delete(&bed.map_path("m")).unwrap();
    assert_eq!(bed.synced().counts("app"), [1, 0, 2, 0, 0]);
    assert_eq!(template(&bed), after);

    // Files of a Secret; its password can't be tried out.
    bed.commit(&[("s", secret("2"))]);
    assert_eq!(bed.synced().counts("app"), [0, 2, 1, 0, 0]);
    let (_, of_secret) = template(&bed);
    assert!(of_secret.is_some() && of_secret != stamp);
    assert_ne!(pods(&bed), second);

    // Off, and on again: what changed meanwhile is the baseline.
    let before = template(&bed);
    bed.configure(bed.server.kubeconfig(), OFF);
    bed.commit(&[("m", with_more("3", "3"))]);
    assert_eq!(bed.synced().counts("app"), [0, 1, 2, 0, 0]);
    bed.configure(bed.server.kubeconfig(), ON);
    assert_eq!(bed.synced().counts("app"), [0, 0, 3, 0, 0]);
    assert_eq!(template(&bed), before);
    bed.commit(&[("m", with_more("4", "4"))]);
    bed.synced();
    assert_ne!(template(&bed).1, before.1);
}

#[test]
fn the_pods_that_are_made_anew_find_what_changed() {
    let bed = Bed::new("restarts-order", ON);
    let maybe = |value: &str| map("maybe", value);
    bed.commit(&[("web", web()), ("m", map("m", "1")), ("s", secret("1"))]);
    bed.synced();
    let begun = template(&bed);
    // It enters the render: what lived under its name before isn't known.
    bed.commit(&[("maybe", maybe("1"))]);
    assert_eq!(bed.synced().counts("app"), [1, 0, 3, 0, 0]);
    assert_eq!(template(&bed), begun);
    // Optional or not, it is written before the workload that restarts for it.
    bed.commit(&[("maybe", maybe("2"))]);
    let mut audit = bed.server.audit().unwrap();
    assert_eq!(bed.synced().counts("app"), [0, 2, 2, 0, 0]);
    let requests = audit.requests().unwrap();
    let writes = requests.iter().filter(|request| {
        request.verb == "patch" && request.namespace == bed.namespace && request.agent.starts_with("windlass/")
    });
    let written: Vec<&str> = writes.map(|request| request.name.as_str()).collect();
    assert_eq!(written, ["maybe", "web"]);
    // An object whose content is left to others restarts nothing.
    bed.configure(
        bed.server.kubeconfig(),
        &format!("{ON}  ignore: [{{kind: ConfigMap, name: maybe, fields: [/data/a]}}]\n"),
    );
    bed.synced();
    let before = template(&bed);
    bed.commit(&[("maybe", maybe("3"))]);
    bed.synced();
    assert_eq!(template(&bed), before);
}
