//! gateway.networking.k8s.io: GatewayClass, Gateway and the routes.
//! <https://gateway-api.sigs.k8s.io/reference/spec/>; the reasons as in `apis/v1/*_types.go`. Conditions of new objects are defaults of
//! their definitions: `Unknown`, reason `Pending`.

use serde_json::Value;
use windlass_sdk::{State, Verdict};

use crate::{
    condition::{Condition, Found, find, stale, unseen},
    verdict,
};

/// Reasons that pass by themselves: a controller that has not come to it, an address that is being given out, a backend that is
/// applied in the same moment.
const PASSING: [&str; 6] = [
    "Pending",
    "NotReconciled",
    "AddressNotAssigned",
    "NoResources",
    "BackendNotFound",
    "Waiting",
];

/// What one condition that should be true leaves to be said.
enum Word<'v> {
    /// It is true.
    Good(Condition<'v>),
    /// It isn't.
    Said(Verdict),
    /// There is none.
    Nothing,
}

fn wanted<'v>(object: &'v Value, list: &'v str, kind: &str) -> Word<'v> {
    let condition = match find(object, list, kind) {
        Found::Current(condition) => condition,
        Found::Stale => return Word::Said(stale()),
        Found::Absent => return Word::Nothing,
    };
    if condition.is_true() {
        return Word::Good(condition);
    }
    let passes = !condition.is_false() || PASSING.contains(&condition.reason());
    Word::Said(condition.says(if passes { State::Progressing } else { State::Degraded }))
}

/// A GatewayClass: `Accepted` by the controller that it names.
pub(crate) fn class(object: &Value) -> Verdict {
    match wanted(object, "/status/conditions", "Accepted") {
        Word::Good(accepted) => accepted.says(State::Healthy),
        Word::Said(verdict) => verdict,
        Word::Nothing => unseen(),
    }
}

/// A Gateway: `Accepted`, then `Programmed` into what carries its traffic, then each of its listeners, whose conditions say what
/// the Gateway's own leave out (a certificate that isn't there).
pub(crate) fn gateway(object: &Value) -> Verdict {
    let list = "/status/conditions";
    let accepted = match wanted(object, list, "Accepted") {
        Word::Good(accepted) => accepted,
        Word::Said(verdict) => return verdict,
        Word::Nothing => return unseen(),
    };
    if let Some(verdict) = listeners(object).filter(|verdict| verdict.state == State::Degraded) {
        return verdict;
    }
    match wanted(object, list, "Programmed") {
        Word::Good(programmed) => listeners(object).unwrap_or_else(|| programmed.says(State::Healthy)),
        Word::Said(verdict) => verdict,
        Word::Nothing => accepted.says(State::Progressing),
    }
}

/// What is wrong with a listener: the first that waiting won't mend, else the first that is on its way.
fn listeners(object: &Value) -> Option<Verdict> {
    let listeners = object.pointer("/status/listeners").and_then(Value::as_array)?;
    let verdicts = listeners.iter().enumerate().filter_map(|(index, listener)| {
        let list = format!("/status/listeners/{index}/conditions");
        let named = |verdict: Verdict| Verdict {
            message: format!(
                "listener `{}`: {}",
                listener["name"].as_str().unwrap_or_default(),
                verdict.message
            ),
            ..verdict
        };
        if let Some(conflict) = find(object, &list, "Conflicted").current().filter(Condition::is_true) {
            return Some(named(conflict.says(State::Degraded)));
        }
        let said =
            ["Accepted", "ResolvedRefs", "Programmed"]
                .into_iter()
                .find_map(|kind| match wanted(object, &list, kind) {
                    Word::Said(verdict) => Some(verdict),
                    Word::Good(_) | Word::Nothing => None,
                });
        said.map(named)
    });
    worst(verdicts)
}

/// A route: each parent that it names has accepted it and found what it refers to. A Gateway's controller adds its own entry per
/// parent; one that it doesn't serve never gets one.
pub(crate) fn route(object: &Value) -> Verdict {
    let entries = object
        .pointer("/status/parents")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let parents = object
        .pointer("/spec/parentRefs")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    if parents.is_empty() {
        return verdict(
            State::Healthy,
            "NoParents",
            "it names no parent, so nothing is to be done for it",
        );
    }
    let of_entries = entries.iter().enumerate().filter_map(|(index, _)| entry(object, index));
    if let Some(verdict) = worst(of_entries) {
        return verdict;
    }
    let is_answered = |parent: &&Value| entries.iter().any(|entry| same_parent(parent, &entry["parentRef"]));
    if let Some(silent) = parents.iter().find(|parent| !is_answered(parent)) {
        let name = silent["name"].as_str().unwrap_or_default();
        return verdict(
            State::Progressing,
            "NoParentStatus",
            &format!("the parent `{name}` has not answered: is it there, and does a controller serve it?"),
        );
    }
    verdict(State::Healthy, "Accepted", "every parent has accepted it")
}

/// What is wrong with the answer of one parent.
fn entry(object: &Value, index: usize) -> Option<Verdict> {
    let list = format!("/status/parents/{index}/conditions");
    let parent = &object["status"]["parents"][index]["parentRef"]["name"];
    let named = |verdict: Verdict| Verdict {
        message: format!("parent `{}`: {}", parent.as_str().unwrap_or_default(), verdict.message),
        ..verdict
    };
    for kind in ["Accepted", "ResolvedRefs"] {
        match wanted(object, &list, kind) {
            Word::Good(_) => {}
            Word::Said(verdict) => return Some(named(verdict)),
            Word::Nothing => return Some(named(unseen())),
        }
    }
    let partly = find(object, &list, "PartiallyInvalid")
        .current()
        .filter(Condition::is_true);
    partly.map(|condition| named(condition.says(State::Degraded)))
}

/// What a reference leaves out is the same on both sides.
fn same_parent(wanted: &Value, answered: &Value) -> bool {
    ["name", "sectionName", "port"]
        .into_iter()
        .all(|field| wanted[field] == answered[field])
        && (wanted["namespace"].is_null() || wanted["namespace"] == answered["namespace"])
}

fn worst(verdicts: impl Iterator<Item = Verdict>) -> Option<Verdict> {
    let mut first = None;
    for verdict in verdicts {
        if verdict.state == State::Degraded {
            return Some(verdict);
        }
        first.get_or_insert(verdict);
    }
    first
}

#[cfg(test)]
mod tests;
