//! The volume of a controller that is alone: mirrors, caches, and the documents that histories go back to.

use serde_json::{Value, json};

use super::{Options, namespaced};

/// Name of the claim.
pub(super) const CLAIM: &str = "windlass-state";

/// A claim that stays: `create-only`, for who makes it larger by hand is not to be set back, and never pruned.
pub(super) fn claim(options: &Options) -> Value {
    let mut metadata = namespaced(options, CLAIM);
    metadata["annotations"] = json!({
        "windlass.dev/apply": "create-only",
        "windlass.dev/prune": "disabled",
    });
    let mut claim = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata,
        "spec": {
            // One node at a time: a folder of state is one process'.
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": options.storage}},
        },
    });
    if let Some(class) = &options.storage_class {
        claim["spec"]["storageClassName"] = json!(class);
    }
    claim
}
