//! `windlass validate CONFIG|PATH`: renders, checks, and tells everything that is wrong at once. Looks at no target.

use std::{path::PathBuf, sync::Arc};

use serde::Serialize;
use windlass_core::{
    config::ValidatorSpec,
    render::{Diagnostic, Severity},
};
use windlass_host::Tenant;

use super::{
    clean, configuration, diagnostics,
    failure::{Failure, Outcome},
    global::Global,
    output::Output,
    paint::{Paint, Tone},
    render, sarif,
};
use crate::{
    render::{self as rendering, PathRequest, Rendered, Store},
    supply::Previews,
    tenants::Bounds,
    validate::{self, Checkers, Subject, Verdicts},
};

const EXAMPLES: &str = "Examples:
  windlass validate ./apps/api                                # uncommitted work, as one app named `api`
  windlass validate ./chart --config @values.yaml --namespace shop --kube-version 1.35
  windlass validate windlass.yaml --strict                    # every App, at the commit its Repository says
  windlass validate ./apps/api --validator schema --validator in-house
  windlass validate ./apps/api -o json | jq -r '.findings[].message'
  windlass validate windlass.yaml -o sarif > windlass.sarif

Exit code 0 with warnings alone, 1 with an error. JSON is one object: {\"findings\": [{app, severity, code,
message, at, related, help, extra}], \"apps\", \"errors\", \"warnings\"}.";

/// Show what is wrong with what is rendered, at file and line; exit code 1 with errors
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A file of Repository, App, Cluster, Plugin and Tenant documents, or a folder or file to render
    #[arg(value_name = "CONFIG|PATH")]
    what: PathBuf,

    /// With PATH: plugin by name or NAME@VERSION [default: the one that recognises the folder]
    #[arg(long, value_name = "PLUGIN")]
    with: Option<String>,

    /// Validator by name or NAME@VERSION [default: what the Repository says, else `schema` where it is installed]
    #[arg(long = "validator", value_name = "PLUGIN")]
    validators: Vec<String>,

    /// With PATH: the plugin's config, as JSON or in a YAML or JSON file
    #[arg(long, value_name = "JSON|@FILE")]
    config: Option<String>,

    /// With PATH: namespace of objects that name none; Helm's release namespace
    #[arg(long, value_name = "NS")]
    namespace: Option<String>,

    /// With PATH: Kubernetes version that the plugins see
    #[arg(long, value_name = "V")]
    kube_version: Option<String>,

    /// `text`, as compilers tell; `json`: one object; `sarif`: SARIF 2.1.0
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

    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
}

/// A finding of an app. As JSON: the diagnostic's fields, and the app.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// Its name.
    pub(super) app: String,
    #[serde(flatten)]
    pub(super) diagnostic: Diagnostic,
}

/// All that was found.
#[derive(Debug, Serialize)]
struct Found {
    findings: Vec<Finding>,
    apps: usize,
    errors: usize,
    warnings: usize,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let found = if configuration::is_one(&args.what) {
        of_config(args, global, output).await?
    } else {
        of_path(args, global, output).await?
    };
    match args.output {
        Format::Text => output.print(&text(&found, output.verbose, output.paint))?,
        Format::Json => output.print_json(&found)?,
        Format::Sarif => output.print_json(&sarif::log(&found.findings))?,
    }
    Ok(outcome(&found, args.strict))
}

const fn outcome(found: &Found, strict: bool) -> Outcome {
    if found.errors > 0 || (strict && found.warnings > 0) {
        Outcome::Failed
    } else {
        Outcome::Done
    }
}

async fn of_config(args: &Args, global: &Global, output: &Output) -> Result<Found, Failure> {
    let for_path = [
        ("--with", args.with.is_some()),
        ("--config", args.config.is_some()),
        ("--namespace", args.namespace.is_some()),
        ("--kube-version", args.kube_version.is_some()),
    ];
    if let Some((option, _)) = for_path.iter().find(|(_, given)| *given) {
        return Err(Failure::usage(format!("{option} goes with a PATH, not with a CONFIG")).hint("the App says it"));
    }
    let engine = configuration::open_to_check(&args.what, global, validators(args), output)?;
    output.findings(&engine.supply(Previews::Leave).await);
    let busy = output.busy("checking", 1);
    let reports = engine.check().await;
    drop(busy);
    let apps = reports.into_iter().map(|report| (report.app, report.diagnostics));
    Ok(Found::of(apps.collect()))
}

async fn of_path(args: &Args, global: &Global, output: &Output) -> Result<Found, Failure> {
    let facts = render::facts(args.kube_version.as_deref(), &[])?;
    let request = PathRequest {
        path: args.what.clone(),
        with: args.with.clone(),
        config: render::config(args.config.as_deref())?,
        namespace: args.namespace.clone().unwrap_or_default(),
        facts: facts.clone(),
    };
    let name = rendering::app_name(&request.path);
    let (state, plugins) = render::open(&request.path, global, output)?;
    let plugins = Arc::new(plugins);
    let busy = output.busy(&format!("checking {}", request.path.display()), 1);
    let checkers = Checkers {
        validators: validators(args).unwrap_or_else(|| validate::by_default(&plugins)),
        verdicts: &Verdicts::default(),
        kube_version: &facts.kube_version,
        tenant: Tenant::new(""),
        bounds: Bounds::default(),
        plugins: Arc::clone(&plugins),
    };
    let store = Arc::new(Store::new(&state.renders(), state.secret()));
    let findings = match rendering::path(&plugins, state.secret(), &store, request).await {
        Ok(rendered) => of_rendered(&checkers, rendered).await,
        Err(findings) => findings,
    };
    drop(busy);
    Ok(Found::of(vec![(name, findings)]))
}

