//! `windlass diff CONFIG|PATH`: what `sync` would change. Writes nothing to a target.

mod side;

use std::path::PathBuf;

use serde::Serialize;
use windlass_core::{
    config::DriftMode,
    diff::{self, Counts, Live, Mark, Policy},
    inventory::Inventory,
};

use super::{
    clean,
    configuration::{self, Said},
    failure::{Failure, Outcome},
    global::Global,
    output::Output,
    paint::{Paint, Tone},
    render, reports,
    unified::{self, LIVE_AND_GIT, ObjectDiff},
};
use crate::{
    preview,
    render::PathRequest,
    report::{Health, RenderKind, Report},
    supply::Previews,
    target::{Owner, TargetChoice},
    travel,
};
use side::Side;

const EXAMPLES: &str = "Examples:
  windlass diff windlass.yaml                                 # every App against its own target
  windlass diff windlass.yaml --target dir:./rendered
  windlass diff ./apps/api --target dir:./rendered            # uncommitted work, as one app named `api`
  windlass diff ./apps/api --target cluster                   # against the cluster that kubectl would take
  windlass diff windlass.yaml api v1.2.0 main                 # what the commits between mean for App api's objects
  windlass diff windlass.yaml -o json | jq '.[].objects[].object'

Values of Secrets are never shown, only whether they differ. Of objects in a cluster, the fields that
git sets are shown; what a change comes to, and whether it would be taken, the API server says (a dry
run). With PATH only the objects that it renders are compared: which ones left the render is known
from a CONFIG alone. With APP and two revisions no target is looked at.";

/// Show what would change on the target; exit code 3 when something would
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A file of Repository, App, Cluster, Plugin and Tenant documents, or a folder or file to render
    #[arg(value_name = "CONFIG|PATH")]
    what: PathBuf,

    /// With CONFIG: this App at two revisions, without a target
    #[arg(value_name = "APP", requires_all = ["from", "to"], conflicts_with = "target")]
    app: Option<String>,

    /// Compare from this branch, tag or commit
    #[arg(value_name = "REV1")]
    from: Option<String>,

    /// To this one
    #[arg(value_name = "REV2")]
    to: Option<String>,

    /// Compare with `dir:OUT`, `cluster` or `cluster:NAME` [default: the App's own target]
    #[arg(long, value_name = "TARGET")]
    target: Option<TargetChoice>,

    /// `text`: unified diffs; `json`: a list of apps
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        default_value = "text",
        hide_default_value = true
    )]
    output: Format,
}

/// How changes are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// One app's changes. As JSON: the report's fields, and the objects.
#[derive(Debug, Serialize)]
struct AppDiff {
    #[serde(flatten)]
    report: Report,
    /// The commit that is compared from, of two revisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    objects: Vec<ObjectDiff>,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let apps = if let (Some(app), Some(from), Some(to)) = (&args.app, &args.from, &args.to) {
        vec![of_revisions(args, app, [from, to], global, output).await?]
    } else if configuration::is_one(&args.what) {
        of_config(args, global, output).await?
    } else {
        vec![of_path(args, global, output).await?]
    };
    match args.output {
        Format::Json => output.print_json(&apps)?,
        Format::Text => {
            output.print(&text(&apps, output.paint))?;
            for app in &apps {
                output.note(&reports::details(&app.report, output.verbose, output.error_paint));
            }
        }
    }
    Ok(outcome(&apps))
}

async fn of_config(args: &Args, global: &Global, output: &Output) -> Result<Vec<AppDiff>, Failure> {
    let said = Said {
        target: args.target.clone(),
        by_a_person: true,
        ..Said::default()
    };
    let engine = configuration::open(&args.what, global, said, output)?;
    output.findings(&engine.supply(Previews::Leave).await);
    let busy = output.busy("comparing", 1);
    let planned = engine.diff().await;
    drop(busy);
    Ok(planned
        .into_iter()
        .map(|(report, foreseen)| AppDiff {
            report,
            from: None,
            objects: foreseen
                .as_ref()
                .map(|foreseen| unified::objects(foreseen, LIVE_AND_GIT))
                .unwrap_or_default(),
        })
        .collect())
}

async fn of_path(args: &Args, global: &Global, output: &Output) -> Result<AppDiff, Failure> {
    let side = Side::of(args.target.as_ref()).await?;
    let request = PathRequest {
        path: args.what.clone(),
        with: None,
        config: serde_json::Map::new(),
        namespace: side.namespace(),
        facts: side.facts().await?,
    };
    let rendered = render::path(request, global, output).await?;
    if !rendered.problems.is_empty() {
        return Err(rendered.problems.into());
    }
    let owner = Owner {
        installation: String::new(),
        namespace: "default".to_owned(),
        app: rendered.name.clone(),
    };
    let (target, live) = side.look(owner, &rendered.desired).await?;
    let plan = diff::plan(&rendered.desired, &as_ours(live), &Inventory::default(), &policy());
    let mut report = Report::new(&rendered.name);
    report.render = Some(if rendered.calls > 0 {
        RenderKind::Fresh
    } else {
        RenderKind::Cached
    });
    report.calls = rendered.calls;
    report.why = rendered.why;
    report.diagnostics = rendered.desired.warnings;
    let foreseen = preview::of(target.as_ref(), plan, &mut report).await;
    report.changes = foreseen.plan.counts();
    report.health = report.foreseen(&foreseen.plan);
    Ok(AppDiff {
        report,
        from: None,
        objects: unified::objects(&foreseen, LIVE_AND_GIT),
    })
}

