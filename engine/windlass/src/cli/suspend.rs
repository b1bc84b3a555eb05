//! `windlass suspend APP`: an App rests, and everybody sees why.

use jiff::{Span, Timestamp};
use windlass_core::{moment, render::Instant};

use super::{
    ask::{self, Actor},
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Output},
    site::Patient,
};
use crate::{clock, control::Request};

const EXAMPLES: &str = "Examples:
  windlass suspend api --reason 'incident 42' --for 2h
  windlass suspend api --reason 'freeze' --until 2026-12-01T08:00:00Z
  windlass suspend api -n shop --reason 'incident 42'         # asks the engine in a cluster, through the App object
  windlass suspend api --reason 'by the on-call bot' --as-actor pager

A suspended App is looked at, and what differs is told; nothing is applied, nothing is deleted. A change under way stops
at the next object. It ends by itself when its time is over, or with `windlass resume api`.";

/// Have an App rest: nothing is applied or deleted, drift is told
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json`: what was decided")))]
pub(super) struct Args {
    /// An App, by its name or as NAMESPACE/NAME
    #[arg(value_name = "APP")]
    app: String,

    /// Why, shown wherever the App is
    #[arg(long, value_name = "TEXT", required = true)]
    reason: String,

    /// End by itself at this time, as in RFC 3339
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Instant>,

    /// End by itself after this time: `30m`, `2h`, `3d`
    #[arg(long = "for", value_name = "DURATION", conflicts_with = "until", value_parser = span)]
    during: Option<Span>,

    #[command(flatten)]
    actor: Actor,

    #[command(flatten)]
    site: Patient,

    #[command(flatten)]
    form: Form,
}

fn time(text: &str) -> Result<Instant, String> {
    moment::parse(text).ok_or_else(|| "write a time such as `2026-12-01T08:00:00Z`".to_owned())
}

fn span(text: &str) -> Result<Span, String> {
    let help = || "write a whole number and a unit, such as `30m`, `2h` or `3d`".to_owned();
    let span: Span = text.parse().map_err(|_| help())?;
    (span.is_positive() && span.get_months() == 0 && span.get_years() == 0)
        .then_some(span)
        .ok_or_else(help)
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let until = match args.during {
        Some(span) => Some(after(clock::now(), span).ok_or_else(|| Failure::usage("--for: this is too long"))?),
        None => args.until,
    };
    let request = Request::Suspend {
        app: args.app.clone(),
        reason: args.reason.clone(),
        actor: args.actor.name(),
        until,
    };
    ask::decide(
        global,
        args.site.remote(),
        (&request, Some(&args.actor)),
        args.form.output,
        output,
    )
}

fn after(now: Instant, span: Span) -> Option<Instant> {
    let now = Timestamp::from_second(now.seconds).ok()?.in_tz("UTC").ok()?;
    Some(Instant {
        seconds: now.checked_add(span).ok()?.timestamp().as_second(),
        nanoseconds: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_as_people_write_them() {
        let at = Instant {
            seconds: 0,
            nanoseconds: 0,
        };
        let ends = |text: &str| span(text).ok().and_then(|span| after(at, span)).map(|at| at.seconds);
        assert_eq!(ends("30m"), Some(1800));
        assert_eq!(ends("2h"), Some(7200));
        assert_eq!(ends("3d"), Some(3 * 86_400));
        for wrong in ["", "2", "-1h", "1y", "soon"] {
            assert_eq!(ends(wrong), None, "{wrong}");
        }
    }
}
