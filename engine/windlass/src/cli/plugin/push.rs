//! `windlass plugin push FILE REFERENCE`: publishes a plugin as an artifact of an OCI registry.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde::Serialize;
use serde_json::json;
use windlass_core::{config::RegistrySpec, digest::Digest, oci::Reference};
use windlass_host::{Inspection, read_component};
use windlass_source::oci::Registry;

use crate::{
    cli::{
        failure::{Failure, Outcome},
        output::{Form, Format, Output},
    },
    supply,
};

const EXAMPLES: &str = "Examples:
  windlass plugin push helm.wasm ghcr.io/acme/helm:4.3.1
  windlass plugin push helm.wasm localhost:5000/helm:4.3.1     # registries of this machine are without TLS

It prints the entry for `versions` of a Plugin document. The artifact has the layout of the CNCF's WebAssembly working group:
`wkg` and `oras` read it as well.";

/// Publish a plugin in an OCI registry, and print how to admit it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, mut_arg("output", |arg| arg.help("`table`: a line of YAML; or `json`")))]
pub(super) struct Args {
    /// A plugin, as `windlass-build` makes it
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Where to: REGISTRY/REPOSITORY:TAG
    #[arg(value_name = "REFERENCE")]
    reference: Reference,

    /// Credentials, as `docker login` writes them [default: `config.json` in $DOCKER_CONFIG, or in ~/.docker]
    #[arg(long, value_name = "FILE")]
    auth_file: Option<PathBuf>,

    /// CA certificates (PEM) to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Without TLS, wherever the registry is
    #[arg(long)]
    insecure: bool,

    #[command(flatten)]
    form: Form,
}

/// What was pushed.
#[derive(Serialize)]
struct Pushed<'a> {
    version: &'a str,
    oci: String,
    digest: Digest,
}

/// Performs the verb.
pub(super) async fn perform(args: &Args, output: &Output) -> Result<Outcome, Failure> {
    if args.reference.manifest.is_some() {
        return Err(Failure::usage("a digest can't be pushed to: give a tag, or none"));
    }
    let bytes = read_component(&args.file).map_err(|error| Failure::bad_argument(&error))?;
    let inspection = windlass_host::inspect(&bytes)
        .map_err(|error| Failure::failed(format!("`{}` is no plugin: {error}", args.file.display())))?;
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let auth_file = args.auth_file.clone().or_else(docker_config);
    let spec = RegistrySpec {
        auth_file: auth_file.as_ref().map(text),
        ca_file: args.ca_file.as_ref().map(text),
        insecure: args.insecure,
        ..RegistrySpec::default()
    };
    let options = supply::options_of(Path::new(""), &spec).map_err(Failure::usage)?;
    let registry = Registry::new(&args.reference, &options).map_err(|error| Failure::of_error(&error))?;
    let busy = output.busy(&format!("pushing to {}", args.reference), 1);
    let pushed = registry.push(bytes, config(&inspection)).await;
    drop(busy);
    let manifest = pushed.map_err(|error| Failure::of_error(&error))?;
    let pushed = Pushed {
        version: &inspection.manifest.version,
        oci: Reference {
            manifest: Some(manifest),
            ..args.reference.clone()
        }
        .to_string(),
        digest: inspection.digest,
    };
    match args.form.output {
        Format::Table => output.print(&format!(
            "- {{version: {:?}, oci: {:?}, digest: {:?}}}\n",
            pushed.version,
            pushed.oci,
            pushed.digest.to_string()
        ))?,
        Format::Json => output.print_json(&pushed)?,
    }
    Ok(Outcome::Done)
}

/// Where docker keeps credentials, when it does.
fn docker_config() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("DOCKER_CONFIG").or_else(|| set("HOME").map(|home| home.join(".docker")))?;
    Some(folder.join("config.json")).filter(|path| path.is_file())
}

/// What the artifact says of the component.
fn config(inspection: &Inspection) -> Vec<u8> {
    let config = json!({
        "architecture": "wasm",
        "os": "wasip2",
        "layerDigests": [inspection.digest.to_string()],
        "component": {"exports": inspection.exports, "imports": inspection.imports},
    });
    config.to_string().into_bytes()
}
