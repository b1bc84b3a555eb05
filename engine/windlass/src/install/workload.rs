//! The controller itself.

use serde_json::{Value, json};

use super::{NAME, Options, labels, namespaced, network::PORT, selector, storage::CLAIM};

/// Nobody's user and group, in the image too: no name, no home, no rights.
const USER: u32 = 65532;

/// Where the volume is. The state is a folder in it: the engine gives its folders to nobody else, and a volume's own has its group.
const VOLUME: &str = "/var/lib/windlass";
const STATE: &str = "/var/lib/windlass/state";
/// Where the image has the first-party plugins.
const PLUGINS: &str = "/usr/lib/windlass/plugins";
const PROGRAM: &str = "/usr/bin/windlass";

pub(super) fn objects(options: &Options) -> [Value; 2] {
    [disruptions(options), deployment(options)]
}

/// A drain is never held up: what Apps own is in the cluster, others take over, and where there are none Apps stay as they are while nobody
/// looks. It says so to whoever looks for a budget.
fn disruptions(options: &Options) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": namespaced(options, NAME),
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector()},
        },
    })
}

fn deployment(options: &Options) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": namespaced(options, NAME),
        "spec": {
            "replicas": options.replicas,
            "strategy": strategy(options),
            "selector": {"matchLabels": selector()},
            "template": {
                "metadata": {"labels": labels(options)},
                "spec": pod(options),
            },
        },
    })
}

fn strategy(options: &Options) -> Value {
    if options.replicas == 1 {
        // The old one lets go of the volume before the new one takes it.
        json!({"type": "Recreate"})
    } else {
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}})
    }
}

/// One has a volume, so that neither a restart nor an upgrade compiles plugins or fetches everything anew. Several have one each that goes
/// with the pod: what Apps own is in the cluster.
fn state(options: &Options) -> Value {
    if options.replicas == 1 {
        json!({"name": "state", "persistentVolumeClaim": {"claimName": CLAIM}})
    } else {
        json!({"name": "state", "emptyDir": {"sizeLimit": options.storage}})
    }
}

fn pod(options: &Options) -> Value {
    json!({
        "serviceAccountName": NAME,
        "automountServiceAccountToken": true,
        "enableServiceLinks": false,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": true,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            // `Always` would open the secret to the group at every start, and the engine refuses one that is open.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container(options)],
        "volumes": [
            state(options),
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
        ],
    })
}

fn container(options: &Options) -> Value {
    let probe = |path: &str, period: u32, failures: u32| {
        json!({
            "httpGet": {"path": path, "port": "http"},
            "periodSeconds": period,
            "timeoutSeconds": 5,
            "failureThreshold": failures,
        })
    };
    json!({
        "name": "controller",
        "image": options.image,
        "imagePullPolicy": "IfNotPresent",
        "command": [PROGRAM],
        "args": [
            "controller",
            format!("--namespace={}", options.namespace),
            format!("--state={STATE}"),
            format!("--plugins={PLUGINS}"),
            format!("--listen=0.0.0.0:{PORT}"),
        ],
        // What has no home folder has none of its settings either.
        "env": [{"name": "HOME", "value": "/tmp"}],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        // Five minutes: the first start may read a large state.
        "startupProbe": probe("/healthz", 5, 60),
        "livenessProbe": probe("/healthz", 10, 3),
        "readinessProbe": probe("/readyz", 10, 3),
        // No limit of the processor: compiling a plugin takes all of it for a minute, once. Of memory it takes some 2 GiB then.
        "resources": {
            "requests": {"cpu": "100m", "memory": "512Mi"},
            "limits": {"memory": "4Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "state", "mountPath": VOLUME},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    })
}
