//! What should exist? Files through a plugin, documents parsed once.
//!
//! ```text
//! call ─ store.find ─▶ run ──────────────▶ documents ─▶ objects
//!            └─ miss ─▶ plugin ─▶ store.put ─┘
//! ```

mod cache;
mod call;
pub(crate) mod illustrate;
mod path;
mod store;
mod stored;

use std::sync::Arc;

use serde_json::Map;
use windlass_cluster::facts::Facts;
use windlass_core::{
    config::{App, Config, PluginChoice, ServingSpec},
    digest::Digest,
    history::Plugin,
    inventory::Clock,
    manifest::Desired,
    render::{AppNames, Diagnostic, Output},
    trace::Trace,
    tree::Tree,
};
use windlass_host::{RenderRequest, entropy};
use windlass_source::Revision;

use crate::{
    engine::{self, Engine, blocking},
    fault,
    plugins::{Candidate, Plugins},
    report::Report,
    stop::Stop,
};

pub use cache::Cache;
pub(crate) use call::diagnostics;
pub use path::{PathRequest, Rendered, path};
pub(crate) use path::{app_name, named};
pub use store::{Kept, Lookup, Run, RunId, Store};
pub(crate) use stored::{Stored, Wanted};

use call::Call;

/// What a render came to. Its documents are loaded when somebody needs them: an idle app needs none.
pub struct Render {
    call: Call,
    run: RunId,
    timeless: Option<Digest>,
    /// When the plugin was called for it.
    made: Option<Arc<Run>>,
}

/// A render's documents and what they are made of.
#[derive(Debug, Clone)]
pub struct Rendering {
    /// `name@version`.
    pub plugin: String,
    /// Of the component.
    pub digest: Digest,
    /// What it was rendered from.
    pub tree: Tree,
    /// As the plugin emitted it.
    pub output: Arc<Output>,
    /// As objects.
    pub desired: Arc<Desired>,
    /// What was read, in order.
    pub trace: Arc<Trace>,
}

/// The render of an app at a revision. The plugin is called only when a question that it asked is answered anew.
///
/// `facts`: what the plugin may ask about the target. `clock`: the time its last render was told, and what it had read. A render is told that time again while it reads the
/// same, so that neither an unrelated commit nor a lost cache moves it.
///
/// # Errors
/// With everything the plugin found, when it found that it can't render.
pub async fn run(
    engine: &Engine,
    app: &App,
    revision: &Revision,
    facts: &Facts,
    clock: Option<&Clock>,
    report: &mut Report,
) -> Result<Render, Stop> {
    let mut call = prepare(engine, app, revision, facts, report).await?;
    if let Some(clock) = clock {
        call.request.now = clock.now;
    }
    let render = known_or_made(&engine.plugins(), engine.renders(), call, report).await?;
    match clock {
        Some(clock) if render.moves(clock, revision) => {
            let mut call = render.call.clone();
            call.request.now = revision.time;
            known_or_made(&engine.plugins(), engine.renders(), call, report).await
        }
        _ => Ok(render),
    }
}

impl Render {
    /// Identity of the output: equal runs, equal documents.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.run
    }

    /// The time to tell this render as long as it reads the same; `None` when it doesn't ask.
    #[must_use]
    pub fn clock(&self) -> Option<Clock> {
        self.timeless.map(|inputs| Clock {
            now: self.call.request.now,
            inputs,
        })
    }

    /// The plugin that was called for it.
    pub(crate) fn plugin(&self) -> Plugin {
        Plugin {
            reference: self.call.plugin_name(),
            digest: self.call.plugin.digest(),
        }
    }

    /// Whether it read something else than when its time was set.
    fn moves(&self, clock: &Clock, revision: &Revision) -> bool {
        self.timeless.is_some_and(|inputs| inputs != clock.inputs) && clock.now != revision.time
    }

    /// The documents, as objects.
    ///
    /// # Errors
    /// With everything the parser found, or the plugin when it failed; nothing of the app is applied then.
    pub async fn documents(&self, engine: &Engine, report: &mut Report) -> Result<Rendering, Stop> {
        let key = (self.run, self.call.request.app.target_namespace.clone());
        let parsed = match engine.renderings().get(&key) {
            Some(parsed) => parsed,
            None => {
                let (call, run) = (
                    self.call.clone(),
                    self.load(&engine.plugins(), engine.renders(), report).await?,
                );
                // The work of a core each, like lookups: more threads would bring nothing and keep memory of their own.
                let turn = engine.renders().turn().await;
                let parsed = blocking(move || call.parse(&run)).await?.map_err(Stop::failed)?;
                drop(turn);
                engine.renderings().put(key, parsed)
            }
        };
        let rendering = self.call.rendering(&parsed);
        if engine.explains() {
            report.trace = Some(rendering.trace.facts().to_vec());
        }
        Ok(rendering)
    }

    /// What the plugin came to.
    async fn load(&self, plugins: &Plugins, store: &Arc<Store>, report: &mut Report) -> Result<Arc<Run>, Stop> {
        if let Some(run) = &self.made {
            return Ok(Arc::clone(run));
        }
        let (store, id) = (Arc::clone(store), self.run);
        match blocking(move || store.load(id)).await? {
            Some(run) => Ok(run),
            // It was deleted since it was found.
            None => self.call.make_noted(plugins, report).await,
        }
    }
}

