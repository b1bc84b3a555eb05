//! `windlass lock`: whether API servers refuse what others do by hand to objects that git keeps.

use std::path::PathBuf;

use serde::Serialize;
use windlass_core::{config::Config, lock, model::ObjectId, yaml};

use super::{
    configuration,
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Format, Output},
    paint::Tone,
    table::{self, Cell},
};
use crate::{
    lock::{Lock, State as Where},
    state::State,
};

/// Have API servers refuse what is changed by hand (a Cluster's `spec.lock`)
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Status(Status),
    Export(Export),
    Apply(Apply),
    Remove(Remove),
}

/// Where.
#[derive(Debug, clap::Args)]
struct Place {
    /// A file of Repository, App, Cluster, Plugin and Tenant documents
    #[arg(value_name = "CONFIG")]
    config: PathBuf,

    /// This Cluster of CONFIG [default: all whose lock isn't off]
    #[arg(value_name = "CLUSTER")]
    cluster: Option<String>,
}

const STATUS: &str = "Examples:
  windlass lock status windlass.yaml
  windlass lock status windlass.yaml eu -o json | jq -r 'select(.state != \"installed\").object.name'

Exit code 0 when the policies are on the clusters as CONFIG says, 3 when not. JSON is a line an object:
{\"cluster\", \"object\": {group, kind, namespace, name}, \"state\": \"installed\"|\"differs\"|\"missing\"|\"leftover\"}.";

/// Show whether the policies are there and as CONFIG says; exit code 3 when not
#[derive(Debug, clap::Args)]
#[command(after_help = STATUS, mut_arg("output", |arg| arg.help("`table`, or `json`: a line an object")))]
struct Status {
    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    form: Form,
}

const EXPORT: &str = "Examples:
  windlass lock export windlass.yaml eu
  windlass lock export windlass.yaml eu | kubectl apply --server-side -f -    # as a person who may

The policies name the installation, so give the `--state` of the engine that applies. Asks no cluster.";

/// Print the policies as YAML
#[derive(Debug, clap::Args)]
#[command(after_help = EXPORT)]
struct Export {
    #[command(flatten)]
    place: Place,
}

const APPLY: &str = "Examples:
  windlass lock apply windlass.yaml          # start with `mode: Warn`, and look who is warned
  windlass lock apply windlass.yaml eu

Acts with the kubeconfig of the Cluster; a `windlass run` may go on. Where its credential lacks the right that lets the
engine pass, nothing is changed. The API server heeds a policy within seconds: a `windlass run` that began before CONFIG
had the lock is to be started anew first, or it is refused too.";

/// Put the policies there, or change them to what CONFIG says
#[derive(Debug, clap::Args)]
#[command(after_help = APPLY)]
struct Apply {
    #[command(flatten)]
    place: Place,
}

const REMOVE: &str = "Examples:
  windlass lock remove windlass.yaml eu      # then set `spec.lock.mode: Off`

Without CLUSTER, of every Cluster in CONFIG.";

/// Take the policies away: what is changed by hand is done again
#[derive(Debug, clap::Args)]
#[command(after_help = REMOVE)]
struct Remove {
    #[command(flatten)]
    place: Place,
}

/// A line of JSON.
#[derive(Debug, Serialize)]
struct Told<'a> {
    cluster: &'a str,
    object: &'a ObjectId,
    state: &'static str,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    match &args.verb {
        Verb::Status(args) => status(args, global, output).await,
        Verb::Export(args) => export(args, global, output),
        Verb::Apply(args) => apply(args, global, output).await,
        Verb::Remove(args) => remove(args, global, output).await,
    }
}

/// A configuration, and the clusters that are meant.
struct Site {
    config: Config,
    clusters: Vec<String>,
    installation: String,
}

impl Site {
    /// `all`: where none is named, also those whose lock is off.
    fn open(place: &Place, all: bool, global: &Global) -> Result<Self, Failure> {
        let config = configuration::load(&place.config)?;
        let clusters = match &place.cluster {
            Some(name) if config.clusters.contains_key(name) => vec![name.clone()],
            Some(name) => {
                let failure = Failure::usage(format!("there is no Cluster `{name}`"));
                return Err(failure.known(config.clusters.keys().map(String::as_str)));
            }
            None => {
                let meant = config.clusters.iter().filter(|(_, spec)| all || spec.lock.is_on());
                meant.map(|(name, _)| name.clone()).collect()
            }
        };
        if clusters.is_empty() {
            return Err(Failure::usage("no Cluster in CONFIG has a lock")
                .hint("set `lock: {mode: Warn}` or `lock: {mode: Deny}` in the spec of one"));
        }
        let state = State::open(&global.state()?).map_err(|error| Failure::of_error(&error))?;
        Ok(Self {
            config,
            clusters,
            installation: state.secret().installation(),
        })
    }

