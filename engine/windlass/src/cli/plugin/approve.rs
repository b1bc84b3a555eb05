//! `windlass plugin approve [NAME@VERSION]`: which versions wait since something would be rendered otherwise, and lets one serve.

use windlass_core::{moment, rollout::Waiting};

use crate::{
    cli::{
        ask::{self, Actor},
        clean,
        failure::{Failure, Outcome},
        global::Global,
        output::{Form, Format, Output},
        site::Patient,
        table::{self, Cell},
    },
    control::{Request, Response},
};

const EXAMPLES: &str = "Examples:
  windlass plugin approve                 # what waits, and for which Apps; exit code 3 when something does
  windlass plugin approve helm@4.4.0      # let it serve, whatever differs

With `rollout: Preview` in its Plugin document, another version is rendered beside the one that serves over every App that uses
it. When nothing differs it takes over by itself. An approval is of the component that waits and of no other.";

/// Show which versions of plugins wait since something would be rendered otherwise, and let one serve
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: what waits, or what was decided")))]
pub(super) struct Args {
    /// The version that is to serve [default: show what waits]
    #[arg(value_name = "NAME@VERSION")]
    plugin: Option<String>,

    #[command(flatten)]
    actor: Actor,

    #[command(flatten)]
    site: Patient,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    if let Some(plugin) = &args.plugin {
        let request = Request::ApprovePlugin {
            plugin: plugin.clone(),
            actor: args.actor.name(),
        };
        return ask::decide(
            global,
            args.site.remote(),
            (&request, Some(&args.actor)),
            args.form.output,
            output,
        );
    }
    let Response::Plugins { waiting } = ask::ask(global, args.site.remote(), &Request::Plugins, output)? else {
        return Err(ask::strange());
    };
    match args.form.output {
        Format::Json => output.print_json(&waiting)?,
        Format::Table if waiting.is_empty() => output.note("no version of a plugin waits\n"),
        Format::Table => {
            let rows: Vec<_> = waiting
                .iter()
                .flat_map(|(plugin, waiting)| rows(plugin, waiting))
                .collect();
            let head = ["PLUGIN", "SINCE", "APP", "SERVES", "DIFFERS"];
            output.print(&table::table(&head, &rows, output.paint))?;
        }
    }
    Ok(if waiting.is_empty() {
        Outcome::Done
    } else {
        Outcome::Pending
    })
}

fn rows(plugin: &str, waiting: &Waiting) -> Vec<Vec<Cell>> {
    let row = |differing: &windlass_core::rollout::Differing| {
        let what = match &differing.failed {
            Some(why) => clean::line(why).into_owned(),
            None => format!("{} objects", differing.objects),
        };
        vec![
            Cell::text(plugin),
            Cell::text(&moment::text(waiting.since)),
            Cell::text(&differing.app),
            Cell::text(&differing.serves),
            Cell::text(&what),
        ]
    };
    waiting.apps.iter().map(row).collect()
}