/// The run that holds, or a new one.
async fn known_or_made(plugins: &Plugins, store: &Arc<Store>, call: Call, report: &mut Report) -> Result<Render, Stop> {
    let base = call.base(plugins);
    let found = call.look(base, store).await?;
    report.looked(&found);
    match found {
        Lookup::Hit { id, timeless, .. } => Ok(Render {
            call,
            run: id,
            timeless,
            made: None,
        }),
        Lookup::Miss { .. } => make(plugins, store, call, base, report).await,
    }
}

/// Calls the plugin and keeps what came of it.
async fn make(
    plugins: &Plugins,
    store: &Arc<Store>,
    call: Call,
    base: Digest,
    report: &mut Report,
) -> Result<Render, Stop> {
    let run = call.make_noted(plugins, report).await?;
    fault::point("render: done");
    let (store, kept, plugin) = (Arc::clone(store), Arc::clone(&run), call.plugin_name());
    Ok(Render {
        timeless: run.trace.timeless(),
        run: blocking(move || store.put(base, &plugin, &kept)).await?,
        made: Some(run),
        call,
    })
}

/// The plugin that an app asks for, by its step, its Repository or the files of its folder.
///
/// # Errors
/// When its Repository isn't served by it, or nobody recognises the folder.
pub(crate) fn choice(config: &Config, plugins: &Plugins, app: &App, tree: &Tree) -> Result<PluginChoice, Diagnostic> {
    let any = ServingSpec::default();
    let repository = config.repositories.get(&app.spec.repository);
    let serving = repository.map_or(&any, |repository| &repository.plugins);
    plugins.choice(serving, &app.spec, tree)
}

/// What an app would be by a plugin of somebody's choice, whoever serves it. Every `now` is the time that it is told.
///
/// # Errors
/// As [`run`], and those of the documents.
pub(crate) async fn by(
    engine: &Engine,
    plugins: &Plugins,
    candidate: &Arc<Candidate>,
    app: &App,
    revision: &Revision,
    (facts, clock): (&Facts, Option<&Clock>),
) -> Result<Arc<Desired>, Stop> {
    let mut report = Report::new(&app.name);
    let mut call = prepared(engine, plugins, candidate, app, revision, facts).await?;
    if let Some(clock) = clock {
        call.request.now = clock.now;
    }
    let render = known_or_made(plugins, engine.renders(), call, &mut report).await?;
    Ok(render.documents(engine, &mut report).await?.desired)
}

async fn prepare(
    engine: &Engine,
    app: &App,
    revision: &Revision,
    facts: &Facts,
    report: &mut Report,
) -> Result<Call, Stop> {
    let failed = |diagnostic| Stop::failed(vec![diagnostic]);
    let (plugins, config) = (engine.plugins(), engine.config());
    let choice = choice(&config, &plugins, app, &revision.tree("")).map_err(failed)?;
    let candidate = plugins.choose(&choice).map_err(failed)?;
    let rollout = config.plugins.get(&choice.name).map(|spec| spec.rollout);
    let note = plugins.stands_in(&choice, rollout.unwrap_or_default());
    report.notes.extend(note);
    prepared(engine, &plugins, &candidate, app, revision, facts).await
}

async fn prepared(
    engine: &Engine,
    plugins: &Plugins,
    candidate: &Arc<Candidate>,
    app: &App,
    revision: &Revision,
    facts: &Facts,
) -> Result<Call, Stop> {
    let plugin = plugins
        .load(candidate)
        .await
        .map_err(|wrong| Stop::failed(vec![wrong]))?;
    let step = app.spec.render.first();
    let config = step.map_or_else(Map::new, |step| step.config.clone());
    let path = app.spec.path.trim_end_matches('/').to_owned();
    let names = AppNames {
        namespace: app.namespace.clone(),
        name: app.name.clone(),
        target_namespace: app.spec.target.namespace.clone(),
    };
    let config = call::check_config(&plugin, config).map_err(Stop::failed)?;
    let request = RenderRequest {
        tenant: engine::tenant(app),
        tree: revision.tree(""),
        path,
        config,
        entropy: entropy::app_key(engine.secret().as_bytes(), &names),
        app: names,
        now: revision.time,
        kube_version: facts.kube_version.clone(),
        apis: Arc::clone(&facts.apis),
        input: None,
        sources: std::collections::BTreeMap::new(),
    };
    Ok(Call { plugin, request })
}
