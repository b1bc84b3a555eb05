//! Flux as a peer: its source-controller and kustomize-controller as processes of this machine, on a server of their own.
//!
//! How they are configured, and why that is fair, stands in `tests/bench/README.md`.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use windlass_core::yaml;
use windlass_tests::cluster::{Client, Cluster, eventually};

use super::{
    edits::Editor,
    engine::follow,
    git::GitServer,
    quieten,
    shop::{self, OBJECTS, Shop, Weight},
    traffic::{Requests, Traffic},
};
use crate::{figure::Effort, machine};

/// How it is named in the report.
pub(super) const NAME: &str = "Flux";

/// Where its programs are; set where it is to be measured.
pub(crate) const PROGRAMS: &str = "WINDLASS_FLUX";

/// Reconciles at a time. The default is 4; Flux's own benchmark of the same four objects sets 20.
const CONCURRENT: &str = "--concurrent=20";

/// Of Kustomizations; Flux knows no default. What `flux bootstrap` sets for its own, and what its documentation shows most.
const INTERVAL: Duration = Duration::from_secs(600);
/// In a run that only shows that everything works.
const QUICK_INTERVAL: Duration = Duration::from_secs(20);

/// Edits, and the time between two of them.
const EDITS: usize = 10;
const PAUSE: Duration = Duration::from_secs(15);
const QUICK_PAUSE: Duration = Duration::from_secs(1);

/// Longest that a look at all apps may take: ten times what was seen is an error.
const PATIENCE: Duration = Duration::from_secs(1_500);

/// An interval, its jitter, and a queue of all other apps.
const UNTIL_CORRECTED: Duration = Duration::from_secs(1_200);

const NAMESPACE: &str = "flux-system";
const SOURCE: &str = "shop";
const SOURCES: &str = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories";
const KUSTOMIZATIONS: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations";

const SOURCE_CONTROLLER: &str = "source-controller";
const KUSTOMIZE_CONTROLLER: &str = "kustomize-controller";

/// What a round of it came to. Times and CPU-seconds in seconds, memory in MiB; CPU and memory are those of both controllers.
pub(super) struct Round {
    /// First apply, until every object was there.
    pub(super) lives: f64,
    /// And until every Kustomization had said that it was ready.
    pub(super) ready: f64,
    pub(super) processor: f64,
    pub(super) requests: Requests,
    pub(super) commit: Commit,
    pub(super) resident: f64,
    pub(super) peak: f64,
    /// How long edits lived, in milliseconds; measured in one round.
    pub(super) edits: Vec<f64>,
}

/// A commit that changes one app.
pub(super) struct Commit {
    asked: Instant,
    /// From the asked-for reconcile of the source until the app was ready.
    pub(super) after_request: f64,
    /// The same from the moment that the source's artifact was there.
    pub(super) after_artifact: f64,
    /// From the request until every app had been looked at.
    pub(super) all: f64,
    pub(super) processor: f64,
    pub(super) requests: Requests,
}

/// Whether it is to be measured.
pub(super) fn is_wanted() -> bool {
    programs().is_some()
}

fn programs() -> Option<PathBuf> {
    std::env::var_os(PROGRAMS).map(PathBuf::from)
}

