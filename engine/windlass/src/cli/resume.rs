//! `windlass resume APP`: what git says counts again.

use super::{
    ask,
    failure::{Failure, Outcome},
    global::Global,
    output::{Format, Output},
};
use crate::control::Request;

const EXAMPLES: &str = "Examples:
  windlass resume api

Ends what `windlass suspend` and `windlass rollback` began. After a rollback that the engine made by itself, what failed
is tried again.";

/// Go on with what git says: ends a suspension, a rollback and a hold
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME
    #[arg(value_name = "APP")]
    app: String,

    /// `table`, or `json`: what was decided
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        default_value = "table",
        hide_default_value = true
    )]
    output: Format,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let request = Request::Resume { app: args.app.clone() };
    ask::decide(global, &request, args.output, output)
}
