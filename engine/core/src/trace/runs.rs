//! The runs of a call that are known: a trie by next question and answer.
//!
//! A plugin is a function of what it is answered, so runs that were answered alike so far ask the same next. A lookup
//! therefore asks each question once, however many runs are known, and ends at the one run that still holds, or at the
//! first question whose answer nobody has seen.

use std::collections::BTreeMap;

use super::{Fact, Query, Trace};
use crate::digest::Digest;

/// Runs, each with what is known of it.
#[derive(Debug, Clone)]
pub struct Runs<E> {
    /// Every question once: the runs of one call ask nearly the same.
    questions: Vec<Query>,
    numbers: BTreeMap<Query, u32>,
    runs: Vec<Run<E>>,
}

#[derive(Debug, Clone)]
struct Run<E> {
    /// Number of the question, digest of its answer.
    facts: Vec<(u32, Digest)>,
    entry: E,
}

/// What a lookup came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a, E> {
    /// Every question of this run has the answer it had.
    Run(&'a E),
    /// No run holds. `differs`: the first question with an answer that no run had; `None` when no run is known.
    Nothing {
        /// It.
        differs: Option<&'a Query>,
    },
}

/// What an insertion pushed out.
#[derive(Debug, PartialEq, Eq)]
pub struct Inserted<E> {
    /// The entry of a run with the very same facts.
    pub replaced: Option<E>,
    /// Runs that, answered alike, had asked something else: the plugin is no function of what it is answered, or answers
    /// have come to mean something else. They are gone: the newest is believed.
    pub contradicted: Vec<E>,
}

impl<E> Default for Runs<E> {
    fn default() -> Self {
        Self {
            questions: Vec::new(),
            numbers: BTreeMap::new(),
            runs: Vec::new(),
        }
    }
}

impl<E> Runs<E> {
    /// The run that holds. `answer`: the digest of the answer as of now; `None` where there is none, which no run had.
    pub fn find(&self, mut answer: impl FnMut(&Query) -> Option<Digest>) -> Found<'_, E> {
        let mut left: Vec<&Run<E>> = self.runs.iter().collect();
        let mut differs = None;
        for at in 0.. {
            if let Some(run) = left.iter().find(|run| run.facts.len() == at) {
                return Found::Run(&run.entry);
            }
            let Some(&(question, _)) = left.first().and_then(|run| run.facts.get(at)) else {
                break;
            };
            let query = &self.questions[question as usize];
            let now = answer(query);
            left.retain(|run| {
                run.facts
                    .get(at)
                    .is_some_and(|(q, a)| *q == question && Some(*a) == now)
            });
            differs = Some(query);
        }
        Found::Nothing { differs }
    }

    /// Adds a run.
    pub fn insert(&mut self, trace: &Trace, entry: E) -> Inserted<E> {
        let facts: Vec<_> = trace
            .facts()
            .iter()
            .map(|Fact { query, answer }| (self.number(query), *answer))
            .collect();
        let mut inserted = Inserted {
            replaced: None,
            contradicted: Vec::new(),
        };
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.runs)
            .into_iter()
            .partition(|run| agree(&run.facts, &facts));
        self.runs = kept;
        for run in gone {
            if run.facts == facts {
                inserted.replaced = Some(run.entry);
            } else {
                inserted.contradicted.push(run.entry);
            }
        }
        self.runs.push(Run { facts, entry });
        inserted
    }

    fn number(&mut self, query: &Query) -> u32 {
        if let Some(number) = self.numbers.get(query) {
            return *number;
        }
        let number = u32::try_from(self.questions.len()).unwrap_or(u32::MAX);
        self.questions.push(query.clone());
        self.numbers.insert(query.clone(), number);
        number
    }

    /// Keeps the runs whose entry passes. Questions that nobody asks any more are forgotten.
    pub fn retain(&mut self, keep: impl Fn(&E) -> bool) {
        let old = std::mem::take(self);
        for run in old.runs.into_iter().filter(|run| keep(&run.entry)) {
            let facts = run
                .facts
                .iter()
                .map(|(question, answer)| (self.number(&old.questions[*question as usize]), *answer))
                .collect();
            self.runs.push(Run {
                facts,
                entry: run.entry,
            });
        }
    }

    /// What is known of each run, oldest first.
    pub fn entries(&self) -> impl Iterator<Item = &E> {
        self.runs.iter().map(|run| &run.entry)
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Bytes taken, roughly: what a bound on memory counts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        /// A number and a digest.
        const FACT: usize = 36;
        /// Two copies of a query with a path of some 40 bytes, and their place in a map.
        const QUESTION: usize = 300;
        let facts: usize = self.runs.iter().map(|run| run.facts.len() * FACT).sum();
        facts + self.questions.len() * QUESTION
    }
}

