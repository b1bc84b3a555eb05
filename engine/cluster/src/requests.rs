//! How many requests were made: by verb and resource, for tests and metrics.
//!
//! Counted where a request leaves, so that repetitions count and answers from memory don't.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
};

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// One object.
    Get,
    /// Many objects, or a page of them.
    List,
    /// A stream of changes.
    Watch,
    /// What the server serves, and its version.
    Discover,
    /// Server-side apply.
    Apply,
    /// Any write with `dryRun=All`.
    DryRun,
    /// A new object.
    Create,
    /// A JSON patch.
    Patch,
    /// A whole object in place of another.
    Replace,
    /// One object away.
    Delete,
}

impl Verb {
    /// As a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Discover => "discover",
            Self::Apply => "apply",
            Self::DryRun => "dry-run",
            Self::Create => "create",
            Self::Patch => "patch",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }

    /// Whether it changes an object.
    #[must_use]
    pub const fn is_write(self) -> bool {
        matches!(
            self,
            Self::Apply | Self::Create | Self::Patch | Self::Replace | Self::Delete
        )
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// From now on told of every read and write of an object that was answered, before anybody else is: where tests end the process.
/// The first to ask is told.
#[cfg(debug_assertions)]
pub fn on_answer(hook: fn(&str)) {
    let _ = HOOK.set(hook);
}

#[cfg(debug_assertions)]
static HOOK: std::sync::OnceLock<fn(&str)> = std::sync::OnceLock::new();

#[cfg(debug_assertions)]
fn answered(verb: Verb) {
    if let Some(hook) = HOOK.get() {
        hook(verb.as_str());
    }
}

#[cfg(not(debug_assertions))]
const fn answered(_verb: Verb) {}

/// What is counted apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// What it does.
    pub verb: Verb,
    /// Of what: `deployments.apps`, `configmaps`, or a path of discovery.
    pub resource: String,
    /// HTTP status; 0 = no answer.
    pub code: u16,
}

/// The requests of one connection since it was opened.
#[derive(Debug, Default)]
pub struct Requests {
    counts: Mutex<BTreeMap<Series, u64>>,
}

impl Requests {
    pub(crate) fn count(&self, verb: Verb, resource: &str, code: u16) {
        if verb.is_write() || verb == Verb::Get {
            answered(verb);
        }
        let series = Series {
            verb,
            resource: resource.to_owned(),
            code,
        };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(series).or_default() += 1;
    }

    /// All that was counted.
    #[must_use]
    pub fn all(&self) -> BTreeMap<Series, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// By verb, over all resources and answers.
    #[must_use]
    pub fn by_verb(&self) -> BTreeMap<Verb, u64> {
        let mut verbs = BTreeMap::new();
        for (series, count) in &self.all() {
            *verbs.entry(series.verb).or_default() += count;
        }
        verbs
    }

    /// Of one verb.
    #[must_use]
    pub fn of(&self, verb: Verb) -> u64 {
        self.by_verb().get(&verb).copied().unwrap_or_default()
    }

    /// All together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.all().values().sum()
    }

    /// All that changed an object, or tried to.
    #[must_use]
    pub fn writes(&self) -> u64 {
        let is_write = |(series, _): &(&Series, &u64)| series.verb.is_write();
        self.all().iter().filter(is_write).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_can_be_asked_for() {
        let requests = Requests::default();
        requests.count(Verb::Apply, "deployments.apps", 409);
        requests.count(Verb::Apply, "deployments.apps", 200);
        requests.count(Verb::DryRun, "deployments.apps", 200);
        requests.count(Verb::List, "configmaps", 0);
        assert_eq!(
            (requests.of(Verb::Apply), requests.writes(), requests.total()),
            (2, 2, 4)
        );
        let refused = Series {
            verb: Verb::Apply,
            resource: "deployments.apps".into(),
            code: 409,
        };
        assert_eq!(requests.all()[&refused], 1);
    }
}
