//! How a client is told of a cluster.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

/// The text of a kubeconfig that names no file: it can be put into a Secret, and read by what refuses paths.
pub(super) fn with_token(server: &str, authority: &str, token: &str) -> String {
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "cluster",
        "clusters": [{"name": "cluster", "cluster": {
            "server": server,
            "certificate-authority-data": BASE64_STANDARD.encode(authority),
        }}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "user"}}],
    });
    config.to_string()
}
