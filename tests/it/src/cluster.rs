//! A real Kubernetes API server for tests: etcd, kube-apiserver, kube-controller-manager and a played node
//! (`tests/cluster/README.md`), which end with the process that started them, however it ends.
//!
//! [`Client`] is the test's own eye, not the code under test. [`Proxy`] stands before the server and spoils what it is told to.

mod record;
mod kubeconfig;
mod client;
mod session;
mod http;
mod audit;
pub mod proxy;

use std::{
    fmt, fs,
    io::{BufRead as _, BufReader, Read as _, Seek as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustls::ClientConfig;
use serde_json::json;

pub use audit::{Audit, Request, by_verb};
use client::trusting;
pub use client::{Answer, Client, Content, Stream};
pub use proxy::Proxy;
pub use record::Process;
use record::Record;
pub use session::Session;

/// Why a cluster or its client can't go on; never what a test is about.
pub type Problem = Box<dyn std::error::Error + Send + Sync>;

/// The folder with the programs of a control plane, which `cargo x test` and `cargo x cluster up` build.
const TOOLS: &str = "WINDLASS_CLUSTER_TOOLS";

/// Between two looks at something that is to come.
const LOOK: Duration = Duration::from_millis(20);

/// A running control plane; it ends with this value, and with this process.
pub struct Cluster {
    record: Record,
    authority: String,
    tls: Arc<ClientConfig>,
    namespaces: AtomicU64,
    // Its standard input is held open: the end of that is the end of the cluster.
    child: Child,
}

/// Who asks the API server, when it isn't a service account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Of the group `system:masters`.
    Admin,
    /// Authenticated, without any right of its own.
    Nobody,
}

impl Cluster {
    /// Starts one, and returns when pods can be made: some seconds.
    ///
    /// # Errors
    /// When the programs aren't built, or one of them ends; with what it said.
    pub fn start() -> Result<Self, Problem> {
        let tools = std::env::var_os(TOOLS)
            .ok_or("WINDLASS_CLUSTER_TOOLS names no folder of servers: run `cargo x test`, which builds them")?;
        let mut said = tempfile::tempfile()?;
        let mut child = Command::new(Path::new(&tools).join("control-plane"))
            .args(["run", "--audit", "--tools"])
            .arg(&tools)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said.try_clone()?)
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        if line.is_empty() {
            child.wait()?;
            let mut text = String::new();
            said.rewind()?;
            said.read_to_string(&mut text)?;
            return Err(format!("the control plane did not start: {text}").into());
        }
        let record: Record = serde_json::from_str(&line)?;
        let authority = fs::read_to_string(&record.authority)?;
        Ok(Self {
            tls: trusting(&authority)?,
            authority,
            record,
            namespaces: AtomicU64::new(0),
            child,
        })
    }

    /// The one of this process, started at the first call. Tests that share it keep to namespaces of their own.
    ///
    /// # Panics
    /// When it can't be started.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Cluster> = LazyLock::new(|| match Cluster::start() {
            Ok(cluster) => cluster,
            Err(problem) => panic!("{problem}"),
        });
        &SHARED
    }

    /// Version of Kubernetes.
    pub fn version(&self) -> &str {
        &self.record.version
    }

    /// URL of the API server.
    pub fn server(&self) -> &str {
        &self.record.server
    }

    /// A file: the administrator, by client certificate.
    pub fn kubeconfig(&self) -> &Path {
        &self.record.kubeconfig
    }

    /// Everything of this cluster lies here: logs of the servers, etcd's data.
    pub fn folder(&self) -> &Path {
        &self.record.folder
    }

    /// Who vouches for the server, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// `control-plane`, then the servers.
    pub fn processes(&self) -> &[Process] {
        &self.record.processes
    }

    /// A bearer token.
    pub fn token(&self, user: User) -> &str {
        let name = match user {
            User::Admin => "admin",
            User::Nobody => "nobody",
        };
        self.record.tokens.get(name).map_or("", String::as_str)
    }

    /// The text of a kubeconfig that shows a token, for this server or a [`Proxy`] before it. It names no file.
    pub fn kubeconfig_with(&self, server: &str, token: &str) -> String {
        kubeconfig::with_token(server, &self.authority, token)
    }

    /// The administrator.
    pub fn client(&self) -> Client {
        self.client_with(Some(self.token(User::Admin)))
    }

    /// Who shows this token, or none.
    pub fn client_with(&self, token: Option<&str>) -> Client {
        Client::new(self.server(), Arc::clone(&self.tls), token)
    }

    /// Makes a namespace whose name begins so and is nobody else's. It goes with the cluster.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn namespace(&self, stem: &str) -> Result<String, Problem> {
        let name = format!("{stem}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        let namespace = json!({"metadata": {"name": name}});
        self.client().create("/api/v1/namespaces", &namespace)?;
        Ok(name)
    }

    /// Makes a service account that may do everything within its namespace, and gives a token of it.
    ///
    /// # Errors
    /// When the API server refuses.
    pub fn service_account(&self, namespace: &str, name: &str) -> Result<String, Problem> {
        let client = self.client();
        let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        client.create(&accounts, &json!({"metadata": {"name": name}}))?;
        let bindings = format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings");
        let binding = json!({
            "metadata": {"name": format!("{name}-admin")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"kind": "ServiceAccount", "namespace": namespace, "name": name}],
        });
        client.create(&bindings, &binding)?;
        let answer = client.create(&format!("{accounts}/{name}/token"), &json!({"spec": {}}))?;
        let token = answer.pointer("/status/token").and_then(|token| token.as_str());
        Ok(token.ok_or("a TokenRequest without a token")?.to_owned())
    }

    /// Announces an aggregated API whose server is not there: every question to it is answered 503, and discovery says that
    /// what it knows of the group is stale. As long as it stands, no namespace can be deleted: not for [`Cluster::shared`].
    ///
    /// # Errors
    /// When the API server refuses, or doesn't notice within a minute.
    pub fn absent_api(&self, group: &str) -> Result<(), Problem> {
        let path = "/apis/apiregistration.k8s.io/v1/apiservices";
        let name = format!("v1.{group}");
        let service = json!({
            "metadata": {"name": name},
            "spec": {
                "group": group, "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15,
                "service": {"namespace": "default", "name": "absent"},
            },
        });
        self.client().create(path, &service)?;
        eventually(Duration::from_secs(60), "the absent API is known to be absent", || {
            Ok(self.client().send("GET", &format!("/apis/{group}/v1"), None)?.status == 503)
        })
    }

    /// The requests that the API server answers from now on.
    ///
    /// # Errors
    /// When its log can't be read.
    pub fn audit(&self) -> Result<Audit, Problem> {
        Audit::begin(&self.record.audit, self.client())
    }

    /// A proxy before this server, which its certificate fits.
    ///
    /// # Errors
    /// When it can't listen.
    pub fn proxy(&self) -> Result<Proxy, Problem> {
        Proxy::start(
            self.server(),
            Arc::clone(&self.tls),
            &fs::read(&self.record.serving_certificate)?,
            &fs::read(&self.record.serving_key)?,
        )
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster")
            .field("server", &self.record.server)
            .finish_non_exhaustive()
    }
}

/// Returns when nothing is left of it.
impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Asks until the answer is yes.
///
/// # Errors
/// The question's own, or that the answer was no for so long.
pub fn eventually(limit: Duration, what: &str, mut ask: impl FnMut() -> Result<bool, Problem>) -> Result<(), Problem> {
    let start = Instant::now();
    while !ask()? {
        if start.elapsed() > limit {
            return Err(format!("not within {} s: {what}", limit.as_secs()).into());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}
