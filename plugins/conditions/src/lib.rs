//! Health of kinds whose conditions have to be read: cert-manager's, and those of the Gateway API.
//!
//! Each file is the API of one project, with its words as its documentation has them. What a condition says counts only when it
//! is about the object's present generation. `Degraded` is what waiting alone won't mend; what comes right by itself once
//! something else is there (an address, a Service that is applied a second later) is `Progressing`.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod cert_manager;
mod condition;
mod gateway;
#[cfg(test)]
mod testing;

use serde_json::Value;
use windlass_sdk::{Failure, HealthChecker, ObjectSet, State, Verdict};

/// The plugin.
#[derive(Debug)]
pub struct Conditions;

impl HealthChecker for Conditions {
    fn assess(objects: &ObjectSet) -> Result<Vec<Verdict>, Failure> {
        let len = objects.len();
        let mut verdicts = Vec::new();
        while let Some(start) = u32::try_from(verdicts.len()).ok().filter(|start| *start < len) {
            let page = objects.bodies(start, PAGE_BYTES);
            if page.is_empty() {
                break;
            }
            verdicts.extend(page.iter().map(|body| assess_text(body)));
        }
        Ok(verdicts)
    }
}

windlass_sdk::health_checker!(Conditions);

/// Bytes asked for at a time: as many as the contract allows.
const PAGE_BYTES: u32 = 256 << 10;

fn assess_text(body: &str) -> Verdict {
    match serde_json::from_str(body) {
        Ok(object) => assess(&object),
        Err(error) => verdict(
            State::Unknown,
            "Unreadable",
            &format!("the object can't be read: {error}"),
        ),
    }
}

/// Where an object stands.
fn assess(object: &Value) -> Verdict {
    let group = object["apiVersion"]
        .as_str()
        .and_then(|version| version.split_once('/'));
    let kind = object["kind"].as_str().unwrap_or_default();
    match (group.map(|(group, _)| group), kind) {
        (Some("cert-manager.io"), "Certificate") => cert_manager::certificate(object),
        (Some("cert-manager.io"), "CertificateRequest") => cert_manager::request(object),
        (Some("cert-manager.io"), "Issuer" | "ClusterIssuer") => cert_manager::issuer(object),
        (Some("gateway.networking.k8s.io"), "GatewayClass") => gateway::class(object),
        (Some("gateway.networking.k8s.io"), "Gateway") => gateway::gateway(object),
        (Some("gateway.networking.k8s.io"), "HTTPRoute" | "GRPCRoute" | "TLSRoute" | "TCPRoute" | "UDPRoute") => {
            gateway::route(object)
        }
        _ => verdict(
            State::Unknown,
            "UnknownKind",
            "this kind is none of those that are known here",
        ),
    }
}

fn verdict(state: State, reason: &str, message: &str) -> Verdict {
    Verdict {
        state,
        reason: reason.to_owned(),
        message: message.to_owned(),
        at: None,
    }
}