    async fn lock(&self, place: &Place, name: &str) -> Result<Lock, Failure> {
        let base = configuration::base(&place.config);
        let kubeconfigs = Global::kubeconfigs();
        Ok(Lock::open(&self.config, name, &base, &self.installation, &kubeconfigs).await?)
    }

    /// What is off can't be printed or put anywhere.
    fn require(&self) -> Result<(), Failure> {
        let is_off = |name: &&String| self.config.clusters.get(*name).is_none_or(|spec| !spec.lock.is_on());
        match self.clusters.iter().find(is_off) {
            None => Ok(()),
            Some(name) => Err(Failure::usage(format!("the lock of Cluster `{name}` is off")).hint(format!(
                "set `lock: {{mode: Warn}}` or `lock: {{mode: Deny}}` in its spec; `windlass lock remove CONFIG {name}` takes away what is there"
            ))),
        }
    }
}

async fn status(args: &Status, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let site = Site::open(&args.place, false, global)?;
    let mut rows = Vec::new();
    let mut is_as_wanted = true;
    for name in &site.clusters {
        let lock = site.lock(&args.place, name).await?;
        for (object, state) in lock.look().await? {
            is_as_wanted &= state == Where::Installed;
            match args.form.output {
                Format::Json => output.print_json(&Told {
                    cluster: name,
                    object: &object,
                    state: word(state),
                })?,
                Format::Table => rows.push(row(name, &object, state)),
            }
        }
        if !lock.may_pass().await? {
            is_as_wanted = false;
            output.note(&format!(
                "{name}: the credential of the kubeconfig may not show that it is Windlass who acts; add the rule {} to its ClusterRole\n",
                lock::right()
            ));
        }
    }
    if args.form.output == Format::Table {
        output.print(&table::table(&["CLUSTER", "OBJECT", "STATE"], &rows, output.paint))?;
    }
    Ok(if is_as_wanted { Outcome::Done } else { Outcome::Pending })
}

fn export(args: &Export, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let site = Site::open(&args.place, false, global)?;
    site.require()?;
    if let [_, _, ..] = site.clusters.as_slice() {
        return Err(
            Failure::usage("several Clusters in CONFIG have a lock, and their policies may differ")
                .known(site.clusters.iter().map(String::as_str)),
        );
    }
    let specs = site.clusters.iter().filter_map(|name| site.config.clusters.get(name));
    for object in specs.flat_map(|spec| lock::objects(&spec.lock, &site.installation)) {
        output.print(&format!("---\n{}", yaml::write(&object)))?;
    }
    Ok(Outcome::Done)
}

async fn apply(args: &Apply, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let site = Site::open(&args.place, false, global)?;
    site.require()?;
    for name in &site.clusters {
        site.lock(&args.place, name).await?.install().await?;
        output.print(&format!("{name}: locked for installation {}\n", site.installation))?;
    }
    Ok(Outcome::Done)
}

async fn remove(args: &Remove, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let site = Site::open(&args.place, true, global)?;
    for name in &site.clusters {
        let taken = site.lock(&args.place, name).await?.remove().await?;
        let what = match taken {
            0 => "there was no lock".to_owned(),
            _ => format!("unlocked for installation {}", site.installation),
        };
        output.print(&format!("{name}: {what}\n"))?;
    }
    Ok(Outcome::Done)
}

const fn word(state: Where) -> &'static str {
    match state {
        Where::Installed => "installed",
        Where::Differs => "differs",
        Where::Missing => "missing",
        Where::Leftover => "leftover",
    }
}

fn row(cluster: &str, object: &ObjectId, state: Where) -> Vec<Cell> {
    let tone = match state {
        Where::Installed => Tone::Good,
        Where::Differs | Where::Missing | Where::Leftover => Tone::Warn,
    };
    vec![
        Cell::text(cluster),
        Cell::text(&object.to_string()),
        Cell::text(word(state)).tone(tone),
    ]
}
