//! The program on a real API server: a repository, a configuration with one app, and a namespace of its own.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_tests::cluster::{Client, Cluster as Server, Problem};

use crate::sandbox::{Sandbox, Synced};

/// For what takes a fraction of a second on a quiet machine.
pub(super) const SOON: Duration = Duration::from_secs(60);

pub(super) struct Bed {
    pub(super) sandbox: Sandbox,
    pub(super) server: &'static Server,
    pub(super) namespace: String,
}

impl Bed {
    /// On the server that tests share. `spec`: more lines of the App's spec, indented by two.
    pub(super) fn new(stem: &str, spec: &str) -> Self {
        Self::over(Server::shared(), stem, spec)
    }

    pub(super) fn over(server: &'static Server, stem: &str, spec: &str) -> Self {
        let namespace = server.namespace(stem).unwrap();
        let bed = Self {
            sandbox: Sandbox::new(),
            server,
            namespace,
        };
        bed.configure(server.kubeconfig(), spec);
        bed
    }

    pub(super) fn configure(&self, kubeconfig: &Path, spec: &str) {
        let app = format!(
            "  path: app\n  target: {{cluster: test, namespace: {}}}\n{spec}",
            self.namespace
        );
        let path = self.sandbox.config(&[("app", &app)]);
        let cluster = format!(
            "---\napiVersion: windlass.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: test}}\nspec:\n  kubeconfig: {{file: '{}'}}\n  withoutServiceAccount: ActAsOwn\n",
            kubeconfig.display()
        );
        let text = fs::read_to_string(&path).unwrap() + &cluster;
        fs::write(path, text).unwrap();
    }

    /// Commits objects, a file each; `null` removes one.
    pub(super) fn commit(&self, objects: &[(&str, Value)]) {
        let files: Vec<(String, Option<String>)> = objects
            .iter()
            .map(|(name, object)| {
                let text = (!object.is_null()).then(|| object.to_string());
                (format!("app/{name}.yaml"), text)
            })
            .collect();
        let files: Vec<(&str, Option<&str>)> = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_deref()))
            .collect();
        self.sandbox.commit(&files);
    }

    pub(super) fn sync(&self, more: &[&str]) -> Synced {
        let mut args = vec!["sync", "windlass.yaml", "-o", "json"];
        args.extend(more);
        Synced::of(&self.sandbox.windlass(&args))
    }

    /// In sync, or the report says why not.
    pub(super) fn synced(&self) -> Synced {
        let synced = self.sync(&[]);
        assert_eq!((synced.code, synced.health("app")), (Some(0), "healthy"), "{synced:?}");
        synced
    }

    /// Applied, however its objects do: no controller of autoscalers runs here.
    pub(super) fn applied(&self) -> Synced {
        let applied = self.sync(&["--no-wait"]);
        assert_eq!(applied.code, Some(0), "{applied:?}");
        applied
    }

    /// Exit code and what `diff -o json` says of the app.
    pub(super) fn diff(&self) -> (Option<i32>, Value) {
        self.diff_of(&["windlass.yaml"])
    }

    pub(super) fn diff_of(&self, what: &[&str]) -> (Option<i32>, Value) {
        let mut args = vec!["diff", "-o", "json"];
        args.extend(what);
        let mut command = self.sandbox.command(&args);
        let output = command.env("KUBECONFIG", self.server.kubeconfig()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let apps: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        (output.status.code(), apps[0].clone())
    }

    pub(super) fn person(&self) -> Client {
        self.server.client()
    }

    pub(super) fn map_path(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/configmaps/{name}", self.namespace)
    }

    pub(super) fn deployment_path(&self, name: &str) -> String {
        format!("/apis/apps/v1/namespaces/{}/deployments/{name}", self.namespace)
    }

    pub(super) fn live(&self, path: &str) -> Value {
        self.person().get(path).unwrap()
    }

    pub(super) fn is_there(&self, path: &str) -> bool {
        self.person().send("GET", path, None).unwrap().status == 200
    }

    /// As that manager.
    pub(super) fn edit(&self, path: &str, manager: &str, patch: &Value) -> Value {
        self.person()
            .merge(&format!("{path}?fieldManager={manager}"), patch)
            .unwrap()
    }

    /// `windlass run`, ended when dropped.
    pub(super) fn run(&self) -> Running {
        Running::start(self.sandbox.command(&["run", "windlass.yaml", "-o", "json"]))
    }
}

pub(super) fn map(name: &str, value: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}})
}

pub(super) fn deployment(name: &str, replicas: Option<u32>) -> Value {
    let pod =
        json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": "nginx:1"}]}});
    let mut spec = json!({"selector": {"matchLabels": {"app": name}}, "template": pod});
    if let Some(replicas) = replicas {
        spec["replicas"] = replicas.into();
    }
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec})
}

/// A loop under way.
pub(crate) struct Running {
    child: Child,
    reports: Receiver<Value>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stderr(Stdio::null());
        Self::heard(command)
    }

    /// Its errors go where the command says.
    pub(crate) fn heard(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, reports) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                    return;
                }
            }
        });
        Self { child, reports }
    }

    /// The next report that is as asked for.
    pub(crate) fn report(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + SOON;
        let mut last = Value::Null;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let Ok(report) = self.reports.recv_timeout(left) else {
                break;
            };
            if is_it(&report) {
                return report;
            }
            last = report;
        }
        panic!("no report within {SOON:?}: {what}; the last one: {last}");
    }

    /// The first report of an app in sync.
    pub(super) fn healthy(&self) -> Value {
        self.report("in sync", |report| report["health"] == "healthy")
    }

    /// Told to end, as supervisors do: how long it took.
    pub(crate) fn terminated(mut self) -> Duration {
        let begun = Instant::now();
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap();
        begun.elapsed()
    }

    /// Stops, and goes on as if nothing had been.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// All that came since.
    pub(crate) fn reports(&self) -> Vec<Value> {
        self.reports.try_iter().collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks every few milliseconds, and says how long it took.
pub(super) fn soon(what: &str, mut ask: impl FnMut() -> Result<bool, Problem>) -> Duration {
    let begun = Instant::now();
    while !ask().unwrap() {
        assert!(begun.elapsed() < SOON, "not within {SOON:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
    begun.elapsed()
}
