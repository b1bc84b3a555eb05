//! One call of a plugin: looked up, made, and its documents read.

use std::sync::Arc;

use serde_json::{Map, Value};
use windlass_core::{
    digest::Digest,
    manifest::{self, Desired},
    render::{Diagnostic, Failure, Location, Output, attribute, file_at},
    trace::Trace,
    tree::Tree,
};
use windlass_host::{Blame, CallError, Plugin, RenderRequest, facts};

use super::{Kept, Lookup, Rendering, Run, Store, illustrate};
use crate::{
    engine::blocking,
    plugins::Plugins,
    report::Report,
    stop::{Stop, chain},
};

/// A call, ready to be made.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) plugin: Arc<Plugin>,
    pub(super) request: RenderRequest,
}

/// A run's documents, read.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(super) output: Arc<Output>,
    pub(super) desired: Arc<Desired>,
    pub(super) trace: Arc<Trace>,
}

/// Holds a config to the plugin's schema.
pub(super) fn check_config(plugin: &Plugin, config: Map<String, Value>) -> Result<String, Vec<Diagnostic>> {
    plugin.check_config(&Value::Object(config))
}

impl Call {
    /// Names the call in the store.
    pub(super) fn base(&self, plugins: &Plugins) -> Digest {
        facts::base_key(&self.plugin, &self.request, &plugins.limits(&self.plugin))
    }

    /// `name@version`.
    pub(super) fn plugin_name(&self) -> String {
        let manifest = self.plugin.manifest();
        format!("{}@{}", manifest.name, manifest.version)
    }

    /// Whether a known run of this base holds.
    pub(super) async fn look(&self, base: Digest, store: &Arc<Store>) -> Result<Lookup, Stop> {
        // Never closed, so there is always a permit to wait for.
        let _turn = store.turn().await;
        let (store, request) = (Arc::clone(store), self.request.clone());
        blocking(move || {
            // Where the host can't answer, the call is made: it tells why.
            store.find(base, |query| facts::answer_digest(query, &request).ok())
        })
        .await
    }

    /// Makes the call, and tells that it was made.
    pub(super) async fn make_noted(&self, plugins: &Plugins, report: &mut Report) -> Result<Arc<Run>, Stop> {
        report.called();
        self.make(plugins).await.map(Arc::new).map_err(Stop::failed)
    }

    /// Makes the call.
    ///
    /// # Errors
    /// When it came to nothing that it would come to again.
    pub(super) async fn make(&self, plugins: &Plugins) -> Result<Run, Vec<Diagnostic>> {
        let outcome = plugins.render(Arc::clone(&self.plugin), self.request.clone()).await;
        let kept = match outcome.result {
            Ok(output) => Kept::Output(Arc::new(output)),
            Err(CallError::Failed {
                failure: failure @ (Failure::Invalid(_) | Failure::Unsupported(_) | Failure::Other { .. }),
                ..
            }) => Kept::Failed(failure),
            // A panic, a trap, a limit, the host: these may pass, and an error that is kept would not.
            Err(error) => return Err(self.told(error)),
        };
        Ok(Run {
            trace: Arc::new(outcome.trace),
            kept,
        })
    }

    /// The documents of a run, as objects.
    ///
    /// # Errors
    /// With what the plugin or the parser found.
    pub(super) fn parse(&self, run: &Run) -> Result<Parsed, Vec<Diagnostic>> {
        let (tree, namespace) = (&self.request.tree, &self.request.app.target_namespace);
        parse(self.output(run)?, &run.trace, namespace, tree)
    }

    /// What a run emitted.
    ///
    /// # Errors
    /// With what the plugin found.
    pub(super) fn output(&self, run: &Run) -> Result<Arc<Output>, Vec<Diagnostic>> {
        match &run.kept {
            Kept::Output(output) => Ok(Arc::clone(output)),
            Kept::Failed(failure) => Err(self.told(CallError::Failed {
                plugin: self.plugin.reference().clone(),
                export: "render",
                failure: failure.clone(),
            })),
        }
    }

    /// With the tree of this call: what was read when the run was made stands in it too.
    pub(super) fn rendering(&self, parsed: &Parsed) -> Rendering {
        Rendering {
            plugin: self.plugin_name(),
            digest: self.plugin.digest(),
            tree: self.request.tree.clone(),
            output: Arc::clone(&parsed.output),
            desired: Arc::clone(&parsed.desired),
            trace: Arc::clone(&parsed.trace),
        }
    }

    fn told(&self, error: CallError) -> Vec<Diagnostic> {
        let found = diagnostics(error, &self.plugin_name(), &self.request.path);
        illustrate::all(found, &self.request.tree)
    }
}

/// An output as objects.
///
/// # Errors
/// With what the parser found.
pub(super) fn parse(
    output: Arc<Output>,
    trace: &Arc<Trace>,
    namespace: &str,
    tree: &Tree,
) -> Result<Parsed, Vec<Diagnostic>> {
    match manifest::read(&output, namespace) {
        Ok(desired) => Ok(Parsed {
            desired: Arc::new(illustrate::warnings(desired, tree)),
            output,
            trace: Arc::clone(trace),
        }),
        Err(errors) => Err(illustrate::all(errors, tree)),
    }
}

/// Three kinds of failure, kept apart: what the plugin says of the input, the plugin itself, the host.
pub(crate) fn diagnostics(error: CallError, plugin: &str, path: &str) -> Vec<Diagnostic> {
    let blame = match error.blame() {
        Blame::User => "user",
        Blame::Plugin => "plugin",
        Blame::Engine => "engine",
    };
    let at = if path.is_empty() {
        Location::None
    } else {
        Location::File(file_at(path))
    };
    let mut found = match error {
        CallError::Failed {
            failure: Failure::Invalid(diagnostics),
            ..
        } if !diagnostics.is_empty() => diagnostics,
        CallError::Failed {
            failure: Failure::Unsupported(message),
            ..
        } => {
            vec![Diagnostic::error("unsupported", message, at)]
        }
        CallError::Failed {
            failure: Failure::Internal(message),
            ..
        } => internal(plugin, &message, at),
        CallError::Failed {
            failure: Failure::Other { code, message },
            ..
        } => vec![Diagnostic::error(&code, message, at)],
        CallError::Trapped { .. } => vec![Diagnostic::error("plugin-stopped", chain(&error), at)],
        CallError::Host { .. } => vec![Diagnostic::error("host", chain(&error), at)],
        CallError::Failed { .. } => vec![Diagnostic::error("plugin-failed", chain(&error), at)],
    };
    for diagnostic in &mut found {
        diagnostic.extra.push((attribute::PLUGIN.to_owned(), plugin.to_owned()));
        diagnostic.extra.push((attribute::BLAME.to_owned(), blame.to_owned()));
    }
    found
}

/// A panic's stack is for the plugin's author: kept, but not in the sentence.
fn internal(plugin: &str, message: &str, at: Location) -> Vec<Diagnostic> {
    let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
    let mut diagnostic = Diagnostic::error("plugin-internal", format!("plugin {plugin} failed: {first}"), at)
        .with_help("this is a defect of the plugin, not of your files; tell its author");
    if !rest.is_empty() {
        diagnostic.extra.push((attribute::STACK.to_owned(), rest.to_owned()));
    }
    vec![diagnostic]
}
