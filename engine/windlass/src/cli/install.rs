//! `windlass install --export`: what a cluster needs before it can hold Windlass' own objects.

use windlass_core::{crds, yaml};

use super::{
    failure::{Failure, Outcome},
    output::Output,
};

const EXAMPLES: &str = "Examples:
  windlass install --export | kubectl apply --server-side -f -
  windlass install --export > windlass-install.yaml            # to keep in git: the same version prints the same bytes

Prints the CustomResourceDefinitions of Repository, App, Plugin, Tenant, Cluster and Inventory. Asks no cluster. Applied again
after an upgrade they are changed in place; objects stay. Deleted, they take every object of their kinds along.";

/// Print what a cluster needs to hold Repositories, Apps and the other kinds
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// As YAML, to be applied by `kubectl` or kept in git
    #[arg(long, required = true)]
    export: bool,
}

/// Performs the verb.
pub(super) fn perform(Args { export: _ }: &Args, output: &Output) -> Result<Outcome, Failure> {
    output.print(&manifests())?;
    Ok(Outcome::Done)
}

/// A stream of YAML documents, in the order that they are to be applied in.
fn manifests() -> String {
    let objects = crds::definitions();
    objects
        .iter()
        .map(|object| format!("---\n{}", yaml::write(object)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::golden;

    #[test]
    fn what_is_printed_is_kept() {
        golden::check("install.yaml", &manifests());
    }

    #[test]
    fn what_is_printed_reads_the_same() {
        let documents = yaml::parse(&manifests()).unwrap();
        let values: Vec<_> = documents.into_iter().map(|document| document.value).collect();
        assert_eq!(values, crds::definitions());
    }
}
