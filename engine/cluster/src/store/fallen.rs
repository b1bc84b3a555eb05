//! Objects that failed and are gone: who looks for one only then would take it for cleaned up.

use std::collections::VecDeque;

use windlass_core::health::{State, Verdict};

use super::entry::Entry;

/// The last of them. Whoever waits for one looks within a minute; the threat is a Job that fails and is deleted all day long.
const MOST: usize = 256;

#[derive(Default)]
pub(super) struct Fallen(VecDeque<(Box<str>, Verdict)>);

impl Fallen {
    /// Takes note of an object that went.
    pub(super) fn note(&mut self, entry: &Entry) {
        let Some(verdict) = entry.verdict().filter(|verdict| verdict.state == State::Degraded) else {
            return;
        };
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back((entry.uid().into(), verdict.clone()));
    }

    pub(super) fn of(&self, uid: &str) -> Option<Verdict> {
        let found = self.0.iter().rev().find(|(known, _)| **known == *uid);
        found.map(|(_, verdict)| verdict.clone())
    }
}
