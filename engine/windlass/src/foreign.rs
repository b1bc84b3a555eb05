//! ConfigMaps and Secrets that an App's pods use and that are not the App's (`restart.foreign: Watch`).
//!
//! That one changed is told by a watch of its metadata, which the engine's credential may have. What it holds is read in the App's name and
//! only digests of it are kept. As long as no watch tells of anything, nobody asks the API server.

mod pace;
mod watches;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use windlass_cluster::{identity::Actor, resource::Resource};
use windlass_core::{
    config::{App, ForeignMode, RestartMode},
    manifest::Desired,
    model::ObjectId,
    render::{Diagnostic, Instant, Location, Severity},
    restart::{self, Parts, Wait},
};

use crate::{
    added::Added,
    alarms::Purpose,
    clock,
    engine::Engine,
    reconcile::Seen,
    report::Report,
    stop::{Stop, chain},
    target::Shared,
};

use pace::Pace;
use watches::{Found, Read, Watches};

/// Objects that count of one App: a tenth of what is watched on a cluster. The threat is an App that takes the places of all others.
const MOST_OF_APP: usize = watches::MOST / 10;

/// Reads of one App under way at a time.
const WIDTH: usize = 8;

/// What can't be read or watched is looked at again after this: nobody tells when an account may read it at last. Each look is a cycle of the App.
const AGAIN: Duration = Duration::from_secs(300);

/// Where no answer came, for that goes away by itself.
const AGAIN_SOON: Duration = Duration::from_secs(30);

/// What is known of all Apps.
#[derive(Default)]
pub(crate) struct Watching {
    watches: Watches,
    pace: Pace,
}

impl Watching {
    /// Nothing of an App is known any more: it left, or is looked at anew.
    pub(crate) fn forget(&self, app: &App) {
        self.watches.forget(app.id());
    }

    /// Whether nothing changed that an App's pods use, and nothing of it is due.
    pub(crate) fn is_quiet(&self, app: &App) -> bool {
        self.watches.is_quiet(app.id())
    }
}

/// What one cycle knows.
pub(crate) struct Foreign<'a> {
    engine: &'a Engine,
    app: &'a App,
    /// Of the inventory.
    key: &'a str,
    server: String,
    digests: BTreeMap<String, String>,
    now: Instant,
    /// No workload of the App is restarted now.
    held: Option<Wait>,
    /// Whether what is planned is to be done.
    acts: bool,
    /// When it is to be looked at again.
    again: Mutex<Option<Instant>>,
}

/// Finds out what the objects hold that an App's workloads use and that are not the App's. `None`: they don't count.
///
/// # Errors
/// When the cluster can't be connected.
pub(crate) async fn look<'a>(
    engine: &'a Engine,
    app: &'a App,
    seen: &'a Seen,
    desired: &Desired,
    report: &mut Report,
) -> Result<Option<Foreign<'a>>, Stop> {
    if app.spec.restart.mode == RestartMode::Off || app.spec.restart.foreign == ForeignMode::Ignore {
        return Ok(None);
    }
    let Some((shared, actor)) = engine.clusters().of(app, engine.options().target.as_ref()).await? else {
        return Ok(None); // a folder holds nobody else's objects
    };
    let added = Added::of(engine, app);
    let mut uses = restart::foreign(desired, |manifest| added.is_left(manifest));
    uses.retain(|id, _| !id.namespace.is_empty());
    if let Some(first) = uses.keys().nth(MOST_OF_APP).cloned() {
        let over = uses.split_off(&first).len();
        report.diagnostics.push(warning(
            "foreign-too-many",
            format!(
                "{over} of the ConfigMaps and Secrets that are not of this App restart nothing: {MOST_OF_APP} count"
            ),
            "split the App",
        ));
    }
    let foreign = Foreign {
        engine,
        app,
        key: &seen.key,
        server: shared.server.clone(),
        digests: BTreeMap::new(),
        now: clock::now(),
        held: held(engine, app),
        acts: seen.acts,
        again: Mutex::default(),
    };
    foreign.follow(&shared, &uses);
    Ok(Some(foreign.read(&shared, &actor, &uses, seen, report).await))
}

/// Why no workload of an App is restarted now. Git's changes may wait for a person all the same: what waits for consent there is what somebody
/// committed, and pods that keep a password which is not valid any more are no safer for it.
fn held(engine: &Engine, app: &App) -> Option<Wait> {
    if let Some(suspension) = engine.desk().suspended(app) {
        return Some(Wait {
            why: "the App is suspended".to_owned(),
            until: suspension.until,
        });
    }
    if app.spec.sync.windows.is_empty() {
        return None;
    }
    // As a repair: a window that stops these stops whatever isn't urgent enough for a person to look.
    let gate = engine.desk().gate(app);
    (!gate.heals).then(|| Wait {
        why: gate.closed.unwrap_or_default(),
        until: gate.next,
    })
}

