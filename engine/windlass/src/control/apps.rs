//! Which App somebody means.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::config::{App, full_name, id_of, parts_of};

use super::{Refusal, Response};
use crate::{clock, desk::Desk};

/// Apps of a configuration, by `namespace/name`; none where there is no configuration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Apps(BTreeMap<String, App>);

/// An App that was meant.
#[derive(Debug)]
pub(super) struct Found {
    /// `namespace/name`.
    pub(super) app: String,
    /// As its configuration has it: its name alone in namespace "default".
    pub(super) id: String,
    /// Of its inventory; `None`: it was never applied.
    pub(super) key: Option<String>,
}

impl Apps {
    pub(crate) fn of<'a>(apps: impl Iterator<Item = &'a App>) -> Self {
        Self(apps.map(|app| (app.full_name(), app.clone())).collect())
    }

    /// Whether its own specification has an App rest.
    pub(super) fn rests_by_spec(&self, app: &str) -> bool {
        let suspend = self.0.get(app).and_then(|app| app.spec.suspend.as_ref());
        windlass_core::holds::suspended(suspend, None, clock::now()).is_some()
    }

    /// The App of a name, or of `namespace/name`.
    pub(super) fn find(&self, desk: &Desk, wanted: &str) -> Result<Found, Refusal> {
        let keys = desk.keys()?;
        let mut known: BTreeMap<&str, Vec<&str>> = self.0.keys().map(|app| (app.as_str(), Vec::new())).collect();
        for key in &keys {
            if let Some((_, app)) = key.rsplit_once('|') {
                known.entry(app).or_default().push(key);
            }
        }
        let is_it = |app: &str| app == wanted || app.split_once('/').is_some_and(|(_, name)| name == wanted);
        let fitting: BTreeSet<&str> = known.keys().copied().filter(|app| is_it(app)).collect();
        // An App that left the configuration may have had the name.
        let here: BTreeSet<&str> = fitting
            .iter()
            .copied()
            .filter(|app| self.0.contains_key(*app))
            .collect();
        let fitting = if here.is_empty() { fitting } else { here };
        // Also where others have the name in theirs.
        let own = id_in_full(wanted);
        let fitting = match fitting.get(own.as_str()) {
            Some(own) => BTreeSet::from([*own]),
            None => fitting,
        };
        let names = |apps: &mut dyn Iterator<Item = &str>| {
            let names: Vec<String> = apps.map(|app| format!("`{app}`")).collect();
            names.join(", ")
        };
        let Some(app) = fitting.first().copied() else {
            let help = if known.is_empty() {
                "no App was applied from this state yet: is it the right `--state`?".to_owned()
            } else {
                format!("there are {}", names(&mut known.keys().copied()))
            };
            return Err(Refusal::new(format!("no App `{wanted}` is known")).help(help));
        };
        if fitting.len() > 1 {
            let all = names(&mut fitting.into_iter());
            return Err(Refusal::new(format!("`{wanted}` is the name of several Apps: {all}"))
                .help("write it with its namespace"));
        }
        let key = match desk.key(app) {
            Some(key) => Some(key),
            None => newest(desk, known.get(app).map_or(&[][..], Vec::as_slice))?,
        };
        Ok(Found {
            app: app.to_owned(),
            id: app
                .split_once('/')
                .map_or_else(|| app.to_owned(), |(namespace, name)| id_of(namespace, name)),
            key,
        })
    }
}

/// `namespace/name` of what is known by an id.
fn id_in_full(id: &str) -> String {
    let (namespace, name) = parts_of(id);
    full_name(namespace, name)
}

/// Of the places that an App went to, the one to which it went last.
fn newest(desk: &Desk, keys: &[&str]) -> Result<Option<String>, Refusal> {
    let mut newest = None;
    for key in keys {
        let at = desk.inventories().last(key)?.map(|entry| entry.at);
        if newest.as_ref().is_none_or(|(than, _)| at > *than) {
            newest = Some((at, (*key).to_owned()));
        }
    }
    Ok(newest.map(|(_, key)| key))
}

impl Found {
    /// Where its objects are.
    pub(super) fn target(&self) -> &str {
        let key = self.key.as_deref().unwrap_or_default();
        key.rsplit_once('|').map_or("", |(target, _)| target)
    }

    /// It is written down: has the App looked at.
    pub(super) fn decided(self, desk: &Desk, messages: Vec<String>) -> Response {
        Response::Decided {
            at_once: desk.wake(&self.id),
            app: self.app,
            messages,
        }
    }
}
