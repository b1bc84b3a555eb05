//! What people and programs are told of an App: an edge between two states, with why, where and what.
//!
//! As JSON ([`Event::payload`]) it is what notifiers are given. That form is published ([`SCHEMA`]) and additive: fields are
//! added, none is taken away or comes to mean something else. Every field is always there, `null` where there is nothing to say,
//! so that a template can name any of them.

mod topic;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    digest::Digest,
    health,
    model::{ObjectId, canonical},
    moment,
    render::{Diagnostic, Instant, Location, Severity, shorten},
};

pub use topic::Topic;

/// JSON Schema (2020-12) of the payload.
pub const SCHEMA: &str = include_str!("event/schema.json");

/// What the payload says of its own form.
pub const FORM: &str = "windlass.dev/event/v1";

/// Findings and objects told of, each; the rest is counted. Who gets a message reads the first.
pub const MOST_ITEMS: usize = 50;

/// Bytes of the event's own message; it is cut to it. Chats take some thousand characters.
pub const MESSAGE_BYTES: usize = 4 << 10;

/// Bytes of each text of a finding or an object. With [`MOST_ITEMS`] of both, a payload stays below what every receiver takes.
pub const TEXT_BYTES: usize = 1 << 10;

/// Where an App is from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The target is as git says, and does what it is for.
    Healthy,
    /// It was applied, and is on its way.
    Progressing,
    /// It was applied, and waiting alone won't make it healthy.
    Degraded,
    /// It could not be read, rendered, checked or applied.
    Failed,
    /// Somebody changed what lives; the objects say who, what, and whether it was undone.
    Drifted,
    /// Somebody undoes what the App does again and again.
    Stalled,
    /// A guard holds the plan until somebody consents.
    Held,
    /// Somebody told it to rest.
    Suspended,
    /// What was applied before is applied again.
    RolledBack,
}

impl State {
    /// As in the payload.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Progressing => "progressing",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Drifted => "drifted",
            Self::Stalled => "stalled",
            Self::Held => "held",
            Self::Suspended => "suspended",
            Self::RolledBack => "rolled-back",
        }
    }
}

/// An App has come to another state, or to the same with another desired hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Name of the App; "" = the event is about the Repository: it gives no commit, or gives one again.
    pub app: String,
    /// Namespace of the App; "" with it.
    pub namespace: String,
    /// Name of the Repository.
    pub repository: String,
    /// The commit looked at, in full; `None` when none could be resolved.
    pub revision: Option<String>,
    /// The desired hash; `None` when nothing came out.
    pub desired: Option<Digest>,
    /// Where it is now.
    pub state: State,
    /// Where it was before, if that is known.
    pub previous: Option<State>,
    /// Why, as one word in camel case, for programs.
    pub reason: String,
    /// Why, for people: a sentence.
    pub message: String,
    /// When it was noticed.
    #[serde(with = "moment")]
    pub at: Instant,
    /// The how-manieth event of the App it is, from 1: a person who edits the same object twice is told of twice.
    pub occurrence: u64,
    /// What went wrong, or may.
    pub findings: Vec<Finding>,
    /// Objects that it is about.
    pub objects: Vec<Subject>,
}

/// A finding, for people far from the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// Stable, kebab-case.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Name of the source that `path` lies in; "" = the App's repository.
    pub source: String,
    /// File, from the repository's root.
    pub path: Option<String>,
    /// From 1.
    pub line: Option<u32>,
    /// From 1, in bytes.
    pub column: Option<u32>,
}

/// An object, and what is to be said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subject {
    /// Which.
    pub object: ObjectId,
    /// Where it stands; `None` when that is not what the event is about.
    pub state: Option<health::State>,
    /// Why, as one word.
    pub reason: String,
    /// Why, for people.
    pub message: String,
    /// A field that somebody changed, as the API server names it.
    pub field: Option<String>,
    /// The field manager who did.
    pub manager: Option<String>,
}

