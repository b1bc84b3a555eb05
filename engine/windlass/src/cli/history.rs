//! `windlass history APP`: what was applied of an App, and how it went.

use windlass_core::{
    history::{Entry, Outcome as Ended},
    moment,
};

use super::{
    ask,
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Format, Output},
    paint::Tone,
    reports,
    site::Place,
    table::{self, Cell},
};
use crate::control::{Request, Response};

const EXAMPLES: &str = "Examples:
  windlass history api
  windlass history shop/api                                   # where several namespaces have an App `api`
  windlass history api -n shop                                # of an engine in a cluster
  windlass history api -o json | jq -r '.objects[] | .object.name'

The newest first; `spec.history.limit` says how many are kept, with the documents of each. What was repaired is no entry.
Outcomes: applying, failed, applied (how it does is not known), healthy, degraded.";

/// Show what was applied of an App: commit, author, plugin, changes and how it went
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: an entry a line")))]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME
    #[arg(value_name = "APP")]
    app: String,

    #[command(flatten)]
    site: Place,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let request = Request::History { app: args.app.clone() };
    let Response::History { entries, app, .. } = ask::ask(global, args.site.remote(), &request, output)? else {
        return Err(ask::strange());
    };
    match args.form.output {
        Format::Json => {
            for entry in &entries {
                output.print_json(entry)?;
            }
        }
        Format::Table if entries.is_empty() => output.note(&format!("nothing was applied of {app} yet\n")),
        Format::Table => {
            let rows: Vec<_> = entries.iter().map(row).collect();
            output.print(&table::table(&HEADER, &rows, output.paint))?;
        }
    }
    Ok(Outcome::Done)
}

const HEADER: [&str; 10] = [
    "ENTRY",
    "WHEN",
    "REVISION",
    "CREATED",
    "CONFIGURED",
    "DELETED",
    "OUTCOME",
    "PLUGIN",
    "AUTHOR",
    "SUBJECT",
];

fn row(entry: &Entry) -> Vec<Cell> {
    let tone = match entry.outcome {
        Ended::Healthy => Tone::Good,
        Ended::Applied | Ended::Applying => Tone::Warn,
        Ended::Failed | Ended::Degraded => Tone::Bad,
    };
    let subject = match (entry.replays, &entry.actor) {
        (Some(replayed), Some(actor)) => format!("entry {replayed} again, by {actor}"),
        (Some(replayed), None) => format!("entry {replayed} again, by itself"),
        (None, _) => entry.origin.subject.clone(),
    };
    let author = entry.origin.author.split(" <").next().unwrap_or_default();
    vec![
        Cell::number(usize::try_from(entry.number).unwrap_or(usize::MAX)),
        Cell::text(&moment::text(entry.at)),
        Cell::text(&reports::short(entry.origin.revision.as_deref())),
        Cell::number(entry.changes.created),
        Cell::number(entry.changes.configured),
        Cell::number(entry.changes.deleted),
        Cell::text(entry.outcome.name()).tone(tone),
        Cell::text(&entry.plugin.reference),
        Cell::text(if author.is_empty() { "-" } else { author }),
        Cell::text(&subject),
    ]
}