/// One round, on a fresh server. `share` of 0 to 1: which app the commit changes, so that rounds meet different places of the queue.
pub(super) fn measure(effort: Effort, apps: usize, share: f64, with_edits: bool) -> Round {
    let cluster = Cluster::start().expect("a cluster");
    let shop = Shop::new(&cluster, "flux", apps, Weight::Light);
    shop.commit_all("first");
    let git = GitServer::start(shop.folder());
    let interval = if effort.is_quick { QUICK_INTERVAL } else { INTERVAL };
    let mut flux = Flux::install(&cluster, &shop, &git.url("repo/.git"), interval);
    let mut traffic = Traffic::of(&cluster, &[SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER]);
    let before = Living::now(&cluster.client());
    let begun = flux.start();
    let lives = flux.until_living(&cluster.client(), &before, apps);
    let ready = flux.until_all_are_at(&shop.revision());
    let processor = flux.processor();
    let requests = traffic.take();
    quieten();
    let commit = flux.commit(&cluster.client(), &shop, share, &mut traffic);
    let edits = if with_edits {
        let (edits, pause) = if effort.is_quick {
            (4, QUICK_PAUSE)
        } else {
            (EDITS, PAUSE)
        };
        let mut editor = Editor::new(&cluster, &shop);
        // Every app is looked at an interval after the commit's turn. Around the middle between the two, edits live neither
        // longer nor shorter than those of people who know nothing of it; only the longest and shortest lives are missing.
        let middle = commit.asked + Duration::from_secs_f64(commit.all / 2.0) + interval / 2;
        let span = pause * u32::try_from(edits).unwrap_or_default();
        thread::sleep((middle - span / 2).saturating_duration_since(Instant::now()));
        editor.edit_now_and_then(edits, pause, UNTIL_CORRECTED)
    } else {
        Vec::new()
    };
    Round {
        lives: (lives - begun).as_secs_f64(),
        ready: (ready - begun).as_secs_f64(),
        processor,
        requests,
        commit,
        resident: flux.memory(machine::resident),
        peak: flux.memory(machine::peak),
        edits,
    }
}

/// The two controllers, and what they said.
struct Flux {
    programs: PathBuf,
    kubeconfig: PathBuf,
    // In memory where there is room, as Flux's documentation advises.
    work: tempfile::TempDir,
    apps: usize,
    controllers: Vec<Controller>,
    sender: Sender<Told>,
    told: Receiver<Told>,
    /// The revision at which each app was ready last, and when.
    ready: BTreeMap<String, (Instant, String)>,
    artifact: Option<Instant>,
}

struct Controller(Child);

impl Drop for Controller {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What matters here of their logs.
enum Told {
    /// A Kustomization is ready at a revision.
    Ready(Instant, String, String),
    /// The source has a new artifact.
    Artifact(Instant),
}

impl Flux {
    /// Everything is declared, and source-controller has fetched: git is not in the time of the first apply.
    fn install(cluster: &Cluster, shop: &Shop, url: &str, interval: Duration) -> Self {
        let (sender, told) = channel();
        let memory = Path::new("/dev/shm");
        let work = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        };
        let mut flux = Self {
            programs: programs().expect("Flux's programs"),
            kubeconfig: cluster.kubeconfig().to_owned(),
            work: work.expect("a folder"),
            apps: shop.apps(),
            controllers: Vec::new(),
            sender,
            told,
            ready: BTreeMap::new(),
            artifact: None,
        };
        let client = cluster.client();
        for controller in [SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER] {
            define(&client, &flux.programs.join(format!("{controller}.crds")));
        }
        eventually(Duration::from_secs(60), "Flux's kinds are served", || {
            let sources = client.send("GET", SOURCES, None)?.status;
            Ok(sources == 200 && client.send("GET", KUSTOMIZATIONS, None)?.status == 200)
        })
        .expect("Flux's kinds");
        client
            .create("/api/v1/namespaces", &json!({"metadata": {"name": NAMESPACE}}))
            .expect("a namespace");
        let spec = json!({"url": url, "ref": {"branch": "main"}, "interval": "1m"});
        client
            .create(SOURCES, &object("source", "GitRepository", SOURCE, &spec))
            .expect("a source");
        let port = free_port();
        let storage = flux.work.path().join("artifacts");
        fs::create_dir(&storage).expect("a folder");
        flux.run(
            SOURCE_CONTROLLER,
            &[
                format!("--storage-path={}", storage.display()),
                format!("--storage-addr={port}"),
                format!("--storage-adv-addr={port}"),
            ],
        );
        let revision = format!("main@sha1:{}", shop.revision());
        eventually(Duration::from_secs(120), "Flux has fetched", || {
            let source = client.get(&format!("{SOURCES}/{SOURCE}"))?;
            Ok(source.pointer("/status/artifact/revision") == Some(&json!(revision)))
        })
        .unwrap_or_else(|problem| panic!("{problem}: {}", flux.said()));
        for index in 0..flux.apps {
            let app = shop::app(index);
            let spec = json!({
                "interval": format!("{}s", interval.as_secs()), "retryInterval": "30s", "timeout": "5m", "prune": true, "wait": true,
                "path": format!("./apps/{app}"),
                "sourceRef": {"kind": "GitRepository", "name": SOURCE},
            });
            client
                .create(KUSTOMIZATIONS, &object("kustomize", "Kustomization", &app, &spec))
                .expect("a Kustomization");
        }
        flux
    }

