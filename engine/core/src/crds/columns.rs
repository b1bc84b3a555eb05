//! What `kubectl get` prints.

use serde_json::{Value, json};

/// The columns of a kind, the age last.
pub(super) fn of(kind: &str) -> Value {
    let columns: &[(&str, &str, bool)] = match kind {
        "Repository" => &[
            ("URL", ".spec.git.url", true),
            ("Revision", ".status.revision", true),
            ("Ready", READY, true),
            ("Message", MESSAGE, false),
        ],
        "App" => &[
            ("Ready", READY, true),
            ("Health", ".status.conditions[?(@.type==\"Healthy\")].reason", true),
            ("Revision", ".status.revision", true),
            ("Repository", ".spec.repository", true),
            ("Hold", ".status.hold.kind", false),
            ("Cluster", ".spec.target.cluster", false),
            ("Namespace", ".spec.target.namespace", false),
            ("Message", MESSAGE, false),
        ],
        "Plugin" => &[
            ("Versions", ".spec.versions[*].version", true),
            ("Ready", READY, true),
            ("Message", MESSAGE, false),
        ],
        "Tenant" => &[
            ("Names", ".spec.namespaces.names", true),
            ("Ready", READY, true),
            ("Message", MESSAGE, false),
        ],
        "Cluster" => &[
            ("Ready", READY, true),
            ("Version", ".status.version", true),
            ("Message", MESSAGE, false),
        ],
        _ => &[
            ("Revision", ".spec.targets[0].inventory.revision", true),
            ("Writer", ".spec.writer.replica", false),
        ],
    };
    let column = |(name, path, is_narrow): &(&str, &str, bool)| {
        let mut column = json!({"name": name, "type": "string", "jsonPath": path});
        if !is_narrow {
            // `-o wide` only.
            column["priority"] = json!(1);
        }
        column
    };
    let age = json!({"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"});
    columns.iter().map(column).chain([age]).collect()
}

const READY: &str = ".status.conditions[?(@.type==\"Ready\")].status";
const MESSAGE: &str = ".status.conditions[?(@.type==\"Ready\")].message";
