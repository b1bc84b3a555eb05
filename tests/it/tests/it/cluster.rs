//! The API server that other tests rely on (`windlass_tests::cluster`): that it is a real one, and that nothing is left of it.

mod faults;

// What is under test upon it: `windlass_cluster`.
mod subject;
mod identities;
mod kinds;
mod applies;
mod adoption;
mod refusals;
mod deletes;
mod follows;
mod outages;
mod projection;
mod health;

// Windlass' own kinds upon it.
mod crds;
mod install;

// The program (`windlass`) upon it.
pub(crate) mod bed;
mod previews;
mod rules;
mod drift;
mod lock;
mod restarts;
mod foreign;
mod hooks;

// The engine over objects of it: `windlass controller`.
mod controller;

// The loop upon it: `windlass sync`.
mod ownership;
mod waits;
mod depends;
mod tells;
mod checkers;
mod rollback;

use std::{
    io::{self, BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use windlass_tests::cluster::{Audit, Cluster, Problem, Process, User, by_verb, eventually};

/// For what takes a fraction of a second on a quiet machine.
const SOON: Duration = Duration::from_secs(60);

#[test]
fn it_is_the_real_one_with_access_control() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("access").unwrap();
    let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    let status =
        |token: Option<&str>, target: &str| cluster.client_with(token).send("GET", target, None).unwrap().status;
    let version = cluster.client().get("/version").unwrap();
    assert_eq!(version["gitVersion"], cluster.version());
    assert_eq!(status(None, "/readyz"), 200);
    assert_eq!(status(Some(cluster.token(User::Admin)), &maps), 200);
    assert_eq!(status(Some(cluster.token(User::Nobody)), &maps), 403);
    assert_eq!(status(None, &maps), 403, "anonymous");
    assert_eq!(status(Some("made-up"), &maps), 401);
    let account = cluster.service_account(&namespace, "deployer").unwrap();
    assert_eq!(status(Some(&account), &maps), 200);
    assert_eq!(status(Some(&account), "/api/v1/namespaces/default/configmaps"), 403);
}

fn deployment(image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

#[test]
fn a_deployment_becomes_available_and_its_pods_go_with_it() {
    let cluster = Cluster::shared();
    let client = cluster.client();
    let namespace = cluster.namespace("pods").unwrap();
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/web");
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let replicas =
        |field: &str| -> Result<u64, Problem> { Ok(client.get(&path)?["status"][field].as_u64().unwrap_or_default()) };
    let count = || {
        client
            .get(&pods)
            .map(|list| list["items"].as_array().map_or(0, Vec::len))
    };
    client.apply(&path, "test", &deployment("nginx:1")).unwrap();
    eventually(SOON, "2 available", || Ok(replicas("availableReplicas")? == 2)).unwrap();
    client
        .apply(&path, "test", &deployment("missing.invalid/nginx:2"))
        .unwrap();
    eventually(SOON, "1 updated", || Ok(replicas("updatedReplicas")? == 1)).unwrap();
    eventually(SOON, "an image that can't be pulled", || {
        let list = client.get(&pods)?;
        Ok(list.to_string().contains("ImagePullBackOff"))
    })
    .unwrap();
    assert_eq!(replicas("availableReplicas").unwrap(), 2, "the update waits");
    client.delete(&path).unwrap();
    eventually(SOON, "no pod is left", || Ok(count()? == 0)).unwrap();
}

#[test]
fn a_job_completes_and_a_namespace_goes() {
    let cluster = Cluster::shared();
    let client = cluster.client();
    let namespace = cluster.namespace("job").unwrap();
    let job = json!({"metadata": {"name": "once"}, "spec": {"template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "once", "image": "busybox"}],
    }}}});
    let jobs = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
    client.create(&jobs, &job).unwrap();
    eventually(SOON, "the job has succeeded", || {
        Ok(client.get(&format!("{jobs}/once"))?["status"]["succeeded"] == 1)
    })
    .unwrap();
    let path = format!("/api/v1/namespaces/{namespace}");
    client.delete(&path).unwrap();
    eventually(SOON, "the namespace is gone", || {
        Ok(client.send("GET", &path, None)?.status == 404)
    })
    .unwrap();
}