    /// Starts what applies.
    fn start(&mut self) -> Instant {
        let begun = Instant::now();
        let own = [CONCURRENT, "--requeue-dependency=5s", "--no-remote-bases"].map(str::to_owned);
        self.run(KUSTOMIZE_CONTROLLER, &own);
        begun
    }

    fn run(&mut self, name: &str, arguments: &[String]) {
        let mut command = Command::new(self.programs.join(name));
        command
            .env("KUBECONFIG", &self.kubeconfig)
            .env("RUNTIME_NAMESPACE", NAMESPACE)
            .env("TMPDIR", self.work.path())
            .args([
                "--watch-all-namespaces",
                "--log-level=info",
                "--log-encoding=json",
                "--metrics-addr=0",
                "--health-addr=0",
            ])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(self.log(&format!("{name}.out"))).expect("a file"))
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("a controller starts");
        let log = child.stderr.take().expect("piped");
        let mut keep = File::create(self.log(name)).expect("a file");
        self.controllers.push(Controller(child));
        follow(log, self.sender.clone(), move |at, line| {
            // Only what a failure would be explained by.
            let _ = writeln!(keep, "{line}");
            understand(at, line)
        });
    }

    fn log(&self, name: &str) -> PathBuf {
        self.work.path().join(format!("{name}.log"))
    }

    /// The ends of the logs.
    fn said(&self) -> String {
        let ends = [SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER].map(|name| {
            let text = fs::read_to_string(self.log(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().rev().take(5).collect();
            format!("{name}: {}", lines.join("\n"))
        });
        ends.join("\n")
    }

    /// When so many more objects of each kind were there.
    fn until_living(&mut self, client: &Client, before: &Living, apps: usize) -> Instant {
        let end = Instant::now() + PATIENCE;
        while !Living::now(client).has_grown_by(before, apps) {
            assert!(Instant::now() < end, "not all objects came: {}", self.said());
            thread::sleep(Duration::from_millis(250));
        }
        Instant::now()
    }

    fn until_all_are_at(&mut self, revision: &str) -> Instant {
        let wanted = format!("main@sha1:{revision}");
        self.until(|flux| {
            let at = flux.ready.values().filter(|(_, revision)| *revision == wanted);
            let times: Vec<Instant> = at.map(|(at, _)| *at).collect();
            (times.len() == flux.apps).then(|| times.into_iter().max()).flatten()
        })
    }

    /// Commits a change of one app, asks for it, and waits until every app was looked at.
    fn commit(&mut self, client: &Client, shop: &Shop, share: f64, traffic: &mut Traffic) -> Commit {
        let index = (self.apps as f64 * share) as usize;
        traffic.take();
        shop.commit_one(index, "one");
        let (revision, before) = (shop.revision(), self.processor());
        let wanted = format!("main@sha1:{revision}");
        while let Ok(told) = self.told.try_recv() {
            self.take_in(told);
        }
        self.artifact = None;
        let asked = Instant::now();
        let request = json!({"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": revision}}});
        client
            .merge(&format!("{SOURCES}/{SOURCE}"), &request)
            .expect("a request");
        let artifact = self.until(|flux| flux.artifact);
        let app = shop::app(index);
        let ready = self.until(|flux| {
            let (at, revision) = flux.ready.get(&app)?;
            (*revision == wanted).then_some(*at)
        });
        let all = self.until_all_are_at(&revision);
        Commit {
            asked,
            after_request: (ready - asked).as_secs_f64() * 1e3,
            after_artifact: (ready - artifact).as_secs_f64() * 1e3,
            all: (all - asked).as_secs_f64(),
            processor: self.processor() - before,
            requests: traffic.take(),
        }
    }

    fn until(&mut self, mut reached: impl FnMut(&Self) -> Option<Instant>) -> Instant {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = reached(self) {
                return at;
            }
            match self.told.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(told) => self.take_in(told),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{} of {} apps: {}", self.ready.len(), self.apps, self.said())
                }
            }
        }
    }

    fn take_in(&mut self, told: Told) {
        match told {
            Told::Ready(at, app, revision) => {
                // The first time at a revision counts.
                if self.ready.get(&app).is_none_or(|(_, known)| *known != revision) {
                    self.ready.insert(app, (at, revision));
                }
            }
            Told::Artifact(at) => self.artifact = self.artifact.or(Some(at)),
        }
    }

    fn processor(&self) -> f64 {
        let of_one = |controller: &Controller| machine::processor(controller.0.id());
        self.controllers.iter().map(of_one).sum()
    }

    fn memory(&self, of: impl Fn(&str) -> f64) -> f64 {
        let of_one = |controller: &Controller| of(&controller.0.id().to_string());
        self.controllers.iter().map(of_one).sum()
    }
}

