//! What a render asked and what it was answered: ordered pairs of a query and the digest of its answer.
//!
//! A render stays valid while every query, asked again, has an answer of the same digest.

mod runs;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

pub use runs::{Found, Inserted, Runs};

/// A question whose answer the output may depend on. `tree`: the label of the tree asked ("" = the app's own).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub enum Query {
    /// Kind, size and mode of a path; misses included.
    Stat {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
    },
    /// Where links lead.
    Canonical {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
    },
    /// The whole content of a file, however many chunks were read.
    Read {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
    },
    /// Names and kinds in a folder, however many pages were read.
    List {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
    },
    /// Files that match a pattern, however many pages were read.
    Glob {
        /// Label of the tree.
        tree: String,
        /// Folder searched.
        base: String,
        /// The pattern.
        pattern: String,
    },
    /// Identity of a file or subtree.
    Digest {
        /// Label of the tree.
        tree: String,
        /// In the tree.
        path: String,
    },
    /// Whether a named source exists, and which tree it is.
    Source {
        /// Its name.
        name: String,
    },
    /// The app's path in its tree.
    Path,
    /// The config.
    Config,
    /// The app's names.
    App,
    /// The time.
    Now,
    /// The Kubernetes version.
    KubeVersion,
    /// Whether the cluster serves an API.
    HasApi {
        /// `v1`, `apps/v1` or `apps/v1/Deployment`.
        name: String,
    },
    /// All APIs.
    Apis,
    /// Output of the previous step.
    Input,
    /// Key of the random stream; its answer is the digest of the key, never the key.
    Entropy,
}

/// One step of a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What was asked.
    #[serde(flatten)]
    pub query: Query,
    /// Digest of the answer, a refusal included.
    pub answer: Digest,
}

/// All that a call asked, in the order of first asking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    facts: Vec<Fact>,
    #[serde(skip)]
    seen: std::collections::BTreeSet<Query>,
}

impl Trace {
    /// Adds a pair unless the query was asked before: within one call the answer can't differ.
    pub fn record(&mut self, query: Query, answer: Digest) {
        if self.seen.insert(query.clone()) {
            self.facts.push(Fact { query, answer });
        }
    }

    /// Whether the query was recorded: spares the caller from computing the digest again.
    #[must_use]
    pub fn has(&self, query: &Query) -> bool {
        self.seen.contains(query)
    }

    /// The pairs, in order.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Identity of what was read: equal digests, equal inputs.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let bytes = serde_json::to_vec(&self.facts).unwrap_or_default();
        Digest::of(&bytes)
    }

    /// Identity of what was read beside the time, for a call that asked for the time: the time is to move when this does.
    #[must_use]
    pub fn timeless(&self) -> Option<Digest> {
        if !self.facts.iter().any(|fact| fact.query == Query::Now) {
            return None;
        }
        let rest: Vec<&Fact> = self.facts.iter().filter(|fact| fact.query != Query::Now).collect();
        Some(Digest::of(&serde_json::to_vec(&rest).unwrap_or_default()))
    }
}

/// As recorded before: duplicates of a query are dropped.
impl FromIterator<Fact> for Trace {
    fn from_iter<I: IntoIterator<Item = Fact>>(facts: I) -> Self {
        let mut trace = Self::default();
        for Fact { query, answer } in facts {
            trace.record(query, answer);
        }
        trace
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_recorded_once_and_in_order() {
        let mut trace = Trace::default();
        let read = Query::Read {
            tree: String::new(),
            path: "a".into(),
        };
        trace.record(read.clone(), Digest::of(b"1"));
        trace.record(Query::Config, Digest::of(b"2"));
        trace.record(read.clone(), Digest::of(b"3"));
        assert_eq!(
            trace.facts().iter().map(|f| &f.query).collect::<Vec<_>>(),
            [&read, &Query::Config]
        );
        assert_eq!(trace.facts()[0].answer, Digest::of(b"1"));
    }
}
