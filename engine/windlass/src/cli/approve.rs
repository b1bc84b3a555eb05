//! `windlass approve APP [PLAN]`: shows a plan that waits, and lets it be applied.

use windlass_core::{holds::Waiting, moment};

use super::{
    ask::{self, Actor},
    clean,
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Format, Output},
    paint::Tone,
    reports,
    site::Patient,
    table::{self, Cell},
};
use crate::control::{Request, Response};

const EXAMPLES: &str = "Examples:
  windlass approve api                 # what waits, and the plan's name; exit code 3 when something does
  windlass approve api 1f0c55a2e9b4    # apply exactly that plan
  windlass approve api -n shop         # asks the engine in a cluster, through the App object
  windlass diff windlass.yaml          # what it would change, field by field (while nothing runs)

A plan is named by the objects that it changes and what they are then. When it comes to be applied and is another one, for
git or what is there has moved on, it waits again. An approved plan passes a closed window too.";

/// Show a plan that waits for somebody or a window, and have exactly that plan applied
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: the plan, or what was decided")))]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME
    #[arg(value_name = "APP")]
    app: String,

    /// The plan, by the first 8 or more digits of its name [default: show it]
    #[arg(value_name = "PLAN")]
    plan: Option<String>,

    #[command(flatten)]
    actor: Actor,

    #[command(flatten)]
    site: Patient,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let request = Request::Approve {
        app: args.app.clone(),
        plan: args.plan.clone(),
        actor: args.actor.name(),
    };
    if args.plan.is_some() {
        return ask::decide(
            global,
            args.site.remote(),
            (&request, Some(&args.actor)),
            args.form.output,
            output,
        );
    }
    let Response::Plan { app, plan } = ask::ask(global, args.site.remote(), &request, output)? else {
        return Err(ask::strange());
    };
    match (args.form.output, &plan) {
        (Format::Json, plan) => output.print_json(plan)?,
        (Format::Table, Some(plan)) => {
            let rows: Vec<_> = plan.objects.iter().map(row).collect();
            output.print(&table::table(&["OBJECT", "ACTION"], &rows, output.paint))?;
            output.note(&format!("\n{}", words(&app, &args.app, plan)));
        }
        (Format::Table, None) => output.note(&format!("no plan of {} waits\n", clean::line(&app))),
    }
    Ok(if plan.is_some() {
        Outcome::Pending
    } else {
        Outcome::Done
    })
}

fn row(changed: &windlass_core::history::Changed) -> Vec<Cell> {
    let (word, tone): (&str, Tone) = ask::verb(changed.action);
    vec![Cell::text(&changed.object.to_string()), Cell::text(word).tone(tone)]
}

fn words(app: &str, asked: &str, plan: &Waiting) -> String {
    let more = match plan.omitted {
        0 => String::new(),
        more => format!("and {more} more objects\n"),
    };
    let subject = match plan.origin.subject.as_str() {
        "" => String::new(),
        subject => format!(": {} ({})", clean::line(subject), clean::line(&plan.origin.author)),
    };
    format!(
        "{more}plan {} of {} at {}{subject}\nwaits since {}: {}\napply it with `windlass approve {} {}`\n",
        plan.plan.short(),
        clean::line(app),
        reports::short(plan.origin.revision.as_deref()),
        moment::text(plan.since),
        clean::line(&plan.reason),
        clean::line(asked),
        plan.plan.short(),
    )
}
