//! cert-manager.io: Certificate, CertificateRequest, Issuer, ClusterIssuer.
//! <https://cert-manager.io/docs/reference/api-docs/>, the reasons as in `pkg/apis/certmanager/v1` and `internal/controller/certificates/policies`.

use serde_json::Value;
use windlass_sdk::{State, Verdict};

use crate::condition::{Found, find, stale, unseen};

const LIST: &str = "/status/conditions";

/// A Certificate. `Ready` says whether the Secret holds what the spec wants; `Issuing` is true while a new one is on its way, and
/// false, with the reason, after an attempt that failed. cert-manager tries again after an hour and longer: nobody waits for that.
pub(crate) fn certificate(object: &Value) -> Verdict {
    let issuing = find(object, LIST, "Issuing").current();
    let ready = match find(object, LIST, "Ready") {
        Found::Current(ready) => ready,
        Found::Stale => return stale(),
        Found::Absent => return issuing.map_or_else(unseen, |issuing| issuing.says(State::Progressing)),
    };
    if ready.is_true() {
        // While it is renewed, the one that there is still holds.
        return ready.says(State::Healthy);
    }
    match issuing {
        Some(issuing) if issuing.is_true() => issuing.says(State::Progressing),
        Some(issuing) if issuing.is_false() => issuing.says(State::Degraded),
        _ if ready.reason() == "Expired" => ready.says(State::Degraded),
        _ => ready.says(State::Progressing),
    }
}

/// A CertificateRequest: one attempt, final once it failed, was denied or can't be understood.
pub(crate) fn request(object: &Value) -> Verdict {
    for kind in ["Denied", "InvalidRequest"] {
        if let Some(refused) = find(object, LIST, kind).current().filter(|refused| refused.is_true()) {
            return refused.says(State::Degraded);
        }
    }
    let ready = match find(object, LIST, "Ready") {
        Found::Current(ready) => ready,
        Found::Stale => return stale(),
        Found::Absent => return unseen(),
    };
    if ready.is_true() {
        return ready.says(State::Healthy);
    }
    match ready.reason() {
        "Failed" | "Denied" => ready.says(State::Degraded),
        _ => ready.says(State::Progressing),
    }
}

