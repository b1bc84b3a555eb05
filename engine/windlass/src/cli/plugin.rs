//! `windlass plugin …`: what a component says of itself, what another version would change, which waits, and how one is published.

mod approve;
mod diff;
mod push;

use std::path::PathBuf;

use windlass_core::plugin::World;
use windlass_host::{Inspection, read_component};

use super::{
    block_on, clean,
    failure::{Failure, Outcome},
    global::Global,
    output::{Form, Format, Output},
    paint::{Paint, Tone},
};

/// Look at plugins
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Inspect(Inspect),
    Diff(diff::Args),
    Approve(approve::Args),
    Push(push::Args),
}

const EXAMPLES: &str = "Examples:
  windlass plugin inspect target/plugins/helm.wasm
  windlass plugin inspect helm.wasm -o json | jq .manifest.config   # the schema of its config
  windlass plugin inspect helm.wasm -o json | jq -r .digest           # to admit it in a Plugin document";

/// Show name, version, world, capabilities, config schema, size and digest without running anything
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`, or `json` with everything")))]
struct Inspect {
    /// A plugin, as `windlass-build` makes it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    form: Form,
}

/// Performs the verb.
pub(super) fn perform(args: &Args, global: &Global, output: &Output) -> Result<Outcome, Failure> {
    match &args.verb {
        Verb::Inspect(args) => inspect(args, output),
        Verb::Diff(args) => block_on(diff::perform(args, global, output)),
        Verb::Approve(args) => approve::perform(args, global, output),
        Verb::Push(args) => block_on(push::perform(args, output)),
    }
}

fn inspect(args: &Inspect, output: &Output) -> Result<Outcome, Failure> {
    let bytes = read_component(&args.file).map_err(|error| Failure::bad_argument(&error))?;
    let inspection = windlass_host::inspect(&bytes)
        .map_err(|error| Failure::failed(format!("`{}` is no plugin: {error}", args.file.display())))?;
    match args.form.output {
        Format::Table => output.print(&text(&inspection, output.paint))?,
        Format::Json => output.print_json(&inspection)?,
    }
    Ok(Outcome::Done)
}

fn text(inspection: &Inspection, paint: Paint) -> String {
    let manifest = &inspection.manifest;
    let grants: Vec<&str> = manifest.grants.iter().map(|grant| grant.name()).collect();
    let needs: Vec<&str> = inspection.capabilities.iter().map(|grant| grant.name()).collect();
    let markers: Vec<String> = manifest
        .markers
        .iter()
        .map(|m| format!("{} (rank {})", m.file, m.rank))
        .collect();
    let kinds: Vec<String> = manifest
        .kinds
        .iter()
        .map(|checked| {
            format!("{}.{}", checked.kind, checked.group)
                .trim_end_matches('.')
                .to_owned()
        })
        .collect();
    let rows = [
        ("name", manifest.name.clone()),
        ("version", manifest.version.clone()),
        ("description", manifest.description.clone()),
        ("world", manifest.world.name().to_owned()),
        ("contract", manifest.contract.clone()),
        match manifest.world {
            World::Validator => ("scope", manifest.scope.name().to_owned()),
            World::HealthChecker => ("assesses", listed(&kinds)),
            World::Notifier => ("tells", "events of Apps".to_owned()),
            World::Renderer => ("recognises", listed(&markers)),
        },
        ("asks for", listed(&grants)),
        ("imports", listed(&needs)),
        ("built with", listed(&inspection.producers)),
        ("size", size(inspection.size)),
        ("digest", inspection.digest.to_string()),
    ];
    let mut text: String = rows
        .iter()
        .map(|(name, value)| {
            format!(
                "{} {}\n",
                paint.tone(Tone::Strong, format!("{name:<12}")),
                clean::line(value)
            )
        })
        .collect();
    text.push_str(&paint.tone(Tone::Strong, "config"));
    text.push('\n');
    text.push_str(&config(&manifest.config));
    text
}

/// The fields of the config's schema, with their types and descriptions.
fn config(schema: &serde_json::Value) -> String {
    let Some(fields) = schema.get("properties").and_then(|p| p.as_object()) else {
        return "  none\n".to_owned();
    };
    let word = |field: &serde_json::Value, key: &str| {
        field
            .get(key)
            .and_then(|v| v.as_str())
            .map_or_else(String::new, |text| clean::line(text).into_owned())
    };
    fields
        .iter()
        .map(|(name, field)| {
            let line = format!(
                "  {:<24} {:<8} {}",
                clean::line(name),
                word(field, "type"),
                word(field, "description")
            );
            line.trim_end().to_owned() + "\n"
        })
        .collect()
}

fn listed<T: AsRef<str>>(items: &[T]) -> String {
    if items.is_empty() {
        return "nothing".to_owned();
    }
    items.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ")
}

fn size(bytes: u64) -> String {
    format!("{bytes} bytes ({:.1} MiB)", bytes as f64 / f64::from(1_u32 << 20))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use windlass_core::{
        digest::Digest,
        plugin::{Grant, Manifest, Marker, Scope},
    };

    use super::*;
    use crate::cli::golden;

    #[test]
    fn an_inspection_fits_a_screen() {
        let inspection = Inspection {
            manifest: Manifest {
                name: "helm".into(),
                version: "4.3.1".into(),
                contract: "0.1.0".into(),
                world: World::Renderer,
                description: "Renders \u{1b}[31mHelm charts.".into(),
                markers: vec![Marker {
                    file: "Chart.yaml".into(),
                    rank: 10,
                }],
                scope: Scope::default(),
                kinds: Vec::new(),
                grants: vec![Grant::Sources],
                config: json!({"type": "object", "properties": {
                    "releaseName": {"type": "string", "description": "Name of the release."},
                    "values": {"type": "object"},
                }}),
            },
            digest: Digest::of(b"helm"),
            size: 27_100_000,
            imports: Vec::new(),
            exports: Vec::new(),
            capabilities: BTreeSet::new(),
            sections: Vec::new(),
            producers: vec!["go 1.26.8".into()],
        };
        golden::check("inspect.txt", &text(&inspection, Paint::Plain));
    }

    #[test]
    fn a_plugin_without_config_says_so() {
        assert_eq!(config(&serde_json::Value::Null), "  none\n");
    }
}
