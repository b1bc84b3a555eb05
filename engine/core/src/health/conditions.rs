//! `status.conditions`, as kinds agree on them.

use serde_json::Value;

use super::{Verdict, text};

/// One of an object's conditions.
#[derive(Clone, Copy)]
pub(super) struct Condition<'v> {
    kind: &'v str,
    value: &'v Value,
}

impl<'v> Condition<'v> {
    /// That of a type, if the object has it.
    pub(super) fn of(object: &'v Value, kind: &'v str) -> Option<Self> {
        let all = object.pointer("/status/conditions")?.as_array()?;
        let value = all.iter().find(|condition| text(condition, "/type") == kind)?;
        Some(Self { kind, value })
    }

    /// That of a type, if it is true.
    pub(super) fn met(object: &'v Value, kind: &'v str) -> Option<Self> {
        Self::of(object, kind).filter(|condition| condition.is("True"))
    }

    /// That of a type, if it is false: not if it is unknown.
    pub(super) fn failed(object: &'v Value, kind: &'v str) -> Option<Self> {
        Self::of(object, kind).filter(|condition| condition.is("False"))
    }

    fn is(self, status: &str) -> bool {
        text(self.value, "/status") == status
    }

    /// Its reason, or its type where it gives none.
    pub(super) fn reason(self) -> &'v str {
        match text(self.value, "/reason") {
            "" => self.kind,
            reason => reason,
        }
    }

    /// What it says, behind what we say of it.
    pub(super) fn told(self, ours: &str) -> String {
        let words: Vec<&str> = [text(self.value, "/reason"), text(self.value, "/message")]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        if words.is_empty() {
            ours.to_owned()
        } else {
            format!("{ours}: {}", words.join(": "))
        }
    }
}

/// Healthy exactly when a condition is true; on its way otherwise.
pub(super) fn demand(object: &Value, kind: &str) -> Verdict {
    match Condition::of(object, kind) {
        Some(condition) if condition.is("True") => Verdict::healthy(format!("it is {kind}")),
        Some(condition) => Verdict::progressing(condition.reason(), condition.told(&format!("it is not {kind} yet"))),
        None => Verdict::progressing(format!("Not{kind}"), format!("it is not {kind} yet")),
    }
}

/// Degraded when a condition is true.
pub(super) fn deny(object: &Value, kind: &str) -> Option<Verdict> {
    let found = Condition::met(object, kind)?;
    Some(Verdict::degraded(found.reason(), found.told(&format!("it is {kind}"))))
}