/// An Issuer or ClusterIssuer. `Ready` is false when the account can't be registered or the key can't be read; a name server or
/// a Secret that is away for a moment looks the same, and is told so by the message.
pub(crate) fn issuer(object: &Value) -> Verdict {
    match find(object, LIST, "Ready") {
        Found::Current(ready) if ready.is_true() => ready.says(State::Healthy),
        Found::Current(ready) if ready.is_false() => ready.says(State::Degraded),
        Found::Current(ready) => ready.says(State::Progressing),
        Found::Stale => stale(),
        Found::Absent => unseen(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{Case, check};

    fn object(kind: &str, conditions: &[[&str; 4]]) -> serde_json::Value {
        crate::testing::object(
            &format!("cert-manager.io/v1 {kind}"),
            &json!({"conditions": list(conditions)}),
        )
    }

    /// Type, status, reason, and the generation that it is about.
    fn list(conditions: &[[&str; 4]]) -> Vec<serde_json::Value> {
        crate::testing::conditions(conditions)
    }

    #[test]
    fn certificates() {
        let of = |conditions: &[[&str; 4]]| object("Certificate", conditions);
        check(&[
            Case::new(
                "no status yet",
                crate::testing::object("cert-manager.io/v1 Certificate", &json!({})),
                "progressing",
                "NoStatus",
            ),
            Case::new(
                "first, before the Secret is there",
                of(&[
                    ["Ready", "False", "DoesNotExist", "2"],
                    ["Issuing", "True", "DoesNotExist", "2"],
                ]),
                "progressing",
                "DoesNotExist at /status/conditions/1",
            ),
            Case::new(
                "noticed, and issuing has not begun",
                of(&[["Ready", "False", "DoesNotExist", "2"]]),
                "progressing",
                "DoesNotExist at /status/conditions/0",
            ),
            Case::new(
                "issued",
                of(&[["Ready", "True", "Ready", "2"]]),
                "healthy",
                "Ready at /status/conditions/0",
            ),
            Case::new(
                "renewed while it still holds",
                of(&[["Ready", "True", "Ready", "2"], ["Issuing", "True", "Renewing", "2"]]),
                "healthy",
                "Ready at /status/conditions/0",
            ),
            Case::new(
                "a renewal failed while it still holds",
                of(&[["Issuing", "False", "Failed", "2"], ["Ready", "True", "Ready", "2"]]),
                "healthy",
                "Ready at /status/conditions/1",
            ),
            Case::new(
                "the first attempt failed",
                of(&[
                    ["Issuing", "False", "Failed", "2"],
                    ["Ready", "False", "DoesNotExist", "2"],
                ]),
                "degraded",
                "Failed at /status/conditions/0",
            ),
            Case::new(
                "the request was denied",
                of(&[
                    ["Issuing", "False", "Denied", "2"],
                    ["Ready", "False", "DoesNotExist", "2"],
                ]),
                "degraded",
                "Denied at /status/conditions/0",
            ),
            Case::new(
                "ran out",
                of(&[["Ready", "False", "Expired", "2"]]),
                "degraded",
                "Expired at /status/conditions/0",
            ),
            Case::new(
                "ran out, and a new one is on its way",
                of(&[["Ready", "False", "Expired", "2"], ["Issuing", "True", "Renewing", "2"]]),
                "progressing",
                "Renewing at /status/conditions/1",
            ),
            Case::new(
                "changed, and not seen yet",
                of(&[["Ready", "True", "Ready", "1"]]),
                "progressing",
                "LatestGenerationNotObserved",
            ),
            Case::new(
                "changed: an old failure says nothing of it",
                of(&[
                    ["Ready", "False", "RequestChanged", "2"],
                    ["Issuing", "False", "Failed", "1"],
                ]),
                "progressing",
                "RequestChanged at /status/conditions/0",
            ),
            Case::new(
                "another issuer's",
                of(&[
                    ["Ready", "False", "IncorrectIssuer", "2"],
                    ["Issuing", "True", "IncorrectIssuer", "2"],
                ]),
                "progressing",
                "IncorrectIssuer at /status/conditions/1",
            ),
        ]);
    }

    #[test]
    fn requests() {
        let of = |conditions: &[[&str; 4]]| object("CertificateRequest", conditions);
        check(&[
            Case::new("new", of(&[]), "progressing", "NoStatus"),
            Case::new(
                "not approved yet",
                of(&[["Ready", "False", "Pending", ""]]),
                "progressing",
                "Pending at /status/conditions/0",
            ),
            Case::new(
                "approved, and on its way",
                of(&[
                    ["Approved", "True", "cert-manager.io", ""],
                    ["Ready", "False", "Pending", ""],
                ]),
                "progressing",
                "Pending at /status/conditions/1",
            ),
            Case::new(
                "issued",
                of(&[
                    ["Approved", "True", "cert-manager.io", ""],
                    ["Ready", "True", "Issued", ""],
                ]),
                "healthy",
                "Issued at /status/conditions/1",
            ),
            Case::new(
                "denied",
                of(&[["Denied", "True", "policy", ""], ["Ready", "False", "Denied", ""]]),
                "degraded",
                "policy at /status/conditions/0",
            ),
            Case::new(
                "failed",
                of(&[["Ready", "False", "Failed", ""]]),
                "degraded",
                "Failed at /status/conditions/0",
            ),
            Case::new(
                "not to be understood",
                of(&[
                    ["InvalidRequest", "True", "BadKey", ""],
                    ["Ready", "False", "Pending", ""],
                ]),
                "degraded",
                "BadKey at /status/conditions/0",
            ),
        ]);
    }

    #[test]
    fn issuers() {
        for kind in ["Issuer", "ClusterIssuer"] {
            let of = |conditions: &[[&str; 4]]| object(kind, conditions);
            check(&[
                Case::new("new", of(&[]), "progressing", "NoStatus"),
                Case::new(
                    "registered",
                    of(&[["Ready", "True", "ACMEAccountRegistered", "2"]]),
                    "healthy",
                    "ACMEAccountRegistered at /status/conditions/0",
                ),
                Case::new(
                    "its server is none",
                    of(&[["Ready", "False", "ErrRegisterACMEAccount", "2"]]),
                    "degraded",
                    "ErrRegisterACMEAccount at /status/conditions/0",
                ),
                Case::new(
                    "mended, and not seen yet",
                    of(&[["Ready", "False", "ErrInitIssuer", "1"]]),
                    "progressing",
                    "LatestGenerationNotObserved",
                ),
                Case::new(
                    "undecided",
                    of(&[["Ready", "Unknown", "", "2"]]),
                    "progressing",
                    "Ready at /status/conditions/0",
                ),
            ]);
        }
    }
}