impl Event {
    /// What makes two events the same edge: the App, what came out, and the state. No text that people read is part of it: one
    /// with a time or a count in it would make every cycle an event. Where nothing came out, the codes and files of the errors
    /// stand for it: another mistake is another event, the same one found again is not. Of drift, the objects, fields and managers
    /// are part of it.
    #[must_use]
    pub fn edge(&self) -> Digest {
        let errors = self
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error);
        let mut failed: Vec<[&str; 3]> = errors
            .filter(|_| self.desired.is_none())
            .map(|finding| {
                [
                    &*finding.code,
                    &*finding.source,
                    finding.path.as_deref().unwrap_or_default(),
                ]
            })
            .collect();
        failed.sort_unstable();
        failed.dedup();
        let app: [&str; 4] = [FORM, &self.namespace, &self.app, self.state.name()];
        let repository = self.app.is_empty().then_some(self.repository.as_str());
        let desired = self.desired.as_ref().map(Digest::as_bytes);
        let parts = app.into_iter().chain(repository).map(str::as_bytes);
        let parts = parts.chain([desired.map_or(&[][..], <[u8; 32]>::as_slice)]);
        let parts = parts.chain(failed.iter().flatten().map(|part| part.as_bytes()));
        let edits: Vec<String> = self.edits();
        Digest::of_parts(parts.chain(edits.iter().map(String::as_bytes)))
    }

    fn edits(&self) -> Vec<String> {
        let mut edits: Vec<String> = self
            .objects
            .iter()
            .filter(|_| self.state == State::Drifted)
            .map(
                |Subject {
                     object, field, manager, ..
                 }| format!("{object} {field:?} {manager:?}"),
            )
            .collect();
        edits.sort_unstable();
        edits
    }

    /// The idempotency key: the edge, and which event of the App it is.
    #[must_use]
    pub fn key(&self) -> String {
        let edge = self.edge();
        Digest::of_parts([edge.as_bytes().as_slice(), &self.occurrence.to_le_bytes()]).hex()
    }

    /// What notifiers are given: canonical JSON of bounded size.
    #[must_use]
    pub fn payload(&self) -> String {
        let mut short = self.clone();
        let more = |all: usize| all.saturating_sub(MOST_ITEMS);
        let (findings, objects) = (more(short.findings.len()), more(short.objects.len()));
        short.findings.truncate(MOST_ITEMS);
        short.objects.truncate(MOST_ITEMS);
        cut(&mut short.message, MESSAGE_BYTES);
        cut(&mut short.reason, TEXT_BYTES);
        for finding in &mut short.findings {
            let texts = [&mut finding.code, &mut finding.message, &mut finding.source];
            let more = [&mut finding.help, &mut finding.path];
            texts.into_iter().chain(more.into_iter().flatten()).for_each(cut_text);
        }
        for Subject {
            object,
            reason,
            message,
            field,
            manager,
            ..
        } in &mut short.objects
        {
            let ObjectId {
                group,
                kind,
                namespace,
                name,
            } = object;
            let texts = [group, kind, namespace, name, reason, message];
            texts
                .into_iter()
                .chain([field, manager].into_iter().flatten())
                .for_each(cut_text);
        }
        let mut value = serde_json::to_value(&short).unwrap_or_default();
        value["form"] = FORM.into();
        value["omitted"] = serde_json::json!({"findings": findings, "objects": objects});
        canonical(&value)
    }
}

impl From<&Diagnostic> for Finding {
    fn from(diagnostic: &Diagnostic) -> Self {
        let file = match &diagnostic.at {
            Location::File(file) => Some(file),
            _ => None,
        };
        let span = file.and_then(|file| file.span);
        let known = |number: u32| (number > 0).then_some(number);
        Self {
            severity: diagnostic.severity,
            code: diagnostic.code.clone(),
            message: diagnostic.message.clone(),
            help: diagnostic.help.clone(),
            source: file.map_or_else(String::new, |file| file.source.clone()),
            path: file.map(|file| file.path.clone()),
            line: span.and_then(|span| known(span.line)),
            column: span.and_then(|span| known(span.column)),
        }
    }
}

fn cut_text(text: &mut String) {
    cut(text, TEXT_BYTES);
}

fn cut(text: &mut String, most: usize) {
    shorten(text, &mut most.clone());
}

/// The schema as a value.
#[must_use]
pub fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap_or_default()
}

#[cfg(test)]
mod tests;
