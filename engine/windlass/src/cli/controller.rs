//! `windlass controller`: keeps every App object of a cluster as git says, until told to stop.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File, TryLockError},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use windlass_cluster::{
    call::Limits,
    cluster::Cluster as Api,
    connect::{Access, Connection},
};

use super::{
    configuration,
    failure::{Failure, Outcome},
    global::Global,
    output::{Format, Output},
    run::{GRACE, Signals, View},
};
use crate::{
    control,
    controller::{self, Followed, Means, Member, Pulse, Turn, listen},
    engine::Home,
    run,
    stop::chain,
};

const EXAMPLES: &str = "Examples:
  windlass controller --state /var/lib/windlass               # in a pod, as `windlass install` has it
  windlass controller --kubeconfig ./admin.conf -o table

Follows the Repositories, Apps, Plugins, Tenants and Clusters of a cluster; `windlass install --export` prints what the cluster needs for
that. An App without `target.cluster` goes to that cluster. What becomes of an object stands in its status. A Plugin's `file` starts from
the first folder of plugins.

Ctrl-C or SIGTERM stops: cycles under way are finished first, for up to 4 seconds.";

/// Keep going over the App objects of a cluster
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A kubeconfig of the cluster [default: the pod's service account; outside of a pod what `kubectl` takes]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Instead of the kubeconfig's current context
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Where `/healthz`, `/readyz` and `/metrics` are answered; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,

    /// The namespace of the engine itself: Secrets that Clusters and Tenants name are there [default: the pod's, or the context's]
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,

    /// `table`, or `json`: a line per App and cycle [default: `table` on a terminal, else `json`]
    #[arg(short, long, value_name = "FORMAT", value_enum, hide_possible_values = true)]
    output: Option<Format>,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let mut signals = Signals::new().map_err(|error| Failure::of_error(&error))?;
    let _only = alone(&global.state()?)?;
    let pulse = Pulse::new();
    let listening = listen(args.listen, Arc::clone(&pulse)).await.map_err(|error| {
        let message = format!("nobody can be answered at {}: {error}", args.listen);
        Failure::failed(&message).hint("give another address with `--listen`")
    })?;
    output.note(&format!(
        "/healthz, /readyz and /metrics are answered at {}\n",
        listening.address
    ));
    loop {
        let term = Term {
            args,
            global,
            output,
            pulse: &pulse,
        };
        let ended = term.serve(&mut signals).await;
        pulse.rests();
        match ended? {
            Ended::Asked => return Ok(Outcome::Done),
            Ended::Lapsed(why) => {
                tracing::warn!(%why, "this replica's Lease is over: it begins anew");
                output.note(&format!("this replica's Lease is over, and it begins anew: {why}\n"));
            }
        }
    }
}

/// Two processes over one folder of state would be in each other's way. Held until it is dropped.
fn alone(state: &Path) -> Result<File, Failure> {
    fs::create_dir_all(state).map_err(|error| Failure::unreadable(state, &error))?;
    let path = state.join("controller.lock");
    let file = File::create(&path).map_err(|error| Failure::unreadable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let message = format!("`{}` is in use by another `windlass controller`", state.display());
            Err(Failure::failed(message).hint("each replica needs a `--state` of its own"))
        }
        Err(TryLockError::Error(error)) => Err(Failure::unreadable(&path, &error)),
    }
}

/// How a term ends.
enum Ended {
    /// As it was told to.
    Asked,
    /// Others may act in its place by now, for that reason.
    Lapsed(String),
}

/// From when this process joins the replicas to when it leaves them.
struct Term<'a> {
    args: &'a Args,
    global: &'a Global,
    output: &'a Output,
    pulse: &'a Arc<Pulse>,
}

/// When the program ends, statuses may be written for so long.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Before the API server is asked again for what it takes to begin.
const TRY_AGAIN: Duration = Duration::from_secs(2);

