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
