//! A case through the sandboxed plugin.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;
use windlass_cluster::facts::Facts;
use windlass_core::render::{AppNames, Diagnostic, Document, Failure, Instant, Location, Severity};
use windlass_host::{CallError, CallLimits, Cancel, LoadOptions, RenderRequest, Tenant, entropy};

use super::{
    Native, Problem,
    case::{Case, scan},
};

/// Documents, or findings as `PATH:LINE:COLUMN: error[CODE]: MESSAGE`.
pub(super) type Rendered = Result<Vec<Document>, Vec<String>>;

/// The installation that cases belong to.
pub(super) const INSTALLATION: u8 = 7;

/// Renders a case.
pub(super) fn render(native: &Native, case: &Case) -> Result<Rendered, Problem> {
    render_as(native, case, INSTALLATION)
}

/// Renders a case for an installation: all random values of one are other than those of another, and so are the seeds of
/// a runtime that starts up in the call.
pub(super) fn render_as(native: &Native, case: &Case, installation: u8) -> Result<Rendered, Problem> {
    let component = native.plugins.join(format!("{}.wasm", case.tool.name()));
    let plugin = native.host.load_file(&component, &LoadOptions::default())?;
    let config = match plugin.check_config(&Value::Object(case.config.clone())) {
        Ok(config) => config,
        Err(found) => return Ok(Err(sentences(&found))),
    };
    let request = request(case, config, installation)?;
    // Bytes are compared here, not times: keys are drawn on a machine that runs other tests.
    let limits = CallLimits {
        time: Duration::from_secs(300),
        ..CallLimits::default()
    };
    let outcome = native.host.render(&plugin, &request, &limits, &Cancel::default());
    Ok(match outcome.result {
        Ok(output) if output.diagnostics.iter().any(|d| d.severity == Severity::Error) => {
            Err(sentences(&output.diagnostics))
        }
        Ok(output) => Ok(output.documents),
        Err(CallError::Failed {
            failure: Failure::Invalid(found),
            ..
        }) => Err(sentences(&found)),
        Err(error) => Err(vec![windlass::stop::chain(&error)]),
    })
}

fn request(case: &Case, config: String, installation: u8) -> Result<RenderRequest, Problem> {
    let facts = &case.facts;
    let app = AppNames {
        namespace: "default".to_owned(),
        name: facts.name.clone().unwrap_or_else(|| "app".to_owned()),
        target_namespace: case.namespace().to_owned(),
    };
    let mut cluster = Facts::offline().with_apis(facts.apis.iter().map(String::as_str));
    if let Some(version) = &facts.kube_version {
        cluster = cluster.with_version(version)?;
    }
    let mut sources = std::collections::BTreeMap::new();
    for (name, folder) in &facts.sources {
        sources.insert(name.clone(), scan(&case.root().join(folder))?.tree(name));
    }
    Ok(RenderRequest {
        tenant: Tenant::new("shop"),
        tree: case.ground.revision.tree(""),
        path: case.app().to_owned(),
        config,
        entropy: entropy::app_key(&[installation; 32], &app),
        app,
        now: case.now.unwrap_or_else(now),
        kube_version: cluster.kube_version,
        apis: Arc::clone(&cluster.apis),
        input: None,
        sources,
    })
}

/// The native tools know no other time.
fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant {
        seconds: since.as_secs().try_into().unwrap_or_default(),
        nanoseconds: since.subsec_nanos(),
    }
}

fn sentences(found: &[Diagnostic]) -> Vec<String> {
    found.iter().map(sentence).collect()
}

fn sentence(found: &Diagnostic) -> String {
    let Diagnostic { code, message, .. } = found;
    let place = match &found.at {
        Location::File(file) => match file.span {
            Some(span) => format!("{}:{}:{}: ", file.path, span.line, span.column),
            None => format!("{}: ", file.path),
        },
        Location::Config { pointer } => format!("config{pointer}: "),
        _ => String::new(),
    };
    format!("{place}error[{code}]: {message}")
}