/// Whether two runs may both be of a function: they part at an answer. Equal ones don't: one of them is enough.
fn agree(one: &[(u32, Digest)], other: &[(u32, Digest)]) -> bool {
    match one.iter().zip(other).find(|(a, b)| a != b) {
        Some((a, b)) => a.0 == b.0,
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Query {
        Query::Read {
            tree: String::new(),
            path: path.into(),
        }
    }

    fn trace(facts: &[(&str, &str)]) -> Trace {
        let mut trace = Trace::default();
        for (path, content) in facts {
            trace.record(read(path), Digest::of(content.as_bytes()));
        }
        trace
    }

    fn find<'a>(runs: &'a Runs<u32>, files: &[(&str, &str)], asked: &mut Vec<String>) -> Found<'a, u32> {
        runs.find(|query| {
            let Query::Read { path, .. } = query else { return None };
            asked.push(path.clone());
            let file = files.iter().find(|(name, _)| name == path);
            file.map(|(_, content)| Digest::of(content.as_bytes()))
        })
    }

    #[test]
    fn the_run_whose_answers_hold_is_found_and_each_question_asked_once() {
        let mut runs = Runs::default();
        runs.insert(&trace(&[("a", "1"), ("b", "1")]), 1);
        runs.insert(&trace(&[("a", "1"), ("b", "2"), ("c", "1")]), 2);
        runs.insert(&trace(&[("a", "2")]), 3);
        let mut asked = Vec::new();
        let files = [("a", "1"), ("b", "2"), ("c", "1")];
        assert_eq!(find(&runs, &files, &mut asked), Found::Run(&2));
        assert_eq!(asked, ["a", "b", "c"]);
        assert_eq!(find(&runs, &[("a", "2")], &mut Vec::new()), Found::Run(&3));
    }

    #[test]
    fn a_miss_names_the_question_that_is_answered_anew() {
        let mut runs = Runs::default();
        assert_eq!(find(&runs, &[], &mut Vec::new()), Found::Nothing { differs: None });
        runs.insert(&trace(&[("a", "1"), ("b", "1")]), 1);
        let missed = find(&runs, &[("a", "1"), ("b", "9")], &mut Vec::new());
        assert_eq!(
            missed,
            Found::Nothing {
                differs: Some(&read("b"))
            }
        );
        // What has no answer is no answer that a run had.
        assert_eq!(
            find(&runs, &[], &mut Vec::new()),
            Found::Nothing {
                differs: Some(&read("a"))
            }
        );
    }

    #[test]
    fn a_call_that_asks_nothing_always_holds() {
        let mut runs = Runs::default();
        runs.insert(&Trace::default(), 1);
        assert_eq!(find(&runs, &[], &mut Vec::new()), Found::Run(&1));
    }

    #[test]
    fn of_runs_that_contradict_each_other_the_newest_is_believed() {
        let mut runs = Runs::default();
        runs.insert(&trace(&[("a", "1"), ("b", "1")]), 1);
        runs.insert(&trace(&[("a", "2")]), 2);
        let inserted = runs.insert(&trace(&[("a", "1"), ("c", "1")]), 3);
        assert_eq!(inserted.contradicted, [1]);
        let inserted = runs.insert(&trace(&[("a", "1")]), 4);
        assert_eq!(inserted.contradicted, [3]);
        let inserted = runs.insert(&trace(&[("a", "1")]), 5);
        assert_eq!((inserted.replaced, runs.len()), (Some(4), 2));
    }

    #[test]
    fn what_is_removed_is_forgotten_whole() {
        let mut runs = Runs::default();
        runs.insert(&trace(&[("a", "1"), ("old", "1")]), 1);
        runs.insert(&trace(&[("a", "2"), ("new", "1")]), 2);
        runs.retain(|entry| *entry == 2);
        assert_eq!(runs.questions, [read("a"), read("new")]);
        assert_eq!(
            find(&runs, &[("a", "2"), ("new", "1")], &mut Vec::new()),
            Found::Run(&2)
        );
    }
}
