//! What extends the API server, and is watched over by it.

use serde_json::Value;

use super::{
    Verdict,
    conditions::{Condition, demand, deny},
};

pub(super) fn assess(kind: &str, object: &Value) -> Option<Verdict> {
    let verdict = match kind {
        "CustomResourceDefinition" => definition(object),
        "APIService" => demand(object, "Available"),
        "CertificateSigningRequest" => request(object),
        // Dangling: it names a priority level that isn't there, so that its requests go elsewhere.
        "FlowSchema" => deny(object, "Dangling").unwrap_or_else(|| Verdict::healthy("it is there")),
        _ => return None,
    };
    Some(verdict)
}

fn definition(object: &Value) -> Verdict {
    if let Some(names) = Condition::failed(object, "NamesAccepted") {
        return Verdict::degraded(names.reason(), names.told("its names are not accepted"));
    }
    demand(object, "Established")
}

fn request(object: &Value) -> Verdict {
    if let Some(bad) = deny(object, "Failed").or_else(|| deny(object, "Denied")) {
        return bad;
    }
    if object["status"]["certificate"]
        .as_str()
        .is_some_and(|text| !text.is_empty())
    {
        return Verdict::healthy("its certificate is issued");
    }
    let approved = Condition::met(object, "Approved").is_some();
    if approved {
        Verdict::progressing("NotIssued", "it is approved, and its certificate is not issued yet")
    } else {
        Verdict::progressing("NotApproved", "nobody has approved it yet")
    }
}