#[test]
fn requests_are_counted_by_verb() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("audit").unwrap();
    let maps = format!("/api/v1/namespaces/{namespace}/configmaps");
    let client = cluster.client();
    let mut audit = cluster.audit().unwrap();
    client
        .create(&maps, &json!({"metadata": {"name": "a"}, "data": {"k": "v"}}))
        .unwrap();
    client
        .merge(&format!("{maps}/a"), &json!({"data": {"k": "w"}}))
        .unwrap();
    client.get(&maps).unwrap();
    client.get(&format!("{maps}/a")).unwrap();
    let mut watch = client
        .open(&format!("{maps}?watch=1&fieldSelector=metadata.name=a"))
        .unwrap();
    assert_eq!(watch.event().unwrap().unwrap()["object"]["data"]["k"], "w");
    client.delete(&format!("{maps}/a")).unwrap();
    assert_eq!(watch.event().unwrap().unwrap()["type"], "DELETED");
    drop(watch);
    let mine = |audit: &mut Audit| {
        let mut requests = audit.requests().unwrap();
        requests.retain(|request| request.namespace == namespace && request.user == "admin");
        by_verb(&requests).into_iter().collect::<Vec<_>>()
    };
    let once = |verb: &str| (format!("{verb} configmaps"), 1);
    let verbs = ["create", "delete", "get", "list", "patch", "watch"];
    assert_eq!(mine(&mut audit), verbs.map(once));
    assert_eq!(mine(&mut audit), []);
}

#[test]
fn two_stand_side_by_side_and_nothing_is_left_of_one() {
    let (first, second) = (Cluster::shared(), Cluster::start().unwrap());
    assert_ne!(first.server(), second.server());
    second
        .client()
        .create("/api/v1/namespaces", &json!({"metadata": {"name": "only-here"}}))
        .unwrap();
    let path = "/api/v1/namespaces/only-here";
    assert_eq!(first.client().send("GET", path, None).unwrap().status, 404);
    assert_eq!(second.client().send("GET", path, None).unwrap().status, 200);
    let token = first.token(User::Admin);
    let stranger = first
        .client_with(Some(token))
        .at(second.server())
        .send("GET", path, None);
    assert!(stranger.is_err(), "each has an authority of its own");
    stale_discovery(&second);
    let (processes, folder) = (second.processes().to_vec(), second.folder().to_owned());
    assert_eq!(processes.len(), 4);
    drop(second);
    nothing_is_left(&processes, &folder);
}

/// An aggregated API without a server is a group that discovery names and can't tell the kinds of.
fn stale_discovery(cluster: &Cluster) {
    cluster.absent_api("metrics.example.org").unwrap();
    let forms = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let client = cluster.client().accepting(forms);
    eventually(SOON, "the group is stale", || {
        let groups = client.get("/apis")?;
        let items = groups["items"].as_array().cloned().unwrap_or_default();
        let group = items
            .iter()
            .find(|group| group["metadata"]["name"] == "metrics.example.org");
        Ok(group.is_some_and(|group| group["versions"][0]["freshness"] == "Stale"))
    })
    .unwrap();
}

fn nothing_is_left(processes: &[Process], folder: &Path) {
    eventually(SOON, "all processes have ended", || {
        Ok(!processes.iter().any(Process::runs))
    })
    .unwrap();
    assert!(!folder.exists(), "{}", folder.display());
}

/// As a test binary holds it, and is killed.
#[test]
fn it_ends_with_an_owner_that_is_killed() {
    let tools = std::env::var_os("WINDLASS_CLUSTER_TOOLS").unwrap();
    let (input, owned) = io::pipe().unwrap();
    // Not for long: a test that fails must not leave it behind.
    let mut owner = Command::new("sleep").arg("120").stdin(owned).spawn().unwrap();
    let mut child = Command::new(Path::new(&tools).join("control-plane"))
        .args(["run", "--tools"])
        .arg(&tools)
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let record: Value = serde_json::from_str(&line).unwrap();
    let processes: Vec<Process> = serde_json::from_value(record["processes"].clone()).unwrap();
    assert!(processes.iter().all(Process::runs));
    owner.kill().unwrap();
    owner.wait().unwrap();
    child.wait().unwrap();
    nothing_is_left(&processes, Path::new(record["folder"].as_str().unwrap()));
}
