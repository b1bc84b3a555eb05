//! Where the controller runs.

use serde_json::{Value, json};

use super::{Options, metadata};

/// What Pod Security admits there; the controller needs nothing more.
const LEVEL: &str = "restricted";

pub(super) fn namespace(options: &Options) -> Value {
    let mut metadata = metadata(options, &options.namespace);
    for mode in ["enforce", "audit", "warn"] {
        metadata["labels"][format!("pod-security.kubernetes.io/{mode}")] = json!(LEVEL);
        metadata["labels"][format!("pod-security.kubernetes.io/{mode}-version")] = json!("latest");
    }
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}
