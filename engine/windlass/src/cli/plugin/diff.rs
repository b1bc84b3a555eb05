//! `windlass plugin diff OLD NEW CONFIG`: what another version of a plugin would change. Looks at no target.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::{FutureExt as _, StreamExt as _, future::LocalBoxFuture, stream};
use serde::Serialize;
use windlass_core::{config::App, render::Diagnostic};

use crate::{
    cli::{
        clean, configuration, diagnostics,
        failure::{Failure, Outcome},
        global::Global,
        output::Output,
        paint::{Paint, Tone},
        unified::{self, ObjectDiff},
    },
    engine::{Engine, blocking},
    plugins::Candidate,
    render,
    supply::Previews,
    travel,
};

const EXAMPLES: &str = "Examples:
  windlass plugin diff helm@4.3.1 ./helm-4.4.0.wasm windlass.yaml
  windlass plugin diff helm@4.3.1 helm@4.4.0 windlass.yaml        # both admitted in CONFIG
  windlass plugin diff old.wasm new.wasm windlass.yaml -o json | jq '.[] | select(.objects != []).app'

Every App of CONFIG that uses the plugin is rendered by both, at the commit that its Repository says, as outside of a cluster.
Values of Secrets are never shown, only whether they differ.";

/// Apps rendered at a time: what renders is as wide as the cores anyway.
const WIDTH: usize = 4;

/// Show what another version of a plugin would change of each App; exit code 3 when something would
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A plugin's file, or NAME@VERSION of CONFIG
    #[arg(value_name = "OLD")]
    old: String,

    /// The same
    #[arg(value_name = "NEW")]
    new: String,

    /// A file of Repository, App, Cluster, Plugin and Tenant documents
    #[arg(value_name = "CONFIG")]
    config: PathBuf,

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

/// How differences are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// One App by both.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AppDiff {
    app: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<String>,
    objects: Vec<ObjectDiff>,
    /// What doesn't render it.
    failures: Vec<Failed>,
}

/// A plugin that doesn't render an App, or nothing does.
#[derive(Debug, Serialize)]
struct Failed {
    /// `name@version`; "" = there is nothing to render.
    plugin: String,
    diagnostics: Vec<Diagnostic>,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let engine = configuration::open_to_check(&args.config, global, None, output)?;
    output.findings(&engine.supply(Previews::Leave).await);
    let (old, new) = (find(&engine, &args.old).await?, find(&engine, &args.new).await?);
    let (name, other) = (&old.manifest().name, &new.manifest().name);
    if name != other {
        return Err(Failure::usage(format!(
            "{} and {} are not the same plugin",
            old.label(),
            new.label()
        )));
    }
    let config = engine.config();
    let busy = output.busy("rendering", config.apps.len() as u64);
    let mut looks: Vec<LocalBoxFuture<'_, Option<AppDiff>>> = Vec::new();
    for (id, app) in &config.apps {
        let (engine, busy, sides) = (&engine, &busy, [&old, &new]);
        let look = async move {
            let compared = compare(engine, id, app, sides).await;
            busy.step();
            compared
        };
        looks.push(look.boxed_local());
    }
    let apps: Vec<Option<AppDiff>> = stream::iter(looks).buffered(WIDTH).collect().await;
    drop(busy);
    let apps: Vec<AppDiff> = apps.into_iter().flatten().collect();
    match args.output {
        Format::Json => output.print_json(&apps)?,
        Format::Text => output.print(&text(&apps, &names([&old, &new]), output.paint))?,
    }
    Ok(outcome(&apps))
}

/// A file, or a version that CONFIG admits or that serves.
async fn find(engine: &Arc<Engine>, text: &str) -> Result<Arc<Candidate>, Failure> {
    let plugins = engine.plugins();
    let is_file = text.ends_with(".wasm") || text.contains('/');
    if is_file || Path::new(text).is_file() {
        let (path, config) = (PathBuf::from(text), engine.config());
        let read = move || plugins.of_file(&path, &config);
        return blocking(read).await?.map_err(Failure::usage);
    }
    let found = plugins.all().find(|candidate| candidate.label() == text).cloned();
    match found {
        Some(found) => Ok(found),
        None => plugins
            .admitted(&render::named(text))
            .map_err(|wrong| Failure::usage(wrong.message).hint(wrong.help.unwrap_or_default())),
    }
}

