//! `windlass install`: what a cluster needs to run Windlass, printed or put there.

use std::{io, path::PathBuf};

use serde::Serialize;
use windlass_cluster::{
    call::Limits,
    cluster::Cluster as Api,
    connect::{Access, Connection},
    identity::Actor,
};
use windlass_core::{config::parse_size, model::ObjectId, yaml};

use super::{
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Format, Output},
};
use crate::install::{Options, Site, Told, What, manifests};

const EXAMPLES: &str = "Examples:
  windlass install --image registry.example.org/windlass@sha256:…                    # also upgrades
  windlass install --image registry.example.org/windlass@sha256:… --dry-run
  windlass install --export --image registry.example.org/windlass@sha256:… > apps/windlass/install.yaml
  windlass install --export --crds-only | kubectl apply --server-side -f -         # the engine runs elsewhere

`cargo x image` makes the image. Installs the kinds, a namespace with Pod Security's level `restricted`, roles, a volume, network rules and
the controller, with the rights of the kubeconfig. Done again it changes what is not so any more, and deletes what an older version had
besides; what an App keeps is left to git. Prints what became of each object: created, configured, unchanged, kept or deleted. The same
version exports the same bytes for the same options. JSON is a line an object:
{\"object\": {group, kind, namespace, name}, \"done\", \"why\"}.";

/// Install or upgrade Windlass in a cluster, or print its manifests
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: a line an object")))]
pub(super) struct Args {
    /// Print YAML and ask no cluster: for `kubectl`, or for an App that keeps Windlass itself
    #[arg(long, conflicts_with_all = ["kubeconfig", "context", "dry_run", "output"])]
    export: bool,

    /// The controller's image, best by digest
    #[arg(long, value_name = "IMAGE", value_parser = image, required_unless_present = "crds_only")]
    image: Option<String>,

    /// Only the kinds, for an engine that runs elsewhere
    #[arg(long, conflicts_with_all = ["image", "replicas", "storage", "storage_class"])]
    crds_only: bool,

    /// How many controllers share the Apps. Several have no volume that outlives them: rollbacks go back to what was applied since they began
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=32), default_value_t = 1)]
    replicas: u16,

    /// Size of the controller's volume, for mirrors, caches and histories
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "40Gi")]
    storage: String,

    /// Class of that volume [default: the cluster's own default]
    #[arg(long, value_name = "NAME")]
    storage_class: Option<String>,

    #[command(flatten)]
    place: Place,

    #[command(flatten)]
    form: Form,
}

/// An installation on a cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Where the controller runs
    #[arg(long, value_name = "NS", value_parser = namespace, default_value = "windlass-system")]
    pub(super) namespace: String,

    /// Instead of what `kubectl` takes
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Instead of the kubeconfig's current context
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Change nothing; show what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
}

impl Place {
    /// # Errors
    /// When there is no kubeconfig, or it can't be used.
    pub(super) async fn connect(&self) -> Result<Api, Failure> {
        let paths = self
            .kubeconfig
            .as_ref()
            .map_or_else(|| Global::kubeconfigs().0, |file| vec![file.clone()]);
        let access = Access::Files {
            paths,
            context: self.context.clone(),
        };
        let connection = Connection::open(&access, Limits::default()).await;
        Ok(Api::new(connection.map_err(|error| Failure::of_error(&error))?))
    }
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let what = match &args.image {
        None => What::Kinds,
        Some(image) => What::Engine(Options {
            namespace: args.place.namespace.clone(),
            image: image.clone(),
            replicas: args.replicas,
            storage: args.storage.clone(),
            storage_class: args.storage_class.clone(),
        }),
    };
    if args.image.as_ref().is_some_and(|image| !image.contains('@')) {
        output.note("note: the image is named without a digest: what runs hangs on what the registry says then\n");
    }
    if args.export {
        output.print(&printed(&what))?;
        return Ok(Outcome::Done);
    }
    let api = args.place.connect().await?;
    let site = Site {
        api: &api,
        namespace: &args.place.namespace,
        dry_run: args.place.dry_run,
    };
    let mut teller = Teller::new(&args.form, output);
    let installed = site.install(&what, &mut |told| teller.tell(&told)).await;
    teller.end()?;
    installed?;
    Ok(Outcome::Done)
}

/// A stream of YAML documents, in the order that they are to be applied in.
fn printed(what: &What) -> String {
    let objects = manifests(what);
    objects
        .iter()
        .map(|object| format!("---\n{}", yaml::write(object)))
        .collect()
}

/// Prints what became of each object as soon as it is known: where it is interrupted, what was done is seen.
pub(super) struct Teller<'a> {
    format: Format,
    output: &'a Output,
    written: io::Result<()>,
}

/// A line of JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    object: &'a ObjectId,
    done: &'static str,
    why: &'a str,
}

impl<'a> Teller<'a> {
    pub(super) fn new(form: &Form, output: &'a Output) -> Self {
        Self {
            format: form.output,
            output,
            written: Ok(()),
        }
    }

    /// The work goes on when nobody can be told any more.
    pub(super) fn tell(&mut self, Told { object, done, why }: &Told) {
        if self.written.is_err() {
            return;
        }
        self.written = match self.format {
            Format::Json => self.output.print_json(&Line {
                object,
                done: done.word(),
                why,
            }),
            Format::Table if why.is_empty() => self.output.print(&format!("{:<10}   {object}\n", done.word())),
            Format::Table => self.output.print(&format!("{:<10}   {object} ({why})\n", done.word())),
        };
    }

    /// # Errors
    /// The first one of the stream.
    pub(super) fn end(self) -> io::Result<()> {
        self.written
    }
}

fn image(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_one
        .then(|| text.to_owned())
        .ok_or_else(|| "write REGISTRY/NAME@sha256:DIGEST, or REGISTRY/NAME:TAG".to_owned())
}

fn size(text: &str) -> Result<String, String> {
    parse_size(text).map(|_| text.to_owned())
}

fn namespace(text: &str) -> Result<String, String> {
    Actor::service_account(text, "windlass")
        .map(|_| text.to_owned())
        .map_err(|_| format!("`{text}` can't be the name of a namespace: lower-case letters, digits and `-`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::golden;

    fn engine() -> What {
        What::Engine(Options {
            namespace: "windlass-system".to_owned(),
            image: format!("registry.example.org/windlass@sha256:{}", "0123456789abcdef".repeat(4)),
            storage: "40Gi".to_owned(),
            replicas: 1,
            storage_class: None,
        })
    }

    #[test]
    fn what_is_printed_is_kept() {
        golden::check("install.yaml", &printed(&engine()));
    }

    #[test]
    fn what_is_printed_reads_the_same() {
        for what in [engine(), What::Kinds] {
            let documents = yaml::parse(&printed(&what)).unwrap();
            let values: Vec<_> = documents.into_iter().map(|document| document.value).collect();
            assert_eq!(values, manifests(&what));
        }
    }

    #[test]
    fn names_are_looked_at_before_anything_is_asked() {
        assert!(image("r/w@sha256:0").is_ok() && image("").is_err() && image("a b").is_err());
        assert!(size("40Gi").is_ok() && size("40").is_err());
        assert!(namespace("windlass-system").is_ok() && namespace("a.b").is_err() && namespace("A").is_err());
    }
}
