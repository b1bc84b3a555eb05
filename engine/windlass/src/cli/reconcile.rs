//! `windlass reconcile APP`: the engine of a cluster looks at an App now.

use super::{
    clean,
    failure::{Failure, Outcome},
    output::{Form, Format, Output},
    paint::Tone,
    site::Patient,
};
use crate::control::Asked;

const EXAMPLES: &str = "Examples:
  windlass reconcile api -n shop
  windlass reconcile api --with-source      # after a push, without waiting for the next poll
  windlass reconcile api --no-wait

Always asks a cluster. The request stands in the App object until its engine has done it; who may change the App may ask.";

/// Have the engine of a cluster look at an App now
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: what came of it")))]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME
    #[arg(value_name = "APP")]
    app: String,

    /// Ask its Repository for a new commit first
    #[arg(long)]
    with_source: bool,

    /// Only ask
    #[arg(long)]
    no_wait: bool,

    #[command(flatten)]
    site: Patient,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    let site = args.site.connect().await?;
    let (namespace, name) = site.parts(&args.app);
    let asked = Asked::Reconcile {
        with_source: args.with_source,
    };
    let within = (!args.no_wait).then(|| args.site.timeout());
    let busy = output.busy("reconciling", 1);
    let outcome = site.request(("App", namespace, name), asked, within).await?;
    drop(busy);
    if let Some(refusal) = outcome.refusal {
        let failure = Failure::failed(refusal);
        return Err(match outcome.help {
            Some(help) => failure.hint(help),
            None => failure,
        });
    }
    match args.form.output {
        Format::Json => output.print_json(&outcome)?,
        Format::Table => {
            let app = output
                .paint
                .tone(Tone::Strong, clean::line(&format!("{namespace}/{name}")));
            if args.no_wait {
                output.print(&format!("{app} is asked for\n"))?;
            }
            for message in &outcome.messages {
                output.print(&format!("{app} {}\n", clean::line(message)))?;
            }
        }
    }
    Ok(Outcome::Done)
}
