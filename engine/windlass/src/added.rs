//! What the engine adds to what git says, before anything is compared: on a locked cluster, where an object comes from; in a pod
//! template, that what its pods are configured with has changed.
//!
//! It is part of what is wanted, so that it is compared, applied and taken away as everything else is.

use std::sync::Arc;

use serde_json::Value;
use windlass_core::{
    config::{App, RestartMode},
    digest::Digest,
    inventory::{Inventory, Owned},
    lock,
    manifest::{Desired, Manifest},
    model::{Object, ObjectId, canonical},
    options::{IgnoreRule, Options, Write},
    restart::{self, Restart},
};

use crate::{
    clusters::Clusters,
    engine::Engine,
    foreign::{self, Foreign},
    report::Report,
};

/// What is added to an app's objects.
#[derive(Debug, Clone)]
pub(crate) struct Added {
    source: Option<String>,
    mode: RestartMode,
    key: restart::Key,
    ignore: Vec<IgnoreRule>,
}

impl Added {
    pub(crate) fn of(engine: &Engine, app: &App) -> Self {
        let cluster = Clusters::name_of(app, engine.options().target.as_ref());
        let spec = cluster.and_then(|name| engine.clusters().spec(name));
        let is_locked = spec.is_some_and(|spec| spec.lock.is_on());
        let config = engine.config();
        let repository = config.repositories.get(app.repository());
        Self {
            source: repository
                .filter(|_| is_locked)
                .map(|repository| lock::source(&repository.git.url, &app.spec.path)),
            mode: app.spec.restart.mode,
            key: restart::Key::of(engine.secret().as_bytes()),
            ignore: app.spec.ignore.clone(),
        }
    }

    /// What is wanted, with it. Tells which pods are made anew, and why.
    pub(crate) fn to(
        &self,
        desired: &Arc<Desired>,
        inventory: &Inventory,
        foreign: Option<&Foreign<'_>>,
        report: &mut Report,
    ) -> Arc<Desired> {
        let is_stamped = |owned: &Owned| owned.configured.is_some();
        if self.source.is_none() && self.mode == RestartMode::Off && !inventory.entries.values().any(is_stamped) {
            return Arc::clone(desired);
        }
        let waits = |id: &ObjectId| foreign.and_then(|foreign| foreign.waits(id));
        Arc::new(desired.with(|manifest| {
            let owned = inventory.entries.get(&manifest.object.id);
            let before = owned.and_then(|owned| owned.configured.as_ref());
            let is_left = |source: &Manifest| self.is_left(source);
            let given = foreign.map(|foreign| foreign.given(&waits));
            let restart = restart::decide(&self.key, self.mode, manifest, desired, before, is_left, given);
            let mut restart = restart.filter(|_| !self.is_left(manifest));
            if let Some(restart) = &mut restart {
                if let Some(note) = note(&manifest.object.id, restart) {
                    foreign::push(&mut report.notes, note);
                }
                let with = |stamp: Option<&str>| match self.body(&manifest.object, stamp) {
                    Some(body) => Digest::of(canonical(&body).as_bytes()),
                    None => manifest.object.hash,
                };
                if restart.is_foreign_alone() {
                    restart.without = Some(with(before.and_then(|before| before.stamp.as_deref())));
                }
                if restart.configured.stamp.is_some() {
                    restart.of_git = Some(restart.name_of_git(with(None)));
                }
            }
            let stamp = restart.as_ref().and_then(|restart| restart.configured.stamp.as_deref());
            if let Some(body) = self.body(&manifest.object, stamp) {
                manifest.rewrite(body);
            }
            manifest.configured = restart;
        }))
    }

    /// A body as it was applied last; `None`: nothing was added.
    pub(crate) fn last(&self, object: &Object, inventory: &Inventory) -> Option<Value> {
        let owned = inventory.entries.get(&object.id);
        let configured = owned.and_then(|owned| owned.configured.as_ref());
        self.body(object, configured.and_then(|configured| configured.stamp.as_deref()))
    }

    fn body(&self, object: &Object, stamp: Option<&str>) -> Option<Value> {
        let stamped = stamp.and_then(|stamp| restart::stamped(&object.body, stamp));
        match &self.source {
            Some(source) => lock::with_source(stamped.as_ref().unwrap_or(&object.body), source).or(stamped),
            None => stamped,
        }
    }

    /// Whether an object's content is others', so that what git says of it isn't what lives.
    pub(crate) fn is_left(&self, manifest: &Manifest) -> bool {
        let is_only_made = Options::of(&manifest.object.body).is_ok_and(|options| options.write == Write::CreateOnly);
        is_only_made || is_ignored(&self.ignore, manifest)
    }
}

/// Which pods are made anew, or would be but have to wait, and why.
fn note(id: &ObjectId, restart: &Restart) -> Option<String> {
    let ours = (!restart.because.is_empty()).then(|| format!("{} changed", restart.because.join(", ")));
    let others =
        (!restart.foreign.is_empty()).then(|| format!("{} changed (not of this App)", restart.foreign.join(", ")));
    let why: Vec<String> = ours.into_iter().chain(others).collect();
    if why.is_empty() {
        return None;
    }
    let why = why.join(", ");
    Some(match &restart.waits {
        None => format!("{id} restarts: {why}"),
        Some(wait) => format!("{id} will restart: {why}; it waits {wait}"),
    })
}

/// Of a ConfigMap or Secret: a rule may leave any of its content to others.
fn is_ignored(rules: &[IgnoreRule], manifest: &Manifest) -> bool {
    let id: &ObjectId = &manifest.object.id;
    let is_source = id.group.is_empty() && matches!(id.kind.as_str(), "ConfigMap" | "Secret");
    is_source && rules.iter().any(|rule| rule.is_about(id))
}