async fn of_revisions(
    args: &Args,
    app: &str,
    [from, to]: [&str; 2],
    global: &Global,
    output: &Output,
) -> Result<AppDiff, Failure> {
    let engine = configuration::open_to_check(&args.what, global, None, output)?;
    let config = engine.config();
    let apps = &config.apps;
    let Some(app) = apps.get(app) else {
        let message = format!("`{}` has no App `{app}`", args.what.display());
        return Err(Failure::usage(message).known(apps.keys().map(String::as_str)));
    };
    output.findings(&engine.supply(Previews::Leave).await);
    let busy = output.busy("rendering two revisions", 1);
    let (report, travel) = travel::between(&engine, app, from, to).await;
    drop(busy);
    Ok(AppDiff {
        objects: unified::objects(&travel.foreseen, [from, to]),
        from: travel.from,
        report,
    })
}

/// Nothing will be applied, so it does not matter whose the objects are: their contents are compared.
fn as_ours(mut live: Live) -> Live {
    for object in live.values_mut() {
        object.marked = Mark::Ours;
    }
    live
}

fn policy() -> Policy {
    Policy {
        drift: DriftMode::Repair,
        ..Policy::default()
    }
}

fn text(apps: &[AppDiff], paint: Paint) -> String {
    let mut text = String::new();
    for app in apps.iter().filter(|app| !app.objects.is_empty()) {
        let (name, to) = (
            clean::line(&app.report.app),
            reports::short(app.report.revision.as_deref()),
        );
        let heading = match app.from.as_deref() {
            Some(from) => format!("{name} from {} to {to}", reports::short(Some(from))),
            None => format!("{name} at {to}"),
        };
        text.push_str(&format!("{}\n\n", paint.tone(Tone::Strong, heading)));
        text.extend(app.objects.iter().map(|object| unified::show(object, paint)));
    }
    text + &summary(apps) + "\n"
}

/// `2 to create, 1 to delete in 1 of 4 apps`.
fn summary(apps: &[AppDiff]) -> String {
    let sum = |count: fn(&Counts) -> usize| apps.iter().map(|app| count(&app.report.changes)).sum::<usize>();
    let parts: Vec<String> = [
        (sum(|c| c.created), "to create"),
        (sum(|c| c.configured), "to configure"),
        (sum(|c| c.deleted), "to delete"),
        (sum(|c| c.skipped), "left alone"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, word)| format!("{count} {word}"))
    .collect();
    let failed = apps.iter().filter(|app| app.report.has_errors()).count();
    let what = if parts.is_empty() {
        "no changes".to_owned()
    } else {
        parts.join(", ")
    };
    let errors = if failed > 0 {
        format!("; {failed} could not be planned or is held")
    } else {
        String::new()
    };
    format!(
        "{what} in {} {}{errors}",
        apps.len(),
        if apps.len() == 1 { "app" } else { "apps" }
    )
}

/// An app that can't be compared is worse than one that differs.
fn outcome(apps: &[AppDiff]) -> Outcome {
    let of = |report: &Report| match report.health {
        Health::Failed | Health::Degraded => Outcome::Failed,
        Health::Progressing | Health::Stalled | Health::Pending | Health::Held => Outcome::Pending,
        Health::Healthy | Health::Suspended | Health::RolledBack => Outcome::Done,
    };
    let all: Vec<Outcome> = apps.iter().map(|app| of(&app.report)).collect();
    [Outcome::Failed, Outcome::Pending]
        .into_iter()
        .find(|outcome| all.contains(outcome))
        .unwrap_or(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, health: Health, created: usize) -> AppDiff {
        let mut report = Report::new(name);
        report.health = health;
        report.changes.created = created;
        AppDiff {
            report,
            from: None,
            objects: Vec::new(),
        }
    }

    #[test]
    fn the_worst_app_decides_the_exit_code() {
        let (good, pending, failed) = (
            || app("a", Health::Healthy, 0),
            || app("b", Health::Pending, 2),
            || app("c", Health::Failed, 0),
        );
        assert_eq!(outcome(&[good()]), Outcome::Done);
        assert_eq!(outcome(&[good(), pending()]), Outcome::Pending);
        assert_eq!(outcome(&[pending(), failed(), good()]), Outcome::Failed);
        assert_eq!(outcome(&[app("d", Health::Held, 9)]), Outcome::Pending);
        assert_eq!(outcome(&[]), Outcome::Done);
    }

    #[test]
    fn the_summary_counts() {
        assert_eq!(summary(&[app("a", Health::Healthy, 0)]), "no changes in 1 app");
        assert_eq!(
            summary(&[app("a", Health::Pending, 1), app("b", Health::Pending, 2)]),
            "3 to create in 2 apps"
        );
    }

    #[test]
    fn json_has_the_reports_fields_and_the_objects() {
        let json = serde_json::to_value([app("a", Health::Pending, 1)]).unwrap();
        assert_eq!(json[0]["app"], "a");
        assert_eq!(json[0]["health"], "pending");
        assert_eq!(json[0]["changes"]["created"], 1);
        assert_eq!(json[0]["objects"], serde_json::json!([]));
    }
}
