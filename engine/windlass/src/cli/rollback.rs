//! `windlass rollback APP`: what was applied before is applied again, and held.

use super::{
    ask::{self, Actor},
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Output},
    site::Patient,
};
use crate::control::Request;

const EXAMPLES: &str = "Examples:
  windlass rollback api                # to the newest entry that is something else and did not fail
  windlass rollback api --to 7         # an entry of `windlass history api`
  windlass rollback api --to 3f2a91c   # the newest entry of that commit
  windlass rollback api -n shop        # asks the engine in a cluster, through the App object

The documents of the entry are applied as they were rendered then, through the same checks, guards and order as every
plan; hooks don't run. The App is held there, whatever git says, until `windlass resume api`.";

/// Apply an entry of an App's history again, and hold the App there
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: what was decided")))]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME
    #[arg(value_name = "APP")]
    app: String,

    /// An entry's number, or the beginning of its commit
    #[arg(long, value_name = "N|REV")]
    to: Option<String>,

    #[command(flatten)]
    actor: Actor,

    #[command(flatten)]
    site: Patient,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let request = Request::Rollback {
        app: args.app.clone(),
        to: args.to.clone(),
        actor: args.actor.name(),
    };
    ask::decide(
        global,
        args.site.remote(),
        (&request, Some(&args.actor)),
        args.form.output,
        output,
    )
}
