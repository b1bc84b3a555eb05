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
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{Case, check, conditions, object};

    fn of(kind: &str, list: &[[&str; 4]]) -> Value {
        object(
            &format!("gateway.networking.k8s.io/v1 {kind}"),
            &json!({"conditions": conditions(list)}),
        )
    }

    #[test]
    fn classes() {
        let of = |list: &[[&str; 4]]| of("GatewayClass", list);
        check(&[
            Case::new(
                "as it is made",
                of(&[["Accepted", "Unknown", "Waiting", ""]]),
                "progressing",
                "Waiting at /status/conditions/0",
            ),
            Case::new(
                "accepted",
                of(&[["Accepted", "True", "Accepted", "2"]]),
                "healthy",
                "Accepted at /status/conditions/0",
            ),
            Case::new(
                "bad parameters",
                of(&[["Accepted", "False", "InvalidParameters", "2"]]),
                "degraded",
                "InvalidParameters at /status/conditions/0",
            ),
            Case::new(
                "changed",
                of(&[["Accepted", "True", "Accepted", "1"]]),
                "progressing",
                "LatestGenerationNotObserved",
            ),
        ]);
    }

    #[test]
    fn gateways() {
        let with = |list: &[[&str; 4]], listener: &[[&str; 4]]| {
            let mut gateway = of("Gateway", list);
            gateway["status"]["listeners"] = json!([
                {"name": "http", "conditions": conditions(&[["Programmed", "True", "Programmed", "2"]])},
                {"name": "https", "conditions": conditions(listener)},
            ]);
            gateway
        };
        let good = [
            ["Accepted", "True", "Accepted", "2"],
            ["Programmed", "True", "Programmed", "2"],
        ];
        check(&[
            Case::new(
                "no status",
                object("gateway.networking.k8s.io/v1 Gateway", &json!({})),
                "progressing",
                "NoStatus",
            ),
            Case::new(
                "as it is made",
                of(
                    "Gateway",
                    &[
                        ["Accepted", "Unknown", "Pending", ""],
                        ["Programmed", "Unknown", "Pending", ""],
                    ],
                ),
                "progressing",
                "Pending at /status/conditions/0",
            ),
            Case::new(
                "no address yet",
                of(
                    "Gateway",
                    &[
                        ["Accepted", "True", "Accepted", "2"],
                        ["Programmed", "False", "AddressNotAssigned", "2"],
                    ],
                ),
                "progressing",
                "AddressNotAssigned at /status/conditions/1",
            ),
            Case::new(
                "an address that it can't have",
                of(
                    "Gateway",
                    &[
                        ["Accepted", "True", "Accepted", "2"],
                        ["Programmed", "False", "AddressNotUsable", "2"],
                    ],
                ),
                "degraded",
                "AddressNotUsable at /status/conditions/1",
            ),
            Case::new(
                "not valid",
                of(
                    "Gateway",
                    &[
                        ["Accepted", "False", "Invalid", "2"],
                        ["Programmed", "False", "Invalid", "2"],
                    ],
                ),
                "degraded",
                "Invalid at /status/conditions/0",
            ),
            Case::new(
                "accepted, and not programmed yet",
                of("Gateway", &[["Accepted", "True", "Accepted", "2"]]),
                "progressing",
                "Accepted at /status/conditions/0",
            ),
            Case::new(
                "in service",
                of("Gateway", &good),
                "healthy",
                "Programmed at /status/conditions/1",
            ),
            Case::new(
                "in service with its listeners",
                with(
                    &good,
                    &[
                        ["Accepted", "True", "Accepted", "2"],
                        ["ResolvedRefs", "True", "ResolvedRefs", "2"],
                        ["Conflicted", "False", "NoConflicts", "2"],
                    ],
                ),
                "healthy",
                "Programmed at /status/conditions/1",
            ),
            Case::new(
                "a certificate that isn't there",
                with(&good, &[["ResolvedRefs", "False", "InvalidCertificateRef", "2"]]),
                "degraded",
                "InvalidCertificateRef at /status/listeners/1/conditions/0",
            ),
            Case::new(
                "a listener says why it isn't programmed",
                with(
                    &[
                        ["Accepted", "True", "ListenersNotValid", "2"],
                        ["Programmed", "False", "Pending", "2"],
                    ],
                    &[["Conflicted", "True", "HostnameConflict", "2"]],
                ),
                "degraded",
                "HostnameConflict at /status/listeners/1/conditions/0",
            ),
            Case::new(
                "a listener is on its way",
                with(&good, &[["Programmed", "False", "Pending", "2"]]),
                "progressing",
                "Pending at /status/listeners/1/conditions/0",
            ),
            Case::new(
                "changed, and not seen yet",
                of(
                    "Gateway",
                    &[
                        ["Accepted", "True", "Accepted", "2"],
                        ["Programmed", "True", "Programmed", "1"],
                    ],
                ),
                "progressing",
                "LatestGenerationNotObserved",
            ),
        ]);
    }

    fn route(kind: &str, parents: &Value, answers: &[(Value, &[[&str; 4]])]) -> Value {
        let entry = |(parent, list): &(Value, &[[&str; 4]])| json!({"parentRef": parent, "controllerName": "example.org/gateway", "conditions": conditions(list)});
        let entries: Vec<Value> = answers.iter().map(entry).collect();
        let status = if entries.is_empty() {
            json!({})
        } else {
            json!({"parents": entries})
        };
        let mut route = object(&format!("gateway.networking.k8s.io/v1 {kind}"), &status);
        route["spec"] = json!({"parentRefs": parents});
        route
    }

    #[test]
    fn routes() {
        let good: &[[&str; 4]] = &[
            ["Accepted", "True", "Accepted", "2"],
            ["ResolvedRefs", "True", "ResolvedRefs", "2"],
        ];
        for kind in ["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"] {
            let one = |list: &[[&str; 4]]| route(kind, &json!([{"name": "web"}]), &[(json!({"name": "web"}), list)]);
            check(&[
                Case::new(
                    "no answer yet",
                    route(kind, &json!([{"name": "web"}]), &[]),
                    "progressing",
                    "NoParentStatus",
                ),
                Case::new("nobody's", route(kind, &json!([]), &[]), "healthy", "NoParents"),
                Case::new("accepted", one(good), "healthy", "Accepted"),
                Case::new(
                    "the listener refuses it",
                    one(&[
                        ["Accepted", "False", "NotAllowedByListeners", "2"],
                        ["ResolvedRefs", "True", "ResolvedRefs", "2"],
                    ]),
                    "degraded",
                    "NotAllowedByListeners at /status/parents/0/conditions/0",
                ),
                Case::new(
                    "its Service is applied a second later",
                    one(&[
                        ["Accepted", "True", "Accepted", "2"],
                        ["ResolvedRefs", "False", "BackendNotFound", "2"],
                    ]),
                    "progressing",
                    "BackendNotFound at /status/parents/0/conditions/1",
                ),
                Case::new(
                    "it may not refer there",
                    one(&[
                        ["ResolvedRefs", "False", "RefNotPermitted", "2"],
                        ["Accepted", "True", "Accepted", "2"],
                    ]),
                    "degraded",
                    "RefNotPermitted at /status/parents/0/conditions/0",
                ),
                Case::new(
                    "a part of it counts only",
                    one(&[good[0], good[1], ["PartiallyInvalid", "True", "UnsupportedValue", "2"]]),
                    "degraded",
                    "UnsupportedValue at /status/parents/0/conditions/2",
                ),
                Case::new("half an answer", one(&[good[0]]), "progressing", "NoStatus"),
                Case::new(
                    "changed, and not seen yet",
                    one(&[
                        ["Accepted", "True", "Accepted", "1"],
                        ["ResolvedRefs", "True", "ResolvedRefs", "1"],
                    ]),
                    "progressing",
                    "LatestGenerationNotObserved",
                ),
                Case::new(
                    "one of two parents is silent",
                    route(
                        kind,
                        &json!([{"name": "web", "sectionName": "http"}, {"name": "web", "sectionName": "https"}]),
                        &[(
                            json!({"name": "web", "namespace": "infra", "sectionName": "http"}),
                            good,
                        )],
                    ),
                    "progressing",
                    "NoParentStatus",
                ),
                Case::new(
                    "of two parents, the worse is told",
                    route(
                        kind,
                        &json!([{"name": "a"}, {"name": "b"}]),
                        &[
                            (json!({"name": "a"}), &[["Accepted", "Unknown", "Pending", ""]]),
                            (json!({"name": "b"}), &[["Accepted", "False", "NoMatchingParent", "2"]]),
                        ],
                    ),
                    "degraded",
                    "NoMatchingParent at /status/parents/1/conditions/0",
                ),
            ]);
        }
    }
}