async fn of_rendered(checkers: &Checkers<'_>, rendered: Rendered) -> Vec<Diagnostic> {
    let subject = Subject {
        desired: &rendered.desired,
        output: &rendered.output,
        tree: &rendered.tree,
    };
    let mut findings = validate::check(checkers, &subject).await.findings;
    findings.extend(rendered.desired.warnings);
    findings.extend(rendered.problems);
    findings
}

/// Those of the command line, with their default configs.
fn validators(args: &Args) -> Option<Vec<ValidatorSpec>> {
    let named = args.validators.iter().map(|name| rendering::named(name).into());
    (!args.validators.is_empty()).then(|| named.collect())
}

impl Found {
    /// Of apps by name, each with its findings.
    fn of(apps: Vec<(String, Vec<Diagnostic>)>) -> Self {
        let number = apps.len();
        let of_app = |(app, mut diagnostics): (String, Vec<Diagnostic>)| {
            diagnostics.sort_by_cached_key(validate::order);
            diagnostics.into_iter().map(move |diagnostic| Finding {
                app: app.clone(),
                diagnostic,
            })
        };
        let findings: Vec<Finding> = apps.into_iter().flat_map(of_app).collect();
        let count = |severity| findings.iter().filter(|f| f.diagnostic.severity == severity).count();
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            apps: number,
            findings,
        }
    }
}

/// Every finding, and how many there are.
fn text(found: &Found, verbose: bool, paint: Paint) -> String {
    let mut text = String::new();
    let mut app = "";
    for finding in &found.findings {
        if finding.diagnostic.severity == Severity::Info && !verbose {
            continue;
        }
        if found.apps > 1 && app != finding.app {
            app = &finding.app;
            text.push_str(&format!("{}\n\n", paint.tone(Tone::Strong, clean::line(app))));
        }
        text.push_str(&diagnostics::one(&finding.diagnostic, paint));
        text.push_str("\n\n");
    }
    text + &summary(found, paint) + "\n"
}

/// `1 error, 2 warnings in 4 apps`.
fn summary(found: &Found, paint: Paint) -> String {
    let plural = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let (what, tone) = match (found.errors, found.warnings) {
        (0, 0) => ("nothing is wrong".to_owned(), Tone::Good),
        (0, warnings) => (plural(warnings, "warning"), Tone::Warn),
        (errors, 0) => (plural(errors, "error"), Tone::Bad),
        (errors, warnings) => {
            let both = format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"));
            (both, Tone::Bad)
        }
    };
    format!("{} in {}", paint.tone(tone, what), plural(found.apps, "app"))
}

#[cfg(test)]
mod tests {
    use windlass_core::manifest::file_location;

    use super::*;
    use crate::cli::golden;

    fn finding(severity: Severity, code: &str, at: (&str, u32)) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(code, format!("{code} is wrong"), file_location(at.0, at.1, 3));
        diagnostic.severity = severity;
        diagnostic
    }

    fn found() -> Found {
        let api = vec![
            finding(Severity::Warning, "unknown-field", ("b.yaml", 2)),
            finding(Severity::Error, "wrong-type", ("a.yaml", 9)),
            finding(Severity::Info, "note", ("a.yaml", 1)),
            finding(Severity::Error, "missing-field", ("a.yaml", 2)),
        ];
        Found::of(vec![("api".to_owned(), api), ("web".to_owned(), Vec::new())])
    }

    #[test]
    fn findings_read_like_a_compiler_and_are_counted() {
        golden::check("validate.txt", &text(&found(), false, Paint::Plain));
        assert_eq!(
            text(&Found::of(vec![("a".to_owned(), Vec::new())]), false, Paint::Plain),
            "nothing is wrong in 1 app\n"
        );
    }

    #[test]
    fn errors_decide_and_warnings_only_when_asked() {
        let of = |severity| Found::of(vec![("a".to_owned(), vec![finding(severity, "x", ("a", 1))])]);
        assert_eq!(outcome(&of(Severity::Error), false), Outcome::Failed);
        assert_eq!(outcome(&of(Severity::Warning), false), Outcome::Done);
        assert_eq!(outcome(&of(Severity::Warning), true), Outcome::Failed);
        assert_eq!(outcome(&of(Severity::Info), true), Outcome::Done);
    }

    #[test]
    fn json_is_one_object_of_findings_and_counts() {
        let json = serde_json::to_value(found()).unwrap();
        assert_eq!(
            (&json["errors"], &json["warnings"], &json["apps"]),
            (&2.into(), &1.into(), &2.into())
        );
        assert_eq!(json["findings"][0]["app"], "api");
        assert_eq!(json["findings"][0]["code"], "note");
        assert_eq!(json["findings"][1]["at"]["file"]["span"]["line"], 2);
    }
}