impl Term<'_> {
    async fn serve(&self, signals: &mut Signals) -> Result<Ended, Failure> {
        let home = self.connect().await?;
        let (turned, turns) = mpsc::unbounded_channel();
        let joined = tokio::select! {
            joined = self.join(&home, turned) => joined?,
            () = signals.received() => return Ok(Ended::Asked),
        };
        let member = Arc::new(joined);
        home.api.connection().guard(member.replica.guard());
        let ended = self.act(signals, home, Arc::clone(&member), turns).await;
        if let Some(member) = Arc::into_inner(member) {
            member.resign().await;
        }
        ended
    }

    async fn connect(&self) -> Result<Home, Failure> {
        let access = access(self.args);
        let connection = Connection::open(&access, Limits::default()).await;
        let connection = connection.map_err(|error| Failure::of_error(&error))?;
        Ok(Home {
            namespace: self
                .args
                .namespace
                .clone()
                .unwrap_or_else(|| connection.default_namespace().to_owned()),
            api: Api::new(connection),
            access,
        })
    }

    /// Waits until the API server answers: what is wrong with it is told once.
    async fn join(&self, home: &Home, turned: mpsc::UnboundedSender<Turn>) -> Result<Member, Failure> {
        let state = self.global.state()?;
        let mut told = BTreeSet::new();
        let mut tell = |why: String| {
            self.pulse.beat();
            if told.insert(why.clone()) {
                self.output.note(&format!("the controller can't begin yet: {why}\n"));
            }
        };
        let secret = loop {
            match controller::secret(home, &state).await {
                Ok(secret) => break secret,
                Err(error) if error.is_passing() => tell(chain(&error)),
                Err(error) => return Err(Failure::failed(chain(&error))),
            }
            sleep(TRY_AGAIN).await;
        };
        loop {
            // Renewals wait behind nothing else.
            let leases = Connection::open(&home.access, Limits::default()).await;
            let leases = leases.map_err(|error| Failure::of_error(&error))?;
            match Member::join(leases, &home.namespace, secret.clone(), &state, turned.clone()).await {
                Ok(member) => return Ok(member),
                Err(error) => tell(format!("no Lease can be made in {}: {}", home.namespace, chain(&error))),
            }
            sleep(TRY_AGAIN).await;
        }
    }

    async fn act(
        &self,
        signals: &mut Signals,
        home: Home,
        member: Arc<Member>,
        turns: mpsc::UnboundedReceiver<Turn>,
    ) -> Result<Ended, Failure> {
        let (output, pulse) = (self.output, self.pulse);
        let mut followed = Followed::start(&home.api);
        let mut told = BTreeSet::new();
        let lost = |kinds: &str, why: &str| {
            pulse.beat();
            if told.insert((kinds.to_owned(), why.to_owned())) {
                let server = home.api.connection().server();
                output.note(&format!("{kinds} of {server} can't be watched yet: {why}\n"));
                if why.contains("404") {
                    output.note(
                        "are they installed? `windlass install --export --crds-only | kubectl apply --server-side -f -`\n",
                    );
                }
            }
        };
        tokio::select! {
            () = followed.complete(lost) => {}
            () = signals.received() => return Ok(Ended::Asked),
        }
        let engine = configuration::open_in_cluster(
            followed.config(),
            home.clone(),
            member.replica.clone(),
            followed.serving(),
            self.global,
            output,
        )?;
        let _answers = control::serve(&engine);
        let mut view = View::new(&engine, self.args.output, output);
        let (sender, events) = mpsc::unbounded_channel();
        let (shown, mut news) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let (written, no_more) = watch::channel(false);
        let means = Means {
            home,
            engine: Arc::clone(&engine),
            followed,
            events,
            shown,
            pulse: Arc::clone(pulse),
            member,
            turns,
        };
        let mut controlling = tokio::spawn(controller::run(means, no_more));
        let mut running = tokio::spawn(run::run(Arc::clone(&engine), sender, stopped));
        let mut ended = Ended::Asked;
        let mut has_ended = false;
        while !output.is_closed() {
            tokio::select! {
                Some(event) = news.recv() => view.show(&event)?,
                () = signals.received() => break,
                _ = &mut running => return Err(defect()),
                why = &mut controlling => {
                    let Ok(Some(why)) = why else { return Err(defect()) };
                    ended = Ended::Lapsed(why);
                    has_ended = true;
                    break;
                }
            }
        }
        // Whoever listened may be gone already: the loop has ended then.
        let _ = stop.send(true);
        if matches!(ended, Ended::Asked) {
            view.stopping();
        }
        let deadline = Instant::now() + GRACE;
        let mut is_done = false;
        while !is_done {
            tokio::select! {
                biased;
                Some(event) = news.recv() => view.show(&event)?,
                _ = &mut running => is_done = true,
                () = signals.received() => is_done = true,
                () = sleep_until(deadline) => is_done = true,
            }
        }
        let _ = written.send(true);
        running.abort();
        if !has_ended {
            let _ = tokio::time::timeout_at(deadline.max(Instant::now()) + LAST_WORDS, &mut controlling).await;
            controlling.abort();
        }
        view.finish();
        Ok(ended)
    }
}

fn defect() -> Failure {
    Failure::failed("the loop ended by itself")
        .hint("this is a defect of Windlass: run it with -v, and report what it says")
}

/// Where the cluster is.
fn access(args: &Args) -> Access {
    let is_pod = env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    match &args.kubeconfig {
        None if is_pod && args.context.is_none() => Access::InCluster,
        file => Access::Files {
            paths: file.clone().map_or_else(|| Global::kubeconfigs().0, |file| vec![file]),
            context: args.context.clone(),
        },
    }
}
