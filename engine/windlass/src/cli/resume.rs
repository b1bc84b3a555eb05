//! `windlass resume APP`: what git says counts again.

use super::{
    ask,
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Output},
    site::Patient,
};
use crate::control::Request;

const EXAMPLES: &str = "Examples:
  windlass resume api
  windlass resume api -n shop                # asks the engine in a cluster, through the App object

Ends what `windlass suspend` and `windlass rollback` began. After a rollback that the engine made by itself, what failed
is tried again.";

/// Go on with what git says: ends a suspension, a rollback and a hold
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: what was decided")))]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME
    #[arg(value_name = "APP")]
    app: String,

    #[command(flatten)]
    site: Patient,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let request = Request::Resume { app: args.app.clone() };
    ask::decide(global, args.site.remote(), (&request, None), args.form.output, output)
}