/// How many objects of each of the four kinds there are, whoever made them.
struct Living([u64; OBJECTS]);

impl Living {
    fn now(client: &Client) -> Self {
        Self(
            [
                "/api/v1/serviceaccounts",
                "/api/v1/services",
                "/apis/apps/v1/deployments",
                "/apis/networking.k8s.io/v1/ingresses",
            ]
            .map(|list| {
                // One object, and how many remain: cheap for the server that is measured.
                let page = client.get(&format!("{list}?limit=1")).expect("a page");
                let shown = page["items"].as_array().map_or(0, Vec::len) as u64;
                let rest = page.pointer("/metadata/remainingItemCount").and_then(Value::as_u64);
                shown + rest.unwrap_or(0)
            }),
        )
    }

    fn has_grown_by(&self, before: &Self, apps: usize) -> bool {
        self.0
            .iter()
            .zip(before.0)
            .all(|(now, before)| *now >= before + apps as u64)
    }
}

fn object(group: &str, kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": format!("{group}.toolkit.fluxcd.io/v1"), "kind": kind,
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec,
    })
}

/// Makes the definitions of a folder.
fn define(client: &Client, folder: &Path) {
    for file in fs::read_dir(folder).expect("definitions").flatten() {
        let text = fs::read_to_string(file.path()).expect("a definition");
        for document in yaml::parse(&text).expect("YAML") {
            client
                .create(
                    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                    &document.value,
                )
                .expect("a definition");
        }
    }
}

/// An address that nobody listens at now.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}

fn understand(at: Instant, line: &str) -> Option<Told> {
    let line: Value = serde_json::from_str(line).ok()?;
    let said = line["msg"].as_str()?;
    if said.starts_with("stored artifact for ") {
        return Some(Told::Artifact(at));
    }
    if !said.starts_with("Reconciliation finished in ") {
        return None;
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(Told::Ready(at, text(&line["name"])?, text(&line["revision"])?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_tell_what_is_ready_at_which_revision() {
        let line = r#"{"level":"info","ts":"…","msg":"Reconciliation finished in 1.2s, next run in 10m0s",
            "controller":"kustomization","name":"a7","namespace":"flux-system","revision":"main@sha1:ab"}"#;
        let Some(Told::Ready(_, app, revision)) = understand(Instant::now(), line) else {
            panic!("not understood");
        };
        assert_eq!((app.as_str(), revision.as_str()), ("a7", "main@sha1:ab"));
        let line = r#"{"msg":"stored artifact for commit 'change'","name":"shop"}"#;
        assert!(matches!(understand(Instant::now(), line), Some(Told::Artifact(_))));
        assert!(understand(Instant::now(), r#"{"msg":"server-side apply completed"}"#).is_none());
    }
}
