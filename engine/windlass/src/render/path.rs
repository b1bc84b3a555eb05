//! A folder or file of this machine through a plugin: `windlass render` and `windlass diff PATH`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value};
use windlass_cluster::facts::Facts;
use windlass_core::{
    config::PluginChoice,
    digest::Digest,
    manifest::{self, Desired},
    render::{AppNames, Diagnostic, Location, Output},
    trace::Trace,
    tree::Tree,
};
use windlass_host::{RenderRequest, Tenant, entropy};
use windlass_source::{
    Cancel,
    local::{Folder, Options},
};

use super::{
    Store,
    call::{Call, check_config},
    illustrate, known_or_made,
};
use crate::{
    plugins::Plugins,
    report::{Report, Why},
    state::Secret,
    stop::chain,
};

/// What to render, and as what.
#[derive(Debug, Clone)]
pub struct PathRequest {
    /// A folder or a file.
    pub path: PathBuf,
    /// A plugin by name, or `name@version`; `None` = recognise it.
    pub with: Option<String>,
    /// The plugin's config.
    pub config: Map<String, Value>,
    /// Namespace of the objects; "" = not said.
    pub namespace: String,
    /// What the plugin may ask about the cluster.
    pub facts: Facts,
}

/// What came out.
#[derive(Debug)]
pub struct Rendered {
    /// The app's name: the folder's.
    pub name: String,
    /// `name@version`.
    pub plugin: String,
    /// Of the component.
    pub digest: Digest,
    /// What it was rendered from.
    pub tree: Tree,
    /// As the plugin emitted it.
    pub output: Arc<Output>,
    /// As objects; empty when there are problems.
    pub desired: Desired,
    /// Documents that are no Kubernetes objects.
    pub problems: Vec<Diagnostic>,
    /// What was read, in order.
    pub trace: Arc<Trace>,
    /// Plugin calls.
    pub calls: u32,
    /// Why it was or was not called.
    pub why: Option<Why>,
    /// Wall time, with scanning the folder and compiling where it was needed.
    pub elapsed: Duration,
}

/// Renders a path as one app that is named after it.
///
/// # Errors
/// With everything the plugin found.
pub async fn path(
    plugins: &Plugins,
    secret: &Secret,
    store: &Arc<Store>,
    request: PathRequest,
) -> Result<Rendered, Vec<Diagnostic>> {
    let started = Instant::now();
    let name = app_name(&request.path);
    let call = prepare(plugins, secret, &name, request).await?;
    let mut report = Report::new(&name);
    let render = known_or_made(plugins, store, call, &mut report)
        .await
        .map_err(|stop| stop.diagnostics)?;
    let run = render
        .load(plugins, store, &mut report)
        .await
        .map_err(|stop| stop.diagnostics)?;
    let call = render.call;
    let output = call.output(&run)?;
    let (tree, namespace) = (&call.request.tree, &call.request.app.target_namespace);
    let (desired, problems) = match manifest::read(&output, namespace) {
        Ok(desired) => (illustrate::warnings(desired, tree), Vec::new()),
        Err(errors) => (Desired::default(), illustrate::all(errors, tree)),
    };
    Ok(Rendered {
        name,
        plugin: call.plugin_name(),
        digest: call.plugin.digest(),
        tree: tree.clone(),
        output,
        desired,
        problems,
        trace: Arc::clone(&run.trace),
        calls: report.calls,
        why: report.why,
        elapsed: started.elapsed(),
    })
}

async fn prepare(
    plugins: &Plugins,
    secret: &Secret,
    name: &str,
    request: PathRequest,
) -> Result<Call, Vec<Diagnostic>> {
    let one = |code: &str, message: String| vec![Diagnostic::error(code, message, Location::None)];
    let opened = {
        let path = request.path.clone();
        tokio::task::spawn_blocking(move || open(&path))
            .await
            .map_err(|e| one("interrupted", e.to_string()))?
    };
    let (revision, path) = opened.map_err(|message| one("local-folder", message))?;
    let tree = revision.tree("");
    let candidate = match &request.with {
        Some(name) => plugins.choose(&named(name)),
        None => plugins.recognise(&tree, &path),
    }
    .map_err(|diagnostic| vec![diagnostic])?;
    let plugin = plugins.load(&candidate).await.map_err(|diagnostic| vec![diagnostic])?;
    let app = AppNames {
        namespace: "default".to_owned(),
        name: name.to_owned(),
        target_namespace: request.namespace.clone(),
    };
    Ok(Call {
        request: RenderRequest {
            tenant: Tenant::new(""),
            tree,
            path,
            config: check_config(&plugin, request.config)?,
            entropy: entropy::app_key(secret.as_bytes(), &app),
            app,
            now: revision.time,
            kube_version: request.facts.kube_version,
            apis: Arc::clone(&request.facts.apis),
            input: None,
            sources: BTreeMap::new(),
        },
        plugin,
    })
}

fn open(path: &Path) -> Result<(windlass_source::Revision, String), String> {
    let (folder, path) = Folder::open(path, &Options::default()).map_err(|e| chain(&e))?;
    let scan = folder.scan(&Cancel::new()).map_err(|e| chain(&e))?;
    Ok((scan.revision, path))
}

/// A plugin as the command line names it: `name` or `name@version`.
pub(crate) fn named(text: &str) -> PluginChoice {
    match text.split_once('@') {
        Some((name, version)) => PluginChoice {
            name: name.to_owned(),
            version: Some(version.to_owned()),
        },
        None => PluginChoice::of(text),
    }
}

/// What an app of a path is called: the folder's name, or the file's without its extension.
pub(crate) fn app_name(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let name = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    name.map_or_else(|| "app".to_owned(), |name| name.to_string_lossy().into_owned())
}
