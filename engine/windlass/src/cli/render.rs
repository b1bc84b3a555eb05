//! `windlass render PATH`: what a folder's renderer makes of it, as the native tool would print it.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value, json};
use windlass_cluster::facts::Facts;
use windlass_core::{
    config::Config,
    manifest::{Manifest, Role},
    trace::Fact,
};

use super::{
    clean, configuration,
    failure::{Failure, Outcome},
    global::Global,
    native,
    output::Output,
    paint::Tone,
    reads, unified,
};
use crate::{
    plugins::Plugins,
    render::{self, PathRequest, Rendered, Store},
    state::State,
};

const EXAMPLES: &str = "Examples:
  windlass render ./apps/api                    # the plugin is found by the folder's files
  windlass render ./chart --config '{\"releaseName\": \"api\"}' --namespace shop
  windlass render ./chart --config @config.yaml --kube-version 1.35
  windlass render ./chart --api-version monitoring.coreos.com/v1
  windlass render ./apps/web -o json | jq '.[].object.metadata.name'
  windlass render ./apps/web --with kustomize --explain > /dev/null";

/// Render a folder or file of this machine, committed or not
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Folder or file to render
    #[arg(value_name = "PATH")]
    path: PathBuf,

    /// Plugin by name or NAME@VERSION [default: the one that recognises the folder]
    #[arg(long, value_name = "PLUGIN")]
    with: Vec<String>,

    /// The plugin's config, as JSON or in a YAML or JSON file
    #[arg(long, value_name = "JSON|@FILE")]
    config: Option<String>,

    /// Namespace of objects that name none; Helm's release namespace
    #[arg(long, value_name = "NS", default_value = "", hide_default_value = true)]
    namespace: String,

    /// Kubernetes version that the plugin sees
    #[arg(long, value_name = "V")]
    kube_version: Option<String>,

    /// API that the plugin sees beside Kubernetes' own, such as `monitoring.coreos.com/v1`
    #[arg(long = "api-version", value_name = "GV")]
    api_versions: Vec<String>,

    /// `yaml`: the bytes of the native tool; `json`: a list of {origin, role, object}
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        hide_possible_values = true,
        default_value = "yaml",
        hide_default_value = true
    )]
    output: Format,

    /// Say on standard error what was read, by which plugin, and how long it took
    #[arg(long)]
    explain: bool,
}

/// How documents are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Yaml,
    Json,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    let with = match args.with.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        several => {
            let message = format!(
                "--with is given {} times; this version of Windlass renders one step",
                several.len()
            );
            return Err(
                Failure::usage(message).hint("render the first step, and feed its output to the next by a file")
            );
        }
    };
    let request = PathRequest {
        path: args.path.clone(),
        with,
        config: config(args.config.as_deref())?,
        namespace: args.namespace.clone(),
        facts: facts(args.kube_version.as_deref(), &args.api_versions)?,
    };
    let rendered = path(request, global, output).await?;
    match args.output {
        Format::Yaml => output.print_foreign(&native::text(&rendered.output.documents))?,
        Format::Json => output.print_pretty_json(&json_list(&rendered))?,
    }
    if args.explain {
        output.note(&explain(&rendered, output));
    }
    output.note(&generated(&rendered, output));
    output.findings(&rendered.desired.warnings);
    output.findings(&rendered.problems);
    Ok(if rendered.problems.is_empty() {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

/// Renders a path with the plugins and the secret of this installation.
pub(super) async fn path(request: PathRequest, global: &Global, output: &Output) -> Result<Rendered, Failure> {
    let (state, plugins) = open(&request.path, global, output)?;
    let busy = output.busy(&format!("rendering {}", request.path.display()), 1);
    let store = Arc::new(Store::new(&state.renders(), state.secret()));
    let rendered = render::path(&plugins, state.secret(), &store, request).await;
    drop(busy);
    Ok(rendered?)
}

/// State and plugins of this installation, for a path that exists.
pub(super) fn open(path: &Path, global: &Global, output: &Output) -> Result<(State, Plugins), Failure> {
    if !path.exists() {
        return Err(Failure::usage(format!("there is no `{}`", path.display())));
    }
    let state = State::open(&global.state()?).map_err(|error| Failure::of_error(&error))?;
    let cache = global.cache().unwrap_or_else(|| state.cache());
    let _busy = output.busy(configuration::LOADING, 1);
    let (folders, admitted) = (global.plugins(), Config::default().plugins);
    let plugins = Plugins::open_bounded(&folders, &admitted, Path::new("."), &cache, global.max_cache())
        .map_err(|error| Failure::of_error(&error))?;
    Ok((state, plugins))
}

/// `--config`.
pub(super) fn config(text: Option<&str>) -> Result<Map<String, Value>, Failure> {
    Ok(text.map(configuration::plugin_config).transpose()?.unwrap_or_default())
}

/// `--kube-version` and `--api-version`.
pub(super) fn facts(kube_version: Option<&str>, api_versions: &[String]) -> Result<Facts, Failure> {
    let facts = match kube_version {
        Some(version) => Facts::offline()
            .with_version(version)
            .map_err(|error| Failure::bad_argument(&error))?,
        None => Facts::offline(),
    };
    Ok(facts.with_apis(api_versions.iter().map(String::as_str)))
}

/// In the order of emission, hooks included.
fn manifests(rendered: &Rendered) -> Vec<&Manifest> {
    let desired = &rendered.desired;
    let mut manifests: Vec<&Manifest> = desired.objects.values().chain(&desired.hooks).collect();
    manifests.sort_by_key(|manifest| manifest.document);
    manifests
}

/// A line for each object with generated values; the bytes of the render stay those of the native tool.
fn generated(rendered: &Rendered, output: &Output) -> String {
    let mut text = String::new();
    for manifest in manifests(rendered) {
        if let Some(found) = &manifest.generated {
            let object = manifest.object.id.to_string();
            let note = output.error_paint.tone(Tone::Strong, "note:");
            let fields = unified::generated(&found.fields);
            text.push_str(&format!("{note} {}: {fields}\n", clean::line(&object)));
        }
    }
    text
}

fn json_list(rendered: &Rendered) -> Vec<Value> {
    let entry = |m: &Manifest| {
        let mut entry = json!({"origin": m.origin, "role": role(m.role), "object": m.object.body});
        if let Some(found) = &m.generated {
            entry["generated"] = json!(found.fields);
        }
        entry
    };
    manifests(rendered).into_iter().map(entry).collect()
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Ordinary => "ordinary",
        Role::Crd => "crd",
        Role::Hook => "hook",
        Role::Test => "test",
    }
}

fn explain(rendered: &Rendered, output: &Output) -> String {
    let paint = output.error_paint;
    let mut text = format!(
        "{} {} ({}), {} call{}, {:.1} ms\n{} {}\n{} {} answers, digest {}\n",
        paint.tone(Tone::Strong, "plugin"),
        clean::line(&rendered.plugin),
        rendered.digest,
        rendered.calls,
        if rendered.calls == 1 { "" } else { "s" },
        rendered.elapsed.as_secs_f64() * 1000.0,
        paint.tone(Tone::Strong, "why"),
        clean::line(&rendered.why.as_ref().map_or_else(String::new, reads::why)),
        paint.tone(Tone::Strong, "read"),
        rendered.trace.facts().len(),
        rendered.trace.digest().short(),
    );
    for Fact { query, answer } in rendered.trace.facts() {
        let line = format!(
            "  {}  {}\n",
            paint.tone(Tone::Faint, answer.short()),
            clean::line(&reads::question(query))
        );
        text.push_str(&line);
    }
    text
}
