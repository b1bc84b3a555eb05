//! Who reaches the controller, and what it reaches.

use serde_json::{Value, json};

use super::{NAME, Options, namespaced, selector};

/// Of probes and metrics.
pub(super) const PORT: u16 = 8080;

pub(super) fn objects(options: &Options) -> [Value; 2] {
    [service(options), policy(options)]
}

fn service(options: &Options) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": namespaced(options, NAME),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(),
            "ports": [{"name": "metrics", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    })
}

/// Policies add up: for a git server, a proxy or a receiver of notifications at another port, somebody writes another one.
fn policy(options: &Options) -> Value {
    let tcp = |port: u16| json!({"port": port, "protocol": "TCP"});
    json!({
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": namespaced(options, NAME),
        "spec": {
            "podSelector": {"matchLabels": selector()},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"ports": [tcp(PORT)]}],
            "egress": [
                {"ports": [tcp(53), {"port": 53, "protocol": "UDP"}]},
                // Git over https and ssh, and API servers: policies are held against the port behind a Service, mostly 443 or 6443.
                {"ports": [tcp(22), tcp(443), tcp(6443)]},
            ],
        },
    })
}
