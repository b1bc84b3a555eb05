//! What is to be told of an App, to whom, and when it is tried again: pure, so that a restart goes on where it was.
//!
//! What an App stands at is compared with what each receiver was told last. So nobody is told the same twice, whatever happened
//! in between that they did not want to know; and what was not written down before a kill is found again after it, as the App
//! still stands there. Only an edit of somebody's that was undone stands nowhere afterwards: it is noted before it is undone
//! ([`Standing::finds`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    event::{Event, State, Subject, Topic},
    model::ObjectId,
};

/// Of [`Standing`] and [`Entry`] as they are stored.
pub const FORMAT: u32 = 1;

/// Edited objects that are noted of an App. The threat is an App of twenty thousand objects that somebody edits at once.
const MOST_FOUND: usize = 200;

/// What is remembered of an App between two events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// See [`FORMAT`].
    pub format: u32,
    /// Where it stands.
    pub state: Option<State>,
    /// Events of the App so far.
    pub events: u64,
    /// By receiver, what it was told last of where the App stands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub told: BTreeMap<String, Told>,
    /// Edits that are about to be undone, and of which nobody was told yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<ObjectId>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            format: FORMAT,
            state: None,
            events: 0,
            told: BTreeMap::new(),
            found: Vec::new(),
        }
    }
}

/// What a receiver was told last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Which state.
    pub state: State,
    /// See [`Event::edge`].
    pub edge: Digest,
}

/// Who is told, and of what.
#[derive(Debug, Clone, Copy)]
pub struct Receiver<'a> {
    /// Unique among those of the App.
    pub name: &'a str,
    /// What it wants.
    pub topics: &'a BTreeSet<Topic>,
    /// What the App lets it have; `None` = all.
    pub allowed: Option<&'a BTreeSet<Topic>>,
}

impl Receiver<'_> {
    fn wants(&self, state: State, last: Option<State>) -> bool {
        let concerns = |topics: &BTreeSet<Topic>| topics.iter().any(|topic| topic.concerns(state, last));
        concerns(self.topics) && self.allowed.is_none_or(concerns)
    }
}

impl Standing {
    /// Notes objects that somebody edited, before that is undone. `false`: all were known.
    pub fn finds(&mut self, objects: impl IntoIterator<Item = ObjectId>) -> bool {
        let before = self.found.len();
        for object in objects {
            if self.found.len() < MOST_FOUND && !self.found.contains(&object) {
                self.found.push(object);
            }
        }
        self.found.len() != before
    }

    /// What is to be told now that an App stands as `event` says; in order. `undone`: the edits that were undone in this cycle. The
    /// events' own `previous` and `occurrence` are filled in here. Nothing comes of an App that stands where everybody knows.
    pub fn note(&mut self, mut event: Event, undone: Vec<Subject>, receivers: &[Receiver<'_>]) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let Some(drifted) = self.undone(&event, undone) {
            entries.extend(self.passing(drifted, receivers));
        }
        event.previous = self.state;
        self.state = Some(event.state);
        let edge = event.edge();
        let to: Vec<&str> = receivers
            .iter()
            .filter(|receiver| {
                let last = self.told.get(receiver.name);
                last.is_none_or(|told| told.edge != edge) && receiver.wants(event.state, last.map(|told| told.state))
            })
            .map(|receiver| receiver.name)
            .collect();
        for name in &to {
            let told = Told {
                state: event.state,
                edge,
            };
            self.told.insert((*name).to_owned(), told);
        }
        if event.state == State::Healthy {
            // Who doesn't want to know that it is well is told when it is not, again.
            let unheeding = |name: &str| {
                let receiver = receivers.iter().find(|receiver| receiver.name == name);
                receiver.is_some_and(|receiver| !receiver.wants(State::Healthy, None))
            };
            self.told
                .retain(|name, _| to.contains(&name.as_str()) || !unheeding(name));
        }
        entries.extend(self.entry(event, &to));
        entries
    }

    /// Forgets receivers that are none any more.
    pub fn retain(&mut self, receivers: &[Receiver<'_>]) {
        self.told
            .retain(|name, _| receivers.iter().any(|receiver| receiver.name == name));
    }

    /// The event of edits that were undone, in this cycle or before a kill.
    fn undone(&mut self, event: &Event, undone: Vec<Subject>) -> Option<Event> {
        let mut objects = undone;
        // Of what failed it is not known whether it was undone: it is found again.
        let is_over = matches!(
            event.state,
            State::Healthy | State::Progressing | State::Degraded | State::Stalled
        );
        if !is_over && objects.is_empty() {
            return None;
        }
        for found in std::mem::take(&mut self.found) {
            if !objects.iter().any(|known| known.object == found) && is_over {
                objects.push(Subject {
                    object: found,
                    state: None,
                    reason: "Undone".into(),
                    message: "somebody changed it: it is as git says again".into(),
                    field: None,
                    manager: None,
                });
            }
        }
        if objects.is_empty() {
            return None;
        }
        Some(Event {
            state: State::Drifted,
            reason: "Undone".into(),
            message: summary(&objects),
            findings: Vec::new(),
            objects,
            ..event.clone()
        })
    }

    /// An event after which the App stands where it stood.
    fn passing(&mut self, mut event: Event, receivers: &[Receiver<'_>]) -> Option<Entry> {
        event.previous = self.state;
        let to: Vec<&str> = receivers
            .iter()
            .filter(|receiver| receiver.wants(State::Drifted, None))
            .map(|receiver| receiver.name)
            .collect();
        self.entry(event, &to)
    }

    fn entry(&mut self, mut event: Event, to: &[&str]) -> Option<Entry> {
        if to.is_empty() {
            return None;
        }
        self.events += 1;
        event.occurrence = self.events;
        let left = to.iter().map(|name| ((*name).to_owned(), Left::default()));
        Some(Entry {
            format: FORMAT,
            event,
            left: left.collect(),
        })
    }
}

fn summary(objects: &[Subject]) -> String {
    let mut ids: Vec<&ObjectId> = objects.iter().map(|subject| &subject.object).collect();
    ids.dedup();
    let who: BTreeSet<&str> = objects
        .iter()
        .filter_map(|subject| subject.manager.as_deref())
        .collect();
    let who = if who.is_empty() {
        "somebody".to_owned()
    } else {
        who.into_iter().collect::<Vec<_>>().join(", ")
    };
    match ids.as_slice() {
        [one] => format!("{who} changed {one}: undone"),
        many => format!("{who} changed {} objects: undone", many.len()),
    }
}

/// An event on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// See [`FORMAT`].
    pub format: u32,
    /// What happened.
    pub event: Event,
    /// Who is still to be told.
    pub left: BTreeMap<String, Left>,
}

/// A receiver that is still to be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// Attempts so far.
    pub attempts: u32,
}

/// After this an event is old news, and is dropped with a warning.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Events of one App that wait for one receiver: beyond it the oldest is dropped, with a warning. The threat is a receiver that is gone,
/// and an App that fails and recovers for a day.
pub const MOST_WAITING: usize = 100;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The longest that a receiver may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(60 * 60);

/// How long a receiver is left alone after so many attempts in vain. `wish`: what it asked for.
#[must_use]
pub fn pause(attempts: u32, wish: Option<Duration>) -> Duration {
    let own = FIRST_PAUSE
        .saturating_mul(1 << attempts.saturating_sub(1).min(16))
        .min(LAST_PAUSE);
    wish.map_or(own, |wish| wish.clamp(FIRST_PAUSE, LONGEST_WISH))
}

#[cfg(test)]
mod tests;
