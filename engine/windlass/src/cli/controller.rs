//! `windlass controller`: keeps every App object of a cluster as git says, until told to stop.

use std::{collections::BTreeSet, env, net::SocketAddr, path::PathBuf, sync::Arc};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
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
    controller::{self, Followed, Pulse, listen},
    engine::Home,
    run,
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
    let access = access(args);
    let connection = Connection::open(&access, Limits::default()).await;
    let connection = connection.map_err(|error| Failure::of_error(&error))?;
    let home = Home {
        namespace: args
            .namespace
            .clone()
            .unwrap_or_else(|| connection.default_namespace().to_owned()),
        api: Api::new(connection),
        access,
    };
    let pulse = Pulse::new();
    let listening = listen(args.listen, Arc::clone(&pulse)).await.map_err(|error| {
        let message = format!("nobody can be answered at {}: {error}", args.listen);
        Failure::failed(&message).hint("give another address with `--listen`")
    })?;
    output.note(&format!(
        "/healthz, /readyz and /metrics are answered at {}\n",
        listening.address
    ));
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
        () = signals.received() => return Ok(Outcome::Done),
    }
    let engine = configuration::open_in_cluster(followed.config(), home.clone(), global, output)?;
    let _answers = control::serve(&engine);
    let mut view = View::new(&engine, args.output, output);
    let (sender, events) = mpsc::unbounded_channel();
    let (shown, mut news) = mpsc::unbounded_channel();
    let (stop, stopped) = watch::channel(false);
    let (written, no_more) = watch::channel(false);
    let mut controlling = tokio::spawn(controller::run(
        home,
        Arc::clone(&engine),
        followed,
        events,
        shown,
        pulse,
        no_more,
    ));
    let mut running = tokio::spawn(run::run(Arc::clone(&engine), sender, stopped));
    while !output.is_closed() {
        tokio::select! {
            Some(event) = news.recv() => view.show(&event)?,
            () = signals.received() => break,
            _ = &mut running => return Err(defect()),
            _ = &mut controlling => return Err(defect()),
        }
    }
    // Whoever listened may be gone already: the loop has ended then.
    let _ = stop.send(true);
    view.stopping();
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
    let _ = tokio::time::timeout_at(deadline.max(Instant::now()), &mut controlling).await;
    controlling.abort();
    running.abort();
    view.finish();
    Ok(Outcome::Done)
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