/// `None`: it doesn't use the plugin.
async fn compare(engine: &Arc<Engine>, id: &str, app: &App, [old, new]: [&Arc<Candidate>; 2]) -> Option<AppDiff> {
    let mut diff = AppDiff {
        app: id.to_owned(),
        revision: None,
        objects: Vec::new(),
        failures: Vec::new(),
    };
    let revision = match engine.sources().resolve(app.repository()).await {
        Ok(revision) => revision,
        Err(stop) => {
            diff.failures.push(Failed {
                plugin: String::new(),
                diagnostics: stop.diagnostics,
            });
            return Some(diff);
        }
    };
    diff.revision = revision.commit.map(|id| id.to_string());
    let (plugins, config) = (engine.plugins(), engine.config());
    let choice = render::choice(&config, &plugins, app, &revision.tree("")).ok()?;
    if choice.name != old.manifest().name {
        return None;
    }
    let _room = engine.room(app).await;
    let mut sides = Vec::new();
    for candidate in [old, new] {
        match render::by(engine, &plugins, candidate, app, &revision, (engine.facts(), None)).await {
            Ok(desired) => sides.push(desired),
            Err(stop) => diff.failures.push(Failed {
                plugin: candidate.label(),
                diagnostics: stop.diagnostics,
            }),
        }
    }
    if let [before, after] = sides.as_slice() {
        let [before_name, after_name] = names([old, new]);
        diff.objects = unified::objects(&travel::compare(before, after), [&before_name, &after_name]);
    }
    Some(diff)
}

/// What both are called; builds of one version by their digests too.
fn names([old, new]: [&Arc<Candidate>; 2]) -> [String; 2] {
    if old.label() != new.label() {
        return [old.label(), new.label()];
    }
    [old, new].map(|candidate| format!("{} ({})", candidate.label(), candidate.digest().short()))
}

fn text(apps: &[AppDiff], [old, new]: &[String; 2], paint: Paint) -> String {
    let mut text = String::new();
    for app in apps
        .iter()
        .filter(|app| !app.objects.is_empty() || !app.failures.is_empty())
    {
        let heading = format!(
            "{} from {} to {}",
            clean::line(&app.app),
            clean::line(old),
            clean::line(new)
        );
        text.push_str(&format!("{}\n\n", paint.tone(Tone::Strong, heading)));
        for failed in &app.failures {
            let by = match failed.plugin.as_str() {
                "" => "it gives nothing to render".to_owned(),
                plugin => format!("{} fails", clean::line(plugin)),
            };
            text.push_str(&format!("{}\n", paint.tone(Tone::Bad, by)));
            for diagnostic in &failed.diagnostics {
                text.push_str(&format!("{}\n\n", diagnostics::one(diagnostic, paint)));
            }
        }
        text.extend(app.objects.iter().map(|object| unified::show(object, paint)));
    }
    text + &summary(apps) + "\n"
}

/// `3 objects differ in 1 of 4 Apps; web fails`.
fn summary(apps: &[AppDiff]) -> String {
    let differing: Vec<&AppDiff> = apps.iter().filter(|app| !app.objects.is_empty()).collect();
    let objects: usize = differing.iter().map(|app| app.objects.len()).sum();
    let apps_word = if apps.len() == 1 { "App" } else { "Apps" };
    let what = match objects {
        0 => format!("nothing differs in {} {apps_word}", apps.len()),
        1 => format!("1 object differs in 1 of {} {apps_word}", apps.len()),
        objects => format!(
            "{objects} objects differ in {} of {} {apps_word}",
            differing.len(),
            apps.len()
        ),
    };
    let failed: Vec<&str> = apps
        .iter()
        .filter(|app| !app.failures.is_empty())
        .map(|app| app.app.as_str())
        .collect();
    match failed.as_slice() {
        [] => what,
        [one] => format!("{what}; {} fails", clean::line(one)),
        several => format!("{what}; {} fail", clean::line(&several.join(", "))),
    }
}

/// An App that can't be compared is worse than one that differs.
fn outcome(apps: &[AppDiff]) -> Outcome {
    if apps.iter().any(|app| !app.failures.is_empty()) {
        Outcome::Failed
    } else if apps.iter().any(|app| !app.objects.is_empty()) {
        Outcome::Pending
    } else {
        Outcome::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(name: &str, failures: Vec<Failed>) -> AppDiff {
        AppDiff {
            app: name.into(),
            revision: None,
            objects: Vec::new(),
            failures,
        }
    }

    #[test]
    fn an_app_that_fails_decides() {
        let failed = || Failed {
            plugin: "helm@2".into(),
            diagnostics: Vec::new(),
        };
        assert_eq!(outcome(&[]), Outcome::Done);
        assert_eq!(outcome(&[app("a", Vec::new())]), Outcome::Done);
        let apps = [app("a", Vec::new()), app("b", vec![failed()])];
        assert_eq!(outcome(&apps), Outcome::Failed);
        assert_eq!(summary(&apps), "nothing differs in 2 Apps; b fails");
    }
}