impl Foreign<'_> {
    fn follow(&self, shared: &Shared, uses: &BTreeMap<ObjectId, Parts>) {
        let desk = self.engine.desk();
        if !desk.is_attended() {
            return;
        }
        let watches = &self.engine.foreign().watches;
        watches.follow(self.app.id(), &self.server, uses.keys(), desk, |id, told| {
            shared.api.notice(&resource(&id.kind), id, told)
        });
    }

    async fn read(
        mut self,
        shared: &Shared,
        actor: &Actor,
        uses: &BTreeMap<ObjectId, Parts>,
        seen: &Seen,
        report: &mut Report,
    ) -> Self {
        let reads: Vec<_> = uses
            .iter()
            .map(|(id, parts)| self.one(shared, actor, id, parts))
            .collect();
        let found: BTreeMap<&ObjectId, Found> = stream::iter(reads).buffer_unordered(WIDTH).collect().await;
        for (id, found) in found {
            match found {
                Found::There(_, digests) => self.digests.extend(digests),
                Found::Absent if seen.is_used(id) => {
                    let note = format!("{id} (not of this App) isn't there: its pods keep what they have");
                    push(&mut report.notes, note);
                }
                Found::Absent => {}
                Found::Refused(why, is_transient) => {
                    self.look_again(if is_transient { AGAIN_SOON } else { AGAIN });
                    let message = format!(
                        "{id} (not of this App) can't be read, so that no change of it restarts anything: {why}"
                    );
                    let help = if is_transient {
                        "it is tried again".to_owned()
                    } else {
                        format!(
                            "let the App's service account `get` {} `{}` in namespace `{}`, or say `restart.foreign: Ignore`",
                            resource(&id.kind).plural,
                            id.name,
                            id.namespace
                        )
                    };
                    report.diagnostics.push(warning("foreign-unreadable", message, help));
                }
            }
            let watches = &self.engine.foreign().watches;
            if let Some(why) = watches.unwatched(&(self.server.clone(), id.clone())) {
                self.look_again(AGAIN);
                let message = format!(
                    "{id} (not of this App) isn't watched: a change of it is found within {} minutes ({why})",
                    AGAIN.as_secs() / 60
                );
                let help = "the engine's credential needs `list` and `watch` for ConfigMaps and Secrets, of which it sees metadata only";
                report.diagnostics.push(warning("foreign-unwatched", message, help));
            }
        }
        self
    }

    async fn one<'i>(&self, shared: &Shared, actor: &Actor, id: &'i ObjectId, parts: &Parts) -> (&'i ObjectId, Found) {
        let watches = &self.engine.foreign().watches;
        let key = (self.server.clone(), id.clone());
        let since = match watches.known(self.app.id(), &key, parts) {
            Ok(read) => return (id, read.found),
            Err(since) => since,
        };
        let found = match shared.api.get(actor, &resource(&id.kind), id).await {
            Ok(Some(body)) => {
                let version = body
                    .pointer("/metadata/resourceVersion")
                    .and_then(|version| version.as_str());
                let digests = parts.digests(&restart::Key::of(self.engine.secret().as_bytes()), id, &body);
                Found::There(version.unwrap_or_default().to_owned(), digests)
            }
            Ok(None) => Found::Absent,
            Err(refusal) => Found::Refused(chain(&refusal), refusal.is_transient()),
        };
        let read = Read {
            parts: parts.clone(),
            since,
            found: found.clone(),
        };
        if !watches.has_read(self.app.id(), &key, read) {
            self.engine.desk().wake(self.app.id());
        }
        (id, found)
    }

    fn look_again(&self, after: Duration) {
        self.look_again_at(clock::after(after));
    }

    fn look_again_at(&self, at: Instant) {
        let mut again = self.again.lock().unwrap_or_else(PoisonError::into_inner);
        *again = Some(again.map_or(at, |known| known.min(at)));
    }

    /// As [`restart::decide`] takes it. `waits`: [`Foreign::waits`].
    pub(crate) const fn given<'f>(&'f self, waits: &'f dyn Fn(&ObjectId) -> Option<Wait>) -> restart::Foreign<'f> {
        restart::Foreign {
            digests: &self.digests,
            now: self.now,
            waits,
        }
    }

    /// Why a workload that would be restarted has to wait all the same.
    pub(crate) fn waits(&self, id: &ObjectId) -> Option<Wait> {
        if self.held.is_some() || !self.acts {
            return self.held.clone();
        }
        let wait = self.engine.foreign().pace.wait(&self.server, self.key, id)?;
        Some(Wait {
            why: "many workloads of the cluster are restarted for what isn't their Apps'".to_owned(),
            until: Some(clock::after(wait)),
        })
    }

    /// Has the App looked at when what waits may be done.
    pub(crate) fn rest(self, desired: &Desired) {
        if !self.engine.desk().is_attended() {
            return;
        }
        let restarts = desired
            .objects
            .values()
            .filter_map(|manifest| manifest.configured.as_ref());
        let mut is_untold = false;
        for wait in restarts.filter_map(|restart| restart.waits.as_ref()) {
            match wait.until {
                Some(until) => self.look_again_at(until),
                None => is_untold = true,
            }
        }
        let next = *self.again.lock().unwrap_or_else(PoisonError::into_inner);
        self.engine.foreign().watches.rest(self.app.id(), next, is_untold);
        self.engine.desk().alarms().set(self.app.id(), Purpose::Restart, next);
    }
}

impl Seen {
    /// Whether a workload is known to have used an object.
    fn is_used(&self, id: &ObjectId) -> bool {
        let mut configured = self
            .inventory
            .entries
            .values()
            .filter_map(|owned| owned.configured.as_ref());
        configured.any(|configured| configured.knows(id))
    }
}

/// A note that isn't there yet.
pub(crate) fn push(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

fn warning(code: &str, message: String, help: impl Into<String>) -> Diagnostic {
    let mut finding = Diagnostic::error(code, message, Location::None).with_help(help);
    finding.severity = Severity::Warning;
    finding
}

/// The two kinds are every API server's.
fn resource(kind: &str) -> Resource {
    Resource {
        group: String::new(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        plural: if kind == "Secret" { "secrets" } else { "configmaps" }.to_owned(),
        namespaced: true,
    }
}
